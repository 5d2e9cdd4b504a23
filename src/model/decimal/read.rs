//! Decimal text to wide integers: the usual spellings at speed, all others the long way.

use super::{MAX_DIGITS, NumberFault, Parsed, power_of_ten};

/// Reads decimal text (plain or exponent, with guard apostrophes or quotes) at `scale` decimals.
///
/// # Errors
/// [`NumberFault`] for an empty text, foreign characters, or a magnitude past 38 digits.
pub fn parse(text: &[u8], scale: u32) -> Result<Parsed, NumberFault> {
    if let Some(parsed) = parse_usual(text, scale) {
        return Ok(parsed);
    }
    let digits = Digits::read(unguard(text))?;
    digits.at_scale(scale)
}

/// The spellings that nearly every cell has: at most 38 digits, a point, an exponent of one or two
/// digits, no blanks, no guards, nothing to be rounded. `None` for all others, wrong ones included:
/// they take the long way.
fn parse_usual(text: &[u8], scale: u32) -> Option<Parsed> {
    let (negative, mut rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    // Two halves of 19 digits each fit 64 bits; most numbers need only the first.
    let (mut halves, mut counts) = ([0_u64; 2], [0_u32; 2]);
    let (mut point, mut decimals) = (false, 0_i32);
    let mut exponent = 0;
    while let [byte, after @ ..] = rest {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            let half = usize::from(counts[0] == 19);
            if counts[1] == 19 {
                return None;
            }
            halves[half] = halves[half] * 10 + u64::from(digit);
            counts[half] += 1;
            decimals += i32::from(point);
        } else if *byte == b'.' && !point {
            point = true;
        } else if matches!(byte, b'e' | b'E') {
            exponent = usual_exponent(after)?;
            break;
        } else {
            return None;
        }
        rest = after;
    }
    if counts[0] == 0 {
        return None;
    }
    let mantissa = match counts[1] {
        0 => u128::from(halves[0]),
        count => u128::from(halves[0]) * 10_u128.pow(count) + u128::from(halves[1]),
    };
    if mantissa == 0 {
        return Some(Parsed::ZERO);
    }
    let exponent = exponent - decimals;
    let shift = u32::try_from(exponent + i32::try_from(scale).ok()?)
        .ok()
        .filter(|shift| *shift < MAX_DIGITS)?;
    let magnitude = mantissa
        .checked_mul(*POWERS.get(shift as usize)?)
        .filter(|magnitude| *magnitude < LIMIT)?;
    let value = i128::try_from(magnitude).ok()?;
    Some(Parsed {
        value: if negative { -value } else { value },
        rounded: false,
        mantissa,
        exponent,
    })
}

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

const LIMIT: u128 = 10_u128.pow(MAX_DIGITS);

