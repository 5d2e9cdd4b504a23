//! Texts and tuples of texts to small numbers: what repeats in a column is kept, compared and folded
//! once, and a row's key is made of numbers.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::model::same::same;

/// So many are looked for together: each is anywhere in memory, and while one is fetched, the next are
/// asked for.
const BATCH: usize = 64;

/// Distinct byte strings, numbered in the order in which they came.
#[derive(Debug, Default)]
pub struct Texts {
    index: Index,
    arena: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    /// Number of `text`, and whether it came for the first time.
    pub fn intern(&mut self, text: &[u8]) -> (u32, bool) {
        let hash = self.index.hash(text);
        self.intern_hashed(text, hash)
    }

    fn intern_hashed(&mut self, text: &[u8], hash: u32) -> (u32, bool) {
        if let Some(id) = self.find(text, hash) {
            return (id, false);
        }
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

    /// Numbers of many texts.
    pub fn intern_all<'t>(&mut self, texts: impl IntoIterator<Item = &'t [u8]>) -> Vec<u32> {
        let mut texts = texts.into_iter();
        let mut numbers = Vec::new();
        let mut batch: Vec<&[u8]> = Vec::with_capacity(BATCH);
        loop {
            batch.clear();
            batch.extend(texts.by_ref().take(BATCH));
            if batch.is_empty() {
                return numbers;
            }
            let (mut hashes, mut found) = ([0; BATCH], [None; BATCH]);
            hashes
                .iter_mut()
                .zip(&batch)
                .for_each(|(hash, text)| *hash = self.index.hash(*text));
            found
                .iter_mut()
                .zip(hashes)
                .zip(&batch)
                .for_each(|((found, hash), text)| *found = self.find(text, hash));
            for ((found, hash), text) in found.into_iter().zip(hashes).zip(&batch) {
                // It may have come with this batch.
                numbers.push(found.unwrap_or_else(|| self.intern_hashed(text, hash).0));
            }
        }
    }

    /// Forgets the text that came last.
    pub fn pop(&mut self) {
        let Some(last) = self.len().checked_sub(1) else {
            return;
        };
        let hash = self.index.hash(self.text(last));
        self.index.remove(hash, last);
        self.ends.pop();
        self.arena.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// The text of a number.
    #[must_use]
    pub fn text(&self, id: u32) -> &[u8] {
        text_at(&self.arena, &self.ends, id)
    }

    /// Number of distinct texts.
    #[must_use]
    pub fn len(&self) -> u32 {
        number_of(self.ends.len())
    }

    /// True where nothing was interned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Takes over every text of `other`; the result says which number each one has here.
    pub fn absorb(&mut self, other: &Self) -> Vec<u32> {
        self.intern_all((0..other.len()).map(|id| other.text(id)))
    }

    /// Texts that were kept; they can be looked up by number only.
    #[must_use]
    pub fn of(arena: Vec<u8>, ends: Vec<usize>) -> Self {
        Self {
            index: Index::default(),
            arena,
            ends,
        }
    }

    /// Bytes of memory in use.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.arena.capacity() + self.ends.capacity() * size_of::<usize>() + self.index.footprint()
    }

    /// All texts behind each other, and where each one ends.
    #[must_use]
    pub fn parts(&self) -> (&[u8], &[usize]) {
        (&self.arena, &self.ends)
    }
}

fn text_at<'a>(arena: &'a [u8], ends: &[usize], id: u32) -> &'a [u8] {
    let at = id as usize;
    let start = at
        .checked_sub(1)
        .and_then(|before| ends.get(before))
        .copied()
        .unwrap_or(0);
    let end = ends.get(at).copied().unwrap_or(start);
    arena.get(start..end).unwrap_or_default()
}

/// Distinct tuples of numbers, all of one width, numbered in the order in which they came.
#[derive(Debug)]
pub struct Tuples {
    index: Index,
    width: usize,
    numbers: Vec<u32>,
    count: u32,
}

