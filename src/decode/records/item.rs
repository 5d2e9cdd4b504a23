//! One JSON object to the typed columns of a set: nested keys by their path, in any case and
//! spelling, numbers from their text.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDateTime};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Value;
use crate::model::dataset::normalise;
use crate::model::decimal::{self, NumberFault};
use crate::model::period::parse_day;
use crate::model::record::{RecordColumn, RecordSet, RecordType, Shape};
use crate::model::reject::Rejection;

/// Objects in objects: hostile ones go deeper.
const DEPTH_LIMIT: usize = 8;
/// Of keys that are no column, so many are remembered.
const UNKNOWN_LIMIT: usize = 1_000;
/// Keys of every object, of no use in a table, wherever they stand.
const PLUMBING: [&str; 4] = ["links", "link", "attributes", "customerspendingbudget"];

/// Keys and raw values of an object, and of those it lies in.
pub(super) type Item<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Why an item is no row.
pub(super) enum Fault {
    /// It says that it is something else.
    Foreign(String),
    /// It has nothing of the set.
    Unknown,
    /// A value cannot be used.
    Row(Rejection),
}

/// A row, its measures, and their currency.
pub(super) struct Typed<'r> {
    pub(super) values: &'r [Value],
    pub(super) measures: Vec<(String, i128)>,
    pub(super) currency: String,
}

/// Reads items of a set.
pub(super) struct Reader {
    pub(super) set: &'static RecordSet,
    columns: Vec<RecordColumn>,
    /// Where a path leads; remembered, for items share their keys.
    known: HashMap<String, Option<usize>>,
    values: Vec<Value>,
    unknown: BTreeMap<String, u64>,
    pub(super) taken: u64,
    pub(super) rounded: u64,
}

impl Reader {
    pub(super) fn new(set: &'static RecordSet) -> Self {
        let columns = set.columns();
        Self {
            set,
            columns,
            known: HashMap::new(),
            values: Vec::new(),
            unknown: BTreeMap::new(),
            taken: 0,
            rounded: 0,
        }
    }

    pub(super) fn unknown(&mut self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.unknown)
    }

    /// Reads one item.
    pub(super) fn read(&mut self, item: &Item<'_>) -> Result<Typed<'_>, Fault> {
        self.values.clear();
        self.values.resize(self.columns.len(), Value::Missing);
        let mut filled = 0;
        let mut object_type = None;
        self.walk("", item, 0, &mut filled, &mut object_type)?;
        // A published sample has the collection's mark on its last item.
        let contradicts = |found: &String| {
            found != "Collection" && !self.set.object_types.contains(&found.as_str())
        };
        if let Some(found) =
            object_type.filter(|found| !self.set.object_types.is_empty() && contradicts(found))
        {
            return Err(Fault::Foreign(found));
        }
        if filled == 0 {
            return Err(Fault::Unknown);
        }
        let mut measures = Vec::new();
        let mut currency = String::new();
        for (column, value) in self.columns.iter().zip(&self.values) {
            match value {
                Value::Missing if column.is_needed => {
                    return Err(Fault::Row(Rejection::in_words(
                        &column.name,
                        "nothing",
                        "a value".to_owned(),
                    )));
                }
                Value::Decimal(value) if column.is_measure => {
                    measures.push((column.name.clone(), *value))
                }
                Value::Text(text) if column.name == self.set.currency => {
                    currency = text.to_uppercase()
                }
                _ => {}
            }
        }
        self.taken += 1;
        Ok(Typed {
            values: &self.values,
            measures,
            currency,
        })
    }

    fn walk(
        &mut self,
        prefix: &str,
        item: &[(Cow<'_, str>, Cow<'_, str>)],
        depth: usize,
        filled: &mut u64,
        object_type: &mut Option<String>,
    ) -> Result<(), Fault> {
        for (key, raw) in item {
            let path = if prefix.is_empty() {
                key.to_string()
            } else {
                format!("{prefix}.{key}")
            };
            let slot = self.slot(&path);
            let is_object = raw.starts_with('{');
            match slot {
                Some(at) => {
                    if self.fill(at, raw)? {
                        *filled += 1;
                    }
                    if self
                        .columns
                        .get(at)
                        .is_some_and(|column| column.name == "object_type")
                    {
                        *object_type = text_of(raw);
                    }
                }
                None if is_object && depth < DEPTH_LIMIT => {
                    let inner = pairs(raw).map_err(|error| {
                        Fault::Row(Rejection::in_words(
                            &path,
                            &error,
                            "a JSON object".to_owned(),
                        ))
                    })?;
                    self.walk(&path, &inner, depth + 1, filled, object_type)?;
                }
                None => self.note(&path),
            }
        }
        Ok(())
    }

    fn note(&mut self, path: &str) {
        if path
            .split('.')
            .any(|step| PLUMBING.contains(&normalise(step).as_str()))
        {
            return;
        }
        if let Some(count) = self.unknown.get_mut(path) {
            *count += 1;
        } else if self.unknown.len() < UNKNOWN_LIMIT {
            self.unknown.insert(path.to_owned(), 1);
        }
    }

    fn slot(&mut self, path: &str) -> Option<usize> {
        if let Some(slot) = self.known.get(path) {
            return *slot;
        }
        let plain = path.split('.').map(normalise).collect::<Vec<_>>().join(".");
        let slot = self
            .columns
            .iter()
            .position(|column| column.paths.contains(&plain));
        if self.known.len() < UNKNOWN_LIMIT {
            self.known.insert(path.to_owned(), slot);
        }
        slot
    }

    /// Fills a column; whether there was something. The first of several spellings stands.
    fn fill(&mut self, at: usize, raw: &str) -> Result<bool, Fault> {
        let (Some(column), Some(slot)) = (self.columns.get(at), self.values.get_mut(at)) else {
            return Ok(false);
        };
        let typed = typed(column, raw, &mut self.rounded).map_err(Fault::Row)?;
        let is_there = typed != Value::Missing;
        if is_there && *slot == Value::Missing {
            *slot = typed;
        }
        Ok(is_there)
    }
}

