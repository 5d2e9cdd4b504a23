//! Published tables read back batch by batch, cells borrowed from the columns: for reports over all
//! rows of a run, where a text for each cell would cost more than the reading.

use std::fs::File;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::errors::ParquetError;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::parquet::data_type_of;
use crate::model::period::Day;
use crate::model::tables::{PublishedColumn, Table};

/// Some columns of some rows of a published table.
#[derive(Debug)]
pub struct ReadBatch {
    /// Columns in the order in which they were asked for.
    columns: Vec<ArrayRef>,
    rows: usize,
}

impl ReadBatch {
    /// Number of rows in the batch.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Text of a cell; empty where there is none.
    ///
    /// # Panics
    /// For a column of another type than was asked for: a bug of ours.
    #[must_use]
    pub fn text(&self, column: usize, row: usize) -> &str {
        self.columns[column].as_string::<i32>().value(row)
    }

    /// Number of a cell in units of 10^-10.
    ///
    /// # Panics
    /// For a column of another type than was asked for: a bug of ours.
    #[must_use]
    pub fn decimal(&self, column: usize, row: usize) -> i128 {
        self.columns[column]
            .as_primitive::<Decimal128Type>()
            .value(row)
    }

    /// Number of a cell in units of 10^-10; `None` where there is none.
    ///
    /// # Panics
    /// For a column of another type than was asked for: a bug of ours.
    #[must_use]
    pub fn number(&self, column: usize, row: usize) -> Option<i128> {
        let numbers = self.columns[column].as_primitive::<Decimal128Type>();
        numbers.is_valid(row).then(|| numbers.value(row))
    }

    /// Count of a cell.
    ///
    /// # Panics
    /// For a column of another type than was asked for: a bug of ours.
    #[must_use]
    pub fn count(&self, column: usize, row: usize) -> i64 {
        self.columns[column].as_primitive::<Int64Type>().value(row)
    }

    /// Day of a cell; `None` where there is none.
    ///
    /// # Panics
    /// For a column of another type than was asked for: a bug of ours.
    #[must_use]
    pub fn day(&self, column: usize, row: usize) -> Option<Day> {
        let days = self.columns[column].as_primitive::<Date32Type>();
        days.is_valid(row).then(|| days.value(row))
    }
}

/// Calls `take` with all rows of an open Parquet table of a kind, batch by batch, in all its columns;
/// the first error ends the reading.
///
/// # Errors
/// That of `take`, and that of the parquet crate; also where a column is missing, or of another type.
pub fn whole_batches<E: From<ParquetError>>(
    file: File,
    table: &Table,
    mut take: impl FnMut(&ReadBatch) -> Result<(), E>,
) -> Result<(), E> {
    let typed = |column: &PublishedColumn| (column.name, data_type_of(column.column_type, false));
    let columns: Vec<(&str, DataType)> = table.columns.iter().map(typed).collect();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let names = columns.iter().map(|(name, _)| *name);
    let mask = ProjectionMask::columns(builder.parquet_schema(), names);
    for batch in builder.with_projection(mask).build()? {
        let batch = batch.map_err(ParquetError::from)?;
        let found = columns.iter().map(|(name, wanted)| {
            let fault = |found: String| ParquetError::General(format!("{found} `{name}`"));
            let column = batch
                .column_by_name(name)
                .ok_or_else(|| fault("no column".to_owned()))?;
            match column.data_type() {
                found if found == wanted => Ok(column.clone()),
                found => Err(fault(format!("{found} in column"))),
            }
        });
        let read = ReadBatch {
            columns: found.collect::<Result<_, ParquetError>>()?,
            rows: batch.num_rows(),
        };
        take(&read)?;
    }
    Ok(())
}
