//! Items to rows of typed columns: nested keys are found by their path, in any case and spelling.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::item::{Item, object};
use super::value::{Value, text_of, typed};
use crate::model::dataset::normalise;
use crate::model::record::{RecordColumn, RecordSet};
use crate::model::reject::Rejection;

/// Depth to which objects in objects are searched: 8. Only hostile ones go deeper.
const DEPTH_LIMIT: usize = 8;
/// Paths that are remembered, known and unknown: 1,000 of each, so that hostile keys cannot fill
/// memory.
const PATHS_LIMIT: usize = 1_000;
/// Keys of no use in a table, wherever they stand; they do not count as unknown.
const IGNORED_KEYS: [&str; 4] = ["links", "link", "attributes", "customerspendingbudget"];

/// Reason why an item is no row.
pub(super) enum Fault {
    /// Its `objectType`, which says that it belongs to another set.
    Foreign(String),
    /// None of the set's columns is in it.
    Unknown,
    /// One of its values cannot be used.
    Row(Rejection),
}

/// A row, with what is added to the totals.
pub(super) struct TypedRow<'r> {
    /// Value of each column, in the order of the set.
    pub(super) values: &'r [Value],
    /// Names of the columns that are summed, with their values in units of the column's last
    /// decimal.
    pub(super) measures: Vec<(String, i128)>,
    /// Currency of the measures, in upper case; empty where the set or the row has none.
    pub(super) currency: String,
}

/// Reader of the items of one set.
pub(super) struct ItemReader {
    pub(super) set: &'static RecordSet,
    columns: Vec<RecordColumn>,
    /// Column of each path that was met, for items share their keys; `None` for an unknown path.
    known: HashMap<String, Option<usize>>,
    /// Values of the row that is read.
    values: Vec<Value>,
    /// Paths that are no column, and how often they were met.
    unknown: BTreeMap<String, u64>,
    /// Number of rows that became typed rows.
    pub(super) taken: u64,
    /// Number of values that had more decimals than their column.
    pub(super) rounded: u64,
}

/// Findings of a walk through an item.
#[derive(Default)]
struct Walk {
    /// True if any column has a value.
    is_filled: bool,
    object_type: Option<String>,
}

impl ItemReader {
    /// A reader that has met no item.
    pub(super) fn new(set: &'static RecordSet) -> Self {
        Self {
            set,
            columns: set.columns(),
            known: HashMap::new(),
            values: Vec::new(),
            unknown: BTreeMap::new(),
            taken: 0,
            rounded: 0,
        }
    }

    /// Paths that are no column of the set, and how often they were met.
    pub(super) fn into_unknown(self) -> BTreeMap<String, u64> {
        self.unknown
    }

    /// Reads one item as a row of the set.
    pub(super) fn read(&mut self, item: &Item<'_>) -> Result<TypedRow<'_>, Fault> {
        self.values.clear();
        self.values.resize(self.columns.len(), Value::Missing);
        let mut walk = Walk::default();
        self.walk("", item, 0, &mut walk)?;
        // Before the columns: sets share keys, so that an item of another set may well fill some.
        if let Some(found) = walk.object_type
            && self.is_foreign(&found)
        {
            return Err(Fault::Foreign(found));
        }
        if !walk.is_filled {
            return Err(Fault::Unknown);
        }
        let mut measures = Vec::new();
        let mut currency = String::new();
        for (column, value) in self.columns.iter().zip(&self.values) {
            match value {
                Value::Missing if column.is_needed => {
                    let wanted = "a value".to_owned();
                    let rejection = Rejection::in_words(&column.name, "nothing", wanted);
                    return Err(Fault::Row(rejection));
                }
                Value::Decimal(value) if column.is_measure => {
                    measures.push((column.name.clone(), *value));
                }
                Value::Text(text) if column.name == self.set.currency => {
                    currency = text.to_uppercase();
                }
                _ => {}
            }
        }
        self.taken += 1;
        Ok(TypedRow {
            values: &self.values,
            measures,
            currency,
        })
    }

    /// True if an object type is that of another set. One published sample has the type of its
    /// collection on its last item, so that type is taken for any.
    fn is_foreign(&self, object_type: &str) -> bool {
        let own = self.set.object_types;
        !own.is_empty() && object_type != "Collection" && !own.contains(&object_type)
    }

    /// Fills columns from an object's keys, and from those of the objects in it whose own path is
    /// no column.
    fn walk(
        &mut self,
        prefix: &str,
        item: &[(Cow<'_, str>, Cow<'_, str>)],
        depth: usize,
        walk: &mut Walk,
    ) -> Result<(), Fault> {
        for (key, raw) in item {
            let path = if prefix.is_empty() {
                key.to_string()
            } else {
                format!("{prefix}.{key}")
            };
            match self.column_of(&path) {
                Some(at) => {
                    walk.is_filled |= self.fill(at, raw)?;
                    if self.columns[at].name == "object_type" {
                        // The column has taken it, so that it is a text.
                        walk.object_type = text_of(raw).ok().flatten();
                    }
                }
                // An object that is a column of its own, kept as JSON, is not searched.
                None if raw.starts_with('{') && depth < DEPTH_LIMIT => {
                    let inner = object(raw).map_err(|error| {
                        let wanted = "a JSON object".to_owned();
                        Fault::Row(Rejection::in_words(&path, &error, wanted))
                    })?;
                    self.walk(&path, &inner, depth + 1, walk)?;
                }
                None => self.note_unknown(&path),
            }
        }
        Ok(())
    }

    /// Fills a column; true if there is a value. Of several spellings of a key the first value
    /// stands.
    fn fill(&mut self, at: usize, raw: &str) -> Result<bool, Fault> {
        let (value, is_rounded) = typed(&self.columns[at], raw).map_err(Fault::Row)?;
        self.rounded += u64::from(is_rounded);
        let is_there = value != Value::Missing;
        if is_there && self.values[at] == Value::Missing {
            self.values[at] = value;
        }
        Ok(is_there)
    }

    fn column_of(&mut self, path: &str) -> Option<usize> {
        if let Some(column) = self.known.get(path) {
            return *column;
        }
        let plain = path.split('.').map(normalise).collect::<Vec<_>>().join(".");
        let column = self
            .columns
            .iter()
            .position(|column| column.paths.contains(&plain));
        if self.known.len() < PATHS_LIMIT {
            self.known.insert(path.to_owned(), column);
        }
        column
    }

    fn note_unknown(&mut self, path: &str) {
        if path
            .split('.')
            .any(|step| IGNORED_KEYS.contains(&normalise(step).as_str()))
        {
            return;
        }
        if let Some(count) = self.unknown.get_mut(path) {
            *count += 1;
        } else if self.unknown.len() < PATHS_LIMIT {
            self.unknown.insert(path.to_owned(), 1);
        }
    }
}
