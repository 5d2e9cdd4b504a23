//! Rows of any CSV text, read by the csv crate. It makes a record of everything, as spreadsheets
//! do, also where quotes stand in the middle of a cell. Slower than `regular`, which reads most
//! files.

use std::borrow::Cow;

use super::cells::value_of;
use super::layout::{Layout, csv_crate, next_record, offset_of, without_boms};
use crate::decode::sink::{Sink, SliceSink};
use crate::decode::slices::Slice;
use crate::model::row::{Content, Place, Row};

/// Reads the records of a slice from the offset `from` on.
pub(super) fn read<S: Sink>(
    layout: &Layout,
    slice: &Slice,
    from: usize,
    sink: &mut SliceSink<'_, S>,
) {
    let (body, skipped) = without_boms(&slice.bytes, from);
    let mut reader = csv_crate(body);
    let mut record = csv::ByteRecord::new();
    let mut start = skipped;
    while next_record(&mut reader, &mut record) {
        // The csv crate counts the line end to the record, and empty lines to the record after
        // them.
        let end = skipped + offset_of(&reader);
        let text = &slice.bytes[start..end];
        let place = Place {
            first_line: slice.first_line,
            before: &slice.bytes[..start + blank_lines(text)],
            text,
            content: Content::Text {
                columns: layout.columns_hash,
            },
        };
        start = end;
        read_record(layout, &record, place, sink);
    }
}

fn read_record<S: Sink>(
    layout: &Layout,
    record: &csv::ByteRecord,
    place: Place<'_>,
    sink: &mut SliceSink<'_, S>,
) {
    if layout.is_header_again(record.len(), |at| Cow::Borrowed(&record[at])) {
        return;
    }
    if record.len() != layout.headings.len() {
        return sink.reject(place, layout.ragged(record.len()));
    }
    // New for each record, as they borrow from the one that the next read overwrites.
    let mut cells = layout.missing_cells();
    for (at, slot) in &layout.wanted {
        cells[*slot] = value_of(Cow::Borrowed(&record[*at]));
    }
    sink.row(&Row {
        cells: &cells,
        place,
    });
}

/// Number of bytes of the empty lines at the start of a record's text; the csv crate skips them.
fn blank_lines(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
}
