//! `--set key=value`: overrides of single keys, laid over the file before it is checked.

use toml::de::DeTable;

use super::document::{Document, Entry, Node, Place, Value, entries_of};
use super::mistake::Mistake;

/// Lays `--set` over `document`. A text that names no key is a mistake; a key that is not known
/// shows up when the document is checked, as it would in the file.
pub(crate) fn apply(document: &mut Document, set: &[String]) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for text in set {
        let place = Place::Flag(text.clone());
        match split(text) {
            Some((keys, value)) => put(&mut document.entries, &keys, value_of(value, &place), &place),
            None => mistakes.push(Mistake {
                place: document.words(&place),
                key: None,
                found: format!("`{text}`"),
                wanted: "a dotted key, `=` and a value".to_owned(),
                hint: Some(
                    "as in `--set period=2026-10`; a part of a key that holds other than A-Z a-z 0-9 _ - stands in quotes".to_owned(),
                ),
            }),
        }
    }
    mistakes
}

/// The parts of the key, and the value's text. The key's own `=` may stand in quotes.
fn split(text: &str) -> Option<(Vec<String>, &str)> {
    text.match_indices('=').find_map(|(at, _)| {
        let (key, value) = text.split_at_checked(at)?;
        let keys = key_parts(key)?;
        Some((keys, value.strip_prefix('=')?.trim()))
    })
}

fn key_parts(key: &str) -> Option<Vec<String>> {
    let line = format!("{key} = 0");
    if key.contains(['\n', '\r']) {
        return None;
    }
    let table = DeTable::parse(&line).ok()?;
    let mut entries = entries_of(table.get_ref(), &|_| Place::File);
    let mut keys = Vec::new();
    loop {
        let [entry] = <[Entry; 1]>::try_from(entries).ok()?;
        keys.push(entry.key);
        match entry.node.value {
            Value::Table(inner) => entries = inner,
            Value::Integer(_) => return Some(keys),
            _ => return None,
        }
    }
}

/// The value as TOML if it is any, else as a text.
fn value_of(text: &str, place: &Place) -> Value {
    let line = format!("value = {text}");
    let parsed = DeTable::parse(&line)
        .ok()
        .map(|table| entries_of(table.get_ref(), &|_| place.clone()));
    match parsed.map(<[Entry; 1]>::try_from) {
        Some(Ok([entry])) => entry.node.value,
        _ => Value::Text(text.to_owned()),
    }
}

fn put(entries: &mut Vec<Entry>, keys: &[String], value: Value, place: &Place) {
    let Some((first, rest)) = keys.split_first() else {
        return;
    };
    let at = entries
        .iter()
        .position(|entry| entry.key == *first)
        .unwrap_or_else(|| {
            let node = Node {
                place: place.clone(),
                value: Value::Table(Vec::new()),
            };
            entries.push(Entry {
                key: first.clone(),
                place: place.clone(),
                node,
            });
            entries.len() - 1
        });
    let entry = &mut entries[at];
    if rest.is_empty() {
        entry.place = place.clone();
        entry.node = Node {
            place: place.clone(),
            value,
        };
        return;
    }
    if !matches!(entry.node.value, Value::Table(_)) {
        entry.node = Node {
            place: place.clone(),
            value: Value::Table(Vec::new()),
        };
    }
    if let Value::Table(inner) = &mut entry.node.value {
        put(inner, rest, value, place);
    }
}
