//! The cells of one record of regular CSV text, cut out by the marks between them. Nothing is
//! copied except cells with doubled quotes.

use std::borrow::Cow;

use crate::model::row::Cell;

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

/// A cell's value: nothing for an empty cell, and an empty text for the `NULL` that database tools
/// write ([quirks](crate::model::domain::quirks), other exports).
pub(super) fn value_of(bytes: Cow<'_, [u8]>) -> Cell<'_> {
    match &*bytes {
        b"" => Cell::Missing,
        b"NULL" => Cell::Text(Cow::Borrowed(b"")),
        _ => Cell::Text(bytes),
    }
}
