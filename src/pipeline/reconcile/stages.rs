//! Totals to judged variances and allocated resources: the engine's stages in order, each followed
//! by its conservation law. Usage that is more than may be in memory goes through them part by part.

use std::borrow::Cow;

use hashbrown::HashMap;
use polars::prelude::DataFrame;

use super::other_tie_outs;
use super::usage_to_invoice::Course;
use super::{headers as headers_at_hand, warnings as mismatch};
use crate::engine::causes::investigate::Holders;
use crate::engine::count::partial::Partial;
use crate::engine::fold::columns;
use crate::engine::fold::folded::{self, Folded, InParts, OtherInputs};
use crate::engine::judge::control_totals::{
    self, ByCurrency, ControlTotal, QUANTISATION_ALLOWANCE,
};
use crate::engine::judge::roll_up::{self, Rollup};
use crate::engine::judge::rounding_census::Census;
use crate::engine::judge::variance::{self, Variance};
use crate::engine::matching::joins;
use crate::engine::matching::passes;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{DESCRIPTION_PARTS, Key, Part};
use crate::engine::tie_outs::lines_to_invoice;
use crate::engine::tie_outs::two_lists::Checked;
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::period::Period;
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::incomplete::Awaited;
use crate::pipeline::intake::readings::Readings;
use crate::pipeline::plan::pipeline_plan::{Plan, TieOutPlan};
use crate::pipeline::spill::parts::Spilled;
use crate::pipeline::spill::resources::{Resources, SpilledResources};
use crate::progress::watch::Watch;

