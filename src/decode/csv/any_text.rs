//! Rows of any CSV text, read by the csv crate. It makes a record of everything, as spreadsheets
//! do, also where quotes stand in the middle of a cell. Slower than `regular`, which reads most
//! files.

use std::borrow::Cow;

use super::cells::{UnreadRun, is_null, value_of};
use super::layout::{Layout, csv_crate, next_record, offset_of, without_boms};
use crate::decode::failure::DecodeError;
use crate::decode::open::BOM;
use crate::decode::sink::{Sink, SliceSink};
use crate::decode::slices::Slice;
use crate::model::column_set::ColumnSet;
use crate::model::row::{EarlierRows, Place, Row};

/// Reads the records of a slice from the offset `from` on.
///
/// # Errors
/// [`DecodeError`] for another header in the middle.
pub(super) fn read<S: Sink>(
    layout: &Layout,
    slice: &Slice,
    from: usize,
    sink: &mut SliceSink<'_, S>,
) -> Result<(), DecodeError> {
    let (body, mut start) = without_boms(slice.bytes(), from);
    let mut reader = csv_crate(body);
    let mut reader_start = start;
    let mut record = csv::ByteRecord::new();
    while next_record(&mut reader, &mut record) {
        // The csv crate counts the line end to the record, and empty lines to the record after
        // them.
        let end = reader_start + offset_of(&reader);
        let text = &slice.bytes()[start..end];
        let blank = blank_lines(text);
        if text[blank..].starts_with(BOM) {
            // Files joined into one have byte order marks in the middle. The record is read again
            // without it, for a quote behind it opens a cell.
            start += blank + BOM.len();
            reader_start = start;
            reader = csv_crate(&slice.bytes()[start..]);
            continue;
        }
        let place = Place {
            first_line: slice.first_line,
            before: &slice.bytes()[..start + blank],
            text,
            unread: 0,
        };
        start = end;
        read_record(layout, &record, place, sink)?;
    }
    Ok(())
}

fn read_record<S: Sink>(
    layout: &Layout,
    record: &csv::ByteRecord,
    place: Place<'_>,
    sink: &mut SliceSink<'_, S>,
) -> Result<(), DecodeError> {
    let count = record.len();
    if (count != layout.width() || layout.may_be_header(|at| &record[at]))
        && !layout.is_row(count, |at| Cow::Borrowed(&record[at]), place, sink)?
    {
        return Ok(());
    }
    let unread = layout
        .unread
        .iter()
        .flat_map(UnreadRun::columns)
        .map(|(at, column)| (&record[at], column))
        .filter(|(cell, _)| !is_null(cell))
        .map(|(cell, column)| column.content.of_text(cell))
        .fold(0, u64::wrapping_add);
    // New for each record, as they borrow from the one that the next read overwrites.
    let mut cells = layout.missing_cells();
    for (at, slot) in layout.wanted.read.iter().chain(&layout.wanted.carried) {
        cells[*slot] = value_of(Cow::Borrowed(&record[*at]));
    }
    for (at, column) in layout.unread.iter().flat_map(UnreadRun::columns) {
        if let Some(slot) = column.carried {
            cells[slot] = value_of(Cow::Borrowed(&record[at]));
        }
    }
    sink.row(&Row {
        cells: &cells,
        place: Place { unread, ..place },
        changed: ColumnSet::ALL,
        earlier: EarlierRows::default(),
    });
    Ok(())
}

/// Number of bytes of the empty lines at the start of a record's text; the csv crate skips them.
fn blank_lines(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
}
