//! Pages of Partner Center v1: a collection object with `items`, a bare array of rows, or a single
//! object. A body that is not valid JSON is a named fault, never an empty page ([quirks, JSON of
//! the API, 8](crate::model::domain::quirks)).
//!
//! A page is read whole by one worker: pages are small and many, and files are read side by side.

use std::io::Read;

use serde_json::value::RawValue;

use super::object::Keys;
use crate::decode::binding::{Naming, missing_columns, unknown_keys};
use crate::decode::collector::Collector;
use crate::decode::failure::DecodeError;
use crate::decode::input::ColumnChoice;
use crate::decode::open::{self, ByteStream};
use crate::decode::sink::{Sink, SliceSink};
use crate::model::page::{self, Page, PageFacts, PageFault};
use crate::model::row::Place;

/// Largest page: 1 GiB, for it is kept in memory. A page has 2,000 rows; a list that was asked for
/// without a page size has all of them.
const PAGE_LIMIT_BYTES: u64 = 1 << 30;

/// Reads all rows of a page.
pub(crate) fn read<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
    stream: ByteStream<'_>,
) -> Result<(), DecodeError> {
    let input = collector.input;
    let hint = "ask for the list with a page size";
    let body = read_whole(input.unit, stream, PAGE_LIMIT_BYTES, hint)?;
    let Page { items, facts, .. } = page(input.unit, &body)?;
    if let Some(warning) = more_than_counted(input.unit, &facts) {
        collector.warn(warning);
    }
    collector.note_page(facts);
    let rows = match items {
        Some(items) => items,
        // A single object, such as the header that `invoices/{id}` answers.
        None => vec![whole(&body)],
    };
    if let Some(first) = rows.first()
        && let Some((names, missing)) =
            Keys::new(input.dataset, ColumnChoice::default()).missing(first.get().as_bytes())
    {
        return Err(missing_columns(input, &names, &missing, Naming::Keys));
    }
    let mut keys = Keys::new(input.dataset, collector.columns);
    collector.with_sink(0, |sink| {
        feed(&body, &rows, &mut keys, sink);
        Ok(())
    })?;
    if let Some(warning) = unknown_keys(input, keys.into_unknown()) {
        collector.warn(warning);
    }
    Ok(())
}

/// The text of a page that is a single object.
pub(crate) fn whole(body: &[u8]) -> &RawValue {
    serde_json::from_slice(body).expect("the page was parsed")
}

/// Reads a page into memory; one of more than `limit` bytes is refused with a hint.
pub(crate) fn read_whole(
    unit: &str,
    stream: ByteStream<'_>,
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
    keys: &mut Keys<'_>,
    sink: &mut SliceSink<'_, S>,
) {
    let mut block = keys.new_block();
    for row in rows {
        let text = row.get().as_bytes();
        // The row's text is borrowed from the body, so its address tells where it stands.
        let offset = text.as_ptr().addr() - body.as_ptr().addr();
        let place = Place {
            first_line: 1,
            before: &body[..offset],
            text,
            unread: 0,
        };
        // The page was parsed, so its strings are clean.
        keys.feed(text, &mut block, true, place, sink);
    }
    sink.hand_over(&mut block);
}

/// The page in a body. One of which it is not certain where its rows are is refused, for read in
/// part it would look whole.
pub(crate) fn page<'a>(unit: &str, body: &'a [u8]) -> Result<Page<'a>, DecodeError> {
    page::read(body).map_err(|fault| match fault {
        PageFault::Json(error) => DecodeError::damaged(
            unit,
            format!("invalid JSON: {error}"),
            "a complete page with `items`",
        )
        .at_line(error.line() as u64),
        PageFault::Unclear(found) => DecodeError::wrong(
            unit,
            format!("a page with {found}"),
            "one array of rows, `items` or `value`",
            "save each response as it came, in a file of its own",
        ),
    })
}

/// Warning about a page that holds more than it says; `None` if it does not. One that holds less is
/// judged where all pages of its list are known.
pub(crate) fn more_than_counted(unit: &str, facts: &PageFacts) -> Option<String> {
    let total = facts.total.filter(|total| *total < facts.items)?;
    let items = facts.items;
    Some(format!(
        "`{unit}`: `totalCount` of {total}, but {items} items; all of them are read"
    ))
}
