//! The layout of a CSV file, fixed by its header: how many cells a record has, and which of them
//! are read.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cells::{UnreadColumn, UnreadRun};
use crate::decode::failure::DecodeError;
use crate::decode::open::BOM;
use crate::decode::row_block::RowBlock;
use crate::decode::sink::{Sink, SliceSink};
use crate::model::content::{ColumnContent, hash_of_name};
use crate::model::dataset::{Dataset, Kind, Need};
use crate::model::reject::Rejection;
use crate::model::row::{Cell, Place};

/// Cells that name a column, from which on a record is taken for a header: 3. One may come about by
/// chance, three do not.
const NAMES_OF_A_HEADER: usize = 3;
/// Longest cell that is looked up as a heading, in bytes.
const LONGEST_HEADING_BYTES: usize = 100;

/// Layout of a file's records.
pub(super) struct Layout {
    dataset: Dataset,
    /// For each cell of a record the dataset's column that its heading names.
    named: Vec<Option<usize>>,
    pub(super) wanted: Wanted,
    /// Input columns that are not read, with their parts in the content of a row; empty where
    /// contents are not wanted.
    pub(super) unread: Vec<UnreadRun>,
    /// Input column in which every row has a number, so that text in it tells a header.
    number: Option<usize>,
}

/// Input columns that are handed over, each with the position of the dataset's column that it fills.
pub(super) struct Wanted {
    /// Those that are read.
    pub(super) read: Vec<(usize, usize)>,
    /// Those that are handed over as they are written, and have no part in the content of a row.
    pub(super) carried: Vec<(usize, usize)>,
}

/// A record, as compared with the header of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    /// A row of data, however odd.
    Row,
    /// The header once more.
    Header,
    /// Another header: the rows after it have other columns, or the same in another order.
    OtherHeader,
}

impl Layout {
    /// Layout under these headings. With `unread`, the columns that are not read count for the content
    /// of a row.
    pub(super) fn new(
        dataset: Dataset,
        headings: &[String],
        mut wanted: Wanted,
        unread: impl IntoIterator<Item = usize>,
    ) -> Self {
        let unread = unread_runs(dataset, headings, unread, &mut wanted.carried);
        let named: Vec<Option<usize>> = headings
            .iter()
            .map(|heading| dataset.position_of(heading))
            .collect();
        let is_number = |position: usize| {
            let column = &dataset.columns()[position];
            column.need == Need::Value && matches!(column.kind, Kind::Decimal(_))
        };
        Self {
            dataset,
            number: named.iter().position(|at| at.is_some_and(is_number)),
            named,
            wanted,
            unread,
        }
    }

    /// Number of cells of a record.
    pub(super) fn width(&self) -> usize {
        self.named.len()
    }

    /// A block without a row.
    pub(super) fn new_block<'c>(&self) -> RowBlock<'c> {
        let unread = self.unread.iter().flat_map(|run| &run.columns);
        let carried = unread.filter_map(|column| column.carried);
        let without_part = self.wanted.carried.iter().map(|(_, slot)| *slot);
        RowBlock::new(
            self.dataset.columns().len(),
            carried.chain(without_part).collect(),
        )
    }

    /// Cells of a row, one for each column of the dataset.
    pub(super) fn missing_cells<'c>(&self) -> Vec<Cell<'c>> {
        vec![Cell::Missing; self.dataset.columns().len()]
    }

    /// The rejection of a record whose number of cells is not that of the header.
    fn ragged(&self, found: usize) -> Rejection {
        Rejection::in_words(
            "",
            &format!("{found} cells"),
            format!("{} cells, as in the header", self.width()),
        )
    }

    /// False for nearly every row, by one byte: it has a number where this one would have a heading.
    #[inline]
    pub(super) fn may_be_header<'t>(&self, cell: impl Fn(usize) -> &'t [u8]) -> bool {
        let Some(number) = self.number else {
            return true;
        };
        cell(number)
            .iter()
            .find(|byte| !matches!(byte, b'"' | b' ' | b'\t'))
            .is_some_and(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
    }

    /// Looks closely at a record of `count` cells that is ragged or may be a header: true if it is a
    /// row to be read. A header once more is counted, a ragged row rejected.
    ///
    /// # Errors
    /// [`DecodeError`] for another header.
    pub(super) fn is_row<'c, S: Sink>(
        &self,
        count: usize,
        cell: impl Fn(usize) -> Cow<'c, [u8]>,
        place: Place<'_>,
        sink: &mut SliceSink<'_, S>,
    ) -> Result<bool, DecodeError> {
        match self.likeness(count, cell) {
            Likeness::Row if count == self.width() => return Ok(true),
            Likeness::Row => sink.reject(place, self.ragged(count)),
            Likeness::Header => sink.headings_again += 1,
            Likeness::OtherHeader => return Err(other_header(sink.input.unit, place)),
        }
        Ok(false)
    }

    /// Compares a record of `count` cells with the header: each member of a gzip file, or each of
    /// several files joined into one, may begin with one. Names are compared by the columns that
    /// they mean, in any case and spelling.
    fn likeness<'c>(&self, count: usize, cell: impl Fn(usize) -> Cow<'c, [u8]>) -> Likeness {
        let name_at = |at: usize| {
            let cell = cell(at);
            (cell.len() <= LONGEST_HEADING_BYTES)
                .then(|| String::from_utf8_lossy(&cell).trim().to_owned())
                .and_then(|name| self.dataset.position_of(&name))
        };
        let names: Vec<Option<usize>> = (0..count).map(name_at).collect();
        if names.iter().flatten().count() < NAMES_OF_A_HEADER {
            Likeness::Row
        } else if names == self.named {
            Likeness::Header
        } else {
            Likeness::OtherHeader
        }
    }
}

/// The columns at some positions, ascending, that have a part in the content of a row. Those among them
/// that are carried are taken out of `carried`.
fn unread_runs(
    dataset: Dataset,
    headings: &[String],
    positions: impl IntoIterator<Item = usize>,
    carried: &mut Vec<(usize, usize)>,
) -> Vec<UnreadRun> {
    let mut met: HashMap<u64, u64> = HashMap::new();
    let mut runs: Vec<UnreadRun> = Vec::new();
    for at in positions {
        let before = met.entry(hash_of_name(dataset, &headings[at])).or_default();
        let column = ColumnContent::unread(dataset, &headings[at], *before);
        *before += 1;
        let Some(content) = column else {
            continue;
        };
        let place = carried.iter().position(|(carried, _)| *carried == at);
        let column = UnreadColumn {
            content,
            carried: place.map(|place| carried.swap_remove(place).1),
        };
        match runs.last_mut() {
            Some(run) if run.first + run.columns.len() == at => {
                run.columns.push(column);
            }
            _ => runs.push(UnreadRun {
                first: at,
                columns: vec![column],
            }),
        }
    }
    runs
}

/// The error of a header in the middle that is not that of the file.
fn other_header(unit: &str, place: Place<'_>) -> DecodeError {
    DecodeError::wrong(
        unit,
        "headings in another order, or others, than in the first line",
        "rows under one header",
        "files that differ in their columns were joined into one; pass each of them by itself",
    )
    .at_line(place.line())
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
