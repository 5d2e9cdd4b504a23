//! Classic usage at the rate card's tiers, and what the invoice's lines make of it.

use std::collections::BTreeMap;

use crate::model::decimal::{
    AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, Rounding, multiply, rescale,
};
use crate::model::ids::{Fold, fold};

/// Decimals of a classic line's charge.
const CHARGE_DIGITS: u32 = 2;

/// Prices of meters by tier; each currency has its card.
#[derive(Clone, Debug, Default)]
pub struct RateCard {
    /// Currency and folded meter id to the tiers: first unit (10^-20) and price (10^-22).
    meters: BTreeMap<(String, String), BTreeMap<i128, i128>>,
}

/// One classic line, numbers in units of 10^-20, prices of 10^-22.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClassicLine {
    /// Units past those that are included.
    pub overage: i128,
    /// Price that the line names.
    pub list_price: Option<i128>,
}

impl RateCard {
    /// Adds a tier; `from` is its first unit.
    pub fn add(&mut self, currency: &str, meter_id: &str, from: i128, price: i128) {
        self.meters
            .entry(key(currency, meter_id))
            .or_default()
            .insert(from, price);
    }

    /// Takes over the tiers of another.
    pub fn absorb(&mut self, other: Self) {
        for (meter, tiers) in other.meters {
            self.meters.entry(meter).or_default().extend(tiers);
        }
    }

    /// What some units of a meter cost, in units of 10^-20, rounded half up to cents as classic usage
    /// is (`semantics.md` 3). `None` for a meter that the currency's card lacks, or on overflow.
    #[must_use]
    pub fn charge(&self, currency: &str, meter_id: &str, units: i128) -> Option<i128> {
        let tiers = self.meters.get(&key(currency, meter_id))?;
        let mut sum = 0_i128;
        let mut tiers = tiers.iter().peekable();
        while let Some((from, price)) = tiers.next() {
            let next = tiers.peek().map_or(i128::MAX, |(next, _)| **next);
            let within = units.min(next).checked_sub(*from)?.max(0);
            let charged = multiply(
                (within, QUANTITY_SCALE),
                (*price, PRICE_SCALE),
                AMOUNT_SCALE,
                Rounding::HalfUp,
            )?;
            sum = sum.checked_add(charged)?;
        }
        to_cents(sum)
    }
}

fn key(currency: &str, meter_id: &str) -> (String, String) {
    (fold(Fold::Code, currency), fold(Fold::Identifier, meter_id))
}

impl ClassicLine {
    /// The charge at the line's own price.
    #[must_use]
    pub fn charge(&self) -> Option<i128> {
        to_cents(multiply(
            (self.overage, QUANTITY_SCALE),
            (self.list_price?, PRICE_SCALE),
            AMOUNT_SCALE,
            Rounding::HalfUp,
        )?)
    }
}

fn to_cents(amount: i128) -> Option<i128> {
    rescale(
        rescale(amount, AMOUNT_SCALE, CHARGE_DIGITS, Rounding::HalfUp)?,
        CHARGE_DIGITS,
        AMOUNT_SCALE,
        Rounding::Down,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::decimal;

    fn number(text: &str, scale: u32) -> i128 {
        decimal::parse(text.as_bytes(), scale).unwrap().value
    }

    #[test]
    fn tiers_are_charged_one_after_the_other() {
        let mut card = RateCard::default();
        card.add("usd", "ABC", 0, number("0.085", PRICE_SCALE));
        card.add(
            "USD",
            "abc",
            number("1000", QUANTITY_SCALE),
            number("0.05", PRICE_SCALE),
        );
        let charge = |units| {
            card.charge("USD", "Abc", number(units, QUANTITY_SCALE))
                .unwrap()
        };
        assert_eq!(charge("745"), number("63.33", AMOUNT_SCALE));
        assert_eq!(charge("1010"), number("85.50", AMOUNT_SCALE));
        assert_eq!(
            (card.charge("USD", "other", 1), card.charge("EUR", "abc", 1)),
            (None, None)
        );
    }
}
