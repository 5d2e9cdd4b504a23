//! Exact numbers: decimal text to wide integers and back, products in 256 bits, named roundings.
//!
//! A number is an `i128` that counts units of 10^-scale. Nothing here knows a float, and nothing
//! wraps: what does not fit is `None` or a [`NumberFault`].

use ethnum::I256;
use rust_decimal::Decimal;

/// Decimals of every amount while it is summed: the longest published scale of a total
/// (`resources.md` A2).
pub const AMOUNT_SCALE: u32 = 20;
/// Decimals of every quantity while it is summed.
pub const QUANTITY_SCALE: u32 = 20;
/// Decimals of a unit price: effectiveUnitPrice carries 22 (`resources.md` A2).
pub const PRICE_SCALE: u32 = 22;
/// Decimals of an exchange rate (9 are published, `resources.md` C).
pub const RATE_SCALE: u32 = 18;
/// Decimals of every published amount, price and quantity: DECIMAL(28,10).
pub const PUBLISHED_SCALE: u32 = 10;
/// The largest published magnitude, 28 digits.
pub const PUBLISHED_LIMIT: i128 = 10_i128.pow(28) - 1;

const MAX_DIGITS: u32 = 38;

/// How a number is cut to fewer decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Toward zero: Microsoft's ROUNDDOWN.
    Down,
    /// Toward minus infinity.
    Floor,
    /// To the nearest, halves away from zero.
    HalfUp,
    /// To the nearest, halves to the even neighbour.
    HalfEven,
}

/// Why a text is no usable number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFault {
    /// Nothing but blanks.
    Empty,
    /// Some character does not belong to a decimal number.
    NotDecimal,
    /// The magnitude does not fit 38 digits at the column's scale.
    TooLarge,
}

/// A number read from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The value in units of 10^-scale.
    pub value: i128,
    /// Digits were lost: the text holds more decimals than the scale, and was rounded half-even.
    pub rounded: bool,
    /// All digits of the text, up to 38, as one number.
    mantissa: u128,
    /// Power of ten of the mantissa's last digit.
    exponent: i32,
}

impl Parsed {
    const ZERO: Self = Self { value: 0, rounded: false, mantissa: 0, exponent: 0 };

    /// Significant digits of the text, leading and trailing zeros not counted, and the power of ten of
    /// the last of them; 0 and 0 for zero.
    #[must_use]
    pub fn significance(&self) -> (u32, i32) {
        let (mut mantissa, mut exponent) = (self.mantissa, self.exponent);
        if mantissa == 0 {
            return (0, 0);
        }
        while mantissa.is_multiple_of(10) {
            mantissa /= 10;
            exponent += 1;
        }
        (mantissa.ilog10() + 1, exponent)
    }
}

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
    let shift = u32::try_from(exponent + i32::try_from(scale).ok()?).ok().filter(|shift| *shift < MAX_DIGITS)?;
    let magnitude = mantissa.checked_mul(*POWERS.get(shift as usize)?).filter(|magnitude| *magnitude < LIMIT)?;
    let value = i128::try_from(magnitude).ok()?;
    Some(Parsed { value: if negative { -value } else { value }, rounded: false, mantissa, exponent })
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
const POWERS: [u128; MAX_DIGITS as usize + 1] = {
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
        let mut digits = Self { negative, mantissa: 0, count: 0, exponent: 0, first_dropped: 0, dropped_rest: false };
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
        if seen_digit { Ok(digits) } else { Err(NumberFault::NotDecimal) }
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
            let whole = self.mantissa.checked_mul(factor).ok_or(NumberFault::TooLarge)?;
            let up = half_even_up(u128::from(self.first_dropped), 10, self.dropped_rest, whole % 2 == 1);
            (whole + u128::from(up && shift == 0), dropped)
        } else {
            shrink(self.mantissa, shift.unsigned_abs(), dropped)
        };
        let value = i128::try_from(magnitude).map_err(|_| NumberFault::TooLarge)?;
        if magnitude >= 10_u128.pow(MAX_DIGITS) {
            return Err(NumberFault::TooLarge);
        }
        let exponent = i32::try_from(self.exponent).unwrap_or(0);
        Ok(Parsed { value: if self.negative { -value } else { value }, rounded, mantissa: self.mantissa, exponent })
    }
}

