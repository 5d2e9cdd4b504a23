//! One JSON object to the cells of a row: keys in any case and spelling, numbers kept as the text
//! in which they came, so that no digit passes through a float.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::amendments::{self, AMENDS_OF};
use super::spelling::{Pairs, escapes_quotes_only};
use super::template::Template;
use super::value;
use crate::decode::input::ColumnChoice;
use crate::decode::row_block::RowBlock;
use crate::decode::sink::{Sink, SliceSink};
use crate::model::column_set::ColumnSet;
use crate::model::content::{ColumnContent, hash_of_name};
use crate::model::dataset::{Dataset, Need};
use crate::model::reject::Rejection;
use crate::model::row::{Cell, Place};

/// Keys that are remembered: 1,000. Files have some 60; hostile ones must not fill memory, and keys
/// beyond the limit are looked up each time.
const REMEMBERED_KEYS: usize = 1_000;

/// Keys that are documented beside the columns; see [`is_documented`].
const DOCUMENTED_KEYS: [&str; 8] = [
    "links",
    "attributes",
    "attributes/objectType",
    "invoiceLineItemType",
    // As some published answers spell it.
    "invoiceLineItemTypce",
    "billingProvider",
    "discountDetails",
    "hasPartnerEarnedCredit",
];

/// Objects in a row that did not fit the template: 16. Beyond that no template is tried in the
/// slice, for an export whose keys come in a different order on each line would pay for both ways
/// of reading.
const MISFIT_LIMIT: u32 = 16;

/// Keys of a dataset's objects, bound to its columns. It remembers the keys that it has met, and
/// the last object's keys as a template, for the objects of a file share their keys.
pub(super) struct Keys<'w> {
    dataset: Dataset,
    /// Columns that are handed over.
    columns: ColumnChoice<'w>,
    known: HashMap<String, BoundKey>,
    template: Template,
    /// Number of objects in a row that did not fit the template.
    misfits: u32,
    /// Number of objects that did not fit it, each of which may have filled other cells.
    all_misfits: u64,
    /// Keys that the dataset does not know. Noted when a key is met first, never for each object.
    unknown: BTreeSet<String>,
    /// Spelling of the last key that filled each column in the object that is read; 0 for none.
    filled_by: Vec<u64>,
}

/// A key, bound to a dataset.
#[derive(Clone, Copy)]
struct BoundKey {
    /// Position of its column; `None` if it is not read.
    slot: Option<usize>,
    /// Position of its column; `None` unless it is not read, but handed over.
    carried: Option<usize>,
    /// Hash of its name: one for all spellings of the key.
    name: u64,
    /// Part of its values in the content of a row; `None` if they are read, or have none.
    unread: Option<ColumnContent>,
    /// Hash of the key as it is spelt.
    spelling: u64,
}

impl<'w> Keys<'w> {
    /// Keys of a dataset, none of which was met yet.
    pub(super) fn new(dataset: Dataset, columns: ColumnChoice<'w>) -> Self {
        Self {
            dataset,
            columns,
            known: HashMap::new(),
            template: Template::default(),
            misfits: 0,
            all_misfits: 0,
            unknown: BTreeSet::new(),
            filled_by: vec![0; dataset.columns().len()],
        }
    }

    /// The keys that were met and that the dataset does not know; at most 1,000.
    pub(super) fn into_unknown(self) -> BTreeSet<String> {
        self.unknown
    }

    /// Begins a slice: the template gets another chance.
    pub(super) fn begin_slice(&mut self) {
        self.misfits = 0;
    }

    /// Rows for [`Keys::feed`]. Those that were made before are no longer fed.
    pub(super) fn new_block<'a>(&mut self) -> RowBlock<'a> {
        self.template.begin_cells();
        let carried = self.columns.carried.iter().copied().collect();
        RowBlock::new(self.dataset.columns().len(), carried)
    }

