//! Decimal text to wide integers: the usual spellings on a fast path ([`usual`](super::usual)), all
//! others on a slow one ([`Digits`]), which alone decides what is a number. A test holds the two
//! against each other on random texts, so whoever changes one must change the other.

use super::parsed::{NumberFault, Parsed};
use super::powers::{LIMIT, MAX_DIGITS, POWERS, power_of_ten};
use super::usual::parse_usual;

/// Reads decimal text (plain or exponent, with a spreadsheet's guard apostrophes or quotes) at
/// `scale` decimals ([quirks](crate::model::domain::quirks), recon files).
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

/// Text without the blanks, apostrophes and quotes that spreadsheets put around numbers.
fn unguard(text: &[u8]) -> &[u8] {
    let mut text = text.trim_ascii();
    while let [b'\'' | b'"', rest @ ..] = text {
        text = rest;
    }
    // No apostrophe is looked for here: the guard stands before a number only
    // (model::domain::quirks, recon files).
    while let [rest @ .., b'"'] = text {
        text = rest;
    }
    text.trim_ascii()
}

/// Mantissa × 10^exponent, with what was dropped past 38 digits.
struct Digits {
    negative: bool,
    mantissa: u128,
    /// Digits seen, leading zeros not counted.
    count: u32,
    exponent: i64,
    /// The 39th digit, by which the 38th is rounded.
    first_dropped: u8,
    /// True if a later digit than the 39th is not zero: then a half is more than a half.
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
                    digits.exponent += read_exponent(&body[position + 1..])?;
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

    /// Takes one more digit; past 38 digits only what rounding needs is kept of it.
    fn push(&mut self, digit: u8, after_point: bool) {
        if self.count < MAX_DIGITS {
            self.mantissa = self.mantissa * 10 + u128::from(digit);
            // Zeros in front are not counted, or a padded number would lose its last digits.
            self.count += u32::from(self.mantissa != 0);
            self.exponent -= i64::from(after_point);
            return;
        }
        if self.count == MAX_DIGITS {
            self.first_dropped = digit;
        } else {
            self.dropped_rest |= digit != 0;
        }
        // A cell may be of any length, and past the 39th digit the exact count decides nothing.
        self.count = self.count.saturating_add(1);
        self.exponent += i64::from(!after_point);
    }

    /// The number in units of 10^-`scale`, rounded half to even.
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
            let places = usize::try_from(shift).expect("between 0 and 38");
            let whole = self
                .mantissa
                .checked_mul(POWERS[places])
                .ok_or(NumberFault::TooLarge)?;
            let up = half_even_up(
                u128::from(self.first_dropped),
                10,
                self.dropped_rest,
                whole % 2 == 1,
            );
            // Digits are dropped from a full mantissa only; with zeros appended that is too large
            // anyway.
            (whole + u128::from(up && shift == 0), dropped)
        } else {
            shrink(self.mantissa, shift.unsigned_abs(), dropped)
        };
        if magnitude >= LIMIT {
            return Err(NumberFault::TooLarge);
        }
        let value = i128::try_from(magnitude).expect("38 digits fit 127 bits");
        // Below i32's range lies only a text of more than two thousand million decimals.
        let exponent = i32::try_from(self.exponent.max(i64::from(i32::MIN)))
            .expect("a number with an exponent above the range was too large");
        Ok(Parsed {
            value: if self.negative { -value } else { value },
            rounded,
            mantissa: self.mantissa,
            exponent,
        })
    }
}

/// A number of a typed format, `value` in units of 10^-`from`, as if its text had been read at `to`
/// decimals. `None` where the magnitude does not fit 38 digits.
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
            exponent: -i32::try_from(from).expect("a scale is far below 2^31"),
        });
    }
    let typed = Digits {
        negative: value < 0,
        mantissa: magnitude,
        count: match magnitude.checked_ilog10() {
            Some(log) => log + 1,
            None => 0,
        },
        exponent: -i64::from(from),
        first_dropped: 0,
        dropped_rest: false,
    };
    typed.at_scale(to).ok()
}

/// Exponent of any length, cut to ±1,000,000.
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
        // Past a million the number is zero or too large anyway; growing on would overflow.
        value = (value * 10 + i64::from(byte - b'0')).min(1_000_000);
    }
    Ok(sign * value)
}

/// `mantissa` without its last `places` digits, rounded half to even, and true if anything was
/// lost. `sticky` is true if digits that are not zero were dropped behind it before.
fn shrink(mantissa: u128, places: u64, sticky: bool) -> (u128, bool) {
    if places > u64::from(MAX_DIGITS) {
        return (0, true);
    }
    let divisor = POWERS[usize::try_from(places).expect("at most 38")];
    let (whole, rest) = (mantissa / divisor, mantissa % divisor);
    let up = half_even_up(rest, divisor, sticky, whole % 2 == 1);
    (whole + u128::from(up), rest != 0 || sticky)
}

/// True if a quotient whose remainder is `rest` goes up by one.
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
    fn the_fast_path_reads_what_the_slow_path_reads() {
        // Of many points and exponents, and of long runs of digits.
        let alphabets: [&[u8]; 3] = [
            b"00123456789..eE+--",
            b"0123456789012345678901234567890123456789.",
            b"9876543210123456789999999999999999990000000000..e5/:",
        ];
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random >> 32).unwrap()
        };
        for alphabet in alphabets {
            let mut usual = [0; 50];
            for _ in 0..200_000 {
                let text: Vec<u8> = (0..next() % 45 + 1)
                    .map(|_| alphabet[next() % alphabet.len()])
                    .collect();
                for scale in [0, 2, 18, 20] {
                    if let Some(fast) = parse_usual(&text, scale) {
                        usual[text.len()] += 1;
                        let slow = Digits::read(&text).and_then(|digits| digits.at_scale(scale));
                        let slow = slow.unwrap();
                        let shown = String::from_utf8_lossy(&text);
                        assert_eq!(
                            (fast.value, fast.rounded),
                            (slow.value, slow.rounded),
                            "{shown}"
                        );
                        assert_eq!(fast.significance(), slow.significance(), "{shown}");
                    }
                }
            }
            // Words of eight bytes end at each place.
            assert!(usual[1..9].iter().all(|count| *count > 100), "{usual:?}");
        }
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