/// A JSON value's text: strings without quotes and escapes; nothing for null and "".
fn text_of(raw: &str) -> Option<String> {
    match raw {
        "null" | "\"\"" => None,
        quoted if quoted.starts_with('"') => serde_json::from_str(quoted).ok(),
        other => Some(other.to_owned()),
    }
}

fn typed(column: &RecordColumn, raw: &str, rounded: &mut u64) -> Result<Value, Rejection> {
    let Some(text) = text_of(raw) else {
        return Ok(Value::Missing);
    };
    let wrong = |wanted: &str| Rejection::new(&column.name, text.as_bytes(), wanted.to_owned());
    Ok(match column.record_type {
        RecordType::Text | RecordType::Json => Value::Text(text),
        RecordType::Decimal(scale) => match decimal::parse(text.trim().as_bytes(), scale) {
            Ok(parsed) => {
                *rounded += u64::from(parsed.rounded);
                Value::Decimal(parsed.value)
            }
            Err(NumberFault::Empty) => Value::Missing,
            Err(NumberFault::TooLarge) => {
                return Err(wrong(&format!("a number below 10^{}", 38 - scale)));
            }
            Err(_) => return Err(wrong("a decimal number, as `1234.56`")),
        },
        RecordType::Date => match parse_day(text.as_bytes()) {
            Ok(day) => day.map_or(Value::Missing, Value::Day),
            Err(_) => return Err(wrong("a date, as `2026-10-31`")),
        },
        RecordType::Timestamp => {
            instant(&text).ok_or_else(|| wrong("an instant, as `2026-10-31T12:00:00Z`"))?
        }
        // Whole numbers appear as `24.0`.
        RecordType::Integer => match decimal::parse(text.trim().as_bytes(), 0) {
            Ok(parsed) if !parsed.rounded => {
                Value::Integer(i64::try_from(parsed.value).map_err(|_| wrong("a whole number"))?)
            }
            Err(NumberFault::Empty) => Value::Missing,
            _ => return Err(wrong("a whole number")),
        },
        RecordType::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            _ => return Err(wrong("`true` or `false`")),
        },
    })
}

/// An instant in any of the published forms; without a zone it is UTC. Year 1 stands for none.
fn instant(text: &str) -> Option<Value> {
    let text: String = text.chars().filter(|c| *c != ' ').collect();
    if text.starts_with("0001-") {
        return Some(Value::Missing);
    }
    let zoned = DateTime::parse_from_rfc3339(&text).map(|instant| instant.timestamp_micros());
    let plain = || {
        NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f")
            .map(|instant| instant.and_utc().timestamp_micros())
    };
    let day = || {
        parse_day(text.as_bytes())
            .ok()
            .flatten()
            .map(|day| i64::from(day) * 86_400_000_000)
    };
    zoned
        .ok()
        .or_else(|| plain().ok())
        .or_else(day)
        .map(Value::Instant)
}