    /// Reads one object as the row at `place`, which goes to a sink with others of its block; see
    /// [`Keys::read`] for the rest. An invoice is followed by the amendments inside of it.
    pub(super) fn feed<'a, S: Sink>(
        &mut self,
        object: &'a [u8],
        block: &mut RowBlock<'a>,
        is_clean: bool,
        place: Place<'a>,
        sink: &mut SliceSink<'_, S>,
    ) {
        if self.dataset != Dataset::Invoices {
            return self.feed_one((object, None), block, is_clean, place, sink);
        }
        let documents = match amendments::documents(object) {
            Ok(documents) => documents,
            Err(rejection) => return sink.reject(place, rejection),
        };
        for document in &documents {
            // Cells of its own: they may borrow the id of the invoice around it.
            let mut block = self.new_block();
            let place = Place {
                text: document.text,
                ..place
            };
            let within = document.within.as_deref();
            self.feed_one((document.text, within), &mut block, is_clean, place, sink);
            sink.hand_over(&mut block);
        }
    }

    /// Reads one object; `within` is the id of the invoice around it, which it amends unless it says
    /// otherwise.
    fn feed_one<'a, S: Sink>(
        &mut self,
        (object, within): (&'a [u8], Option<&'a str>),
        block: &mut RowBlock<'a>,
        is_clean: bool,
        place: Place<'a>,
        sink: &mut SliceSink<'_, S>,
    ) {
        let cells = block.next(self.all_misfits);
        match self.read(object, cells, is_clean) {
            Ok((unread, changed)) => {
                if let Some(id) = within
                    && cells[AMENDS_OF].bytes().trim_ascii().is_empty()
                {
                    cells[AMENDS_OF] = Cell::Text(Cow::Borrowed(id.as_bytes()));
                }
                let place = Place { unread, ..place };
                sink.push(block, place, changed);
            }
            Err(rejection) => {
                sink.hand_over(block);
                reject(object, rejection, place, sink);
            }
        }
    }

    /// Reads one object's text into cells that [`RowBlock::next`] gave. Returns the content of the
    /// values that are not read, or 0 if none is wanted, and the columns among theirs whose cells may
    /// not be those of the row before. `is_clean` is true if the text is UTF-8 without control
    /// characters.
    fn read<'a>(
        &mut self,
        object: &'a [u8],
        cells: &mut [Cell<'a>],
        is_clean: bool,
    ) -> Result<(u64, ColumnSet), Rejection> {
        let tries_template = is_clean && self.misfits < MISFIT_LIMIT;
        let with_content = self.columns.is_whole();
        if tries_template && let Some(unread) = self.template.read(object, cells, with_content) {
            self.misfits = 0;
            return Ok(unread);
        }
        self.misfits = self.misfits.saturating_add(1);
        self.all_misfits += 1;
        // The template may have filled cells before it met the key that did not fit.
        cells.fill(Cell::Missing);
        self.filled_by.fill(0);
        self.template.clear();
        let read = self.read_by_serde(object, cells, tries_template);
        // A broken object must not be the measure of the next one.
        if read.is_err() || !self.template.has_each_name_once() {
            self.template.clear();
        }
        Ok((read?, ColumnSet::ALL))
    }

    /// Reads any object; with `learns` its keys become the template.
    fn read_by_serde<'a>(
        &mut self,
        object: &'a [u8],
        cells: &mut [Cell<'a>],
        learns: bool,
    ) -> Result<u64, Rejection> {
        let (mut repeated, mut unread) = (None, UnreadValues::default());
        let with_content = self.columns.is_whole();
        let mut deserializer = serde_json::Deserializer::from_slice(object);
        let visitor = ObjectVisitor {
            keys: self,
            cells,
            repeated: &mut repeated,
            unread: with_content.then_some(&mut unread),
            learns,
        };
        let read = deserializer.deserialize_map(visitor);
        if let Err(error) = read.and_then(|()| deserializer.end()) {
            // Each object is parsed by itself, so its line is always the first.
            let reason = error.to_string().replace("line 1 column", "column");
            return Err(Rejection::new(
                "",
                object,
                format!("a JSON object ({reason})"),
            ));
        }
        match repeated {
            Some(slot) => Err(Rejection::in_words(
                self.dataset.columns()[slot].name,
                "the key twice",
                "each key once".to_owned(),
            )),
            None if unread.has_a_name_twice() => Ok(content_by_spelling(object)),
            None => Ok(unread.sum),
        }
    }

    /// The names of an object's keys, and those of the values that every row needs but for which
    /// the object has no key; `None` if it lacks none, or is no object.
    pub(super) fn missing(&mut self, object: &[u8]) -> Option<(Vec<String>, Vec<&'static str>)> {
        let values: HashMap<String, &RawValue> = serde_json::from_slice(object).ok()?;
        let names: Vec<String> = values.into_keys().collect();
        let bound: Vec<usize> = names.iter().filter_map(|key| self.bind(key).slot).collect();
        // Only values that no row may lack: an object may leave out a key that has no value.
        let columns = self.dataset.columns().iter().enumerate();
        let missing: Vec<&str> = columns
            .filter(|(at, column)| column.need == Need::Value && !bound.contains(at))
            .map(|(_, column)| column.name)
            .collect();
        (!missing.is_empty()).then_some((names, missing))
    }

    fn bind(&mut self, key: &str) -> BoundKey {
        if let Some(known) = self.known.get(key) {
            return *known;
        }
        let columns = self.dataset.columns();
        let position = self.dataset.position_of(key);
        let slot = position
            .filter(|slot| columns[*slot].need != Need::Unread && self.columns.reads(*slot));
        let is_read = position.is_some_and(|at| columns[at].need != Need::Unread);
        // Both come from the column, so that a row has one content under every spelling of its keys
        // (`model::domain::quirks`, JSON of the API 5).
        let bound = BoundKey {
            slot,
            carried: position.filter(|at| !is_read && self.columns.carries(*at)),
            name: hash_of_name(self.dataset, key),
            unread: match is_read {
                true => None,
                false => ColumnContent::unread(self.dataset, key, 0),
            },
            // 0 stands for no key.
            spelling: xxh3_64(key.as_bytes()).max(1),
        };
        if self.known.len() < REMEMBERED_KEYS {
            self.known.insert(key.to_owned(), bound);
            if position.is_none() && !is_documented(key) {
                self.unknown.insert(key.to_owned());
            }
        }
        bound
    }
}

