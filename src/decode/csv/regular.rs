//! Rows of regular CSV text, as nearly all files have it: the marks of a whole slice are found
//! first, and its rows are cut out by them.
//!
//! Reading is fast because no byte is looked at one by one: `marks` finds commas, quotes and line
//! ends 64 bytes at a time, only the cells that are wanted are cut out, and these borrow from the
//! slice. Its rows, their text and their places must be those that `any_text` gives; tests compare
//! the two.

use std::borrow::Cow;

use super::cells::{Record, UnreadCells, carried_cell, value_of};
use super::layout::{Layout, without_boms};
use super::marks::{Irregular, Marks};
use crate::decode::failure::DecodeError;
use crate::decode::open::BOM;
use crate::decode::row_block::RowBlock;
use crate::decode::sink::{Sink, SliceSink};
use crate::decode::slices::Slice;
use crate::model::column_set::ColumnSet;
use crate::model::row::Place;

/// Reason why a slice is not read.
pub(super) enum Stopped {
    /// Only the csv crate knows what the text means; no row was read.
    Irregular,
    /// The file cannot be used.
    Refused(DecodeError),
}

/// Reads the records of a slice from the offset `from` on.
///
/// # Errors
/// [`Stopped`] if the text is not regular, or has another header in its middle.
pub(super) fn read<S: Sink>(
    layout: &Layout,
    slice: &Slice,
    from: usize,
    sink: &mut SliceSink<'_, S>,
) -> Result<(), Stopped> {
    let (body, skipped) = without_boms(slice.bytes(), from);
    let mut marks = Marks::default();
    marks.find(body).map_err(|Irregular| Stopped::Irregular)?;
    let mut block = layout.new_block();
    let mut unread = UnreadCells::new(&layout.unread);
    // `text_start` falls behind `start` where empty lines stand before a record.
    let (mut start, mut first_mark, mut text_start) = (0, 0, 0);
    for end_of_row in &marks.rows {
        let ends = &marks.ends[first_mark..*end_of_row as usize];
        first_mark = *end_of_row as usize;
        let end = ends[ends.len() - 1] as usize;
        // Files joined into one have byte order marks in the middle.
        if body[start..end].starts_with(BOM) {
            start += BOM.len();
            text_start = start;
        }
        let record = Record {
            text: body,
            start,
            ends,
        };
        start = end + 1;
        if ends.len() == 1 && record.raw(0).is_empty() {
            // An empty line is text of the record after it, as the csv crate counts it.
            continue;
        }
        // The last record of a file may have no line end.
        let text_end = (skipped + end + 1).min(slice.bytes().len());
        let place = Place {
            first_line: slice.first_line,
            before: &slice.bytes()[..skipped + record.start],
            text: &slice.bytes()[skipped + text_start..text_end],
            unread: 0,
        };
        text_start = start;
        read_record(layout, &record, place, (&mut block, &mut unread), sink)
            .map_err(Stopped::Refused)?;
    }
    sink.hand_over(&mut block);
    Ok(())
}

#[inline]
fn read_record<'t, S: Sink>(
    layout: &Layout,
    record: &Record<'t>,
    place: Place<'t>,
    (block, unread): (&mut RowBlock<'t>, &mut UnreadCells<'t>),
    sink: &mut SliceSink<'_, S>,
) -> Result<(), DecodeError> {
    let count = record.ends.len();
    if count != layout.width() {
        // Rejected rows come in the order of their lines.
        sink.hand_over(block);
    }
    if (count != layout.width() || layout.may_be_header(|at| record.raw(at)))
        && !layout.is_row(count, |at| record.plain(at), place, sink)?
    {
        return Ok(());
    }
    let cells = block.next(0);
    // Every cell that is read is written for every row, so nothing of the row before is left in them.
    for (at, slot) in &layout.wanted.read {
        cells[*slot] = match record.raw(*at) {
            [b'"', ..] => value_of(record.plain(*at)),
            bytes => value_of(Cow::Borrowed(bytes)),
        };
    }
    let mut changed = ColumnSet::NONE;
    for (at, slot) in &layout.wanted.carried {
        cells[*slot] = carried_cell(record.raw(*at));
        changed.add(*slot);
    }
    let place = Place {
        unread: unread.content_of(record, &layout.unread, cells, &mut changed),
        ..place
    };
    sink.push(block, place, changed);
    Ok(())
}
