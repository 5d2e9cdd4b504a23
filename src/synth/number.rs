//! Decimal text, written fast: three numbers of every usage row pass through here.
//!
//! Not `model/decimal`, although it writes numbers too: that one spells what the program publishes,
//! this one what Microsoft's files look like, exponents included.

/// Largest power of ten that 64 bits hold: digits are split off in 64 bits, as 128-bit division is
/// slow.
const LARGEST_CHUNK: u128 = 10_u128.pow(19);

/// Appends `value` (units of 10^-`scale`) without trailing zeros; as `7.58469E-05` below 0.0001,
/// the way Microsoft's files spell small numbers. No digit is lost.
pub(super) fn write_number(out: &mut String, value: i128, scale: u32) {
    if value == 0 {
        out.push('0');
        return;
    }
    if value < 0 {
        out.push('-');
    }
    // 40 places, as an `i128` has at most 39 digits.
    let mut buffer = [b'0'; 40];
    let count = fill_digits(&mut buffer, value.unsigned_abs());
    let scale = scale as usize;
    let digits = &buffer[buffer.len() - count..];
    let significant = digits
        .iter()
        .rposition(|digit| *digit != b'0')
        .expect("a number that is not 0 has such a digit")
        + 1;
    // Below 0.0001 Microsoft's files change to an exponent.
    if count + 4 <= scale {
        write_exponent(out, &digits[..significant], scale - count + 1);
        return;
    }
    // The zeros before the digits in the buffer serve as the leading ones of a fraction.
    let width = count.max(scale + 1);
    let all = &buffer[buffer.len() - width..];
    let (whole, fraction) = all.split_at(width - scale);
    push_digits(out, whole);
    if let Some(last) = fraction.iter().rposition(|digit| *digit != b'0') {
        out.push('.');
        push_digits(out, &fraction[..=last]);
    }
}

/// Appends digits as `d.ddE-nn`, at least two digits in the exponent.
fn write_exponent(out: &mut String, digits: &[u8], exponent: usize) {
    push_digits(out, &digits[..1]);
    if digits.len() > 1 {
        out.push('.');
        push_digits(out, &digits[1..]);
    }
    out.push_str("E-");
    if exponent < 10 {
        out.push('0');
    }
    out.push_str(&exponent.to_string());
}

/// Writes the digits of `value`, which is not 0, at the end of a buffer of zeros; their number.
fn fill_digits(buffer: &mut [u8; 40], value: u128) -> usize {
    let mut at = buffer.len();
    let mut rest = value;
    while rest >= LARGEST_CHUNK {
        let low = u64::try_from(rest % LARGEST_CHUNK).expect("19 digits fit 64 bits");
        rest /= LARGEST_CHUNK;
        let end = at - 19;
        // Zeros at the front of a chunk are in the buffer already.
        fill_chunk(buffer, at, low);
        at = end;
    }
    fill_chunk(
        buffer,
        at,
        u64::try_from(rest).expect("19 digits fit 64 bits"),
    );
    let first = buffer.iter().position(|digit| *digit != b'0');
    buffer.len() - first.expect("a number that is not 0 has such a digit")
}

/// Writes the digits of `value` before `end`.
fn fill_chunk(buffer: &mut [u8; 40], end: usize, value: u64) {
    let mut rest = value;
    let mut at = end;
    while rest > 0 {
        at -= 1;
        buffer[at] = b'0' + u8::try_from(rest % 10).expect("a digit");
        rest /= 10;
    }
}

fn push_digits(out: &mut String, digits: &[u8]) {
    out.push_str(std::str::from_utf8(digits).expect("digits are ASCII"));
}

/// `value` in a new text, spelt by [`write_number`].
pub(super) fn number(value: i128, scale: u32) -> String {
    let mut out = String::new();
    write_number(&mut out, value, scale);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::decimal;

    #[test]
    fn no_digit_is_lost() {
        for (value, scale, text) in [
            (0, 15, "0"),
            (75_846_900_000, 15, "7.58469E-05"),
            (1, 6, "1E-06"),
            (100, 6, "0.0001"),
            (-1_250, 2, "-12.5"),
            (24_000_000, 6, "24"),
            (
                123_456_789_012_345_678_901_234_567,
                15,
                "123456789012.345678901234567",
            ),
            (100_000_000_000_000_000_000, 0, "100000000000000000000"),
            (1, 15, "1E-15"),
        ] {
            assert_eq!(number(value, scale), text);
            assert_eq!(
                decimal::parse(text.as_bytes(), scale).unwrap().value,
                value,
                "{text}"
            );
        }
    }
}
