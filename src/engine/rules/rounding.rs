//! Microsoft's rounding rules as data (`semantics.md` 3): what each makes of a line, and how far it
//! can move a sum. Rules are tried and named, never assumed.

use std::borrow::Cow;

use crate::model::decimal::{
    self, AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE, Rounding, multiply,
    multiply_three, quotient_up, rescale,
};

/// Decimals to which the pricing currency is rounded.
const PRICING_DIGITS: u32 = 2;
/// Decimals of an effective unit price.
const EFFECTIVE_DIGITS: u32 = 15;

/// The numbers that a rule works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// In which order price, quantity and rate are multiplied, and where it is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// round(round(price x quantity) x rate).
    AmountThenRate,
    /// round(price x quantity x rate).
    AtOnce,
    /// round(price x rate) x quantity.
    UnitPriceThenQuantity,
}

impl Order {
    /// All orders.
    pub const ALL: [Self; 3] = [
        Self::AmountThenRate,
        Self::AtOnce,
        Self::UnitPriceThenQuantity,
    ];

    /// Name in pipelines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AmountThenRate => "amount_then_rate",
            Self::AtOnce => "at_once",
            Self::UnitPriceThenQuantity => "unit_price_then_quantity",
        }
    }
}

/// A documented, observed or configured rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in reports.
    pub name: Cow<'static, str>,
    /// Order of the steps.
    pub order: Order,
    /// How each step rounds.
    pub mode: Rounding,
    /// Decimals of the pricing currency.
    pub pricing_digits: u32,
    /// Decimals of the billing currency; `None` for those of the currency.
    pub billing_digits: Option<u32>,
    /// Lines of usage may follow it: then its bounds make the derived tolerance.
    pub is_of_usage: bool,
}

const fn rule(name: &'static str, order: Order, mode: Rounding, is_of_usage: bool) -> Rule {
    Rule {
        name: Cow::Borrowed(name),
        order,
        mode,
        pricing_digits: PRICING_DIGITS,
        billing_digits: None,
        is_of_usage,
    }
}

/// The rules of Microsoft's pages and worked examples, in the order in which they are tried. The
/// first is the documented one of usage; licence lines obey any of the others.
pub const DOCUMENTED: [Rule; 6] = [
    rule(
        "round_down_twice",
        Order::AmountThenRate,
        Rounding::Down,
        true,
    ),
    rule(
        "half_up_twice",
        Order::AmountThenRate,
        Rounding::HalfUp,
        true,
    ),
    rule(
        "unit_price_down",
        Order::UnitPriceThenQuantity,
        Rounding::Down,
        false,
    ),
    rule("total_down", Order::AtOnce, Rounding::Down, false),
    rule(
        "unit_price_half_up",
        Order::UnitPriceThenQuantity,
        Rounding::HalfUp,
        false,
    ),
    rule("total_half_up", Order::AtOnce, Rounding::HalfUp, false),
];

/// The rules of a tie-out: those that are documented, and those of its pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

impl Default for Rules {
    fn default() -> Self {
        Self(DOCUMENTED.to_vec())
    }
}

impl Rules {
    /// The documented ones, and more.
    #[must_use]
    pub fn with(more: &[Rule]) -> Self {
        Self(DOCUMENTED.iter().chain(more).cloned().collect())
    }

    /// All of them, in the order in which they are tried.
    #[must_use]
    pub fn all(&self) -> &[Rule] {
        &self.0
    }

    /// The first rule that reproduces a subtotal (units of 10^-20) exactly. `metered` lines follow
    /// the rules of usage first.
    #[must_use]
    pub fn that_fits(&self, line: Line, subtotal: i128, metered: bool) -> Option<&Rule> {
        let fits = |rule: &&Rule| rule.subtotal(line) == Some(subtotal);
        let first = self
            .0
            .iter()
            .filter(|rule| rule.is_of_usage == metered)
            .find(fits);
        first.or_else(|| {
            self.0
                .iter()
                .filter(|rule| rule.is_of_usage != metered)
                .find(fits)
        })
    }
}

impl Rule {
    /// Its formula, in words.
    #[must_use]
    pub fn formula(&self) -> String {
        let round = match self.mode {
            Rounding::Down => "ROUNDDOWN",
            Rounding::Floor => "FLOOR",
            Rounding::HalfUp => "ROUND",
            Rounding::HalfEven => "ROUNDHALFEVEN",
        };
        let billing = self
            .billing_digits
            .map_or_else(|| "minor unit".to_owned(), |digits| digits.to_string());
        let pricing = self.pricing_digits;
        match self.order {
            Order::AmountThenRate => {
                format!(
                    "{round}({round}(EffectiveUnitPrice x BillableQuantity, {pricing}) x PCToBCExchangeRate, {billing})"
                )
            }
            Order::AtOnce => format!(
                "{round}(EffectiveUnitPrice x BillableQuantity x PCToBCExchangeRate, {billing})"
            ),
            Order::UnitPriceThenQuantity => {
                format!(
                    "{round}(EffectiveUnitPrice x PCToBCExchangeRate, {billing}) x BillableQuantity"
                )
            }
        }
    }