/// A number of a typed format, as if it had been read from its text: `None` where it does not fit
/// `to` decimals or 38 digits.
#[must_use]
pub fn from_typed(value: i128, from: u32, to: u32) -> Option<Parsed> {
    let magnitude = value.unsigned_abs();
    if let Some(widened) = to.checked_sub(from).and_then(|places| value.checked_mul(power_of_ten(places)))
        && widened.unsigned_abs() < LIMIT
    {
        return Some(Parsed { value: widened, rounded: false, mantissa: magnitude, exponent: -i32::try_from(from).ok()? });
    }
    let count = magnitude.checked_ilog10().map_or(0, |log| log + 1);
    let typed =
        Digits { negative: value < 0, mantissa: magnitude, count, exponent: -i64::from(from), first_dropped: 0, dropped_rest: false };
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

/// 10^`places` as an `i128`; `places` is at most 38.
#[must_use]
pub fn power_of_ten(places: u32) -> i128 {
    POWERS.get(places as usize).and_then(|power| i128::try_from(*power).ok()).expect("at most 38 places")
}

/// `value` at `from` decimals, cut or widened to `to` decimals. `None` on overflow.
#[must_use]
pub fn rescale(value: i128, from: u32, to: u32, rounding: Rounding) -> Option<i128> {
    if to >= from {
        return value.checked_mul(power_of_ten(to - from));
    }
    Some(divide(value, power_of_ten(from - to), rounding))
}

/// `value / divisor` rounded; `divisor` is positive.
#[must_use]
pub fn divide(value: i128, divisor: i128, rounding: Rounding) -> i128 {
    let (whole, rest) = (value / divisor, value % divisor);
    whole
        + adjustment(
            value < 0,
            rest == 0,
            &rest.unsigned_abs().cmp(&(divisor.unsigned_abs() - rest.unsigned_abs())),
            whole % 2 != 0,
            rounding,
        )
}

/// What a truncated quotient must move by, given how the rest compares with the half.
fn adjustment(negative: bool, exact: bool, to_half: &std::cmp::Ordering, odd: bool, rounding: Rounding) -> i128 {
    use std::cmp::Ordering::{Equal, Greater};
    let away = match rounding {
        Rounding::Down => false,
        Rounding::Floor => negative && !exact,
        Rounding::HalfUp => matches!(to_half, Equal | Greater),
        Rounding::HalfEven => *to_half == Greater || (*to_half == Equal && odd),
    };
    match (away && !exact, negative) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => -1,
    }
}

/// The product of two numbers, rounded to `to` decimals; made in 256 bits. `None` when the result
/// does not fit an `i128`.
#[must_use]
pub fn multiply(left: (i128, u32), right: (i128, u32), to: u32, rounding: Rounding) -> Option<i128> {
    narrow(I256::from(left.0) * I256::from(right.0), left.1 + right.1, to, rounding)
}

/// The product of three numbers, rounded once to `to` decimals. `None` when it, or the result, does
/// not fit.
#[must_use]
pub fn multiply_three(numbers: [(i128, u32); 3], to: u32, rounding: Rounding) -> Option<i128> {
    let [first, second, third] = numbers;
    let product = (I256::from(first.0) * I256::from(second.0)).checked_mul(I256::from(third.0))?;
    narrow(product, first.1 + second.1 + third.1, to, rounding)
}

/// The quotient of two numbers, rounded to `to` decimals away from zero. `None` where the divisor is
/// zero, or the result does not fit.
#[must_use]
pub fn quotient_up(left: (i128, u32), right: (i128, u32), to: u32) -> Option<i128> {
    if right.0 == 0 {
        return None;
    }
    let wide = I256::from(left.0).checked_mul(I256::from(10_i128).checked_pow((to + right.1).checked_sub(left.1)?)?)?;
    let divisor = I256::from(right.0);
    let (whole, rest) = (wide / divisor, wide % divisor);
    let away = if rest == I256::ZERO { 0_i128 } else { i128::from((wide < I256::ZERO) == (divisor < I256::ZERO)) * 2 - 1 };
    i128::try_from(whole + I256::from(away)).ok()
}

fn narrow(product: I256, from: u32, to: u32, rounding: Rounding) -> Option<i128> {
    if to >= from {
        let wide = product.checked_mul(I256::from(power_of_ten(to - from)))?;
        return i128::try_from(wide).ok();
    }
    let divisor = I256::from(10_i128).checked_pow(from - to)?;
    let (whole, rest) = (product / divisor, (product % divisor).abs());
    let negative = product < I256::ZERO;
    let step = adjustment(negative, rest == I256::ZERO, &rest.cmp(&(divisor - rest)), whole % I256::from(2_i128) != I256::ZERO, rounding);
    i128::try_from(whole + I256::from(step)).ok()
}

