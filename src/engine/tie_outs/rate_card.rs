//! `rate-card`: charges of classic usage lines against what the card makes of their units.
//!
//! The card predicts the charge to the cent: its tiers on the units of a charge period, each line
//! rounded by itself. What is billed beyond that is split into the units that the card does not
//! charge for, and the price that the lines name for them ([`rate_card`](crate::engine::rules::rate_card)).

use super::two_lists::{self, Checked, GroupRows, finding};
use crate::engine::causes::finding::Narrowest;
use crate::engine::causes::variance_bridge::VarianceBridge;
use crate::engine::compare::group::{Predicted, Sides};
use crate::engine::failure::EngineError;
use crate::engine::fold::entries::EntryRows;
use crate::engine::fold::side_row::SideRow;
use crate::engine::matching::passes::Pass;
use crate::engine::rules::definitions;
use crate::engine::rules::rate_card::CardCharge;
use crate::engine::rules::rounding_bounds::Bounds;
use crate::model::cause::TieOut;
use crate::model::decimal::to_published as published;

/// Compares the charges of classic lines with those of the card. `entries` has the charges that the
/// expected rows name.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn compare(
    entries: &EntryRows,
    passes: &[Pass],
    expected: &[SideRow],
    invoiced: &[SideRow],
) -> Result<Vec<Checked>, EngineError> {
    let definition = definitions::definition(TieOut::RateCard);
    let compared = two_lists::compare(definition, passes, expected, invoiced)?;
    let check = |(mut sides, rows): (Sides, GroupRows)| {
        let charges = rows.expected.iter().filter_map(|row| expected[*row].charge);
        let charges = charges.map(|at| &entries.card_charges[at as usize]);
        let Some(charge) = sum_of(charges).ok_or(EngineError::AmountOverflow)? else {
            // No card makes a charge of these units, so that nothing in it is rounding.
            sides.bounds = Bounds { below: 0, above: 0 };
            return with_finding(sides, None);
        };
        sides.predicted = Some(predicted(&charge).ok_or(EngineError::AmountOverflow)?);
        with_finding(sides, Some(&charge))
    };
    let groups = compared.sides.into_iter().zip(compared.rows);
    groups.map(check).collect()
}

/// The group with a finding if rounding alone cannot make its variance.
fn with_finding(sides: Sides, charge: Option<&CardCharge>) -> Result<Checked, EngineError> {
    if !sides.is_beyond_rounding()? {
        return Ok((sides, None));
    }
    let steps = match charge {
        Some(charge) if sides.invoiced_rows > 0 => {
            steps(&sides, charge).ok_or(EngineError::AmountOverflow)?
        }
        _ => VarianceBridge::one_sided(&sides),
    };
    // The day among the keys is that of a charge period, and no day of use.
    Ok((sides, finding(steps, Narrowest::Meter)))
}

/// Charges of a group as one; `Some(None)` where there are none, `None` on overflow.
#[expect(clippy::option_option, reason = "overflow is no missing charge")]
fn sum_of<'c>(charges: impl Iterator<Item = &'c CardCharge>) -> Option<Option<CardCharge>> {
    let mut sum: Option<CardCharge> = None;
    for one in charges {
        let Some(all) = &mut sum else {
            sum = Some(*one);
            continue;
        };
        for (all, one) in [
            (&mut all.units, one.units),
            (&mut all.exact, one.exact),
            (&mut all.rounded, one.rounded),
            (&mut all.bound, one.bound),
            (&mut all.of_billed_units, one.of_billed_units),
        ] {
            *all = all.checked_add(one)?;
        }
        all.is_certain &= one.is_certain;
        all.at_list_prices = match (all.at_list_prices, one.at_list_prices) {
            (Some(all), Some(one)) => Some(all.checked_add(one)?),
            _ => None,
        };
    }
    Some(sum)
}

/// Charge that rounding makes of the exact one; `None` on overflow.
fn predicted(charge: &CardCharge) -> Option<Predicted> {
    let [low, high] = if charge.is_certain {
        [charge.rounded; 2]
    } else {
        [
            charge.exact.checked_sub(charge.bound)?,
            charge.exact.checked_add(charge.bound)?,
        ]
    };
    Some(Predicted {
        low,
        nominal: charge.rounded,
        high,
        is_certain: charge.is_certain,
    })
}

/// Steps from the card's charge to the billed one: the billed units at the card's prices, then at
/// those of the lines, then rounding. `None` on overflow.
fn steps(sides: &Sides, charge: &CardCharge) -> Option<VarianceBridge> {
    let mut steps = VarianceBridge {
        quantity: published(charge.of_billed_units)? - published(charge.exact)?,
        ..VarianceBridge::default()
    };
    let rest = |steps: &VarianceBridge| sides.variance_amount() - steps.sum();
    let Some(at_list_prices) = charge.at_list_prices else {
        // A line that names no price has that of its charge.
        steps.price = rest(&steps);
        return Some(steps);
    };
    steps.price = published(at_list_prices)? - published(charge.of_billed_units)?;
    let left = rest(&steps);
    if steps.price == 0 && steps.quantity == 0 {
        // Rounding is known: what goes beyond it nothing explains.
        steps.rounding = published(charge.rounded)? - published(charge.exact)?;
    } else if left.abs() <= published(charge.bound)? {
        steps.rounding = left;
    }
    Some(steps)
}