impl Tuples {
    /// No tuples yet.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self {
            index: Index::default(),
            width,
            numbers: Vec::new(),
            count: 0,
        }
    }

    /// Tuples that were kept; they can be looked up by number only.
    #[must_use]
    pub fn of(width: usize, numbers: Vec<u32>, count: u32) -> Self {
        Self {
            index: Index::default(),
            width,
            numbers,
            count,
        }
    }

    /// Number of the tuple with which `texts` begins, which is taken off them; `last` is that of the row
    /// before.
    #[inline]
    pub fn next_number(&mut self, last: u32, texts: &mut &[u32]) -> u32 {
        let (tuple, rest) = texts.split_at_checked(self.width).unwrap_or_default();
        *texts = rest;
        match tuple {
            [number] if *number < self.count => *number,
            // Rows that follow each other mostly share what they are of.
            _ if self.count > 0 && self.tuple(last).iter().eq(tuple) => last,
            _ => self.intern(tuple),
        }
    }

    /// Number of `tuple`, which has the width of all others.
    pub fn intern(&mut self, tuple: &[u32]) -> u32 {
        if let [number] = tuple {
            // Alone it is as good as a number of its own: a column counts its texts from 0.
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

    /// Numbers of `count` tuples, one behind the other.
    pub fn intern_all(&mut self, tuples: &[u32], count: u32) -> Vec<u32> {
        if self.width < 2 {
            return (0..count as usize)
                .map(|at| {
                    self.intern(
                        tuples
                            .get(at * self.width..(at + 1) * self.width)
                            .unwrap_or_default(),
                    )
                })
                .collect();
        }
        let mut numbers = Vec::with_capacity(count as usize);
        let width = self.width;
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
                // It may have come with this batch.
                numbers.push(found.unwrap_or_else(|| self.intern_hashed(tuple, hash)));
            }
        }
        numbers
    }

    /// The numbers of a tuple.
    #[must_use]
    pub fn tuple(&self, id: u32) -> &[u32] {
        tuple_at(&self.numbers, self.width, id)
    }

    /// Number of distinct tuples.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.count
    }

    /// True where nothing was interned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of memory in use.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.numbers.capacity() * size_of::<u32>() + self.index.footprint()
    }

    /// The numbers of all tuples, one behind the other.
    #[must_use]
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }
}

fn tuple_at(numbers: &[u32], width: usize, id: u32) -> &[u32] {
    let start = id as usize * width;
    numbers.get(start..start + width).unwrap_or_default()
}

fn number_of(count: usize) -> u32 {
    let number = u32::try_from(count).unwrap_or(u32::MAX);
    assert!(
        number != u32::MAX,
        "a run holds fewer than 2^32 distinct keys"
    );
    number
}

/// Numbers by hash. What they stand for is elsewhere; 32 bits of the hash stand beside each, so that
/// it is looked at only where it is most likely the one, and not at all when the table grows.
#[derive(Debug, Default)]
pub struct Index {
    hasher: DefaultHashBuilder,
    table: HashTable<(u32, u32)>,
}

impl Index {
    /// The hash under which something is kept.
    pub fn hash<T: std::hash::Hash + ?Sized>(&self, value: &T) -> u32 {
        let hash = self.hasher.hash_one(value).to_le_bytes();
        u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
    }

    /// The number that `is_it` among those of a hash.
    pub fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.table
            .find(spread(hash), |(known, id)| *known == hash && is_it(*id))
            .map(|(_, id)| *id)
    }

    /// Adds a number that is not there.
    pub fn insert(&mut self, hash: u32, id: u32) {
        self.table
            .insert_unique(spread(hash), (hash, id), |(hash, _)| spread(*hash));
    }

    /// Bytes of memory in use.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.table.allocation_size()
    }

    /// Removes a number.
    pub fn remove(&mut self, hash: u32, id: u32) {
        if let Ok(entry) = self
            .table
            .find_entry(spread(hash), |entry| *entry == (hash, id))
        {
            entry.remove();
        }
    }
}

/// The table takes its place from the low bits of a hash and its tag from the high ones.
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
