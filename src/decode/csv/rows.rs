//! Comma-separated values as Partner Center and other exports write them: any column order, BOMs,
//! CRLF, headers that come again after a gzip member, ragged rows rejected.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use super::cells::{Cells, cell_of};
use super::marks::{Irregular, Marks};
use crate::decode::binding::Binding;
use crate::decode::open::{self, BOM, Bytes, Opened};
use crate::decode::slices::{Border, Parity, QuoteScan, Slice, Slices};
use crate::decode::{Collector, DecodeError, Sink, SliceSink};
use crate::model::reject::Rejection;
use crate::model::row::{Cell, Place, Row};

/// Reads regular text at speed; text with stray quotes or carriage returns by the csv crate, from its
/// beginning.
pub(crate) fn read<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
    reader: Bytes,
) -> Result<(), DecodeError> {
    let is_irregular = AtomicBool::new(false);
    let read = read_with(
        collector,
        reader,
        Border::Parity(Parity::default()),
        Some(&is_irregular),
    );
    if !is_irregular.into_inner() {
        return read;
    }
    collector.restart();
    let (_, Opened::Csv(again)) = open::open(collector.input, collector.hash())? else {
        return read;
    };
    read_with(collector, again, Border::Csv(QuoteScan::default()), None)
}

fn read_with<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
    reader: Bytes,
    border: Border,
    is_irregular: Option<&AtomicBool>,
) -> Result<(), DecodeError> {
    let input = collector.input;
    let irregular = |_| {
        is_irregular
            .into_iter()
            .for_each(|flag| flag.store(true, Ordering::Relaxed));
        DecodeError::wrong(
            input.unit,
            "stray quotes",
            "quotes around cells",
            "put quotes around cells that hold one, and double it",
        )
    };
    let mut slices = Slices::new(input, reader, border);
    let first = match slices.next_slice() {
        Ok(Some(first)) => first,
        Ok(None) => return Ok(()),
        Err(error) => {
            // What ends within quotes may be a stray one.
            is_irregular
                .into_iter()
                .for_each(|flag| flag.store(slices.is_open(), Ordering::Relaxed));
            return Err(error);
        }
    };
    let (headings, after) = header(&first.bytes);
    let binding = Binding::new(input, &headings)?;
    if let Some(warning) = binding.drift(input) {
        collector.warn(warning);
    }
    let wanted = (0..)
        .zip(&binding.slots)
        .filter_map(|(at, slot)| Some((at, slot.filter(|slot| collector.wants(*slot))?)))
        .collect();
    let layout = Layout {
        headings,
        wanted,
        columns: input.dataset.columns().len(),
    };
    let work = |slice: &Slice, from: usize| {
        collector.with_sink(|sink| match is_irregular {
            Some(_) => layout.read_regular(slice, from, sink).map_err(irregular),
            None => layout.read_any(slice, from, sink),
        })
    };
    work(&first, after)?;
    drop(first);
    let (read, is_open) = slices.for_each(|slice| work(slice, 0));
    if read.is_err() && is_open {
        is_irregular
            .into_iter()
            .for_each(|flag| flag.store(true, Ordering::Relaxed));
    }
    read
}

/// The first record's cells, and where the second one begins.
fn header(bytes: &[u8]) -> (Vec<String>, usize) {
    let mut reader = plain_reader(bytes);
    let mut record = csv::ByteRecord::new();
    // Reading from memory, in flexible mode, has nothing to fail on.
    let found = reader.read_byte_record(&mut record).unwrap_or(false);
    if !found {
        return (Vec::new(), bytes.len());
    }
    let cells = record
        .iter()
        .map(|cell| String::from_utf8_lossy(cell).trim().to_owned())
        .collect();
    (
        cells,
        usize::try_from(reader.position().byte()).unwrap_or(bytes.len()),
    )
}

fn plain_reader(bytes: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes)
}

struct Layout {
    headings: Vec<String>,
    /// Input columns that are looked at, and the dataset's columns that they fill.
    wanted: Vec<(usize, usize)>,
    columns: usize,
}

impl Layout {
    fn read_any<S: Sink>(
        &self,
        slice: &Slice,
        from: usize,
        sink: &mut SliceSink<'_, S>,
    ) -> Result<(), DecodeError> {
        let (body, skipped) = without_boms(&slice.bytes, from);
        let mut reader = plain_reader(body);
        let mut record = csv::ByteRecord::new();
        let mut start = skipped;
        while reader.read_byte_record(&mut record).unwrap_or(false) {
            let end = skipped + usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            let text = slice.bytes.get(start..end).unwrap_or_default();
            let before = slice
                .bytes
                .get(..start + blank_lines(text))
                .unwrap_or_default();
            let place = Place {
                first_line: slice.first_line,
                before,
                text,
                digest: 0,
            };
            start = end;
            self.read_record(&record, place, sink);
        }
        Ok(())
    }