/// Powers of ten by their exponent.
pub(super) const POWERS: [u128; MAX_DIGITS as usize + 1] = {
    let mut powers = [1; MAX_DIGITS as usize + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

fn unguard(text: &[u8]) -> &[u8] {
    let mut text = text.trim_ascii();
    while let [b'\'' | b'"', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b'"'] = text {
        text = rest;
    }
    text.trim_ascii()
}

/// Mantissa × 10^exponent, with what was dropped past 38 digits.
struct Digits {
    negative: bool,
    mantissa: u128,
    count: u32,
    exponent: i64,
    first_dropped: u8,
    dropped_rest: bool,
}

impl Digits {
    fn read(text: &[u8]) -> Result<Self, NumberFault> {
        if text.is_empty() {
            return Err(NumberFault::Empty);
        }
        let (negative, body) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let mut digits = Self {
            negative,
            mantissa: 0,
            count: 0,
            exponent: 0,
            first_dropped: 0,
            dropped_rest: false,
        };
        let mut seen_digit = false;
        let mut seen_point = false;
        for (position, &byte) in body.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    seen_digit = true;
                    digits.push(byte - b'0', seen_point);
                }
                b'.' if !seen_point => seen_point = true,
                b'e' | b'E' if seen_digit => {
                    digits.exponent += read_exponent(body.get(position + 1..).unwrap_or_default())?;
                    return Ok(digits);
                }
                _ => return Err(NumberFault::NotDecimal),
            }
        }
        if seen_digit {
            Ok(digits)
        } else {
            Err(NumberFault::NotDecimal)
        }
    }

    fn push(&mut self, digit: u8, after_point: bool) {
        if self.count < MAX_DIGITS {
            self.mantissa = self.mantissa * 10 + u128::from(digit);
            self.count += u32::from(self.mantissa != 0);
            self.exponent -= i64::from(after_point);
            return;
        }
        if self.count == MAX_DIGITS {
            self.first_dropped = digit;
        } else {
            self.dropped_rest |= digit != 0;
        }
        self.count = self.count.saturating_add(1);
        self.exponent += i64::from(!after_point);
    }

    fn at_scale(&self, scale: u32) -> Result<Parsed, NumberFault> {
        if self.mantissa == 0 {
            return Ok(Parsed::ZERO);
        }
        let shift = self.exponent + i64::from(scale);
        let dropped = self.first_dropped != 0 || self.dropped_rest;
        let (magnitude, rounded) = if shift >= 0 {
            if shift > i64::from(MAX_DIGITS) {
                return Err(NumberFault::TooLarge);
            }
            let factor = 10_u128.pow(u32::try_from(shift).map_err(|_| NumberFault::TooLarge)?);
            let whole = self
                .mantissa
                .checked_mul(factor)
                .ok_or(NumberFault::TooLarge)?;
            let up = half_even_up(
                u128::from(self.first_dropped),
                10,
                self.dropped_rest,
                whole % 2 == 1,
            );
            (whole + u128::from(up && shift == 0), dropped)
        } else {
            shrink(self.mantissa, shift.unsigned_abs(), dropped)
        };
        let value = i128::try_from(magnitude).map_err(|_| NumberFault::TooLarge)?;
        if magnitude >= 10_u128.pow(MAX_DIGITS) {
            return Err(NumberFault::TooLarge);
        }
        let exponent = i32::try_from(self.exponent).unwrap_or(0);
        Ok(Parsed {
            value: if self.negative { -value } else { value },
            rounded,
            mantissa: self.mantissa,
            exponent,
        })
    }
}

/// A number of a typed format, as if it had been read from its text: `None` where it does not fit
/// `to` decimals or 38 digits.
#[must_use]
#[inline]
pub fn from_typed(value: i128, from: u32, to: u32) -> Option<Parsed> {
    let magnitude = value.unsigned_abs();
    if let Some(widened) = to
        .checked_sub(from)
        .and_then(|places| value.checked_mul(power_of_ten(places)))
        && widened.unsigned_abs() < LIMIT
    {
        return Some(Parsed {
            value: widened,
            rounded: false,
            mantissa: magnitude,
            exponent: -i32::try_from(from).ok()?,
        });
    }
    let count = magnitude.checked_ilog10().map_or(0, |log| log + 1);
    let typed = Digits {
        negative: value < 0,
        mantissa: magnitude,
        count,
        exponent: -i64::from(from),
        first_dropped: 0,
        dropped_rest: false,
    };
    typed.at_scale(to).ok()
}

fn read_exponent(text: &[u8]) -> Result<i64, NumberFault> {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    if digits.is_empty() {
        return Err(NumberFault::NotDecimal);
    }
    let mut value = 0_i64;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return Err(NumberFault::NotDecimal);
        }
        // Past a million the number is zero or too large anyway; stop growing.
        value = (value * 10 + i64::from(byte - b'0')).min(1_000_000);
    }
    Ok(sign * value)
}

