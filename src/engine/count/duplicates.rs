//! Rows that came before, whole: known by their fingerprints.
//!
//! Every row leaves its 64-bit fingerprint in a list of its unit's. A filter in memory says of most
//! rows at once that they are new; the few others are kept whole, and once all lists are there, those
//! of them whose fingerprint is really there twice are copies. So memory does not grow with rows: the
//! lists may be on disk.

use hashbrown::HashMap;

use super::key_layout::TUPLES;
use super::measures::Measures;
use super::total::SUMS;
use crate::model::period::Day;

/// Fingerprints that are there more than once, and how many copies that makes: of `n` equal rows,
/// `n − 1`.
pub type Repeated = HashMap<u64, u64>;

/// Adds the copies among some fingerprints. The order of the list is lost.
pub fn copies_in(fingerprints: &mut [u64], found: &mut Repeated) {
    fingerprints.sort_unstable();
    for same in fingerprints.chunk_by(|left, right| left == right) {
        if let [first, more @ ..] = same
            && !more.is_empty()
        {
            *found.entry(*first).or_default() += more.len() as u64;
        }
    }
}

/// A row that may be a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its fingerprint.
    pub fingerprint: u64,
    /// The key of its total.
    pub key: [u32; TUPLES],
    /// What it adds to the total's sums.
    pub sums: [i128; SUMS],
    /// Its day.
    pub day: Option<Day>,
}

impl Candidate {
    /// Of one row.
    #[must_use]
    pub fn of(fingerprint: u64, key: [u32; TUPLES], measures: &Measures) -> Self {
        Self {
            fingerprint,
            key,
            sums: measures.sums,
            day: measures.day,
        }
    }
}

/// Counts those of some candidates that are copies, by the key of their total; `open` says of each
/// fingerprint how many are still to be counted.
pub fn settle(
    candidates: &[Candidate],
    open: &mut Repeated,
    copies: &mut HashMap<[u32; TUPLES], Copies>,
) {
    for row in candidates {
        if let Some(left) = open.get_mut(&row.fingerprint).filter(|left| **left > 0) {
            *left -= 1;
            copies.entry(row.key).or_default().add(&Copies::of(row));
        }
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
        Self {
            rows: 0,
            sums: [0; SUMS],
            first: Day::MAX,
            last: Day::MIN,
        }
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
    pub fn of(row: &Candidate) -> Self {
        let (first, last) = row.day.map_or((Day::MAX, Day::MIN), |day| (day, day));
        Self {
            rows: 1,
            sums: row.sums,
            first,
            last,
        }
    }

    /// First and last day.
    #[must_use]
    pub const fn days(&self) -> (Day, Day) {
        (self.first, self.last)
    }
}
