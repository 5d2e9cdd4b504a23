//! Outcome of a run in figures: the summary on the terminal and the answer to `--json`. The
//! published tables hold the details.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::invoice_figures::{self, InvoiceFigures, published};
use super::variance_tables::cause_name;
use crate::engine::judge::variance::Variance;
use crate::engine::rules::definitions::{self, Measure};
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::ledger::record::Recorded;
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::decimal::{PUBLISHED_SCALE, cents, fixed};
use crate::pipeline::fetch::report::FetchReport;
use crate::pipeline::intake::readings::Readings;
use crate::pipeline::reconcile::stages::Reconciled;
use crate::reports::atomic::Publication;

/// Breaks, and rejected rows, that a summary shows; all of them are in the published tables.
const LIST_LIMIT: usize = 10;

/// A run's figures; amounts are decimal text with ten places.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// True: the tables came out. A run that published nothing has no other figures.
    pub published: bool,
    /// Id of the run, which is also the name of its folder.
    pub run_id: String,
    /// Billing period of the run; empty where none is known.
    pub period: String,
    /// Folder in which the run was published.
    pub folder: PathBuf,
    /// Exit code of the process.
    pub exit_code: u8,
    /// Usage rows that counted.
    pub usage_rows: u64,
    /// Invoice lines that counted.
    pub invoice_lines: u64,
    /// Input rows that could not be used.
    pub rejected_rows: u64,
    /// The first ten rejected rows, each as a sentence with place and reason.
    pub rejected: Vec<String>,
    /// Totals by tie-out and currency.
    pub totals: Vec<Total>,
    /// Figures of each invoice: what was checked, what cannot be, and what was found.
    pub invoices: Vec<InvoiceFigures>,
    /// The ten largest breaks of each currency, currency by currency.
    pub largest_breaks: Vec<Break>,
    /// The ten largest breaks between the lines and the header of an invoice, which repeat what the
    /// others say or have no usage behind them.
    pub header_breaks: Vec<Break>,
    /// A sentence for each tie-out that is wanted and compared nothing.
    pub nothing_compared: Vec<String>,
    /// Sentences about what may make the figures wrong or incomplete.
    pub warnings: Vec<String>,
    /// Number of files or answers read: of usage, lines and headers.
    pub units: u64,
    /// Number of `units` that are unchanged since an earlier run, and were not read again.
    pub units_kept: u64,
    /// What the run did to the ledger; `None` for one that published nothing.
    pub ledger: Option<Recorded>,
    /// Report of the fetch; `None` for a run over files only.
    pub fetched: Option<FetchReport>,
}

/// A tie-out's total in one currency.
#[derive(Clone, Debug, Serialize)]
pub struct Total {
    /// Name of the comparison.
    pub tie_out: &'static str,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// True if quantities are compared; all amounts are zero then.
    pub is_of_quantities: bool,
    /// Sum of the expected side.
    pub expected_amount: String,
    /// Sum of the invoiced side.
    pub invoiced_amount: String,
    /// Invoiced - expected; negative variances offset positive ones.
    pub variance_amount: String,
    /// Groups and net variance of each status that occurs.
    pub statuses: Vec<StatusTotal>,
    /// Net variance by cause, without groups that are awaited; causes that occur.
    pub causes: Vec<CauseTotal>,
    /// Sum of the absolute variances, without groups that are awaited.
    pub gross_variance_amount: String,
    /// Sum of the absolute variances of groups that are awaited.
    pub awaited_amount: String,
    /// Part of the gross variance that has no cause.
    pub unexplained_amount: String,
    /// Share of the gross variance that has a cause, in per cent with one decimal, rounded down;
    /// `None` where there is no variance.
    pub explained_percent: Option<String>,
}

/// Groups of one status.
#[derive(Clone, Debug, Serialize)]
pub struct StatusTotal {
    /// Name of the status.
    pub status: &'static str,
    /// Number of groups that have the status.
    pub groups: u64,
    /// Sum of their variances, with sign.
    pub variance_amount: String,
}

/// Part of the variances that one cause makes.
#[derive(Clone, Debug, Serialize)]
pub struct CauseTotal {
    /// Name of the cause.
    pub cause: &'static str,
    /// Sum of its parts, with sign.
    pub amount: String,
}

