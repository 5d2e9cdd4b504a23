//! Microsoft's rounding rules as data, and the subtotal that each gives a line.
//!
//! Microsoft's own pages contradict each other ([semantics §3](crate::model::domain::semantics)),
//! and the rows of a real usage file obey none of them ([quirks](crate::model::domain::quirks),
//! daily rated usage 4). So rules are tried, and the one that reproduces a line is named; none is
//! assumed. A new rule is one row of [`DOCUMENTED`]. How far a rule can move a sum:
//! [`super::rounding_bounds`].

use std::borrow::Cow;

use crate::model::decimal::{
    AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE, Rounding, multiply, multiply_three,
    quotient_up, rescale,
};

/// Decimals to which the documented rules round the pricing currency.
const PRICING_DIGITS: u32 = 2;
/// Decimals of an effective unit price, as Microsoft prints it.
const EFFECTIVE_DIGITS: u32 = 15;

/// Numbers of an invoice line that a rule works on.
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

/// Order in which price, quantity and exchange rate are multiplied, and the steps that round.
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
    /// Every order, in the order of the declaration.
    pub const ALL: [Self; 3] = [
        Self::AmountThenRate,
        Self::AtOnce,
        Self::UnitPriceThenQuantity,
    ];

    /// Name in the key `order` of a pipeline's own rule.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AmountThenRate => "amount_then_rate",
            Self::AtOnce => "at_once",
            Self::UnitPriceThenQuantity => "unit_price_then_quantity",
        }
    }
}

/// A rounding rule: documented, or of a pipeline's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Name in reports and in `explain`.
    pub name: Cow<'static, str>,
    /// Order of the steps, and which of them round.
    pub order: Order,
    /// Rounding of each step that rounds.
    pub mode: Rounding,
    /// Decimals of the pricing currency that the first step of [`Order::AmountThenRate`] keeps.
    pub pricing_digits: u32,
    /// Decimals of the billing currency; `None` for those of the currency's minor unit.
    pub billing_digits: Option<u32>,
    /// True if lines for usage may follow the rule: the derived tolerance then covers its bounds.
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

/// Rules of Microsoft's pages and worked examples, in the order in which they are tried
/// ([semantics §3](crate::model::domain::semantics)). The first is the documented rule for usage;
/// the worked examples of licence lines contradict each other, and obey one or another of the rest.
pub const DOCUMENTED: [Rule; 7] = [
    // Documented for usage lines of new commerce.
    rule(
        "round_down_twice",
        Order::AmountThenRate,
        Rounding::Down,
        true,
    ),
    // Classic usage is rounded half up.
    rule(
        "half_up_twice",
        Order::AmountThenRate,
        Rounding::HalfUp,
        true,
    ),
    // The documented formula to the letter, which says two decimals in every currency.
    Rule {
        name: Cow::Borrowed("round_down_twice_to_cents"),
        order: Order::AmountThenRate,
        mode: Rounding::Down,
        pricing_digits: PRICING_DIGITS,
        billing_digits: Some(2),
        is_of_usage: true,
    },
    // Documented for licence lines; the examples of cancelling and of upgrading follow it.
    rule(
        "unit_price_down",
        Order::UnitPriceThenQuantity,
        Rounding::Down,
        false,
    ),
    // The example of adding and removing seats.
    rule("total_down", Order::AtOnce, Rounding::Down, false),
    // The oldest example.
    rule(
        "unit_price_half_up",
        Order::UnitPriceThenQuantity,
        Rounding::HalfUp,
        false,
    ),
    // No page has it: the half-up twin of `total_down`, as the other two orders have theirs.
    rule("total_half_up", Order::AtOnce, Rounding::HalfUp, false),
];

/// Rules of a tie-out: the documented ones, followed by those of its pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

impl Default for Rules {
    fn default() -> Self {
        Self(DOCUMENTED.to_vec())
    }
}

impl Rules {
    /// The documented rules, followed by `more`.
    #[must_use]
    pub fn with(more: &[Rule]) -> Self {
        Self(DOCUMENTED.iter().chain(more).cloned().collect())
    }

    /// Every rule, in the order in which they are tried.
    #[must_use]
    pub fn all(&self) -> &[Rule] {
        &self.0
    }

    /// First rule that reproduces a subtotal (units of 10^-20) exactly. Rules for usage are tried
    /// first on `metered` lines, and last on all others.
    #[must_use]
    pub fn that_fits(&self, line: Line, subtotal: i128, metered: bool) -> Option<&Rule> {
        // Several rules often give the same cent: their order decides which one is named.
        let fitting = |is_of_usage| {
            self.0.iter().find(|rule| {
                rule.is_of_usage == is_of_usage && rule.distance(line, subtotal) == Some(0)
            })
        };
        // The other group is tried as well: Microsoft's examples do not keep to its pages, and a
        // rule that reproduces the cent is worth naming on any line.
        fitting(metered).or_else(|| fitting(!metered))
    }
}

