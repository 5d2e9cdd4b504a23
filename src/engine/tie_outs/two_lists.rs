//! Comparison of two lists of rows, as all tie-outs but usage to invoice make it: rows are matched
//! in passes, and each match is one group.
//!
//! Rows are sums already, so that a list is short, and a group keeps the positions of its rows.
//! Which tie-out is compared is told by its [`Definition`]; nothing here depends on it otherwise.

use std::sync::Arc;

use polars::prelude::DataFrame;

use crate::engine::causes::finding::{Finding, Narrowest};
use crate::engine::causes::variance_bridge::VarianceBridge;
use crate::engine::compare::group::{DayRange, Keys, Sides};
use crate::engine::failure::EngineError;
use crate::engine::fold::columns::{self, column};
use crate::engine::fold::side_row::SideRow;
use crate::engine::matching::passes::{self, Pass};
use crate::engine::rules::definitions::Definition;
use crate::engine::rules::keys::Key;
use crate::engine::rules::rounding_bounds::Bounds;
use crate::engine::rules::scope::Scope;
use crate::model::decimal::{
    AMOUNT_SCALE, PUBLISHED_SCALE, power_of_ten, to_published as published,
};

/// A compared group with its finding; `None` where rounding alone can make the variance.
pub type Checked = (Sides, Option<Box<Finding>>);

/// Rows of one group.
#[derive(Clone, Debug, Default)]
pub(super) struct GroupRows {
    /// Positions among the expected rows.
    pub(super) expected: Vec<usize>,
    /// Positions among the invoiced rows.
    pub(super) invoiced: Vec<usize>,
}

impl GroupRows {
    /// True if one side has no row.
    pub(super) const fn is_one_sided(&self) -> bool {
        self.expected.is_empty() || self.invoiced.is_empty()
    }
}

/// Groups of two lists, and the rows of each.
#[derive(Debug)]
pub struct ComparedLists {
    /// Sides of each group.
    pub(super) sides: Vec<Sides>,
    /// Rows of each group, parallel to `sides`.
    pub(super) rows: Vec<GroupRows>,
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
) -> Result<ComparedLists, EngineError> {
    let both = (&frame(expected), &frame(invoiced));
    let matched = passes::match_frames(both, &Key::ALL, passes, None);
    let mut rows: Vec<GroupRows> = vec![GroupRows::default(); matched.matched_on.len()];
    for (row, group) in matched.of_left.iter().enumerate() {
        rows[*group as usize].expected.push(row);
    }
    for (row, group) in matched.of_right.iter().enumerate() {
        rows[*group as usize].invoiced.push(row);
    }
    let sides: Option<Vec<Sides>> = rows
        .iter()
        .zip(&matched.matched_on)
        .map(|(rows, pass)| sides(definition, rows, pass, expected, invoiced))
        .collect();
    let sides = sides.ok_or(EngineError::AmountOverflow)?;
    Ok(ComparedLists { sides, rows })
}

/// Frame of the rows' keys, which is all that a match needs.
fn frame(rows: &[SideRow]) -> DataFrame {
    let columns = Key::ALL.iter().map(|key| {
        let codes: Vec<u32> = rows.iter().map(|row| row.code(*key)).collect();
        column(key.column(), codes)
    });
    columns::frame(rows.len(), columns.collect())
}

/// Sums of a group; `None` on overflow.
fn sides(
    definition: &Definition,
    rows: &GroupRows,
    pass: &Arc<str>,
    expected: &[SideRow],
    invoiced: &[SideRow],
) -> Option<Sides> {
    let left: Vec<&SideRow> = rows.expected.iter().map(|at| &expected[*at]).collect();
    let right: Vec<&SideRow> = rows.invoiced.iter().map(|at| &invoiced[*at]).collect();
    let mut keys = left
        .first()
        .or(right.first())
        .expect("a match has a member")
        .keys;
    // A key of which the rows have several values is none of the group.
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
        matched_on: if rows.is_one_sided() {
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
        predicted: None,
        rounding_rule: None,
        off_rule_amount: 0,
        measure: definition.measure,
        is_billed_again: false,
        used: DayRange::default(),
        charged: DayRange::default(),
        awaited_for: None,
    })
}

/// Findings about groups whose rows tell no more than their sums: what is on one side only. The rest
/// is unexplained.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn with_findings(compared: ComparedLists) -> Result<Vec<Checked>, EngineError> {
    let check = |sides: Sides| {
        if !sides.is_beyond_rounding()? {
            return Ok((sides, None));
        }
        let steps = VarianceBridge::one_sided(&sides);
        let narrowest = narrowest(&sides.keys);
        Ok((sides, finding(steps, narrowest)))
    };
    compared.sides.into_iter().map(check).collect()
}

/// Finding that names neither a resource nor days.
pub(super) fn finding(steps: VarianceBridge, narrowest: Narrowest) -> Option<Box<Finding>> {
    Some(Box::new(Finding {
        steps,
        narrowest,
        resource: None,
        days: None,
        contradiction: None,
        is_timing: false,
    }))
}

/// Finest thing that a group's keys name.
pub(super) fn narrowest(keys: &Keys) -> Narrowest {
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
