//! Columns whose text tells those beside it: where two rows have one availability, they have one
//! product name, one meter and one unit as well. A text that is known so needs no look-up, only the
//! comparison that proves it.
//!
//! A leader is found by counting, as exports of different kinds fill different columns: the column
//! with the most texts among those before in the same tuple, if it has no fewer than the column
//! itself. A bad choice costs time, and nothing else.

use super::key_column::KeyColumn;
use super::key_layout::KeyLayout;
use crate::engine::rules::keys::TUPLES;

/// Rows before the first choice.
const FIRST_CHOICE: u64 = 64;

/// For each column of the key the one that leads it, if any does.
#[derive(Debug)]
pub(super) struct Leaders {
    of: Vec<Option<usize>>,
    rows: u64,
    next_choice: u64,
}

impl Leaders {
    /// No leaders yet of so many columns.
    pub(super) fn new(columns: usize) -> Self {
        Self {
            of: vec![None; columns],
            rows: 0,
            next_choice: FIRST_CHOICE,
        }
    }

    /// Leader of each column for the next row, chosen anew whenever the rows are twice as many.
    #[inline]
    pub(super) fn for_next_row(
        &mut self,
        layout: &KeyLayout,
        columns: &[KeyColumn],
    ) -> &[Option<usize>] {
        self.rows += 1;
        if self.rows == self.next_choice {
            self.next_choice *= 2;
            self.choose(layout, columns);
        }
        &self.of
    }

    fn choose(&mut self, layout: &KeyLayout, columns: &[KeyColumn]) {
        let texts = |at: usize| columns[at].texts().len();
        for tuple in 0..TUPLES {
            let first = layout.start_of(tuple);
            for at in first..first + layout.tuples[tuple].len() {
                self.of[at] = (first..at)
                    .max_by_key(|before| texts(*before))
                    .filter(|leader| texts(*leader) >= texts(at));
            }
        }
    }
}