/// What was found.
#[derive(Debug)]
pub struct Reconciled {
    /// Texts, names and periods; usage and lines where they were compared as a whole.
    pub totals: Folded,
    /// The usage column that MeterDescription was found to repeat.
    pub description: Option<Part>,
    /// Lines that pair under each of [`crate::engine::rules::keys::DESCRIPTION_PARTS`].
    pub description_pairs: [usize; 3],
    /// In published order.
    pub variances: Vec<Variance>,
    /// In published order.
    pub resources: Resources,
    /// In published order.
    pub rollups: Vec<Rollup>,
    /// Laws from decoding to attribution; all hold.
    pub controls: Vec<ControlTotal>,
    /// Which rounding rules the lines obey.
    pub census: Census,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Reconciles what was read; the totals are taken out of `readings`.
///
/// # Errors
/// [`RunError`] for amounts past 28 digits; and for broken laws, which are bugs of ours.
pub fn reconcile(plan: &Plan, readings: &mut Readings) -> Result<Reconciled, RunError> {
    reconcile_watched(plan, readings, &Watch::default())
}

/// As [`reconcile`], and tells its phases.
///
/// # Errors
/// As [`reconcile`].
pub fn reconcile_watched(
    plan: &Plan,
    readings: &mut Readings,
    watch: &Watch,
) -> Result<Reconciled, RunError> {
    watch.phase("fold", 0);
    let mut controls = readings.controls.clone();
    let mut warnings = readings.warnings.clone();
    let (mut totals, folded) = fold(readings)?;
    headers_at_hand::set_periods(&mut totals, &readings.headers);
    let mut course = Course::new(plan);
    let (counted, resources) = match folded {
        UsageAt::Whole(counted) => (
            counted,
            Resources::Held(course.take(&mut totals, &|phase| watch.phase(phase, 0))?),
        ),
        UsageAt::InParts(spilled, in_parts) => {
            let resources = compare_in_parts(&mut totals, &mut course, &spilled, in_parts, watch)?;
            (
                spilled.counted.map(|tally| tally.totals),
                Resources::Spilled(resources),
            )
        }
    };
    let sources = ["usage", "invoice_lines"];
    for ((source, before), after) in sources.into_iter().zip(&counted).zip(&course.folded) {
        controls.extend(control_totals::law("fold", source, before, after, 0));
    }
    for (source, rows) in sources
        .into_iter()
        .zip(course.blank)
        .filter(|(_, rows)| *rows > 0)
    {
        // Old answers leave the customer out; such rows meet only rows that lack it too.
        warnings.push(format!("`{source}`: rows without a customer id: {rows}"));
    }
    if plan.period.is_some() {
        for ((source, before), after) in sources
            .into_iter()
            .zip(&course.folded)
            .zip(&course.selected)
        {
            controls.extend(selected(source, before, after));
        }
        course.selection.tell(&totals, &mut warnings);
    }
    watch.phase("other tie-outs", 0);
    let mut checked = hold(std::mem::take(&mut course.checked));
    let lines_plan = plan_of(plan, TieOut::LinesToInvoice);
    if lines_plan.enabled {
        let headers = headers_at_hand::headers(
            plan,
            &totals,
            &course.invoices,
            &readings.headers,
            &mut warnings,
        );
        checked.extend(lines_to_invoice::compare(
            &totals,
            &course.by_invoice,
            &headers,
            &lines_plan.passes,
        )?);
    }
    controls.extend(other_tie_outs::compare(
        plan,
        &totals,
        &course.by_subscription,
        &mut checked,
        &mut warnings,
    )?);
    watch.phase("judge and prove", 0);
    let variances = judge(plan, &totals, checked, &readings.awaited)?;
    controls.extend(laws(plan, &totals, &course, &variances));
    if let Some(broken) = controls.iter().find(|control| !control.holds) {
        return Err(RunError::Law(Box::new(broken.clone())));
    }
    mismatch::warn(&totals, &course, &variances, &mut warnings);
    let rollups = roll_up::roll_up(&variances)?;
    let census = std::mem::take(&mut course.census);
    let (description, description_pairs) = match course.description {
        Some((part, pairs)) => (Some(part), pairs),
        None => (None, [0; DESCRIPTION_PARTS.len()]),
    };
    Ok(Reconciled {
        totals,
        description,
        description_pairs,
        variances,
        resources,
        rollups,
        controls,
        census,
        warnings,
    })
}

/// Where usage and lines are while the rest is folded.
enum UsageAt {
    /// In the totals; what was counted before.
    Whole([ByCurrency; 2]),
    /// On disk.
    InParts(Box<Spilled>, Box<InParts>),
}

fn fold(readings: &mut Readings) -> Result<(Folded, UsageAt), RunError> {
    // The partials are the largest thing in memory: they end here.
    let more = OtherInputs {
        daily: readings.daily.take(),
        unbilled: readings.unbilled.take(),
        entries: std::mem::take(&mut readings.entries),
    };
    if let Some(mut spilled) = readings.spilled.take() {
        let overview = std::mem::take(&mut spilled.overview);
        let (totals, in_parts) = folded::fold_before_parts(overview, &readings.headers, more)?;
        return Ok((
            totals,
            UsageAt::InParts(Box::new(spilled), Box::new(in_parts)),
        ));
    }
    let usage = std::mem::replace(&mut readings.usage, Partial::empty(Dataset::Usage));
    let lines = std::mem::replace(&mut readings.lines, Partial::empty(Dataset::InvoiceLines));
    let counted = [
        control_totals::totals_of(&usage),
        control_totals::totals_of(&lines),
    ];
    let totals = folded::fold_partials(usage, lines, &readings.headers, &[], more)?;
    Ok((totals, UsageAt::Whole(counted)))
}

/// Takes usage and lines through the stages part by part.
fn compare_in_parts(
    totals: &mut Folded,
    course: &mut Course<'_>,
    spilled: &Spilled,
    mut in_parts: Box<InParts>,
    watch: &Watch,
) -> Result<SpilledResources, RunError> {
    let no_room = |source| RunError::no_room(spilled.folder(), source);
    let batches = spilled.batches();
    let mut pairs = [0; 3];
    let described = course.selection.of(totals, &in_parts.described)?;
    let part_of_row = parts_of(totals, spilled, &described)?;
    for parts in &batches {
        let none = Partial::empty(Dataset::Usage);
        totals.take_part(
            &mut in_parts,
            (none, spilled.load_lines(parts).map_err(no_room)?),
            &[],
        );
        let lines = course.selection.of(totals, &totals.lines.clone())?;
        let rows = (0..)
            .zip(&part_of_row)
            .filter(|(_, part)| parts.contains(part))
            .map(|(row, _)| row);
        let found = passes::description_pairs(
            &joins::take(&described, &rows.collect::<Vec<u32>>()),
            &lines,
        );
        pairs
            .iter_mut()
            .zip(found)
            .for_each(|(pairs, found)| *pairs += found);
    }
    course.description = Some(passes::learned(pairs));
    let mut resources = spilled.resources();
    // Nothing is code 0 of every domain.
    let mut names = vec![String::new()];
    watch.phase("compare part by part", spilled.stored_bytes());
    for parts in &batches {
        totals.take_part(
            &mut in_parts,
            spilled.load(parts).map_err(no_room)?,
            &spilled.spellings,
        );
        let first = course.checked.len();
        let found = course.take(totals, &|_| {})?;
        resources.add(totals, &found).map_err(no_room)?;
        course.name_resources(first, totals, &mut names);
        watch.advanced(spilled.bytes_of(parts), 0);
    }
    totals.forget_part(names);
    Ok(resources)
}

/// The part that each row of a frame belongs to.
fn parts_of(totals: &Folded, spilled: &Spilled, frame: &DataFrame) -> Result<Vec<u32>, RunError> {
    let (customers, subscriptions) = (
        columns::codes(frame, Part::Customer.column()),
        columns::codes(frame, Part::Subscription.column()),
    );
    let mut known: HashMap<(u32, u32), u32> = HashMap::new();
    let part = |(customer, subscription): (&u32, &u32)| {
        *known.entry((*customer, *subscription)).or_insert_with(|| {
            let folded = |domain, code| totals.vocabulary.folded(domain, code);
            spilled.part_of(
                &folded(Domain::Customer, *customer),
                &folded(Domain::Subscription, *subscription),
            )
        })
    };
    Ok(customers.iter().zip(subscriptions).map(part).collect())
}

/// Says of each finding what holds it.
fn hold(mut checked: Vec<Checked>) -> Vec<Checked> {
    let mut holders = Holders::default();
    checked
        .iter()
        .for_each(|(sides, finding)| holders.add(sides, finding.as_deref()));
    for (sides, finding) in &mut checked {
        if let Some(finding) = finding {
            finding.narrowest = holders.narrowest(sides, finding);
        }
    }
    checked
}

/// What the period leaves out is counted.
fn selected(source: &'static str, before: &ByCurrency, after: &ByCurrency) -> Vec<ControlTotal> {
    let mut controls = control_totals::law("select", source, before, after, 0);
    for control in &mut controls {
        control.rows_rejected = control.rows_in - control.rows_out;
        control.holds = true;
    }
    controls
}

pub(crate) fn plan_of(plan: &Plan, tie_out: TieOut) -> Cow<'_, TieOutPlan> {
    let found = plan
        .tie_outs
        .iter()
        .find(|candidate| candidate.tie_out == tie_out);
    found.map_or_else(
        || Cow::Owned(TieOutPlan::usual(tie_out, false)),
        Cow::Borrowed,
    )
}

