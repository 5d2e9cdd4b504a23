//! Rows that came before, whole: known by their fingerprints.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashSet;

use super::aggregate::SUMS;
use super::measures::Measures;
use crate::model::period::Day;

/// A power of two: workers rarely meet in one of so many.
const SHARDS: usize = 256;

/// The fingerprints of all rows of a dataset so far, whichever unit or worker they came through.
#[derive(Debug)]
pub struct Seen {
    shards: Vec<Mutex<HashSet<u64, Same>>>,
}

/// A fingerprint is a hash already.
#[derive(Clone, Copy, Debug, Default)]
struct Same;

/// Passes one number on.
#[derive(Debug, Default)]
struct SameHasher(u64);

impl std::hash::BuildHasher for Same {
    type Hasher = SameHasher;

    fn build_hasher(&self) -> SameHasher {
        SameHasher(0)
    }
}

impl std::hash::Hasher for SameHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Seen {
    /// Whether a fingerprint comes for the first time.
    pub fn is_new(&self, fingerprint: u64) -> bool {
        // Of the middle bits: the table uses the low and the high ones.
        let at = usize::from((fingerprint >> 24).to_le_bytes()[0]);
        let Some(shard) = self.shards.get(at) else { return true };
        shard.lock().unwrap_or_else(PoisonError::into_inner).insert(fingerprint)
    }
}

/// Rows of a total that are copies of earlier ones: of `n` equal rows, `n − 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copies {
    /// How many.
    pub rows: u64,
    /// What they add to the total's sums.
    pub sums: [i128; SUMS],
    /// Their first day; [`Day::MAX`] for none.
    pub first: Day,
    /// Their last day; [`Day::MIN`] for none.
    pub last: Day,
}

impl Default for Copies {
    fn default() -> Self {
        Self { rows: 0, sums: [0; SUMS], first: Day::MAX, last: Day::MIN }
    }
}

impl Copies {
    /// Adds others. They are some of the rows of a total, whose sums are bounded.
    pub fn add(&mut self, more: &Self) {
        self.rows += more.rows;
        for (sum, more) in self.sums.iter_mut().zip(more.sums) {
            *sum = sum.saturating_add(more);
        }
        self.first = self.first.min(more.first);
        self.last = self.last.max(more.last);
    }

    /// Of one row.
    #[must_use]
    pub fn of(measures: &Measures) -> Self {
        let (first, last) = measures.day.map_or((Day::MAX, Day::MIN), |day| (day, day));
        Self { rows: 1, sums: measures.sums, first, last }
    }

    /// First and last day.
    #[must_use]
    pub const fn days(&self) -> (Day, Day) {
        (self.first, self.last)
    }
}
