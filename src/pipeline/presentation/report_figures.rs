//! The view model: everything that a report shows of a run, made of its published tables and its
//! manifest.

use std::collections::BTreeSet;
use std::path::Path;

use super::break_lines::BreakLine;
use super::bridges::UsageBridge;
use super::customers::CustomerFigures;
use super::largest::CurrencyRows;
use super::late_usage::LateUsage;
use super::ledger_part::LedgerPart;
use super::table_rows::each_row;
use super::tie_out_totals::TieOutTotal;
use super::variance_sums::VarianceSums;
use super::verdicts::Verdict;
use crate::model::tables::{REJECTED_ROWS, column_of};
use crate::pipeline::failure::RunError;
use crate::reports::manifest::{ControlTotal, Input, Manifest};

/// Rejected rows that are shown; the table has all of them.
const REJECTED_SHOWN: usize = 20;

/// Rows of a currency that a list holds, and of a sheet altogether. A sheet has 1,048,576 at most; a
/// tenth of that still opens, and is more than a person reads.
pub const MOST_ROWS: usize = 100_000;

/// Run that a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct ReportSource<'s> {
    /// Folder with the tables, published or not yet.
    pub folder: &'s Path,
    /// Manifest of the run.
    pub manifest: &'s Manifest,
    /// Sentences about what may make the figures wrong. Those of a run's own report follow from its
    /// inputs alone.
    pub warnings: &'s [String],
}

/// Figures of a run, as reports show them.
#[derive(Clone, Debug, Default)]
pub struct ReportFigures {
    /// Id of the run.
    pub run_id: String,
    /// Release that made the run.
    pub release: String,
    /// Hash of the settings.
    pub configuration_hash: String,
    /// Months of the invoices, as `2026-10`; that which was asked for, or those of the data.
    pub periods: BTreeSet<String>,
    /// Verdicts by number of the invoice and currency.
    pub verdicts: Vec<Verdict>,
    /// Totals by tie-out and currency.
    pub totals: Vec<TieOutTotal>,
    /// Bridges from usage to invoice, by currency.
    pub bridges: Vec<UsageBridge>,
    /// Breaks of all tie-outs but those of headers, by currency.
    pub breaks: Vec<CurrencyRows<BreakLine>>,
    /// Breaks between the lines and the header of an invoice, which repeat what the others say.
    pub header_breaks: Vec<CurrencyRows<BreakLine>>,
    /// Breaks between usage and invoice that ask for too much, by currency.
    pub claims: Vec<CurrencyRows<BreakLine>>,
    /// Lines that no usage is behind, by currency.
    pub out_of_scope: Vec<CurrencyRows<BreakLine>>,
    /// Customers by currency, the largest sum of absolute variances first.
    pub customers: Vec<CustomerFigures>,
    /// Usage of another cycle, by currency and days.
    pub late_usage: Vec<LateUsage>,
    /// Files that were read.
    pub inputs: Vec<Input>,
    /// Conservation laws, each with its exact amounts.
    pub control_totals: Vec<ControlTotal>,
    /// Number of rows that could not be used.
    pub rejected_rows: u64,
    /// The first of them, each as a sentence.
    pub rejected: Vec<String>,
    /// Sentences about what may make the figures wrong.
    pub warnings: Vec<String>,
    /// What the ledger has of the run; `None` for a run's own report.
    pub ledger: Option<LedgerPart>,
}

impl ReportFigures {
    /// Figures of a run; no list holds more than `most` rows of a currency.
    ///
    /// # Errors
    /// [`RunError`] for a table that cannot be read.
    pub fn read(
        source: ReportSource<'_>,
        ledger: Option<LedgerPart>,
        most: usize,
    ) -> Result<Self, RunError> {
        let ReportSource {
            folder, manifest, ..
        } = source;
        let mut sums = VarianceSums::read(folder, most)?;
        let (listed, evidence) = sums.listed(folder)?;
        let (rejected_rows, rejected) = rejected_in(folder)?;
        Ok(Self {
            run_id: manifest.run_id.clone(),
            release: manifest.tieout.clone(),
            configuration_hash: manifest.configuration_hash.clone(),
            periods: match &manifest.period {
                Some(period) => BTreeSet::from([period.clone()]),
                None => sums.periods,
            },
            verdicts: sums.verdicts.finish(manifest)?,
            totals: sums.totals.finish(),
            bridges: sums.bridges.finish(),
            breaks: listed.breaks,
            header_breaks: listed.header_breaks,
            claims: listed.claims,
            out_of_scope: listed.out_of_scope,
            customers: sums.customers.finish(),
            late_usage: sums.late.finish(&evidence),
            inputs: manifest.inputs.clone(),
            control_totals: manifest.control_totals.clone(),
            rejected_rows,
            rejected,
            warnings: source.warnings.to_vec(),
            ledger,
        })
    }

    /// Months of the invoices in words.
    #[must_use]
    pub fn period_words(&self) -> String {
        let periods: Vec<&str> = self.periods.iter().map(String::as_str).collect();
        match periods.as_slice() {
            [] => "no billing period".to_owned(),
            [one] => (*one).to_owned(),
            [first, .., last] => format!("{first} to {last}"),
        }
    }
}

/// Number of rejected rows, and the first of them as sentences.
fn rejected_in(folder: &Path) -> Result<(u64, Vec<String>), RunError> {
    const UNIT: usize = column_of(&REJECTED_ROWS, "unit");
    const LINE: usize = column_of(&REJECTED_ROWS, "line");
    const COLUMN: usize = column_of(&REJECTED_ROWS, "column");
    const FOUND: usize = column_of(&REJECTED_ROWS, "found");
    const WANTED: usize = column_of(&REJECTED_ROWS, "wanted");
    let (mut count, mut shown) = (0, Vec::new());
    each_row(folder, &REJECTED_ROWS, |row| {
        count += 1;
        if shown.len() < REJECTED_SHOWN {
            let column = match row.text(COLUMN) {
                "" => String::new(),
                column => format!(", {column}"),
            };
            shown.push(format!(
                "{} line {}{column}: found `{}`, wanted {}",
                row.text(UNIT),
                row.count(LINE),
                row.text(FOUND),
                row.text(WANTED)
            ));
        }
    })?;
    Ok((count, shown))
}
