//! Conservation laws of the stages from selection to attribution: no row and no amount is lost on
//! the way, or the run fails. The laws themselves are the engine's; which stages they hold between
//! is told here.

use super::settings;
use super::usage_to_invoice::UsageStages;
use crate::engine::fold::folded::Folded;
use crate::engine::judge::control_totals::{
    self, ByCurrency, ControlTotal, QUANTISATION_ALLOWANCE,
};
use crate::engine::judge::variance::Variance;
use crate::model::cause::TieOut;
use crate::pipeline::plan::pipeline_plan::Plan;

/// Names of both sides of usage to invoice, as control totals show them.
pub(super) const SOURCES: [&str; 2] = ["usage", "invoice_lines"];

/// Laws of usage and lines up to the selected period, given what was `counted` of both before
/// folding.
pub(super) fn of_folding(
    plan: &Plan,
    stages: &UsageStages<'_>,
    counted: &[ByCurrency; 2],
) -> Vec<ControlTotal> {
    let mut controls = Vec::new();
    for (side, source) in SOURCES.into_iter().enumerate() {
        let (before, after) = (&counted[side], &stages.folded[side]);
        controls.extend(control_totals::law("fold", source, before, after, 0));
    }
    if plan.period.is_some() {
        for (side, source) in SOURCES.into_iter().enumerate() {
            let (before, after) = (&stages.folded[side], &stages.selected[side]);
            controls.extend(of_selection(source, before, after));
        }
    }
    controls
}

/// Counts of a selection before and after, by currency. Selected rows are meant to be fewer: the
/// law always holds, and shows how many were left out.
pub(super) fn of_selection(
    source: &'static str,
    before: &ByCurrency,
    after: &ByCurrency,
) -> Vec<ControlTotal> {
    let mut controls = control_totals::law("select", source, before, after, 0);
    for control in &mut controls {
        control.rows_rejected = control.rows_in - control.rows_out;
        control.holds = true;
    }
    controls
}

/// Laws from the selected usage and lines to the published variances and resources.
pub(super) fn of_comparing(
    plan: &Plan,
    totals: &Folded,
    stages: &UsageStages<'_>,
    variances: &[Variance],
) -> Vec<ControlTotal> {
    let [usage, _] = &stages.selected;
    let [expected, invoiced] = &stages.allocated;
    let side = |tie_out, is_expected| {
        control_totals::variances_of(totals, variances, tie_out, is_expected)
    };
    // Twenty decimals become ten where resources are made, half a unit for each row at most;
    // between figures of ten decimals no law allows anything.
    let allowance = QUANTISATION_ALLOWANCE;
    let mut controls = control_totals::law("quantise", "resources", usage, expected, allowance);
    if settings::of_tie_out(plan, TieOut::UsageToInvoice).enabled {
        let matched = [true, false].map(|is_expected| side(TieOut::UsageToInvoice, is_expected));
        let [matched_usage, matched_lines] = matched;
        let law = control_totals::law;
        // Usage is held against its resources, which have ten decimals as well: nothing may be off.
        controls.extend(law("match", "usage", expected, &matched_usage, 0));
        controls.extend(law(
            "match",
            "invoice_lines",
            &stages.charged,
            &matched_lines,
            allowance,
        ));
        // Resources carry shares of the invoiced amount, but no invoice lines.
        let matched_lines = control_totals::without_rows(matched_lines);
        controls.extend(law("allocate", "resources", &matched_lines, invoiced, 0));
    }
    if settings::of_tie_out(plan, TieOut::LinesToInvoice).enabled {
        let matched = side(TieOut::LinesToInvoice, true);
        let before = &stages.lines_total;
        controls.extend(control_totals::law(
            "match", "invoices", before, &matched, allowance,
        ));
    }
    controls.extend(control_totals::attributed(totals, variances));
    controls
}
