//! Some of the columns of a dataset.

use super::dataset::{INVOICE_LINES, INVOICES, USAGE};

/// Columns of a dataset, by their positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnSet(u64);

const _: () = {
    let most = u64::BITS as usize;
    assert!(USAGE.len() <= most && INVOICE_LINES.len() <= most && INVOICES.len() <= most);
};

impl ColumnSet {
    /// No column of any dataset.
    pub const NONE: Self = Self(0);

    /// Every column of any dataset.
    pub const ALL: Self = Self(u64::MAX);

    /// Adds the column at a position.
    #[inline]
    pub const fn add(&mut self, at: usize) {
        self.0 |= 1 << at;
    }

    /// True if the column at a position is among them.
    #[inline]
    #[must_use]
    pub const fn has(self, at: usize) -> bool {
        self.0 >> at & 1 == 1
    }

    /// Columns of both sets.
    #[inline]
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Columns of either set.
    #[inline]
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All columns but these.
    #[inline]
    #[must_use]
    pub const fn others(self) -> Self {
        Self(!self.0)
    }

    /// Positions of the columns, ascending.
    #[inline]
    pub fn positions(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let first = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (first < u64::BITS).then_some(first as usize)
        })
    }
}

impl FromIterator<usize> for ColumnSet {
    fn from_iter<I: IntoIterator<Item = usize>>(positions: I) -> Self {
        let mut columns = Self::NONE;
        positions.into_iter().for_each(|at| columns.add(at));
        columns
    }
}
