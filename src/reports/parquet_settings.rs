//! Settings that all our Parquet files share. A change here changes the bytes of every published
//! file, and with them what a second run of the same inputs is compared with.

use std::io::Write;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, ArrowWriterOptions};
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use arrow_schema::Schema;

use crate::model::tables::Table;

/// Level of ZSTD compression: 3, which is its own default.
pub(super) const ZSTD_LEVEL: i32 = 3;

/// The settings of a file with row groups of at most `row_group_rows` rows and `facts` in its
/// footer.
pub(super) fn writer_options(
    row_group_rows: usize,
    facts: Option<Vec<KeyValue>>,
) -> Result<ArrowWriterOptions, ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_max_row_group_row_count(Some(row_group_rows))
        // The version is part of the bytes, as it is of the run's id: files of two versions are
        // never compared with each other.
        .set_created_by(concat!("tieout ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(facts);
    // Readers must see plain text: the arrow schema would tell them of the writer's dictionaries.
    Ok(ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true))
}

/// A file without rows, and the maker of writers for the columns of its row groups.
pub(super) type Begun<W> = (SerializedFileWriter<W>, ArrowRowGroupWriterFactory);

/// Begins a file whose row groups are encoded apart from it.
pub(super) fn begin<W: Write + Send>(
    into: W,
    schema: &Arc<Schema>,
    options: ArrowWriterOptions,
) -> Result<Begun<W>, ParquetError> {
    ArrowWriter::try_new_with_options(into, Arc::clone(schema), options)?.into_serialized_writer()
}

/// Meanings of a table and its columns, for the footer of its file.
pub(super) fn descriptions(table: &Table) -> Vec<KeyValue> {
    let columns = table.columns.iter().map(|column| {
        let name = format!("column.{}", column.name);
        KeyValue::new(name, column.meaning.to_owned())
    });
    std::iter::once(KeyValue::new("row".to_owned(), table.row.to_owned()))
        .chain(columns)
        .collect()
}
