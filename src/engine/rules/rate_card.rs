//! Rate card of classic usage: what units cost at its tiers, and what an invoice line charges for
//! them.
//!
//! A tier's price holds for the units within the tier only, and not for all units ([semantics
//! §11](crate::model::domain::semantics), 22). Charges are rounded half up to cents, once, behind
//! the sum over the tiers ([semantics §3](crate::model::domain::semantics), "Classic usage"). Azure
//! plan usage has no rate card: its prices stand on its rows.

use std::collections::BTreeMap;

use crate::model::decimal::{
    AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, Rounding, multiply, rescale,
};
use crate::model::ids::{Fold, fold};

/// Decimals of a classic line's charge.
const CHARGE_DIGITS: u32 = 2;

/// Prices of meters by tier, each in the currencies of the cards that were read.
#[derive(Clone, Debug, Default)]
pub struct RateCard {
    /// Tiers by folded currency and folded meter id: first unit (10^-20) to price (10^-22).
    meters: BTreeMap<(String, String), BTreeMap<i128, i128>>,
}

/// Numbers of a classic usage line on the invoice's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClassicLine {
    /// OverageQuantity, the units beyond those included, in units of 10^-20.
    pub overage: i128,
    /// ListPrice, in units of 10^-22; `None` where the line names none.
    pub list_price: Option<i128>,
}

impl RateCard {
    /// Adds a tier that begins at `from` units (10^-20) and costs `price` a unit (10^-22). A tier
    /// that begins at the same unit is replaced.
    pub fn add(&mut self, currency: &str, meter_id: &str, from: i128, price: i128) {
        self.meters
            .entry(key(currency, meter_id))
            .or_default()
            .insert(from, price);
    }

    /// Adds all tiers of another card, which replace those that begin at the same unit.
    pub fn absorb(&mut self, other: Self) {
        for (meter, tiers) in other.meters {
            self.meters.entry(meter).or_default().extend(tiers);
        }
    }

    /// Charge for some units (10^-20) of a meter, in units of 10^-20, rounded half up to cents.
    /// `None` for a meter that is not on the currency's card, or on overflow.
    #[must_use]
    pub fn charge(&self, currency: &str, meter_id: &str, units: i128) -> Option<i128> {
        let tiers = self.meters.get(&key(currency, meter_id))?;
        let mut sum = 0_i128;
        let mut tiers = tiers.iter().peekable();
        // The map is sorted by first unit, so a tier ends where the next one begins.
        while let Some((from, price)) = tiers.next() {
            let end = match tiers.peek() {
                Some((next, _)) => units.min(**next),
                // The last tier has no upper bound.
                None => units,
            };
            // Below the tier's first unit nothing is within the tier.
            let within = end.checked_sub(*from)?.max(0);
            // The product has 42 decimals; the 22 that are cut off lie far below the cents that are
            // kept.
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
    // Cards and usage spell both in any case.
    (fold(Fold::Code, currency), fold(Fold::Identifier, meter_id))
}

impl ClassicLine {
    /// Charge of the line at its own price, in units of 10^-20, rounded half up to cents. `None`
    /// without a price, or on overflow.
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

/// An amount of 20 decimals, rounded half up to two, with 20 decimals again. `None` on overflow.
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
