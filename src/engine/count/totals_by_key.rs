//! Totals by key.

use super::interner::Index;
use super::key_layout::TUPLES;
use super::total::SUMS;
use super::total::{Total, add_to};
use crate::model::period::Day;

/// The part of a total that every row changes, with its key: one line of the cache.
#[derive(Debug)]
#[repr(align(64))]
struct Hot {
    key: [u32; TUPLES],
    sums: [i128; HOT_SUMS],
    rows: u64,
    first: Day,
    last: Day,
}

/// The part of a total that is nothing in many a dataset.
#[derive(Clone, Copy, Debug)]
struct Rest {
    sums: [i128; SUMS - HOT_SUMS],
    precision: i128,
}

const HOT_SUMS: usize = 2;

/// So many rows wait until they are added together: their totals are anywhere in memory, and those of one
/// row are fetched while those of the next are looked for.
const BATCH: usize = 64;

/// So many lines are taken from memory at a time: they stay where they are when more come, and lie as a
/// line of the cache does.
const BLOCK: usize = 1_024;

/// Totals by key, in the order in which the keys came.
#[derive(Debug, Default)]
pub struct Totals {
    index: Index,
    /// Full blocks, but for the last one.
    hot: Vec<Vec<Hot>>,
    count: usize,
    /// As far as there was something to add.
    rest: Vec<Rest>,
    waiting: Vec<([u32; TUPLES], Total)>,
}

impl Totals {
    /// Adds to the total of a key, now or when it is settled; `false` where a total would pass 128 bits.
    pub fn add(&mut self, key: [u32; TUPLES], more: &Total) -> bool {
        self.waiting.push((key, *more));
        self.waiting.len() < BATCH || self.settle()
    }

    /// Adds what waits; before that nothing can be read. `false` where a total would pass 128 bits.
    #[must_use]
    pub fn settle(&mut self) -> bool {
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut fits = true;
        for rows in waiting.chunks(BATCH) {
            let mut hashes = [0; BATCH];
            let mut places = [None; BATCH];
            for (hash, (key, _)) in hashes.iter_mut().zip(rows) {
                *hash = self.index.hash(key);
            }
            for (place, (hash, (key, _))) in places.iter_mut().zip(hashes.iter().zip(rows)) {
                *place = self.find(*hash, key);
            }
            for (place, (hash, (key, more))) in places.iter().zip(hashes.iter().zip(rows)) {
                let place = place.unwrap_or_else(|| self.find_or_start(*hash, *key));
                fits &= self.add_at(place as usize, more);
            }
        }
        waiting.clear();
        self.waiting = waiting;
        fits
    }

    fn find(&self, hash: u32, key: &[u32; TUPLES]) -> Option<u32> {
        self.index.find(hash, |at| {
            hot_at(&self.hot, at as usize).is_some_and(|hot| hot.key == *key)
        })
    }

    /// The place of a key that was not there before this batch.
    fn find_or_start(&mut self, hash: u32, key: [u32; TUPLES]) -> u32 {
        self.find(hash, &key).unwrap_or_else(|| {
            let at = u32::try_from(self.count).expect("fewer than 2^32 totals");
            self.index.insert(hash, at);
            self.start(key, &Total::NOTHING);
            at
        })
    }

    fn start(&mut self, key: [u32; TUPLES], total: &Total) {
        if self.count.is_multiple_of(BLOCK) {
            self.hot.push(Vec::with_capacity(BLOCK));
        }
        let Total {
            rows,
            sums: [first_sum, second_sum, ..],
            first,
            last,
            ..
        } = *total;
        if let Some(block) = self.hot.last_mut() {
            block.push(Hot {
                key,
                sums: [first_sum, second_sum],
                rows,
                first,
                last,
            });
        }
        self.count += 1;
    }

    fn add_at(&mut self, at: usize, more: &Total) -> bool {
        let ([.., third, fourth], mut fits) = (more.sums, true);
        if let Some(hot) = self
            .hot
            .get_mut(at / BLOCK)
            .and_then(|block| block.get_mut(at % BLOCK))
        {
            for (sum, more) in hot.sums.iter_mut().zip(more.sums) {
                fits &= add_to(sum, more);
            }
            hot.rows += more.rows;
            hot.first = hot.first.min(more.first);
            hot.last = hot.last.max(more.last);
        }
        if third | fourth | more.precision != 0 {
            if self.rest.len() <= at {
                self.rest.resize(at + 1, Rest::NOTHING);
            }
            if let Some(rest) = self.rest.get_mut(at) {
                for (sum, more) in rest.sums.iter_mut().zip([third, fourth]) {
                    fits &= add_to(sum, more);
                }
                fits &= add_to(&mut rest.precision, more.precision);
            }
        }
        fits
    }

    fn settled(&self) -> impl Iterator<Item = &Hot> {
        assert!(
            self.waiting.is_empty(),
            "totals are settled before they are read"
        );
        self.hot.iter().flatten()
    }

    /// Adds a total that was kept; it can only be gone through.
    pub(crate) fn push(&mut self, key: [u32; TUPLES], total: Total) {
        self.start(key, &total);
        let [.., third, fourth] = total.sums;
        self.rest.push(Rest {
            sums: [third, fourth],
            precision: total.precision,
        });
    }

    /// Keys and totals.
    pub fn iter(&self) -> impl Iterator<Item = (&[u32; TUPLES], Total)> {
        self.settled()
            .enumerate()
            .map(|(at, hot)| (&hot.key, self.whole(at, hot)))
    }

    /// The key and total at a place in their order.
    #[must_use]
    pub fn get(&self, at: u32) -> Option<(&[u32; TUPLES], Total)> {
        let hot = hot_at(&self.hot, at as usize)?;
        Some((&hot.key, self.whole(at as usize, hot)))
    }

    fn whole(&self, at: usize, hot: &Hot) -> Total {
        let ([first_sum, second_sum], rest) = (
            hot.sums,
            self.rest.get(at).copied().unwrap_or(Rest::NOTHING),
        );
        let ([third, fourth], precision) = (rest.sums, rest.precision);
        let sums = [first_sum, second_sum, third, fourth];
        Total {
            rows: hot.rows,
            sums,
            precision,
            first: hot.first,
            last: hot.last,
        }
    }

    /// Bytes of memory in use.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let rest = self.rest.capacity() * size_of::<Rest>()
            + self.waiting.capacity() * size_of::<([u32; TUPLES], Total)>();
        self.hot.len() * BLOCK * size_of::<Hot>() + rest + self.index.footprint()
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &[u32; TUPLES]> {
        self.settled().map(|hot| &hot.key)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        assert!(
            self.waiting.is_empty(),
            "totals are settled before they are counted"
        );
        self.count
    }

    /// True where nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0 && self.waiting.is_empty()
    }
}

fn hot_at(blocks: &[Vec<Hot>], at: usize) -> Option<&Hot> {
    blocks.get(at / BLOCK)?.get(at % BLOCK)
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
        let (mut totals, mut expected) =
            (Totals::default(), HashMap::<[u32; TUPLES], Total>::new());
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
        assert!(totals.settle());
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
            ) && !totals.settle(),
            "past 128 bits"
        );
    }
}
