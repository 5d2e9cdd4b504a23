//! Sums of a published run for its cover: by tie-out and currency, and by invoice.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use crate::engine::rules::definitions::{self, Measure};
use crate::model::cause::{Status, TieOut};
use crate::model::decimal::{self, PUBLISHED_SCALE};
use crate::pipeline::failure::RunError;
use crate::reports::read;
use crate::sources::files::FileError;

/// Columns of `variances` that are summed up.
const COLUMNS: [&str; 8] = [
    "tie_out",
    "currency",
    "invoice_number",
    "status",
    "expected_amount",
    "invoiced_amount",
    "expected_quantity",
    "invoiced_quantity",
];

/// Sum of some groups, in units of 10^-10 of the amount, or of the quantity where quantities are
/// compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CoverSum {
    pub(super) groups: u64,
    /// Groups that are breaks.
    pub(super) breaks: u64,
    pub(super) expected: i128,
    pub(super) invoiced: i128,
}

impl CoverSum {
    fn add(&mut self, is_break: bool, expected: i128, invoiced: i128) {
        self.groups += 1;
        self.breaks += u64::from(is_break);
        self.expected += expected;
        self.invoiced += invoiced;
    }
}

/// Sums of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CoverSums {
    /// By name of the tie-out and currency.
    pub(super) totals: BTreeMap<(String, String), CoverSum>,
    /// By number of the invoice and currency: usage against lines.
    pub(super) invoices: BTreeMap<(String, String), CoverSum>,
}

/// True if a tie-out compares quantities.
pub(super) fn is_of_quantities(tie_out: &str) -> bool {
    let known = TieOut::ALL
        .into_iter()
        .find(|known| known.name() == tie_out);
    known.is_some_and(|known| definitions::definition(known).measure == Measure::Quantity)
}

/// Sums of the run in a folder whose files were hashed.
///
/// # Errors
/// [`RunError`] for a table that cannot be read.
pub(super) fn of_run(folder: &Path) -> Result<CoverSums, RunError> {
    let path = folder.join("variances.parquet");
    let file = File::open(&path).map_err(|source| FileError::Unreadable {
        path: path.clone(),
        source,
    })?;
    let mut sums = CoverSums::default();
    let taken = read::rows(file, COLUMNS, |cells: [String; COLUMNS.len()]| {
        let [
            tie_out,
            currency,
            invoice,
            status,
            expected,
            invoiced,
            expected_quantity,
            invoiced_quantity,
        ] = cells;
        let (expected, invoiced) = if is_of_quantities(&tie_out) {
            (units(&expected_quantity), units(&invoiced_quantity))
        } else {
            (units(&expected), units(&invoiced))
        };
        let is_break = status == Status::Break.name();
        if tie_out == TieOut::UsageToInvoice.name() {
            let of_invoice = sums
                .invoices
                .entry((invoice, currency.clone()))
                .or_default();
            of_invoice.add(is_break, expected, invoiced);
        }
        let of_tie_out = sums.totals.entry((tie_out, currency)).or_default();
        of_tie_out.add(is_break, expected, invoiced);
    });
    taken.map_err(|error| RunError::Damaged {
        place: path.display().to_string(),
        found: error.to_string(),
        wanted: "the table of a run",
        hint: "the run was made by another release: run the pipeline again",
    })?;
    Ok(sums)
}

/// A published number in units of 10^-10.
///
/// # Panics
/// For a text that is none: the reader writes it from a decimal column.
fn units(text: &str) -> i128 {
    let parsed = decimal::parse(text.as_bytes(), PUBLISHED_SCALE);
    parsed.expect("the cell is a published number").value
}
