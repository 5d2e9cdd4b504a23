//! Hashes of single values, of which a row's digest is made. A missing value has 0 and no other
//! value has, so that a column adds nothing to a row where it is empty, as if the file did not have
//! it.

use xxhash_rust::xxh3::xxh3_64;

/// Hash of a text; 0 for an empty one.
pub(super) fn hash_of_text(text: &[u8]) -> u64 {
    if text.is_empty() {
        0
    } else {
        xxh3_64(text) | 1
    }
}

/// Hash of a number, never 0: two multiplications in place of a call, for a row has a dozen
/// numbers.
pub(super) fn hash_of_number(number: i128) -> u64 {
    let [a, b, c, d, e, f, g, h, high @ ..] = number.to_le_bytes();
    let low = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    // The multipliers of splitmix64, which spread every bit of the number over all of the hash.
    let mixed = (low ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9)
        ^ u64::from_le_bytes(high).rotate_left(29);
    (mixed ^ mixed >> 31).wrapping_mul(0x94D0_49BB_1331_11EB) | 1
}
