//! Totals to judged variances and allocated resources: the engine's stages in order, each followed
//! by its conservation law.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::awaited::Awaited;
use super::comparisons;
use super::failure::RunError;
use super::plan::{Plan, TieOutPlan};
use super::read::Readings;
use crate::engine::aggregate::Partial;
use crate::engine::balance::{self, ControlTotal, QUANTISATION_ALLOWANCE};
use crate::engine::census::{self, Census};
use crate::engine::comparison::Checked;
use crate::engine::frames;
use crate::engine::headers::{self, Header};
use crate::engine::investigate;
use crate::engine::matching::{self, Matching};
use crate::engine::summary::{self, Rollup};
use crate::engine::totals::{self, More, Totals};
use crate::engine::usage_to_invoice::{self, Resource};
use crate::engine::variance::{self, Variance};
use crate::engine::vocabulary::Domain;
use crate::model::cause::{Status, TieOut};
use crate::model::dataset::Dataset;
use crate::model::period::Period;
use crate::sources::decision;
use crate::sources::watch::Watch;

/// What was found.
#[derive(Debug)]
pub struct Reconciled {
    /// The totals, and the texts of their codes.
    pub totals: Totals,
    /// Who met whom.
    pub matching: Matching,
    /// In published order.
    pub variances: Vec<Variance>,
    /// In published order.
    pub resources: Vec<Resource>,
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
pub fn reconcile_watched(plan: &Plan, readings: &mut Readings, watch: &Watch) -> Result<Reconciled, RunError> {
    watch.phase("fold", 0);
    let mut controls = readings.controls.clone();
    let mut warnings = readings.warnings.clone();
    let usage = std::mem::replace(&mut readings.usage, Partial::new(Dataset::Usage, Arc::default()));
    let lines = std::mem::replace(&mut readings.lines, Partial::new(Dataset::InvoiceLines, Arc::default()));
    let counted = [balance::totals_of(&usage), balance::totals_of(&lines)];
    // The partials are the largest thing in memory: they end here.
    let more = More { daily: readings.daily.take(), unbilled: readings.unbilled.take(), entries: std::mem::take(&mut readings.entries) };
    let mut totals = totals::fold_partials(usage, lines, &readings.headers, &[], more)??;
    let folded = [balance::frame_of(&totals, &totals.usage, "billing")?, balance::frame_of(&totals, &totals.lines, "subtotal")?];
    for ((source, before), after) in ["usage", "invoice_lines"].into_iter().zip(&counted).zip(&folded) {
        controls.extend(balance::law("fold", source, before, after, 0));
    }
    warn_of_blank_customers(&totals, &mut warnings)?;
    set_header_periods(&mut totals, &readings.headers);
    if let Some(period) = plan.period {
        controls.extend(select_period(&mut totals, period, &mut warnings)?);
    }
    watch.phase("match", 0);
    let usage_plan = plan_of(plan, TieOut::UsageToInvoice);
    let matching = matching::match_usage(&totals, None, &usage_plan.passes)?;
    watch.phase("compare and allocate", 0);
    let compared = usage_to_invoice::compare(&totals, &matching, &usage_plan.rules)??;
    let mut checked: Vec<Checked> = Vec::new();
    watch.phase("attribute", 0);
    if usage_plan.enabled {
        let mut findings = investigate::investigate(&totals, &matching, &compared.sides, &usage_plan.rules)??;
        checked.extend((0..).zip(compared.sides).map(|(number, sides)| (sides, findings.remove(&number))));
    }
    watch.phase("other tie-outs", 0);
    let lines_plan = plan_of(plan, TieOut::LinesToInvoice);
    if lines_plan.enabled {
        let headers = headers_at_hand(plan, &totals, &readings.headers, &mut warnings)?;
        checked.extend(headers::compare(&totals, &headers, &lines_plan.passes)??);
    }
    controls.extend(comparisons::compare(plan, &totals, &mut checked, &mut warnings)?);
    watch.phase("judge and prove", 0);
    let variances = judge(plan, &totals, checked, &readings.awaited)?;
    let resources = in_published_order(&totals, compared.resources);
    controls.extend(laws(plan, &totals, &variances, &resources)?);
    if let Some(broken) = controls.iter().find(|control| !control.holds) {
        return Err(RunError::Law(Box::new(broken.clone())));
    }
    warn_of_mismatch(&totals, &matching, &variances, &mut warnings);
    let rollups = summary::roll_up(&variances)??;
    let census = census::take(&totals, &plan_of(plan, TieOut::UsageToInvoice).rules)?;
    Ok(Reconciled { totals, matching, variances, resources, rollups, controls, census, warnings })
}

/// Old answers leave the customer out; such rows meet only rows that lack it too.
fn warn_of_blank_customers(totals: &Totals, warnings: &mut Vec<String>) -> Result<(), RunError> {
    for (source, frame) in [("usage", &totals.usage), ("invoice_lines", &totals.lines)] {
        let rows = frames::counts(frame, "rows")?;
        let blank: u64 = frames::codes(frame, "customer")?.iter().zip(rows).filter(|(code, _)| **code == 0).map(|(_, rows)| rows).sum();
        if blank > 0 {
            warnings.push(format!("`{source}`: rows without a customer id: {blank}"));
        }
    }
    Ok(())
}

pub(super) fn plan_of(plan: &Plan, tie_out: TieOut) -> Cow<'_, TieOutPlan> {
    let found = plan.tie_outs.iter().find(|candidate| candidate.tie_out == tie_out);
    found.map_or_else(|| Cow::Owned(TieOutPlan::usual(tie_out, false)), Cow::Borrowed)
}

