//! Compared groups of all tie-outs to the rows of `variances`, in published order.

use hashbrown::HashMap;

use super::settings;
use crate::engine::causes::investigate::Holders;
use crate::engine::failure::EngineError;
use crate::engine::fold::folded::Folded;
use crate::engine::judge::counterparts;
use crate::engine::judge::variance::{self, BreakId, Variance};
use crate::engine::rules::keys::Key;
use crate::engine::tie_outs::two_lists::Checked;
use crate::model::cause::TieOut;
use crate::model::period::Period;
use crate::pipeline::intake::incomplete::Awaited;
use crate::pipeline::plan::pipeline_plan::Plan;

/// Sets the narrowest thing that holds each finding, among the groups of usage to invoice.
pub(super) fn set_narrowest(checked: &mut [Checked]) {
    let mut holders = Holders::default();
    // All groups first: a thing holds a cause alone only if every one of its groups has it.
    for (sides, finding) in &*checked {
        holders.add(sides, finding.as_deref());
    }
    for (sides, finding) in checked {
        if let Some(finding) = finding {
            finding.narrowest = holders.narrowest(sides, finding);
        }
    }
}

/// Judged groups, with the ids that they were given.
pub(super) struct Judged {
    /// Rows of `variances`, in published order.
    pub(super) variances: Vec<Variance>,
    /// Id of each group, in the order in which the groups came.
    pub(super) ids: Vec<BreakId>,
}

/// Judges the groups by the settings of their tie-outs; the variances are in published order.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub(super) fn judge(
    plan: &Plan,
    totals: &Folded,
    mut checked: Vec<Checked>,
    awaited: &Awaited,
) -> Result<Judged, EngineError> {
    // First, as an awaited group is no break whatever its tolerance.
    awaited.mark(totals, &mut checked);
    let mut numbered = Vec::with_capacity(checked.len());
    for (number, (sides, finding)) in checked.into_iter().enumerate() {
        let settings = settings::of_tie_out(plan, sides.tie_out);
        let (tolerances, off) = (&settings.tolerances, &settings.without_causes);
        let variance = variance::judge(sides, tolerances, &totals.vocabulary, finding, off)?;
        numbered.push((number, variance));
    }
    let periods = &totals.periods;
    numbered.sort_by(|(_, left), (_, right)| {
        published_order(periods, left).cmp(&published_order(periods, right))
    });
    // Ids of groups with equal keys are numbered in this order.
    variance::separate_equal_ids(numbered.iter_mut().map(|(_, variance)| variance));
    let mut in_order: Vec<(usize, BreakId)> = numbered
        .iter()
        .map(|(number, variance)| (*number, variance.break_id))
        .collect();
    in_order.sort_unstable_by_key(|(number, _)| *number);
    let mut variances: Vec<Variance> = numbered.into_iter().map(|(_, variance)| variance).collect();
    counterparts::set(&mut variances, &totals.vocabulary);
    Ok(Judged {
        variances,
        ids: in_order.into_iter().map(|(_, id)| id).collect(),
    })
}

/// Sort key of `variances`, in the order of the fields.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PublishedOrder<'v> {
    tie_out: TieOut,
    period: Option<Period>,
    /// Codes from the invoice to the description.
    first_keys: [u32; 7],
    charge_type: &'v str,
    /// Codes of the price adjustment and the currency.
    last_keys: [u32; 2],
    // Groups may have equal keys: the rest makes their order, and so their ids, the same in every
    // run.
    matched_on: &'v str,
    expected_amount: i128,
    invoiced_amount: i128,
}

/// The order of the published key columns; codes are in the order of what they print.
pub(crate) fn published_order<'v>(
    periods: &HashMap<u32, Period>,
    variance: &'v Variance,
) -> PublishedOrder<'v> {
    let sides = &variance.sides;
    let first_keys = [
        Key::Invoice,
        Key::Customer,
        Key::Subscription,
        Key::Product,
        Key::Sku,
        Key::Availability,
        Key::Description,
    ];
    PublishedOrder {
        tie_out: sides.tie_out,
        period: periods.get(&sides.keys[Key::Invoice]).copied(),
        first_keys: first_keys.map(|key| sides.keys[key]),
        charge_type: &sides.charge_type,
        last_keys: [Key::Adjustment, Key::Currency].map(|key| sides.keys[key]),
        matched_on: &sides.matched_on,
        expected_amount: sides.expected_amount,
        invoiced_amount: sides.invoiced_amount,
    }
}
