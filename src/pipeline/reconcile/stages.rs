//! All that was read to judged variances and allocated resources: the engine's stages in order,
//! each followed by its conservation law.

use super::invoice_sums::{self, InvoiceSums};
use super::judging::Judged;
use super::usage_to_invoice::UsageStages;
use super::{
    headers, in_parts, judging, laws, nothing_compared, other_tie_outs, settings, warnings,
};
use crate::engine::compare::copies::CopiesByInvoice;
use crate::engine::compare::invoice_practice::PracticeInWords;
use crate::engine::count::partial::Partial;
use crate::engine::failure::EngineError;
use crate::engine::fold::folded::{self, FoldState, Folded, OtherInputs};
use crate::engine::judge::control_totals::{self, ByCurrency, ControlTotal};
use crate::engine::judge::roll_up::{self, Rollup};
use crate::engine::judge::rounding_census::Census;
use crate::engine::judge::variance::{BreakId, Variance};
use crate::engine::matching::descriptions::{DescriptionColumns, DescriptionPairs};
use crate::engine::tie_outs::line_check::LineCheck;
use crate::engine::tie_outs::lines_to_invoice;
use crate::engine::tie_outs::two_lists::Checked;
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::readings::Readings;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::spill::budget;
use crate::pipeline::spill::parts::Spilled;
use crate::pipeline::spill::resources::Resources;
use crate::progress::reporting::{Event, Progress};

/// Result of a reconciliation: all that is published, and the texts of its codes.
#[derive(Debug)]
pub struct Reconciled {
    /// Texts, names and periods; usage and lines where they were compared as a whole.
    pub totals: Folded,
    /// Usage columns that MeterDescription was found to repeat, and the lines that pair under each
    /// candidate.
    pub descriptions: (DescriptionColumns, DescriptionPairs),
    /// Rounding rule and exchange rates of each invoice with metered lines.
    pub practice: Vec<PracticeInWords>,
    /// What the lines of each invoice and currency came to; empty where `line-arithmetic` is off.
    pub line_checks: Vec<LineCheck>,
    /// Rows of `variances`, in published order.
    pub variances: Vec<Variance>,
    /// Id of each group that resources are of, by its number; none where usage to invoice is off.
    pub group_ids: Vec<BreakId>,
    /// Usage and lines of the period by their own invoice, amounts in units of 10^-10.
    pub invoice_sums: [InvoiceSums; 2],
    /// Rows of `resources`, in published order.
    pub resources: Resources,
    /// Rows of `summary`, in published order.
    pub rollups: Vec<Rollup>,
    /// Laws from decoding to attribution; all hold.
    pub controls: Vec<ControlTotal>,
    /// Rows and lines of the period that repeat another one, by invoice.
    pub copies: CopiesByInvoice,
    /// Number of lines by the rounding rule that they obey.
    pub census: Census,
    /// A sentence for each tie-out that is wanted and compared nothing, which is no success; they
    /// are the first of the warnings.
    pub nothing_compared: Vec<String>,
    /// Sentences for the user about what may make the figures wrong or incomplete.
    pub warnings: Vec<String>,
}

/// Reconciles what was read; the totals are taken out of `readings`.
///
/// # Errors
/// [`RunError`] for amounts past 28 digits; and for broken laws, which are bugs of ours.
pub fn reconcile(plan: &Plan, readings: &mut Readings) -> Result<Reconciled, RunError> {
    reconcile_watched(plan, readings, &Progress::default())
}

/// Reconciles as [`reconcile`] does, and tells `progress` which phase begins.
///
/// # Errors
/// Those of [`reconcile`].
pub fn reconcile_watched(
    plan: &Plan,
    readings: &mut Readings,
    progress: &Progress,
) -> Result<Reconciled, RunError> {
    progress.phase("fold", 0);
    let mut controls = readings.controls.clone();
    let mut told = readings.warnings.clone();
    if readings.spilled.is_none() {
        let warning = budget::warn_of_usage(readings.usage.keys());
        if let Some(line) = warning {
            progress.tell(Event::Note(line));
        }
    }
    let (mut totals, folded) = fold(readings)?;
    // Before any selection: the period of an invoice is asked of its header first.
    headers::set_periods(&mut totals, &readings.headers);
    let mut stages = UsageStages::new(plan);
    let (counted, resources) = compare_usage(&mut totals, &mut stages, folded, progress)?;
    controls.extend(laws::of_folding(plan, &stages, &counted));
    warnings::of_missing_customers(&stages, &mut told);
    stages.selection.warn(&totals, &mut told);
    progress.phase("other tie-outs", 0);
    // Before other groups are added: holders are looked for among groups of usage, others set their
    // own.
    let mut checked = std::mem::take(&mut stages.checked);
    // The groups that resources are of come first.
    let groups_of_usage = checked.len();
    judging::set_narrowest(&mut checked);
    checked.extend(compare_headers(
        plan, &totals, &stages, readings, &mut told,
    )?);
    let (groups, line_checks) = recompute_lines(&totals, &mut stages, &mut controls, &mut told)?;
    checked.extend(groups);
    let usage = &stages.by_subscription;
    controls.extend(other_tie_outs::compare(
        plan,
        &totals,
        usage,
        &mut checked,
        &mut told,
    )?);
    progress.phase("judge and prove", 0);
    let Judged { variances, mut ids } = judging::judge(plan, &totals, checked, &readings.awaited)?;
    ids.truncate(groups_of_usage);
    controls.extend(laws::of_comparing(plan, &totals, &stages, &variances));
    // Nothing is published on a broken law, whatever the figures look like.
    if let Some(broken) = controls.iter().find(|control| !control.holds) {
        return Err(RunError::Law(Box::new(broken.clone())));
    }
    warnings::of_mismatches(&totals, &stages, &variances, &mut told);
    let nothing = nothing_compared_by(plan, readings, &stages, &variances);
    // Before all others: whatever else there is to say, it is about nothing.
    told.splice(0..0, nothing.iter().cloned());
    let rollups = roll_up::roll_up(&variances)?;
    let sums = std::mem::take(&mut stages.invoice_sums);
    let [usage_sums, line_sums] = sums.map(invoice_sums::published);
    let practice = stages.practice.as_ref().map_or_else(Vec::new, |practice| {
        practice.in_words(&totals.vocabulary, stages.rules())
    });
    Ok(Reconciled {
        totals,
        descriptions: stages.descriptions.take().unwrap_or_default(),
        practice,
        line_checks,
        variances,
        group_ids: ids,
        invoice_sums: [usage_sums?, line_sums?],
        resources,
        rollups,
        controls,
        copies: stages.copies,
        census: stages.census,
        nothing_compared: nothing,
        warnings: told,
    })
}

