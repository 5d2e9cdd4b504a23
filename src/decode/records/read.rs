//! A file of API responses from its first byte to its last row, with the totals of its measures.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, Read};

use super::expand::expand;
use super::item::Item;
use super::reader::{Fault, ItemReader};
use super::value::Value;
use crate::decode::failure::DecodeError;
use crate::decode::json::pages;
use crate::decode::open::{self, ByteStream, Opened, SharedHash};
use crate::model::page::{Page, PageFacts};
use crate::model::record::{RecordSet, Shape};
use crate::model::reject::{Rejection, excerpt};

/// Largest page: 256 MiB. A page has 2,000 rows, and a rate card 1.5 MB.
const PAGE_LIMIT_BYTES: u64 = 256 << 20;
/// Longest line: 16 MiB. A line of an export has some 2 KB.
const LINE_LIMIT_BYTES: usize = 16 << 20;
/// Rejected rows of a file that are kept: 1,000. The others are counted.
const KEPT_REJECTIONS: usize = 1_000;

/// A row that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRecord {
    /// Name of the file.
    pub unit: String,
    /// Number of the row in the file, from 1.
    pub row: u64,
    /// Column at fault, what was found there and what was wanted.
    pub rejection: Rejection,
}

/// Account of a file that was read.
#[derive(Debug, Default)]
pub struct RecordsRead {
    /// Name of the format, one of [`FORMATS`](crate::decode::FORMATS).
    pub format: &'static str,
    /// BLAKE3 of the file's bytes, 64 hexadecimal digits; `None` where they were not all read.
    pub blake3: Option<String>,
    /// Number of rows found, usable or not.
    pub rows: u64,
    /// Number of rows that could not be used.
    pub rows_rejected: u64,
    /// The first 1,000 of the rejected rows.
    pub rejected: Vec<RejectedRecord>,
    /// Paths of keys that the set does not know, and how often they were met.
    pub unknown: BTreeMap<String, u64>,
    /// Sums by measure and currency, in units of the column's last decimal; `None` for a sum of
    /// more than 38 digits.
    pub totals: BTreeMap<(String, String), Option<i128>>,
    /// Facts of the page; `None` for JSON lines.
    pub page: Option<PageFacts>,
    /// Warning about a page that holds more items than it says.
    pub warning: Option<String>,
    /// Number of values that had more decimals than their column, and were rounded.
    pub rounded: u64,
}

/// Reads a file of a set and hands each row to `take`: a value for each column of the set, in its
/// order.
///
/// # Errors
/// [`DecodeError`] when the file cannot be used as a whole, or `take` fails.
pub fn read(
    unit: &str,
    file: &File,
    set: &'static RecordSet,
    take: &mut dyn FnMut(&[Value]) -> io::Result<()>,
) -> Result<RecordsRead, DecodeError> {
    let mut reading = Reading {
        unit,
        reader: ItemReader::new(set),
        found: RecordsRead::default(),
        take,
    };
    let hash = SharedHash::default();
    let (format, opened) = open::open(unit, file, Some(&hash))?;
    match opened {
        Opened::JsonLines(lines) => reading.json_lines(lines)?,
        Opened::JsonPage(page) => reading.json_page(page)?,
        Opened::Csv(sheet) if set.shape == Shape::Sheet => reading.sheet(sheet)?,
        Opened::Csv(_) | Opened::Parquet => {
            return Err(DecodeError::wrong(
                unit,
                "a file in another format",
                format!("a response of `{}`", set.name),
                format!("`tieout schema {}` lists its keys", set.name),
            ));
        }
    }
    let Reading { reader, found, .. } = reading;
    assert_eq!(
        found.rows,
        reader.taken + found.rows_rejected,
        "every row is taken or rejected"
    );
    Ok(RecordsRead {
        format,
        blake3: open::whole_hash(file, &hash),
        rounded: reader.rounded,
        unknown: reader.into_unknown(),
        ..found
    })
}

/// One file while it is read.
struct Reading<'r> {
    unit: &'r str,
    reader: ItemReader,
    found: RecordsRead,
    take: &'r mut dyn FnMut(&[Value]) -> io::Result<()>,
}

