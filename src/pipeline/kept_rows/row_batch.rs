//! Rows that a worker hands over, and what their numbers stand for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// Values of a column by their numbers, as the file has them. One may stand there twice.
#[derive(Debug, Default)]
pub(super) struct Values {
    bytes: Vec<u8>,
    /// End of each value. One without bytes is none.
    ends: Vec<usize>,
}

impl Values {
    /// Adds a value that `push` adds the bytes of.
    pub(super) fn add(&mut self, push: impl FnOnce(&mut Vec<u8>)) {
        push(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// Number of values that were added.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.ends.len()).expect("a worker knows fewer than 2^32 values")
    }

    /// Value of a number; none has no bytes.
    pub(super) fn value(&self, number: u32) -> &[u8] {
        let at = number as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[at]]
    }

    /// Moves other values behind these.
    fn append(&mut self, other: &mut Self) {
        let start = self.bytes.len();
        self.bytes.append(&mut other.bytes);
        let ends = other.ends.drain(..).map(|end| start + end);
        self.ends.extend(ends);
    }
}

/// Values of the columns of a bundle.
#[derive(Debug)]
pub(super) struct KnownBundle {
    pub(super) columns: Vec<Values>,
    /// Numbers of the values of all combinations, those of one behind those of the other.
    combinations: Vec<u32>,
}

impl KnownBundle {
    /// No values, of so many columns.
    pub(super) fn new(columns: usize) -> Self {
        Self {
            columns: (0..columns).map(|_| Values::default()).collect(),
            combinations: Vec::new(),
        }
    }

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

    /// Moves what another one has behind what this one has.
    pub(super) fn append(&mut self, other: &mut Self) {
        self.combinations.append(&mut other.combinations);
        for (column, more) in self.columns.iter_mut().zip(&mut other.columns) {
            column.append(more);
        }
    }

    /// Bytes of all values.
    pub(super) fn bytes(&self) -> usize {
        self.columns.iter().map(|column| column.bytes.len()).sum()
    }
}

/// What the numbers of one worker stand for: it adds, and whoever encodes reads.
#[derive(Debug)]
pub(super) struct KnownValues(Mutex<Vec<KnownBundle>>);

impl KnownValues {
    /// No values, of bundles of so many columns each.
    pub(super) fn new(widths: impl Iterator<Item = usize>) -> Self {
        Self(Mutex::new(widths.map(KnownBundle::new).collect()))
    }

    /// All values, while nobody adds any.
    pub(super) fn locked(&self) -> MutexGuard<'_, Vec<KnownBundle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
