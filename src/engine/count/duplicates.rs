//! Duplicates: rows that are equal to an earlier row as a whole, found by their fingerprints.
//!
//! Duplicates are counted and reported, never dropped, and equality of the key alone makes none:
//! usage has no natural key ([quirks](crate::model::domain::quirks), daily rated usage 5).
//!
//! Memory does not grow with the rows. Every row leaves its 64-bit fingerprint in a list that may
//! be on disk. The filter ([`super::duplicate_filter`]) tells of most rows at once that they are
//! new; the few others are kept whole as candidates. Once all lists are there, [`add_repeated`]
//! says which fingerprints really repeat, and [`count_duplicates`] counts that many of their
//! candidates.

use hashbrown::HashMap;

use super::measures::Measures;
use super::total::SUMS;
use crate::engine::rules::keys::TUPLES;
use crate::model::period::Day;

/// Fingerprints that come more than once, each with its number of duplicates: of `n` equal rows,
/// `n − 1`.
pub type Repeated = HashMap<u64, u64>;

/// Adds the duplicates among some fingerprints, which must be all of each value. Sorts the list.
pub fn add_repeated(fingerprints: &mut [u64], found: &mut Repeated) {
    // Sorted in place: a table of all fingerprints would take several times the eight bytes a row.
    fingerprints.sort_unstable();
    for equal in fingerprints.chunk_by(|left, right| left == right) {
        if let [first, more @ ..] = equal
            && !more.is_empty()
        {
            *found.entry(*first).or_default() += more.len() as u64;
        }
    }
}

/// A row that may be a duplicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Fingerprint of the row.
    pub fingerprint: u64,
    /// Key of the total that the row is part of.
    pub key: [u32; TUPLES],
    /// Numbers that the row adds to the total's sums, in units of 10^-20.
    pub sums: [i128; SUMS],
    /// Day of the row; `None` where it has none.
    pub day: Option<Day>,
}

impl Candidate {
    /// Candidate of one row.
    #[must_use]
    pub(super) fn of(fingerprint: u64, key: [u32; TUPLES], measures: &Measures) -> Self {
        Self {
            fingerprint,
            key,
            sums: measures.sums,
            day: measures.day,
        }
    }
}

/// Counts those candidates that are duplicates, by the key of their total. `open` holds for each
/// fingerprint how many duplicates are still to be counted, and is counted down.
pub fn count_duplicates(
    candidates: &[Candidate],
    open: &mut Repeated,
    copies: &mut HashMap<[u32; TUPLES], Duplicates>,
) {
    for row in candidates {
        // A candidate beyond that number is the row that the others are duplicates of, or was told
        // to be one by mistake.
        if let Some(left) = open.get_mut(&row.fingerprint).filter(|left| **left > 0) {
            *left -= 1;
            copies.entry(row.key).or_default().add(&Duplicates::of(row));
        }
    }
}

/// Rows of one total that are duplicates of earlier rows: of `n` equal rows, `n − 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicates {
    /// Number of duplicate rows.
    pub rows: u64,
    /// Part of the total's sums that the duplicates make, in units of 10^-20.
    pub sums: [i128; SUMS],
    /// First day of any duplicate; [`Day::MAX`] where none has one.
    pub first: Day,
    /// Last day of any duplicate; [`Day::MIN`] where none has one.
    pub last: Day,
}

impl Default for Duplicates {
    /// No duplicates; changes nothing when it is added.
    fn default() -> Self {
        Self {
            rows: 0,
            sums: [0; SUMS],
            first: Day::MAX,
            last: Day::MIN,
        }
    }
}

impl Duplicates {
    /// Adds other duplicates of the same total.
    pub fn add(&mut self, more: &Self) {
        self.rows += more.rows;
        for (sum, more) in self.sums.iter_mut().zip(more.sums) {
            // Saturates for datasets that are refused anyway: duplicates are some of a total's
            // rows, and the gross sum of all rows is bounded.
            *sum = sum.saturating_add(more);
        }
        self.first = self.first.min(more.first);
        self.last = self.last.max(more.last);
    }

    /// Duplicates that one row makes.
    fn of(row: &Candidate) -> Self {
        let (first, last) = match row.day {
            Some(day) => (day, day),
            None => (Day::MAX, Day::MIN),
        };
        Self {
            rows: 1,
            sums: row.sums,
            first,
            last,
        }
    }

    /// First and last day of the duplicates, as the fields have them.
    #[must_use]
    pub const fn days(&self) -> (Day, Day) {
        (self.first, self.last)
    }
}