    /// Subtotal of a line, in units of 10^-20. `None` on overflow.
    #[must_use]
    pub fn subtotal(&self, line: Line) -> Option<i128> {
        let (price, quantity, rate) = (
            (line.price, PRICE_SCALE),
            (line.quantity, QUANTITY_SCALE),
            (line.rate, RATE_SCALE),
        );
        let digits = self.billing_digits.unwrap_or(line.digits);
        match self.order {
            Order::AmountThenRate => {
                let priced = multiply(price, quantity, self.pricing_digits, self.mode)?;
                let billed = multiply((priced, self.pricing_digits), rate, digits, self.mode)?;
                rescale(billed, digits, AMOUNT_SCALE, Rounding::Down)
            }
            Order::AtOnce => {
                let billed = multiply_three([price, quantity, rate], digits, self.mode)?;
                rescale(billed, digits, AMOUNT_SCALE, Rounding::Down)
            }
            Order::UnitPriceThenQuantity => {
                let unit = multiply(price, rate, digits, self.mode)?;
                multiply((unit, digits), quantity, AMOUNT_SCALE, Rounding::HalfEven)
            }
        }
    }

    /// The price that this rule brings back to the charge that `pricing` (units of 10^-20 of the
    /// pricing currency) comes to: the charge over the quantity at 15 decimals, rounded away from
    /// zero, as Microsoft's effective unit prices are. In units of 10^-22; `None` without a quantity.
    #[must_use]
    pub fn price_of(&self, pricing: i128, quantity: i128) -> Option<i128> {
        let charge = match self.order {
            Order::AmountThenRate => (
                rescale(pricing, AMOUNT_SCALE, self.pricing_digits, self.mode)?,
                self.pricing_digits,
            ),
            Order::AtOnce | Order::UnitPriceThenQuantity => (pricing, AMOUNT_SCALE),
        };
        let price = quotient_up(charge, (quantity, QUANTITY_SCALE), EFFECTIVE_DIGITS)?;
        rescale(price, EFFECTIVE_DIGITS, PRICE_SCALE, Rounding::Down)
    }

    /// What a step can take away and add, of an amount above zero, in tenths of its last digit.
    const fn tenths(&self) -> (i128, i128) {
        match self.mode {
            Rounding::Down | Rounding::Floor => (10, 0),
            Rounding::HalfUp | Rounding::HalfEven => (5, 5),
        }
    }

    /// Digits that its steps may lose on some lines, summed: units of 10^-20. `None` on overflow.
    fn digits_lost(&self, lines: Lines) -> Option<i128> {
        let billing = decimal::power_of_ten(
            AMOUNT_SCALE.checked_sub(self.billing_digits.unwrap_or(lines.digits))?,
        );
        let count = i128::from(lines.count);
        match self.order {
            Order::AmountThenRate => {
                let rate = (lines.rate.checked_abs()?, RATE_SCALE);
                multiply(
                    (1, self.pricing_digits),
                    rate,
                    AMOUNT_SCALE,
                    Rounding::HalfUp,
                )?
                .checked_add(billing)?
                .checked_mul(count)
            }
            Order::AtOnce => billing.checked_mul(count),
            Order::UnitPriceThenQuantity => {
                let digits = self.billing_digits.unwrap_or(lines.digits);
                multiply(
                    (1, digits),
                    (lines.quantity.checked_abs()?, QUANTITY_SCALE),
                    AMOUNT_SCALE,
                    Rounding::HalfUp,
                )
            }
        }
    }
}

