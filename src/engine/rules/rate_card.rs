//! Rate card of classic usage: what units cost at its tiers, and what an invoice may charge for
//! them.
//!
//! A tier's price holds for the units within the tier only, and not for all units ([semantics
//! §11](crate::model::domain::semantics), 22). Units are counted by subscription, meter and charge
//! period, after those that the card includes: the units that a line calls included are no witness
//! of its own charge. Charges are rounded half up to cents, line by line ([semantics
//! §3](crate::model::domain::semantics), "Classic usage"). Azure plan usage has no rate card: its
//! prices stand on its rows.

use std::collections::BTreeMap;

use crate::model::decimal::{
    AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, Rounding, multiply, power_of_ten, rescale,
};
use crate::model::ids::{Fold, fold};

/// Decimals of a classic line's charge.
const CHARGE_DIGITS: u32 = 2;

/// Meter on a card.
#[derive(Clone, Debug, Default)]
struct CardMeter {
    /// First unit of each tier (10^-20) with the tier's price (10^-22).
    tiers: BTreeMap<i128, i128>,
    /// Units of a charge period that cost nothing, in units of 10^-20.
    included: i128,
}

/// Prices of meters by tier, each in the currencies of the cards that were read.
#[derive(Clone, Debug, Default)]
pub struct RateCard {
    /// Meters by folded currency and folded meter id.
    meters: BTreeMap<(String, String), CardMeter>,
}

/// A tier as a row of a card tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// First unit of the tier, in units of 10^-20.
    pub from: i128,
    /// Price of a unit, in units of 10^-22.
    pub price: i128,
    /// Units of the meter that cost nothing, in units of 10^-20; `None` where the row tells none.
    pub included: Option<i128>,
}

/// Numbers of a classic usage line on the invoice's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClassicLine {
    /// ConsumedQuantity, in units of 10^-20.
    pub consumed: i128,
    /// OverageQuantity, the units that the line charges for, in units of 10^-20.
    pub overage: i128,
    /// ListPrice, in units of 10^-22; `None` where the line names none.
    pub list_price: Option<i128>,
}

/// Charge that a card makes of the units of some lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardCharge {
    /// Units that are charged for, after the included ones, in units of 10^-20.
    pub units: i128,
    /// Charge of these units before it is rounded, in units of 10^-20.
    pub exact: i128,
    /// Sum of the lines' charges after each was rounded to cents, in units of 10^-20.
    pub rounded: i128,
    /// True if it is known how the units fall to the lines, so that `rounded` is the only charge
    /// that the card makes.
    pub is_certain: bool,
    /// Most by which rounding can move the charge, in units of 10^-20: half a cent a line.
    pub bound: i128,
    /// Charge of the units that the lines charge for, not rounded, in units of 10^-20.
    pub of_billed_units: i128,
    /// Charge of those units at the list prices of the lines, in units of 10^-20; `None` where a
    /// line names no price.
    pub at_list_prices: Option<i128>,
}

impl RateCard {
    /// Adds a tier. One that begins at the same unit is replaced.
    pub fn add(&mut self, currency: &str, meter_id: &str, tier: Tier) {
        let meter = self.meters.entry(key(currency, meter_id)).or_default();
        meter.tiers.insert(tier.from, tier.price);
        if let Some(included) = tier.included {
            meter.included = included;
        }
    }

    /// Adds all tiers of another card, which replace those that begin at the same unit.
    pub fn absorb(&mut self, other: Self) {
        for (name, more) in other.meters {
            let meter = self.meters.entry(name).or_default();
            meter.tiers.extend(more.tiers);
            meter.included = more.included;
        }
    }

    /// Charge for the units of some lines of one meter, subscription and charge period. `None` for a
    /// meter that is not on the currency's card, or on overflow.
    #[must_use]
    pub fn charge(
        &self,
        currency: &str,
        meter_id: &str,
        lines: &[ClassicLine],
    ) -> Option<CardCharge> {
        let meter = self.meters.get(&key(currency, meter_id))?;
        let consumed = total(lines, |line| line.consumed)?;
        // Below the included units nothing is charged, and nothing is given back.
        let units = consumed.checked_sub(meter.included)?.max(0);
        let billed = total(lines, |line| line.overage)?;
        let exact = meter.exact_charge(units)?;
        let half_a_cent = power_of_ten(AMOUNT_SCALE - CHARGE_DIGITS) / 2;
        let by_line = meter.rounded_by_line(units, billed, lines)?;
        Some(CardCharge {
            units,
            exact,
            rounded: match by_line {
                Some(rounded) => rounded,
                None => to_cents(exact)?,
            },
            is_certain: by_line.is_some(),
            bound: half_a_cent.checked_mul(i128::try_from(lines.len()).ok()?)?,
            of_billed_units: meter.exact_charge(billed)?,
            at_list_prices: at_list_prices(lines),
        })
    }
}

fn key(currency: &str, meter_id: &str) -> (String, String) {
    // Cards and usage spell both in any case.
    (fold(Fold::Code, currency), fold(Fold::Identifier, meter_id))
}

impl CardMeter {
    /// Units within each tier, with the tier's price; only tiers that have any.
    fn units_by_tier(&self, units: i128) -> Option<Vec<(i128, i128)>> {
        let mut found = Vec::new();
        let mut tiers = self.tiers.iter().peekable();
        // The map is sorted by first unit, so a tier ends where the next one begins.
        while let Some((from, price)) = tiers.next() {
            let end = match tiers.peek() {
                Some((next, _)) => units.min(**next),
                // The last tier has no upper bound.
                None => units,
            };
            // Below the tier's first unit nothing is within the tier.
            let within = end.checked_sub(*from)?;
            if within > 0 {
                found.push((within, *price));
            }
        }
        Some(found)
    }

