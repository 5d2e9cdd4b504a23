//! A row as it leaves a decoder: one cell for each column of its dataset, borrowed from the input.

use std::borrow::Cow;

use super::decimal;
use super::period::Day;
use super::reject::Rejection;

/// One value of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cell<'a> {
    /// The input has no such column, or no value.
    #[default]
    Missing,
    /// Text or a number in text, as it came but for escapes.
    Text(Cow<'a, [u8]>),
    /// Text that is an entry of a dictionary, whose other rows name it by the same code.
    Entry {
        /// The text; never empty.
        text: &'a [u8],
        /// Which dictionary: another number for another one.
        dictionary: u32,
        /// Which of its entries.
        code: u32,
    },
    /// A decimal of a typed format: units of 10^-scale.
    Decimal(i128, u32),
    /// A date of a typed format.
    Date(Day),
}

impl Cell<'_> {
    /// The cell's bytes; typed values in their canonical text.
    #[must_use]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Missing => Cow::Borrowed(b""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Entry { text, .. } => Cow::Borrowed(text),
            Self::Decimal(value, scale) => Cow::Owned(decimal::plain(*value, *scale).into_bytes()),
            Self::Date(day) => Cow::Owned(
                super::period::date_of(*day)
                    .map(|date| date.to_string())
                    .unwrap_or_default()
                    .into_bytes(),
            ),
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
        let fault = |fault| match fault {
            decimal::NumberFault::TooLarge => Rejection::new(
                column,
                &self.bytes(),
                format!("a number below 10^{}", 38 - scale),
            ),
            _ => Rejection::new(
                column,
                &self.bytes(),
                "a decimal number, as `1234.56`".to_owned(),
            ),
        };
        let parsed = match self {
            Self::Missing => return Ok(None),
            Self::Decimal(value, from) => match decimal::from_typed(*value, *from, scale) {
                Some(parsed) => return Ok(Some(parsed)),
                None => Err(decimal::NumberFault::TooLarge),
            },
            Self::Text(text) => decimal::parse(text, scale),
            Self::Entry { text, .. } => decimal::parse(text, scale),
            _ => decimal::parse(&self.bytes(), scale),
        };
        match parsed {
            Ok(parsed) => Ok(Some(parsed)),
            Err(decimal::NumberFault::Empty) => Ok(None),
            Err(other) => Err(fault(other)),
        }
    }

    /// The cell as a day; `None` where it is empty or the sentinel.
    ///
    /// # Errors
    /// [`Rejection`] naming `column` where the cell is no date.
    pub fn day(&self, column: &'static str) -> Result<Option<Day>, Rejection> {
        match self {
            Self::Missing => Ok(None),
            Self::Date(day) => Ok(Some(*day)),
            other => super::period::parse_day(&other.bytes()).map_err(|_| {
                Rejection::new(
                    column,
                    &other.bytes(),
                    "a date, as `2026-10-31` or `10/31/2026`".to_owned(),
                )
            }),
        }
    }
}

/// One input row, at its place.
#[derive(Debug)]
pub struct Row<'r, 'a> {
    /// A cell for each column of the dataset, in its order.
    pub cells: &'r [Cell<'a>],
    /// Where the row begins.
    pub place: Place<'r>,
}

/// Where a row begins, as cheaply as a decoder can say it. Lines are counted only when asked for.
#[derive(Clone, Copy, Debug)]
pub struct Place<'r> {
    /// Line number of the first byte of `before`, from 1.
    pub first_line: u64,
    /// The bytes between that line's start and the row.
    pub before: &'r [u8],
    /// The row's text; empty for formats without any.
    pub text: &'r [u8],
    /// The hash of all its values, in formats in which one row may be written in several ways, or
    /// has no text; 0 for none.
    pub digest: u64,
}

impl Row<'_, '_> {
    /// The same for rows that are the same in every cell, also in those that are not read. 64 bits:
    /// among 100 million rows two different ones meet with a chance of 1 in 4,000.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let Place { text, digest, .. } = self.place;
        if digest != 0 || text.is_empty() {
            digest
        } else {
            xxhash_rust::xxh3::xxh3_64(text.trim_ascii())
        }
    }
}

impl Place<'_> {
    /// Line number of the row, from 1. Of a row of Parquet: its row number.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.first_line + memchr::memchr_iter(b'\n', self.before).count() as u64
    }
}
