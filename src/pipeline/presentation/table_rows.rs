//! Rows of the published tables of a run folder, read by the columns that `model/tables` gives them.

use std::fs::File;
use std::path::Path;

use ::parquet::errors::ParquetError;

use crate::model::period::Day;
use crate::model::tables::Table;
use crate::pipeline::failure::RunError;
use crate::reports::read_batches::{ReadBatch, whole_batches};
use crate::sources::files::FileError;

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
    let taken = whole_batches(file, table, |batch| {
        for row in 0..batch.rows() {
            take(TableRow { batch, row });
        }
        Ok(())
    });
    taken.map_err(|error: ParquetError| RunError::Damaged {
        place: path.display().to_string(),
        found: error.to_string(),
        wanted: "the table of a run",
        hint: "the run was made by another release: run the pipeline again",
    })
}