    /// Charge for some units, not rounded.
    fn exact_charge(&self, units: i128) -> Option<i128> {
        let mut sum = 0_i128;
        for (within, price) in self.units_by_tier(units)? {
            sum = sum.checked_add(product(within, price)?)?;
        }
        Some(sum)
    }

    /// Sum of the lines' charges, each rounded to cents: `Some(None)` where it is not known how the
    /// units fall to the lines, `None` on overflow.
    #[expect(
        clippy::option_option,
        reason = "overflow is not the same as not known"
    )]
    fn rounded_by_line(
        &self,
        units: i128,
        billed: i128,
        lines: &[ClassicLine],
    ) -> Option<Option<i128>> {
        if lines.len() == 1 {
            return Some(Some(to_cents(self.exact_charge(units)?)?));
        }
        // The units of single lines are believed only if together they are those of the card.
        if billed != units {
            return Some(None);
        }
        let tiers = self.units_by_tier(units)?;
        let price_of = |line: &ClassicLine| match tiers[..] {
            [] => Some(0),
            [(_, price)] => Some(price),
            _ => line.list_price,
        };
        let mut left: BTreeMap<i128, i128> = BTreeMap::new();
        for (within, price) in &tiers {
            *left.entry(*price).or_default() += within;
        }
        let mut sum = 0_i128;
        for line in lines {
            let Some(price) = price_of(line) else {
                return Some(None);
            };
            *left.entry(price).or_default() -= line.overage;
            sum = sum.checked_add(to_cents(product(line.overage, price)?)?)?;
        }
        // A line that names the price of a tier is of that tier if the lines of each price have all
        // units of its tier, and no other.
        let is_divided = tiers.len() < 2 || left.values().all(|units| *units == 0);
        Some(is_divided.then_some(sum))
    }
}

fn total(lines: &[ClassicLine], of: fn(&ClassicLine) -> i128) -> Option<i128> {
    lines
        .iter()
        .try_fold(0_i128, |sum, line| sum.checked_add(of(line)))
}

/// Units (10^-20) at a price (10^-22), in units of 10^-20. The product has 42 decimals; the 22 that
/// are cut off lie far below the cents that are kept.
fn product(units: i128, price: i128) -> Option<i128> {
    multiply(
        (units, QUANTITY_SCALE),
        (price, PRICE_SCALE),
        AMOUNT_SCALE,
        Rounding::HalfUp,
    )
}

/// Charges of some lines at their own list prices, not rounded, in units of 10^-20. `None` where one
/// of them names no price, or on overflow.
fn at_list_prices(lines: &[ClassicLine]) -> Option<i128> {
    lines.iter().try_fold(0_i128, |sum, line| {
        sum.checked_add(product(line.overage, line.list_price?)?)
    })
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

    fn tier(from: &str, price: &str, included: &str) -> Tier {
        Tier {
            from: number(from, QUANTITY_SCALE),
            price: number(price, PRICE_SCALE),
            included: Some(number(included, QUANTITY_SCALE)),
        }
    }

    fn line(units: &str, price: Option<&str>) -> ClassicLine {
        let units = number(units, QUANTITY_SCALE);
        ClassicLine {
            consumed: units,
            overage: units,
            list_price: price.map(|price| number(price, PRICE_SCALE)),
        }
    }

    #[test]
    fn tiers_are_charged_one_after_the_other() {
        let mut card = RateCard::default();
        card.add("usd", "ABC", tier("0", "0.085", "0"));
        card.add("USD", "abc", tier("1000", "0.05", "0"));
        let charge = |units| {
            let found = card.charge("USD", "Abc", &[line(units, None)]).unwrap();
            assert!(found.is_certain, "one line has all units");
            [found.exact, found.rounded]
        };
        let amounts = |texts: [&str; 2]| texts.map(|text| number(text, AMOUNT_SCALE));
        assert_eq!(charge("745"), amounts(["63.325", "63.33"]));
        assert_eq!(charge("1010"), amounts(["85.50", "85.50"]));
        let one = [line("1", None)];
        let unknown = [
            card.charge("USD", "other", &one),
            card.charge("EUR", "abc", &one),
        ];
        assert_eq!(unknown, [None, None]);
    }

    #[test]
    fn each_line_is_rounded_where_its_tier_is_known() {
        let mut card = RateCard::default();
        card.add("USD", "m", tier("0", "0.105", "5"));
        card.add("USD", "m", tier("9", "0.055", "5"));
        let charge = |lines: [ClassicLine; 2], included: &str| {
            let mut lines = lines;
            lines[0].consumed += number(included, QUANTITY_SCALE);
            let found = card.charge("USD", "m", &lines).unwrap();
            (found.is_certain, found.rounded)
        };
        let cents = |text| number(text, AMOUNT_SCALE);
        // Both in the first tier: 0.315 and 0.525.
        let both = [line("3", None), line("5", None)];
        assert_eq!(charge(both, "5"), (true, cents("0.85")));
        // A line for each tier: 0.945 and 0.165.
        let apart = [line("9", Some("0.105")), line("3", Some("0.055"))];
        assert_eq!(charge(apart, "5"), (true, cents("1.12")));
        // The lines name prices, and not the units of the tiers.
        let mixed = [line("8", Some("0.105")), line("4", Some("0.055"))];
        assert!(!charge(mixed, "5").0);
        // The lines charge for other units than the card.
        assert!(!charge(both, "0").0);
    }
}
