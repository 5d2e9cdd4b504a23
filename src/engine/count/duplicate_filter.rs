//! What says of most rows at once that they are new.

use std::sync::atomic::{AtomicU64, Ordering};

use super::duplicates::Repeated;

/// What says of a fingerprint whether it may have come before. It is shared by all workers.
#[derive(Debug)]
pub enum Seen {
    /// By a bit filter: what is told as new is new, what is not may be new all the same.
    Filter(Vec<AtomicU64>),
    /// Those that are known to be there more than once, whichever comes first.
    Repeated(Repeated),
}

/// The filter's size for each row that is expected: one in a hundred new rows is taken for a copy.
const BITS_PER_ROW: u64 = 16;

impl Seen {
    /// Nothing has come yet, and about `rows` will; the filter takes at most `limit_bytes`.
    #[must_use]
    pub fn filter(rows: u64, limit_bytes: u64) -> Self {
        let words =
            (rows.saturating_mul(BITS_PER_ROW) / 64).clamp(1 << 10, (limit_bytes / 8).max(1 << 10));
        let words = usize::try_from(words)
            .unwrap_or(1 << 10)
            .next_power_of_two();
        Self::Filter((0..words).map(|_| AtomicU64::new(0)).collect())
    }

    /// Whether only rows that are there more than once are told to be copies.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        matches!(self, Self::Repeated(_))
    }

    /// Whether a row may be a copy of one that came before. Of rows that are the same, all but one
    /// are told to be.
    pub fn may_be_copy(&self, fingerprint: u64) -> bool {
        match self {
            Self::Filter(words) => {
                // A power of two; the word is taken from the high bits, three bits in it from the low.
                let at = (fingerprint >> 20) as usize & (words.len() - 1);
                let bits = 1 << (fingerprint & 63)
                    | 1 << (fingerprint >> 6 & 63)
                    | 1 << (fingerprint >> 12 & 63);
                words
                    .get(at)
                    .is_some_and(|word| word.fetch_or(bits, Ordering::Relaxed) & bits == bits)
            }
            Self::Repeated(repeated) => repeated.contains_key(&fingerprint),
        }
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self::filter(0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::count::duplicates::copies_in;

    #[test]
    fn of_equal_rows_all_but_one_may_be_copies() {
        let seen = Seen::filter(1_000, 1 << 20);
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
            .filter(|fingerprint| seen.may_be_copy(**fingerprint))
            .count();
        assert!((110..200).contains(&told), "{told}");
        let mut found = Repeated::new();
        copies_in(&mut fingerprints, &mut found);
        assert_eq!((found.len(), found.values().sum::<u64>()), (100, 110));
    }
}
