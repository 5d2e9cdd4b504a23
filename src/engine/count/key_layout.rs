//! Layout of a row's raw key: which input columns make which tuple, and which fields are made of
//! the row's numbers.
//!
//! A projection of the [key table](crate::engine::rules::keys), computed when compiling: nothing
//! here names a column. A new part of the key is a row of the table, and this file stays as it is.

use super::measures::{self, Measures};
use crate::engine::rules::key_projections::{column_count, columns, derived, derived_count};
use crate::engine::rules::keys::{Counted, Derived, TUPLES, Tuple};
use crate::model::dataset::Dataset;
use crate::model::reject::Rejection;
use crate::model::row::Cell;

/// Columns that make each tuple of a dataset's key, in the order of the tuple's fields.
#[derive(Debug)]
pub struct KeyLayout {
    /// Positions, among the dataset's columns, of the input columns of each tuple.
    pub tuples: [&'static [usize]; TUPLES],
    /// Fields that are made of the row's numbers; they end [`Tuple::State`], the last tuple.
    pub derived: &'static [Derived],
    /// Positions of the columns whose numbers are summed as they are, in the order of
    /// [`Measures::sums`].
    pub summed: &'static [usize],
    /// Position of the column of the day, where no tuple has its text.
    pub day: Option<usize>,
    /// Reader of a row's numbers, or of the cell by which the row is rejected.
    pub measure: fn(&[Cell<'_>]) -> Result<Measures, Rejection>,
}

// A macro, as the length of each array is itself computed from the table.
macro_rules! layout {
    ($counted:expr, $measure:path, $summed:expr, $day:expr) => {
        KeyLayout {
            tuples: [
                &columns::<{ column_count($counted, Tuple::Account) }>($counted, Tuple::Account),
                &columns::<{ column_count($counted, Tuple::Product) }>($counted, Tuple::Product),
                &columns::<{ column_count($counted, Tuple::Resource) }>($counted, Tuple::Resource),
                &columns::<{ column_count($counted, Tuple::State) }>($counted, Tuple::State),
            ],
            derived: &derived::<{ derived_count($counted) }>($counted),
            measure: $measure,
            summed: $summed,
            day: $day,
        }
    };
}

static USAGE: KeyLayout = layout!(
    Counted::Usage,
    measures::of_usage,
    &measures::USAGE_SUMS,
    Some(measures::USAGE_DATE)
);
static DAILY_USAGE: KeyLayout = layout!(
    Counted::DailyUsage,
    measures::of_usage,
    &measures::USAGE_SUMS,
    Some(measures::USAGE_DATE)
);
static LINES: KeyLayout = layout!(Counted::Lines, measures::of_line, &[], None);

impl KeyLayout {
    /// Layout of a dataset that has totals: usage by month, or invoice lines.
    ///
    /// # Panics
    /// For `invoices`, whose headers are kept one by one and not summed.
    #[must_use]
    pub fn of(dataset: Dataset) -> &'static Self {
        match dataset {
            Dataset::Usage | Dataset::UnbilledUsage => &USAGE,
            Dataset::InvoiceLines => &LINES,
            Dataset::Invoices => unreachable!("invoice headers are kept one by one"),
        }
    }

    /// Layout of usage that is counted day by day, for tie-outs that compare days.
    #[must_use]
    pub fn daily() -> &'static Self {
        &DAILY_USAGE
    }

    /// Number of fields of a tuple, by the tuple's position in [`Tuple::ALL`].
    #[must_use]
    pub fn width_of(&self, tuple: usize) -> usize {
        let columns = self.tuples[tuple].len();
        if tuple == Tuple::State as usize {
            columns + self.derived.len()
        } else {
            columns
        }
    }

    /// Number of fields of all tuples.
    #[must_use]
    pub fn width(&self) -> usize {
        (0..TUPLES).map(|tuple| self.width_of(tuple)).sum()
    }

    /// Number of fields of all tuples before `tuple`: the position of its first field in the key.
    #[must_use]
    pub fn start_of(&self, tuple: usize) -> usize {
        (0..tuple).map(|before| self.width_of(before)).sum()
    }
}
