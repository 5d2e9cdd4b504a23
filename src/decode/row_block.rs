//! Rows that follow each other, decoded before the first of them is handed over: a core that does one
//! thing for several rows keeps the code and the tables for it in its innermost caches, where a row at a
//! time would drive out those of the one step with those of the next.

use super::sink::{Sink, SliceSink};
use crate::model::column_set::ColumnSet;
use crate::model::row::{Cell, Place, Row};

/// Rows of a block, at most: 8, whose cells leave room in the 48 KiB next to the core.
const BLOCK_ROWS: usize = 8;

/// A few rows of one slice.
pub struct RowBlock<'a> {
    /// Number of columns.
    width: usize,
    /// Cells of all rows, those of one behind those of the other.
    cells: Vec<Cell<'a>>,
    /// For each row the way of reading by which its cells were filled.
    ways: [u64; BLOCK_ROWS],
    /// Rows that are complete, with the columns that changed.
    complete: Vec<(Place<'a>, ColumnSet)>,
}

impl<'a> RowBlock<'a> {
    /// Rows of a block, at most.
    pub const ROWS: usize = BLOCK_ROWS;

    /// Block without a row, of so many columns.
    pub(super) fn new(width: usize) -> Self {
        Self {
            width,
            cells: vec![Cell::Missing; width * Self::ROWS],
            ways: [0; Self::ROWS],
            complete: Vec::with_capacity(Self::ROWS),
        }
    }

    /// Cells of the row before, and those of the next one: what another row left in them that was read
    /// in the same way, or missing.
    #[inline]
    pub(super) fn next(&mut self, way: u64) -> (&[Cell<'a>], &mut [Cell<'a>]) {
        let at = self.complete.len();
        let (first, behind) = self.cells.split_at_mut(at.max(1) * self.width);
        let (before, next) = match at {
            0 => (&behind[behind.len() - self.width..], first),
            _ => (&first[(at - 1) * self.width..], &mut behind[..self.width]),
        };
        if self.ways[at] != way {
            self.ways[at] = way;
            next.fill(Cell::Missing);
        }
        (before, next)
    }

    /// Completes the next row, and hands the rows over if there is no room for another one.
    #[inline]
    pub(super) fn push<S: Sink>(
        &mut self,
        place: Place<'a>,
        changed: ColumnSet,
        sink: &mut SliceSink<'_, S>,
    ) {
        self.complete.push((place, changed));
        if self.complete.len() == Self::ROWS {
            sink.rows(self);
            self.complete.clear();
        }
    }

    /// Hands over the rows that are complete.
    pub(super) fn hand_over<S: Sink>(&mut self, sink: &mut SliceSink<'_, S>) {
        let Some(last) = self.complete.len().checked_sub(1) else {
            return;
        };
        sink.rows(self);
        self.complete.clear();
        // The row before the next one stands at the end.
        let end = Self::ROWS - 1;
        self.ways.swap(last, end);
        for column in 0..self.width {
            self.cells
                .swap(last * self.width + column, end * self.width + column);
        }
    }

    /// Rows that are handed over.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_, 'a>> {
        let cells = self.cells.chunks_exact(self.width);
        let rows = self.complete.iter().zip(cells);
        rows.map(|((place, changed), cells)| Row {
            cells,
            place: *place,
            changed: *changed,
        })
    }

    /// Number of rows that are handed over.
    #[must_use]
    pub fn len(&self) -> usize {
        self.complete.len()
    }

    /// True if no row is handed over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.complete.is_empty()
    }
}
