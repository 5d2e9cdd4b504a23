//! The receiving end of a decoder: a [`Sink`] for each worker takes rows, and [`SliceSink`] counts
//! what the sink took and notes what it refused.

use super::input::Input;
use super::row_block::RowBlock;
use crate::model::column_set::ColumnSet;
use crate::model::reject::{RejectedRow, Rejection, excerpt};
use crate::model::row::{Place, Row};

/// Rejected rows of one file beyond which the file is refused. Each one is kept with its text, so
/// the limit also bounds memory.
pub(super) const REJECT_LIMIT: usize = 100_000;

/// Receiver of one worker's rows.
pub trait Sink: Send {
    /// Takes one row, whose cells are borrowed and gone afterwards.
    ///
    /// # Errors
    /// A [`Rejection`] if the row cannot be used; the row must then have left no trace in the sink.
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection>;

    /// Takes rows as [`Sink::take`] does, and tells `refuse` those that cannot be used.
    fn take_rows(&mut self, rows: &RowBlock<'_>, mut refuse: impl FnMut(Place<'_>, Rejection)) {
        for row in rows.rows() {
            if let Err(rejection) = self.take(&row) {
                refuse(row.place, rejection);
            }
        }
    }

    /// Tells that the rows of a slice of the file follow. Slices are numbered from 0 in the order of
    /// the file, and none is left out; number 0 for a second time means that the file is read again
    /// from its start, by new sinks, and that all rows so far are void.
    fn begin(&mut self, _slice: u64) {}

    /// Completes work that was deferred; called after the last row of each slice.
    fn flush(&mut self) {}
}

/// A sink while one worker feeds it the rows of one slice.
pub(super) struct SliceSink<'i, S> {
    /// File that the slice is a part of.
    pub(super) input: Input<'i>,
    /// Sink that takes the rows.
    pub(super) sink: S,
    /// Rows of the slice so far, both taken and rejected.
    pub(super) rows: u64,
    /// Number of times that the headings of a table stood among the rows of the slice.
    pub(super) headings_again: u64,
    /// Rejected rows of the slice, in the order of their lines.
    pub(super) rejected: Vec<RejectedRow>,
}

impl<'i, S: Sink> SliceSink<'i, S> {
    /// A sink that has seen no row of the slice.
    pub(super) fn new(input: Input<'i>, sink: S) -> Self {
        Self {
            input,
            sink,
            rows: 0,
            headings_again: 0,
            rejected: Vec::new(),
        }
    }

    /// Counts a row and hands it to the sink.
    pub(super) fn row(&mut self, row: &Row<'_, '_>) {
        match self.sink.take(row) {
            Ok(()) => self.rows += 1,
            Err(rejection) => self.reject(row.place, rejection),
        }
    }

    /// Completes the next row of a block, which goes to the sink with the others.
    #[inline]
    pub(super) fn push<'a>(
        &mut self,
        block: &mut RowBlock<'a>,
        place: Place<'a>,
        changed: ColumnSet,
    ) {
        if block.push(place, changed) {
            self.hand_over(block);
        }
    }

    /// Counts the rows of a block and hands them to the sink.
    pub(super) fn hand_over(&mut self, block: &mut RowBlock<'_>) {
        self.rows += block.rows().len() as u64;
        let (input, rejected) = (self.input, &mut self.rejected);
        self.sink.take_rows(block, |place, rejection| {
            note_rejected(input, rejected, place, rejection);
        });
        block.clear();
    }

    /// Counts a row that the decoder or the sink cannot use.
    pub(super) fn reject(&mut self, place: Place<'_>, rejection: Rejection) {
        self.rows += 1;
        note_rejected(self.input, &mut self.rejected, place, rejection);
    }
}

fn note_rejected(
    input: Input<'_>,
    rejected: &mut Vec<RejectedRow>,
    place: Place<'_>,
    rejection: Rejection,
) {
    // Lines are counted here, for rejected rows alone: `place` knows where to count from.
    // One more than the limit is kept: by that the collector sees that the limit was passed.
    if rejected.len() <= REJECT_LIMIT {
        rejected.push(RejectedRow {
            dataset: input.dataset,
            unit: input.unit.to_owned(),
            line: place.line(),
            rejection,
            text: excerpt(place.text.trim_ascii_end()),
        });
    }
}
