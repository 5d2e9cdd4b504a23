//! Hash table from keys to totals: the place where every row of every dataset is added up.
//!
//! A month has millions of keys, so that nearly every row's total is out of the cache; the table is
//! fast as far as it waits for memory seldom:
//!
//! - Rows wait until there are 64 of them. Then all hashes are made, all keys are looked up, and
//!   all totals are added to. The steps of one row do not depend on those of another, so that the
//!   cache misses of a batch overlap.
//! - The key stands with the sums that every row changes in one cache line (`Hot`): the line that
//!   the look-up compares is the line that the addition changes. The part that few rows change
//!   (`Rest`) is elsewhere, and only as far as it is needed.
//! - Lines are allocated in blocks that never move: growing copies no totals.
//!
//! The size of `Hot`, its fields, and `HOT_SUMS` must change together.

use super::interner::Index;
use super::total::SUMS;
use super::total::{Total, add_to};
use crate::engine::rules::keys::TUPLES;
use crate::model::period::Day;

/// A key, and the part of its total that every row changes.
// Aligned: a total that lay across two cache lines would cost two misses.
#[derive(Debug)]
#[repr(align(64))]
struct Hot {
    key: [u32; TUPLES],
    sums: [i128; HOT_SUMS],
    rows: u64,
    first: Day,
    last: Day,
}

const _: () = assert!(size_of::<Hot>() == 64, "a hot part fills one cache line");

/// The part of a total that stays 0 for many keys, and for all keys of some datasets.
#[derive(Clone, Copy, Debug)]
struct Rest {
    sums: [i128; SUMS - HOT_SUMS],
    precision: i128,
}

/// The first sums of a total, which every row changes: quantity and amount.
const HOT_SUMS: usize = 2;

/// Rows that wait until they are added together.
const BATCH: usize = 64;

/// Cache lines that are allocated at a time: 64 KiB.
const BLOCK: usize = 1_024;

/// Totals by key, in the order in which the keys came.
#[derive(Debug, Default)]
pub struct TotalsByKey {
    index: Index,
    /// Blocks of [`BLOCK`] totals, all full but for the last one.
    hot: Vec<Vec<Hot>>,
    count: usize,
    /// Parallel to the totals, and shorter: nothing was added to the rest of those beyond its end.
    rest: Vec<Rest>,
    /// Rows that are not added yet.
    waiting: Vec<([u32; TUPLES], Total)>,
}

impl TotalsByKey {
    /// Adds to the total of a key, at once or when [`TotalsByKey::flush`] is called. `false` where
    /// a total exceeds 128 bits; the totals are then of no use.
    pub fn add(&mut self, key: [u32; TUPLES], more: &Total) -> bool {
        self.waiting.push((key, *more));
        self.waiting.len() < BATCH || self.flush()
    }

    /// Adds the rows that wait, before which nothing can be read. `false` where a total exceeds 128
    /// bits; the totals are then of no use.
    #[must_use]
    pub fn flush(&mut self) -> bool {
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut fits = true;
        for rows in waiting.chunks(BATCH) {
            let mut hashes = [0; BATCH];
            let mut places = [None; BATCH];
            // Three loops and not one: none of them waits for the step before it of the same row.
            for (hash, (key, _)) in hashes.iter_mut().zip(rows) {
                *hash = self.index.hash(key);
            }
            for (place, (hash, (key, _))) in places.iter_mut().zip(hashes.iter().zip(rows)) {
                *place = self.find(*hash, key);
            }
            for (place, (hash, (key, more))) in places.iter().zip(hashes.iter().zip(rows)) {
                // A key that was not found may have come with this batch.
                let place = place.unwrap_or_else(|| self.find_or_start(*hash, *key));
                fits &= self.add_at(place as usize, more);
            }
        }
        // The list keeps its memory for the next batch.
        waiting.clear();
        self.waiting = waiting;
        fits
    }

    fn find(&self, hash: u32, key: &[u32; TUPLES]) -> Option<u32> {
        self.index
            .find(hash, |at| hot_at(&self.hot, at as usize).key == *key)
    }

    /// Place of a key, which becomes a new one unless it came earlier in the batch.
    fn find_or_start(&mut self, hash: u32, key: [u32; TUPLES]) -> u32 {
        self.find(hash, &key).unwrap_or_else(|| {
            let at = u32::try_from(self.count).expect("fewer than 2^32 totals");
            self.index.insert(hash, at);
            self.start(key, &Total::NOTHING);
            at
        })
    }

    /// Appends the hot part of a total.
    fn start(&mut self, key: [u32; TUPLES], total: &Total) {
        if self.count.is_multiple_of(BLOCK) {
            // A block never outgrows this, so that no total in it is ever moved.
            self.hot.push(Vec::with_capacity(BLOCK));
        }
        let [first_sum, second_sum, ..] = total.sums;
        let block = self.hot.last_mut().expect("a block with room");
        block.push(Hot {
            key,
            sums: [first_sum, second_sum],
            rows: total.rows,
            first: total.first,
            last: total.last,
        });
        self.count += 1;
    }

