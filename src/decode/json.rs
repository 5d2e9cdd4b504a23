//! One JSON object to the cells of a row: keys in any case and spelling, numbers kept as the text
//! they came in, so that no digit passes through a float.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::model::dataset::{Dataset, Need, normalise};
use crate::model::reject::Rejection;
use crate::model::row::Cell;

/// Binds keys to columns, remembering those it has seen: rows of a file share their keys.
pub(super) struct Keys {
    dataset: Dataset,
    known: HashMap<String, Key>,
}

/// Column of a key, and what its values are hashed with.
type Key = (Option<usize>, u64);

/// Cells of an object, and the hash of all its values, numbers in text as numbers, in any order.
type Read<'a> = (Vec<Cell<'a>>, u64);

impl Keys {
    pub(super) fn new(dataset: Dataset) -> Self {
        Self { dataset, known: HashMap::new() }
    }

    fn slot(&mut self, key: &str) -> Key {
        if let Some(known) = self.known.get(key) {
            return *known;
        }
        let columns = self.dataset.columns();
        let slot = self.dataset.position_of(key).filter(|at| columns.get(*at).is_some_and(|column| column.need != Need::Unread));
        let known = (slot, xxh3_64(normalise(key).as_bytes()));
        // Hostile keys must not fill memory; a file has some 60 of them.
        if self.known.len() < 1_000 {
            self.known.insert(key.to_owned(), known);
        }
        known
    }

    /// Reads one object's text into cells.
    pub(super) fn cells<'a>(&mut self, object: &'a [u8]) -> Result<Read<'a>, Rejection> {
        let mut cells = vec![Cell::Missing; self.dataset.columns().len()];
        let (mut doubled, mut digest) = (None, 0);
        let mut deserializer = serde_json::Deserializer::from_slice(object);
        let read =
            deserializer.deserialize_map(ObjectVisitor { keys: self, cells: &mut cells, doubled: &mut doubled, digest: &mut digest });
        if let Err(error) = read.and_then(|()| deserializer.end()) {
            let reason = error.to_string().replace("line 1 column", "column");
            return Err(Rejection::new("", object, format!("a JSON object ({reason})")));
        }
        match doubled {
            Some(at) => {
                let name = self.dataset.columns().get(at).map_or("", |column| column.name);
                Err(Rejection::in_words(name, "the key twice", "each key once".to_owned()))
            }
            // 0 stands for none.
            None => Ok((cells, digest.max(1))),
        }
    }

    /// Needed values for which an object has no key at all.
    pub(super) fn lacking(&mut self, object: &[u8]) -> Option<(Vec<String>, Vec<&'static str>)> {
        let names: HashMap<String, &RawValue> = serde_json::from_slice(object).ok()?;
        let headings: Vec<String> = names.into_keys().collect();
        let bound: Vec<usize> = headings.iter().filter_map(|key| self.slot(key).0).collect();
        let columns = self.dataset.columns().iter().enumerate();
        let missing: Vec<&str> = columns.filter(|(at, c)| c.need == Need::Value && !bound.contains(at)).map(|(_, c)| c.name).collect();
        (!missing.is_empty()).then_some((headings, missing))
    }
}

struct ObjectVisitor<'k, 'c, 'a> {
    keys: &'k mut Keys,
    cells: &'c mut [Cell<'a>],
    doubled: &'c mut Option<usize>,
    digest: &'c mut u64,
}

impl<'a> Visitor<'a> for ObjectVisitor<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((slot, seed)) = map.next_key_seed(KeySeed(self.keys))? {
            let text = map.next_value::<&'a RawValue>()?.get();
            if !matches!(text, "null" | "\"\"") {
                *self.digest = self.digest.wrapping_add(xxh3_64_with_seed(text.trim_matches('"').as_bytes(), seed));
            }
            let Some(cell) = slot.and_then(|slot| self.cells.get_mut(slot)) else { continue };
            let value = raw_cell(text).map_err(serde::de::Error::custom)?;
            if *cell != Cell::Missing {
                *self.doubled = slot;
            }
            if value != Cell::Missing {
                *cell = value;
            }
        }
        Ok(())
    }
}

struct KeySeed<'k>(&'k mut Keys);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.slot(key))
    }
}

/// A JSON value's text as a cell: strings without quotes and escapes, null and "" as missing.
fn raw_cell(text: &str) -> Result<Cell<'_>, serde_json::Error> {
    match text.as_bytes() {
        b"null" | b"\"\"" => Ok(Cell::Missing),
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => Ok(Cell::Text(Cow::Borrowed(inner))),
        [b'"', ..] => Ok(Cell::Text(Cow::Owned(serde_json::from_str::<String>(text)?.into_bytes()))),
        other => Ok(Cell::Text(Cow::Borrowed(other))),
    }
}
