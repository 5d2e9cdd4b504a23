//! Rows into files: one sink for each of Microsoft's formats. A sink takes a row's cells in the
//! order of the dataset's columns; dates as `2026-10-05`, numbers as decimal text.

mod csv;
mod json;
mod pages;
mod parquet;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{Format, SynthError};
use crate::model::dataset::{Column, Dataset, Kind};
use crate::model::decimal::{PRICE_SCALE, RATE_SCALE};

pub(super) use csv::csv_cell;
pub(super) use parquet::properties;

/// What a sink has left behind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl Written {
    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// Rows of one dataset in one format.
pub(super) trait Sink {
    /// Takes a row's cells.
    fn row(&mut self, cells: &[&str]) -> Result<(), SynthError>;
    /// Completes the files.
    fn finish(self: Box<Self>) -> Result<Written, SynthError>;
}

/// What the files of a dataset are called, and what their envelopes say.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) dataset: Dataset,
    /// Folder of the format's files.
    pub(super) folder: PathBuf,
    pub(super) partner_id: String,
    pub(super) invoice_number: String,
    /// Identity of the export.
    pub(super) export_id: String,
    /// As 202610.
    pub(super) month: String,
}

/// Opens a format below the dataset's folder.
pub(super) fn open(format: Format, target: &Target) -> Result<Box<dyn Sink>, SynthError> {
    let target = Target {
        folder: target.folder.join(format.name()),
        ..target.clone()
    };
    create_folder(&target.folder)?;
    Ok(match format {
        Format::Csv => Box::new(csv::Csv::new(target)),
        Format::V2 => Box::new(ByInvoice::new(target, |target| {
            Box::new(json::Lines::new(target))
        })),
        Format::V1 => Box::new(ByInvoice::new(target, |target| {
            Box::new(pages::Pages::new(target))
        })),
        Format::Parquet => Box::new(parquet::Parquet::new(target)?),
    })
}

/// A folder and a sink for each invoice: the APIs serve one at a time.
struct ByInvoice {
    target: Target,
    open: fn(Target) -> Box<dyn Sink>,
    sinks: Vec<(String, Box<dyn Sink>)>,
    column: usize,
}

impl ByInvoice {
    fn new(target: Target, open: fn(Target) -> Box<dyn Sink>) -> Self {
        let column = target.dataset.position_of("InvoiceNumber").unwrap_or(0);
        Self {
            target,
            open,
            sinks: Vec::new(),
            column,
        }
    }
}

impl Sink for ByInvoice {
    fn row(&mut self, cells: &[&str]) -> Result<(), SynthError> {
        let invoice = cells.get(self.column).copied().unwrap_or_default();
        if let Some((_, sink)) = self.sinks.iter_mut().find(|(known, _)| known == invoice) {
            return sink.row(cells);
        }
        let folder = self.target.folder.join(invoice);
        create_folder(&folder)?;
        // The id of the export, with the invoice's digits at its end.
        let mut export_id = self.target.export_id.clone();
        export_id.replace_range(
            export_id.len() - 8..,
            &invoice[invoice.len().saturating_sub(8)..],
        );
        let mut sink = (self.open)(Target {
            folder,
            invoice_number: invoice.to_owned(),
            export_id,
            ..self.target.clone()
        });
        let written = sink.row(cells);
        self.sinks.push((invoice.to_owned(), sink));
        written
    }

    fn finish(self: Box<Self>) -> Result<Written, SynthError> {
        self.sinks
            .into_iter()
            .try_fold(Written::default(), |written, (_, sink)| {
                Ok(written.and(sink.finish()?))
            })
    }
}

/// A row as an item of a page, or as a line of an export.
pub(super) enum Item {
    V1(pages::PageItem),
    V2(json::LineItem),
}

impl Item {
    /// Items of v1 pages.
    pub(super) fn v1(dataset: Dataset) -> Self {
        Self::V1(pages::PageItem::new(dataset))
    }

    /// Lines of v2 exports.
    pub(super) fn v2(dataset: Dataset) -> Self {
        Self::V2(json::LineItem::new(dataset))
    }

    /// A row's text.
    pub(super) fn text(&mut self, cells: &[&str]) -> String {
        let mut out = String::new();
        match self {
            Self::V1(item) => item.push(&mut out, cells),
            Self::V2(item) => item.push(&mut out, cells),
        }
        out
    }
}

/// Creates a folder and those above it.
pub(super) fn create_folder(path: &Path) -> Result<(), SynthError> {
    std::fs::create_dir_all(path).map_err(|source| SynthError::Io {
        path: path.to_owned(),
        source,
    })
}

/// How a column's cells are spelt in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    Text,
    /// A quantity or an amount.
    Number,
    /// A price or a rate, which v2 sends as text.
    TextNumber,
    Date,
}

impl Spelling {
    fn of(column: &Column) -> Self {
        match column.kind {
            Kind::Text(_) => Self::Text,
            Kind::Decimal(PRICE_SCALE | RATE_SCALE) => Self::TextNumber,
            Kind::Decimal(_) => Self::Number,
            Kind::Date => Self::Date,
        }
    }
}

/// A new file that counts its bytes and names itself in errors.
pub(super) struct OutFile {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
}

impl OutFile {
    /// Creates the file, which must not exist.
    pub(super) fn create(path: PathBuf) -> Result<Self, SynthError> {
        match File::create_new(&path) {
            Ok(file) => Ok(Self {
                file: BufWriter::with_capacity(1 << 16, file),
                path,
                bytes: 0,
            }),
            Err(source) => Err(SynthError::Io { path, source }),
        }
    }

    /// Appends bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), SynthError> {
        self.write_all(bytes).map_err(|source| SynthError::Io {
            path: self.path.clone(),
            source,
        })
    }

    /// Completes the file, and says how many bytes it holds.
    pub(super) fn close(mut self) -> Result<u64, SynthError> {
        self.file.flush().map_err(|source| SynthError::Io {
            path: self.path,
            source,
        })?;
        Ok(self.bytes)
    }
}

impl Write for OutFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Appends text as a JSON string.
pub(super) fn push_json_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest
        .bytes()
        .position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)
    {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            control => out.push_str(&format!("\\u{control:04x}")),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}