    fn add_at(&mut self, at: usize, more: &Total) -> bool {
        let ([.., third, fourth], mut fits) = (more.sums, true);
        let hot = &mut self.hot[at / BLOCK][at % BLOCK];
        for (sum, more) in hot.sums.iter_mut().zip(more.sums) {
            fits &= add_to(sum, more);
        }
        hot.rows += more.rows;
        // A row without a day brings the two extremes, which change nothing and need no branch.
        hot.first = hot.first.min(more.first);
        hot.last = hot.last.max(more.last);
        if (third | fourth | more.precision) != 0 {
            // Most keys come before the first row that needs a rest: those in between get an empty
            // one.
            if self.rest.len() <= at {
                self.rest.resize(at + 1, Rest::NOTHING);
            }
            let rest = &mut self.rest[at];
            for (sum, more) in rest.sums.iter_mut().zip([third, fourth]) {
                fits &= add_to(sum, more);
            }
            fits &= add_to(&mut rest.precision, more.precision);
        }
        fits
    }

    /// Appends a total that was kept, whose key is in none of those before. The totals can then be
    /// read, and nothing can be added to them.
    pub(super) fn push(&mut self, key: [u32; TUPLES], total: Total) {
        self.start(key, &total);
        let [.., third, fourth] = total.sums;
        // Also where it is 0: the rest of the next total must stand at the place of that total.
        self.rest.push(Rest {
            sums: [third, fourth],
            precision: total.precision,
        });
    }

    /// Keys with their totals, in the order in which the keys came.
    pub fn iter(&self) -> impl Iterator<Item = (&[u32; TUPLES], Total)> {
        self.flushed()
            .enumerate()
            .map(|(at, hot)| (&hot.key, self.whole(at, hot)))
    }

    fn flushed(&self) -> impl Iterator<Item = &Hot> {
        assert!(
            self.waiting.is_empty(),
            "totals are flushed before they are read"
        );
        self.hot.iter().flatten()
    }

    /// Key and total at a place in their order.
    ///
    /// # Panics
    /// For a place at or beyond [`TotalsByKey::len`].
    pub(super) fn get(&self, at: u32) -> (&[u32; TUPLES], Total) {
        let hot = hot_at(&self.hot, at as usize);
        (&hot.key, self.whole(at as usize, hot))
    }

    fn whole(&self, at: usize, hot: &Hot) -> Total {
        let rest = if at < self.rest.len() {
            self.rest[at]
        } else {
            Rest::NOTHING
        };
        let ([first_sum, second_sum], [third, fourth]) = (hot.sums, rest.sums);
        Total {
            rows: hot.rows,
            sums: [first_sum, second_sum, third, fourth],
            precision: rest.precision,
            first: hot.first,
            last: hot.last,
        }
    }

    /// Bytes of memory in use.
    #[must_use]
    pub(super) fn footprint(&self) -> usize {
        let rest = self.rest.capacity() * size_of::<Rest>()
            + self.waiting.capacity() * size_of::<([u32; TUPLES], Total)>();
        // A block is allocated whole.
        self.hot.len() * BLOCK * size_of::<Hot>() + rest + self.index.footprint()
    }

    /// Keys in the order in which they came.
    pub fn keys(&self) -> impl Iterator<Item = &[u32; TUPLES]> {
        self.flushed().map(|hot| &hot.key)
    }

    /// Number of distinct keys.
    #[must_use]
    pub fn len(&self) -> usize {
        assert!(
            self.waiting.is_empty(),
            "totals are flushed before they are counted"
        );
        self.count
    }

    /// True if nothing was added, waiting rows included.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0 && self.waiting.is_empty()
    }
}

fn hot_at(blocks: &[Vec<Hot>], at: usize) -> &Hot {
    &blocks[at / BLOCK][at % BLOCK]
}

impl Rest {
    const NOTHING: Self = Self {
        sums: [0; SUMS - HOT_SUMS],
        precision: 0,
    };
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn totals_are_those_of_a_plain_table() {
        let (mut totals, mut expected) = (
            TotalsByKey::default(),
            HashMap::<[u32; TUPLES], Total>::new(),
        );
        let mut state = 1_u32;
        for row in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = [state >> 30, state >> 28 & 1, state >> 20, 0];
            // Some have nothing in their rest, some start to have it late.
            let third = if state >> 19 & 3 == 0 {
                i128::from(row)
            } else {
                0
            };
            let more = Total {
                rows: 1,
                sums: [1, -i128::from(row), third, 0],
                precision: third / 2,
                first: row,
                last: row,
            };
            assert!(totals.add(key, &more));
            assert!(expected.entry(key).or_insert(Total::NOTHING).add(&more));
        }
        assert!(totals.flush());
        assert!(totals.len() > BLOCK && totals.len() == expected.len());
        assert!(
            totals
                .iter()
                .all(|(key, total)| expected.get(key) == Some(&total))
        );
        assert!(totals.add(
            [0; TUPLES],
            &Total {
                sums: [i128::MAX; SUMS],
                ..Total::NOTHING
            }
        ));
        assert!(
            totals.add(
                [0; TUPLES],
                &Total {
                    sums: [i128::MAX; SUMS],
                    ..Total::NOTHING
                }
            ) && !totals.flush(),
            "past 128 bits"
        );
    }
}
