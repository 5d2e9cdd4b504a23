//! What every key is checked with: is it known, is it there, is it of the wanted type.

use std::collections::BTreeSet;

use super::document::{Document, Entry, Node, Place, Value};
use super::mistake::Mistake;
use crate::model::spelling;

/// Collects the mistakes of one document.
pub(crate) struct Checker<'d> {
    document: &'d Document,
    /// Lines that are no TOML: what else seems wrong there would only confuse.
    broken_lines: BTreeSet<usize>,
    /// Keys that a misspelt one stands for, and that are therefore not missing.
    meant: BTreeSet<String>,
    mistakes: Vec<(Place, Mistake)>,
}

impl<'d> Checker<'d> {
    pub(crate) fn new(document: &'d Document) -> Self {
        let broken_lines = document.faults.iter().map(|(line, _)| *line).collect();
        Self {
            document,
            broken_lines,
            meant: BTreeSet::new(),
            mistakes: Vec::new(),
        }
    }

    pub(crate) fn into_mistakes(self) -> Vec<(Place, Mistake)> {
        self.mistakes
    }

    pub(crate) fn words(&self, place: &Place) -> String {
        self.document.words(place)
    }

    /// Notes a mistake at `place`.
    pub(crate) fn note(
        &mut self,
        place: &Place,
        key: &str,
        found: String,
        wanted: &str,
        hint: Option<String>,
    ) {
        if matches!(place, Place::Line(line) if self.broken_lines.contains(line)) {
            return;
        }
        let mistake = Mistake {
            place: self.words(place),
            key: Some(key.to_owned()),
            found,
            wanted: wanted.to_owned(),
            hint,
        };
        self.mistakes.push((place.clone(), mistake));
    }

    /// Notes that the value is not what is wanted.
    pub(crate) fn wrong(&mut self, key: &str, node: &Node, wanted: &str, hint: Option<String>) {
        self.note(&node.place, key, node.value.to_string(), wanted, hint);
    }

    /// Notes that a key is missing, unless it may stand on a line that cannot be read, or is there
    /// but misspelt.
    pub(crate) fn missing(&mut self, key: &str, place: &Place, wanted: &str, hint: &str) {
        if self.broken_lines.is_empty() && !self.meant.contains(key) {
            self.note(
                place,
                key,
                "nothing".to_owned(),
                wanted,
                Some(hint.to_owned()),
            );
        }
    }

    /// Notes each entry of the table at `path` that is not `known`.
    pub(crate) fn known(&mut self, path: &str, entries: &[Entry], known: &[&str]) {
        for entry in entries
            .iter()
            .filter(|entry| !known.contains(&entry.key.as_str()))
        {
            let nearest = spelling::nearest(&entry.key, known.iter().copied());
            self.meant.extend(nearest.map(|key| join(path, key)));
            let wanted = match known {
                [] => "nothing".to_owned(),
                [only] => format!("`{only}`"),
                _ => format!(
                    "one of {}",
                    known
                        .iter()
                        .map(|key| format!("`{key}`"))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            };
            let hint = nearest.map(|key| format!("did you mean `{key}`?"));
            self.note(
                &entry.place,
                &join(path, &entry.key),
                "an unknown key".to_owned(),
                &wanted,
                hint,
            );
        }
    }

    /// The entry's table; a mistake where it is none.
    pub(crate) fn table<'e>(&mut self, key: &str, entry: &'e Entry) -> Option<&'e [Entry]> {
        if let Value::Table(entries) = &entry.node.value {
            return Some(entries);
        }
        self.wrong(
            key,
            &entry.node,
            "a table",
            Some(format!("write `[{key}]`, and what belongs to it below")),
        );
        None
    }

    /// The entry's text; a mistake where it is none, or blank.
    pub(crate) fn text<'e>(
        &mut self,
        key: &str,
        entry: &'e Entry,
        wanted: &str,
    ) -> Option<&'e str> {
        match &entry.node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text),
            Value::Text(_) | Value::List(_) | Value::Table(_) => {
                self.wrong(key, &entry.node, wanted, None);
                None
            }
            _ => {
                self.wrong(
                    key,
                    &entry.node,
                    wanted,
                    Some("put it in quotes".to_owned()),
                );
                None
            }
        }
    }
}

/// Dotted path of `key` in the table at `path`.
pub(crate) fn join(path: &str, key: &str) -> String {
    let is_bare = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let key = if is_bare {
        key.to_owned()
    } else {
        format!("\"{}\"", crate::model::reject::excerpt(key.as_bytes()))
    };
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}
