//! Tables as flat Parquet: text, DATE, BIGINT, BOOLEAN, DECIMAL(28,10), ZSTD; the same bytes for
//! the same cells. The columns of a row group are encoded on all cores.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions,
    compute_leaves,
};
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Int64Array, StringArray,
    UInt32Array, types::UInt32Type,
};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use rayon::prelude::*;

use super::table::{Cells, Filled, PART_ROWS};
use crate::model::decimal::PUBLISHED_SCALE;
use crate::model::tables::{Column, ColumnType, Table};

/// A multiple of [`PART_ROWS`]: the file does not tell in which parts its rows came.
const ROW_GROUP_ROWS: usize = 8 * PART_ROWS;
const PRECISION: u8 = 28;

/// A Parquet file while it is written.
pub struct Writer<'w> {
    table: &'static Table,
    into: Into<'w>,
}

/// How the columns are encoded is known with the first rows.
enum Into<'w> {
    Unopened(Option<&'w mut (dyn Write + Send)>),
    Open(Box<Open<'w>>),
}

struct Open<'w> {
    file: SerializedFileWriter<&'w mut (dyn Write + Send)>,
    factory: ArrowRowGroupWriterFactory,
    schema: Arc<Schema>,
    /// The row group that is written, and its rows.
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
    groups: usize,
}

impl<'w> Writer<'w> {
    /// A file of a table, with no rows yet.
    #[must_use]
    pub const fn new(table: &'static Table, into: &'w mut (dyn Write + Send)) -> Self {
        Self {
            table,
            into: Into::Unopened(Some(into)),
        }
    }

    /// Writes rows; all but the last ones come [`PART_ROWS`] at a time, or several times that.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn write(&mut self, filled: &Filled<'_>) -> Result<(), ParquetError> {
        self.open(&filled.columns)?;
        let Into::Open(open) = &mut self.into else {
            return Ok(());
        };
        (0..filled.rows)
            .step_by(PART_ROWS)
            .try_for_each(|start| open.write(filled, start..(start + PART_ROWS).min(filled.rows)))
    }

    /// Writes what stands behind the rows.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn close(mut self) -> Result<(), ParquetError> {
        self.open(&[])?;
        match self.into {
            Into::Open(mut open) => {
                open.end_group()?;
                open.file.close().map(drop)
            }
            Into::Unopened(_) => Ok(()),
        }
    }

    fn open(&mut self, cells: &[Cells<'_>]) -> Result<(), ParquetError> {
        let Into::Unopened(into) = &mut self.into else {
            return Ok(());
        };
        let Some(into) = into.take() else {
            return Ok(());
        };
        let fields = self
            .table
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| field(column, cells.get(at)));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<Field>>()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_created_by(concat!("tieout ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        // Readers must see plain text: the arrow schema would tell them of our dictionaries.
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let (file, factory) =
            ArrowWriter::try_new_with_options(into, Arc::clone(&schema), options)?
                .into_serialized_writer()?;
        self.into = Into::Open(Box::new(Open {
            file,
            factory,
            schema,
            columns: Vec::new(),
            rows: 0,
            groups: 0,
        }));
        Ok(())
    }
}

impl Open<'_> {
    /// The columns are encoded on all cores.
    fn write(&mut self, filled: &Filled<'_>, rows: Range<usize>) -> Result<(), ParquetError> {
        if self.columns.is_empty() {
            self.columns = self.factory.create_column_writers(self.groups)?;
        }
        let columns = self
            .columns
            .par_iter_mut()
            .zip(&filled.columns)
            .zip(self.schema.fields().par_iter());
        columns
            .map(|((column, cells), field)| encode(column, cells, field, rows.clone()))
            .collect::<Result<(), ParquetError>>()?;
        self.rows += rows.len();
        if self.rows >= ROW_GROUP_ROWS {
            self.end_group()
        } else {
            Ok(())
        }
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        let columns = std::mem::take(&mut self.columns);
        if columns.is_empty() {
            return Ok(());
        }
        let chunks: Vec<ArrowColumnChunk> = columns
            .into_par_iter()
            .map(ArrowColumnWriter::close)
            .collect::<Result<_, ParquetError>>()?;
        let mut group = self.file.next_row_group()?;
        chunks
            .into_iter()
            .try_for_each(|chunk| chunk.append_to_row_group(&mut group))?;
        group.close()?;
        self.groups += 1;
        self.rows = 0;
        Ok(())
    }
}

fn encode(
    column: &mut ArrowColumnWriter,
    cells: &Cells<'_>,
    field: &FieldRef,
    rows: Range<usize>,
) -> Result<(), ParquetError> {
    let array = array(cells, rows.start, rows.end)?;
    compute_leaves(field, &array)?
        .iter()
        .try_for_each(|leaf| column.write(leaf))
}

fn field(column: &Column, cells: Option<&Cells<'_>>) -> Field {
    let data_type = match column.column_type {
        ColumnType::Text if matches!(cells, Some(Cells::Codes(..))) => {
            DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8))
        }
        ColumnType::Text => DataType::Utf8,
        ColumnType::Date => DataType::Date32,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Decimal => {
            DataType::Decimal128(PRECISION, i8::try_from(PUBLISHED_SCALE).unwrap_or_default())
        }
        ColumnType::Boolean => DataType::Boolean,
    };
    Field::new(
        column.name,
        data_type,
        column.column_type == ColumnType::Date,
    )
}

/// Codes with the texts of these alone: each run of equal ones has an entry.
fn dictionary(
    codes: &[u32],
    texts: &[String],
) -> Result<DictionaryArray<UInt32Type>, ParquetError> {
    let runs = codes.chunk_by(|left, right| left == right);
    let entries = runs
        .clone()
        .filter_map(|run| run.first())
        .map(|code| texts.get(*code as usize).map_or("", String::as_str));
    let keys = (0..)
        .zip(runs)
        .flat_map(|(entry, run)| std::iter::repeat_n(entry, run.len()));
    let entries = Arc::new(StringArray::from_iter_values(entries));
    Ok(DictionaryArray::try_new(
        UInt32Array::from_iter_values(keys),
        entries,
    )?)
}

fn array(cells: &Cells<'_>, start: usize, end: usize) -> Result<ArrayRef, ParquetError> {
    Ok(match cells {
        Cells::Codes(codes, texts) => Arc::new(dictionary(
            codes.get(start..end).unwrap_or_default(),
            texts,
        )?),
        Cells::Texts(texts) => Arc::new(StringArray::from_iter_values(
            texts.get(start..end).unwrap_or_default(),
        )),
        Cells::Integers(numbers) => Arc::new(Int64Array::from(
            numbers.get(start..end).unwrap_or_default().to_vec(),
        )),
        Cells::Decimals(numbers) => {
            let values =
                Decimal128Array::from(numbers.get(start..end).unwrap_or_default().to_vec());
            Arc::new(values.with_precision_and_scale(
                PRECISION,
                i8::try_from(PUBLISHED_SCALE).unwrap_or_default(),
            )?)
        }
        Cells::Days(days) => Arc::new(Date32Array::from(
            days.get(start..end).unwrap_or_default().to_vec(),
        )),
        Cells::Booleans(values) => Arc::new(BooleanArray::from(
            values.get(start..end).unwrap_or_default().to_vec(),
        )),
    })
}
