//! What makes a row's key: which input columns make which of its tuples, and what is made of numbers.

use super::measures::{self, Measures};
use crate::engine::rules::keys::{
    Counted, TUPLES, Tuple, column_count, columns, derived, derived_count,
};
use crate::model::dataset::Dataset;
use crate::model::reject::Rejection;
use crate::model::row::Cell;

pub use crate::engine::rules::keys::Derived;

/// Which columns make which tuple of a dataset's key, in the order of the tuple's fields: a projection
/// of the [key table](crate::engine::rules::keys).
#[derive(Debug)]
pub struct KeyLayout {
    /// Positions of the input columns of each tuple.
    pub tuples: [&'static [usize]; TUPLES],
    /// Fields that end the last tuple, made of the row's numbers.
    pub derived: &'static [Derived],
    /// Reads a row's numbers.
    pub measure: fn(&[Cell<'_>]) -> Result<Measures, Rejection>,
}

macro_rules! layout {
    ($counted:expr, $measure:path) => {
        KeyLayout {
            tuples: [
                &columns::<{ column_count($counted, Tuple::Account) }>($counted, Tuple::Account),
                &columns::<{ column_count($counted, Tuple::Product) }>($counted, Tuple::Product),
                &columns::<{ column_count($counted, Tuple::Resource) }>($counted, Tuple::Resource),
                &columns::<{ column_count($counted, Tuple::State) }>($counted, Tuple::State),
            ],
            derived: &derived::<{ derived_count($counted) }>($counted),
            measure: $measure,
        }
    };
}

static USAGE: KeyLayout = layout!(Counted::Usage, measures::of_usage);
static DAILY_USAGE: KeyLayout = layout!(Counted::DailyUsage, measures::of_usage);
static LINES: KeyLayout = layout!(Counted::Lines, measures::of_line);

impl KeyLayout {
    /// The layout of a dataset that has totals.
    ///
    /// # Panics
    /// For `invoices`, whose headers are kept one by one.
    #[must_use]
    pub fn of(dataset: Dataset) -> &'static Self {
        match dataset {
            Dataset::Usage | Dataset::UnbilledUsage => &USAGE,
            Dataset::InvoiceLines => &LINES,
            Dataset::Invoices => unreachable!("invoice headers are kept one by one"),
        }
    }

    /// The layout of usage that is counted day by day.
    #[must_use]
    pub fn daily() -> &'static Self {
        &DAILY_USAGE
    }

    /// Number of fields of a tuple.
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

    /// Number of fields of the tuples before one.
    #[must_use]
    pub fn start_of(&self, tuple: usize) -> usize {
        (0..tuple).map(|before| self.width_of(before)).sum()
    }
}