/// Keys and raw values of an object, in their order.
fn pairs(text: &str) -> Result<Item<'_>, String> {
    struct Pairs;
    impl<'a> Visitor<'a> for Pairs {
        type Value = Item<'a>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = Vec::new();
            while let Some((key, value)) = map.next_entry::<Cow<'a, str>, &'a RawValue>()? {
                found.push((key, Cow::Borrowed(value.get())));
            }
            Ok(found)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let found = deserializer
        .deserialize_map(Pairs)
        .and_then(|found| deserializer.end().map(|()| found));
    found.map_err(|error| error.to_string())
}

fn list(raw: &str) -> Result<Vec<&RawValue>, String> {
    serde_json::from_str(raw).map_err(|error| error.to_string())
}

fn named<'i>(item: &'i Item<'_>, name: &str) -> Option<&'i str> {
    item.iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, raw)| raw.as_ref())
}

/// The rows of one item: itself, or what it holds.
pub(super) fn expand(shape: Shape, text: &str) -> Result<Vec<Item<'_>>, String> {
    let item = pairs(text)?;
    match shape {
        Shape::Items => Ok(vec![item]),
        Shape::RateCard => rate_card(&item),
        Shape::Invoices => nested(item, "amendments"),
        Shape::Balances => {
            let details = named(&item, "details").unwrap_or("[]").to_owned();
            let mut rows = vec![
                item.into_iter()
                    .filter(|(key, _)| !key.eq_ignore_ascii_case("details"))
                    .collect(),
            ];
            for detail in list(&details)? {
                let detail = owned(pairs(detail.get())?);
                let kind = named(&detail, "invoiceType").unwrap_or("null").to_owned();
                let mut row = owned(pairs(named(&detail, "summary").unwrap_or("{}"))?);
                row.push((Cow::Borrowed("invoiceType"), Cow::Owned(kind)));
                rows.push(row);
            }
            Ok(rows)
        }
    }
}

fn owned(item: Item<'_>) -> Item<'static> {
    item.into_iter()
        .map(|(key, raw)| (Cow::Owned(key.into_owned()), Cow::Owned(raw.into_owned())))
        .collect()
}

/// An item, and those of the same kind that it holds.
fn nested<'a>(item: Item<'a>, name: &str) -> Result<Vec<Item<'a>>, String> {
    let inner = named(&item, name).unwrap_or("[]").to_owned();
    let mut rows = vec![
        item.into_iter()
            .filter(|(key, _)| !key.eq_ignore_ascii_case(name))
            .collect(),
    ];
    for item in list(&inner)? {
        rows.extend(nested(owned(pairs(item.get())?), name)?);
    }
    Ok(rows)
}

/// A row for each tier of each meter, and one for each offer term.
fn rate_card<'a>(card: &Item<'a>) -> Result<Vec<Item<'a>>, String> {
    let of_card = |name: &str| {
        let found = card.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(key, raw)| (Cow::Owned(key.to_string()), Cow::Owned(raw.to_string())))
    };
    let mut head: Item<'static> = ["locale", "currency", "isTaxIncluded"]
        .into_iter()
        .filter_map(of_card)
        .collect();
    if let Some(attributes) = of_card("attributes") {
        head.push(attributes);
    }
    let kind = |kind: &str| (Cow::Borrowed("rowKind"), Cow::Owned(format!("\"{kind}\"")));
    let mut rows: Vec<Item<'a>> = Vec::new();
    let Some(meters) = named(card, "meters") else {
        return Ok(vec![owned(card.clone())]);
    };
    for meter in list(meters)? {
        let meter = owned(pairs(meter.get())?);
        let tiers = owned(pairs(named(&meter, "rates").unwrap_or("{}"))?);
        for (tier, rate) in tiers {
            let mut row = head.clone();
            row.push(kind("meter"));
            row.extend(
                meter
                    .iter()
                    .filter(|(key, _)| !key.eq_ignore_ascii_case("rates"))
                    .cloned(),
            );
            row.push((Cow::Borrowed("tierFrom"), Cow::Owned(format!("\"{tier}\""))));
            row.push((Cow::Borrowed("rate"), rate));
            rows.push(row);
        }
    }
    for term in list(named(card, "offerTerms").unwrap_or("[]"))? {
        let mut row = head.clone();
        row.push(kind("offer_term"));
        row.extend(owned(pairs(term.get())?));
        rows.push(row);
    }
    Ok(rows)
}
