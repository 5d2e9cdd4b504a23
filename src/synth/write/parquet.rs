//! Parquet: flat, text in dictionaries, decimals wide enough to be exact, dates as DATE.
//!
//! Not Microsoft's format but a warehouse's, from which users feed the program too.

use std::sync::Arc;

use arrow_array::builder::{Date32Builder, Decimal128Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::file::{OutFile, Written};
use super::sink::{Sink, Target};
use crate::model::dataset::{Dataset, Kind};
use crate::model::decimal;
use crate::model::period::parse_day;
use crate::synth::request::SynthError;

/// Number of rows that are handed to the writer at once.
const ROWS_PER_BATCH: usize = 4_096;
const ROWS_PER_GROUP: usize = 100_000;
/// Number of usage rows after which another file begins.
const ROWS_PER_FILE: u64 = 2_000_000;

/// Settings of every Parquet file. The creator is named without a version, so that bytes do not
/// change with it.
pub(in crate::synth) fn properties() -> Result<WriterProperties, SynthError> {
    let level = ZstdLevel::try_new(1).map_err(|source| SynthError::Parquet {
        path: "ZSTD".into(),
        source,
    })?;
    let builder = WriterProperties::builder().set_compression(Compression::ZSTD(level));
    Ok(builder
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        .set_created_by("tieout synth".to_owned())
        .build())
}

/// Cells of one column of the batch at hand.
enum Cells {
    Text(StringBuilder),
    Number(Decimal128Builder, u32),
    Date(Date32Builder),
}

impl Cells {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Text(_) => Self::Text(StringBuilder::new()),
            Kind::Decimal(scale) => Self::Number(
                Decimal128Builder::new().with_data_type(data_type(kind)),
                scale,
            ),
            Kind::Date => Self::Date(Date32Builder::new()),
        }
    }

    /// Takes a cell; an empty number or date is null, an empty text stays a text.
    fn push(&mut self, cell: &str) {
        match self {
            Self::Text(cells) => cells.append_value(cell),
            Self::Number(cells, scale) => {
                let parsed = (!cell.is_empty()).then(|| {
                    let parsed = decimal::parse(cell.as_bytes(), *scale)
                        .expect("numbers are made as decimal text");
                    assert!(!parsed.rounded, "the column is wide enough for `{cell}`");
                    parsed.value
                });
                cells.append_option(parsed);
            }
            Self::Date(cells) => {
                cells.append_option(parse_day(cell.as_bytes()).expect("days are made as ISO text"));
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(cells) => Arc::new(cells.finish()),
            Self::Number(cells, _) => Arc::new(cells.finish()),
            Self::Date(cells) => Arc::new(cells.finish()),
        }
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text(_) => DataType::Utf8,
        Kind::Decimal(scale) => {
            DataType::Decimal128(38, i8::try_from(scale).expect("a scale is at most 38"))
        }
        Kind::Date => DataType::Date32,
    }
}

/// Sink into a sequence of Parquet files.
pub(super) struct Parquet {
    target: Target,
    schema: SchemaRef,
    columns: Vec<Cells>,
    /// Number of rows of the batch at hand.
    pending: usize,
    /// Number of rows of the file at hand.
    rows: u64,
    writer: Option<ArrowWriter<OutFile>>,
    written: Written,
}

impl Parquet {
    /// Opens the first file, which is there even without a row.
    pub(super) fn new(target: Target) -> Result<Self, SynthError> {
        let columns = target.dataset.columns();
        let fields: Vec<Field> = columns
            .iter()
            .map(|column| Field::new(column.name, data_type(column.kind), true))
            .collect();
        let columns = columns
            .iter()
            .map(|column| Cells::of(column.kind))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let mut sink = Self {
            target,
            schema,
            columns,
            pending: 0,
            rows: 0,
            writer: None,
            written: Written::default(),
        };
        sink.open()?;
        Ok(sink)
    }

    fn fault(&self, source: ParquetError) -> SynthError {
        SynthError::Parquet {
            path: self.target.folder.clone(),
            source,
        }
    }

    fn open(&mut self) -> Result<(), SynthError> {
        // Lines are few: only usage is cut into several files.
        self.written.files += 1;
        let name = match self.target.dataset {
            Dataset::Usage => format!("usage-{:04}.parquet", self.written.files),
            _ => "recon.parquet".to_owned(),
        };
        let file = OutFile::create(self.target.folder.join(name))?;
        let writer = ArrowWriter::try_new(file, Arc::clone(&self.schema), Some(properties()?))
            .map_err(|source| self.fault(source))?;
        self.writer = Some(writer);
        self.rows = 0;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SynthError> {
        let arrays = self.columns.iter_mut().map(Cells::finish).collect();
        self.pending = 0;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|source| self.fault(source.into()))?;
        let writer = self.writer.as_mut();
        let outcome = writer.expect("a file is open until the end").write(&batch);
        outcome.map_err(|source| self.fault(source))
    }

    fn close(&mut self) -> Result<(), SynthError> {
        self.flush()?;
        if let Some(writer) = self.writer.take() {
            let file = writer.into_inner().map_err(|source| self.fault(source))?;
            self.written.bytes += file.close()?;
        }
        Ok(())
    }
}

impl Sink for Parquet {
    fn row(&mut self, cells: &[&str]) -> Result<(), SynthError> {
        if self.rows == ROWS_PER_FILE && self.target.dataset == Dataset::Usage {
            self.close()?;
            self.open()?;
        }
        self.columns
            .iter_mut()
            .zip(cells)
            .for_each(|(column, cell)| column.push(cell));
        self.rows += 1;
        self.pending += 1;
        if self.pending == ROWS_PER_BATCH {
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
