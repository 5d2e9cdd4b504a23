//! Bytes to rows. A file's format is told from its content, its columns are bound to those of a
//! dataset by name, and its rows are read in slices that end at record borders, so that one big
//! file keeps every core busy and takes little memory.
//!
//! A decoder knows no meaning: it hands over cells as they are written. A row that cannot be used
//! becomes a [`RejectedRow`](crate::model::reject::RejectedRow); a file that cannot be used, a
//! [`DecodeError`].
//!
//! The modules stand in reading order: each uses only those above it.

mod blocks;
mod failure;
mod input;
mod lock;
mod positioned;
mod row_block;
mod sink;

mod gunzip;
mod sniff;

mod open;

mod collector;

mod borders;
mod slices;

mod binding;

mod csv;
mod json;
mod parquet;

pub mod texts;

pub mod records;

pub use self::collector::Decoded;
pub use self::failure::DecodeError;
pub use self::input::{ColumnChoice, Input};
pub use self::open::FORMATS;
pub use self::parquet::panic_guard::{catch_panic, is_guarded};
pub use self::row_block::{BLOCK_ROWS, RowBlock};
pub use self::sink::Sink;

use self::collector::Collector;
use self::open::Opened;
use crate::model::row::{Cell, Spelling};

/// A cell whose text is as it is written, with its quotes and escapes resolved; any other as it is.
#[must_use]
pub fn resolved<'a>(cell: &Cell<'a>) -> Cell<'a> {
    match cell {
        Cell::Written(text, Spelling::Csv) => csv::cells::cell_of(text),
        Cell::Written(text, Spelling::Json) => json::value::string_cell(text),
        other => other.clone(),
    }
}

/// Reads a file into sinks made by `new_sink`, at most one for each worker. The sinks come back in
/// no particular order.
///
/// # Errors
/// [`DecodeError`] when the file cannot be used as a whole; the sinks are then dropped.
pub fn decode<S: Sink>(
    input: Input<'_>,
    new_sink: impl Fn() -> S + Sync,
) -> Result<(Decoded, Vec<S>), DecodeError> {
    decode_columns(input, ColumnChoice::default(), new_sink)
}

/// Reads a file as [`decode`] does, and hands over the columns of a choice. Where only some are
/// read, neither the rows nor the file are hashed.
///
/// # Errors
/// [`DecodeError`] when the file cannot be used as a whole; the sinks are then dropped.
pub fn decode_columns<S: Sink>(
    input: Input<'_>,
    columns: ColumnChoice<'_>,
    new_sink: impl Fn() -> S + Sync,
) -> Result<(Decoded, Vec<S>), DecodeError> {
    let collector = Collector::new(input, columns, new_sink);
    let (format, opened) = open::open(input.unit, input.file, collector.hash())?;
    match opened {
        Opened::Parquet => parquet::rows::read(&collector)?,
        Opened::Csv(stream) => csv::rows::read(&collector, stream)?,
        Opened::JsonLines(stream) => json::lines::read(&collector, stream)?,
        Opened::JsonPage(stream) => json::pages::read(&collector, stream)?,
    }
    Ok(collector.finish(format))
}
