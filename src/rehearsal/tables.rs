//! Tables in CSV, of the truth and of the ledger: both are read as an analyst would read them.

use std::path::Path;

use csv::StringRecord;
use rust_decimal::Decimal;

use super::request::RehearsalError;

/// Columns that name a break, in the truth and in the ledger.
const KEYS: [&str; 9] = [
    "tie_out",
    "billing_period",
    "invoice_number",
    "customer_id",
    "subscription_id",
    "product_id",
    "sku_id",
    "meter_description",
    "currency",
];

/// Name of a break: what [`KEYS`] say of it.
pub(super) type BreakKey = [String; KEYS.len()];

/// Tie-out and currency of the figures.
pub(super) type Group = [String; 2];

/// Group of a break.
pub(super) fn group_of(key: &BreakKey) -> Group {
    [key[0].clone(), key[8].clone()]
}

/// Customer of a break.
pub(super) fn customer_of(key: &BreakKey) -> &str {
    &key[3]
}

/// A table in memory.
pub(super) struct CsvTable {
    header: StringRecord,
    rows: Vec<StringRecord>,
}

impl CsvTable {
    /// Reads a table.
    ///
    /// # Errors
    /// [`RehearsalError::Table`].
    pub(super) fn read(folder: &Path, name: &str) -> Result<Self, RehearsalError> {
        let path = folder.join(format!("{name}.csv"));
        let read = || -> Result<(StringRecord, Vec<StringRecord>), csv::Error> {
            let mut reader = csv::Reader::from_path(&path)?;
            let header = reader.headers()?.clone();
            let rows = reader.records().collect::<Result<_, _>>()?;
            Ok((header, rows))
        };
        match read() {
            Ok((header, rows)) => Ok(Self { header, rows }),
            Err(error) => Err(RehearsalError::Table {
                path,
                found: error.to_string(),
                wanted: "a CSV table",
            }),
        }
    }

    /// Rows of the table.
    pub(super) fn rows(&self) -> impl Iterator<Item = CsvRow<'_>> {
        self.rows.iter().map(|cells| CsvRow { table: self, cells })
    }
}

/// A row of a table.
#[derive(Clone, Copy)]
pub(super) struct CsvRow<'t> {
    table: &'t CsvTable,
    cells: &'t StringRecord,
}

impl<'t> CsvRow<'t> {
    /// Cell of a column, without the apostrophe that guards a text against being taken for a formula.
    ///
    /// # Panics
    /// If the table has no such column: both tables are ours.
    pub(super) fn text(&self, column: &str) -> &'t str {
        let at = self.table.header.iter().position(|name| name == column);
        let cell = at.and_then(|at| self.cells.get(at));
        let cell = cell.expect("both tables are ours, and have their columns");
        match cell.strip_prefix('\'') {
            Some(text) if text.starts_with(['=', '+', '-', '@']) => text,
            _ => cell,
        }
    }

    /// Amount of a column; zero for an empty cell, which an event of no amount has.
    ///
    /// # Panics
    /// If it is no amount.
    pub(super) fn amount(&self, column: &str) -> Decimal {
        match self.text(column) {
            "" => Decimal::ZERO,
            text => Decimal::from_str_exact(text).expect("the tables have amounts"),
        }
    }

    /// Name of the break.
    pub(super) fn key(&self) -> BreakKey {
        KEYS.map(|name| self.text(name).to_owned())
    }

    /// Cells of some columns.
    pub(super) fn texts<const N: usize>(&self, columns: [&str; N]) -> [String; N] {
        columns.map(|name| self.text(name).to_owned())
    }
}
