//! Products, quotients and roundings of numbers with a scale.
//!
//! Intermediate products are made in 256 bits and rounded once, at the end: two factors of 38
//! digits fit there without loss, and a third one is checked.

use std::cmp::Ordering;

use ethnum::{I256, U256};
use rust_decimal::Decimal;

use super::powers::power_of_ten;
use super::scales::{AMOUNT_SCALE, PUBLISHED_SCALE};

/// Rule by which a number is cut to fewer decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Toward zero: Microsoft's ROUNDDOWN ([semantics §3](crate::model::domain::semantics)).
    Down,
    /// Toward minus infinity, so that negative numbers grow in magnitude.
    Floor,
    /// To the nearest, halves away from zero.
    HalfUp,
    /// To the nearest, halves to the even neighbour: for conversions, where sums must not drift.
    HalfEven,
}

/// `value` at `from` decimals, cut or widened to `to` decimals. `None` on overflow.
#[must_use]
pub fn rescale(value: i128, from: u32, to: u32, rounding: Rounding) -> Option<i128> {
    if to >= from {
        return value.checked_mul(power_of_ten(to - from));
    }
    Some(divide(value, power_of_ten(from - to), rounding))
}

/// `value / divisor`, rounded to a whole number; `divisor` is positive.
#[must_use]
pub fn divide(value: i128, divisor: i128, rounding: Rounding) -> i128 {
    // Not by `%`, which divides a second time.
    let whole = value / divisor;
    let rest = value - whole * divisor;
    // The remainder is compared with what it lacks to the divisor: twice the remainder could
    // overflow.
    let to_half = rest
        .unsigned_abs()
        .cmp(&(divisor.unsigned_abs() - rest.unsigned_abs()));
    whole + adjustment(value < 0, rest == 0, to_half, whole % 2 != 0, rounding)
}

/// Step from a truncated quotient to the rounded one: -1, 0 or 1. `to_half` says how the remainder
/// compares with half the divisor, `odd` whether the quotient is odd.
fn adjustment(
    negative: bool,
    exact: bool,
    to_half: Ordering,
    odd: bool,
    rounding: Rounding,
) -> i128 {
    let away = match rounding {
        Rounding::Down => false,
        Rounding::Floor => negative && !exact,
        Rounding::HalfUp => to_half != Ordering::Less,
        Rounding::HalfEven => to_half == Ordering::Greater || (to_half == Ordering::Equal && odd),
    };
    match (away && !exact, negative) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => -1,
    }
}

/// The product of two numbers, each a value and its scale, rounded once to `to` decimals. `None`
/// when the result does not fit an `i128`.
#[must_use]
pub fn multiply(
    left: (i128, u32),
    right: (i128, u32),
    to: u32,
    rounding: Rounding,
) -> Option<i128> {
    narrow(
        // Unchecked: two factors of 127 bits and a sign always fit 256.
        I256::from(left.0) * I256::from(right.0),
        left.1 + right.1,
        to,
        rounding,
    )
}

/// The product of three numbers, each a value and its scale, rounded once to `to` decimals. `None`
/// when the exact product does not fit 256 bits, or the result an `i128`.
#[must_use]
pub fn multiply_three(numbers: [(i128, u32); 3], to: u32, rounding: Rounding) -> Option<i128> {
    let [first, second, third] = numbers;
    let product = (I256::from(first.0) * I256::from(second.0)).checked_mul(I256::from(third.0))?;
    narrow(product, first.1 + second.1 + third.1, to, rounding)
}

/// The quotient of two numbers, each a value and its scale, rounded to `to` decimals away from
/// zero. `None` where the divisor is zero, or the result does not fit.
#[must_use]
pub fn quotient_up(left: (i128, u32), right: (i128, u32), to: u32) -> Option<i128> {
    if right.0 == 0 {
        return None;
    }
    let wide =
        I256::from(left.0).checked_mul(wide_power_of_ten((to + right.1).checked_sub(left.1)?)?)?;
    let divisor = I256::from(right.0);
    let whole = wide / divisor;
    let rest = wide - whole * divisor;
    // The division truncates toward zero: what is left over moves the quotient by one, up where
    // both signs are alike and down where they are not.
    let away = match (
        rest == I256::ZERO,
        (wide < I256::ZERO) == (divisor < I256::ZERO),
    ) {
        (true, _) => 0_i128,
        (false, true) => 1,
        (false, false) => -1,
    };
    i128::try_from(whole + I256::from(away)).ok()
}

/// `product` of `from` decimals, cut or widened to `to` decimals. `None` when it does not fit.
fn narrow(product: I256, from: u32, to: u32, rounding: Rounding) -> Option<i128> {
    if to >= from {
        let wide = product.checked_mul(I256::from(power_of_ten(to - from)))?;
        return i128::try_from(wide).ok();
    }
    let digits = from - to;
    // Most products fit 128 bits, whose division takes a fraction of the time.
    if digits <= NARROW_DIGITS
        && let Ok(product) = i128::try_from(product)
    {
        return Some(divide(product, power_of_ten(digits), rounding));
    }
    let divisor = wide_power_of_ten(digits)?;
    let whole = product / divisor;
    let rest = (product - whole * divisor).abs();
    let negative = product < I256::ZERO;
    let step = adjustment(
        negative,
        rest == I256::ZERO,
        rest.cmp(&(divisor - rest)),
        whole & I256::ONE != I256::ZERO,
        rounding,
    );
    i128::try_from(whole + I256::from(step)).ok()
}

