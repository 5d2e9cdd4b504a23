//! Usage to invoice: matched usage and lines to the two sides of every group, and to the resources
//! behind them.
//!
//! The finest grain that an invoice has is no resource
//! ([semantics §1](crate::model::domain::semantics)): what a resource is invoiced is its own usage,
//! and its part of what its groups' lines ask for more or less. Sums are in `group_sums`, rounding and shares in
//! `usage_slices`; here the two meet.

use rayon::prelude::*;

use super::group::Sides;
use super::group_rows::GroupedRows;
use super::group_sums::{sum_matches, sum_published};
use super::invoice_practice::InvoicePractice;
use super::prediction::Predictor;
use super::usage_slices::{self, ResourceKey};
use crate::engine::failure::EngineError;
use crate::engine::fold::folded::Folded;
use crate::engine::matching::usage_matches::Matching;
use crate::engine::rules::keys::RESOURCE_KEYS;
use crate::engine::rules::rounding::Rules;

pub use super::exchange_rate::rate_of;
pub use super::usage_slices::Resource;

/// Both sides of every group, and the resources behind them.
#[derive(Debug)]
pub struct Compared {
    /// Groups, in the order of the matches.
    pub sides: Vec<Sides>,
    /// Resources in each group, sorted by key; of one key, those with usage first.
    pub resources: Vec<Resource>,
}

/// Compares usage and lines that were matched: one group for each match. `practice` was learned from
/// all lines that there are.
///
/// # Errors
/// [`EngineError::AmountOverflow`] where an amount exceeds 28 digits.
pub fn compare(
    totals: &Folded,
    matching: &Matching,
    rules: &Rules,
    practice: &InvoicePractice,
) -> Result<Compared, EngineError> {
    let sums = sum_matches(totals, matching);
    let predictor = Predictor::new(totals, matching, rules, practice);
    let usage_of = GroupedRows::new(&matching.of_usage, sums.len());
    let lines_of = GroupedRows::new(&matching.of_lines, sums.len());
    let (slices, mut resources) = usage_slices::slice(totals, matching);
    let quantised = usage_slices::quantise(&slices, &resources)?;
    // Groups do not touch each other: they are made in parallel, and added to the resources in
    // their order, so that the result does not depend on the number of threads.
    let slices_of = slices_by_group(&resources, sums.len());
    let compared: Vec<(Sides, Vec<i128>)> = sums
        .into_par_iter()
        .zip(slices_of.par_iter())
        .enumerate()
        .map(|(group, (sums, numbers))| {
            let pieces = || numbers.iter().map(|number| quantised[*number as usize]);
            let sides = sums.compared(
                sum_published(pieces().map(|piece| piece.amount))?,
                sum_published(pieces().map(|piece| piece.quantity))?,
                &totals.vocabulary,
                (&predictor, [usage_of.of(group), lines_of.of(group)]),
            )?;
            let behind: Vec<_> = numbers
                .iter()
                .map(|number| (slices[*number as usize], quantised[*number as usize]))
                .collect();
            let shares = usage_slices::share(sides.variance_amount(), &behind)?;
            Ok((sides, shares))
        })
        .collect::<Result<_, EngineError>>()?;
    let mut groups = Vec::with_capacity(compared.len());
    for (group, ((sides, shares), numbers)) in (0..).zip(compared.into_iter().zip(&slices_of)) {
        for (number, share) in numbers.iter().zip(shares) {
            let number = *number as usize;
            let resource = &mut resources[number];
            resource.expected_amount = quantised[number].amount;
            resource.quantity = quantised[number].quantity;
            resource.invoiced_amount = share;
        }
        if numbers.is_empty() {
            resources.push(Resource {
                expected_amount: sides.expected_amount,
                invoiced_amount: sides.invoiced_amount,
                ..Resource::unused(key_without_usage(&sides), group)
            });
        }
        groups.push(sides);
    }
    // Stable: resources of one key stay in the order of their usage, then of their groups.
    resources.sort_by_key(|resource| resource.key);
    Ok(Compared {
        sides: groups,
        resources,
    })
}

/// Positions of the slices of each group.
fn slices_by_group(slices: &[Resource], groups: usize) -> Vec<Vec<u32>> {
    let mut of_group: Vec<Vec<u32>> = vec![Vec::new(); groups];
    for (number, slice) in (0..).zip(slices) {
        of_group[slice.group as usize].push(number);
    }
    of_group
}

/// Key under which a group without usage stands among the resources. Invoice lines name no Azure
/// subscription, meter id or resource: these stay empty.
fn key_without_usage(sides: &Sides) -> ResourceKey {
    RESOURCE_KEYS.map(|part| match part.row().key {
        Some(key) => sides.keys[key],
        None => 0,
    })
}
