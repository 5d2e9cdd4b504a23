//! A Bloom filter over row fingerprints, shared by all workers: tells of most rows at once that
//! they are new.
//!
//! `false` is certain; `true` may be a false positive, which the lists of fingerprints clear up
//! ([`super::duplicates`]). Fast, because a fingerprint is already a good hash: the filter takes
//! its word and its bits straight from it, and three bits in one word cost one cache miss and one
//! atomic instruction, without any lock.

use std::sync::atomic::{AtomicU64, Ordering};

use super::duplicates::Repeated;

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

    /// True if a row may be the duplicate of one that came before; the row counts as seen from then
    /// on. Of equal rows all but one are told to be, whichever worker comes first.
    pub(super) fn may_be_duplicate(&self, fingerprint: u64) -> bool {
        match self {
            Self::Bloom(words) => {
                // The word from the high bits, three bits within it from the low ones.
                let at = (fingerprint >> 20) as usize & (words.len() - 1);
                let bits = 1 << (fingerprint & 63)
                    | 1 << (fingerprint >> 6 & 63)
                    | 1 << (fingerprint >> 12 & 63);
                // Relaxed: the bits of a word change together, and nothing else is read through
                // them.
                words[at].fetch_or(bits, Ordering::Relaxed) & bits == bits
            }
            Self::Repeated(repeated) => repeated.contains_key(&fingerprint),
        }
    }
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
        let told = fingerprints
            .iter()
            .filter(|fingerprint| seen.may_be_duplicate(**fingerprint))
            .count();
        assert!((110..200).contains(&told), "{told}");
        let mut found = Repeated::new();
        add_repeated(&mut fingerprints, &mut found);
        assert_eq!((found.len(), found.values().sum::<u64>()), (100, 110));
    }
}
