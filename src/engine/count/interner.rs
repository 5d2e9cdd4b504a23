//! Interners: texts, and tuples of numbers, to small numbers by which they are found again.
//!
//! A text that repeats in a column is kept, compared and folded once, and the key of a row is made
//! of numbers. Numbers count from 0 in the order of arrival, so that they index plain vectors; they
//! mean nothing outside their interner. Nothing depends on the order of the hash table, which
//! differs from run to run.
//!
//! Fast, because a look-up costs one probe of a table of 8-byte entries: 32 bits of the hash stand
//! beside each number, so that a text is fetched only where it is most likely the right one, and
//! not at all when the table grows. Where many are looked up, they go in batches of 64: first all
//! hashes, then all probes, then what is new. The probes of a batch do not depend on each other, so
//! that their cache misses overlap.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::model::same::same;

/// Look-ups made together. More would overlap no better: a core has some ten to twenty cache misses
/// under way at a time.
const BATCH: usize = 64;

/// Distinct byte strings, numbered in the order in which they came.
#[derive(Debug, Default)]
pub struct Texts {
    index: Index,
    /// All texts, one behind the other.
    arena: Vec<u8>,
    /// End of each text in the arena; a text begins where the one before it ends.
    ends: Vec<usize>,
}

impl Texts {
    /// Number of `text`, and `true` if the text came for the first time.
    pub fn intern(&mut self, text: &[u8]) -> (u32, bool) {
        let hash = self.index.hash(text);
        self.intern_hashed(text, hash)
    }

    fn intern_hashed(&mut self, text: &[u8], hash: u32) -> (u32, bool) {
        if let Some(id) = self.find(text, hash) {
            return (id, false);
        }
        // Asked for first: it panics before anything is changed.
        let id = self.len();
        self.index.insert(hash, id);
        self.arena.extend_from_slice(text);
        self.ends.push(self.arena.len());
        (id, true)
    }

    fn find(&self, text: &[u8], hash: u32) -> Option<u32> {
        self.index
            .find(hash, |id| same(text_at(&self.arena, &self.ends, id), text))
    }

    /// Number of each of many texts, in their order.
    pub fn intern_all<'t>(&mut self, texts: impl IntoIterator<Item = &'t [u8]>) -> Vec<u32> {
        let mut texts = texts.into_iter();
        let mut numbers = Vec::with_capacity(texts.size_hint().0);
        let mut batch: [&[u8]; BATCH] = [b""; BATCH];
        loop {
            let mut length = 0;
            while length < BATCH
                && let Some(text) = texts.next()
            {
                batch[length] = text;
                length += 1;
            }
            let batch = &batch[..length];
            if batch.is_empty() {
                return numbers;
            }
            let (mut hashes, mut found) = ([0; BATCH], [None; BATCH]);
            hashes
                .iter_mut()
                .zip(batch)
                .for_each(|(hash, text)| *hash = self.index.hash(*text));
            found
                .iter_mut()
                .zip(hashes)
                .zip(batch)
                .for_each(|((found, hash), text)| *found = self.find(text, hash));
            for ((found, hash), text) in found.into_iter().zip(hashes).zip(batch) {
                // A text that was not found may have come with this batch, and is looked up again.
                numbers.push(found.unwrap_or_else(|| self.intern_hashed(text, hash).0));
            }
        }
    }

    /// Forgets the text that came last; its number is given to the next new one.
    ///
    /// # Panics
    /// If no text was interned yet, or all were taken out again.
    pub(super) fn pop(&mut self) {
        let last = self.ends.len() - 1;
        let start = start_of(&self.ends, last);
        let hash = self.index.hash(&self.arena[start..]);
        self.index.remove(hash, number_of(last));
        self.ends.pop();
        self.arena.truncate(start);
    }

    /// Text of a number.
    ///
    /// # Panics
    /// For a number that no text here has.
    #[must_use]
    pub fn text(&self, id: u32) -> &[u8] {
        text_at(&self.arena, &self.ends, id)
    }

    /// Number of distinct texts.
    #[must_use]
    pub fn len(&self) -> u32 {
        number_of(self.ends.len())
    }

    /// True if nothing was interned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Takes over every text of `other`: the number here of each of its texts, by the number there.
    pub(super) fn absorb(&mut self, other: &Self) -> Vec<u32> {
        self.intern_all((0..other.len()).map(|id| other.text(id)))
    }

    /// Texts as [`Texts::parts`] gave them. They are found by number only, and none can be added.
    #[must_use]
    pub(super) fn of(arena: Vec<u8>, ends: Vec<usize>) -> Self {
        Self {
            index: Index::default(),
            arena,
            ends,
        }
    }

    /// Bytes of memory in use.
    #[must_use]
    pub(super) fn footprint(&self) -> usize {
        self.arena.capacity() + self.ends.capacity() * size_of::<usize>() + self.index.footprint()
    }

    /// All texts, one behind the other, and where each one ends.
    #[must_use]
    pub fn parts(&self) -> (&[u8], &[usize]) {
        (&self.arena, &self.ends)
    }
}