/// A break, with what a person needs to find it.
#[derive(Clone, Debug, Serialize)]
pub struct Break {
    /// Id of the break, as `explain` takes it.
    pub break_id: String,
    /// Name of the comparison.
    pub tie_out: &'static str,
    /// Name of the customer, otherwise its id, otherwise the invoice.
    pub customer: String,
    /// Meter text of the line, otherwise name or id of the product.
    pub item: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// Amount, or quantity, that usage says is owed.
    pub expected_amount: String,
    /// Amount, or quantity, that the invoice asks for.
    pub invoiced_amount: String,
    /// Invoiced - expected, of the same measure.
    pub variance_amount: String,
    /// Name of the largest cause; empty for none.
    pub cause: &'static str,
}

/// Sums over the groups of one tie-out and currency, in units of 10^-10.
#[derive(Default)]
struct GroupSums {
    expected: i128,
    invoiced: i128,
    gross: i128,
    unexplained: i128,
    awaited: i128,
    /// Number of groups and net variance, by [`Status::ALL`].
    statuses: [(u64, i128); Status::ALL.len()],
    /// Sums of the parts of variances, by [`Cause::ALL`].
    causes: [i128; Cause::ALL.len()],
}

impl GroupSums {
    fn add(&mut self, variance: &Variance) {
        let sides = &variance.sides;
        self.expected += sides.expected_amount;
        self.invoiced += sides.invoiced_amount;
        // An awaited group may tie once its rows arrive: it is no part of what must be explained.
        if variance.status == Status::Awaited {
            self.awaited += sides.variance_amount().abs();
        } else {
            self.gross += sides.variance_amount().abs();
            self.unexplained += variance.parts.by(Cause::Unexplained).abs();
            for (sum, cause) in self.causes.iter_mut().zip(Cause::ALL) {
                *sum += variance.parts.by(cause);
            }
        }
        let (groups, amount) = &mut self.statuses[variance.status as usize];
        *groups += 1;
        *amount += sides.variance_amount();
    }
}

impl Outcome {
    /// The figures of a run.
    #[must_use]
    pub fn new(
        run_id: String,
        published: Publication,
        readings: &Readings,
        found: &Reconciled,
        exit_code: u8,
        fetched: Option<FetchReport>,
    ) -> Self {
        // No part of the manifest, which is that of the first publish.
        let put_back = published.put_back.iter().map(|file| {
            format!("`{file}` of the published run `{run_id}` was missing, and was put back")
        });
        let of_run = found.warnings.iter().skip(found.nothing_compared.len());
        let warnings = of_run.cloned().chain(put_back).collect();
        Self {
            published: true,
            run_id,
            // The caller knows it.
            period: String::new(),
            folder: published.folder,
            exit_code,
            usage_rows: readings.usage_rows,
            invoice_lines: readings.invoice_lines,
            rejected_rows: readings.rejected.len() as u64,
            // Rejected rows are sorted, so that the first ten do not depend on threads.
            rejected: readings
                .rejected
                .iter()
                .take(LIST_LIMIT)
                .map(ToString::to_string)
                .collect(),
            totals: totals(found),
            invoices: invoice_figures::of_invoices(found),
            largest_breaks: largest_breaks(found, |of| of != TieOut::LinesToInvoice),
            header_breaks: largest_breaks(found, |of| of == TieOut::LinesToInvoice),
            nothing_compared: found.nothing_compared.clone(),
            warnings,
            units: readings.inputs.len() as u64,
            // Counted by the readers; the caller sets it.
            units_kept: 0,
            ledger: None,
            fetched,
        }
    }
}

/// Largest breaks of each currency among the tie-outs that are wanted. Amounts of two currencies have
/// no order.
fn largest_breaks(found: &Reconciled, is_wanted: impl Fn(TieOut) -> bool) -> Vec<Break> {
    let mut by_currency: BTreeMap<u32, Vec<&Variance>> = BTreeMap::new();
    for variance in &found.variances {
        if variance.status == Status::Break && is_wanted(variance.sides.tie_out) {
            let currency = variance.sides.keys[Key::Currency];
            by_currency.entry(currency).or_default().push(variance);
        }
    }
    let largest = by_currency.into_values().flat_map(|mut breaks| {
        // A stable sort: breaks of equal size stay in published order.
        breaks.sort_by_key(|variance| {
            let (_, difference) = variance.sides.compared();
            std::cmp::Reverse(difference.unsigned_abs())
        });
        breaks.truncate(LIST_LIMIT);
        breaks
    });
    largest.map(|variance| one_break(found, variance)).collect()
}

