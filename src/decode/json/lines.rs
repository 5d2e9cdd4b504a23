//! JSON lines: one object on each line, as the export of Graph and scripts write them.

use std::sync::Mutex;

use super::object::Keys;
use crate::decode::binding::{Naming, missing_columns, unknown_keys};
use crate::decode::borders::Border;
use crate::decode::collector::Collector;
use crate::decode::failure::DecodeError;
use crate::decode::input::ColumnChoice;
use crate::decode::lock::{into_inner, lock};
use crate::decode::open::{BOM, ByteStream};
use crate::decode::sink::{Sink, SliceSink};
use crate::decode::slices::{Slice, Slices};
use crate::model::row::Place;

/// Reads all rows of a file of JSON lines. A file whose first line lacks a needed key is refused;
/// in later lines that is the fault of the row.
pub(crate) fn read<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
    stream: ByteStream<'_>,
) -> Result<(), DecodeError> {
    let input = collector.input;
    let mut slices = Slices::new(input, stream, Border::Line);
    let Some(first) = slices.next_slice()? else {
        return Ok(());
    };
    let line_end = memchr::memchr(b'\n', first.bytes());
    let line = line_end.map_or(first.bytes(), |end| &first.bytes()[..end]);
    // Asked of all columns, wanted or not: a file that lacks a needed key is the wrong file for any
    // purpose.
    if let Some((names, missing)) = Keys::new(input.dataset, ColumnChoice::default()).missing(line)
    {
        return Err(missing_columns(input, &names, &missing, Naming::Keys));
    }
    // Keys that were met in one slice are known in those that follow.
    let idle: Mutex<Vec<Keys<'_>>> = Mutex::new(Vec::new());
    let work = |slice: &Slice| {
        let known = lock(&idle).pop();
        let mut keys = known.unwrap_or_else(|| Keys::new(input.dataset, collector.columns));
        collector.with_sink(slice.number, |sink| {
            read_slice(slice, &mut keys, sink);
            Ok(())
        })?;
        lock(&idle).push(keys);
        Ok(())
    };
    work(&first)?;
    drop(first);
    slices.for_each(work).result?;
    let unknown = into_inner(idle).into_iter().flat_map(Keys::into_unknown);
    if let Some(warning) = unknown_keys(input, unknown.collect()) {
        collector.warn(warning);
    }
    Ok(())
}

fn read_slice<S: Sink>(slice: &Slice, keys: &mut Keys<'_>, sink: &mut SliceSink<'_, S>) {
    keys.begin_slice();
    let mut block = keys.new_block();
    // Checked once for half a MiB: the template need not look at each string for it.
    let is_clean = is_clean(slice.bytes());
    let mut start = 0;
    // The last line may lack its line feed. Where it does not, an empty line comes out behind it,
    // and is skipped.
    for end in memchr::memchr_iter(b'\n', slice.bytes())
        .map(|at| at + 1)
        .chain([slice.bytes().len()])
    {
        let line = &slice.bytes()[start..end];
        // Files joined into one have byte order marks in the middle.
        let object = without_boms(line).trim_ascii();
        let place = Place {
            first_line: slice.first_line,
            before: &slice.bytes()[..start],
            text: line,
            unread: 0,
        };
        start = end;
        if object.is_empty() {
            continue;
        }
        keys.feed(object, &mut block, is_clean, place, sink);
    }
    sink.hand_over(&mut block);
}

/// A line without the byte order marks at its start.
fn without_boms(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line.strip_prefix(BOM) {
        line = rest;
    }
    line
}

/// True if a text is UTF-8 and has no control characters except line feeds, as JSON wants it in
/// strings.
fn is_clean(text: &[u8]) -> bool {
    // A fold and not `any`, which would stop at each byte and could not be vectorised.
    let has_control = text.iter().fold(false, |found, byte| {
        found | (*byte < b' ' && *byte != b'\n')
    });
    !has_control && simdutf8::basic::from_utf8(text).is_ok()
}
