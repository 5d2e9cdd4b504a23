//! Search through text 64 bytes at a time: one comparison of a whole block with a byte gives a mask
//! of 64 bits, a bit for each byte of the block. Counting and finding is then arithmetic on masks,
//! without a branch for each byte.
//!
//! There are two ways to make a mask: [`Portable`] for the least machine that the program is
//! compiled for, and [`Avx2`] for machines that have it, found out as the program runs. Code is
//! generic over [`Equal`] and inlined into a function that is compiled once for each, which is why
//! everything here is `inline(always)`: a call that is not inlined would lose the machine's wider
//! registers.

#[cfg(target_arch = "x86_64")]
use std::sync::LazyLock;

use wide::u8x64;

/// Number of bytes in a block, one for each bit of a mask.
pub(super) const BLOCK: usize = 64;

/// Comparison of a block with a byte.
pub(super) trait Equal: Copy {
    /// Mask of the bytes of `block` that equal `wanted`: the lowest bit stands for the first byte.
    fn mask(self, block: &[u8; BLOCK], wanted: u8) -> u64;
}

/// Comparison with the instructions of the least machine that the program is compiled for.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Equal for Portable {
    #[inline(always)]
    fn mask(self, block: &[u8; BLOCK], wanted: u8) -> u64 {
        u8x64::new(*block)
            .simd_eq(u8x64::splat(wanted))
            .to_bitmask()
    }
}

/// Comparison with AVX2, which only exists where the machine was found to have it.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx2(pub(super) pulp::x86::V3);

#[cfg(target_arch = "x86_64")]
impl Equal for Avx2 {
    #[inline(always)]
    fn mask(self, block: &[u8; BLOCK], wanted: u8) -> u64 {
        let Self(simd) = self;
        // A register of AVX2 holds 32 bytes, so a block takes two comparisons.
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

/// The environment variable that makes the program do without AVX2, so that tests read the same
/// bytes both ways on one machine.
#[cfg(target_arch = "x86_64")]
const WITHOUT_AVX2: &str = "TIEOUT_WITHOUT_AVX2";

/// AVX2, where the machine has it and nobody forbids it.
#[cfg(target_arch = "x86_64")]
pub(super) fn avx2() -> Option<pulp::x86::V3> {
    // Asked once: a variable that changes half-way must not split a file between two ways.
    static IS_ALLOWED: LazyLock<bool> = LazyLock::new(|| std::env::var_os(WITHOUT_AVX2).is_none());
    IS_ALLOWED.then(pulp::x86::V3::try_new).flatten()
}

/// Number of quotes and number of line feeds in a text.
pub(super) fn quotes_and_line_feeds(text: &[u8]) -> (u64, u64) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = avx2() {
        return simd.vectorize(QuoteCount { text, simd });
    }
    count(text, Portable)
}

/// A call of [`count`] to be compiled for AVX2. It is a type and not a closure, for a closure's
/// body cannot be forced inline and would be compiled for the least machine.
#[cfg(target_arch = "x86_64")]
struct QuoteCount<'t> {
    text: &'t [u8],
    simd: pulp::x86::V3,
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for QuoteCount<'_> {
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

    /// Both ways, whatever the machine would choose.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn both_ways_find_the_same_bytes() {
        let Some(simd) = pulp::x86::V3::try_new() else {
            return;
        };
        for shift in 0..=u8::MAX {
            let block: [u8; BLOCK] =
                std::array::from_fn(|at| shift.wrapping_add(at.to_le_bytes()[0] / 3));
            for wanted in 0..=u8::MAX {
                let avx2 = simd.vectorize(MaskOf(Avx2(simd), &block, wanted));
                assert_eq!(Portable.mask(&block, wanted), avx2, "{shift} {wanted}");
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    struct MaskOf<'b>(Avx2, &'b [u8; BLOCK], u8);

    #[cfg(target_arch = "x86_64")]
    impl pulp::NullaryFnOnce for MaskOf<'_> {
        type Output = u64;

        fn call(self) -> u64 {
            let Self(equal, block, wanted) = self;
            equal.mask(block, wanted)
        }
    }

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