impl Reading<'_> {
    fn json_page(&mut self, page: ByteStream<'_>) -> Result<(), DecodeError> {
        let body = pages::read_whole(self.unit, page, PAGE_LIMIT_BYTES, "fetch it in pages")?;
        let Page { items, facts, .. } = pages::page(self.unit, &body)?;
        self.found.warning = pages::more_than_counted(self.unit, &facts);
        self.found.page = Some(facts);
        match items {
            Some(items) => items.into_iter().try_for_each(|item| self.item(item.get())),
            None => self.item(pages::whole(&body).get()),
        }
    }

    /// Reads the rows of a CSV file as objects of texts. A row that is too short or too long damages
    /// the file: such a sheet is small, and made by a machine.
    fn sheet(&mut self, sheet: ByteStream<'_>) -> Result<(), DecodeError> {
        let damaged = |unit: &str, error: csv::Error| {
            DecodeError::damaged(unit, error.to_string(), "rows of a CSV file")
        };
        let mut rows = csv::Reader::from_reader(sheet);
        let names = rows.headers().map_err(|error| damaged(self.unit, error))?;
        let names = names.clone();
        for row in rows.records() {
            let row = row.map_err(|error| damaged(self.unit, error))?;
            let cells = names.iter().zip(row.iter());
            let object: BTreeMap<&str, &str> = cells.collect();
            let text = serde_json::to_string(&object)
                .map_err(|error| DecodeError::damaged(self.unit, error.to_string(), "texts"))?;
            self.item(&text)?;
        }
        Ok(())
    }

    fn json_lines(&mut self, mut lines: ByteStream<'_>) -> Result<(), DecodeError> {
        let mut line = Vec::new();
        let mut number = 0_u64;
        loop {
            line.clear();
            number += 1;
            let read = (&mut lines)
                .take(LINE_LIMIT_BYTES as u64 + 1)
                .read_until(b'\n', &mut line);
            if read.map_err(|error| open::broken_stream(self.unit, &error))? == 0 {
                return Ok(());
            }
            self.line(&line).map_err(|error| error.at_line(number))?;
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), DecodeError> {
        if line.len() > LINE_LIMIT_BYTES {
            return Err(DecodeError::wrong(
                self.unit,
                "a line of more than 16 MiB",
                "JSON lines",
                "look for missing line breaks in the file",
            ));
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        let text = std::str::from_utf8(text).map_err(|_| {
            DecodeError::damaged(self.unit, "bytes that are not UTF-8", "JSON lines")
        })?;
        self.item(text)
    }

    /// Reads an item of a page or a line. If the first one is an error response, the file is
    /// refused.
    fn item(&mut self, text: &str) -> Result<(), DecodeError> {
        // Later items may well be data with a `code` and a `description` of their own.
        if self.found.rows == 0
            && let Some(error) = error_response(text)
        {
            return Err(DecodeError::wrong(
                self.unit,
                format!("an error response ({error})"),
                "data",
                "it was saved instead of the data; its text says why",
            ));
        }
        expand(self.reader.set.shape, text)
            .map_err(|error| DecodeError::damaged(self.unit, error, "JSON objects"))?
            .iter()
            .try_for_each(|item| self.row(item))
    }

    fn row(&mut self, item: &Item<'_>) -> Result<(), DecodeError> {
        let name = self.reader.set.name;
        self.found.rows += 1;
        match self.reader.read(item) {
            Ok(row) => {
                for (measure, value) in row.measures {
                    let key = (measure, row.currency.clone());
                    let sum = self.found.totals.entry(key).or_insert(Some(0));
                    // A sum that overflows stays unknown: it must not look like a small one.
                    *sum = sum.and_then(|sum| sum.checked_add(value));
                }
                (self.take)(row.values).map_err(|error| {
                    let found = format!("`{error}`");
                    DecodeError::wrong(self.unit, found, "room for its table", "check the disk")
                })
            }
            // The error of the whole file: read on, it would show as many single rows that are
            // wrong.
            Err(Fault::Foreign(object_type)) => Err(DecodeError::wrong(
                self.unit,
                format!("an item of the type `{object_type}`"),
                format!("items of `{name}`"),
                "the response of another endpoint was saved here, \
                 as in some of Microsoft's published samples",
            )),
            Err(Fault::Unknown) => Err(DecodeError::wrong(
                self.unit,
                "an object with none of its keys",
                format!("an item of `{name}`"),
                format!("`tieout schema {name}` lists its keys"),
            )),
            Err(Fault::Row(rejection)) => {
                self.reject(rejection);
                Ok(())
            }
        }
    }

    fn reject(&mut self, rejection: Rejection) {
        self.found.rows_rejected += 1;
        // All are counted, so that the report can say how many are not shown.
        if self.found.rejected.len() < KEPT_REJECTIONS {
            self.found.rejected.push(RejectedRecord {
                unit: self.unit.to_owned(),
                row: self.found.rows,
                rejection,
            });
        }
    }
}

/// Code and text of an error response in any of its shapes; `None` for anything else.
fn error_response(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    // Graph wraps its errors in `error`; Partner Center does not.
    let inner = match value.get("error") {
        Some(error) if error.is_object() => error,
        _ => &value,
    };
    let field = |names: [&str; 2]| {
        let field = names.into_iter().find_map(|name| inner.get(name))?;
        // As JSON, for a code is text or a number (`model::domain::quirks`, JSON of the API 5).
        Some(field.to_string().replace('"', ""))
    };
    let code = field(["code", "statusCode"])?;
    let words = field(["description", "message"])?;
    Some(format!("{code}: {}", excerpt(words.as_bytes())))
}