/// Some lines of one rate, as their bounds depend on them.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    /// How many.
    pub count: u64,
    /// Units of 10^-18.
    pub rate: i128,
    /// Sum of their quantities, in units of 10^-20.
    pub quantity: i128,
    /// Sum of their subtotals: its sign is theirs.
    pub subtotal: i128,
    /// Decimals of the billing currency.
    pub digits: u32,
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
    /// Bounds of some lines under any of the rules of usage: each step loses less than one last
    /// digit, of the pricing currency at the line's rate and of the billing currency. Negative lines
    /// mirror positive ones, as rounding is toward zero. `None` on overflow.
    #[must_use]
    pub fn of_lines(rules: &Rules, lines: Lines) -> Option<Self> {
        let (mut down, mut up) = (0, 0);
        for rule in rules.all().iter().filter(|rule| rule.is_of_usage) {
            let (digits, (down_tenths, up_tenths)) = (rule.digits_lost(lines)?, rule.tenths());
            down = down.max(decimal::divide(
                digits.checked_mul(down_tenths)?,
                10,
                Rounding::HalfUp,
            ));
            up = up.max(decimal::divide(
                digits.checked_mul(up_tenths)?,
                10,
                Rounding::HalfUp,
            ));
        }
        Some(match lines.subtotal.signum() {
            1 => Self {
                below: down,
                above: up,
            },
            -1 => Self {
                below: up,
                above: down,
            },
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

    /// The bound on the side on which a variance lies.
    #[must_use]
    pub fn toward(self, variance: i128) -> i128 {
        if variance > 0 { self.above } else { self.below }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str, scale: u32) -> i128 {
        decimal::parse(text.as_bytes(), scale).unwrap().value
    }

    fn line(price: &str, quantity: &str, rate: &str) -> Line {
        Line {
            price: number(price, PRICE_SCALE),
            quantity: number(quantity, QUANTITY_SCALE),
            rate: number(rate, RATE_SCALE),
            digits: 2,
        }
    }

    /// Price, quantity, rate, subtotal, and the rules that give it.
    fn check((price, quantity, rate, subtotal): (&str, &str, &str, &str), names: &[&str]) {
        let line = line(price, quantity, rate);
        let rules = Rules::default();
        let fits = rules
            .all()
            .iter()
            .filter(|rule| rule.subtotal(line) == Some(number(subtotal, AMOUNT_SCALE)));
        assert_eq!(
            fits.map(|rule| rule.name.as_ref()).collect::<Vec<_>>(),
            names,
            "{price} x {quantity} x {rate}"
        );
    }

    #[test]
    fn the_documented_vectors_come_out() {
        // semantics.md 3, "Test vectors for EUP", and a line in another currency, both ways round.
        const DOWN: &[&str] = &[
            "round_down_twice",
            "half_up_twice",
            "total_down",
            "total_half_up",
        ];
        check(("0.737586206896552", "29", "1", "21.39"), DOWN);
        check(("0.737757626107858", "210.950039", "1", "155.63"), DOWN);
        check(("0.737782122900436", "555.950039", "1", "410.17"), DOWN);
        check(
            ("0.737757626107858", "210.950039", "0.846202666", "131.69"),
            &[
                "round_down_twice",
                "half_up_twice",
                "total_down",
                "total_half_up",
            ],
        );
        check(
            ("-0.737757626107858", "210.950039", "0.846202666", "-131.69"),
            DOWN,
        );
        // Classic usage, half up: 63.325.
        check(
            ("0.085", "745", "1", "63.33"),
            &["half_up_twice", "total_half_up"],
        );
    }

    /// A price of so many days of a cycle, as the licence examples make it.
    fn prorated(full: &str, days: i128, cycle: i128) -> i128 {
        decimal::divide(number(full, PRICE_SCALE) * days, cycle, Rounding::Down)
    }

    #[test]
    fn the_conflict_of_the_licence_examples_stands() {
        let fits = |price: i128, seats: &str, subtotal: &str| -> Vec<String> {
            let line = Line {
                price,
                quantity: number(seats, QUANTITY_SCALE),
                rate: number("1", RATE_SCALE),
                digits: 2,
            };
            let wanted = Some(number(subtotal, AMOUNT_SCALE));
            DOCUMENTED
                .iter()
                .filter(|rule| !rule.is_of_usage && rule.subtotal(line) == wanted)
                .map(|rule| rule.name.to_string())
                .collect()
        };
        // Add and remove seats: the total is truncated.
        assert_eq!(fits(prorated("12", 29, 31), "10", "112.25"), ["total_down"]);
        // Cancel and upgrade: the unit price is truncated.
        assert_eq!(
            fits(prorated("10.08", 29, 31), "10", "94.20"),
            ["unit_price_down"]
        );
        assert_eq!(
            fits(prorated("10.08", 23, 30), "300", "2316"),
            ["unit_price_down"]
        );
        assert_eq!(
            fits(prorated("6.43", 23, 30), "300", "1476"),
            ["unit_price_down"]
        );
        // The oldest: the unit price is rounded half up.
        assert_eq!(
            fits(prorated("4", 29, 30), "2", "7.74"),
            ["unit_price_half_up"]
        );
    }

    #[test]
    fn effective_prices_are_microsofts() {
        let [down, ..] = &DOCUMENTED;
        for (quantity, pricing, price) in [
            ("29", "21.3962", "0.737586206896552"),
            ("210.950039", "155.638938774", "0.737757626107858"),
            ("555.950039", "410.179938", "0.737782122900436"),
        ] {
            let quantity = number(quantity, QUANTITY_SCALE);
            assert_eq!(
                down.price_of(number(pricing, AMOUNT_SCALE), quantity),
                Some(number(price, PRICE_SCALE)),
                "{price}"
            );
        }
        assert_eq!(down.price_of(1, 0), None);
    }

    #[test]
    fn bounds_grow_with_lines_and_mirror_with_the_sign() {
        let rate = number("0.5", RATE_SCALE);
        let bound = |count, subtotal| {
            Bounds::of_lines(
                &Rules::default(),
                Lines {
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
