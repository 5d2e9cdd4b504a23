//! The rows that one worker keeps of a unit.

use std::sync::Arc;

use super::row_codes::RowCoder;
use super::row_layout::RowLayout;
use super::row_sums::{KeptSums, UnitFile};
use super::unit_rows::UnitRows;
use crate::engine::count::partial::CountedRow;
use crate::model::row::Row;
use crate::pipeline::failure::RunError;

/// Rows of one unit that are kept, for the sinks of its workers.
#[derive(Clone)]
pub(crate) struct KeptUnit {
    pub(crate) layout: Arc<RowLayout>,
    /// File that the rows go to.
    pub(crate) to: Arc<UnitRows>,
}

/// Keeps the rows of one worker.
pub(crate) struct KeptSink {
    to: Arc<UnitRows>,
    /// Number of the slice whose rows come.
    slice: u64,
    coder: RowCoder,
    /// Rows and amounts that other workers kept.
    others: KeptSums,
}

impl KeptSink {
    /// Sink that has no row.
    pub(crate) fn new(unit: &KeptUnit) -> Self {
        let KeptUnit { layout, to } = unit.clone();
        Self {
            to,
            slice: 0,
            coder: RowCoder::new(layout),
            others: KeptSums::default(),
        }
    }

    /// Tells the slice of the rows that follow.
    pub(crate) const fn begin(&mut self, slice: u64) {
        self.slice = slice;
        self.coder.pass_over();
    }

    /// Keeps a row as it was counted; one that was not is left out.
    pub(crate) fn add(&mut self, row: &Row<'_, '_>, counted: Option<&CountedRow>) {
        let Some(counted) = counted else {
            return self.coder.pass_over();
        };
        if self.coder.add(row, counted) {
            self.hand_over(false);
        }
    }

    /// Tells that the rows that follow are counted by another partial, in which tuples have other numbers.
    pub(crate) fn begin_partial(&mut self) {
        self.coder.forget_tuples();
    }

    /// Hands over the last rows of the slice.
    pub(crate) fn end_slice(&mut self) {
        self.hand_over(true);
    }

    /// Adds what another worker kept of the same unit.
    pub(crate) fn merge(&mut self, other: Self) {
        self.others.merge(other.others);
        self.others.merge(other.coder.into_sums());
    }

    /// Completes the file of the unit, once all of its workers are merged.
    ///
    /// # Errors
    /// [`RunError::Publish`] for a disk that takes no more.
    ///
    /// # Panics
    /// If the file has not just the rows that were added.
    pub(crate) fn end(self) -> Result<UnitFile, RunError> {
        let (file, rows) = self.to.end()?;
        let mut sums = self.coder.into_sums();
        sums.merge(self.others);
        let sums = sums.into_sums();
        let added: u64 = sums.iter().map(|sum| sum.rows).sum();
        assert_eq!(rows, added, "every row that was counted is in the file");
        Ok(UnitFile {
            blake3: file.blake3,
            bytes: file.bytes,
            sums,
        })
    }

    fn hand_over(&mut self, is_last: bool) {
        self.to.put(self.slice, self.coder.take(), is_last);
    }
}
