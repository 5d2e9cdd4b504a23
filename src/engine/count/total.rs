//! What is summed for a key.

use crate::model::period::Day;

/// Sums of a total.
pub(crate) const SUMS: usize = 4;

/// What is summed for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// Rows.
    pub rows: u64,
    /// Sums in units of 10^-20; what they are of: [`Measures::sums`].
    pub sums: [i128; SUMS],
    /// Half a unit of the last digit of every amount that was written with limited precision, in
    /// units of 10^-20.
    pub precision: i128,
    /// First day; [`Day::MAX`] where no row has one.
    pub first: Day,
    /// Last day; [`Day::MIN`] where no row has one.
    pub last: Day,
}

impl Total {
    pub(crate) const NOTHING: Self = Self {
        rows: 0,
        sums: [0; SUMS],
        precision: 0,
        first: Day::MAX,
        last: Day::MIN,
    };

    /// Adds another total; `None` where a sum overflows, and then nothing is to be trusted.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Option<Self> {
        self.add(other).then_some(self)
    }

    /// Adds another one; `false` where a sum would pass 128 bits, and is then of no use.
    #[must_use]
    pub fn add(&mut self, other: &Self) -> bool {
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

/// `false` where the sum would pass 128 bits.
pub(crate) fn add_to(sum: &mut i128, more: i128) -> bool {
    let (added, overflows) = sum.overflowing_add(more);
    *sum = added;
    !overflows
}
