//! Rows of the published tables of a run folder, read by the columns that `model/tables` gives them.

use std::fs::File;
use std::path::Path;

use arrow_schema::DataType;

use crate::model::dataset::is_same_name;
use crate::model::decimal::PUBLISHED_SCALE;
use crate::model::period::Day;
use crate::model::tables::{ColumnType, Table};
use crate::pipeline::failure::RunError;
use crate::reports::read_batches::{ReadBatch, batches};
use crate::sources::files::FileError;

/// Digits of a published decimal number.
const PRECISION: u8 = 28;

/// Position of a column in its table. Called in constants only: a misspelt column does not compile.
pub(super) const fn column_of(table: &Table, name: &str) -> usize {
    let mut at = 0;
    while !is_same_name(table.columns[at].name, name) {
        at += 1;
    }
    at
}

/// Row of a published table; its columns are named by their position there.
#[derive(Clone, Copy)]
pub(super) struct TableRow<'b> {
    batch: &'b ReadBatch,
    row: usize,
}

impl<'b> TableRow<'b> {
    /// Text of a cell; empty where there is none.
    pub(super) fn text(self, column: usize) -> &'b str {
        self.batch.text(column, self.row)
    }

    /// Number of a cell, in units of 10^-10.
    pub(super) fn number(self, column: usize) -> i128 {
        self.batch.decimal(column, self.row)
    }

    /// Count of a cell; no run publishes a negative one.
    pub(super) fn count(self, column: usize) -> u64 {
        let count = self.batch.count(column, self.row);
        u64::try_from(count).expect("counts of a run are held against the hash of its table")
    }

    /// Day of a cell; `None` where there is none.
    pub(super) fn day(self, column: usize) -> Option<Day> {
        self.batch.day(column, self.row)
    }
}

/// Calls `take` with every row of a table in the folder of a run.
///
/// # Errors
/// [`RunError::File`] for a table that cannot be opened, [`RunError::Damaged`] for one that is none of
/// this release.
pub(super) fn each_row(
    folder: &Path,
    table: &Table,
    mut take: impl FnMut(TableRow<'_>),
) -> Result<(), RunError> {
    let path = folder.join(format!("{}.parquet", table.name));
    let file = File::open(&path).map_err(|source| FileError::Unreadable {
        path: path.clone(),
        source,
    })?;
    let columns: Vec<(&str, DataType)> = table
        .columns
        .iter()
        .map(|column| (column.name, type_of(column.column_type)))
        .collect();
    let taken = batches(file, &columns, |batch| {
        for row in 0..batch.rows() {
            take(TableRow { batch, row });
        }
    });
    taken.map_err(|error| RunError::Damaged {
        place: path.display().to_string(),
        found: error.to_string(),
        wanted: "the table of a run",
        hint: "the run was made by another release: run the pipeline again",
    })
}

/// Type of a column's cells in a Parquet file.
fn type_of(column_type: ColumnType) -> DataType {
    let scale = i8::try_from(PUBLISHED_SCALE).expect("ten fits");
    match column_type {
        ColumnType::Text => DataType::Utf8,
        ColumnType::Date => DataType::Date32,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Decimal | ColumnType::DecimalOrNull => DataType::Decimal128(PRECISION, scale),
        ColumnType::Boolean => DataType::Boolean,
    }
}