/// Rejects an object that cannot be read.
fn reject<S: Sink>(
    object: &[u8],
    rejection: Rejection,
    place: Place<'_>,
    sink: &mut SliceSink<'_, S>,
) {
    // Each of several rows on one line is rejected: one rejection would make them look like one row.
    match rows_in(object) {
        0 | 1 => sink.reject(place, rejection),
        rows => {
            let found = format!("{rows} rows on one line");
            let wanted = "one JSON object on each line".to_owned();
            let rejection = Rejection::in_words("", &found, wanted);
            (0..rows).for_each(|_| sink.reject(place, rejection.clone()));
        }
    }
}

/// Number of rows in a text: its JSON values, and for an array the objects in it. 0 for a text in
/// which anything is broken.
fn rows_in(text: &[u8]) -> usize {
    let values = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    let rows = values.map(|value| {
        let value = value.ok()?.get();
        // `null` and the like are one row that is none, and so is an array without rows.
        let Ok(inner) = serde_json::from_str::<Vec<&RawValue>>(value) else {
            return Some(1);
        };
        let objects = inner.iter().filter(|row| row.get().starts_with('{'));
        Some(objects.count().max(1))
    });
    rows.sum::<Option<usize>>().unwrap_or(0)
}

/// True for keys that Partner Center puts beside the columns of a dataset, in its documentation and
/// in all its answers ([resources §C](crate::model::domain::resources)): they are no drift.
fn is_documented(key: &str) -> bool {
    DOCUMENTED_KEYS
        .iter()
        .any(|known| key.eq_ignore_ascii_case(known))
}