fn text_at<'a>(arena: &'a [u8], ends: &[usize], id: u32) -> &'a [u8] {
    let at = id as usize;
    &arena[start_of(ends, at)..ends[at]]
}

/// Start of a text in the arena.
fn start_of(ends: &[usize], at: usize) -> usize {
    match at {
        0 => 0,
        _ => ends[at - 1],
    }
}

/// Distinct tuples of numbers, all of one width, numbered in the order in which they came.
#[derive(Debug)]
pub struct Tuples {
    index: Index,
    width: usize,
    /// The numbers of all tuples, one tuple behind the other.
    numbers: Vec<u32>,
    count: u32,
}

impl Tuples {
    /// No tuples yet; each will have `width` numbers.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self {
            index: Index::default(),
            width,
            numbers: Vec::new(),
            count: 0,
        }
    }

    /// `count` tuples as [`Tuples::numbers`] gave them. They are found by number only, and none can
    /// be added.
    #[must_use]
    pub(super) fn of(width: usize, numbers: Vec<u32>, count: u32) -> Self {
        Self {
            index: Index::default(),
            width,
            numbers,
            count,
        }
    }

    /// Number of the tuple with which `texts` begins, which is taken off `texts`. `last` is the
    /// tuple's number in the row before, and is not looked at while there are no tuples.
    ///
    /// # Panics
    /// If `texts` is shorter than a tuple.
    #[inline]
    pub(super) fn next_number(&mut self, last: u32, texts: &mut &[u32]) -> u32 {
        let (tuple, rest) = texts.split_at(self.width);
        *texts = rest;
        match tuple {
            // Known, as tuples of one number keep that number.
            [number] if *number < self.count => *number,
            // Rows that follow each other mostly share the tuple, and nothing is hashed.
            _ if self.count > 0 && self.tuple(last).iter().eq(tuple) => last,
            _ => self.intern(tuple),
        }
    }

    /// Number of `tuple`, which has the width of all others.
    pub(super) fn intern(&mut self, tuple: &[u32]) -> u32 {
        if let [number] = tuple {
            // A tuple of one number keeps that number: a column's texts are numbered from 0 as
            // well, so that the numbers up to the largest one are dense, and no table is needed.
            while self.count <= *number {
                self.numbers.push(self.count);
                self.count = number_of(self.count as usize + 1);
            }
            return *number;
        }
        let hash = self.index.hash(tuple);
        self.intern_hashed(tuple, hash)
    }

    fn find(&self, tuple: &[u32], hash: u32) -> Option<u32> {
        self.index
            .find(hash, |id| tuple_at(&self.numbers, self.width, id) == tuple)
    }

    fn intern_hashed(&mut self, tuple: &[u32], hash: u32) -> u32 {
        if let Some(id) = self.find(tuple, hash) {
            return id;
        }
        let id = self.count;
        self.count = number_of(id as usize + 1);
        self.index.insert(hash, id);
        self.numbers.extend_from_slice(tuple);
        id
    }

    /// Number of each of `count` tuples that stand one behind the other in `tuples`.
    ///
    /// # Panics
    /// If `tuples` does not hold just as many numbers.
    pub fn intern_all(&mut self, tuples: &[u32], count: u32) -> Vec<u32> {
        let (width, count) = (self.width, count as usize);
        assert_eq!(tuples.len(), width * count, "tuples of one width");
        if width < 2 {
            // Nothing is looked up; and a tuple of no numbers leaves no trace in `tuples`.
            return (0..count)
                .map(|at| self.intern(&tuples[at * width..(at + 1) * width]))
                .collect();
        }
        let mut numbers = Vec::with_capacity(count);
        for batch in tuples.chunks(BATCH * width) {
            let (mut hashes, mut found) = ([0; BATCH], [None; BATCH]);
            hashes
                .iter_mut()
                .zip(batch.chunks(width))
                .for_each(|(hash, tuple)| *hash = self.index.hash(tuple));
            found
                .iter_mut()
                .zip(hashes)
                .zip(batch.chunks(width))
                .for_each(|((found, hash), tuple)| *found = self.find(tuple, hash));
            for ((found, hash), tuple) in found.into_iter().zip(hashes).zip(batch.chunks(width)) {
                // A tuple that was not found may have come with this batch, and is looked up again.
                numbers.push(found.unwrap_or_else(|| self.intern_hashed(tuple, hash)));
            }
        }
        numbers
    }

    /// Numbers that a tuple is made of.
    ///
    /// # Panics
    /// For a number that no tuple here has.
    #[must_use]
    pub fn tuple(&self, id: u32) -> &[u32] {
        tuple_at(&self.numbers, self.width, id)
    }

    /// Number of distinct tuples.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.count
    }

    /// True if nothing was interned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of memory in use.
    #[must_use]
    pub(super) fn footprint(&self) -> usize {
        self.numbers.capacity() * size_of::<u32>() + self.index.footprint()
    }

    /// Numbers that all tuples are made of, one tuple behind the other.
    #[must_use]
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }
}