fn set_header_periods(totals: &mut Totals, headers: &[Header]) {
    for header in headers {
        if let (Some(period), Some(invoice)) = (header.period, totals.vocabulary.code(Domain::Invoice, &header.id)) {
            totals.periods.insert(invoice, period);
        }
    }
}

/// Leaves the invoices of one period; what is left out is counted.
fn select_period(totals: &mut Totals, period: Period, warnings: &mut Vec<String>) -> Result<Vec<ControlTotal>, RunError> {
    let mut controls = Vec::new();
    let mut dropped: Vec<u32> = Vec::new();
    let (usage, invoices) = (totals.usage.clone(), totals.lines.clone());
    for (source, amount, frame) in [("usage", "billing", usage), ("invoice_lines", "subtotal", invoices)] {
        let codes = frames::codes(&frame, "invoice")?;
        let belongs = |invoice: &u32| totals.periods.get(invoice).is_none_or(|found| *found == period);
        let kept: Vec<u32> = (0..).zip(codes).filter(|(_, invoice)| belongs(invoice)).map(|(row, _)| row).collect();
        dropped.extend(codes.iter().filter(|invoice| !belongs(invoice)));
        let undated: Vec<u32> = codes.iter().filter(|invoice| !totals.periods.contains_key(*invoice)).copied().collect();
        let selected = frames::take(&frame, &kept)?;
        let (before, after) = (balance::frame_of(totals, &frame, amount)?, balance::frame_of(totals, &selected, amount)?);
        for mut control in balance::law("select", source, &before, &after, 0) {
            control.rows_rejected = control.rows_in - control.rows_out;
            control.holds = true;
            controls.push(control);
        }
        *(if source == "usage" { &mut totals.usage } else { &mut totals.lines }) = selected;
        // Nothing says that these are of another period: they are of the one that was asked for.
        totals.periods.extend(undated.into_iter().map(|invoice| (invoice, period)));
    }
    dropped.sort_unstable();
    dropped.dedup();
    for invoice in dropped {
        let name = totals.vocabulary.text(Domain::Invoice, invoice);
        let month = totals.periods.get(&invoice).map(ToString::to_string).unwrap_or_default();
        warnings.push(format!("invoice `{name}` is of {month}, not of {period}: left out"));
    }
    Ok(controls)
}

/// Headers of the invoices at hand: those with lines or usage, and those of the same period. A list
/// of invoices holds those of years.
fn headers_at_hand(plan: &Plan, totals: &Totals, all: &[Header], warnings: &mut Vec<String>) -> Result<Vec<Header>, RunError> {
    let mut seen: HashSet<u32> = HashSet::new();
    seen.extend(frames::codes(&totals.usage, "invoice")?);
    seen.extend(frames::codes(&totals.lines, "invoice")?);
    let periods: HashSet<Period> = match plan.period {
        Some(period) => HashSet::from([period]),
        None => seen.iter().filter_map(|invoice| totals.periods.get(invoice)).copied().collect(),
    };
    let is_at_hand = |header: &&Header| {
        let code = totals.vocabulary.code(Domain::Invoice, &header.id).unwrap_or(0);
        seen.contains(&code) || header.period.is_some_and(|period| periods.contains(&period))
    };
    let (kept, left): (Vec<&Header>, Vec<&Header>) = all.iter().partition(is_at_hand);
    if !left.is_empty() {
        warnings.push(format!("{} invoice headers are of other invoices and periods: left out", left.len()));
    }
    // Lines of the legacy commerce are no reconciliation lines: such a header has none to be tied to.
    let has_lines = |header: &&Header| {
        let code = totals.vocabulary.code(Domain::Invoice, &header.id).unwrap_or(0);
        !decision::is_legacy(&header.id) || seen.contains(&code)
    };
    let (kept, legacy): (Vec<&Header>, Vec<&Header>) = kept.into_iter().partition(has_lines);
    warnings.extend(legacy.iter().map(|header| format!("invoice `{}` is of the legacy commerce: not tied to lines", header.id)));
    Ok(kept.into_iter().cloned().collect())
}

fn judge(plan: &Plan, totals: &Totals, mut checked: Vec<Checked>, awaited: &Awaited) -> Result<Vec<Variance>, RunError> {
    awaited.mark(totals, &mut checked);
    let plans = TieOut::ALL.map(|tie_out| plan_of(plan, tie_out));
    let mut variances = checked
        .into_iter()
        .filter_map(|(sides, finding)| Some((plans.iter().find(|plan| plan.tie_out == sides.tie_out)?, sides, finding)))
        .map(|(plan, sides, finding)| sides.judge(&plan.tolerances, &totals.vocabulary, finding, &plan.without_causes))
        .collect::<Result<Vec<Variance>, _>>()?;
    let periods = &totals.periods;
    variances.sort_by(|left, right| order(periods, left).cmp(&order(periods, right)));
    variance::separate_equal_ids(&mut variances);
    Ok(variances)
}

