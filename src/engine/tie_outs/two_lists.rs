//! Any tie-out over two lists of rows: matched in passes, one group for each match.

use crate::engine::fold::columns;
use crate::engine::fold::side_row::SideRow;
use crate::engine::rules::keys::Key;
use std::sync::Arc;

use polars::prelude::{Column, DataFrame, NamedFrom as _, Series};

use crate::engine::causes::finding::{Finding, Narrowest};
use crate::engine::causes::variance_bridge::VarianceBridge;
use crate::engine::compare::group::{Keys, Sides};
use crate::engine::failure::EngineError;
use crate::engine::matching::passes::{self, Pass};
use crate::engine::rules::definitions::Definition;
use crate::engine::rules::rounding_bounds::Bounds;
use crate::engine::rules::scope::Scope;
use crate::model::decimal::{
    AMOUNT_SCALE, PUBLISHED_SCALE, Rounding, power_of_ten, rescale, to_published as published,
};

/// A compared group, and what is known of its variance.
pub type Checked = (Sides, Option<Box<Finding>>);

/// Members of a match.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// Positions among the expected rows.
    pub expected: Vec<usize>,
    /// Positions among the invoiced rows.
    pub invoiced: Vec<usize>,
}

/// What was compared: groups and their members.
#[derive(Debug)]
pub struct Compared {
    /// One for each match.
    pub sides: Vec<Sides>,
    /// Likewise.
    pub members: Vec<Members>,
}

fn frame(rows: &[SideRow]) -> DataFrame {
    let columns = Key::ALL.iter().map(|key| {
        let codes: Vec<u32> = rows.iter().map(|row| row.code(*key)).collect();
        Column::from(Series::new(key.column().into(), codes))
    });
    columns::frame(rows.len(), columns.collect())
}

/// Compares two lists of rows. Every row ends in exactly one group.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn compare(
    definition: &Definition,
    passes: &[Pass],
    expected: &[SideRow],
    invoiced: &[SideRow],
) -> Result<Compared, EngineError> {
    let matched =
        passes::match_frames((&frame(expected), &frame(invoiced)), &Key::ALL, passes, &[]);
    let mut members: Vec<Members> = vec![Members::default(); matched.matched_on.len()];
    for (row, group) in matched.of_left.iter().enumerate() {
        members
            .get_mut(*group as usize)
            .expect("every row has a match")
            .expected
            .push(row);
    }
    for (row, group) in matched.of_right.iter().enumerate() {
        members
            .get_mut(*group as usize)
            .expect("every row has a match")
            .invoiced
            .push(row);
    }
    let made = members
        .iter()
        .zip(&matched.matched_on)
        .map(|(members, pass)| sides(definition, members, pass, expected, invoiced));
    let made: Option<Vec<Sides>> = made.collect();
    let sides = made.ok_or(EngineError::AmountOverflow)?;
    Ok(Compared { sides, members })
}

fn sides(
    definition: &Definition,
    members: &Members,
    pass: &Arc<str>,
    expected: &[SideRow],
    invoiced: &[SideRow],
) -> Option<Sides> {
    let left: Vec<&SideRow> = members
        .expected
        .iter()
        .filter_map(|at| expected.get(*at))
        .collect();
    let right: Vec<&SideRow> = members
        .invoiced
        .iter()
        .filter_map(|at| invoiced.get(*at))
        .collect();
    let mut keys = left
        .first()
        .or(right.first())
        .expect("a match has a member")
        .keys;
    for row in left.iter().chain(&right) {
        keys.iter_mut()
            .zip(row.keys)
            .filter(|(known, code)| **known != *code)
            .for_each(|(known, _)| *known = 0);
    }
    let sum = |rows: &[&SideRow], of: fn(&SideRow) -> i128| {
        rows.iter()
            .try_fold(0_i128, |sum, row| sum.checked_add(of(row)))
    };
    let both = |of: fn(&SideRow) -> i128| {
        Some((published(sum(&left, of)?)?, published(sum(&right, of)?)?))
    };
    let (expected_amount, invoiced_amount) = both(|row| row.amount)?;
    let (expected_quantity, invoiced_quantity) = both(|row| row.quantity)?;
    let known = sum(&left, |row| row.bound)?.checked_add(sum(&right, |row| row.bound)?)?;
    // Both sides were rounded to the last published digit, unless they are exact.
    let bound = if known == 0 {
        0
    } else {
        known.checked_add(power_of_ten(AMOUNT_SCALE - PUBLISHED_SCALE))?
    };
    Some(Sides {
        tie_out: definition.tie_out,
        keys: Keys::new(keys),
        charge_type: String::new(),
        matched_on: if left.is_empty() || right.is_empty() {
            Arc::from("")
        } else {
            Arc::clone(pass)
        },
        scope: Scope::Usage,
        expected_rows: left.iter().map(|row| row.rows).sum(),
        invoiced_rows: right.iter().map(|row| row.rows).sum(),
        expected_quantity,
        invoiced_quantity,
        expected_amount,
        invoiced_amount,
        bounds: Bounds {
            below: bound,
            above: bound,
        },
        measure: definition.measure,
        is_awaited: false,
    })
}

/// What can be said of groups whose rows know no more than their sums: another price, where the
/// expected side knows what it comes to at the billed one; the rest is unexplained.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn with_findings(
    compared: Compared,
    expected: &[SideRow],
) -> Result<Vec<Checked>, EngineError> {
    let mut checked = Vec::with_capacity(compared.sides.len());
    for (sides, members) in compared.sides.into_iter().zip(compared.members) {
        if !sides.is_beyond_rounding()? {
            checked.push((sides, None));
            continue;
        }
        let narrowest = narrowest(&sides.keys);
        if members.expected.is_empty() || members.invoiced.is_empty() {
            let steps = VarianceBridge::one_sided(&sides);
            checked.push((
                sides,
                Some(Box::new(Finding {
                    steps,
                    narrowest,
                    ..Finding::default()
                })),
            ));
            continue;
        }
        let mut at_price = members
            .expected
            .iter()
            .filter_map(|at| expected.get(*at))
            .map(|row| row.at_billed_price);
        let at_price = at_price.try_fold(0_i128, |sum, one| sum.checked_add(one?));
        let mut steps = VarianceBridge::default();
        if let Some(at_price) = at_price {
            steps.price =
                published(at_price).ok_or(EngineError::AmountOverflow)? - sides.expected_amount;
            let rest = sides.variance_amount() - steps.price;
            if rescale(rest, PUBLISHED_SCALE, AMOUNT_SCALE, Rounding::Down)
                .ok_or(EngineError::AmountOverflow)?
                .abs()
                <= sides.bounds.toward(rest)
            {
                steps.rounding = rest;
            }
        }
        checked.push((
            sides,
            Some(Box::new(Finding {
                steps,
                narrowest,
                ..Finding::default()
            })),
        ));
    }
    Ok(checked)
}

/// The finest key that a group has.
fn narrowest(keys: &Keys) -> Narrowest {
    match (
        keys[Key::Day],
        keys[Key::Resource],
        keys[Key::Meter].max(keys[Key::Product]),
        keys[Key::Subscription],
        keys[Key::Customer],
    ) {
        (1.., ..) => Narrowest::Day,
        (_, 1.., ..) => Narrowest::Resource,
        (_, _, 1.., ..) => Narrowest::Meter,
        (_, _, _, 1.., _) => Narrowest::Subscription,
        (.., 1..) => Narrowest::Customer,
        _ => Narrowest::Invoice,
    }
}
