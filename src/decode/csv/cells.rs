//! The cells of a row of regular CSV text, by the marks between them.

use std::borrow::Cow;

use crate::model::row::Cell;

/// The cells of a row of regular text.
pub(crate) struct Cells<'t> {
    pub(crate) text: &'t [u8],
    pub(crate) start: usize,
    pub(crate) ends: &'t [u32],
}

impl<'t> Cells<'t> {
    /// A cell as it stands there.
    pub(crate) fn get(&self, at: usize) -> &'t [u8] {
        let start = at
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(self.start, |end| *end as usize + 1);
        let end = self.ends.get(at).map_or(start, |end| *end as usize);
        let cell = self.text.get(start..end).unwrap_or_default();
        if at + 1 == self.ends.len() {
            cell.strip_suffix(b"\r").unwrap_or(cell)
        } else {
            cell
        }
    }

    /// A cell without its quotes.
    pub(crate) fn plain(&self, at: usize) -> Option<Cow<'t, [u8]>> {
        let cell = self.get(at);
        let [b'"', inner @ .., b'"'] = cell else {
            return Some(Cow::Borrowed(cell));
        };
        if memchr::memchr(b'"', inner).is_none() {
            return Some(Cow::Borrowed(inner));
        }
        let mut plain = Vec::with_capacity(inner.len());
        let mut rest = inner;
        while let Some(quote) = memchr::memchr(b'"', rest) {
            plain.extend_from_slice(rest.get(..=quote).unwrap_or_default());
            rest = rest.get(quote + 2..).unwrap_or_default();
        }
        plain.extend_from_slice(rest);
        Some(Cow::Owned(plain))
    }
}

pub(crate) fn cell_of(bytes: Cow<'_, [u8]>) -> Cell<'_> {
    match &*bytes {
        b"" => Cell::Missing,
        b"NULL" => Cell::Text(Cow::Borrowed(b"")),
        _ => Cell::Text(bytes),
    }
}
