//! Reads back what a run published, as text cells.

use std::fs::File;
use std::path::Path;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::errors::ParquetError;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;

use crate::model::decimal::{PUBLISHED_SCALE, fixed};
use crate::model::period::date_of;

/// Calls `take` with the cells of `columns` of every row of a published Parquet table: text as it
/// is, dates as `2026-10-31`, decimals with ten places.
///
/// # Errors
/// What the reader reports; a missing column too.
pub fn rows<const N: usize>(
    path: &Path,
    columns: [&str; N],
    mut take: impl FnMut([String; N]),
) -> Result<(), ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
    for batch in builder.with_projection(mask).build()? {
        let batch = batch?;
        let arrays = found(&batch, columns)?;
        for row in 0..batch.num_rows() {
            take(arrays.map(|array| array.map_or_else(String::new, |array| cell(array, row))));
        }
    }
    Ok(())
}

fn found<'b, const N: usize>(
    batch: &'b RecordBatch,
    columns: [&str; N],
) -> Result<[Option<&'b dyn Array>; N], ParquetError> {
    let mut arrays = [None; N];
    for (slot, name) in arrays.iter_mut().zip(columns) {
        let array = batch
            .column_by_name(name)
            .ok_or_else(|| ParquetError::General(format!("no column `{name}`")))?;
        *slot = Some(array.as_ref());
    }
    Ok(arrays)
}

fn cell(array: &dyn Array, row: usize) -> String {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Date32 if array.is_null(row) => String::new(),
        DataType::Date32 => date_of(array.as_primitive::<Date32Type>().value(row))
            .map(|date| date.to_string())
            .unwrap_or_default(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Decimal128(..) => fixed(
            array.as_primitive::<Decimal128Type>().value(row),
            PUBLISHED_SCALE,
        ),
        _ => String::new(),
    }
}
