//! What a run is told to have found: the figures of the summary on the terminal, and of `--json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::engine::judge::variance::Variance;
use crate::engine::rules::definitions::{self, Measure};
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::decimal::{PUBLISHED_SCALE, Rounding, fixed, rescale};
use crate::pipeline::fetch::handover::FetchReport;
use crate::pipeline::intake::readings::Readings;
use crate::pipeline::reconcile::stages::Reconciled;

const LARGEST_BREAKS: usize = 10;

/// A run's figures; amounts are decimal text with ten places.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The run.
    pub run_id: String,
    /// Where it was published.
    pub folder: PathBuf,
    /// Process exit code.
    pub exit_code: u8,
    /// Usage rows that counted.
    pub usage_rows: u64,
    /// Invoice lines that counted.
    pub invoice_lines: u64,
    /// Rows that could not be used.
    pub rejected_rows: u64,
    /// The first of them, in words.
    pub rejected: Vec<String>,
    /// Share of the absolute variance with a cause, by currency.
    pub totals: Vec<Total>,
    /// Which rounding rules the lines of each currency obey, in words.
    pub rounding_rules: Vec<String>,
    /// The ten largest breaks.
    pub largest_breaks: Vec<Break>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Files of usage, lines and headers.
    pub units: u64,
    /// Of them, those that are as they were in an earlier run, and were not read again.
    pub units_kept: u64,
    /// What was fetched, if anything.
    pub fetched: Option<FetchReport>,
}

/// A tie-out's total in one currency.
#[derive(Clone, Debug, Serialize)]
pub struct Total {
    /// What was compared.
    pub tie_out: &'static str,
    /// Billing currency.
    pub currency: String,
    /// Quantities are compared: all amounts are zero.
    pub is_of_quantities: bool,
    /// Expected amount.
    pub expected_amount: String,
    /// Invoiced amount.
    pub invoiced_amount: String,
    /// Net variance.
    pub variance_amount: String,
    /// Groups and net variance by status.
    pub statuses: Vec<StatusTotal>,
    /// Absolute variance, without what is awaited.
    pub gross_variance_amount: String,
    /// Absolute variance of groups that are awaited.
    pub awaited_amount: String,
    /// Of it, what has no cause.
    pub unexplained_amount: String,
    /// Share of the absolute variance that has a cause, in per cent with one decimal, rounded down;
    /// `None` where there is no variance.
    pub explained_percent: Option<String>,
}

/// Groups of one status.
#[derive(Clone, Debug, Serialize)]
pub struct StatusTotal {
    /// Status.
    pub status: &'static str,
    /// Groups.
    pub groups: u64,
    /// Net variance.
    pub variance_amount: String,
}

/// A break, with what a person needs to find it.
#[derive(Clone, Debug, Serialize)]
pub struct Break {
    /// Its id.
    pub break_id: String,
    /// What was compared.
    pub tie_out: &'static str,
    /// Customer's name, or the invoice.
    pub customer: String,
    /// Meter or product.
    pub item: String,
    /// Billing currency.
    pub currency: String,
    /// Expected amount.
    pub expected_amount: String,
    /// Invoiced amount.
    pub invoiced_amount: String,
    /// Variance.
    pub variance_amount: String,
    /// Cause.
    pub cause: &'static str,
}

#[derive(Default)]
struct Sums {
    expected: i128,
    invoiced: i128,
    gross: i128,
    unexplained: i128,
    awaited: i128,
    statuses: [(u64, i128); Status::ALL.len()],
}

impl Outcome {
    /// The figures of a run.
    #[must_use]
    pub fn new(
        run_id: String,
        folder: PathBuf,
        readings: &Readings,
        found: &Reconciled,
        exit_code: u8,
        fetched: Option<FetchReport>,
    ) -> Self {
        let mut breaks: Vec<&Variance> = found
            .variances
            .iter()
            .filter(|variance| variance.status == Status::Break)
            .collect();
        breaks.sort_by_key(|variance| {
            std::cmp::Reverse(variance.sides.variance_amount().unsigned_abs())
        });
        Self {
            run_id,
            folder,
            exit_code,
            usage_rows: readings.usage_rows,
            invoice_lines: readings.invoice_lines,
            rejected_rows: readings.rejected.len() as u64,
            rejected: readings
                .rejected
                .iter()
                .take(LARGEST_BREAKS)
                .map(ToString::to_string)
                .collect(),
            totals: totals(found),
            rounding_rules: rounding_rules(found),
            largest_breaks: breaks
                .into_iter()
                .take(LARGEST_BREAKS)
                .map(|variance| one_break(found, variance))
                .collect(),
            warnings: found.warnings.clone(),
            units: readings.inputs.len() as u64,
            units_kept: 0,
            fetched,
        }
    }
}

fn published(amount: i128) -> String {
    fixed(amount, PUBLISHED_SCALE)
}

