//! The rows that one worker keeps of a unit.

use std::sync::Arc;

use super::row_layout::{Filled, RowLayout};
use super::row_sums::{KeptSums, UnitFile};
use super::unit_rows::UnitRows;
use crate::model::row::Cell;
use crate::pipeline::failure::RunError;
use crate::reports::row_batch::RowBatch;

/// Rows that are handed over at a time, at most: 65,536. A slice of text has fewer; a row group of
/// Parquet may have a million.
const BATCH_ROWS: usize = 64 * 1024;

/// Rows of one unit that are kept, for the sinks of its workers.
#[derive(Clone)]
pub(crate) struct KeptUnit {
    pub(crate) layout: Arc<RowLayout>,
    /// File that the rows go to.
    pub(crate) to: Arc<UnitRows>,
}

/// Keeps the rows of one worker.
pub(crate) struct KeptSink {
    layout: Arc<RowLayout>,
    /// What each column of the table is filled from.
    filled: Vec<(usize, Filled)>,
    to: Arc<UnitRows>,
    /// Number of the slice whose rows come.
    slice: u64,
    batch: RowBatch,
    /// Rows and amounts so far.
    sums: KeptSums,
}

impl KeptSink {
    /// Sink that has no row.
    pub(crate) fn new(unit: &KeptUnit) -> Self {
        let KeptUnit { layout, to } = unit.clone();
        Self {
            filled: layout.filled().collect(),
            batch: RowBatch::new(layout.table),
            layout,
            to,
            slice: 0,
            sums: KeptSums::default(),
        }
    }

    /// Tells the slice of the rows that follow.
    pub(crate) const fn begin(&mut self, slice: u64) {
        self.slice = slice;
    }

    /// Keeps a row that was counted.
    pub(crate) fn add(&mut self, cells: &[Cell<'_>]) {
        for (column, (at, filled)) in self.filled.iter().enumerate() {
            let cell = &cells[*at];
            match filled {
                Filled::Text(kind) => self.batch.text(column, &cell.bytes(), *kind),
                Filled::Number => self.batch.number(column, self.layout.number(*at, cell)),
                Filled::Share => self.batch.number(column, self.layout.share(*at, cell)),
                Filled::Day => self.batch.day(column, self.layout.day(*at, cell)),
            }
        }
        self.batch.end_row();
        let ([invoice, currency], amount) = self.layout.counted(cells);
        self.sums.add([&invoice.bytes(), &currency.bytes()], amount);
        if self.batch.rows() == BATCH_ROWS {
            self.hand_over(false);
        }
    }

    /// Hands over the last rows of the slice.
    pub(crate) fn end_slice(&mut self) {
        self.hand_over(true);
    }

    /// Adds what another worker kept of the same unit.
    pub(crate) fn merge(&mut self, other: Self) {
        self.sums.merge(other.sums);
    }

    /// Completes the file of the unit, once all of its workers are merged.
    ///
    /// # Errors
    /// [`RunError::Publish`] for a disk that takes no more.
    pub(crate) fn end(self) -> Result<UnitFile, RunError> {
        let file = self.to.end()?;
        Ok(UnitFile {
            blake3: file.blake3,
            bytes: file.bytes,
            sums: self.sums.into_sums(),
        })
    }

    fn hand_over(&mut self, is_last: bool) {
        let full = std::mem::replace(&mut self.batch, RowBatch::new(self.layout.table));
        self.to.put(self.slice, full, is_last);
    }
}
