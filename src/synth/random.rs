//! Numbers from a seed. The generator is written out here because the bytes of a synthetic partner
//! are a promise: no upgrade of a crate may change them.

/// SplitMix64: small, fast, and any two seeds give unrelated sequences.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The sequence that belongs to `seed` and a path of numbers below it.
    pub(super) fn of(seed: u64, path: &[u64]) -> Self {
        let start = path.iter().fold(mix(seed), |state, part| {
            mix(state ^ mix(part.wrapping_add(0x9E37_79B9_7F4A_7C15)))
        });
        Self(start)
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `limit`; 0 where `limit` is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        high_half(u128::from(self.next()) * u128::from(limit))
    }

    /// One of `choices`, which is not empty.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.index(choices.len())]
    }

    /// An index below `len`.
    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// True once in `odds` times.
    pub(super) fn once_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    /// A lower-case GUID of version 4.
    pub(super) fn guid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
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

    /// A number of exactly `count` digits, as text.
    pub(super) fn digits(&mut self, count: u32) -> String {
        let least = 10_u64.pow(count - 1);
        (least + self.below(least * 9)).to_string()
    }
}

fn high_half(product: u128) -> u64 {
    u64::try_from(product >> 64).unwrap_or(0)
}

fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

/// Cumulative integer weights, from which ranks are drawn.
pub(super) struct Weights(Vec<u64>);

impl Weights {
    /// Zipf's law: rank `n` weighs 1/(n + `flatness`).
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

    /// A rank.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let at = random.below(self.total());
        self.0.partition_point(|sum| *sum <= at)
    }

    /// `total` split by weight; the shares add up to it.
    pub(super) fn apportion(&self, total: u64) -> impl Iterator<Item = u64> + '_ {
        let whole = u128::from(self.total().max(1));
        let border =
            move |sum: u64| u64::try_from(u128::from(sum) * u128::from(total) / whole).unwrap_or(0);
        self.0.iter().scan(0_u64, move |before, sum| {
            let share = border(*sum) - *before;
            *before = border(*sum);
            Some(share)
        })
    }

    fn total(&self) -> u64 {
        self.0.last().copied().unwrap_or(0)
    }
}

/// A bounded window in which things lose their order.
pub(super) struct Shuffle<T> {
    window: Vec<T>,
    size: usize,
    random: Random,
}

impl<T> Shuffle<T> {
    /// An empty window of `size` things.
    pub(super) fn new(size: usize, random: Random) -> Self {
        Self {
            window: Vec::with_capacity(size),
            size,
            random,
        }
    }

    /// Takes one in; gives another one out once the window is full.
    pub(super) fn push(&mut self, item: T) -> Option<T> {
        if self.window.len() < self.size {
            self.window.push(item);
            return None;
        }
        let at = self.random.index(self.size);
        Some(std::mem::replace(&mut self.window[at], item))
    }

    /// Gives out what is left, in no order.
    pub(super) fn pop(&mut self) -> Option<T> {
        let len = self.window.len();
        (len > 0).then(|| self.window.swap_remove(self.random.index(len)))
    }
}
