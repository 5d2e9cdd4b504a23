//! The columns of a frame as typed slices. The frames are ours, so what is not there, or of another
//! type, is a bug of ours: an assertion, not an error.

use polars::prelude::{Column, DataFrame, Series};

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
