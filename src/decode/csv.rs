//! Comma-separated values as Partner Center and other exports write them: any column order, BOMs,
//! CRLF, headers that come again after a gzip member, ragged rows rejected.

use std::borrow::Cow;

use super::binding::Binding;
use super::bytes::{BOM, Bytes};
use super::slices::{Border, QuoteScan, Slice, Slices};
use super::{Collector, DecodeError, Sink, SliceSink};
use crate::model::reject::Rejection;
use crate::model::row::{Cell, Place, Row};

pub(super) fn read<S: Sink>(collector: &Collector<'_, S, impl Fn() -> S + Sync>, reader: Bytes) -> Result<(), DecodeError> {
    let input = collector.input;
    let mut slices = Slices::new(input, reader, Border::Csv(QuoteScan::default()));
    let Some(first) = slices.next_slice()? else { return Ok(()) };
    let (headings, after) = header(&first.bytes);
    let binding = Binding::new(input, &headings)?;
    if let Some(warning) = binding.drift(input) {
        collector.warn(warning);
    }
    let layout = Layout { binding, headings, columns: input.dataset.columns().len() };
    let work = |slice: &Slice, from: usize| collector.with_sink(|sink| layout.read_slice(slice, from, sink));
    work(&first, after)?;
    drop(first);
    slices.for_each(|slice| work(slice, 0))
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
    let cells = record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
    (cells, usize::try_from(reader.position().byte()).unwrap_or(bytes.len()))
}

fn plain_reader(bytes: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes)
}

struct Layout {
    binding: Binding,
    headings: Vec<String>,
    columns: usize,
}

impl Layout {
    fn read_slice<S: Sink>(&self, slice: &Slice, from: usize, sink: &mut SliceSink<'_, S>) -> Result<(), DecodeError> {
        let mut body = slice.bytes.get(from..).unwrap_or_default();
        while let Some(rest) = body.strip_prefix(BOM) {
            body = rest;
        }
        let skipped = slice.bytes.len() - body.len();
        let mut reader = plain_reader(body);
        let mut record = csv::ByteRecord::new();
        let mut start = skipped;
        while reader.read_byte_record(&mut record).unwrap_or(false) {
            let end = skipped + usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            let place = Place {
                first_line: slice.first_line,
                before: slice.bytes.get(..start + blank_lines(slice.bytes.get(start..end))).unwrap_or_default(),
                text: slice.bytes.get(start..end).unwrap_or_default(),
                digest: 0,
            };
            start = end;
            self.read_record(&record, place, sink);
        }
        Ok(())
    }

    fn read_record<S: Sink>(&self, record: &csv::ByteRecord, place: Place<'_>, sink: &mut SliceSink<'_, S>) {
        if self.is_header_again(record) {
            return;
        }
        if record.len() != self.headings.len() {
            let found = format!("{} cells", record.len());
            return sink.reject(place, Rejection::in_words("", &found, format!("{} cells, as in the header", self.headings.len())));
        }
        let mut cells: Vec<Cell<'_>> = vec![Cell::Missing; self.columns];
        for (bytes, slot) in record.iter().zip(&self.binding.slots) {
            if let Some(cell) = slot.and_then(|slot| cells.get_mut(slot))
                && !bytes.is_empty()
            {
                *cell = Cell::Text(Cow::Borrowed(if bytes == b"NULL" { b"" } else { bytes }));
            }
        }
        sink.row(&Row { cells: &cells, place });
    }

    /// A later gzip member begins with the header once more, maybe behind a BOM.
    fn is_header_again(&self, record: &csv::ByteRecord) -> bool {
        let last = self.headings.len().saturating_sub(1);
        record.len() == self.headings.len()
            && record.get(last).map(|cell| cell.trim_ascii()) == self.headings.get(last).map(String::as_bytes)
            && record.iter().skip(1).zip(self.headings.iter().skip(1)).all(|(cell, heading)| cell.trim_ascii() == heading.as_bytes())
    }
}

/// Bytes of the empty lines that the csv crate skips before a record.
fn blank_lines(text: Option<&[u8]>) -> usize {
    text.unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}
