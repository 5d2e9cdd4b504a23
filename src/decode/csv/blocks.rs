//! Text 64 bytes at a time: which of them are what is looked for, as bits.

use wide::u8x64;

/// Bytes of a block.
pub(crate) const BLOCK: usize = 64;

/// Where bytes of a block equal another: a bit for each, the lowest for the first.
pub(crate) trait Equal: Copy {
    fn mask(self, block: &[u8; BLOCK], wanted: u8) -> u64;
}

/// As the target's least machine can do it.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Equal for Portable {
    #[inline(always)]
    fn mask(self, block: &[u8; BLOCK], wanted: u8) -> u64 {
        u8x64::new(*block)
            .simd_eq(u8x64::splat(wanted))
            .to_bitmask()
    }
}

/// As this machine can.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2(pub(crate) pulp::x86::V3);

#[cfg(target_arch = "x86_64")]
impl Equal for Avx2 {
    #[inline(always)]
    fn mask(self, block: &[u8; BLOCK], wanted: u8) -> u64 {
        let Self(simd) = self;
        let [low, high]: [pulp::u8x32; 2] = pulp::cast(*block);
        let all = simd.avx._mm256_set1_epi8(wanted.cast_signed());
        let low = simd
            .avx2
            ._mm256_movemask_epi8(simd.avx2._mm256_cmpeq_epi8(pulp::cast(low), all))
            .cast_unsigned();
        let high = simd
            .avx2
            ._mm256_movemask_epi8(simd.avx2._mm256_cmpeq_epi8(pulp::cast(high), all))
            .cast_unsigned();
        u64::from(low) | u64::from(high) << 32
    }
}

/// How many quotes and how many line feeds a text has.
pub(crate) fn quotes_and_line_feeds(text: &[u8]) -> (u64, u64) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return simd.vectorize(Counting { text, simd });
    }
    count(text, Portable)
}

/// [`count`], made for this machine: a closure would not be.
#[cfg(target_arch = "x86_64")]
struct Counting<'t> {
    text: &'t [u8],
    simd: pulp::x86::V3,
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for Counting<'_> {
    type Output = (u64, u64);

    #[inline(always)]
    fn call(self) -> Self::Output {
        count(self.text, Avx2(self.simd))
    }
}

#[inline(always)]
fn count(text: &[u8], equal: impl Equal) -> (u64, u64) {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let (mut quotes, mut line_feeds) = (0_u64, 0_u64);
    for block in blocks {
        quotes += u64::from(equal.mask(block, b'"').count_ones());
        line_feeds += u64::from(equal.mask(block, b'\n').count_ones());
    }
    for byte in rest {
        quotes += u64::from(*byte == b'"');
        line_feeds += u64::from(*byte == b'\n');
    }
    (quotes, line_feeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quote_and_line_feed_is_counted() {
        let text = "a\"\n\"".repeat(100);
        for length in 0..text.len() {
            let part = &text.as_bytes()[..length];
            let of = |wanted: u8| part.iter().filter(|byte| **byte == wanted).count() as u64;
            assert_eq!(quotes_and_line_feeds(part), (of(b'"'), of(b'\n')));
        }
    }
}
