//! Sums, rows and days of one key, and how two of them add up.
//!
//! Additions say whether they fit and leave it to the caller to refuse the whole dataset: a check
//! of every row by `?` would stop in the middle of a batch.

use crate::model::period::Day;

/// Number of sums in a total.
pub const SUMS: usize = 4;

/// Rows of an account, counted apart from the totals, which are held against them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountControl {
    /// Number of source rows of the account.
    pub rows: u64,
    /// Sum of the quantities, in units of 10^-20.
    pub quantity: i128,
    /// Sum of the amounts, in units of 10^-20.
    pub amount: i128,
}

impl AccountControl {
    /// Adds others; `false` where a sum would pass 128 bits, and is then of no use.
    #[must_use]
    pub(super) fn add(&mut self, more: &Self) -> bool {
        self.rows += more.rows;
        // Both, always: what does not fit refuses the whole dataset, and need not stop here.
        add_to(&mut self.quantity, more.quantity) & add_to(&mut self.amount, more.amount)
    }
}

/// Sums, rows and days of the rows of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// Number of source rows that were summed.
    pub rows: u64,
    /// Sums in units of 10^-20, in the order of
    /// [`Measures::sums`](super::measures::Measures::sums).
    pub sums: [i128; SUMS],
    /// Sum over the rows of half a unit of the amount's last digit, where the amount was written
    /// with limited precision, in units of 10^-20; not negative.
    pub precision: i128,
    /// First day of any row; [`Day::MAX`] where no row has one.
    pub first: Day,
    /// Last day of any row; [`Day::MIN`] where no row has one.
    pub last: Day,
}

impl Total {
    /// Total of no rows, which changes nothing when it is added.
    pub(super) const NOTHING: Self = Self {
        rows: 0,
        sums: [0; SUMS],
        precision: 0,
        first: Day::MAX,
        last: Day::MIN,
    };

    /// Sum of two totals; `None` where a sum exceeds 128 bits.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Option<Self> {
        self.add(other).then_some(self)
    }

    /// Adds another total. `false` where a sum exceeds 128 bits; this total is then of no use.
    #[must_use]
    pub fn add(&mut self, other: &Self) -> bool {
        // All are added even if one does not fit, so that no branch depends on the numbers.
        let mut fits = add_to(&mut self.precision, other.precision);
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            fits &= add_to(sum, more);
        }
        self.rows += other.rows;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        fits
    }
}

/// Adds to a sum. `false` where the sum exceeds 128 bits; it has then wrapped and is of no use.
pub(super) fn add_to(sum: &mut i128, more: i128) -> bool {
    // No branch: an addition of a batch goes on, and its caller looks at the flag once.
    let (added, overflows) = sum.overflowing_add(more);
    *sum = added;
    !overflows
}
