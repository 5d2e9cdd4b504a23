//! Rows that a worker hands over, and what their numbers stand for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::count::interner::Texts;
use crate::model::period::Day;
#[cfg(doc)]
use crate::reports::coded_column::NO_NUMBER;

/// Some rows of a table.
#[derive(Debug)]
pub(super) struct RowBatch {
    /// What the numbers of its worker stand for.
    pub(super) known: Arc<KnownValues>,
    /// For each bundle the combination of each row.
    pub(super) combinations: Vec<Vec<u32>>,
    /// For each column of numbers that of each row, in units of 10^-10; [`NO_NUMBER`] for none.
    pub(super) numbers: Vec<Vec<i128>>,
    /// Day of each row.
    pub(super) days: Vec<Option<Day>>,
}

impl RowBatch {
    /// Number of rows in the batch.
    pub(super) fn rows(&self) -> usize {
        self.days.len()
    }
}

/// What the numbers of one worker stand for: it adds, and whoever encodes reads.
#[derive(Debug)]
pub(super) struct KnownValues(Mutex<Vec<KnownBundle>>);

/// Values of the columns of a bundle.
#[derive(Debug)]
pub(super) struct KnownBundle {
    /// For each column its distinct values, as the file has them. One without bytes is none.
    pub(super) columns: Vec<Texts>,
    /// Numbers of the values of all combinations, those of one behind those of the other.
    combinations: Vec<u32>,
}

impl KnownBundle {
    /// Adds the number of the next value of the combination that is being added, whose columns come in
    /// their order.
    pub(super) fn push(&mut self, value: u32) {
        self.combinations.push(value);
    }

    /// Number of combinations that were added.
    pub(super) fn len(&self) -> usize {
        self.combinations.len() / self.columns.len()
    }

    /// Number of the value that a combination has in a column.
    pub(super) fn value_of(&self, combination: u32, column: usize) -> u32 {
        self.combinations[combination as usize * self.columns.len() + column]
    }
}

impl KnownValues {
    /// No values, of bundles of so many columns each.
    pub(super) fn new(widths: impl Iterator<Item = usize>) -> Self {
        let bundles = widths.map(|width| KnownBundle {
            columns: (0..width).map(|_| Texts::default()).collect(),
            combinations: Vec::new(),
        });
        Self(Mutex::new(bundles.collect()))
    }

    /// All values, while nobody adds any.
    pub(super) fn locked(&self) -> MutexGuard<'_, Vec<KnownBundle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