fn judge(
    plan: &Plan,
    totals: &Folded,
    mut checked: Vec<Checked>,
    awaited: &Awaited,
) -> Result<Vec<Variance>, RunError> {
    awaited.mark(totals, &mut checked);
    let plans = TieOut::ALL.map(|tie_out| plan_of(plan, tie_out));
    let mut variances = checked
        .into_iter()
        .filter_map(|(sides, finding)| {
            Some((
                plans.iter().find(|plan| plan.tie_out == sides.tie_out)?,
                sides,
                finding,
            ))
        })
        .map(|(plan, sides, finding)| {
            variance::judge(
                sides,
                &plan.tolerances,
                &totals.vocabulary,
                finding,
                &plan.without_causes,
            )
        })
        .collect::<Result<Vec<Variance>, _>>()?;
    let periods = &totals.periods;
    variances.sort_by(|left, right| order(periods, left).cmp(&order(periods, right)));
    variance::separate_equal_ids(&mut variances);
    Ok(variances)
}

type Order<'v> = (
    TieOut,
    Option<Period>,
    [u32; 7],
    &'v str,
    u32,
    u32,
    &'v str,
    i128,
    i128,
);

/// The order of the published key columns; codes are in the order of what they print.
fn order<'v>(periods: &HashMap<u32, Period>, variance: &'v Variance) -> Order<'v> {
    let sides = &variance.sides;
    let keys = sides.keys;
    let first = [
        keys[Key::Invoice],
        keys[Key::Customer],
        keys[Key::Subscription],
        keys[Key::Product],
        keys[Key::Sku],
        keys[Key::Availability],
        keys[Key::Description],
    ];
    let period = periods.get(&keys[Key::Invoice]).copied();
    let rest = (
        &*sides.matched_on,
        sides.expected_amount,
        sides.invoiced_amount,
    );
    (
        sides.tie_out,
        period,
        first,
        &sides.charge_type,
        keys[Key::Adjustment],
        keys[Key::Currency],
        rest.0,
        rest.1,
        rest.2,
    )
}

fn laws(
    plan: &Plan,
    totals: &Folded,
    course: &Course<'_>,
    variances: &[Variance],
) -> Vec<ControlTotal> {
    let mut controls = Vec::new();
    let [usage, lines] = &course.selected;
    let side = |expected| {
        control_totals::variances_of(totals, variances, TieOut::UsageToInvoice, expected)
    };
    let [expected, invoiced] = &course.allocated;
    controls.extend(control_totals::law(
        "quantise",
        "resources",
        usage,
        expected,
        QUANTISATION_ALLOWANCE,
    ));
    if plan_of(plan, TieOut::UsageToInvoice).enabled {
        controls.extend(control_totals::law(
            "match",
            "usage",
            expected,
            &side(true),
            0,
        ));
        controls.extend(control_totals::law(
            "match",
            "invoice_lines",
            lines,
            &side(false),
            QUANTISATION_ALLOWANCE,
        ));
        controls.extend(control_totals::law(
            "allocate",
            "resources",
            &control_totals::without_rows(side(false)),
            invoiced,
            0,
        ));
    }
    if plan_of(plan, TieOut::LinesToInvoice).enabled {
        let side = control_totals::variances_of(totals, variances, TieOut::LinesToInvoice, true);
        controls.extend(control_totals::law(
            "match",
            "invoices",
            &course.lines_total,
            &side,
            QUANTISATION_ALLOWANCE,
        ));
    }
    controls.extend(control_totals::attributed(totals, variances));
    controls
}
