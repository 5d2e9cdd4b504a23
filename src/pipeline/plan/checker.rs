//! Checks that every key goes through: is the key known, is it there, is its value of the wanted
//! type. Mistakes are collected and the reading goes on, so that all of them are shown at once.

use std::collections::BTreeSet;

use super::document::{Document, Entry, Node, Place, Value};
use super::mistake::Mistake;
use crate::model::spelling;

/// Collects the mistakes of one document.
pub(crate) struct Checker<'d> {
    document: &'d Document,
    /// Numbers of the lines that are not TOML. Nothing else is reported there: it would only
    /// confuse.
    broken_lines: BTreeSet<usize>,
    /// Dotted keys that the user misspelt; they are not reported as missing, too.
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

    /// Mistakes noted so far, in the order in which they were noted.
    pub(crate) fn into_mistakes(self) -> Vec<(Place, Mistake)> {
        self.mistakes
    }

    /// Description of a place, as a mistake shows it.
    pub(crate) fn words(&self, place: &Place) -> String {
        self.document.words(place)
    }

    /// Notes a mistake at `place`, of the dotted key `key`.
    pub(crate) fn note(
        &mut self,
        place: &Place,
        key: &str,
        found: String,
        wanted: &str,
        hint: Option<String>,
    ) {
        // Its syntax error is reported already.
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

    /// Notes that the value of `node` is not what is wanted.
    pub(crate) fn wrong(&mut self, key: &str, node: &Node, wanted: &str, hint: Option<String>) {
        self.note(&node.place, key, node.value.to_string(), wanted, hint);
    }

    /// Notes that a key is missing, unless it may stand on a line that is not TOML, or is there but
    /// misspelt.
    pub(crate) fn missing(&mut self, key: &str, place: &Place, wanted: &str, hint: &str) {
        // One broken line is enough to doubt that anything is missing: the key may stand there.
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

    /// Notes each entry of the table at `path` whose key is not among `known`.
    pub(crate) fn known(&mut self, path: &str, entries: &[Entry], known: &[&str]) {
        for entry in entries
            .iter()
            .filter(|entry| !known.contains(&entry.key.as_str()))
        {
            let nearest = spelling::nearest(&entry.key, known.iter().copied());
            // Reported here, so that `missing` need not report the key that was meant.
            self.meant.extend(nearest.map(|key| join(path, key)));
            let wanted = match known {
                [] => "no keys here".to_owned(),
                [only] => format!("`{only}`"),
                _ => format!("one of {}", quoted(known, ", ")),
            };
            let hint = nearest.map(did_you_mean);
            self.note(
                &entry.place,
                &join(path, &entry.key),
                "an unknown key".to_owned(),
                &wanted,
                hint,
            );
        }
    }

    /// Entries of the entry's table; a mistake where its value is not a table.
    pub(crate) fn table<'e>(&mut self, key: &str, entry: &'e Entry) -> Option<&'e [Entry]> {
        if let Value::Table(entries) = &entry.node.value {
            return Some(entries);
        }
        self.wrong(
            key,
            &entry.node,
            "a table",
            Some(format!("write `[{key}]`, and its keys below that line")),
        );
        None
    }

    /// Entries of an optional table: none where it is absent, or where it is not a table, which is
    /// a mistake then.
    pub(crate) fn optional_table<'e>(
        &mut self,
        key: &str,
        entry: Option<&'e Entry>,
    ) -> &'e [Entry] {
        entry
            .and_then(|entry| self.table(key, entry))
            .unwrap_or(&[])
    }

    /// Text of the entry; a mistake where its value is not a string, or is blank.
    pub(crate) fn text<'e>(
        &mut self,
        key: &str,
        entry: &'e Entry,
        wanted: &str,
    ) -> Option<&'e str> {
        match &entry.node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text),
            // Quotes would help a number or a date, but not a list, a table or a blank string.
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

/// Names in backticks, with `between` between them.
pub(crate) fn quoted(names: &[&str], between: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(between)
}

/// Hint for a word that looks like a misspelt `name`.
pub(crate) fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// Dotted path of `key` in the table at `path`; `key` is quoted where TOML needs it.
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
