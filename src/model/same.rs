//! Equality of short texts without a call to `memcmp`: a row has some fifty cells to compare with
//! those of the row before, most of them shorter than 64 bytes, and the call would take longer than
//! the comparison.
//!
//! Eight bytes are compared at a time. What is left over at the end is covered by one more step
//! that overlaps the one before, so that no byte is compared on its own except in texts shorter
//! than eight.

/// Length up to which texts are compared here; for longer ones the call pays.
const SHORT_BYTES: usize = 64;

/// True if two texts are equal.
#[inline]
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    if left.len() > SHORT_BYTES {
        return left == right;
    }
    let ((chunks, rest), (others, other_rest)) = (left.as_chunks::<8>(), right.as_chunks::<8>());
    // In the byte order of the machine: equality holds in any order, and swapping bytes costs time.
    let differs =
        |left: &[u8; 8], right: &[u8; 8]| u64::from_ne_bytes(*left) != u64::from_ne_bytes(*right);
    if chunks
        .iter()
        .zip(others)
        .any(|(left, right)| differs(left, right))
    {
        return false;
    }
    // The last eight bytes overlap the last chunk; a text shorter than eight has only its rest.
    match (left.last_chunk::<8>(), right.last_chunk::<8>()) {
        (Some(left), Some(right)) => !differs(left, right),
        _ => rest.iter().eq(other_rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts() {
        let text: Vec<u8> = (0..100).collect();
        for length in 0..100 {
            assert!(same(&text[..length], &text[..length]));
            assert!(length == 0 || !same(&text[..length], &text[..length - 1]));
            for at in 0..length {
                let mut other = text[..length].to_vec();
                other[at] ^= 1;
                assert!(!same(&text[..length], &other), "{length} {at}");
            }
        }
    }
}
