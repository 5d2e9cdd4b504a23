//! The meeting point of a file's workers: lends each a sink for a slice, and adds up rows, rejected
//! rows and warnings. It knows no format.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::failure::DecodeError;
use super::input::{ColumnChoice, Input};
use super::lock::{into_inner, lock};
use super::open::{self, SharedHash};
use super::sink::{REJECT_LIMIT, Sink, SliceSink};
use crate::model::page::PageFacts;
use crate::model::reject::RejectedRow;

/// Account of a decoded file, besides its rows.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Number of data rows found, usable or not; headers and blank lines are not counted.
    pub rows: u64,
    /// Rows that could not be used, sorted by line.
    pub rejected: Vec<RejectedRow>,
    /// Warnings for the user: unknown columns, a header without rows.
    pub warnings: Vec<String>,
    /// Name of the format, one of [`FORMATS`](super::FORMATS); for the manifest.
    pub format: &'static str,
    /// Facts of a page of an API; `None` for a file of another format.
    pub page: Option<PageFacts>,
    /// BLAKE3 of the file's bytes, 64 hexadecimal digits; `None` where they were not all read, each
    /// once and in order.
    pub blake3: Option<String>,
}

/// Shared state of the workers that read one file.
pub(super) struct Collector<'i, S, N> {
    /// File that is read.
    pub(super) input: Input<'i>,
    /// Columns that are handed over.
    pub(super) columns: ColumnChoice<'i>,
    new_sink: N,
    hash: SharedHash,
    /// Sinks that no worker holds at the moment. There are never more sinks than workers.
    idle: Mutex<Vec<S>>,
    tally: Mutex<Decoded>,
    /// Number of times that the headings of a table stood among its rows.
    headings_again: AtomicU64,
}

impl<'i, S: Sink, N: Fn() -> S + Sync> Collector<'i, S, N> {
    /// A collector that has seen no row.
    pub(super) fn new(input: Input<'i>, columns: ColumnChoice<'i>, new_sink: N) -> Self {
        Self {
            input,
            columns,
            new_sink,
            hash: SharedHash::default(),
            idle: Mutex::new(Vec::new()),
            tally: Mutex::new(Decoded::default()),
            headings_again: AtomicU64::new(0),
        }
    }

    /// Runs the work of the slice with this number, from 0, with a sink that no other worker holds,
    /// and adds up what the work counted.
    pub(super) fn with_sink(
        &self,
        number: u64,
        work: impl FnOnce(&mut SliceSink<'_, S>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let reused = lock(&self.idle).pop();
        let mut slice = SliceSink::new(self.input, reused.unwrap_or_else(&self.new_sink));
        slice.sink.begin(number);
        // After an error the sink is dropped, and with it the part of the slice that it has taken.
        work(&mut slice)?;
        slice.sink.flush();
        // Once for each slice, not for each row: workers seldom meet at this lock.
        let mut tally = lock(&self.tally);
        tally.rows += slice.rows;
        self.headings_again
            .fetch_add(slice.headings_again, Ordering::Relaxed);
        tally.rejected.append(&mut slice.rejected);
        if tally.rejected.len() > REJECT_LIMIT {
            return Err(self.too_many_rejected(&tally.rejected));
        }
        drop(tally);
        lock(&self.idle).push(slice.sink);
        Ok(())
    }

    fn too_many_rejected(&self, rejected: &[RejectedRow]) -> DecodeError {
        let first = rejected
            .iter()
            .min_by_key(|row| row.line)
            .expect("the rejected rows passed a limit");
        DecodeError::wrong(
            self.input.unit,
            format!("more than {REJECT_LIMIT} unusable rows"),
            format!("a file of `{}` rows", self.input.dataset.name()),
            first.to_string(),
        )
    }

    /// Hash that takes the file's bytes as they are read; `None` where only some columns are
    /// wanted.
    pub(super) fn hash(&self) -> Option<&SharedHash> {
        self.columns.is_whole().then_some(&self.hash)
    }

    /// Forgets all rows and bytes: the file is read again in another way.
    pub(super) fn restart(&self) {
        lock(&self.idle).clear();
        // The warnings go, too: the header is bound again, and would be warned of twice.
        *lock(&self.tally) = Decoded::default();
        self.headings_again.store(0, Ordering::Relaxed);
        lock(&self.hash).reset();
    }

    /// Adds a warning for the user.
    pub(super) fn warn(&self, warning: String) {
        lock(&self.tally).warnings.push(warning);
    }

    /// Notes the facts of the page that the file is.
    pub(super) fn note_page(&self, facts: PageFacts) {
        lock(&self.tally).page = Some(facts);
    }

    /// The account of the file and the sinks that hold its rows, the latter in no particular order.
    pub(super) fn finish(self, format: &'static str) -> (Decoded, Vec<S>) {
        let mut decoded = into_inner(self.tally);
        decoded.format = format;
        if self.columns.is_whole() {
            decoded.blake3 = open::whole_hash(self.input.file, &self.hash);
        }
        // Workers finish their slices in any order; the report must not show in which.
        decoded.rejected.sort_by_key(|row| row.line);
        if let Some(times) = times(self.headings_again.into_inner()) {
            decoded.warnings.push(format!(
                "`{}`: the headings stand {times} more, in the middle of the file: files were \
                 joined into one, and all of their rows are read",
                self.input.unit
            ));
        }
        if decoded.rows == 0 {
            decoded
                .warnings
                .push(format!("`{}` has no rows", self.input.unit));
        }
        (decoded, into_inner(self.idle))
    }
}

fn times(count: u64) -> Option<String> {
    match count {
        0 => None,
        1 => Some("once".to_owned()),
        more => Some(format!("{more} times")),
    }
}
