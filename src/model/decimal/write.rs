//! Wide integers to decimal text, with all their decimals or without trailing zeros.

use super::arithmetic::{Rounding, rescale};

/// Appends `value` with all its `scale` decimals, as `-12.3400000000`.
pub fn write_fixed(out: &mut String, value: i128, scale: u32) {
    if value < 0 {
        out.push('-');
    }
    let unit = 10_u128.pow(scale);
    let magnitude = value.unsigned_abs();
    write_padded(out, magnitude / unit, 1);
    if scale > 0 {
        out.push('.');
        write_padded(out, magnitude % unit, scale as usize);
    }
}

/// Appends a number, with zeros in front up to so many digits. `core::fmt` would take most of the
/// time of a table of numbers.
fn write_padded(out: &mut String, number: u128, digits: usize) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(number);
    (text.len()..digits).for_each(|_| out.push('0'));
    out.push_str(text);
}

/// `value` as text with all its `scale` decimals.
#[must_use]
pub fn fixed(value: i128, scale: u32) -> String {
    let mut out = String::new();
    write_fixed(&mut out, value, scale);
    out
}

/// `value` as text without trailing zeros: `12.34`, `0`.
#[must_use]
pub fn plain(value: i128, scale: u32) -> String {
    let mut out = fixed(value, scale);
    // A whole number's zeros are digits.
    if scale > 0 {
        out.truncate(out.trim_end_matches('0').trim_end_matches('.').len());
    }
    out
}

/// `value`, in units of 10^-`scale`, as a person reads money: two decimals, rounded half up, and
/// commas between thousands.
///
/// # Panics
/// For a scale below two: no published amount has one.
#[must_use]
pub fn cents(value: i128, scale: u32) -> String {
    let cents = rescale(value, scale, 2, Rounding::HalfUp);
    let cents = cents.expect("fewer decimals need no more digits");
    // The sign of the rounded number: -0.001 reads 0.00.
    let sign = if cents < 0 { "-" } else { "" };
    let text = fixed(cents.abs(), 2);
    let (whole, fraction) = text.split_once('.').expect("two decimals have a point");
    let mut out = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + "." + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_their_decimals_or_without() {
        assert_eq!(fixed(-5, 3), "-0.005");
        assert_eq!(plain(1_200, 2), "12");
        assert_eq!(plain(100, 0), "100");
        assert_eq!(fixed(0, 10), "0.0000000000");
        for value in [
            0,
            1,
            9,
            10,
            i128::from(u64::MAX),
            i128::from(u64::MAX) + 1,
            i128::MAX,
        ] {
            assert_eq!(fixed(value, 0), value.to_string());
            assert_eq!(fixed(-value, 0), (-value).to_string());
        }
        assert_eq!(fixed(i128::MIN, 0), i128::MIN.to_string());
        let mut power = 1_i128;
        for digits in 1..=38_u32 {
            for value in [power, power - 1, power + 7] {
                let text = format!("{value:0width$}", width = digits as usize + 1);
                let (whole, decimals) = text.split_at(text.len() - digits as usize);
                assert_eq!(fixed(value, digits), format!("{whole}.{decimals}"));
            }
            power = power.saturating_mul(10);
        }
    }
}
