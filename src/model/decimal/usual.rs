//! Decimal text in its usual spellings to wide integers.
//!
//! Every number of every row passes through here. Up to eight digits are taken in one step, and
//! collected in two 64-bit halves, as a 128-bit multiplication for each digit would cost more than
//! all the rest. Wherever something would have to be rounded, guarded or refused, nothing is
//! decided here.

use super::parsed::Parsed;
use super::powers::{LIMIT, MAX_DIGITS, POWERS};

/// The fast path, for the spellings that nearly every cell has: some thirty digits, a point, an
/// exponent of one or two digits, no blanks, no guards, nothing to be rounded. `None` for all
/// others, wrong ones included: they take the slow path.
#[inline]
pub(super) fn parse_usual(text: &[u8], scale: u32) -> Option<Parsed> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    // Up to 19 digits fit 64 bits; most numbers have no more. `high` holds those before the others.
    let (mut high, mut number, mut length) = (None, 0_u64, 0);
    // Bytes behind the point.
    let mut behind = None;
    let mut exponent = 0;
    let mut rest = text;
    let short = short_text(text);
    while let [byte, after @ ..] = rest {
        // The first eight bytes of `rest`, zeros where it has fewer.
        let eight = match rest.first_chunk() {
            Some(eight) => u64::from_le_bytes(*eight),
            // What stands in front of `rest` is shifted out.
            None => short >> (8 * (text.len().min(8) - rest.len())),
        };
        let (count, digits) = leading_digits(eight);
        if count > 0 {
            if length + count > 19 {
                if high.is_some() {
                    return None;
                }
                (high, number, length) = (Some(number), 0, 0);
            }
            // Below 10^19, which 64 bits hold.
            number = number
                .wrapping_mul(TENS[count as usize])
                .wrapping_add(digits);
            length += count;
            rest = &rest[count as usize..];
            continue;
        }
        match byte {
            b'.' if behind.is_none() => behind = Some(after.len()),
            b'e' | b'E' => {
                exponent = usual_exponent(after)?;
                break;
            }
            _ => return None,
        }
        rest = after;
    }
    if length == 0 {
        return None;
    }
    // What is left of the text is its exponent: the bytes before it are digits.
    let decimals = behind.map_or(0, |behind| behind - rest.len());
    let mantissa = match high {
        None => u128::from(number),
        Some(high) => u128::from(high) * POWERS[length as usize] + u128::from(number),
    };
    let exponent = exponent - i32::try_from(decimals).ok()?;
    in_units(mantissa, exponent, negative, scale)
}

/// Mantissa x 10^exponent in units of 10^-`scale`; `None` where something would have to be rounded,
/// and past 38 digits.
#[inline]
fn in_units(mantissa: u128, exponent: i32, negative: bool, scale: u32) -> Option<Parsed> {
    // Before the exponent is looked at: `0.00E+00` and its like are very common.
    if mantissa == 0 {
        return Some(Parsed::ZERO);
    }
    // A negative shift would have to round: it fails the conversion, and the slow path takes over.
    let shift = u32::try_from(exponent + i32::try_from(scale).ok()?)
        .ok()
        .filter(|shift| *shift < MAX_DIGITS)?;
    let magnitude = mantissa
        .checked_mul(POWERS[shift as usize])
        .filter(|magnitude| *magnitude < LIMIT)?;
    let value = i128::try_from(magnitude).ok()?;
    Some(Parsed {
        value: if negative { -value } else { value },
        rounded: false,
        mantissa,
        exponent,
    })
}

/// Powers of ten up to that of eight digits.
const TENS: [u64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// The last eight bytes of a text, or all bytes of a shorter one, the first of them lowest.
#[inline]
fn short_text(text: &[u8]) -> u64 {
    match text.last_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => text
            .iter()
            .rfold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// Number of digits with which eight bytes begin, and the number that they write; 0 of none.
///
/// The bytes are added up pairwise: digits to numbers of two, these to numbers of four, and these
/// to one of eight.
#[inline]
fn leading_digits(bytes: u64) -> (u32, u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let values = bytes ^ (0x30 * ONES);
    // The highest bit of each byte that is no digit: 0x76 takes ten and more past 0x7F.
    let others = ((values & (0x7F * ONES)).wrapping_add(0x76 * ONES) | values) & (0x80 * ONES);
    let count = others.trailing_zeros() / 8;
    if count == 0 {
        return (0, 0);
    }
    // The digits end at the last byte, behind zeros. No pair of digits passes the bits that it has.
    let digits = values << (64 - 8 * count);
    let twos = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = twos.wrapping_mul(100).wrapping_add(twos >> 16) & 0x0000_FFFF_0000_FFFF;
    let eight = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xFFFF_FFFF;
    (count, eight)
}

/// Exponent of one or two digits, with or without a sign. `None` for all others.
fn usual_exponent(text: &[u8]) -> Option<i32> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        _ => (1, text),
    };
    match digits {
        [ones] if ones.is_ascii_digit() => Some(sign * i32::from(ones - b'0')),
        [tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit() => {
            Some(sign * (i32::from(tens - b'0') * 10 + i32::from(ones - b'0')))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_counted_up_to_the_first_other_byte() {
        for count in 0..=8_usize {
            for other in [
                b'/', b':', b'.', b' ', b'e', 0, 0x7F, 0x80, 0xB0, 0xB9, 0xFF,
            ] {
                let mut bytes = *b"98765432";
                bytes[count..].fill(other);
                let number = bytes[..count]
                    .iter()
                    .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
                let wanted = (u32::try_from(count).unwrap(), number);
                assert_eq!(
                    leading_digits(u64::from_le_bytes(bytes)),
                    wanted,
                    "{bytes:?}"
                );
            }
        }
    }
}
