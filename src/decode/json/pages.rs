//! Pages of Partner Center v1: a collection object with `items`, a bare array of rows, or a single
//! object. A body that is not valid JSON is a named fault, never an empty page ([quirks, JSON of
//! the API, 8](crate::model::domain::quirks)).
//!
//! A page is read whole by one worker: pages are small and many, and files are read side by side.

use std::borrow::Cow;
use std::io::Read;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::object::Keys;
use crate::decode::binding::{Naming, missing_columns};
use crate::decode::collector::Collector;
use crate::decode::failure::DecodeError;
use crate::decode::input::Input;
use crate::decode::open::{self, ByteStream};
use crate::decode::sink::{Sink, SliceSink};
use crate::model::row::{Content, Place};

/// Largest page: 1 GiB, for it is kept in memory. A page has 2,000 rows; a list that was asked for
/// without a page size has all of them.
const PAGE_LIMIT_BYTES: u64 = 1 << 30;

/// Reads all rows of a page.
pub(crate) fn read<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
    stream: ByteStream,
) -> Result<(), DecodeError> {
    let input = collector.input;
    let hint = "ask for the list with a page size";
    let body = read_whole(input.unit, stream, PAGE_LIMIT_BYTES, hint)?;
    let rows = rows_of(input, &body)?;
    if let Some(first) = rows.first()
        && let Some((names, missing)) =
            Keys::new(input.dataset, None).missing(first.get().as_bytes())
    {
        return Err(missing_columns(input, &names, &missing, Naming::Keys));
    }
    collector.with_sink(|sink| {
        feed(&body, &rows, collector.wanted, sink);
        Ok(())
    })
}

/// Reads a page into memory; one of more than `limit` bytes is refused with a hint.
pub(crate) fn read_whole(
    unit: &str,
    stream: ByteStream,
    limit: u64,
    hint: &str,
) -> Result<Vec<u8>, DecodeError> {
    let mut body = Vec::new();
    stream
        // One byte more than is allowed tells a page at the limit from one beyond it.
        .take(limit + 1)
        .read_to_end(&mut body)
        .map_err(|error| open::broken_stream(unit, &error))?;
    if body.len() as u64 > limit {
        let found = format!("a page of more than {} MiB", limit >> 20);
        return Err(DecodeError::wrong(
            unit,
            found,
            "a page of a few thousand rows",
            hint,
        ));
    }
    Ok(body)
}

fn feed<S: Sink>(
    body: &[u8],
    rows: &[&RawValue],
    wanted: Option<&[usize]>,
    sink: &mut SliceSink<'_, S>,
) {
    let mut keys = Keys::new(sink.input.dataset, wanted);
    let mut cells = keys.missing_cells();
    for row in rows {
        let text = row.get().as_bytes();
        // The row's text is borrowed from the body, so its address tells where it stands.
        let offset = text.as_ptr().addr() - body.as_ptr().addr();
        let place = Place {
            first_line: 1,
            before: &body[..offset],
            text,
            content: Content::Values(0),
        };
        // The page was parsed, so its strings are clean.
        keys.feed(text, &mut cells, true, place, sink);
    }
}

fn rows_of<'a>(input: Input<'_>, body: &'a [u8]) -> Result<Vec<&'a RawValue>, DecodeError> {
    items(body).map_err(|error| {
        DecodeError::damaged(
            input.unit,
            format!("invalid JSON: {error}"),
            "a complete page with `items`",
        )
        .at_line(error.line() as u64)
    })
}

/// The items of a page; a single object, such as the header that `invoices/{id}` answers, is the
/// only item of its page.
pub(crate) fn items(body: &[u8]) -> Result<Vec<&RawValue>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let items = deserializer
        .deserialize_any(PageVisitor)
        // A page with anything behind it is two answers in one file, or a damaged one.
        .and_then(|items| deserializer.end().map(|()| items))?;
    match items {
        Some(items) => Ok(items),
        None => Ok(vec![serde_json::from_slice::<&RawValue>(body)?]),
    }
}

/// Finds the items of a page without parsing them; `None` for an object that is no collection.
struct PageVisitor;

impl<'a> Visitor<'a> for PageVisitor {
    type Value = Option<Vec<&'a RawValue>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a collection with `items`, or an array of rows")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = seq.next_element()? {
            rows.push(row);
        }
        Ok(Some(rows))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rows = None;
        while let Some(key) = map.next_key::<Cow<'a, str>>()? {
            // `items` in Partner Center, in any case; `value` in Graph.
            if key.eq_ignore_ascii_case("items") || key == "value" {
                rows = Some(map.next_value::<Vec<&'a RawValue>>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(rows)
    }
}
