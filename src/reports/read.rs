//! Published tables read back as text cells, for `explain`.

use std::fs::File;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::errors::ParquetError;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use crate::model::decimal::{PUBLISHED_SCALE, fixed};
use crate::model::period::date_of;

/// Calls `take` with the cells of `columns` for every row of an open Parquet table: text as it
/// is, dates as `2026-10-31` or empty, decimals with ten places.
///
/// # Errors
/// The error of the parquet crate; also where a column is missing, or is none that tieout
/// publishes.
pub fn rows<const N: usize>(
    table: File,
    columns: [&str; N],
    mut take: impl FnMut([String; N]),
) -> Result<(), ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(table)?;
    // Columns that nobody asked for are not decoded.
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
    for batch in builder.with_projection(mask).build()? {
        let batch = batch?;
        // By name: a batch has its columns in the order of the file, not in that of `columns`.
        let mut texts = Vec::with_capacity(N);
        for name in columns {
            let array = batch
                .column_by_name(name)
                .ok_or_else(|| ParquetError::General(format!("no column `{name}`")))?;
            texts.push(cells_of(name, array)?);
        }
        // Types are found out once for each batch, and every cell is then read by the right
        // function.
        for row in 0..batch.num_rows() {
            take(std::array::from_fn(|at| texts[at](row)));
        }
    }
    Ok(())
}

/// Text of a row's cell.
type CellText<'a> = Box<dyn Fn(usize) -> String + 'a>;

fn cells_of<'a>(name: &str, array: &'a ArrayRef) -> Result<CellText<'a>, ParquetError> {
    Ok(match array.data_type() {
        // Also for columns that were written as codes: the file keeps no arrow schema that would
        // tell of their dictionaries.
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            Box::new(move |row| texts.value(row).to_owned())
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>();
            Box::new(move |row| date_text(days.is_valid(row).then(|| days.value(row))))
        }
        DataType::Int64 => {
            let numbers = array.as_primitive::<Int64Type>();
            Box::new(move |row| numbers.value(row).to_string())
        }
        DataType::Decimal128(..) => {
            let numbers = array.as_primitive::<Decimal128Type>();
            Box::new(move |row| fixed(numbers.value(row), PUBLISHED_SCALE))
        }
        other => {
            let error = format!("a column `{name}` of type {other}");
            return Err(ParquetError::General(error));
        }
    })
}

/// A date as `2026-10-31`; no text for no date.
fn date_text(day: Option<i32>) -> String {
    match day.and_then(date_of) {
        Some(date) => date.to_string(),
        None => String::new(),
    }
}