fn totals(found: &Reconciled) -> Vec<Total> {
    let mut sums: BTreeMap<(TieOut, u32), Sums> = BTreeMap::new();
    for variance in &found.variances {
        let sides = &variance.sides;
        let slot = sums
            .entry((sides.tie_out, sides.keys[Key::Currency]))
            .or_default();
        slot.expected += sides.expected_amount;
        slot.invoiced += sides.invoiced_amount;
        let unexplained = variance.parts.by(Cause::Unexplained);
        match variance.status {
            Status::Awaited => slot.awaited += sides.variance_amount().abs(),
            _ => {
                slot.gross += sides.variance_amount().abs();
                slot.unexplained += unexplained.abs();
            }
        }
        if let Some(status) = slot.statuses.get_mut(variance.status as usize) {
            status.0 += 1;
            status.1 += sides.variance_amount();
        }
    }
    sums.into_iter()
        .map(|((tie_out, currency), sums)| Total {
            tie_out: tie_out.name(),
            is_of_quantities: definitions::definition(tie_out).measure == Measure::Quantity,
            currency: found
                .totals
                .vocabulary
                .text(Domain::Currency, currency)
                .to_owned(),
            expected_amount: published(sums.expected),
            invoiced_amount: published(sums.invoiced),
            variance_amount: published(sums.invoiced - sums.expected),
            statuses: Status::ALL
                .iter()
                .zip(sums.statuses)
                .filter(|(_, (groups, _))| *groups > 0)
                .map(|(status, (groups, amount))| StatusTotal {
                    status: status.name(),
                    groups,
                    variance_amount: published(amount),
                })
                .collect(),
            gross_variance_amount: published(sums.gross),
            awaited_amount: published(sums.awaited),
            unexplained_amount: published(sums.unexplained),
            explained_percent: explained_percent(sums.gross, sums.unexplained),
        })
        .collect()
}

/// Rounded down, so that 100.0 means all of it.
fn explained_percent(gross: i128, unexplained: i128) -> Option<String> {
    let per_mille = gross
        .checked_sub(unexplained)?
        .checked_mul(1_000)?
        .checked_div(gross)?;
    Some(fixed(per_mille, 1))
}

/// A line for each currency and kind of lines.
fn rounding_rules(found: &Reconciled) -> Vec<String> {
    let mut by_kind: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for ((kind, currency, rule), count) in &found.census {
        by_kind
            .entry((*kind, currency))
            .or_default()
            .push(format!("{rule} {count}"));
    }
    by_kind
        .into_iter()
        .map(|((kind, currency), rules)| {
            format!(
                "rounding of {kind} lines in {currency}: {}",
                rules.join(", ")
            )
        })
        .collect()
}

fn one_break(found: &Reconciled, variance: &Variance) -> Break {
    let sides = &variance.sides;
    let (cause, break_id) = (
        variance.cause.map_or("", Cause::name),
        variance.break_id.to_string(),
    );
    let (expected, variance) = sides.compared();
    let text = |domain, code| found.totals.vocabulary.text(domain, code).to_owned();
    let first = |texts: [String; 3]| {
        texts
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    };
    let name = found
        .totals
        .names
        .code(Domain::CustomerName, [sides.keys[Key::Customer], 0, 0]);
    let product = found
        .totals
        .names
        .code(Domain::ProductName, [sides.keys[Key::Product], 0, 0]);
    Break {
        break_id,
        tie_out: sides.tie_out.name(),
        customer: first([
            text(Domain::CustomerName, name),
            text(Domain::Customer, sides.keys[Key::Customer]),
            text(Domain::Invoice, sides.keys[Key::Invoice]),
        ]),
        item: first([
            text(Domain::Description, sides.keys[Key::Description]),
            text(Domain::ProductName, product),
            text(Domain::Product, sides.keys[Key::Product]),
        ]),
        currency: text(Domain::Currency, sides.keys[Key::Currency]),
        expected_amount: published(expected),
        invoiced_amount: published(expected + variance),
        variance_amount: published(variance),
        cause,
    }
}

/// An amount of ten places as a person reads it: cents rounded half up, thousands apart.
#[must_use]
pub fn readable(amount: &str) -> String {
    let digits = amount.replace('.', "").parse::<i128>().unwrap_or(0);
    let cents = rescale(digits, PUBLISHED_SCALE, 2, Rounding::HalfUp).unwrap_or(0);
    let text = fixed(cents.abs(), 2);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "00"));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{}{out}.{fraction}", if cents < 0 { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use crate::pipeline::publish::outcome::readable;

    #[test]
    fn amounts_read_like_money() {
        assert_eq!(readable("1234567.8950000000"), "1,234,567.90");
        assert_eq!(readable("-999.9900000000"), "-999.99");
        assert_eq!(readable("-1000.0000000000"), "-1,000.00");
        assert_eq!(readable("0.0010000000"), "0.00");
    }
}