/// The values of an object that are not read, while they are met.
#[derive(Default)]
struct UnreadValues {
    /// Sum of the values' parts, so that the order of the keys does not matter.
    sum: u64,
    /// Hashes of the names of the values that are not missing.
    names: Vec<u64>,
}

impl UnreadValues {
    fn add(&mut self, value: &[u8], name: u64, column: &ColumnContent) {
        let part = value::part_of(value, escapes_quotes_only(value), column);
        if part != 0 {
            self.sum = self.sum.wrapping_add(part);
            self.names.push(name);
        }
    }

    /// True if two values have one name, as `Foo` and `foo`: the sum does not say which is whose.
    fn has_a_name_twice(&mut self) -> bool {
        self.names.sort_unstable();
        self.names.windows(2).any(|pair| pair[0] == pair[1])
    }
}

/// Content of an object that has a name twice, by the keys as they are spelt and, of one spelling,
/// by their order.
fn content_by_spelling(object: &[u8]) -> u64 {
    let Ok(Pairs(pairs)) = serde_json::from_slice::<Pairs<'_>>(object) else {
        return xxh3_64(object);
    };
    let mut met: HashMap<&str, u64> = HashMap::new();
    let hashes = pairs.iter().map(|(key, text)| {
        let number = met.entry(key).or_default();
        *number += 1;
        let text = text.get().as_bytes();
        let column = ColumnContent::spelt(key, *number);
        value::part_of(text, escapes_quotes_only(text), &column)
    });
    hashes.fold(0, u64::wrapping_add)
}

/// Fills cells from an object's values as serde meets them.
struct ObjectVisitor<'k, 'w, 'c, 'a> {
    keys: &'k mut Keys<'w>,
    cells: &'c mut [Cell<'a>],
    /// Column for which two keys have a value, or that has one key twice.
    repeated: &'c mut Option<usize>,
    /// `None` where no content is wanted.
    unread: Option<&'c mut UnreadValues>,
    learns: bool,
}

impl<'a> Visitor<'a> for ObjectVisitor<'_, '_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(KeySeed(self.keys, self.learns))? {
            let text = map.next_value::<&'a RawValue>()?.get().as_bytes();
            if let (Some(unread), Some(column)) = (&mut self.unread, &key.unread) {
                unread.add(text, key.name, column);
            }
            if let Some(at) = key.carried {
                self.cells[at] = value::carried_cell(text);
            }
            let Some(slot) = key.slot else {
                continue;
            };
            let value = value::cell_of(text).map_err(serde::de::Error::custom)?;
            // One name twice always clashes: other readers would take the last one, whatever it
            // says.
            let spelt_before = std::mem::replace(&mut self.keys.filled_by[slot], key.spelling);
            if spelt_before == key.spelling {
                *self.repeated = Some(slot);
            }
            // Two names of one column clash only if both have a value.
            if value == Cell::Missing {
                continue;
            }
            let cell = &mut self.cells[slot];
            if *cell != Cell::Missing {
                *self.repeated = Some(slot);
            }
            *cell = value;
        }
        Ok(())
    }
}

/// Binds a key without a copy of its text; true if the key belongs to the template that is learnt.
struct KeySeed<'k, 'w>(&'k mut Keys<'w>, bool);

impl<'de> DeserializeSeed<'de> for KeySeed<'_, '_> {
    type Value = BoundKey;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_, '_> {
    type Value = BoundKey;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        let bound = self.0.bind(key);
        if self.1 {
            self.0
                .template
                .push(key, [bound.slot, bound.carried], (bound.name, bound.unread));
        }
        Ok(bound)
    }
}
