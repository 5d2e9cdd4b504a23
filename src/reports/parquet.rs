//! Tables as flat Parquet: text, DATE, BIGINT, BOOLEAN, DECIMAL(28,10), ZSTD; the same bytes for
//! the same cells. The columns of a row group are encoded on all cores.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowWriterOptions, compute_leaves};
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use arrow_array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Int64Array, StringArray, UInt32Array};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use rayon::prelude::*;

use super::table::{Cells, Filled};
use crate::model::decimal::PUBLISHED_SCALE;
use crate::model::tables::ColumnType;

const BATCH_ROWS: usize = 64 * 1024;
const ROW_GROUP_ROWS: usize = 512 * 1024;
const PRECISION: u8 = 28;

/// Writes a table.
///
/// # Errors
/// What the writer reports.
pub fn write(filled: &Filled<'_>, into: &mut (dyn Write + Send)) -> Result<(), ParquetError> {
    let sources: Vec<Source<'_>> = filled.columns.iter().map(Source::new).collect();
    let fields: Vec<Field> =
        sources.iter().zip(filled.table.columns).map(|(source, column)| source.field(column.name, column.column_type)).collect();
    let schema = Arc::new(Schema::new(fields));
    let level = ZstdLevel::try_new(3)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by(concat!("tieout ", env!("CARGO_PKG_VERSION")).to_owned())
        .build();
    // Readers must see plain text: the arrow schema would tell them of our dictionaries.
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let (mut writer, factory) = ArrowWriter::try_new_with_options(into, Arc::clone(&schema), options)?.into_serialized_writer()?;
    for (number, start) in (0..filled.rows).step_by(ROW_GROUP_ROWS).enumerate() {
        let end = (start + ROW_GROUP_ROWS).min(filled.rows);
        let columns = factory.create_column_writers(number)?.into_par_iter().zip(&sources).zip(schema.fields().par_iter());
        let encoded = columns.map(|((column, source), field)| encode(column, source, field, start..end));
        let chunks = encoded.collect::<Result<Vec<ArrowColumnChunk>, ParquetError>>()?;
        let mut group = writer.next_row_group()?;
        chunks.into_iter().try_for_each(|chunk| chunk.append_to_row_group(&mut group))?;
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

/// A row group's share of a column, encoded and compressed.
fn encode(
    mut column: ArrowColumnWriter,
    source: &Source<'_>,
    field: &FieldRef,
    rows: Range<usize>,
) -> Result<ArrowColumnChunk, ParquetError> {
    for start in rows.clone().step_by(BATCH_ROWS) {
        let array = source.array(start, (start + BATCH_ROWS).min(rows.end))?;
        for leaf in compute_leaves(field, &array)? {
            column.write(&leaf)?;
        }
    }
    column.close()
}

/// A column with what its batches share.
struct Source<'c> {
    cells: &'c Cells<'c>,
    texts: Option<ArrayRef>,
}

impl<'c> Source<'c> {
    fn new(cells: &'c Cells<'c>) -> Self {
        let texts = match cells {
            Cells::Codes(_, texts) => Some(Arc::new(StringArray::from_iter_values(texts.iter())) as ArrayRef),
            _ => None,
        };
        Self { cells, texts }
    }

    fn field(&self, name: &str, column_type: ColumnType) -> Field {
        let data_type = match (column_type, &self.texts) {
            (ColumnType::Text, Some(_)) => DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8)),
            (ColumnType::Text, None) => DataType::Utf8,
            (ColumnType::Date, _) => DataType::Date32,
            (ColumnType::Integer, _) => DataType::Int64,
            (ColumnType::Decimal, _) => DataType::Decimal128(PRECISION, i8::try_from(PUBLISHED_SCALE).unwrap_or_default()),
            (ColumnType::Boolean, _) => DataType::Boolean,
        };
        Field::new(name, data_type, column_type == ColumnType::Date)
    }

    fn array(&self, start: usize, end: usize) -> Result<ArrayRef, ParquetError> {
        Ok(match self.cells {
            Cells::Codes(codes, _) => {
                let keys = UInt32Array::from(codes.get(start..end).unwrap_or_default().to_vec());
                let texts = self.texts.clone().unwrap_or_else(|| Arc::new(StringArray::from_iter_values([""])));
                Arc::new(DictionaryArray::try_new(keys, texts)?)
            }
            Cells::Texts(texts) => Arc::new(StringArray::from_iter_values(texts.get(start..end).unwrap_or_default())),
            Cells::Integers(numbers) => Arc::new(Int64Array::from(numbers.get(start..end).unwrap_or_default().to_vec())),
            Cells::Decimals(numbers) => {
                let values = Decimal128Array::from(numbers.get(start..end).unwrap_or_default().to_vec());
                Arc::new(values.with_precision_and_scale(PRECISION, i8::try_from(PUBLISHED_SCALE).unwrap_or_default())?)
            }
            Cells::Days(days) => Arc::new(Date32Array::from(days.get(start..end).unwrap_or_default().to_vec())),
            Cells::Booleans(values) => Arc::new(BooleanArray::from(values.get(start..end).unwrap_or_default().to_vec())),
        })
    }
}
