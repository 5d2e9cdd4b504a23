//! Sums by key.

use super::aggregate::{SUMS, TUPLES};
use super::interner::Index;
use crate::model::period::Day;

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
    const NOTHING: Self = Self { rows: 0, sums: [0; SUMS], precision: 0, first: Day::MAX, last: Day::MIN };

    /// Adds another total; `None` where a sum overflows, and then nothing is to be trusted.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Option<Self> {
        self.add(other).then_some(self)
    }

    /// Adds another one; `false` where a sum would pass 128 bits, and is then of no use.
    #[must_use]
    pub fn add(&mut self, other: &Self) -> bool {
        let mut fits = true;
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            let (added, overflows) = sum.overflowing_add(more);
            *sum = added;
            fits &= !overflows;
        }
        let (precision, overflows) = self.precision.overflowing_add(other.precision);
        self.precision = precision;
        self.rows += other.rows;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        fits && !overflows
    }
}

/// Totals by key, in the order in which the keys came.
#[derive(Debug, Default)]
pub struct Totals {
    index: Index,
    all: Vec<([u32; TUPLES], Total)>,
    /// For each resource tuple the total that it met last: most have but one.
    last: Vec<u32>,
}

impl Totals {
    /// Adds to the total of a key; `false` where it would pass 128 bits.
    pub fn add(&mut self, key: [u32; TUPLES], more: &Total) -> bool {
        let resource = key[2] as usize;
        if let Some(last) = self.last.get(resource)
            && let Some((known, total)) = self.all.get_mut(*last as usize)
            && *known == key
        {
            return total.add(more);
        }
        let hash = self.index.hash(&key);
        let all = &self.all;
        let found = self.index.find(hash, |at| all.get(at as usize).is_some_and(|(known, _)| *known == key));
        let at = found.unwrap_or_else(|| {
            let at = u32::try_from(self.all.len()).expect("fewer than 2^32 totals");
            self.index.insert(hash, at);
            self.all.push((key, Total::NOTHING));
            at
        });
        if self.last.len() <= resource {
            self.last.resize(resource + 1, u32::MAX);
        }
        if let Some(last) = self.last.get_mut(resource) {
            *last = at;
        }
        self.all.get_mut(at as usize).is_some_and(|(_, total)| total.add(more))
    }

    /// Adds a total that was kept; it can only be gone through.
    pub(super) fn push(&mut self, key: [u32; TUPLES], total: Total) {
        self.all.push((key, total));
    }

    /// Keys and totals.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u32; TUPLES], &Total)> {
        self.all.iter().map(|(key, total)| (key, total))
    }

    /// The key and total at a place in their order.
    #[must_use]
    pub fn get(&self, at: u32) -> Option<&([u32; TUPLES], Total)> {
        self.all.get(at as usize)
    }

    /// Bytes of memory in use.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.all.capacity() * size_of::<([u32; TUPLES], Total)>() + self.last.capacity() * size_of::<u32>() + self.index.footprint()
    }

    /// The keys.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &[u32; TUPLES]> {
        self.all.iter().map(|(key, _)| key)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// True where nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}