/// `total × weight ÷ whole` for non-negative numbers: the quotient and the remainder, by which
/// largest-remainder shares are ranked. `whole` is positive.
#[must_use]
pub fn proportion(total: u128, weight: u128, whole: u128) -> (u128, u128) {
    let product = ethnum::U256::from(total) * ethnum::U256::from(weight);
    let whole = ethnum::U256::from(whole);
    ((product / whole).as_u128(), (product % whole).as_u128())
}

/// An amount or quantity of 20 decimals as it is published: ten decimals, rounded half up. `None` past
/// 38 digits.
#[must_use]
pub fn to_published(value: i128) -> Option<i128> {
    rescale(value, AMOUNT_SCALE, PUBLISHED_SCALE, Rounding::HalfUp)
}

/// Configured or posted money as an amount of [`AMOUNT_SCALE`] decimals. `None` past 38 digits.
#[must_use]
pub fn from_money(money: Decimal) -> Option<i128> {
    rescale(money.mantissa(), money.scale(), AMOUNT_SCALE, Rounding::HalfEven)
}

/// Appends `value` with all its `scale` decimals, as `-12.3400000000`.
pub fn write_fixed(out: &mut String, value: i128, scale: u32) {
    use std::fmt::Write as _;
    if value < 0 {
        out.push('-');
    }
    let magnitude = value.unsigned_abs();
    let unit = 10_u128.pow(scale);
    let written = if scale == 0 {
        write!(out, "{magnitude}")
    } else {
        write!(out, "{}.{:0width$}", magnitude / unit, magnitude % unit, width = scale as usize)
    };
    assert!(written.is_ok(), "writing to a String cannot fail");
}

/// `value` with all its `scale` decimals.
#[must_use]
pub fn fixed(value: i128, scale: u32) -> String {
    let mut out = String::new();
    write_fixed(&mut out, value, scale);
    out
}

/// `value` without trailing zeros: `12.34`, `0`.
#[must_use]
pub fn plain(value: i128, scale: u32) -> String {
    let mut out = fixed(value, scale);
    if scale > 0 {
        out.truncate(out.trim_end_matches('0').trim_end_matches('.').len());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, scale: u32, expect: i128) {
        assert_eq!(parse(text.as_bytes(), scale).map(|p| p.value), Ok(expect), "{text}");
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
                    assert_eq!((short.value, short.rounded), (long.value, long.rounded), "{}", String::from_utf8_lossy(&text));
                    assert_eq!(short.significance(), long.significance(), "{}", String::from_utf8_lossy(&text));
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
            ("0.12500000000000000000000000000000000000000000001", 2, 13, true),
            ("1e-400", 20, 0, true),
            ("0.120", 2, 12, false),
        ] {
            let parsed = parse(text.as_bytes(), scale).unwrap();
            assert_eq!((parsed.value, parsed.rounded), (value, rounded), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_number() {
        for text in ["NaN", "1,234.56", "12,5O", "1.2.3", "-", "e5", "1e", "1e5x", "Infinity", "NULL", "0x10", "--1"] {
            assert_eq!(parse(text.as_bytes(), 2), Err(NumberFault::NotDecimal), "{text}");
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

    #[test]
    fn roundings_differ_on_negative_numbers() {
        let all = [Rounding::Down, Rounding::Floor, Rounding::HalfUp, Rounding::HalfEven];
        let cut = |value| all.map(|rounding| rescale(value, 2, 0, rounding).unwrap());
        assert_eq!(cut(250), [2, 2, 3, 2]);
        assert_eq!(cut(-250), [-2, -3, -3, -2]);
        assert_eq!(cut(-251), [-2, -3, -3, -3]);
        assert_eq!(cut(-200), [-2, -2, -2, -2]);
    }

    #[test]
    fn products_do_not_overflow_in_between() {
        let price = parse(b"0.737757626107858", PRICE_SCALE).unwrap().value;
        let quantity = parse(b"210.950039", QUANTITY_SCALE).unwrap().value;
        assert_eq!(multiply((price, PRICE_SCALE), (quantity, QUANTITY_SCALE), 2, Rounding::Down), Some(15_563));
        assert_eq!(multiply((i128::MAX, 0), (2, 0), 0, Rounding::Down), None);
        assert_eq!(multiply((-15, 1), (1, 0), 0, Rounding::Floor), Some(-2));
    }

    #[test]
    fn prints_what_it_read() {
        assert_eq!(fixed(-5, 3), "-0.005");
        assert_eq!(plain(1_200, 2), "12");
        assert_eq!(plain(100, 0), "100");
        assert_eq!(from_money(Decimal::new(-1050, 2)), Some(-1_050 * power_of_ten(18)));
    }
}
