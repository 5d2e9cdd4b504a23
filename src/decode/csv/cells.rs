//! The cells of one record of regular CSV text, cut out by the marks between them. Nothing is
//! copied except cells with doubled quotes.

use std::borrow::Cow;

use crate::model::content::ColumnContent;
use crate::model::row::Cell;
use crate::model::same::same;

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
    /// A cell as it is written, with its quotes.
    pub(super) fn raw(&self, at: usize) -> &'t [u8] {
        let start = if at == 0 {
            self.start
        } else {
            self.ends[at - 1] as usize + 1
        };
        let cell = &self.text[start..self.ends[at] as usize];
        if at + 1 == self.ends.len() {
            // The mark of a row is its line feed; the carriage return of a CRLF stands before it.
            cell.strip_suffix(b"\r").unwrap_or(cell)
        } else {
            cell
        }
    }

    /// A cell without its quotes, and with one quote for each doubled one.
    pub(super) fn plain(&self, at: usize) -> Cow<'t, [u8]> {
        let cell = self.raw(at);
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
}

/// Parts of the columns that are not read in the contents of rows. Rows that follow each other share
/// some of their texts: of each column the last one is kept, with its part.
pub(super) struct UnreadCells<'t> {
    last: Vec<(&'t [u8], u64)>,
}

impl<'t> UnreadCells<'t> {
    /// Memory of so many columns, empty.
    pub(super) fn new(columns: usize) -> Self {
        Self {
            last: vec![(b"", 0); columns],
        }
    }

    /// Sum of the parts that a record has in `columns`.
    #[inline]
    pub(super) fn content_of(
        &mut self,
        record: &Record<'t>,
        columns: &[(usize, ColumnContent)],
    ) -> u64 {
        let mut sum = 0_u64;
        for ((at, column), (text, part)) in columns.iter().zip(&mut self.last) {
            let raw = record.raw(*at);
            if raw.is_empty() {
                continue;
            }
            if !same(raw, text) {
                (*text, *part) = (raw, part_of(record, *at, column));
            }
            sum = sum.wrapping_add(*part);
        }
        sum
    }
}

fn part_of(record: &Record<'_>, at: usize, column: &ColumnContent) -> u64 {
    match record.raw(at) {
        // The second quote of a pair need not be taken out where quotes do not count.
        [b'"', inner @ .., b'"'] if column.ignores_escapes() && !is_null(inner) => {
            column.of_text(inner)
        }
        [b'"', ..] => match record.plain(at) {
            plain if is_null(&plain) => 0,
            plain => column.of_text(&plain),
        },
        raw if is_null(raw) => 0,
        raw => column.of_text(raw),
    }
}

/// True for the `NULL` that database tools write ([quirks](crate::model::domain::quirks), other
/// exports).
pub(super) fn is_null(text: &[u8]) -> bool {
    text == b"NULL"
}

/// A cell's value: nothing for an empty cell, and an empty text for `NULL`.
pub(super) fn value_of(bytes: Cow<'_, [u8]>) -> Cell<'_> {
    match &*bytes {
        b"" => Cell::Missing,
        b"NULL" => Cell::Text(Cow::Borrowed(b"")),
        _ => Cell::Text(bytes),
    }
}
