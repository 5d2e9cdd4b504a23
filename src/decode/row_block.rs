//! Rows that follow each other, decoded before the first of them is handed over: a core that does one
//! thing for several rows keeps the code for it in its innermost cache, where a row at a time would
//! drive out that of the one step with that of the next.

use crate::model::column_set::ColumnSet;
use crate::model::row::{Cell, EarlierRows, Place, Row};

/// Rows of a block, at most: 8, whose cells leave room for all else next to the core.
pub const BLOCK_ROWS: usize = 8;

/// A few rows of one slice.
pub struct RowBlock<'a> {
    /// Number of columns of the dataset.
    width: usize,
    /// Columns that are handed over without being read.
    carried: ColumnSet,
    /// Cells of the row before the block, of which those of carried columns count, and of all rows,
    /// those of one behind those of the other.
    cells: Vec<Cell<'a>>,
    /// For each row the way of reading by which its cells were filled.
    ways: [u64; BLOCK_ROWS],
    /// Places of the rows that are complete.
    places: Vec<Place<'a>>,
    /// Columns that changed with the row before the block, all of them, and with each that is complete.
    changed: Vec<ColumnSet>,
}

impl<'a> RowBlock<'a> {
    /// Block without a row, of so many columns, some of which are handed over without being read.
    pub(super) fn new(width: usize, carried: ColumnSet) -> Self {
        let mut changed = Vec::with_capacity(BLOCK_ROWS + 1);
        changed.push(ColumnSet::ALL);
        Self {
            width,
            carried,
            cells: vec![Cell::Missing; width * (BLOCK_ROWS + 1)],
            ways: [0; BLOCK_ROWS],
            places: Vec::with_capacity(BLOCK_ROWS),
            changed,
        }
    }

    /// Cells of the next row: what another row left in them that was read in the same way, or missing.
    /// Of carried columns those are to be filled whose cells are not those of the row before.
    #[inline]
    pub(super) fn next(&mut self, way: u64) -> &mut [Cell<'a>] {
        let at = self.places.len();
        let start = (at + 1) * self.width;
        let next = &mut self.cells[start..start + self.width];
        if self.ways[at] != way {
            self.ways[at] = way;
            next.fill(Cell::Missing);
        }
        next
    }

    /// Completes the next row, with the carried columns that changed; true if there is no room for
    /// another one.
    #[inline]
    pub(super) fn push(&mut self, place: Place<'a>, changed: ColumnSet) -> bool {
        self.places.push(place);
        self.changed.push(changed.with(self.carried.others()));
        self.places.len() == BLOCK_ROWS
    }

    /// Begins anew, behind the last row.
    pub(super) fn clear(&mut self) {
        let (before, rows) = self.cells.split_at_mut(self.width);
        let rows = rows.chunks_exact_mut(self.width).zip(&self.changed[1..]);
        let mut left = self.carried;
        for (cells, changed) in rows.rev() {
            let latest = changed.and(left);
            left = left.and(latest.others());
            for at in latest.positions() {
                std::mem::swap(&mut before[at], &mut cells[at]);
            }
        }
        self.places.clear();
        self.changed.truncate(1);
    }

    /// Rows that are complete, in the order of the slice.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_, 'a>> {
        self.places.iter().enumerate().map(|(at, place)| {
            let (cells, changed) = (&self.cells[..(at + 2) * self.width], &self.changed[..=at]);
            let (earlier, cells) = cells.split_at((at + 1) * self.width);
            Row {
                cells,
                place: *place,
                changed: self.changed[at + 1],
                earlier: EarlierRows {
                    cells: earlier,
                    changed,
                },
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WIDTH: usize = 5;
    const PLACE: Place<'static> = Place {
        first_line: 1,
        before: b"",
        text: b"",
        unread: 0,
    };

    proptest! {
        /// Rows of any length of block and way of reading, in which any of the carried columns change.
        #[test]
        fn cells_that_did_not_change_are_those_of_the_row_that_had_them_first(
            rows in proptest::collection::vec((0_u8..32, 0_u64..2, 0_u8..6), 1..100),
        ) {
            let carried = ColumnSet::from_iter([1, 3, 4]);
            let mut block = RowBlock::new(WIDTH, carried);
            let mut wanted = [(); WIDTH].map(|()| Cell::Missing);
            let mut of_block = Vec::new();
            for ((changes, way, end), number) in rows.into_iter().zip(0..) {
                let cells = block.next(way);
                let mut changed = ColumnSet::NONE;
                for (at, cell) in cells.iter_mut().enumerate() {
                    if !carried.has(at) || changes >> at & 1 == 1 {
                        // It says in which row it was written.
                        *cell = Cell::Date(number);
                        wanted[at] = Cell::Date(number);
                        changed.add(at);
                    }
                }
                of_block.push(wanted.clone());
                let is_full = block.push(PLACE, changed.and(carried));
                prop_assert_eq!(is_full, of_block.len() == BLOCK_ROWS);
                if is_full || end == 0 {
                    prop_assert_eq!(block.rows().len(), of_block.len());
                    for (row, wanted) in block.rows().zip(of_block.drain(..)) {
                        let found = [0, 1, 2, 3, 4].map(|at| row.cell(at).clone());
                        prop_assert_eq!(found, wanted);
                    }
                    block.clear();
                }
            }
        }
    }
}
