//! A Bloom filter over row fingerprints, shared by all workers: tells of most rows at once that
//! they are new.
//!
//! `false` is certain; `true` may be a false positive, which the lists of fingerprints clear up
//! ([`super::duplicates`]). Fast, because a fingerprint is already a good hash: the filter takes
//! its word and its bits straight from it, and three bits in one word cost one cache miss and one
//! atomic instruction, without any lock. Rows are looked up in batches, so that their cache misses
//! overlap: atomic instructions wait for each other, plain loads do not.

use std::sync::atomic::{AtomicU64, Ordering};

use super::duplicates::{Candidate, Repeated};

/// Test for rows that may have come before.
#[derive(Debug)]
pub enum DuplicateFilter {
    /// Bits of a Bloom filter, a power of two of words: for the first reading, when it is not known
    /// which rows repeat.
    Bloom(Vec<AtomicU64>),
    /// Fingerprints that are known to come more than once: for a second reading, which tells just
    /// those rows, the first one of each included.
    Repeated(Repeated),
}

/// Most rows that are looked up at a time: 64, as their answer is a mask.
pub(super) const BATCH: usize = 64;

/// Bits of the filter for each row that is expected: about one new row in a hundred is then taken
/// for a possible duplicate.
// Each row sets 3 of 16 bits: when all have come, 17 bits in 100 are set, and all three of a new
// row in 5 of 1,000 cases. Words fill unevenly, which about doubles that.
const BITS_PER_ROW: u64 = 16;

/// Words of the smallest filter, 8 KiB.
const LEAST_WORDS: u64 = 1 << 10;

impl DuplicateFilter {
    /// Empty filter for about `rows` rows, within `limit_bytes` (rounded up to a power of two of
    /// words). With more rows than it was made for, more of them are taken for possible duplicates.
    #[must_use]
    pub fn for_rows(rows: u64, limit_bytes: u64) -> Self {
        let wanted = rows.saturating_mul(BITS_PER_ROW) / 64;
        let most = (limit_bytes / 8).max(LEAST_WORDS);
        let words = usize::try_from(wanted.clamp(LEAST_WORDS, most))
            .expect("a filter within the memory limit can be addressed")
            // A power of two: a mask then takes the place of a division for each row.
            .next_power_of_two();
        Self::Bloom((0..words).map(|_| AtomicU64::new(0)).collect())
    }

    /// True if only rows that come more than once are told to be possible duplicates.
    #[must_use]
    pub(super) const fn is_exact(&self) -> bool {
        matches!(self, Self::Repeated(_))
    }

    /// Rows that may be duplicates of rows that came before, a bit for each of up to [`BATCH`] rows,
    /// the lowest for the first; the rows count as seen from then on. Of equal rows all but one are
    /// told to be, whichever worker comes first.
    pub(super) fn possible_duplicates(&self, rows: &[Candidate]) -> u64 {
        debug_assert!(rows.len() <= BATCH);
        let mut told = 0_u64;
        match self {
            Self::Bloom(words) => {
                // Relaxed: the bits of a word change together, are never taken away, and nothing
                // else is read through them.
                for (at, row) in rows.iter().enumerate() {
                    let (word, bits) = place(words, row.fingerprint);
                    let is_seen = word.load(Ordering::Relaxed) & bits == bits;
                    told |= u64::from(is_seen) << at;
                }
                for (at, row) in rows.iter().enumerate() {
                    if told >> at & 1 == 0 {
                        let (word, bits) = place(words, row.fingerprint);
                        let is_seen = word.fetch_or(bits, Ordering::Relaxed) & bits == bits;
                        told |= u64::from(is_seen) << at;
                    }
                }
            }
            Self::Repeated(repeated) => {
                for (at, row) in rows.iter().enumerate() {
                    told |= u64::from(repeated.contains_key(&row.fingerprint)) << at;
                }
            }
        }
        told
    }
}

/// Word of a fingerprint, from its high bits, and three bits within the word, from its low ones.
#[inline]
fn place(words: &[AtomicU64], fingerprint: u64) -> (&AtomicU64, u64) {
    let at = (fingerprint >> 20) as usize & (words.len() - 1);
    let bits =
        1 << (fingerprint & 63) | 1 << (fingerprint >> 6 & 63) | 1 << (fingerprint >> 12 & 63);
    (&words[at], bits)
}

impl Default for DuplicateFilter {
    /// Smallest filter, for a few thousand rows.
    fn default() -> Self {
        Self::for_rows(0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::count::duplicates::add_repeated;
    use crate::engine::count::measures::Measures;
    use crate::engine::rules::keys::TUPLES;

    #[test]
    fn of_equal_rows_all_but_one_may_be_copies() {
        let seen = DuplicateFilter::for_rows(1_000, 1 << 20);
        let mut state = 1_u64;
        let mut fingerprints: Vec<u64> = (0..1_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                state ^ state >> 29
            })
            .collect();
        fingerprints.extend_from_within(..100);
        fingerprints.extend_from_within(..10);
        let rows: Vec<Candidate> = fingerprints
            .iter()
            .map(|fingerprint| Candidate::of(*fingerprint, [0; TUPLES], &Measures::default()))
            .collect();
        let told: u32 = rows
            .chunks(BATCH)
            .map(|batch| seen.possible_duplicates(batch).count_ones())
            .sum();
        assert!((110..200).contains(&told), "{told}");
        // All of a batch alike: one of them is new.
        let alike = [Candidate::of(7, [0; TUPLES], &Measures::default()); BATCH];
        let empty = DuplicateFilter::default();
        assert_eq!(empty.possible_duplicates(&alike), u64::MAX - 1);
        assert_eq!(empty.possible_duplicates(&alike[..3]), 0b111);
        let mut found = Repeated::new();
        add_repeated(&mut fingerprints, &mut found);
        assert_eq!((found.len(), found.values().sum::<u64>()), (100, 110));
    }
}
