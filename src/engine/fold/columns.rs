//! Columns of a frame as typed slices, and frames from columns.
//!
//! Frames are made by this program alone. A column that is missing, or of another type, is
//! therefore a bug of ours: an assertion, and not an error that a caller could handle. Names of
//! columns that are no keys stand here, for `frames` that writes them and [`UsageColumns`] and
//! [`LineColumns`] that read them.

use polars::prelude::{Column, DataFrame, NamedFrom, Series};

use crate::engine::count::total::SUMS;
use crate::engine::rules::keys::Part;
use crate::engine::rules::scope::Scope;
use crate::model::period::Day;

/// Number of source rows.
pub(super) const ROWS: &str = "rows";
/// Bound on the distance of the billed amount from the exact one.
pub(super) const PRECISION: &str = "precision";
/// First day of the rows.
pub(super) const FIRST: &str = "first";
/// Last day of the rows.
pub(super) const LAST: &str = "last";
/// Number of the row's duplicates.
pub(super) const DUPLICATES: &str = "duplicates";
/// Scope of the lines, by its number in [`Scope::ALL`].
pub(crate) const SCOPE: &str = "scope";

fn series<'f>(frame: &'f DataFrame, name: &str) -> &'f Series {
    frame
        .column(name)
        .expect("the frame has the column")
        .as_materialized_series()
}

/// Column of codes.
///
/// # Panics
/// Where the frame has no such column of this type in one chunk.
#[must_use]
pub fn codes<'f>(frame: &'f DataFrame, name: &str) -> &'f [u32] {
    let column = series(frame, name).u32().expect("codes are 32 bits");
    column.cont_slice().expect("one chunk without nulls")
}

/// Column of sums, in units of 10^-20.
///
/// # Panics
/// As [`codes`].
#[must_use]
pub fn sums<'f>(frame: &'f DataFrame, name: &str) -> &'f [i128] {
    let column = series(frame, name).i128().expect("sums are 128 bits");
    column.cont_slice().expect("one chunk without nulls")
}

/// Column of numbers of source rows.
///
/// # Panics
/// As [`codes`].
#[must_use]
pub fn counts<'f>(frame: &'f DataFrame, name: &str) -> &'f [u64] {
    let column = series(frame, name).u64().expect("counts are 64 bits");
    column.cont_slice().expect("one chunk without nulls")
}

/// Column of days.
///
/// # Panics
/// As [`codes`].
#[must_use]
pub fn days<'f>(frame: &'f DataFrame, name: &str) -> &'f [i32] {
    let column = series(frame, name).i32().expect("days are 32 bits");
    column.cont_slice().expect("one chunk without nulls")
}

/// Column of a name and values, for [`frame`].
pub(crate) fn column<V, T: ?Sized>(name: &str, values: V) -> Column
where
    Series: NamedFrom<V, T>,
{
    Column::from(Series::new(name.into(), values))
}

/// Frame of some columns.
///
/// # Panics
/// Where a column has another height than the frame, or the name of another column.
#[must_use]
pub fn frame(height: usize, columns: Vec<Column>) -> DataFrame {
    DataFrame::new(height, columns).expect("columns of one height and different names")
}

/// Sums of the usage frame, in the order of
/// [`Total::sums`](crate::engine::count::total::Total::sums).
pub const USAGE_SUMS: [&str; SUMS] = ["quantity", "billing", "pricing", "unused"];
/// Sums of the lines frame, in the order of
/// [`Total::sums`](crate::engine::count::total::Total::sums).
pub const LINE_SUMS: [&str; SUMS] = ["quantity", "subtotal", "tax", "total"];

/// Columns of a usage frame, each with one entry for each row.
#[derive(Clone, Copy, Debug)]
pub struct UsageColumns<'f> {
    frame: &'f DataFrame,
    /// Number of source rows that were added up.
    pub rows: &'f [u64],
    /// Quantity, in units of 10^-20.
    pub quantity: &'f [i128],
    /// Amount in the billing currency, in units of 10^-20.
    pub billing: &'f [i128],
    /// Amount in the pricing currency, in units of 10^-20.
    pub pricing: &'f [i128],
    /// Bound on the distance of the billed amount from the exact one, in units of 10^-20.
    pub precision: &'f [i128],
    /// First day of use; [`Day::MAX`] where no row has a day.
    pub first: &'f [Day],
    /// Last day of use; [`Day::MIN`] where no row has a day.
    pub last: &'f [Day],
    /// Number of the row's duplicates among those of the totals; 0 for none.
    pub duplicates: &'f [u32],
}

impl<'f> UsageColumns<'f> {
    /// Columns of a usage frame.
    ///
    /// # Panics
    /// For any other frame.
    #[must_use]
    pub fn of(frame: &'f DataFrame) -> Self {
        let [quantity, billing, pricing, _] = USAGE_SUMS.map(|name| sums(frame, name));
        Self {
            frame,
            rows: counts(frame, ROWS),
            quantity,
            billing,
            pricing,
            precision: sums(frame, PRECISION),
            first: days(frame, FIRST),
            last: days(frame, LAST),
            duplicates: codes(frame, DUPLICATES),
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

/// Columns of a lines frame, each with one entry for each row.
#[derive(Clone, Copy, Debug)]
pub struct LineColumns<'f> {
    frame: &'f DataFrame,
    /// Number of source lines that were added up.
    pub rows: &'f [u64],
    /// Billable quantity, in units of 10^-20.
    pub quantity: &'f [i128],
    /// Subtotal, in units of 10^-20.
    pub subtotal: &'f [i128],
    /// Tax on the subtotal, in units of 10^-20.
    pub tax: &'f [i128],
    /// Subtotal and tax, as the lines give it, in units of 10^-20.
    pub total: &'f [i128],
    /// Number of the row's duplicates among those of the totals; 0 for none.
    pub duplicates: &'f [u32],
    scope: &'f [u32],
}

impl<'f> LineColumns<'f> {
    /// Columns of a lines frame.
    ///
    /// # Panics
    /// For any other frame.
    #[must_use]
    pub fn of(frame: &'f DataFrame) -> Self {
        let [quantity, subtotal, tax, total] = LINE_SUMS.map(|name| sums(frame, name));
        Self {
            frame,
            rows: counts(frame, ROWS),
            quantity,
            subtotal,
            tax,
            total,
            duplicates: codes(frame, DUPLICATES),
            scope: codes(frame, SCOPE),
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

    /// Scope of a row's lines: usage is expected behind them, or the reason why not.
    #[must_use]
    pub fn scope(&self, row: usize) -> Scope {
        Scope::ALL[self.scope[row] as usize]
    }
}