/// Largest power of ten that has 128 bits with a sign.
const NARROW_DIGITS: u32 = i128::MAX.ilog10();

/// 10 to a power; `None` beyond 256 bits.
fn wide_power_of_ten(digits: u32) -> Option<I256> {
    let narrow = digits.min(NARROW_DIGITS);
    let rest = digits - narrow;
    if rest > NARROW_DIGITS {
        return None;
    }
    I256::from(power_of_ten(narrow)).checked_mul(I256::from(power_of_ten(rest)))
}

/// `total × weight ÷ whole` for non-negative numbers: the quotient and the remainder, by which
/// largest-remainder shares are ranked. `whole` is positive, and no less than `weight`.
#[must_use]
pub fn proportion(total: u128, weight: u128, whole: u128) -> (u128, u128) {
    let product = U256::from(total) * U256::from(weight);
    let whole = U256::from(whole);
    let narrow = |number| u128::try_from(number).expect("a share of the total is no more than it");
    (narrow(product / whole), narrow(product % whole))
}

/// An amount or quantity of 20 decimals as it is published: ten decimals, rounded half up. `None`
/// past 38 digits.
#[must_use]
pub fn to_published(value: i128) -> Option<i128> {
    match small_to_published(value.unsigned_abs()) {
        Some(size) if value < 0 => Some(-size),
        Some(size) => Some(size),
        None => rescale(value, AMOUNT_SCALE, PUBLISHED_SCALE, Rounding::HalfUp),
    }
}

/// Size of an amount below some 3 x 10^9 as it is published; `None` for a larger one. Each row has some,
/// and one or two divisions of 64 bits by a constant are no calls, as one of 128 bits is.
fn small_to_published(size: u128) -> Option<i128> {
    const TO_PUBLISHED: u64 = 10_u64.pow(AMOUNT_SCALE - PUBLISHED_SCALE);
    // 10^10 is 2^10 times this, of 24 bits.
    const ZEROS: u32 = TO_PUBLISHED.trailing_zeros();
    const ODD_PART: u64 = TO_PUBLISHED >> ZEROS;
    const LOW_BITS: u32 = 40;
    let shifted = size >> ZEROS;
    let (whole, rest) = if let Ok(shifted) = u64::try_from(shifted) {
        (u128::from(shifted / ODD_PART), shifted % ODD_PART)
    } else {
        let high = u64::try_from(shifted >> LOW_BITS)
            .ok()
            .filter(|high| *high < 1 << 48)?;
        let low = shifted as u64 & ((1 << LOW_BITS) - 1);
        let low = (high % ODD_PART) << LOW_BITS | low;
        let whole = u128::from(high / ODD_PART) << LOW_BITS;
        (whole + u128::from(low / ODD_PART), low % ODD_PART)
    };
    let rest = rest << ZEROS | (size as u64 & ((1 << ZEROS) - 1));
    // Halves are rounded away from zero.
    let is_up = rest >= TO_PUBLISHED / 2;
    Some((whole + u128::from(is_up)).cast_signed())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::decimal::read::parse;
    use crate::model::decimal::scales::{PRICE_SCALE, QUANTITY_SCALE};

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
    fn small_and_large_amounts_are_published_alike() {
        let mut random = 7_u64;
        for bits in 0..126 {
            for _ in 0..200 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let size = i128::from(random).wrapping_mul(i128::from(random ^ 0x5DEE_CE66D));
                let size = (size & i128::MAX) >> (126 - bits);
                let half = size - size % 10_i128.pow(10) + 5 * 10_i128.pow(9);
                for size in [size, half - 1, half, half + 1] {
                    for value in [size, -size] {
                        let wanted =
                            rescale(value, AMOUNT_SCALE, PUBLISHED_SCALE, Rounding::HalfUp);
                        assert_eq!(to_published(value), wanted, "{value}");
                    }
                }
            }
        }
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

    /// A product that fits 128 bits is cut as one that does not.
    #[test]
    fn short_and_long_products_are_cut_alike() {
        for digits in [1, 2, 19, 20, 37] {
            let ten = power_of_ten(digits);
            for value in [
                0,
                1,
                4,
                5,
                6,
                ten / 2 - 1,
                ten / 2,
                ten / 2 + 1,
                ten - 1,
                ten,
                ten + ten / 2,
            ] {
                for value in [value, -value] {
                    for rounding in [
                        Rounding::Down,
                        Rounding::Floor,
                        Rounding::HalfUp,
                        Rounding::HalfEven,
                    ] {
                        let short = narrow(I256::from(value), digits, 0, rounding);
                        let long = I256::from(value) * wide_power_of_ten(30).unwrap();
                        let long = narrow(long, digits + 30, 0, rounding);
                        assert_eq!(short, long, "{value} {digits} {rounding:?}");
                        assert_eq!(short, rescale(value, digits, 0, rounding));
                    }
                }
            }
        }
        assert_eq!(wide_power_of_ten(76), I256::from(10_i128).checked_pow(76));
        assert_eq!(wide_power_of_ten(77), None);
    }

    #[test]
    fn money_is_widened_to_the_scale_of_amounts() {
        assert_eq!(
            from_money(Decimal::new(-1050, 2)),
            Some(-1_050 * power_of_ten(18))
        );
    }
}
