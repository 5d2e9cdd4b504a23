//! One JSON object to the cells of a row: keys in any case and spelling, numbers kept as the text
//! they came in, so that no digit passes through a float.

use std::collections::HashMap;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::template::{self, Template};
use crate::model::dataset::{Dataset, Need, normalise};
use crate::model::reject::Rejection;
use crate::model::row::Cell;

/// Binds keys to columns, remembering those it has seen: rows of a file share their keys.
pub(crate) struct Keys<'w> {
    dataset: Dataset,
    /// Which columns are looked at; all that are read where none are given.
    wanted: Option<&'w [usize]>,
    known: HashMap<String, Key>,
    template: Template,
    /// Objects in a row that did not fit the template.
    misfits: u32,
}

/// Column of a key, and what its values are hashed with.
type Key = (Option<usize>, u64);

/// After so many objects that did not fit, no template is tried any more.
const MISFIT_LIMIT: u32 = 16;

impl<'w> Keys<'w> {
    pub(crate) fn new(dataset: Dataset, wanted: Option<&'w [usize]>) -> Self {
        Self {
            dataset,
            wanted,
            known: HashMap::new(),
            template: Template::default(),
            misfits: 0,
        }
    }

    fn slot(&mut self, key: &str) -> Key {
        if let Some(known) = self.known.get(key) {
            return *known;
        }
        let columns = self.dataset.columns();
        let is_read = |at: &usize| {
            columns
                .get(*at)
                .is_some_and(|column| column.need != Need::Unread)
                && self.wanted.is_none_or(|wanted| wanted.contains(at))
        };
        let slot = self.dataset.position_of(key).filter(is_read);
        let known = (slot, xxh3_64(normalise(key).as_bytes()));
        // Hostile keys must not fill memory; a file has some 60 of them.
        if self.known.len() < 1_000 {
            self.known.insert(key.to_owned(), known);
        }
        known
    }

    /// Begins with fresh cells: what the template filled is not in them.
    pub(crate) fn begin(&mut self) {
        self.misfits = 0;
    }

    /// Cells for [`Keys::read`].
    pub(crate) fn no_cells<'a>(&self) -> Vec<Cell<'a>> {
        vec![Cell::Missing; self.dataset.columns().len()]
    }

    /// Reads one object's text into cells, which hold what this read into them before; the hash of
    /// all its values, numbers in text as numbers, in any order. `is_clean` says that the text is UTF-8
    /// without control characters.
    pub(crate) fn read<'a>(
        &mut self,
        object: &'a [u8],
        cells: &mut [Cell<'a>],
        is_clean: bool,
    ) -> Result<u64, Rejection> {
        let tries = is_clean && self.misfits < MISFIT_LIMIT;
        if tries && let Some(digest) = self.template.read(object, cells, self.wanted.is_none()) {
            self.misfits = 0;
            return Ok(digest.max(1));
        }
        self.misfits = self.misfits.saturating_add(1);
        cells.fill(Cell::Missing);
        self.template.clear();
        let read = self.read_any(object, cells, tries);
        if read.is_err() || !self.template.is_plain() {
            self.template.clear();
        }
        read
    }

    fn read_any<'a>(
        &mut self,
        object: &'a [u8],
        cells: &mut [Cell<'a>],
        learns: bool,
    ) -> Result<u64, Rejection> {
        let (mut doubled, mut digest) = (None, 0);
        let mut deserializer = serde_json::Deserializer::from_slice(object);
        let visitor = ObjectVisitor {
            keys: self,
            cells,
            doubled: &mut doubled,
            digest: &mut digest,
            learns,
        };
        let read = deserializer.deserialize_map(visitor);
        if let Err(error) = read.and_then(|()| deserializer.end()) {
            let reason = error.to_string().replace("line 1 column", "column");
            return Err(Rejection::new(
                "",
                object,
                format!("a JSON object ({reason})"),
            ));
        }
        match doubled {
            Some(at) => {
                let name = self
                    .dataset
                    .columns()
                    .get(at)
                    .map_or("", |column| column.name);
                Err(Rejection::in_words(
                    name,
                    "the key twice",
                    "each key once".to_owned(),
                ))
            }
            // 0 stands for none.
            None => Ok(digest.max(1)),
        }
    }

    /// Needed values for which an object has no key at all.
    pub(crate) fn lacking(&mut self, object: &[u8]) -> Option<(Vec<String>, Vec<&'static str>)> {
        let names: HashMap<String, &RawValue> = serde_json::from_slice(object).ok()?;
        let headings: Vec<String> = names.into_keys().collect();
        let bound: Vec<usize> = headings.iter().filter_map(|key| self.slot(key).0).collect();
        let columns = self.dataset.columns().iter().enumerate();
        let missing: Vec<&str> = columns
            .filter(|(at, c)| c.need == Need::Value && !bound.contains(at))
            .map(|(_, c)| c.name)
            .collect();
        (!missing.is_empty()).then_some((headings, missing))
    }
}

struct ObjectVisitor<'k, 'w, 'c, 'a> {
    keys: &'k mut Keys<'w>,
    cells: &'c mut [Cell<'a>],
    doubled: &'c mut Option<usize>,
    digest: &'c mut u64,
    learns: bool,
}

impl<'a> Visitor<'a> for ObjectVisitor<'_, '_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((slot, seed)) = map.next_key_seed(KeySeed(self.keys, self.learns))? {
            let text = map.next_value::<&'a RawValue>()?.get();
            *self.digest = self
                .digest
                .wrapping_add(template::hash(text.as_bytes(), seed));
            let Some(cell) = slot.and_then(|slot| self.cells.get_mut(slot)) else {
                continue;
            };
            let value = template::cell_of(text.as_bytes()).map_err(serde::de::Error::custom)?;
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

struct KeySeed<'k, 'w>(&'k mut Keys<'w>, bool);

impl<'de> DeserializeSeed<'de> for KeySeed<'_, '_> {
    type Value = Key;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_, '_> {
    type Value = Key;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        let (slot, seed) = self.0.slot(key);
        if self.1 {
            self.0.template.push(key, slot, seed);
        }
        Ok((slot, seed))
    }
}
