//! The pipeline file as written: a tree of values, each of which knows its line. Meaning is given
//! to the values elsewhere, in [`parse`](super::parse).

use std::fmt;

use toml::de::{DeTable, DeValue};

use super::mistake::Mistake;
use crate::model::reject::excerpt;

/// Longest pipeline file, 1 MiB; a longer file is not parsed.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 20;

/// Beginning of the parser's message after which it reads no further.
const STOPPED: &str = "key with no value";

/// Number of lines blanked for that reason; beyond it the rest of the file is given up as not TOML.
// Each such line costs a parse of the whole text.
const MAX_STOPS: usize = 20;

/// Place of a value or key. The order is that in which mistakes are shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// The file as a whole: for keys that are missing.
    File,
    /// Number of a line of the file, from 1.
    Line(usize),
    /// Text after `--set`, as the user gave it.
    Flag(String),
}

/// A value at its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// A TOML value. Numbers and dates are kept as text, so that nothing is rounded on the way.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(String),
    Float(String),
    Boolean(bool),
    Date(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key and its value, in a table.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

/// A parsed pipeline file, with `--set` laid over it where there is one.
#[derive(Debug)]
pub(crate) struct Document {
    /// Path of the file, as the user wrote it.
    pub(crate) name: String,
    pub(crate) entries: Vec<Entry>,
    /// Lines that are not TOML, each once, with what to tell of it.
    pub(crate) faults: Vec<(usize, Mistake)>,
}

impl Document {
    /// Parses `text`, and goes on after each syntax error.
    pub(crate) fn parse(name: &str, text: &str) -> Self {
        let lines = Lines::of(text);
        let mut readable = text.to_owned();
        let mut faults: Vec<(usize, Mistake)> = Vec::new();
        loop {
            let (table, errors) = DeTable::parse_recoverable(&readable);
            let found: Vec<_> = errors
                .iter()
                .map(|error| syntax_fault(name, text, &lines, error))
                .collect();
            // The parser stops at a key without a value: such a line is blanked and the text parsed
            // again, so that the mistakes below that line are found in the same run.
            let stop = errors
                .iter()
                .find(|error| error.message().starts_with(STOPPED))
                .map(|error| lines.at(first_byte(error)));
            // Of this round only that line's fault is kept: the others are found again in the next
            // one.
            if let Some(line) = stop.filter(|_| faults.len() < MAX_STOPS) {
                faults.extend(found.into_iter().filter(|(at, _)| *at == line));
                readable = without_line(&readable, line);
                continue;
            }
            // The parser recovers from all other errors, and returns what it could read.
            let entries = entries_of(table.get_ref(), &|at| Place::Line(lines.at(at)));
            faults.extend(found);
            faults.sort_by_key(|(line, _)| *line);
            // One mistake a line is enough: a second one mostly follows from the first.
            faults.dedup_by_key(|(line, _)| *line);
            return Self {
                name: name.to_owned(),
                entries,
                faults,
            };
        }
    }

    /// Description of a place: `` `pipelines/x.toml` line 7 ``.
    pub(crate) fn words(&self, place: &Place) -> String {
        match place {
            Place::File => format!("`{}`", self.name),
            Place::Line(line) => format!("`{}` line {line}", self.name),
            Place::Flag(text) => format!("`--set {}`", excerpt(text.as_bytes())),
        }
    }
}

/// Entry of the given key, if the table has one.
pub(crate) fn get<'e>(entries: &'e [Entry], key: &str) -> Option<&'e Entry> {
    entries.iter().find(|entry| entry.key == key)
}

/// Entries of a parsed table, in the order of the file; `place` gives the place of a byte offset.
pub(crate) fn entries_of(table: &DeTable<'_>, place: &dyn Fn(usize) -> Place) -> Vec<Entry> {
    let mut entries: Vec<(usize, Entry)> = table
        .iter()
        .map(|(key, value)| {
            let at = key.span().start;
            let node = Node {
                place: place(value.span().start),
                value: value_of(value.get_ref(), place),
            };
            (
                at,
                Entry {
                    key: key.get_ref().to_string(),
                    place: place(at),
                    node,
                },
            )
        })
        .collect();
    // The parser sorts a table by its keys; mistakes are shown in the order of the file.
    entries.sort_by_key(|(at, _)| *at);
    entries.into_iter().map(|(_, entry)| entry).collect()
}

fn value_of(value: &DeValue<'_>, place: &dyn Fn(usize) -> Place) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Integer(number.to_string()),
        DeValue::Float(number) => Value::Float(number.as_str().to_owned()),
        DeValue::Boolean(is_true) => Value::Boolean(*is_true),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Node {
                    place: place(item.span().start),
                    value: value_of(item.get_ref(), place),
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(entries_of(table, place)),
    }
}

/// `text` with one line blanked, so that all other lines keep their byte offsets.
fn without_line(text: &str, line: usize) -> String {
    let cut = |(at, content): (usize, &str)| {
        if at + 1 != line {
            return content.to_owned();
        }
        content
            .bytes()
            .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
            .collect()
    };
    text.split_inclusive('\n').enumerate().map(cut).collect()
}

/// Offset of a syntax error; one without a place is shown at the first line.
fn first_byte(error: &toml::de::Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

fn syntax_fault(
    name: &str,
    text: &str,
    lines: &Lines,
    error: &toml::de::Error,
) -> (usize, Mistake) {
    let line = lines.at(first_byte(error));
    // An error may point behind the last line, where the file ends too early.
    let written = text.lines().nth(line - 1).map(str::trim);
    let found = match written {
        None | Some("") => "an empty line".to_owned(),
        Some(written) => format!("`{}`", excerpt(written.as_bytes())),
    };
    // The parser's own words: the user can look them up where TOML is described.
    let hint = Some(error.message().to_owned());
    (
        line,
        Mistake {
            place: format!("`{name}` line {line}"),
            key: None,
            found,
            wanted: "a line of TOML".to_owned(),
            hint,
        },
    )
}

impl fmt::Display for Value {
    /// Writes the value as the "found" of a mistake names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) if text.is_empty() => f.write_str("an empty string"),
            Self::Text(text) => write!(f, "`{}`", excerpt(text.as_bytes())),
            Self::Integer(text) => write!(f, "the integer `{text}`"),
            Self::Float(text) => write!(f, "the float `{text}`"),
            Self::Boolean(is_true) => write!(f, "`{is_true}`"),
            Self::Date(text) => write!(f, "the date `{text}`"),
            Self::List(items) if items.is_empty() => f.write_str("an empty list"),
            Self::List(_) => f.write_str("a list"),
            Self::Table(_) => f.write_str("a table"),
        }
    }
}

/// Offsets of the line ends of a text, for finding the line of a byte.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(memchr::memchr_iter(b'\n', text.as_bytes()).collect())
    }

    /// Number, from 1, of the line that holds the byte at offset `at`.
    fn at(&self, at: usize) -> usize {
        // A line end still belongs to the line that it ends.
        self.0.partition_point(|end| *end < at) + 1
    }
}
