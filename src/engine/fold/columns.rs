//! The columns of a frame as typed slices. The frames are ours, so what is not there, or of another
//! type, is a bug of ours: an assertion, not an error.

use polars::prelude::{Column, DataFrame, Series};

use crate::engine::count::total::SUMS;
use crate::engine::rules::keys::Part;
use crate::engine::rules::scope::Scope;
use crate::model::period::Day;

fn series<'f>(frame: &'f DataFrame, name: &str) -> &'f Series {
    frame
        .column(name)
        .expect("the frame has the column")
        .as_materialized_series()
}

/// A column of codes.
///
/// # Panics
/// Where the frame has no such column of this type in one chunk.
#[must_use]
pub fn codes<'f>(frame: &'f DataFrame, name: &str) -> &'f [u32] {
    let column = series(frame, name).u32().expect("codes are 32 bits");
    column.cont_slice().expect("one chunk without nulls")
}

/// A column of sums, in units of 10^-20.
///
/// # Panics
/// As [`codes`].
#[must_use]
pub fn sums<'f>(frame: &'f DataFrame, name: &str) -> &'f [i128] {
    let column = series(frame, name).i128().expect("sums are 128 bits");
    column.cont_slice().expect("one chunk without nulls")
}

/// A column of numbers of source rows.
///
/// # Panics
/// As [`codes`].
#[must_use]
pub fn counts<'f>(frame: &'f DataFrame, name: &str) -> &'f [u64] {
    let column = series(frame, name).u64().expect("counts are 64 bits");
    column.cont_slice().expect("one chunk without nulls")
}

/// A column of days.
///
/// # Panics
/// As [`codes`].
#[must_use]
pub fn days<'f>(frame: &'f DataFrame, name: &str) -> &'f [i32] {
    let column = series(frame, name).i32().expect("days are 32 bits");
    column.cont_slice().expect("one chunk without nulls")
}

/// A frame of columns that have its height.
///
/// # Panics
/// Where a column has another height, or the name of another.
#[must_use]
pub fn frame(height: usize, columns: Vec<Column>) -> DataFrame {
    DataFrame::new(height, columns).expect("columns of one height and different names")
}

/// Sums of the usage frame, in the order of [`Total::sums`](crate::engine::count::total::Total::sums).
pub const USAGE_SUMS: [&str; SUMS] = ["quantity", "billing", "pricing", "unused"];
/// Sums of the lines frame, in the order of [`Total::sums`](crate::engine::count::total::Total::sums).
pub const LINE_SUMS: [&str; SUMS] = ["quantity", "subtotal", "tax", "total"];

/// The usage frame, column by column; each has an entry for each of its rows.
#[derive(Clone, Copy, Debug)]
pub struct UsageColumns<'f> {
    frame: &'f DataFrame,
    /// Source rows that were added up.
    pub rows: &'f [u64],
    /// Quantity, in units of 10^-20.
    pub quantity: &'f [i128],
    /// Amount in the billing currency, in units of 10^-20.
    pub billing: &'f [i128],
    /// Amount in the pricing currency, in units of 10^-20.
    pub pricing: &'f [i128],
    /// How far the billed amount may be from the exact one, in units of 10^-20.
    pub precision: &'f [i128],
    /// First day of use.
    pub first: &'f [Day],
    /// Last day of use.
    pub last: &'f [Day],
    /// Number of the row's duplicates among those of the totals; 0 for none.
    pub duplicates: &'f [u32],
}

impl<'f> UsageColumns<'f> {
    /// The columns of a usage frame.
    ///
    /// # Panics
    /// Where it is no usage frame.
    #[must_use]
    pub fn of(frame: &'f DataFrame) -> Self {
        let [quantity, billing, pricing, _] = USAGE_SUMS.map(|name| sums(frame, name));
        Self {
            frame,
            rows: counts(frame, "rows"),
            quantity,
            billing,
            pricing,
            precision: sums(frame, "precision"),
            first: days(frame, "first"),
            last: days(frame, "last"),
            duplicates: codes(frame, "copies"),
        }
    }

    /// Codes of a part of the key.
    ///
    /// # Panics
    /// For a part that is not in [`USAGE_FRAME`](crate::engine::rules::keys::USAGE_FRAME).
    #[must_use]
    pub fn codes(&self, part: Part) -> &'f [u32] {
        codes(self.frame, part.column())
    }
}

/// The lines frame, column by column; each has an entry for each of its rows.
#[derive(Clone, Copy, Debug)]
pub struct LineColumns<'f> {
    frame: &'f DataFrame,
    /// Source lines that were added up.
    pub rows: &'f [u64],
    /// Billable quantity, in units of 10^-20.
    pub quantity: &'f [i128],
    /// Subtotal, in units of 10^-20.
    pub subtotal: &'f [i128],
    /// Tax, in units of 10^-20.
    pub tax: &'f [i128],
    /// Total, in units of 10^-20.
    pub total: &'f [i128],
    /// Number of the row's duplicates among those of the totals; 0 for none.
    pub duplicates: &'f [u32],
    scope: &'f [u32],
}

impl<'f> LineColumns<'f> {
    /// The columns of a lines frame.
    ///
    /// # Panics
    /// Where it is no lines frame.
    #[must_use]
    pub fn of(frame: &'f DataFrame) -> Self {
        let [quantity, subtotal, tax, total] = LINE_SUMS.map(|name| sums(frame, name));
        Self {
            frame,
            rows: counts(frame, "rows"),
            quantity,
            subtotal,
            tax,
            total,
            duplicates: codes(frame, "copies"),
            scope: codes(frame, "scope"),
        }
    }

    /// Codes of a part of the key.
    ///
    /// # Panics
    /// For a part that is not in [`LINES_FRAME`](crate::engine::rules::keys::LINES_FRAME).
    #[must_use]
    pub fn codes(&self, part: Part) -> &'f [u32] {
        codes(self.frame, part.column())
    }

    /// If usage is expected behind a row's lines, and why not.
    #[must_use]
    pub fn scope(&self, row: usize) -> Scope {
        Scope::ALL[self.scope[row] as usize]
    }
}
