//! `explain` for `usage-to-invoice`: the chosen groups of an account with their source rows on both
//! sides, and the arithmetic of the variance. A group that does not come to its published figures
//! is an error, never an explanation.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::answer::{Explanation, Group, RejectedLine, Request};
use super::facts::by_day;
use super::gather::Gatherer;
use super::published::{Published, VarianceRow};
use super::recount::Recount;
use super::source_rows::SourceRows;
use super::story::{OtherInvoice, Story};
use crate::engine::causes::investigate;
use crate::engine::fold::columns::{self, LineColumns};
use crate::engine::fold::row_key::FineKey;
use crate::engine::judge::variance::Variance;
use crate::engine::rules::keys::{FINE_KEYS, Key};
use crate::engine::rules::scope::Scope;
use crate::model::cause::Cause;
use crate::model::decimal::{PUBLISHED_SCALE, fixed, to_published};
use crate::pipeline::failure::RunError;

/// Groups explained at most for one set of keys; the rest is counted.
// The source lines of all these groups are in memory at once.
const GROUPS_LIMIT: usize = 20;

/// Explains the groups that are `wanted`, by number and variance. With `keys`, only the source rows
/// that have them are shown, and the sums of their resources.
///
/// # Errors
/// [`RunError::Disagrees`] where the source lines do not come to the published figures, and those
/// of reading the run and its sources.
pub(super) fn explain(
    recount: &Recount<'_>,
    request: &Request,
    wanted: impl Fn(u32, &Variance) -> bool,
    keys: &[(String, String)],
) -> Result<Explanation, RunError> {
    let mut chosen = recount.variances()?;
    chosen.retain(|(number, variance)| wanted(*number, variance));
    // A stable sort: groups of equal size stay in the order of their numbers.
    chosen.sort_by_key(|(_, variance)| Reverse(variance.sides.variance_amount().unsigned_abs()));
    let groups_more = chosen.len().saturating_sub(GROUPS_LIMIT);
    // Before the files are read, so that no rows are gathered for groups that are not shown.
    chosen.truncate(GROUPS_LIMIT);
    let mut rows = source_rows(recount, &chosen, keys)?;
    let mut groups = Vec::with_capacity(chosen.len());
    for (number, variance) in &chosen {
        let rows = rows
            .remove(number)
            .expect("rows are gathered for each chosen group");
        groups.push(group(recount, *number, variance, rows, request.limit)?);
    }
    let resources = if keys.is_empty() {
        None
    } else {
        recount.resource_sums(keys)
    };
    let run_id = &recount.published.manifest().run_id;
    let rejected = recount.rejected.iter().cloned().map(RejectedLine::from);
    Ok(Explanation {
        groups_more,
        resources,
        ..Explanation::new(run_id, groups, rejected.collect(), request.limit)
    })
}

/// Expected and invoiced source rows of the chosen groups, by their number.
fn source_rows(
    recount: &Recount<'_>,
    chosen: &[(u32, Variance)],
    keys: &[(String, String)],
) -> Result<HashMap<u32, [SourceRows; 2]>, RunError> {
    let is_chosen = |number: u32| chosen.iter().any(|(chosen, _)| *chosen == number);
    // Rows are found again by their folded texts: codes are of this recount only, and rows have
    // none.
    let mut by_key: HashMap<(FineKey, Scope), u32> = HashMap::new();
    for (frame, groups, is_usage) in recount.frames() {
        for (row, number) in groups.iter().enumerate() {
            if !is_chosen(*number) {
                continue;
            }
            let key = FINE_KEYS.map(|key| {
                let codes = match key {
                    Key::Description if is_usage => &recount.matching.described,
                    key => columns::codes(frame, key.part().column()),
                };
                let code = codes[row];
                recount.totals.vocabulary.folded(key.domain(), code)
            });
            let scope = if is_usage {
                Scope::Usage
            } else {
                LineColumns::of(frame).scope(row)
            };
            by_key.insert((key, scope), *number);
        }
    }
    let gatherer = Gatherer {
        descriptions: &recount.descriptions,
        account: &recount.account,
        by_key: &by_key,
        unused: &recount.unused,
        rules: &recount.settings.rules,
        keys,
    };
    gatherer.gather(recount.published, chosen.iter().map(|(number, _)| *number))
}

