//! Chance from a seed: the same seed and the same words give the same draw on every machine, so
//! that a tenant needs no files and every night of it is the same tenant.

use xxhash_rust::xxh3::xxh3_128;

/// Source of the tenant's draws.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    fn bits(self, words: &[&str]) -> u128 {
        // The separator keeps ("a", "bc") and ("ab", "c") apart.
        xxh3_128(format!("{}\u{1f}{}", self.0, words.join("\u{1f}")).as_bytes())
    }

    /// A whole number below `limit`, which is positive.
    pub(super) fn below(self, limit: u64, words: &[&str]) -> u64 {
        let high = (self.bits(words) >> 64) as u64;
        high % limit
    }

    /// A GUID in lower case.
    pub(super) fn guid(self, words: &[&str]) -> String {
        let hex = format!("{:032x}", self.bits(words));
        format!(
            "{}-{}-4{}-a{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..]
        )
    }

    /// A text of `length` letters and digits, as order ids and entity tags have them.
    pub(super) fn letters(self, length: usize, words: &[&str]) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        let bits = self.bits(words);
        (0..length)
            .map(|at| char::from(ALPHABET[((bits >> (5 * (at % 25))) & 31) as usize]))
            .collect()
    }
}
