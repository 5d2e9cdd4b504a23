//! Bytes to rows. A format is sniffed from content, bound to its dataset by column names, and read
//! in slices that end at record borders, so that a big file keeps every core busy and memory
//! bounded.
//!
//! A decoder knows no meaning: it hands over cells as they came. What makes one row unusable
//! becomes a [`RejectedRow`]; what makes the file unusable is a [`DecodeError`].

mod open;

mod binding;

mod slices;

mod csv;

mod json;

mod parquet;

pub mod records;

pub use parquet::panic_guard::is_shielded;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::model::dataset::Dataset;
use crate::model::reject::{RejectedRow, Rejection, excerpt};
use crate::model::row::Row;

/// Names of the formats, as a manifest has them.
pub const FORMATS: [&str; 7] = [
    "csv",
    "csv+gzip",
    "jsonl",
    "jsonl+gzip",
    "json",
    "json+gzip",
    "parquet",
];

/// More rejected rows than this in one unit, and the unit is the fault: it bounds memory.
const REJECT_LIMIT: usize = 100_000;

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{unit}`{}: found {found}, wanted {wanted}", .line.map(|line| format!(" line {line}")).unwrap_or_default())]
pub struct DecodeError {
    /// File, or other unit.
    pub unit: String,
    /// Line, where there is one.
    pub line: Option<u64>,
    /// What is there.
    pub found: String,
    /// What should be.
    pub wanted: String,
    /// What to do about it.
    pub hint: String,
    /// The file was cut or damaged on its way, as opposed to being the wrong file.
    pub damaged: bool,
}

impl DecodeError {
    fn wrong(
        unit: &str,
        found: impl Into<String>,
        wanted: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            unit: unit.to_owned(),
            line: None,
            found: found.into(),
            wanted: wanted.into(),
            hint: hint.into(),
            damaged: false,
        }
    }

    fn damaged(unit: &str, found: impl Into<String>, wanted: impl Into<String>) -> Self {
        let hint = "fetch the file again; it was cut or damaged on its way".to_owned();
        Self {
            unit: unit.to_owned(),
            line: None,
            found: found.into(),
            wanted: wanted.into(),
            hint,
            damaged: true,
        }
    }

    fn at_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }
}

/// What came of a unit besides its rows.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Data rows found, usable or not.
    pub rows: u64,
    /// Rows that could not be used, by line.
    pub rejected: Vec<RejectedRow>,
    /// What a person should know: drifted columns, a header without rows.
    pub warnings: Vec<String>,
    /// Name of the format, for the manifest.
    pub format: &'static str,
    /// Hash of all bytes of the unit, where they were all read one after another.
    pub blake3: Option<String>,
}

/// One file to decode.
#[derive(Clone, Copy, Debug)]
pub struct Input<'i> {
    /// Its name in errors and reports.
    pub unit: &'i str,
    /// Where it lies.
    pub path: &'i Path,
    /// What it holds.
    pub dataset: Dataset,
}

/// What takes the rows of one worker.
pub trait Sink: Send {
    /// Takes one row.
    ///
    /// # Errors
    /// A [`Rejection`] if the row cannot be used; it must then have left no trace.
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection>;

    /// Follows the last row of a slice: what was put off is done.
    fn settle(&mut self) {}
}

/// Reads a unit into sinks made by `new_sink`, one a worker at most; the sinks come back in no
/// particular order.
///
/// # Errors
/// [`DecodeError`] when the file cannot be used as a whole; the sinks are then dropped.
pub fn decode<S: Sink>(
    input: Input<'_>,
    new_sink: impl Fn() -> S + Sync,
) -> Result<(Decoded, Vec<S>), DecodeError> {
    decode_columns(input, None, new_sink)
}

/// As [`decode`], but that only the columns at the positions `wanted` are looked at, and neither rows nor
/// the unit are hashed.
///
/// # Errors
/// As [`decode`].
pub fn decode_columns<S: Sink>(
    input: Input<'_>,
    wanted: Option<&[usize]>,
    new_sink: impl Fn() -> S + Sync,
) -> Result<(Decoded, Vec<S>), DecodeError> {
    let hash = open::SharedHash::default();
    let collector = Collector {
        input,
        wanted,
        new_sink,
        hash,
        idle: Mutex::new(Vec::new()),
        tally: Mutex::new(Decoded::default()),
    };
    let (format, opened) = open::open(input, collector.hash())?;
    match opened {
        open::Opened::Parquet => parquet::rows::read(&collector)?,
        open::Opened::Csv(reader) => csv::rows::read(&collector, reader)?,
        open::Opened::JsonLines(reader) => json::lines::read(&collector, reader)?,
        open::Opened::JsonPage(reader) => json::pages::read(&collector, reader)?,
    }
    let mut decoded = std::mem::take(
        &mut *collector
            .tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner),
    );
    decoded.format = format;
    if let Some(hash) = collector.hash() {
        let hash = hash.lock().unwrap_or_else(PoisonError::into_inner);
        let is_whole =
            std::fs::metadata(input.path).is_ok_and(|metadata| metadata.len() == hash.count());
        decoded.blake3 = is_whole.then(|| hash.finalize().to_hex().to_string());
    }
    decoded.rejected.sort_by_key(|row| row.line);
    if decoded.rows == 0 {
        decoded
            .warnings
            .push(format!("`{}` has no rows", input.unit));
    }
    let sinks = collector
        .idle
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    Ok((decoded, sinks))
}

/// Hands sinks to workers and gathers what they count.
struct Collector<'i, S, N> {
    input: Input<'i>,
    wanted: Option<&'i [usize]>,
    hash: open::SharedHash,
    new_sink: N,
    idle: Mutex<Vec<S>>,
    tally: Mutex<Decoded>,
}

impl<S: Sink, N: Fn() -> S + Sync> Collector<'_, S, N> {
    /// Runs one slice's work with a sink of its own and adds up what it counted.
    fn with_sink(
        &self,
        work: impl FnOnce(&mut SliceSink<'_, S>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let reused = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut slice = SliceSink {
            input: self.input,
            sink: reused.unwrap_or_else(&self.new_sink),
            rows: 0,
            rejected: Vec::new(),
        };
        work(&mut slice)?;
        slice.sink.settle();
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.rows += slice.rows;
        tally.rejected.append(&mut slice.rejected);
        if tally.rejected.len() > REJECT_LIMIT {
            let first = tally
                .rejected
                .iter()
                .min_by_key(|row| row.line)
                .map(ToString::to_string)
                .unwrap_or_default();
            let found = format!("more than {REJECT_LIMIT} rows that cannot be used");
            return Err(DecodeError::wrong(
                self.input.unit,
                found,
                format!("a file of `{}`", self.input.dataset.name()),
                first,
            ));
        }
        drop(tally);
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(slice.sink);
        Ok(())
    }

    /// What the unit's bytes are hashed into: only where all of the unit is wanted.
    fn hash(&self) -> Option<&open::SharedHash> {
        self.wanted.is_none().then_some(&self.hash)
    }

    /// Whether a column of the dataset is looked at.
    fn wants(&self, column: usize) -> bool {
        self.wanted.is_none_or(|wanted| wanted.contains(&column))
    }

    /// Forgets all rows: the unit is read again in another way.
    fn restart(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner) = Decoded::default();
        self.hash
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .reset();
    }

    fn warn(&self, warning: String) {
        self.tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .warnings
            .push(warning);
    }
}

/// A sink while one worker feeds it a slice.
struct SliceSink<'i, S> {
    input: Input<'i>,
    sink: S,
    rows: u64,
    rejected: Vec<RejectedRow>,
}

impl<S: Sink> SliceSink<'_, S> {
    fn row(&mut self, row: &Row<'_, '_>) {
        match self.sink.take(row) {
            Ok(()) => self.rows += 1,
            Err(rejection) => self.reject(row.place, rejection),
        }
    }

    fn reject(&mut self, place: crate::model::row::Place<'_>, rejection: Rejection) {
        self.rows += 1;
        // Past the limit the unit is refused anyway; keep one more so that the limit is seen.
        if self.rejected.len() <= REJECT_LIMIT {
            self.rejected.push(RejectedRow {
                dataset: self.input.dataset,
                unit: self.input.unit.to_owned(),
                line: place.line(),
                rejection,
                text: excerpt(place.text.trim_ascii_end()),
            });
        }
    }
}
