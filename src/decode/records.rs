//! Answers of the API to typed rows: pages, single objects, JSON lines. For `--tables` and the totals
//! of what was fetched; what is reconciled goes the faster way of the other decoders.

mod item;

use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::path::Path;

use serde_json::value::RawValue;

use self::item::{Item, Reader, Typed, expand};
use super::DecodeError;
use super::open::{self, Opened};
use crate::decode::json::pages;
use crate::model::record::RecordSet;
use crate::model::reject::Rejection;

/// A page holds 2,000 rows; a rate card 1.5 MB.
const PAGE_LIMIT_BYTES: u64 = 256 << 20;
/// A line of an export is some 2 KB.
const LINE_LIMIT_BYTES: usize = 16 << 20;
const SHOWN_REJECTIONS: usize = 1_000;

/// One value of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// There is none.
    #[default]
    Missing,
    /// Text, or JSON as it came.
    Text(String),
    /// Units of 10^-scale of the column.
    Decimal(i128),
    /// Days since 1970-01-01.
    Day(i32),
    /// Microseconds since 1970-01-01, UTC.
    Instant(i64),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
}

/// A row that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRecord {
    /// The unit.
    pub unit: String,
    /// Its number in the unit, from 1.
    pub row: u64,
    /// Why.
    pub rejection: Rejection,
}

/// What came of a unit.
#[derive(Debug, Default)]
pub struct RecordsRead {
    /// Format, as sniffed.
    pub format: &'static str,
    /// Rows found, usable or not.
    pub rows: u64,
    /// Rows that could not be used.
    pub rows_rejected: u64,
    /// The first of them.
    pub rejected: Vec<RejectedRecord>,
    /// Keys that the set does not know.
    pub unknown: BTreeMap<String, u64>,
    /// Sums by measure and currency; `None` for a sum of more than 38 digits.
    pub totals: BTreeMap<(String, String), Option<i128>>,
    /// Numbers that held more decimals than the column.
    pub rounded: u64,
}

/// Reads a unit of a set, row by row.
///
/// # Errors
/// [`DecodeError`] when it cannot be used as a whole.
pub fn read(
    unit: &str,
    path: &Path,
    set: &'static RecordSet,
    take: &mut dyn FnMut(&[Value]) -> std::io::Result<()>,
) -> Result<RecordsRead, DecodeError> {
    let mut reader = Reader::new(set);
    let mut found = RecordsRead::default();
    let mut one = |text: &str, found: &mut RecordsRead| -> Result<(), DecodeError> {
        if found.rows == 0
            && let Some(fault) = error_answer(text)
        {
            let hint = "it was saved in place of the data: its text says why";
            return Err(DecodeError::wrong(
                unit,
                format!("an error answer ({fault})"),
                "data",
                hint,
            ));
        }
        let items = expand(set.shape, text)
            .map_err(|error| DecodeError::damaged(unit, error, "JSON objects"))?;
        for item in items {
            row(unit, &mut reader, &item, found, take)?;
        }
        Ok(())
    };
    let (format, opened) = open::open_as(unit, path, None)?;
    match opened {
        Opened::JsonLines(lines) => json_lines(unit, lines, &mut |text| one(text, &mut found))?,
        Opened::JsonPage(page) => {
            let mut body = Vec::new();
            page.take(PAGE_LIMIT_BYTES + 1)
                .read_to_end(&mut body)
                .map_err(|error| open::broken_stream(unit, &error))?;
            if body.len() as u64 > PAGE_LIMIT_BYTES {
                return Err(DecodeError::wrong(
                    unit,
                    "a page of more than 256 MiB",
                    "a page of a few thousand rows",
                    "fetch it in pages",
                ));
            }
            for item in items_of(unit, &body)? {
                one(item.get(), &mut found)?;
            }
        }
        Opened::Csv(_) | Opened::Parquet => {
            return Err(DecodeError::wrong(
                unit,
                "a file that is no JSON",
                format!("an answer of `{}`", set.name),
                "see `tieout schema`",
            ));
        }
    }
    assert_eq!(
        found.rows,
        reader.taken + found.rows_rejected,
        "every row is taken or rejected"
    );
    found.format = format;
    found.unknown = reader.unknown();
    found.rounded = reader.rounded;
    Ok(found)
}