/// A sentence for each tie-out that is wanted and compared nothing.
fn nothing_compared_by(
    plan: &Plan,
    readings: &Readings,
    stages: &UsageStages<'_>,
    variances: &[Variance],
) -> Vec<String> {
    match readings.inputs.as_slice() {
        // A fetch that found nothing yet has told so.
        [] => Vec::new(),
        _ => {
            let has_lines = stages.has_rows[1];
            nothing_compared::nothing_compared(plan, &stages.seen, has_lines, variances)
        }
    }
}

/// Place of usage and lines while everything else is folded.
enum UsageAt {
    /// In the totals, with what was counted of both before they were folded.
    Memory([ByCurrency; 2]),
    /// On disk, to be folded part by part.
    Disk(Box<Spilled>, Box<FoldState>),
}

fn fold(readings: &mut Readings) -> Result<(Folded, UsageAt), EngineError> {
    // The partials are the largest thing in memory: taken here, they are freed once folded.
    let others = OtherInputs {
        daily: readings.daily.take(),
        unbilled: readings.unbilled.take(),
        entries: std::mem::take(&mut readings.entries),
    };
    if let Some(mut spilled) = readings.spilled.take() {
        let overview = std::mem::take(&mut spilled.overview);
        let (totals, in_parts) = folded::fold_before_parts(overview, &readings.headers, others)?;
        return Ok((totals, UsageAt::Disk(Box::new(spilled), Box::new(in_parts))));
    }
    let usage = std::mem::replace(&mut readings.usage, Partial::empty(Dataset::Usage));
    let lines = std::mem::replace(&mut readings.lines, Partial::empty(Dataset::InvoiceLines));
    // The law of folding needs a count that folding had no part in.
    let counted = [&usage, &lines].map(control_totals::totals_of);
    let totals = folded::fold_partials(usage, lines, &readings.headers, &[], others)?;
    Ok((totals, UsageAt::Memory(counted)))
}

/// Takes usage and lines through their stages; what was counted of both before they were folded,
/// and the resources.
fn compare_usage(
    totals: &mut Folded,
    stages: &mut UsageStages<'_>,
    folded: UsageAt,
    progress: &Progress,
) -> Result<([ByCurrency; 2], Resources), RunError> {
    match folded {
        UsageAt::Memory(counted) => {
            let resources = stages.take(totals, &|phase| progress.phase(phase, 0))?;
            Ok((counted, Resources::Held(resources)))
        }
        UsageAt::Disk(spilled, parts) => {
            let resources = in_parts::compare(totals, stages, &spilled, parts, progress)?;
            let counted = spilled.counted.map(|tally| tally.totals);
            Ok((counted, Resources::Spilled(resources)))
        }
    }
}

/// Groups of lines that were recomputed, and what was found in each invoice; none where the plan does
/// not enable the tie-out.
fn recompute_lines(
    totals: &Folded,
    stages: &mut UsageStages<'_>,
    controls: &mut Vec<ControlTotal>,
    warnings: &mut Vec<String>,
) -> Result<(Vec<Checked>, Vec<LineCheck>), EngineError> {
    let Some(practice) = &stages.practice else {
        // No part was taken: there is no line.
        return Ok((Vec::new(), Vec::new()));
    };
    let [_, lines] = &stages.selected;
    let recomputed = &mut stages.recomputed;
    let (groups, checks) = recomputed.finish(totals, practice, lines, controls)?;
    let without_price: u64 = checks.iter().map(|check| check.without_price).sum();
    if without_price > 0 {
        warnings.push(format!(
            "`invoice_lines`: lines not recomputed, as they have no usable EffectiveUnitPrice: {without_price}"
        ));
    }
    Ok((groups, checks))
}

/// Groups of lines to invoice; none where the plan does not enable the tie-out.
fn compare_headers(
    plan: &Plan,
    totals: &Folded,
    stages: &UsageStages<'_>,
    readings: &Readings,
    warnings: &mut Vec<String>,
) -> Result<Vec<Checked>, EngineError> {
    let settings = settings::of_tie_out(plan, TieOut::LinesToInvoice);
    if !settings.enabled {
        return Ok(Vec::new());
    }
    let all = &readings.headers;
    let headers = headers::to_compare(plan, totals, &stages.invoices, all, warnings);
    lines_to_invoice::compare(totals, &stages.by_invoice, &headers, &settings.passes)
}
