//! Rows that a worker hands over, and columns of many such batches together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::count::interner::Texts;
use crate::reports::coded_column::{NO_VALUE, push_number};

/// Some rows of a table.
#[derive(Debug)]
pub(crate) struct RowBatch {
    /// What the codes of its worker stand for.
    pub(super) known: Arc<KnownValues>,
    pub(super) columns: Vec<BatchColumn>,
    pub(super) rows: usize,
}

/// One column of a batch: what rows in a row share, each with the row in front of which it ends.
#[derive(Debug)]
pub(super) enum BatchColumn {
    /// Values of which a worker knows each by a code.
    Codes(Vec<(u32, u32)>),
    /// Numbers in units of 10^-10.
    Numbers(Vec<(Option<i128>, u32)>),
}

/// Values of a column by their codes, as the file has them.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) bytes: Vec<u8>,
    /// End of each value. One without bytes is none.
    pub(super) ends: Vec<usize>,
}

impl Values {
    /// Value of a code; none has no bytes.
    fn value(&self, code: u32) -> &[u8] {
        let at = code as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[at]]
    }

    /// Moves other values behind these.
    pub(super) fn append(&mut self, other: &mut Self) {
        let start = self.bytes.len();
        self.bytes.append(&mut other.bytes);
        self.ends
            .extend(other.ends.drain(..).map(|end| start + end));
    }
}

/// What the codes of some batches stand for, column by column: one worker adds, and whoever encodes reads.
#[derive(Debug)]
pub(super) struct KnownValues(Mutex<Vec<Values>>);

impl KnownValues {
    /// No values of so many columns.
    pub(super) fn new(columns: usize) -> Self {
        Self(Mutex::new(
            (0..columns).map(|_| Values::default()).collect(),
        ))
    }

    /// All values, while nobody adds any.
    pub(super) fn locked(&self) -> MutexGuard<'_, Vec<Values>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Values of the codes of several workers, as codes that they share.
struct SharedCodes<'b> {
    values: Texts,
    /// Codes here by the codes of each worker.
    workers: Vec<(&'b Arc<KnownValues>, Vec<Option<u32>>)>,
}

/// One column of several batches: its distinct values, in the order in which they come, and the code of
/// each row's. Which worker read which batch makes no difference.
pub(super) fn column_of(batches: &[RowBatch], column: usize) -> (Texts, Vec<u32>) {
    let mut codes = Vec::with_capacity(batches.iter().map(|batch| batch.rows).sum());
    let mut shared = SharedCodes {
        values: Texts::default(),
        workers: Vec::new(),
    };
    for batch in batches {
        match &batch.columns[column] {
            BatchColumn::Codes(runs) => shared.add(&batch.known, column, runs, &mut codes),
            BatchColumn::Numbers(runs) => shared.add_numbers(runs, &mut codes),
        }
    }
    (shared.values, codes)
}

impl<'b> SharedCodes<'b> {
    fn add(
        &mut self,
        known: &'b Arc<KnownValues>,
        column: usize,
        runs: &[(u32, u32)],
        codes: &mut Vec<u32>,
    ) {
        let worker = self
            .workers
            .iter()
            .position(|(of, _)| Arc::ptr_eq(of, known));
        let worker = worker.unwrap_or_else(|| {
            self.workers.push((known, Vec::new()));
            self.workers.len() - 1
        });
        let here = &mut self.workers[worker].1;
        let known = known.locked();
        let known = &known[column];
        here.resize(known.ends.len(), None);
        let mut start = 0;
        for (code, end) in runs {
            let shared = here[*code as usize].get_or_insert_with(|| match known.value(*code) {
                [] => NO_VALUE,
                value => self.values.intern(value).0,
            });
            codes.extend(std::iter::repeat_n(*shared, (end - start) as usize));
            start = *end;
        }
    }

    fn add_numbers(&mut self, runs: &[(Option<i128>, u32)], codes: &mut Vec<u32>) {
        let (mut start, mut value) = (0, Vec::new());
        for (number, end) in runs {
            let code = number.map_or(NO_VALUE, |number| {
                value.clear();
                push_number(&mut value, number);
                self.values.intern(&value).0
            });
            codes.extend(std::iter::repeat_n(code, (end - start) as usize));
            start = *end;
        }
    }
}
