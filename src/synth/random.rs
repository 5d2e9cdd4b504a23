//! Numbers from a seed. The generator is written out here because the bytes of a synthetic partner
//! are a promise: no upgrade of a crate may change them.
//!
//! Every part of the partner draws from a sequence of its own, named by a path of numbers, so that
//! one part can be made without the others, and a change to one leaves the others as they are.

use std::collections::BTreeSet;

/// SplitMix64: small, fast, and any two seeds give unrelated sequences. Its multiplications wrap by
/// design.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Sequence that belongs to `seed` and a path of numbers below it. The first number of a path
    /// names what is drawn, and no two uses share one.
    pub(super) fn of(seed: u64, path: &[u64]) -> Self {
        let start = path.iter().fold(mix(seed), |state, part| {
            mix(state ^ mix(part.wrapping_add(0x9E37_79B9_7F4A_7C15)))
        });
        Self(start)
    }

    /// Next 64 bits of the sequence.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Number below `limit`; 0 where `limit` is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        // The upper half of a product is below the limit, without the bias or the cost of a
        // remainder.
        let product = u128::from(self.next()) * u128::from(limit);
        u64::try_from(product >> 64).expect("half of 128 bits")
    }

    /// Member of `choices`, which is not empty.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.index(choices.len())]
    }

    /// Index into a list of `len` members, which is not empty.
    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a length")
    }

    /// True once in `odds` times, on average.
    pub(super) fn once_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    /// GUID of version 4, in lower case.
    pub(super) fn guid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        // The version stands in the third part, the variant in the first two bits of the fourth.
        let variant = (low & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xFFFF,
            high & 0xFFF,
            variant >> 48,
            variant & 0xFFFF_FFFF_FFFF
        )
    }

    /// Number of exactly `count` digits, as text.
    pub(super) fn digits(&mut self, count: u32) -> String {
        let least = 10_u64.pow(count - 1);
        (least + self.below(least * 9)).to_string()
    }
}

/// Finalizer of SplitMix64: every bit of the input moves half of the output's.
fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

/// Cumulative integer weights, from which ranks are drawn. Integers, as floats could differ between
/// machines.
pub(super) struct Weights(Vec<u64>);

impl Weights {
    /// Weights by Zipf's law, as usage of meters and sizes of customers follow it: rank `n` of
    /// `count` weighs 1/(n + `flatness`).
    pub(super) fn zipf(count: usize, flatness: u64) -> Self {
        let weight = |rank: usize| (1_000_000_000 / (rank as u64 + flatness)).max(1);
        Self(
            (0..count)
                .scan(0_u64, |sum, rank| {
                    *sum += weight(rank);
                    Some(*sum)
                })
                .collect(),
        )
    }

    /// Weights of which some ranks have none.
    pub(super) fn without(self, ranks: &BTreeSet<usize>) -> Self {
        let mut gone = 0;
        let mut before = 0;
        let sums = self.0.into_iter().enumerate().map(|(rank, sum)| {
            if ranks.contains(&rank) {
                gone += sum - before;
            }
            before = sum;
            sum - gone
        });
        Self(sums.collect())
    }

    /// Random rank, a heavier one more often.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let at = random.below(self.total());
        self.0.partition_point(|sum| *sum <= at)
    }

    /// `total` split by weight. The shares add up to it, as each is the distance between two
    /// borders.
    pub(super) fn apportion(&self, total: u64) -> impl Iterator<Item = u64> + '_ {
        // Without any weight nothing is shared out, and nothing may be divided by zero.
        let whole = u128::from(self.total().max(1));
        let border = move |sum: u64| {
            let share = u128::from(sum) * u128::from(total) / whole;
            u64::try_from(share).expect("a share is no more than the total")
        };
        self.0.iter().scan(0_u64, move |before, sum| {
            let share = border(*sum) - *before;
            *before = border(*sum);
            Some(share)
        })
    }

    /// Sum of the weights; 0 where there are none, as in a plan without any group.
    fn total(&self) -> u64 {
        match self.0.last() {
            Some(sum) => *sum,
            None => 0,
        }
    }
}

/// Bounded window in which things lose their order: rows of real files are in none, and memory must
/// not grow with them ([quirks](crate::model::domain::quirks), daily rated usage 12).
pub(super) struct Shuffle<T> {
    window: Vec<T>,
    size: usize,
    random: Random,
}

impl<T> Shuffle<T> {
    /// Empty window that holds up to `size` things.
    pub(super) fn new(size: usize, random: Random) -> Self {
        Self {
            window: Vec::with_capacity(size),
            size,
            random,
        }
    }

    /// Takes one thing in, and gives a random other one out once the window is full.
    pub(super) fn push(&mut self, item: T) -> Option<T> {
        if self.window.len() < self.size {
            self.window.push(item);
            return None;
        }
        let at = self.random.index(self.size);
        Some(std::mem::replace(&mut self.window[at], item))
    }

    /// Random one of the things that are left; `None` when the window is empty.
    pub(super) fn pop(&mut self) -> Option<T> {
        let len = self.window.len();
        (len > 0).then(|| self.window.swap_remove(self.random.index(len)))
    }
}
