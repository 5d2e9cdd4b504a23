//! Microsoft's rounding rules as data (`semantics.md` 3): what each makes of a line, and how far it
//! can move a sum. Rules are tried and named, never assumed.

use crate::model::decimal::{self, AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE, Rounding, multiply, rescale};

/// Decimals to which the pricing currency is rounded.
const PRICING_DIGITS: u32 = 2;

/// The numbers that a rule works on.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// EffectiveUnitPrice, in units of 10^-22.
    pub price: i128,
    /// BillableQuantity, in units of 10^-20.
    pub quantity: i128,
    /// PCToBCExchangeRate, in units of 10^-18.
    pub rate: i128,
    /// Decimals of the billing currency.
    pub digits: u32,
}

/// A documented or observed rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name in reports.
    pub name: &'static str,
    /// Its formula, in words that `explain` prints.
    pub formula: &'static str,
    /// Subtotal of a line, in units of 10^-20. `None` on overflow.
    pub subtotal: fn(Line) -> Option<i128>,
    /// How far the rounding of one step can take a positive amount down and up, in tenths of the
    /// last kept digit.
    down_tenths: i128,
    up_tenths: i128,
}

/// The rules, in the order in which they are tried.
pub const RULES: &[Rule] = &[
    Rule {
        name: "round_down_twice",
        formula: "ROUNDDOWN(ROUNDDOWN(EffectiveUnitPrice x BillableQuantity, 2) x PCToBCExchangeRate, 2)",
        subtotal: |line| amount_then_rate(line, Rounding::Down),
        down_tenths: 10,
        up_tenths: 0,
    },
    Rule {
        name: "half_up_twice",
        formula: "ROUND(ROUND(EffectiveUnitPrice x BillableQuantity, 2) x PCToBCExchangeRate, 2)",
        subtotal: |line| amount_then_rate(line, Rounding::HalfUp),
        down_tenths: 5,
        up_tenths: 5,
    },
    Rule {
        name: "unit_price_down",
        formula: "ROUNDDOWN(EffectiveUnitPrice x PCToBCExchangeRate, 2) x BillableQuantity",
        subtotal: unit_price_then_quantity,
        down_tenths: 10,
        up_tenths: 0,
    },
];

/// The rules that a line of usage may follow; their bounds make the derived tolerance.
pub const USAGE_RULES: [&str; 2] = ["round_down_twice", "half_up_twice"];

fn amount_then_rate(line: Line, rounding: Rounding) -> Option<i128> {
    let priced = multiply((line.price, PRICE_SCALE), (line.quantity, QUANTITY_SCALE), PRICING_DIGITS, rounding)?;
    let billed = multiply((priced, PRICING_DIGITS), (line.rate, RATE_SCALE), line.digits, rounding)?;
    rescale(billed, line.digits, AMOUNT_SCALE, Rounding::Down)
}

fn unit_price_then_quantity(line: Line) -> Option<i128> {
    let price = multiply((line.price, PRICE_SCALE), (line.rate, RATE_SCALE), line.digits, Rounding::Down)?;
    multiply((price, line.digits), (line.quantity, QUANTITY_SCALE), AMOUNT_SCALE, Rounding::HalfEven)
}

/// How far rounding alone can move the sum of some lines, in units of 10^-20; neither is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The invoice may ask for so much less.
    pub below: i128,
    /// The invoice may ask for so much more.
    pub above: i128,
}

impl Bounds {
    /// Bounds of `lines` lines at one rate (units of 10^-18), whose subtotals have the sign of
    /// `subtotal`: each step loses less than one last digit, of the pricing currency at the line's
    /// rate and of the billing currency. Negative lines mirror positive ones, as rounding is toward
    /// zero. `None` on overflow.
    #[must_use]
    pub fn of_lines(rules: &[&str], lines: u64, rate: i128, digits: u32, subtotal: i128) -> Option<Self> {
        let pricing_digit = multiply((1, PRICING_DIGITS), (rate.checked_abs()?, RATE_SCALE), AMOUNT_SCALE, Rounding::HalfUp)?;
        let per_line = pricing_digit.checked_add(decimal::power_of_ten(AMOUNT_SCALE - digits))?;
        let all = per_line.checked_mul(i128::from(lines))?;
        let widest = |tenths: fn(&Rule) -> i128| RULES.iter().filter(|rule| rules.contains(&rule.name)).map(tenths).max().unwrap_or(0);
        let down = decimal::divide(all.checked_mul(widest(|rule| rule.down_tenths))?, 10, Rounding::HalfUp);
        let up = decimal::divide(all.checked_mul(widest(|rule| rule.up_tenths))?, 10, Rounding::HalfUp);
        Some(match subtotal.signum() {
            1 => Self { below: down, above: up },
            -1 => Self { below: up, above: down },
            _ => Self { below: down.max(up), above: down.max(up) },
        })
    }

    /// Bounds of two sets of lines together. `None` on overflow.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        Some(Self { below: self.below.checked_add(other.below)?, above: self.above.checked_add(other.above)? })
    }

    /// The bound on the side on which a variance lies.
    #[must_use]
    pub fn toward(self, variance: i128) -> i128 {
        if variance > 0 { self.above } else { self.below }
    }
}

/// The first rule that reproduces a subtotal (units of 10^-20) exactly.
#[must_use]
pub fn rule_that_fits(line: Line, subtotal: i128) -> Option<&'static Rule> {
    RULES.iter().find(|rule| (rule.subtotal)(line) == Some(subtotal))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str, scale: u32) -> i128 {
        decimal::parse(text.as_bytes(), scale).unwrap().value
    }

    fn line(price: &str, quantity: &str, rate: &str) -> Line {
        Line { price: number(price, PRICE_SCALE), quantity: number(quantity, QUANTITY_SCALE), rate: number(rate, RATE_SCALE), digits: 2 }
    }

    #[test]
    fn the_documented_vectors_come_out() {
        // semantics.md 3, "Test vectors for EUP", and the synthetic v2 line.
        for (price, quantity, rate, subtotal) in [
            ("0.737586206896552", "29", "1", "21.39"),
            ("0.737757626107858", "210.950039", "1", "155.63"),
            ("0.737782122900436", "555.950039", "1", "410.17"),
            ("0.737757626107858", "210.950039", "0.846202666", "131.69"),
            ("-0.737757626107858", "210.950039", "0.846202666", "-131.69"),
        ] {
            let fits = rule_that_fits(line(price, quantity, rate), number(subtotal, AMOUNT_SCALE)).unwrap();
            assert_eq!(fits.name, "round_down_twice", "{price} x {quantity} x {rate}");
        }
        let seats = rule_that_fits(line("9.429", "10", "1"), number("94.20", AMOUNT_SCALE)).unwrap();
        assert_eq!(seats.name, "unit_price_down");
    }

    #[test]
    fn bounds_grow_with_lines_and_mirror_with_the_sign() {
        let bound = |lines, subtotal| Bounds::of_lines(&USAGE_RULES, lines, number("0.5", RATE_SCALE), 2, subtotal).unwrap();
        let amount = |text| number(text, AMOUNT_SCALE);
        assert_eq!(bound(2, 1), Bounds { below: amount("0.03"), above: amount("0.015") });
        assert_eq!(bound(2, -1), Bounds { below: amount("0.015"), above: amount("0.03") });
        assert_eq!(bound(1, 0).above, amount("0.015"));
    }
}