fn shrink(mantissa: u128, places: u64, sticky: bool) -> (u128, bool) {
    if places > u64::from(MAX_DIGITS) {
        return (0, true);
    }
    let divisor = 10_u128.pow(u32::try_from(places).unwrap_or(MAX_DIGITS));
    let (whole, rest) = (mantissa / divisor, mantissa % divisor);
    let up = half_even_up(rest, divisor, sticky, whole % 2 == 1);
    (whole + u128::from(up), rest != 0 || sticky)
}

fn half_even_up(rest: u128, divisor: u128, sticky: bool, odd: bool) -> bool {
    let half = divisor / 2;
    rest > half || (rest == half && (sticky || odd))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, scale: u32, expect: i128) {
        assert_eq!(
            parse(text.as_bytes(), scale).map(|p| p.value),
            Ok(expect),
            "{text}"
        );
    }

    #[test]
    fn reads_every_spelling_of_a_number() {
        check("12.34", 4, 123_400);
        check("7.58469E-05", 20, 7_584_690_000_000_000);
        check("0.00E+00", 20, 0);
        check("0E-20", 20, 0);
        check("'0E-20", 20, 0);
        check("''22.000000000000000000", 2, 2_200);
        check("-28.387096774193548387", 18, -28_387_096_774_193_548_387);
        check(" +5. ", 0, 5);
        check(".5", 1, 5);
        check("24.0", 0, 24);
        check("1e3", 0, 1_000);
        check("\"1.5\"", 1, 15);
        check("28.82860766744404945074", 20, 2_882_860_766_744_404_945_074);
        check("00000000000000000000000000000000000000000012", 0, 12);
    }

    #[test]
    fn the_short_way_reads_what_the_long_way_reads() {
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let alphabet = b"00123456789..eE+--";
        let mut usual = 0;
        for _ in 0..200_000 {
            let mut text = Vec::new();
            for _ in 0..=(random >> 59) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                text.push(alphabet[usize::try_from(random >> 40).unwrap() % alphabet.len()]);
            }
            for scale in [0, 2, 18, 20] {
                let long = Digits::read(&text).and_then(|digits| digits.at_scale(scale));
                if let Some(short) = parse_usual(&text, scale) {
                    usual += 1;
                    let long = long.unwrap();
                    assert_eq!(
                        (short.value, short.rounded),
                        (long.value, long.rounded),
                        "{}",
                        String::from_utf8_lossy(&text)
                    );
                    assert_eq!(
                        short.significance(),
                        long.significance(),
                        "{}",
                        String::from_utf8_lossy(&text)
                    );
                }
            }
        }
        assert!(usual > 1_000, "{usual}");
    }

    #[test]
    fn rounds_half_even_and_says_so() {
        for (text, scale, value, rounded) in [
            ("0.125", 2, 12, true),
            ("0.135", 2, 14, true),
            ("-0.125", 2, -12, true),
            (
                "0.12500000000000000000000000000000000000000000001",
                2,
                13,
                true,
            ),
            ("1e-400", 20, 0, true),
            ("0.120", 2, 12, false),
        ] {
            let parsed = parse(text.as_bytes(), scale).unwrap();
            assert_eq!((parsed.value, parsed.rounded), (value, rounded), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_number() {
        for text in [
            "NaN", "1,234.56", "12,5O", "1.2.3", "-", "e5", "1e", "1e5x", "Infinity", "NULL",
            "0x10", "--1",
        ] {
            assert_eq!(
                parse(text.as_bytes(), 2),
                Err(NumberFault::NotDecimal),
                "{text}"
            );
        }
        assert_eq!(parse(b"  ", 2), Err(NumberFault::Empty));
        assert_eq!(parse(b"1e40", 0), Err(NumberFault::TooLarge));
        assert_eq!(parse(b"1e20", 20), Err(NumberFault::TooLarge));
    }

    #[test]
    fn significance_follows_the_text() {
        let parsed = parse(b"7.58469E-05", 20).unwrap();
        assert_eq!(parsed.significance(), (6, -10));
        let parsed = parse(b"1200.50", 20).unwrap();
        assert_eq!(parsed.significance(), (5, -1));
    }
}
