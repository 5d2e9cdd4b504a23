//! A row as it leaves a decoder: one cell for each column of its dataset, borrowed from the input.
//!
//! Cells come as the format has them, uninterpreted: what a column means is known to the reader of
//! the row, which asks for a number or a day and gets a [`Rejection`] where there is none. Nothing
//! is copied and no line is counted unless somebody asks, as there are some fifty cells in a row
//! and most are never looked at.

use std::borrow::Cow;

use super::column_set::ColumnSet;
use super::decimal::{self, NumberFault};
use super::period::Day;
use super::reject::Rejection;

/// One value of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cell<'a> {
    /// The input has no such column, or no value.
    #[default]
    Missing,
    /// Text or a number in text, as it came except that escapes are resolved.
    Text(Cow<'a, [u8]>),
    /// Text that is an entry of a dictionary, whose other rows name it by the same code.
    Entry {
        /// The text; never empty.
        text: &'a [u8],
        /// Number of the dictionary; two dictionaries never share one.
        dictionary: u32,
        /// Number of the entry in its dictionary.
        code: u32,
    },
    /// A decimal of a typed format: units of 10^-scale.
    Decimal(i128, u32),
    /// A date of a typed format.
    Date(Day),
    /// Text with its quotes and escapes, of a column that is handed over without being read: the same
    /// one comes with many rows, and `decode` resolves it for those who ask.
    Written(&'a [u8], Spelling),
}

/// How a format writes a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// In quotes, with each quote inside doubled.
    Csv,
    /// A string of JSON.
    Json,
}

impl Cell<'_> {
    /// The cell's bytes; typed values in their canonical text, and escapes where they are not resolved.
    #[must_use]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Missing => Cow::Borrowed(b""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Entry { text, .. } | Self::Written(text, _) => Cow::Borrowed(text),
            Self::Decimal(value, scale) => Cow::Owned(decimal::plain(*value, *scale).into_bytes()),
            Self::Date(day) => Cow::Owned(match super::period::date_of(*day) {
                Some(date) => date.to_string().into_bytes(),
                // Parquet's DATE counts days far beyond the years that have a text.
                None => format!("{day} days after 1970-01-01").into_bytes(),
            }),
        }
    }

    /// The cell as a number of `scale` decimals; `None` where it is empty.
    ///
    /// # Errors
    /// [`Rejection`] naming `column` where the cell is no decimal number or too large.
    pub fn decimal(
        &self,
        column: &'static str,
        scale: u32,
    ) -> Result<Option<decimal::Parsed>, Rejection> {
        let parsed = match self {
            Self::Missing => return Ok(None),
            Self::Decimal(value, from) => {
                decimal::from_typed(*value, *from, scale).ok_or(NumberFault::TooLarge)
            }
            // Not by `bytes`: this is the way of nearly every cell, and nothing must be wrapped on
            // it.
            Self::Text(text) => decimal::parse(text, scale),
            Self::Entry { text, .. } | Self::Written(text, _) => decimal::parse(text, scale),
            Self::Date(_) => Err(NumberFault::NotDecimal),
        };
        let wanted = match parsed {
            Ok(parsed) => return Ok(Some(parsed)),
            Err(NumberFault::Empty) => return Ok(None),
            Err(NumberFault::TooLarge) => format!("a number below 10^{}", 38 - scale),
            Err(NumberFault::NotDecimal) => "a decimal number, as `1234.56`".to_owned(),
        };
        Err(Rejection::new(column, &self.bytes(), wanted))
    }

    /// The cell as a day; `None` where it is empty or the sentinel `0001-01-01`.
    ///
    /// # Errors
    /// [`Rejection`] naming `column` where the cell is no date.
    pub fn day(&self, column: &'static str) -> Result<Option<Day>, Rejection> {
        let day = match self {
            Self::Missing => return Ok(None),
            Self::Date(day) => super::period::typed_day(*day),
            other => super::period::parse_day(&other.bytes()),
        };
        day.map_err(|_| {
            let wanted = "a date, as `2026-10-31` or `10/31/2026`".to_owned();
            Rejection::new(column, &self.bytes(), wanted)
        })
    }
}

/// One input row, at its place.
#[derive(Debug)]
pub struct Row<'r, 'a> {
    /// Cells of the row, parallel to the columns of the dataset. Those of columns that are handed over
    /// without being read count only where they [changed](Row::changed); ask [`Row::cell`] for them.
    pub cells: &'r [Cell<'a>],
    /// Place in the unit at which the row begins.
    pub place: Place<'r>,
    /// Columns whose cells may differ from those of the row before; all that are read are among them.
    pub changed: ColumnSet,
    /// Rows in which the cells of the other columns stand.
    pub earlier: EarlierRows<'r, 'a>,
}

/// Rows before a row, in their order.
#[derive(Clone, Copy, Debug, Default)]
pub struct EarlierRows<'r, 'a> {
    /// Cells of all of them, those of one behind those of the other.
    pub cells: &'r [Cell<'a>],
    /// For each of them the columns that changed with it.
    pub changed: &'r [ColumnSet],
}

impl<'r, 'a> Row<'r, 'a> {
    /// Cell of any column. Rows share most cells of columns that nobody reads, and to copy them from row
    /// to row would cost more than to look back for the few that are asked for.
    #[inline]
    #[must_use]
    pub fn cell(&self, at: usize) -> &'r Cell<'a> {
        match self.changed.has(at) {
            true => &self.cells[at],
            false => self.earlier_cell(at),
        }
    }

    fn earlier_cell(&self, at: usize) -> &'r Cell<'a> {
        let rows = self.earlier.cells.chunks_exact(self.cells.len());
        let mut rows = rows.zip(self.earlier.changed).rev();
        let found = rows.find(|(_, changed)| changed.has(at));
        found.map_or(&Cell::Missing, |(cells, _)| &cells[at])
    }
}

/// Where a row begins, as cheaply as a decoder can say it: line ends are counted only when asked
/// for, as when the row is rejected.
#[derive(Clone, Copy, Debug)]
pub struct Place<'r> {
    /// Line number of the first byte of `before`, from 1.
    pub first_line: u64,
    /// The bytes between that line's start and the row.
    pub before: &'r [u8],
    /// Text of the row; empty for formats without any.
    pub text: &'r [u8],
    /// Hash of the values of all columns that are not read, known or not; see
    /// [`content`](super::content). 0 where none is wanted.
    pub unread: u64,
}

impl Place<'_> {
    /// Line number of the row, from 1. Of a row of Parquet: its row number.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.first_line + memchr::memchr_iter(b'\n', self.before).count() as u64
    }
}
