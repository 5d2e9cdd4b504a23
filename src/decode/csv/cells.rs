//! The cells of one record of regular CSV text, cut out by the marks between them. Nothing is
//! copied except cells with doubled quotes.

use std::borrow::Cow;

use crate::model::column_set::ColumnSet;
use crate::model::content::ColumnContent;
use crate::model::row::{Cell, Spelling};
use crate::model::same::same;
use crate::model::value_hash::hash_of_doubled;

/// One record of regular text.
pub(super) struct Record<'t> {
    /// Text that the record is a part of.
    pub(super) text: &'t [u8],
    /// Offset of the record's first byte.
    pub(super) start: usize,
    /// Offsets of the commas after its cells and of its line end: one for each cell, never empty.
    pub(super) ends: &'t [u32],
}

impl<'t> Record<'t> {
    /// So many cells side by side, as they are written, with the commas between them.
    #[inline]
    fn span(&self, first: usize, count: usize) -> &'t [u8] {
        let start = if first == 0 {
            self.start
        } else {
            self.ends[first - 1] as usize + 1
        };
        &self.text[start..self.ends[first + count - 1] as usize]
    }

    /// A cell as it is written, with its quotes.
    #[inline(always)]
    pub(super) fn raw(&self, at: usize) -> &'t [u8] {
        let cell = self.span(at, 1);
        if at + 1 == self.ends.len() {
            // The mark of a row is its line feed; the carriage return of a CRLF stands before it.
            cell.strip_suffix(b"\r").unwrap_or(cell)
        } else {
            cell
        }
    }

    /// A cell without its quotes, and with one quote for each doubled one.
    pub(super) fn plain(&self, at: usize) -> Cow<'t, [u8]> {
        plain(self.raw(at))
    }
}

/// A cell of regular text without its quotes, and with one quote for each doubled one.
fn plain(cell: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', inner @ .., b'"'] = cell else {
        return Cow::Borrowed(cell);
    };
    if memchr::memchr(b'"', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        plain.extend_from_slice(&rest[..=quote]);
        // In regular text quotes inside a cell come in pairs: `marks` made sure of it.
        rest = &rest[quote + 2..];
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// A cell that is handed over without being read, as it is written.
#[inline]
pub(super) fn carried_cell(raw: &[u8]) -> Cell<'_> {
    match raw {
        [b'"', ..] => Cell::Written(raw, Spelling::Csv),
        raw => value_of(Cow::Borrowed(raw)),
    }
}

/// Value of a cell with its quotes.
pub(in crate::decode) fn cell_of(raw: &[u8]) -> Cell<'_> {
    value_of(plain(raw))
}

/// Columns side by side that are not read.
pub(super) struct UnreadRun {
    /// Position of the first one in a record.
    pub(super) first: usize,
    /// The columns; never empty.
    pub(super) columns: Vec<UnreadColumn>,
}

/// A column that is not read.
pub(super) struct UnreadColumn {
    /// Its part in the content of a row.
    pub(super) content: ColumnContent,
    /// Position of the dataset's column that it fills though it is not read; `None` for none.
    pub(super) carried: Option<usize>,
}

impl UnreadRun {
    /// Positions of the columns in a record, with what becomes of them.
    pub(super) fn columns(&self) -> impl Iterator<Item = (usize, &UnreadColumn)> {
        (self.first..).zip(&self.columns)
    }
}

/// Parts of the columns that are not read in the contents of rows. Rows that follow each other share
/// most of their texts: of each run of columns, and of each column in it, the last text is kept with
/// its part, and most runs are known by one comparison.
pub(super) struct UnreadCells<'t> {
    last: Vec<LastRun<'t>>,
}

/// Last texts of a run of columns, and what they add to the content of a row.
struct LastRun<'t> {
    text: &'t [u8],
    part: u64,
    cells: Vec<(&'t [u8], u64)>,
}

impl<'t> UnreadCells<'t> {
    /// Memory of the columns of `runs`, empty.
    pub(super) fn new(runs: &[UnreadRun]) -> Self {
        let last = runs.iter().map(|run| LastRun {
            // Shorter than any run of two columns; one column adds nothing where it is empty.
            text: b"",
            part: 0,
            cells: vec![(b"", 0); run.columns.len()],
        });
        Self {
            last: last.collect(),
        }
    }

    /// Sum of the parts that a record has in the columns of `runs`. Those that are carried, and are not as
    /// in the record before, fill their cells and are added to `changed`; all are missing before the first
    /// record.
    #[inline]
    pub(super) fn content_of(
        &mut self,
        record: &Record<'t>,
        runs: &[UnreadRun],
        cells: &mut [Cell<'t>],
        changed: &mut ColumnSet,
    ) -> u64 {
        let mut sum = 0_u64;
        for (run, last) in runs.iter().zip(&mut self.last) {
            let text = record.span(run.first, run.columns.len());
            if !same(text, last.text) {
                last.text = text;
                last.part = last.of_cells(record, run, cells, changed);
            }
            sum = sum.wrapping_add(last.part);
        }
        sum
    }
}

impl<'t> LastRun<'t> {
    fn of_cells(
        &mut self,
        record: &Record<'t>,
        run: &UnreadRun,
        cells: &mut [Cell<'t>],
        changed: &mut ColumnSet,
    ) -> u64 {
        let mut sum = 0_u64;
        for ((at, column), (text, part)) in run.columns().zip(&mut self.cells) {
            let raw = record.raw(at);
            if !same(raw, text) {
                (*text, *part) = (raw, part_of(record, at, raw, &column.content));
                if let Some(at) = column.carried {
                    cells[at] = carried_cell(raw);
                    changed.add(at);
                }
            }
            sum = sum.wrapping_add(*part);
        }
        sum
    }
}

fn part_of(record: &Record<'_>, at: usize, raw: &[u8], column: &ColumnContent) -> u64 {
    match raw {
        [b'"', inner @ .., b'"'] if column.is_plain() && !is_null(inner) => {
            column.part(hash_of_doubled(inner))
        }
        [b'"', ..] => match record.plain(at) {
            plain if is_null(&plain) => 0,
            plain => column.of_text(&plain),
        },
        b"" => 0,
        raw if is_null(raw) => 0,
        // In regular text a cell without quotes around it has none inside, so that none is doubled.
        raw if column.is_plain() => column.part(hash_of_doubled(raw)),
        raw => column.of_text(raw),
    }
}

/// True for the `NULL` that database tools write ([quirks](crate::model::domain::quirks), other
/// exports).
pub(super) fn is_null(text: &[u8]) -> bool {
    text == b"NULL"
}

/// A cell's value: nothing for an empty cell, and an empty text for `NULL`.
#[inline]
pub(super) fn value_of(bytes: Cow<'_, [u8]>) -> Cell<'_> {
    match &*bytes {
        b"" => Cell::Missing,
        b"NULL" => Cell::Text(Cow::Borrowed(b"")),
        _ => Cell::Text(bytes),
    }
}