type Order<'v> = (TieOut, Option<Period>, [u32; 7], &'v str, u32, u32, &'v str, i128, i128);

/// The order of the published key columns; codes are in the order of what they print.
fn order<'v>(periods: &HashMap<u32, Period>, variance: &'v Variance) -> Order<'v> {
    let sides = &variance.sides;
    let keys = sides.keys;
    let first = [keys.invoice, keys.customer, keys.subscription, keys.product, keys.sku, keys.availability, keys.description];
    let period = periods.get(&keys.invoice).copied();
    let rest = (&*sides.matched_on, sides.expected_amount, sides.invoiced_amount);
    (sides.tie_out, period, first, &sides.charge_type, keys.adjustment, keys.currency, rest.0, rest.1, rest.2)
}

fn in_published_order(totals: &Totals, mut resources: Vec<Resource>) -> Vec<Resource> {
    let period = |resource: &Resource| totals.periods.get(&resource.key[0]).copied();
    resources.sort_by_key(|resource| (period(resource), resource.key));
    resources
}

fn laws(plan: &Plan, totals: &Totals, variances: &[Variance], resources: &[Resource]) -> Result<Vec<ControlTotal>, RunError> {
    let mut controls = Vec::new();
    let usage = balance::frame_of(totals, &totals.usage, "billing")?;
    let lines = balance::frame_of(totals, &totals.lines, "subtotal")?;
    let side = |expected| balance::variances_of(totals, variances, TieOut::UsageToInvoice, expected);
    let allocated = |expected| balance::resources_of(totals, resources, expected);
    controls.extend(balance::law("quantise", "resources", &usage, &allocated(true), QUANTISATION_ALLOWANCE));
    if plan_of(plan, TieOut::UsageToInvoice).enabled {
        controls.extend(balance::law("match", "usage", &allocated(true), &side(true), 0));
        controls.extend(balance::law("match", "invoice_lines", &lines, &side(false), QUANTISATION_ALLOWANCE));
        controls.extend(balance::law("allocate", "resources", &balance::without_rows(side(false)), &allocated(false), 0));
    }
    if plan_of(plan, TieOut::LinesToInvoice).enabled {
        let totals_of_lines = balance::frame_of(totals, &totals.lines, "total")?;
        let side = balance::variances_of(totals, variances, TieOut::LinesToInvoice, true);
        controls.extend(balance::law("match", "invoices", &totals_of_lines, &side, QUANTISATION_ALLOWANCE));
    }
    controls.extend(balance::attributed(totals, variances));
    Ok(controls)
}

/// Mismatches that are more likely a wrong file than a wrong invoice.
fn warn_of_mismatch(totals: &Totals, matching: &Matching, variances: &[Variance], warnings: &mut Vec<String>) {
    let met = matching.matched_on.iter().any(|pass| !pass.is_empty() && !pass.starts_with("rule:"));
    if !met && totals.usage.height() > 0 && totals.lines.height() > 0 {
        warnings.push("no usage found its invoice line: are both of the same invoice and period?".to_owned());
    }
    let mut currencies: HashMap<[u32; 5], (HashSet<u32>, HashSet<u32>)> = HashMap::new();
    for variance in variances.iter().filter(|variance| variance.status == Status::Break && variance.sides.tie_out == TieOut::UsageToInvoice)
    {
        let keys = variance.sides.keys;
        let slot = currencies.entry([keys.invoice, keys.customer, keys.subscription, keys.product, keys.sku]).or_default();
        match (variance.sides.expected_rows, variance.sides.invoiced_rows) {
            (_, 0) => drop(slot.0.insert(keys.currency)),
            (0, _) => drop(slot.1.insert(keys.currency)),
            _ => {}
        }
    }
    let mut mixed: Vec<String> = currencies
        .iter()
        .filter(|(_, (used, invoiced))| !used.is_empty() && !invoiced.is_empty() && used.is_disjoint(invoiced))
        .map(|([_, customer, subscription, product, _], (used, invoiced))| {
            let text = |domain, code: &u32| totals.vocabulary.text(domain, *code).to_owned();
            let list = |codes: &HashSet<u32>| {
                let mut names: Vec<String> = codes.iter().map(|code| text(Domain::Currency, code)).collect();
                names.sort();
                names.join(", ")
            };
            let (customer, plan) = (text(Domain::Customer, customer), text(Domain::Subscription, subscription));
            let product = text(Domain::Product, product);
            format!(
                "customer `{customer}`, subscription `{plan}`, product `{product}`: used in {}, invoiced in {}; currencies are never netted",
                list(used),
                list(invoiced)
            )
        })
        .collect();
    mixed.sort();
    warnings.append(&mut mixed);
}
