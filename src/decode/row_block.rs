//! Rows that follow each other, decoded before the first of them is handed over: a core that does one
//! thing for several rows keeps the code for it in its innermost cache, where a row at a time would
//! drive out that of the one step with that of the next.

use crate::model::column_set::ColumnSet;
use crate::model::row::{Cell, Place, Row};

/// Rows of a block, at most: 8, whose cells leave room for all else next to the core.
pub const BLOCK_ROWS: usize = 8;

/// A few rows of one slice.
pub struct RowBlock<'a> {
    /// Number of columns of the dataset.
    width: usize,
    /// Cells of all rows, those of one behind those of the other.
    cells: Vec<Cell<'a>>,
    /// For each row the way of reading by which its cells were filled.
    ways: [u64; BLOCK_ROWS],
    /// Rows that are complete, with the columns that changed.
    complete: Vec<(Place<'a>, ColumnSet)>,
}

impl<'a> RowBlock<'a> {
    /// Block without a row, of so many columns.
    pub(super) fn new(width: usize) -> Self {
        Self {
            width,
            cells: vec![Cell::Missing; width * BLOCK_ROWS],
            ways: [0; BLOCK_ROWS],
            complete: Vec::with_capacity(BLOCK_ROWS),
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

    /// Completes the next row; true if there is no room for another one.
    #[inline]
    pub(super) fn push(&mut self, place: Place<'a>, changed: ColumnSet) -> bool {
        self.complete.push((place, changed));
        self.complete.len() == BLOCK_ROWS
    }

    /// Begins anew, behind the last row.
    pub(super) fn clear(&mut self) {
        let rows = self.complete.len();
        self.complete.clear();
        // The row before the next one stands at the end.
        if let 1..BLOCK_ROWS = rows {
            let (last, end) = (rows - 1, BLOCK_ROWS - 1);
            self.ways.swap(last, end);
            for column in 0..self.width {
                let [last, end] = [last, end].map(|row| row * self.width + column);
                self.cells.swap(last, end);
            }
        }
    }

    /// Rows that are complete, in the order of the slice.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_, 'a>> {
        let cells = self.cells.chunks_exact(self.width);
        let rows = self.complete.iter().zip(cells);
        rows.map(|((place, changed), cells)| Row {
            cells,
            place: *place,
            changed: *changed,
        })
    }
}