fn group(
    recount: &Recount<'_>,
    number: u32,
    variance: &Variance,
    [usage, lines]: [SourceRows; 2],
    limit: usize,
) -> Result<Group, RunError> {
    let sides = &variance.sides;
    let break_id = variance.break_id.to_string();
    let row = recount.published.find(&break_id)?;
    let expected = fixed(sides.expected_amount, PUBLISHED_SCALE);
    let invoiced = fixed(sides.invoiced_amount, PUBLISHED_SCALE);
    // Amounts and row counts: rows that cancel each other out would leave the amounts equal.
    let agrees = row.expected_amount == expected
        && row.invoiced_amount == invoiced
        && (usage.rows, lines.rows) == (sides.expected_rows, sides.invoiced_rows);
    if !agrees {
        return Err(recount.published.disagrees(&row, &expected, &invoiced));
    }
    let narrowest = narrowest(recount.published, &row)?;
    let (parts, workings) = (parts_of(variance), workings(recount, number, variance));
    let finding = variance.finding.as_deref();
    let unexplained = Cause::Unexplained.name();
    let story = Story {
        tie_out: sides.tie_out,
        status: &row.status,
        invoice: &row.invoice_number,
        currency: &row.currency,
        name: &row.meter_description,
        figures: [&expected, &invoiced],
        rows: [usage.rows, lines.rows],
        parts: &parts,
        facts: [&usage.facts, &lines.facts],
        period: recount
            .totals
            .periods
            .get(&sides.keys[Key::Invoice])
            .copied(),
        quantity_delta: finding.map(|finding| finding.steps.quantity_delta),
        other_invoice: other_invoice(recount, number, variance),
        counterpart: (!row.counterpart.is_empty()).then(|| row.counterpart.clone()),
        is_off_arithmetic: workings.iter().any(|(cause, _)| *cause == unexplained),
    };
    Ok(Group {
        sentences: story.tell(),
        days: by_day(&usage.facts, &lines.facts),
        break_id,
        tie_out: sides.tie_out.name(),
        keys: keys_of(&row),
        matched_on: sides.matched_on.to_string(),
        // Only the whole run knows which groups are awaited.
        status: row.status,
        expected: usage.into_side("BillingPreTaxTotal", sides.expected_amount, limit),
        invoiced: lines.into_side("Subtotal", sides.invoiced_amount, limit),
        variance_amount: fixed(sides.variance_amount(), PUBLISHED_SCALE),
        tolerance_amount: fixed(variance.tolerance_amount, PUBLISHED_SCALE),
        // Judged again by the settings in the manifest, as the name of the limit is not published.
        tolerance_is: variance.limit.name(),
        parts,
        workings,
        narrowest,
        units: Vec::new(),
    })
}

/// Another invoice that bills the same usage: all of it, or what this one bills beyond its own.
fn other_invoice(recount: &Recount<'_>, number: u32, variance: &Variance) -> Option<OtherInvoice> {
    let of_group = &variance.sides;
    let beyond = variance.finding.as_deref()?.steps.quantity_delta;
    let keys = of_group.keys.without(Key::Invoice);
    let numbered = (0..).zip(&recount.sides);
    let mut others = numbered.filter(|(at, sides)| {
        *at != number
            && sides.keys.without(Key::Invoice) == keys
            && sides.expected_rows > 0
            && sides.invoiced_rows > 0
    });
    let (_, other) = others.find(|(_, sides)| {
        of_group.expected_rows == 0 || Some(sides.expected_quantity) == to_published(beyond)
    })?;
    let invoice = other.keys[Key::Invoice];
    Some(OtherInvoice {
        number: recount
            .totals
            .vocabulary
            .text(Key::Invoice.domain(), invoice)
            .to_owned(),
        period: recount.totals.periods.get(&invoice).copied(),
    })
}

/// Published key columns of a group with their values, those without a value left out. The texts
/// are the run's: an account may not have the spelling that the run shows.
fn keys_of(row: &VarianceRow) -> Vec<(&'static str, String)> {
    let keys = [
        ("invoice_number", &row.invoice_number),
        ("customer_id", &row.customer_id),
        ("customer_name", &row.customer_name),
        ("subscription_id", &row.subscription_id),
        ("product_id", &row.product_id),
        ("sku_id", &row.sku_id),
        ("availability_id", &row.availability_id),
        ("meter_description", &row.meter_description),
        ("price_adjustment", &row.price_adjustment),
        ("currency", &row.currency),
    ];
    keys.into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (name, text.clone()))
        .collect()
}

/// The parts of a variance that are not zero.
fn parts_of(variance: &Variance) -> Vec<(&'static str, String)> {
    let parts = Cause::ALL.map(|cause| (cause, variance.parts.by(cause)));
    parts
        .into_iter()
        .filter(|(_, amount)| *amount != 0)
        .map(|(cause, amount)| (cause.name(), fixed(amount, PUBLISHED_SCALE)))
        .collect()
}

/// The arithmetic of the parts that are not zero; none where rounding explains the variance.
fn workings(
    recount: &Recount<'_>,
    number: u32,
    variance: &Variance,
) -> Vec<(&'static str, String)> {
    if variance.finding.is_none() {
        return Vec::new();
    }
    let workings = investigate::workings(
        &recount.totals,
        &recount.matching,
        &recount.sides,
        number,
        &recount.settings.rules,
        &recount.practice,
    );
    workings
        .into_iter()
        .filter(|working| variance.parts.by(working.cause) != 0)
        .map(|working| (working.cause.name(), working.text))
        .collect()
}

/// The narrowest thing that holds the variance, with the resource and the days that it concerns;
/// empty where rounding explains the variance. As published: the run looked at all accounts.
fn narrowest(published: &Published, row: &VarianceRow) -> Result<String, RunError> {
    let [level, _, resource, first, last] = published.finding(&row.break_id)?;
    let mut words = level;
    if !resource.is_empty() {
        words += &format!(" {resource}");
    }
    if !first.is_empty() {
        words += &if first == last {
            format!(", {first}")
        } else {
            format!(", {first} to {last}")
        };
    }
    Ok(words)
}
