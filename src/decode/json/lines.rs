//! JSON lines: one object a line, plain or out of gzip members.

use std::sync::{Mutex, PoisonError};

use super::object::Keys;
use crate::decode::binding::{Naming, lacking};
use crate::decode::open::{BOM, Bytes};
use crate::decode::slices::{Border, Slice, Slices};
use crate::decode::{Collector, DecodeError, Sink, SliceSink};
use crate::model::row::{Place, Row};

pub(crate) fn read<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
    reader: Bytes,
) -> Result<(), DecodeError> {
    let input = collector.input;
    let mut slices = Slices::new(input, reader, Border::Line);
    let Some(first) = slices.next_slice()? else {
        return Ok(());
    };
    let line = first
        .bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    if let Some((headings, missing)) = Keys::new(input.dataset, None).lacking(line) {
        return Err(lacking(input, &headings, &missing, Naming::Keys));
    }
    // Keys that were met are known to the slices that follow.
    let idle: Mutex<Vec<Keys<'_>>> = Mutex::new(Vec::new());
    let work = |slice: &Slice| {
        let known = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut keys = known.unwrap_or_else(|| Keys::new(input.dataset, collector.wanted));
        collector.with_sink(|sink| {
            read_slice(slice, &mut keys, sink);
            Ok(())
        })?;
        idle.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(keys);
        Ok(())
    };
    work(&first)?;
    drop(first);
    slices.for_each(work).0
}

fn read_slice<S: Sink>(slice: &Slice, keys: &mut Keys<'_>, sink: &mut SliceSink<'_, S>) {
    keys.begin();
    let mut cells = keys.no_cells();
    let is_clean = is_clean(&slice.bytes);
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', &slice.bytes)
        .map(|at| at + 1)
        .chain([slice.bytes.len()])
    {
        let line = slice.bytes.get(start..end).unwrap_or_default();
        let object = line.strip_prefix(BOM).unwrap_or(line).trim_ascii();
        let mut place = Place {
            first_line: slice.first_line,
            before: slice.bytes.get(..start).unwrap_or_default(),
            text: line,
            digest: 0,
        };
        start = end;
        if object.is_empty() {
            continue;
        }
        match keys.read(object, &mut cells, is_clean) {
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

/// UTF-8, and no control characters but line feeds: what JSON asks of the text within its strings.
fn is_clean(text: &[u8]) -> bool {
    let has_control = text.iter().fold(false, |found, byte| {
        found | (*byte < b' ' && *byte != b'\n')
    });
    !has_control && simdutf8::basic::from_utf8(text).is_ok()
}
