//! The layout of a CSV file, fixed by its header: how many cells a record has, and which of them
//! are read.

use std::borrow::Cow;

use crate::decode::open::BOM;
use crate::model::reject::Rejection;
use crate::model::row::Cell;

/// Layout of a file's records.
pub(super) struct Layout {
    /// Headings, trimmed, one for each cell of a record.
    pub(super) headings: Vec<String>,
    /// Input columns that are read, each with the position of the dataset's column that it fills.
    pub(super) wanted: Vec<(usize, usize)>,
    /// Number of the dataset's columns.
    pub(super) columns: usize,
    /// Hash of the columns that the headings name, in their order.
    pub(super) columns_hash: u64,
}

impl Layout {
    /// Cells of a row, one for each column of the dataset. Columns that are not read stay missing,
    /// so a reader may use the same cells for one row after another.
    pub(super) fn missing_cells<'c>(&self) -> Vec<Cell<'c>> {
        vec![Cell::Missing; self.columns]
    }

    /// The rejection of a record whose number of cells is not that of the header.
    pub(super) fn ragged(&self, found: usize) -> Rejection {
        Rejection::in_words(
            "",
            &format!("{found} cells"),
            format!("{} cells, as in the header", self.headings.len()),
        )
    }

    /// True if a record of `count` cells is the header once more: each member of a gzip file, or
    /// each of several files joined into one, may begin with it. The first cell is not compared,
    /// for a byte order mark may stand before it.
    pub(super) fn is_header_again<'c>(
        &self,
        count: usize,
        cell: impl Fn(usize) -> Cow<'c, [u8]>,
    ) -> bool {
        let is_heading = |at: usize| cell(at).trim_ascii() == self.headings[at].as_bytes();
        // The last cell decides first: few columns end in one that equals its heading.
        count == self.headings.len() && is_heading(count - 1) && (1..count).all(is_heading)
    }
}

/// The first record's cells, and the offset at which the second record begins.
pub(super) fn header(bytes: &[u8]) -> (Vec<String>, usize) {
    let mut reader = csv_crate(bytes);
    let mut record = csv::ByteRecord::new();
    if !next_record(&mut reader, &mut record) {
        return (Vec::new(), bytes.len());
    }
    // A heading that is not UTF-8 becomes one that no column has: it costs its own column only.
    let cells = record
        .iter()
        .map(|cell| String::from_utf8_lossy(cell).trim().to_owned())
        .collect();
    (cells, offset_of(&reader))
}

/// The csv crate's reader of a text in memory. It takes records of any number of cells, and headers
/// as any other record.
pub(super) fn csv_crate(bytes: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        // A record with too few or too many cells is rejected by itself, not with the rest of its
        // file.
        .flexible(true)
        .from_reader(bytes)
}

/// Reads the next record; false at the end.
pub(super) fn next_record(reader: &mut csv::Reader<&[u8]>, record: &mut csv::ByteRecord) -> bool {
    reader
        .read_byte_record(record)
        .expect("bytes in memory, with any number of cells, leave nothing to fail on")
}

/// Offset of the first byte that a reader has not read.
pub(super) fn offset_of(reader: &csv::Reader<&[u8]>) -> usize {
    usize::try_from(reader.position().byte()).expect("a text in memory has offsets of its size")
}

/// The text from `from` on without the byte order marks at its start, and the offset at which it
/// begins.
pub(super) fn without_boms(bytes: &[u8], from: usize) -> (&[u8], usize) {
    let mut body = &bytes[from..];
    while let Some(rest) = body.strip_prefix(BOM) {
        body = rest;
    }
    (body, bytes.len() - body.len())
}
