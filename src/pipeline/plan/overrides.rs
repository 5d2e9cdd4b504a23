//! `--set key=value`: overrides of single keys, laid over the document before it is checked. So a
//! key from the command line is checked exactly as one in the file.

use toml::de::DeTable;

use super::document::{Document, Entry, Node, Place, Value, entries_of};
use super::mistake::Mistake;

/// Lays the texts of `--set` over `document`, and returns those that are not `key=value`. A key
/// that is unknown shows up later, when the document is checked.
pub(crate) fn apply(document: &mut Document, overrides: &[String]) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for text in overrides {
        let place = Place::Flag(text.clone());
        match split(text) {
            Some((keys, value)) => put(&mut document.entries, &keys, value_of(value, &place), &place),
            None => mistakes.push(Mistake {
                place: document.words(&place),
                key: None,
                found: format!("`{text}`"),
                wanted: "a dotted key, `=` and a value".to_owned(),
                hint: Some(
                    "for example `--set period=2026-10`; quote each part of a key that has characters other than A-Z a-z 0-9 _ -".to_owned(),
                ),
            }),
        }
    }
    mistakes
}

/// Parts of the dotted key, and text of the value. The key ends at the first `=` that leaves a
/// valid key before it, as a quoted part of a key may hold `=` itself.
fn split(text: &str) -> Option<(Vec<String>, &str)> {
    text.match_indices('=').find_map(|(at, _)| {
        let (key, value) = text.split_at_checked(at)?;
        let keys = key_parts(key)?;
        Some((keys, value.strip_prefix('=')?.trim()))
    })
}

/// Parts of a dotted key; `None` where it is not one. The TOML parser splits it, so that quotes
/// mean here what they mean in the file.
fn key_parts(key: &str) -> Option<Vec<String>> {
    let line = format!("{key} = 0");
    // A line break would end the key and start another line of TOML.
    if key.contains(['\n', '\r']) {
        return None;
    }
    let table = DeTable::parse(&line).ok()?;
    let mut entries = entries_of(table.get_ref(), &|_| Place::File);
    let mut keys = Vec::new();
    // A dotted key is parsed as tables of one entry each, down to the 0 that was added above.
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

/// Value of a text that is valid TOML; any other text is a string, so that the shell needs no
/// quotes.
fn value_of(text: &str, place: &Place) -> Value {
    let line = format!("value = {text}");
    let parsed = DeTable::parse(&line)
        .ok()
        .map(|table| entries_of(table.get_ref(), &|_| place.clone()));
    // A text with a line break may parse as several keys; it is a string, and sets no other key.
    match parsed.map(<[Entry; 1]>::try_from) {
        Some(Ok([entry])) => entry.node.value,
        _ => Value::Text(text.to_owned()),
    }
}

/// Sets the value at a dotted key. Missing tables are added, and a value that stands where a table
/// is needed is replaced by one: the command line has the last word.
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
