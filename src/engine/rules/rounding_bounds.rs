//! How far the rounding of single lines can move the sum of many: the derived tolerance.
//!
//! Microsoft publishes no tolerance. The bounds follow from the rules themselves: a rounding step
//! moves a line by less than one unit of the last digit that it keeps, so that the bound of a sum
//! grows with the number of its lines and not with the amount
//! ([semantics §3](crate::model::domain::semantics), "Tolerance"). Which rule a line follows is not
//! asked here: the widest bound of all rules for usage holds.

use super::rounding::{Order, Rule, Rules};
use crate::model::decimal::{
    self, AMOUNT_SCALE, QUANTITY_SCALE, RATE_SCALE, Rounding, multiply, power_of_ten,
};

/// Lines of one exchange rate, summed, as far as their bounds depend on them.
#[derive(Clone, Copy, Debug)]
pub struct LinesAtOneRate {
    /// Number of invoice lines in the sum.
    pub count: u64,
    /// PCToBCExchangeRate of each line, in units of 10^-18.
    pub rate: i128,
    /// Sum of the quantities, in units of 10^-20.
    pub quantity: i128,
    /// Sum of the subtotals. Only its sign is used, which stands for the sign of each line.
    pub subtotal: i128,
    /// Decimals of the billing currency.
    pub digits: u32,
}

/// How far rounding alone can move the sum of some lines, in units of 10^-20; neither is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Most by which the invoiced sum may fall short of the expected one.
    pub below: i128,
    /// Most by which the invoiced sum may exceed the expected one.
    pub above: i128,
}

impl Bounds {
    /// Bounds of the sum of some lines, whichever of the rules for usage each line follows. `None`
    /// on overflow.
    #[must_use]
    pub fn of_lines(rules: &Rules, lines: LinesAtOneRate) -> Option<Self> {
        // Lines of one sum may follow different rules: no sum of them is beyond the widest bound.
        let of_usage = rules.all().iter().filter(|rule| rule.is_of_usage);
        of_usage.map(|rule| Self::of_rule(rule, lines)).try_fold(
            Self::default(),
            |widest, bounds| {
                let bounds = bounds?;
                Some(Self {
                    below: widest.below.max(bounds.below),
                    above: widest.above.max(bounds.above),
                })
            },
        )
    }

    /// Bounds of the sum of some lines that all follow one rule. Negative lines mirror positive
    /// ones, as Microsoft rounds toward zero; a sum of 0 may hold both signs and gets the wider
    /// bound on either side. `None` on overflow.
    #[must_use]
    pub fn of_rule(rule: &Rule, lines: LinesAtOneRate) -> Option<Self> {
        let last_digits = last_digits(rule, lines)?;
        let (tenths_down, tenths_up) = match (rule.mode, lines.subtotal.signum()) {
            // Floor goes toward −∞: it lowers the amounts of credits as well.
            (Rounding::Floor, -1) => (0, 10),
            (mode, _) => tenths_moved(mode),
        };
        let down = tenths_of(last_digits, tenths_down)?;
        let up = tenths_of(last_digits, tenths_up)?;
        Some(match lines.subtotal.signum() {
            1 => Self {
                below: down,
                above: up,
            },
            -1 => Self {
                below: up,
                above: down,
            },
            // The signs cancel out here, or the amounts are 0: nothing tells to which side a line
            // moved.
            _ => Self {
                below: down.max(up),
                above: down.max(up),
            },
        })
    }

    /// Bounds of two sets of lines together. `None` on overflow.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            below: self.below.checked_add(other.below)?,
            above: self.above.checked_add(other.above)?,
        })
    }

    /// Bound on the side on which a variance (invoiced less expected) lies.
    #[must_use]
    pub fn toward(self, variance: i128) -> i128 {
        if variance > 0 { self.above } else { self.below }
    }
}

/// Sum over all lines and rounding steps of one unit in the last digit that the step keeps, in
/// units of 10^-20 of the billing currency. `None` on overflow.
fn last_digits(rule: &Rule, lines: LinesAtOneRate) -> Option<i128> {
    let billing_digits = rule.billing_digits_of(lines.digits);
    let billing = power_of_ten(AMOUNT_SCALE.checked_sub(billing_digits)?);
    let count = i128::from(lines.count);
    match rule.order {
        Order::AmountThenRate => {
            // The first step rounds in the pricing currency: its last digit is converted.
            let rate = (lines.rate.checked_abs()?, RATE_SCALE);
            let last_digit = (1, rule.pricing_digits);
            let pricing = multiply(last_digit, rate, AMOUNT_SCALE, Rounding::HalfUp)?;
            pricing.checked_add(billing)?.checked_mul(count)
        }
        Order::AtOnce => billing.checked_mul(count),
        Order::UnitPriceThenQuantity => {
            // The price of one unit is rounded: every unit is off by as much, however many lines
            // the units stand on.
            let quantity = (lines.quantity.checked_abs()?, QUANTITY_SCALE);
            multiply(
                (1, billing_digits),
                quantity,
                AMOUNT_SCALE,
                Rounding::HalfUp,
            )
        }
    }
}

/// Most by which a rounding step lowers and raises an amount above zero, in tenths of the last
/// digit that it keeps.
const fn tenths_moved(mode: Rounding) -> (i128, i128) {
    match mode {
        // Above zero the two are one: up to a whole digit is cut off, and never added.
        Rounding::Down | Rounding::Floor => (10, 0),
        Rounding::HalfUp | Rounding::HalfEven => (5, 5),
    }
}

fn tenths_of(amount: i128, tenths: i128) -> Option<i128> {
    // Tenths keep half a digit in whole numbers.
    Some(decimal::divide(
        amount.checked_mul(tenths)?,
        10,
        Rounding::HalfUp,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str, scale: u32) -> i128 {
        decimal::parse(text.as_bytes(), scale).unwrap().value
    }

    #[test]
    fn bounds_grow_with_lines_and_mirror_with_the_sign() {
        let rate = number("0.5", RATE_SCALE);
        let bound = |count, subtotal| {
            Bounds::of_lines(
                &Rules::default(),
                LinesAtOneRate {
                    count,
                    rate,
                    quantity: 0,
                    subtotal,
                    digits: 2,
                },
            )
            .unwrap()
        };
        let amount = |text| number(text, AMOUNT_SCALE);
        assert_eq!(
            bound(2, 1),
            Bounds {
                below: amount("0.03"),
                above: amount("0.015")
            }
        );
        assert_eq!(
            bound(2, -1),
            Bounds {
                below: amount("0.015"),
                above: amount("0.03")
            }
        );
        assert_eq!(bound(1, 0).above, amount("0.015"));
    }
}
