//! Some rows of a file of kept rows, as a file of their own: of an input that holds several months, each
//! month has its own invoices.

use std::fs::File;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::errors::ParquetError;
use arrow_array::cast::AsArray;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;

use super::parquet_settings::{descriptions, writer_options};
use super::row_file::GROUP_ROWS;
use crate::model::tables::Table;

/// Name of the column that tells the invoice of a row.
const INVOICE: &str = "invoice_number";

/// Copies the rows of wanted invoices from a file to another, which comes back.
///
/// # Errors
/// That of either file.
pub(super) fn copy(
    table: &Table,
    from: File,
    into: File,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<File, ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(from)?;
    let schema = Arc::clone(builder.schema());
    let options = writer_options(GROUP_ROWS, Some(descriptions(table)))?;
    let mut writer = ArrowWriter::try_new_with_options(into, schema, options)?;
    for batch in builder.build()? {
        let batch: RecordBatch = batch?;
        let invoices = batch
            .column_by_name(INVOICE)
            .ok_or_else(|| ParquetError::General(format!("no column `{INVOICE}`")))?
            .as_string::<i32>();
        let wanted: BooleanArray = invoices.iter().map(|one| one.map(is_wanted)).collect();
        writer.write(&filter_record_batch(&batch, &wanted)?)?;
    }
    writer.into_inner()
}