impl Rule {
    /// Formula of the rule over Microsoft's column names, as a person would check it in a
    /// spreadsheet.
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
                    "{round}({round}(EffectiveUnitPrice x BillableQuantity, {pricing}) \
                     x PCToBCExchangeRate, {billing})"
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

    /// Subtotal that the rule gives a line, in units of 10^-20. `None` on overflow.
    #[must_use]
    pub fn subtotal(&self, line: Line) -> Option<i128> {
        let (price, quantity, rate) = (
            (line.price, PRICE_SCALE),
            (line.quantity, QUANTITY_SCALE),
            (line.rate, RATE_SCALE),
        );
        let digits = self.billing_digits_of(line.digits);
        match self.order {
            Order::AmountThenRate => {
                let priced = multiply(price, quantity, self.pricing_digits, self.mode)?;
                let billed = multiply((priced, self.pricing_digits), rate, digits, self.mode)?;
                // Widening: nothing is rounded.
                rescale(billed, digits, AMOUNT_SCALE, Rounding::Down)
            }
            Order::AtOnce => {
                // In one step: two multiplications would round twice, which is the rule above.
                let billed = multiply_three([price, quantity, rate], digits, self.mode)?;
                rescale(billed, digits, AMOUNT_SCALE, Rounding::Down)
            }
            Order::UnitPriceThenQuantity => {
                let unit = multiply(price, rate, digits, self.mode)?;
                // Exact while the quantity has no more decimals than 20 less the unit price's
                // digits.
                multiply((unit, digits), quantity, AMOUNT_SCALE, Rounding::HalfEven)
            }
        }
    }

    /// A subtotal (units of 10^-20) less the one that the rule makes of the line's own numbers: 0
    /// for a line that obeys the rule. `None` on overflow.
    #[must_use]
    pub fn distance(&self, line: Line, subtotal: i128) -> Option<i128> {
        subtotal.checked_sub(self.subtotal(line)?)
    }

    /// Subtotal that the rule gives a line whose charge in the pricing currency is known, and not
    /// its price: `pricing` and the result are in units of 10^-20. `None` on overflow.
    #[must_use]
    pub fn subtotal_of_charge(
        &self,
        pricing: i128,
        quantity: i128,
        rate: i128,
        digits: u32,
    ) -> Option<i128> {
        let to = self.billing_digits_of(digits);
        let billed = match self.order {
            Order::AmountThenRate => {
                let priced = rescale(pricing, AMOUNT_SCALE, self.pricing_digits, self.mode)?;
                multiply(
                    (priced, self.pricing_digits),
                    (rate, RATE_SCALE),
                    to,
                    self.mode,
                )?
            }
            Order::UnitPriceThenQuantity if quantity != 0 => {
                let price = self.price_of(pricing, quantity)?;
                return self.subtotal(Line {
                    price,
                    quantity,
                    rate,
                    digits,
                });
            }
            // Of no quantity there is no price either: the amount is rounded as it is.
            Order::AtOnce | Order::UnitPriceThenQuantity => {
                multiply((pricing, AMOUNT_SCALE), (rate, RATE_SCALE), to, self.mode)?
            }
        };
        // Widening: nothing is rounded.
        rescale(billed, to, AMOUNT_SCALE, Rounding::Down)
    }

    /// Decimals to which the rule rounds the billing currency, whose minor unit has `minor_digits`.
    pub(super) const fn billing_digits_of(&self, minor_digits: u32) -> u32 {
        match self.billing_digits {
            Some(digits) => digits,
            None => minor_digits,
        }
    }

    /// Effective unit price of a quantity whose charge is `pricing` (units of 10^-20 of the pricing
    /// currency), in units of 10^-22: the charge as the rule rounds it, divided by the quantity.
    /// `None` for a quantity of 0, or on overflow.
    #[must_use]
    pub fn price_of(&self, pricing: i128, quantity: i128) -> Option<i128> {
        let charge = match self.order {
            Order::AmountThenRate => (
                rescale(pricing, AMOUNT_SCALE, self.pricing_digits, self.mode)?,
                self.pricing_digits,
            ),
            // Neither order rounds an amount in the pricing currency.
            Order::AtOnce | Order::UnitPriceThenQuantity => (pricing, AMOUNT_SCALE),
        };
        // Away from zero, as Microsoft's own prices are: multiplied by the quantity again they come
        // to the same cent, where a price rounded down would lose one.
        let price = quotient_up(charge, (quantity, QUANTITY_SCALE), EFFECTIVE_DIGITS)?;
        rescale(price, EFFECTIVE_DIGITS, PRICE_SCALE, Rounding::Down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::decimal;

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
        // `model::domain::semantics` §3, "Test vectors for EUP", and a charge in another currency
        // with its credit.
        const DOWN: &[&str] = &[
            "round_down_twice",
            "half_up_twice",
            "round_down_twice_to_cents",
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
                "round_down_twice_to_cents",
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
}
