//! Exact numbers: decimal text to wide integers and back, products in 256 bits, named roundings.
//!
//! A number is an `i128` that counts units of 10^-scale. Nothing here knows a float, and nothing
//! wraps: what does not fit is `None` or a [`NumberFault`].

mod read;

use ethnum::I256;
use rust_decimal::Decimal;

pub use read::{from_typed, parse};

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
    const ZERO: Self = Self {
        value: 0,
        rounded: false,
        mantissa: 0,
        exponent: 0,
    };

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

/// 10^`places` as an `i128`; `places` is at most 38.
#[must_use]
pub fn power_of_ten(places: u32) -> i128 {
    read::POWERS
        .get(places as usize)
        .and_then(|power| i128::try_from(*power).ok())
        .expect("at most 38 places")
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
            &rest
                .unsigned_abs()
                .cmp(&(divisor.unsigned_abs() - rest.unsigned_abs())),
            whole % 2 != 0,
            rounding,
        )
}

/// What a truncated quotient must move by, given how the rest compares with the half.
fn adjustment(
    negative: bool,
    exact: bool,
    to_half: &std::cmp::Ordering,
    odd: bool,
    rounding: Rounding,
) -> i128 {
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
pub fn multiply(
    left: (i128, u32),
    right: (i128, u32),
    to: u32,
    rounding: Rounding,
) -> Option<i128> {
    narrow(
        I256::from(left.0) * I256::from(right.0),
        left.1 + right.1,
        to,
        rounding,
    )
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
    let wide = I256::from(left.0)
        .checked_mul(I256::from(10_i128).checked_pow((to + right.1).checked_sub(left.1)?)?)?;
    let divisor = I256::from(right.0);
    let (whole, rest) = (wide / divisor, wide % divisor);
    let away = if rest == I256::ZERO {
        0_i128
    } else {
        i128::from((wide < I256::ZERO) == (divisor < I256::ZERO)) * 2 - 1
    };
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
    let step = adjustment(
        negative,
        rest == I256::ZERO,
        &rest.cmp(&(divisor - rest)),
        whole % I256::from(2_i128) != I256::ZERO,
        rounding,
    );
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
    rescale(
        money.mantissa(),
        money.scale(),
        AMOUNT_SCALE,
        Rounding::HalfEven,
    )
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
        write!(
            out,
            "{}.{:0width$}",
            magnitude / unit,
            magnitude % unit,
            width = scale as usize
        )
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

    #[test]
    fn roundings_differ_on_negative_numbers() {
        let all = [
            Rounding::Down,
            Rounding::Floor,
            Rounding::HalfUp,
            Rounding::HalfEven,
        ];
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
        assert_eq!(
            multiply(
                (price, PRICE_SCALE),
                (quantity, QUANTITY_SCALE),
                2,
                Rounding::Down
            ),
            Some(15_563)
        );
        assert_eq!(multiply((i128::MAX, 0), (2, 0), 0, Rounding::Down), None);
        assert_eq!(multiply((-15, 1), (1, 0), 0, Rounding::Floor), Some(-2));
    }

    #[test]
    fn prints_what_it_read() {
        assert_eq!(fixed(-5, 3), "-0.005");
        assert_eq!(plain(1_200, 2), "12");
        assert_eq!(plain(100, 0), "100");
        assert_eq!(
            from_money(Decimal::new(-1050, 2)),
            Some(-1_050 * power_of_ten(18))
        );
    }
}