fn tuple_at(numbers: &[u32], width: usize, id: u32) -> &[u32] {
    let start = id as usize * width;
    &numbers[start..start + width]
}

/// A count as a number. The largest 32-bit number is left free, for callers that mark absence by
/// it.
fn number_of(count: usize) -> u32 {
    u32::try_from(count)
        .ok()
        .filter(|number| *number != u32::MAX)
        .expect("a run holds fewer than 2^32 distinct keys")
}

/// Numbers by the hash of what they stand for, which is kept elsewhere.
#[derive(Debug, Default)]
pub(super) struct Index {
    hasher: DefaultHashBuilder,
    /// 32 bits of the hash, and the number.
    table: HashTable<(u32, u32)>,
}

impl Index {
    /// Hash under which a value is kept. It differs from index to index.
    pub(super) fn hash<T: std::hash::Hash + ?Sized>(&self, value: &T) -> u32 {
        let hash = self.hasher.hash_one(value).to_le_bytes();
        u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
    }

    /// Number for which `is_it` is true, among those of a hash; `None` if there is none.
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.table
            .find(spread(hash), |(known, id)| *known == hash && is_it(*id))
            .map(|(_, id)| *id)
    }

    /// Adds a number that is not in the index yet.
    pub(super) fn insert(&mut self, hash: u32, id: u32) {
        self.table
            // Growing hashes the kept 32 bits again, and fetches no text.
            .insert_unique(spread(hash), (hash, id), |(hash, _)| spread(*hash));
    }

    /// Bytes of memory in use.
    #[must_use]
    pub(super) fn footprint(&self) -> usize {
        self.table.allocation_size()
    }

    /// Removes a number that was inserted under `hash`; the text itself is kept elsewhere.
    ///
    /// # Panics
    /// If the number is not in the index under this hash.
    pub(super) fn remove(&mut self, hash: u32, id: u32) {
        self.table
            .find_entry(spread(hash), |entry| *entry == (hash, id))
            .expect("only what was inserted is removed")
            .remove();
    }
}

/// 64 bits of the kept 32: the table takes its place from the low bits of a hash and its tag from
/// the high ones, so that both must vary.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_a_number() {
        let mut texts = Texts::default();
        assert_eq!(texts.intern(b"ab"), (0, true));
        assert_eq!(texts.intern(b""), (1, true));
        assert_eq!(texts.intern(b"ab"), (0, false));
        assert_eq!(texts.intern(b"c"), (2, true));
        texts.pop();
        assert_eq!(texts.intern(b"abc"), (2, true));
        assert_eq!(texts.intern(b"c"), (3, true));
        assert_eq!((texts.text(1), texts.text(2)), (&b""[..], &b"abc"[..]));
        let mut other = Texts::default();
        other.intern(b"c");
        other.intern(b"d");
        assert_eq!(texts.absorb(&other), [3, 4]);
        let many: Vec<String> = (0..1_000)
            .map(|number| (number * number % 333).to_string())
            .collect();
        let (mut at_once, mut one_by_one) = (Texts::default(), Texts::default());
        let numbers = at_once.intern_all(many.iter().map(String::as_bytes));
        assert!(
            numbers
                .iter()
                .copied()
                .eq(many.iter().map(|text| one_by_one.intern(text.as_bytes()).0))
        );
    }

    #[test]
    fn equal_tuples_share_a_number() {
        let mut tuples = Tuples::new(2);
        assert_eq!(
            [
                tuples.intern(&[1, 2]),
                tuples.intern(&[2, 1]),
                tuples.intern(&[1, 2])
            ],
            [0, 1, 0]
        );
        assert_eq!(tuples.tuple(1), [2, 1]);
        let many: Vec<u32> = (0..2_000).map(|number| number * number % 37).collect();
        let (mut at_once, mut one_by_one) = (Tuples::new(2), Tuples::new(2));
        assert!(
            at_once
                .intern_all(&many, 1_000)
                .into_iter()
                .eq(many.chunks(2).map(|tuple| one_by_one.intern(tuple)))
        );
        let mut none = Tuples::new(0);
        assert_eq!(none.intern_all(&[], 1), [0]);
        assert_eq!([none.intern(&[]), none.intern(&[]), none.len()], [0, 0, 1]);
    }
}
