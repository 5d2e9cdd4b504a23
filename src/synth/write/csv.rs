//! CSV as Partner Center's download page gives it: CRLF, US dates, a BOM before the first header
//! ([quirks](crate::model::domain::quirks), recon files).

use super::file::{OutFile, Written};
use super::sink::{Sink, Target};
use super::spelling::JsonForm;
use crate::model::dataset::Dataset;
use crate::synth::request::SynthError;

/// Number of usage rows after which another file begins.
const ROWS_PER_FILE: u64 = 250_000;
/// Size of a block, 256 KiB: more than the file's own buffer, so that it goes straight to the
/// system.
const FLUSH_BYTES: usize = 1 << 18;

/// Sink into a sequence of CSV files.
pub(super) struct Csv {
    target: Target,
    /// True for columns of dates, parallel to the dataset's columns.
    dates: Vec<bool>,
    file: Option<OutFile>,
    text: String,
    rows: u64,
    written: Written,
}

impl Csv {
    /// No file is made before there is a row, or the end.
    pub(super) fn new(target: Target) -> Self {
        let dates = target
            .dataset
            .columns()
            .iter()
            .map(|column| JsonForm::of(column) == JsonForm::Date)
            .collect();
        Self {
            target,
            dates,
            file: None,
            text: String::new(),
            rows: 0,
            written: Written::default(),
        }
    }

    /// The open file, made with its header where there is none.
    fn file(&mut self) -> Result<&mut OutFile, SynthError> {
        match self.file {
            Some(ref mut file) => Ok(file),
            None => {
                self.written.files += 1;
                let name = match self.target.dataset {
                    Dataset::Usage => format!("usage-{:04}.csv", self.written.files),
                    _ => "recon.csv".to_owned(),
                };
                let file = self
                    .file
                    .insert(OutFile::create(self.target.folder.join(name))?);
                let header: Vec<&str> = self
                    .target
                    .dataset
                    .columns()
                    .iter()
                    .map(|column| column.name)
                    .collect();
                // One for the whole download, whose parts are one file cut in pieces.
                let bom = if self.written.files == 1 {
                    "\u{feff}"
                } else {
                    ""
                };
                file.put(format!("{bom}{}\r\n", header.join(",")).as_bytes())?;
                Ok(file)
            }
        }
    }

    fn flush(&mut self) -> Result<(), SynthError> {
        // Taken out while `file` borrows the whole sink, and put back to keep its memory.
        let text = std::mem::take(&mut self.text);
        self.file()?.put(text.as_bytes())?;
        self.text = text;
        self.text.clear();
        Ok(())
    }

    fn close(&mut self) -> Result<(), SynthError> {
        self.flush()?;
        if let Some(file) = self.file.take() {
            self.written.bytes += file.close()?;
        }
        self.rows = 0;
        Ok(())
    }
}

impl Sink for Csv {
    fn row(&mut self, cells: &[&str]) -> Result<(), SynthError> {
        if self.rows == ROWS_PER_FILE && self.target.dataset == Dataset::Usage {
            self.close()?;
        }
        self.rows += 1;
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            // An empty date has no eight bytes, and is written as any empty cell.
            match cell.split_at_checked(8).filter(|_| self.dates[at]) {
                // `2026-10-05` as `10/05/2026`.
                Some((year_month, day)) => {
                    let parts = [&year_month[5..7], "/", day, "/", &year_month[..4]];
                    parts.into_iter().for_each(|part| self.text.push_str(part));
                }
                None => csv_cell(&mut self.text, cell),
            }
        }
        self.text.push_str("\r\n");
        if self.text.len() > FLUSH_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn finish(mut self: Box<Self>) -> Result<Written, SynthError> {
        self.close()?;
        Ok(self.written)
    }
}

/// Appends a cell, quoted where it must be.
pub(in crate::synth) fn csv_cell(out: &mut String, cell: &str) {
    if !needs_quotes(cell.as_bytes()) {
        out.push_str(cell);
        return;
    }
    out.push('"');
    let mut rest = cell;
    while let Some(at) = memchr::memchr(b'"', rest.as_bytes()) {
        out.push_str(&rest[..=at]);
        out.push('"');
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn needs_quotes(cell: &[u8]) -> bool {
    // Most cells are short, and a call into the SIMD search costs more than looking at each byte.
    if cell.len() < 16 {
        return cell
            .iter()
            .any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'));
    }
    memchr::memchr3(b',', b'"', b'\n', cell).is_some() || memchr::memchr(b'\r', cell).is_some()
}
