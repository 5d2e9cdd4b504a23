//! Tuples of raw cell bytes to small numbers: a row's keys are hashed as they came, and folded only
//! once for each distinct spelling.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::model::reject::Rejection;
use crate::model::row::Cell;

/// Ends a field in the arena; no byte of valid UTF-8.
const FIELD_END: u8 = 0xFF;

/// Distinct tuples of text fields, numbered in the order in which they came.
#[derive(Debug, Default)]
pub struct Interner {
    hasher: DefaultHashBuilder,
    table: HashTable<u32>,
    arena: Vec<u8>,
    ends: Vec<usize>,
}

impl Interner {
    /// Number of the tuple in `scratch`, which holds one field for each of `names` as
    /// [`Interner::write_field`] wrote them. The names are asked for only in an error.
    ///
    /// # Errors
    /// A [`Rejection`] where a field is not UTF-8 or holds a NUL byte.
    pub fn intern(&mut self, scratch: &[u8], names: impl ExactSizeIterator<Item = &'static str>) -> Result<u32, Rejection> {
        let hash = self.hasher.hash_one(scratch);
        let (arena, ends) = (&self.arena, &self.ends);
        if let Some(id) = self.table.find(hash, |id| tuple(arena, ends, *id) == scratch) {
            return Ok(*id);
        }
        check_fields(scratch, names)?;
        Ok(self.insert(hash, scratch))
    }

    fn insert(&mut self, hash: u64, scratch: &[u8]) -> u32 {
        let id = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        assert!(id != u32::MAX, "a unit holds fewer than 2^32 distinct keys");
        self.arena.extend_from_slice(scratch);
        self.ends.push(self.arena.len());
        let (arena, ends, hasher) = (&self.arena, &self.ends, &self.hasher);
        self.table.insert_unique(hash, id, |id| hasher.hash_one(tuple(arena, ends, *id)));
        id
    }

    /// Forgets the tuples that came after the first `count`.
    pub fn truncate(&mut self, count: u32) {
        for id in (count..self.len()).rev() {
            let (arena, ends) = (&self.arena, &self.ends);
            let hash = self.hasher.hash_one(tuple(arena, ends, id));
            if let Ok(entry) = self.table.find_entry(hash, |known| *known == id) {
                entry.remove();
            }
            self.ends.pop();
            self.arena.truncate(self.ends.last().copied().unwrap_or(0));
        }
    }

    /// Takes over every tuple of `other`; the result says which number each one has here.
    pub fn absorb(&mut self, other: &Self) -> Vec<u32> {
        (0..other.len())
            .map(|id| {
                let scratch = tuple(&other.arena, &other.ends, id);
                let hash = self.hasher.hash_one(scratch);
                let (arena, ends) = (&self.arena, &self.ends);
                let known = self.table.find(hash, |known| tuple(arena, ends, *known) == scratch).copied();
                known.unwrap_or_else(|| self.insert(hash, scratch))
            })
            .collect()
    }

    /// Number of distinct tuples.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    /// True where nothing was interned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The fields of a tuple, in order.
    pub fn fields(&self, id: u32) -> impl Iterator<Item = &str> {
        // Every field was checked to be UTF-8 before it was interned.
        tuple(&self.arena, &self.ends, id)
            .split_inclusive(|byte| *byte == FIELD_END)
            .map(|field| std::str::from_utf8(field.strip_suffix(&[FIELD_END]).unwrap_or(field)).unwrap_or_default())
    }

    /// Appends one cell to a tuple under construction.
    pub fn write_field(scratch: &mut Vec<u8>, cell: &Cell<'_>) {
        match cell {
            Cell::Missing => {}
            Cell::Text(text) => scratch.extend_from_slice(text),
            other => scratch.extend_from_slice(&other.bytes()),
        }
        scratch.push(FIELD_END);
    }
}

fn tuple<'a>(arena: &'a [u8], ends: &[usize], id: u32) -> &'a [u8] {
    let at = id as usize;
    let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    let end = ends.get(at).copied().unwrap_or(start);
    arena.get(start..end).unwrap_or_default()
}

fn check_fields(scratch: &[u8], names: impl ExactSizeIterator<Item = &'static str>) -> Result<(), Rejection> {
    let is_text = |field: &[u8]| std::str::from_utf8(field).is_ok() && !field.contains(&0);
    // A stray 0xFF inside a field would leave more fields than names.
    let ends = scratch.iter().filter(|byte| **byte == FIELD_END).count();
    if ends == names.len() && scratch.split(|byte| *byte == FIELD_END).all(is_text) {
        return Ok(());
    }
    for (field, name) in scratch.split(|byte| *byte == FIELD_END).zip(names) {
        if std::str::from_utf8(field).is_err() {
            return Err(Rejection::new(name, field, "UTF-8 text".to_owned()));
        }
        if field.contains(&0) {
            return Err(Rejection::new(name, field, "text without NUL bytes".to_owned()));
        }
    }
    Err(Rejection::new("", scratch, "UTF-8 text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple_of(fields: &[&[u8]]) -> Vec<u8> {
        let mut scratch = Vec::new();
        for field in fields {
            Interner::write_field(&mut scratch, &Cell::Text((*field).into()));
        }
        scratch
    }

    #[test]
    fn equal_tuples_share_a_number_and_borders_count() {
        let mut interner = Interner::default();
        let columns = ["A", "B"];
        let mut id = |fields: &[&[u8]]| interner.intern(&tuple_of(fields), columns.into_iter());
        assert_eq!(id(&[b"ab", b"c"]), Ok(0));
        assert_eq!(id(&[b"a", b"bc"]), Ok(1));
        assert_eq!(id(&[b"ab", b"c"]), Ok(0));
        assert_eq!(id(&[b"a\xffb", b"c"]).unwrap_err().wanted, "UTF-8 text");
        assert_eq!(id(&[b"a", b"b\0"]).unwrap_err().column, "B");
        assert_eq!(interner.fields(1).collect::<Vec<_>>(), ["a", "bc"]);
        interner.truncate(1);
        assert_eq!(interner.intern(&tuple_of(&[b"x", b"y"]), columns.into_iter()), Ok(1));
        assert_eq!(interner.intern(&tuple_of(&[b"a", b"bc"]), columns.into_iter()), Ok(2));
        assert_eq!(interner.intern(&tuple_of(&[b"ab", b"c"]), columns.into_iter()), Ok(0));
    }
}