fn row(
    unit: &str,
    reader: &mut Reader,
    item: &Item<'_>,
    found: &mut RecordsRead,
    take: &mut dyn FnMut(&[Value]) -> std::io::Result<()>,
) -> Result<(), DecodeError> {
    found.rows += 1;
    match reader.read(item) {
        Ok(Typed {
            values,
            measures,
            currency,
        }) => {
            for (name, value) in measures {
                let sum = found
                    .totals
                    .entry((name, currency.clone()))
                    .or_insert(Some(0));
                *sum = sum.and_then(|sum| sum.checked_add(value));
            }
            take(values).map_err(|error| {
                DecodeError::wrong(
                    unit,
                    format!("`{error}`"),
                    "room for its table",
                    "check the disk",
                )
            })?;
        }
        Err(item::Fault::Foreign(object_type)) => {
            let wanted = format!("items of `{}`", reader.set.name);
            let hint =
                "another answer was saved in its place, as some published samples are".to_owned();
            return Err(DecodeError::wrong(
                unit,
                format!("an item of the type `{object_type}`"),
                wanted,
                hint,
            ));
        }
        Err(item::Fault::Unknown) => {
            let wanted = format!("an item of `{}`", reader.set.name);
            return Err(DecodeError::wrong(
                unit,
                "an object with none of its keys",
                wanted,
                format!("`tieout schema {}`", reader.set.name),
            ));
        }
        Err(item::Fault::Row(rejection)) => {
            found.rows_rejected += 1;
            if found.rejected.len() < SHOWN_REJECTIONS {
                found.rejected.push(RejectedRecord {
                    unit: unit.to_owned(),
                    row: found.rows,
                    rejection,
                });
            }
        }
    }
    Ok(())
}

fn items_of<'a>(unit: &str, body: &'a [u8]) -> Result<Vec<&'a RawValue>, DecodeError> {
    let unparsable = |found: String| DecodeError::damaged(unit, found, "a whole answer");
    let items = pages::items(body)
        .map_err(|error| unparsable(format!("JSON that does not parse: {error}")))?;
    match items {
        Some(items) => Ok(items),
        None => serde_json::from_slice::<&RawValue>(body)
            .map(|item| vec![item])
            .map_err(|error| unparsable(format!("JSON that does not parse: {error}"))),
    }
}

/// Code and text of an error answer in any of its shapes.
fn error_answer(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let inner = value
        .get("error")
        .filter(|error| error.is_object())
        .unwrap_or(&value);
    let field = |names: [&str; 2]| {
        names
            .into_iter()
            .find_map(|name| inner.get(name))
            .map(|field| field.to_string().replace('"', ""))
    };
    let (code, words) = (
        field(["code", "statusCode"])?,
        field(["description", "message"])?,
    );
    Some(format!(
        "{code}: {}",
        crate::model::reject::excerpt(words.as_bytes())
    ))
}

fn json_lines(
    unit: &str,
    mut lines: open::Bytes,
    one: &mut dyn FnMut(&str) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        number += 1;
        let read = (&mut lines)
            .take(LINE_LIMIT_BYTES as u64 + 1)
            .read_until(b'\n', &mut line);
        if read.map_err(|error| open::broken_stream(unit, &error))? == 0 {
            return Ok(());
        }
        if line.len() > LINE_LIMIT_BYTES {
            return Err(DecodeError::wrong(
                unit,
                "a line of more than 16 MiB",
                "JSON lines",
                "look at the file",
            )
            .at_line(number));
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let text = std::str::from_utf8(text).map_err(|_| {
            DecodeError::damaged(unit, "bytes that are no UTF-8", "JSON lines").at_line(number)
        })?;
        one(text).map_err(|error| error.at_line(number))?;
    }
}
