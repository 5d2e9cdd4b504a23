//! Partner Center v1 pages: a collection object with `items`, or a bare array of rows. A body that
//! does not parse is a named fault, never an empty page.

use std::io::Read;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::object::Keys;
use crate::decode::binding::{Naming, lacking};
use crate::decode::open::{self, Bytes};
use crate::decode::{Collector, DecodeError, Input, Sink, SliceSink};
use crate::model::row::{Place, Row};

/// A page holds 2,000 rows; a whole list asked for without a size may be much larger.
const PAGE_LIMIT_BYTES: u64 = 1 << 30;

pub(crate) fn read<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
    reader: Bytes,
) -> Result<(), DecodeError> {
    let input = collector.input;
    let mut body = Vec::new();
    reader
        .take(PAGE_LIMIT_BYTES + 1)
        .read_to_end(&mut body)
        .map_err(|error| open::broken_stream(input.unit, &error))?;
    if body.len() as u64 > PAGE_LIMIT_BYTES {
        let found = format!("a page of more than {} MiB", PAGE_LIMIT_BYTES >> 20);
        return Err(DecodeError::wrong(
            input.unit,
            found,
            "a page of a few thousand rows",
            "ask for the list with a page size",
        ));
    }
    let rows = rows_of(input, &body)?;
    if let Some((headings, missing)) = rows
        .first()
        .and_then(|row| Keys::new(input.dataset, None).lacking(row.get().as_bytes()))
    {
        return Err(lacking(input, &headings, &missing, Naming::Keys));
    }
    collector.with_sink(|sink| {
        feed(&body, &rows, collector.wanted, sink);
        Ok(())
    })
}

fn feed<S: Sink>(
    body: &[u8],
    rows: &[&RawValue],
    wanted: Option<&[usize]>,
    sink: &mut SliceSink<'_, S>,
) {
    let mut keys = Keys::new(sink.input.dataset, wanted);
    let mut cells = keys.no_cells();
    for row in rows {
        let text = row.get().as_bytes();
        let offset = text.as_ptr().addr().saturating_sub(body.as_ptr().addr());
        let mut place = Place {
            first_line: 1,
            before: body.get(..offset).unwrap_or_default(),
            text,
            digest: 0,
        };
        // The page was parsed: its strings are clean.
        match keys.read(text, &mut cells, true) {
            Ok(digest) => {
                place.digest = digest;
                sink.row(&Row {
                    cells: &cells,
                    place,
                });
            }
            Err(rejection) => sink.reject(place, rejection),
        }
    }
}

/// The items of a page; `None` for a single object.
pub(crate) fn items(body: &[u8]) -> Result<Option<Vec<&RawValue>>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    deserializer
        .deserialize_any(PageVisitor)
        .and_then(|rows| deserializer.end().map(|()| rows))
}

fn rows_of<'a>(input: Input<'_>, body: &'a [u8]) -> Result<Vec<&'a RawValue>, DecodeError> {
    match items(body) {
        Ok(Some(rows)) => Ok(rows),
        // One header, as `invoices/{id}` answers, is a row by itself.
        Ok(None) => serde_json::from_slice::<&RawValue>(body)
            .map(|row| vec![row])
            .map_err(|error| unparsable(input, &error)),
        Err(error) => Err(unparsable(input, &error)),
    }
}

fn unparsable(input: Input<'_>, error: &serde_json::Error) -> DecodeError {
    let line = error.line() as u64;
    DecodeError::damaged(
        input.unit,
        format!("JSON that does not parse: {error}"),
        "a whole page with `items`",
    )
    .at_line(line)
}

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
        while let Some(key) = map.next_key::<std::borrow::Cow<'a, str>>()? {
            if key.eq_ignore_ascii_case("items") || key == "value" {
                rows = Some(map.next_value::<Vec<&'a RawValue>>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(rows)
    }
}