/// Totals by tie-out and currency, in this order.
fn totals(found: &Reconciled) -> Vec<Total> {
    // Codes are in the order of their texts, so that the map sorts by currency.
    let mut sums: BTreeMap<(TieOut, u32), GroupSums> = BTreeMap::new();
    for variance in &found.variances {
        let sides = &variance.sides;
        sums.entry((sides.tie_out, sides.keys[Key::Currency]))
            .or_default()
            .add(variance);
    }
    let vocabulary = &found.totals.vocabulary;
    sums.into_iter()
        .map(|((tie_out, currency), sums)| {
            total(tie_out, vocabulary.text(Domain::Currency, currency), &sums)
        })
        .collect()
}

fn total(tie_out: TieOut, currency: &str, sums: &GroupSums) -> Total {
    let statuses = Status::ALL.into_iter().zip(sums.statuses);
    Total {
        tie_out: tie_out.name(),
        is_of_quantities: definitions::definition(tie_out).measure == Measure::Quantity,
        currency: currency.to_owned(),
        expected_amount: published(sums.expected),
        invoiced_amount: published(sums.invoiced),
        variance_amount: published(sums.invoiced - sums.expected),
        statuses: statuses
            .filter(|(_, (groups, _))| *groups > 0)
            .map(|(status, (groups, amount))| StatusTotal {
                status: status.name(),
                groups,
                variance_amount: published(amount),
            })
            .collect(),
        causes: Cause::ALL
            .into_iter()
            .zip(sums.causes)
            .filter(|(_, amount)| *amount != 0)
            .map(|(cause, amount)| CauseTotal {
                cause: cause.name(),
                amount: published(amount),
            })
            .collect(),
        gross_variance_amount: published(sums.gross),
        awaited_amount: published(sums.awaited),
        unexplained_amount: published(sums.unexplained),
        explained_percent: explained_percent(sums.gross, sums.unexplained),
    }
}

/// Explained share in per cent, rounded down, so that 100.0 means all of it. `None` where there is
/// no variance to divide by.
fn explained_percent(gross: i128, unexplained: i128) -> Option<String> {
    // Nothing is divided by zero, and sums near 38 digits have no percentage.
    let per_mille = gross
        .checked_sub(unexplained)?
        .checked_mul(1_000)?
        .checked_div(gross)?;
    Some(fixed(per_mille, 1))
}

fn one_break(found: &Reconciled, variance: &Variance) -> Break {
    let sides = &variance.sides;
    // Of the measure that is compared: in a comparison of quantities all amounts are zero.
    let (expected, difference) = sides.compared();
    let text = |domain, code| found.totals.vocabulary.text(domain, code);
    let key = |key: Key| text(key.domain(), sides.keys[key]);
    let name = |domain, key: Key| {
        let code = found.totals.names.code(domain, [sides.keys[key], 0, 0]);
        text(domain, code)
    };
    Break {
        break_id: variance.break_id.to_string(),
        tie_out: sides.tie_out.name(),
        customer: first_text([
            name(Domain::CustomerName, Key::Customer),
            key(Key::Customer),
            key(Key::Invoice),
        ]),
        item: first_text([
            key(Key::Description),
            name(Domain::ProductName, Key::Product),
            key(Key::Product),
        ]),
        currency: key(Key::Currency).to_owned(),
        expected_amount: published(expected),
        invoiced_amount: published(expected + difference),
        variance_amount: published(difference),
        cause: cause_name(variance),
    }
}

/// The first text that is not empty; empty where all are.
fn first_text(texts: [&str; 3]) -> String {
    let found = texts.into_iter().find(|text| !text.is_empty());
    found.map_or_else(String::new, str::to_owned)
}

/// A published amount as a person reads it: two decimals, rounded half up, and commas between
/// thousands.
///
/// # Panics
/// For a text that is no decimal number with ten places.
#[must_use]
pub fn readable(amount: &str) -> String {
    // Without its point, a text of ten decimals is the number in units of 10^-10.
    let digits: i128 = amount
        .replace('.', "")
        .parse()
        .expect("an amount is digits and a point");
    cents(digits, PUBLISHED_SCALE)
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
