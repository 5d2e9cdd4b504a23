//! Rows of a FOCUS dataset as Parquet or as CSV for programs, each written as it comes.
//!
//! Texts of the CSV are as they came, for the file is no spreadsheet: what a spreadsheet would take
//! for a formula is not marked, as programs would read the mark as a part of the text.

use std::io::{self, Write};

use super::columns::FocusColumn;
use super::line_rows::instant_text;
use super::source_rows::FOCUS_SCALE;
use crate::model::decimal::plain;
use crate::reports::records::{Cell, RecordWriter};

/// Format of exported files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Columns with types, compressed.
    Parquet,
    /// Text in UTF-8, lines with a line feed.
    Csv,
}

impl ExportFormat {
    /// Ending of the names of such files.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
        }
    }
}

/// A file while it is written.
pub(super) enum RowWriter<W: Write + Send> {
    Parquet(Box<RecordWriter<W>>),
    Csv(Box<csv::Writer<W>>),
}

impl<W: Write + Send> RowWriter<W> {
    /// A file without rows; in Parquet the meanings of the columns stand in the footer.
    pub(super) fn new<R>(
        format: ExportFormat,
        columns: &[FocusColumn<R>],
        into: W,
    ) -> io::Result<Self> {
        if format == ExportFormat::Csv {
            let mut writer = csv::Writer::from_writer(into);
            writer.write_record(columns.iter().map(|column| column.name))?;
            return Ok(Self::Csv(Box::new(writer)));
        }
        let typed: Vec<_> = columns
            .iter()
            .map(|column| (column.name.to_owned(), column.cell_type()))
            .collect();
        let keys: Vec<String> = columns
            .iter()
            .map(|column| format!("column.{}", column.name))
            .collect();
        let meanings = columns.iter().map(|column| column.meaning.to_owned());
        let facts: Vec<_> = keys.iter().map(String::as_str).zip(meanings).collect();
        let writer = RecordWriter::new(into, &typed, &facts).map_err(io::Error::other)?;
        Ok(Self::Parquet(Box::new(writer)))
    }

    /// Appends a row to the file.
    pub(super) fn row<R>(&mut self, columns: &[FocusColumn<R>], row: &R) -> io::Result<()> {
        let cells = columns.iter().map(|column| column.cell(row));
        match self {
            Self::Parquet(writer) => writer.row(cells).map_err(io::Error::other),
            Self::Csv(writer) => {
                for (column, cell) in columns.iter().zip(cells) {
                    write_cell(writer, column.name, cell)?;
                }
                // Ends the record of the fields before.
                Ok(writer.write_record(None::<&[u8]>)?)
            }
        }
    }

    /// Completes the file; its target comes back.
    pub(super) fn end(self) -> io::Result<W> {
        match self {
            Self::Parquet(writer) => writer.end().map_err(io::Error::other),
            Self::Csv(writer) => writer.into_inner().map_err(csv::IntoInnerError::into_error),
        }
    }
}

fn write_cell<W: Write>(writer: &mut csv::Writer<W>, name: &str, cell: Cell<'_>) -> io::Result<()> {
    let text = match cell {
        Cell::Missing => String::new(),
        Cell::Text(text) => return Ok(writer.write_field(text)?),
        Cell::Decimal(number) => decimal_text(name, number),
        Cell::Instant(micros) => instant_text(micros).ok_or_else(|| {
            let fault = format!("column `{name}`: an instant outside the calendar");
            io::Error::new(io::ErrorKind::InvalidData, fault)
        })?,
        Cell::Boolean(value) => value.to_string(),
        other @ (Cell::Date(_) | Cell::Integer(_)) => {
            unreachable!("{other:?} is in no column of FOCUS")
        }
    };
    Ok(writer.write_field(text)?)
}

/// A number without trailing zeros. Readers take a column of whole numbers for integers, and FOCUS
/// wants decimals there: its own columns have a decimal in any case.
fn decimal_text(name: &str, number: i128) -> String {
    let text = plain(number, FOCUS_SCALE);
    match name.starts_with("x_") || text.contains('.') {
        true => text,
        false => text + ".0",
    }
}
