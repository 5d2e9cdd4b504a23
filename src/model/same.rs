//! Whether two short texts are the same, without a call: a row has some fifty of them to compare.

/// Longer texts are worth a call.
const SHORT_BYTES: usize = 64;

/// Whether two texts are the same.
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
    let differs =
        |left: &[u8; 8], right: &[u8; 8]| u64::from_ne_bytes(*left) != u64::from_ne_bytes(*right);
    if chunks
        .iter()
        .zip(others)
        .any(|(left, right)| differs(left, right))
    {
        return false;
    }
    // The last eight bytes overlap what was compared.
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