    fn read_record<S: Sink>(
        &self,
        record: &csv::ByteRecord,
        place: Place<'_>,
        sink: &mut SliceSink<'_, S>,
    ) {
        if self.is_header_again(|at| record.get(at).map(Cow::Borrowed), record.len()) {
            return;
        }
        if record.len() != self.headings.len() {
            return sink.reject(place, self.ragged(record.len()));
        }
        let mut cells: Vec<Cell<'_>> = vec![Cell::Missing; self.columns];
        for (at, slot) in &self.wanted {
            if let (Some(bytes), Some(cell)) = (record.get(*at), cells.get_mut(*slot)) {
                *cell = cell_of(Cow::Borrowed(bytes));
            }
        }
        sink.row(&Row {
            cells: &cells,
            place,
        });
    }

    fn read_regular<S: Sink>(
        &self,
        slice: &Slice,
        from: usize,
        sink: &mut SliceSink<'_, S>,
    ) -> Result<(), Irregular> {
        let (body, skipped) = without_boms(&slice.bytes, from);
        let mut marks = Marks::default();
        marks.find(body)?;
        let mut cells: Vec<Cell<'_>> = vec![Cell::Missing; self.columns];
        let last_heading = self
            .headings
            .last()
            .map(String::as_bytes)
            .unwrap_or_default();
        let (mut start, mut first_mark, mut record_start) = (0, 0, 0);
        for row in &marks.rows {
            let ends = marks
                .ends
                .get(first_mark..*row as usize)
                .unwrap_or_default();
            let end = ends.last().map_or(body.len(), |end| *end as usize);
            let cell = Cells {
                text: body,
                start,
                ends,
            };
            first_mark = *row as usize;
            if matches!(ends, [_]) && cell.get(0).is_empty() {
                // The csv crate counts it to the next record.
                start = end + 1;
                continue;
            }
            let text = slice
                .bytes
                .get(skipped + record_start..(skipped + end + 1).min(slice.bytes.len()))
                .unwrap_or_default();
            let before = slice.bytes.get(..skipped + cell.start).unwrap_or_default();
            let place = Place {
                first_line: slice.first_line,
                before,
                text,
                digest: 0,
            };
            (start, record_start) = (end + 1, end + 1);
            if ends.len() != self.headings.len() {
                sink.reject(place, self.ragged(ends.len()));
                continue;
            }
            // A heading begins with a letter, and may have blanks or quotes around it.
            let last = cell.get(ends.len() - 1).first();
            let may_be_heading = last == last_heading.first()
                || last.is_some_and(|byte| *byte == b'"' || byte.is_ascii_whitespace());
            if may_be_heading && self.is_header_again(|at| cell.plain(at), ends.len()) {
                continue;
            }
            for (at, slot) in &self.wanted {
                if let Some(slot) = cells.get_mut(*slot) {
                    *slot = match cell.get(*at) {
                        [b'"', ..] => cell_of(cell.plain(*at).unwrap_or_default()),
                        bytes => cell_of(Cow::Borrowed(bytes)),
                    };
                }
            }
            sink.row(&Row {
                cells: &cells,
                place,
            });
        }
        Ok(())
    }

    fn ragged(&self, found: usize) -> Rejection {
        Rejection::in_words(
            "",
            &format!("{found} cells"),
            format!("{} cells, as in the header", self.headings.len()),
        )
    }

    /// A later gzip member begins with the header once more, maybe behind a BOM.
    fn is_header_again<'c>(
        &self,
        cell: impl Fn(usize) -> Option<Cow<'c, [u8]>>,
        count: usize,
    ) -> bool {
        let is_heading = |at: usize| {
            cell(at).as_deref().map(<[u8]>::trim_ascii)
                == self.headings.get(at).map(String::as_bytes)
        };
        let last = self.headings.len().saturating_sub(1);
        count == self.headings.len() && is_heading(last) && (1..count).all(is_heading)
    }
}

/// What follows the byte order marks behind `from`, and how many bytes are before it.
fn without_boms(bytes: &[u8], from: usize) -> (&[u8], usize) {
    let mut body = bytes.get(from..).unwrap_or_default();
    while let Some(rest) = body.strip_prefix(BOM) {
        body = rest;
    }
    (body, bytes.len() - body.len())
}

/// Bytes of the empty lines that the csv crate skips before a record.
fn blank_lines(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
}
