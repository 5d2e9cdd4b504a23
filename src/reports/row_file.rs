//! A Parquet file whose row groups are encoded by whoever has their rows, and appended in their
//! order: the bytes are the same on any number of cores.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use ::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use ::parquet::errors::ParquetError;
use ::parquet::file::writer::SerializedFileWriter;
use arrow_schema::{Field, Schema};

use super::parquet_settings::{begin, row_options};
use super::row_batch::{RowBatch, array_of, batch_type};
use crate::model::tables::{ColumnType, Table};

/// Rows from which on a row group ends: 131,072. It may have those of a batch more.
pub const GROUP_ROWS: usize = 128 * 1024;

/// A file while it is written.
pub struct RowFile<W: Write + Send> {
    file: SerializedFileWriter<W>,
    factory: ArrowRowGroupWriterFactory,
    schema: Arc<Schema>,
    /// Row groups that are encoded, and wait for one before them.
    waiting: BTreeMap<usize, EncodedGroup>,
    /// Number of row groups that were appended.
    appended: usize,
}

/// Writers of the columns of a row group that nothing was written to.
pub struct GroupEncoder {
    columns: Vec<ArrowColumnWriter>,
    schema: Arc<Schema>,
}

/// Columns of a row group as they stand in the file.
pub struct EncodedGroup(Vec<ArrowColumnChunk>);

impl<W: Write + Send> RowFile<W> {
    /// A file of a table without rows; the meanings of its columns stand in the footer.
    ///
    /// # Errors
    /// The error of the target.
    pub fn new(table: &'static Table, into: W) -> Result<Self, ParquetError> {
        let fields = table.columns.iter().map(|column| {
            let is_nullable = column.column_type != ColumnType::Text;
            Field::new(column.name, batch_type(column.column_type), is_nullable)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let options = row_options(table)?;
        let (file, factory) = begin(into, &schema, options)?;
        Ok(Self {
            file,
            factory,
            schema,
            waiting: BTreeMap::new(),
            appended: 0,
        })
    }

    /// Encoder of the row group with this number, from 0.
    ///
    /// # Errors
    /// That of the parquet crate.
    pub fn encoder(&self, number: usize) -> Result<GroupEncoder, ParquetError> {
        Ok(GroupEncoder {
            columns: self.factory.create_column_writers(number)?,
            schema: Arc::clone(&self.schema),
        })
    }

    /// Appends a row group, once all before it are there.
    ///
    /// # Errors
    /// The error of the target.
    pub fn append(&mut self, number: usize, group: EncodedGroup) -> Result<(), ParquetError> {
        self.waiting.insert(number, group);
        while let Some(EncodedGroup(columns)) = self.waiting.remove(&self.appended) {
            let mut group = self.file.next_row_group()?;
            columns
                .into_iter()
                .try_for_each(|column| column.append_to_row_group(&mut group))?;
            group.close()?;
            self.appended += 1;
        }
        Ok(())
    }

    /// Writes the footer; the target comes back.
    ///
    /// # Errors
    /// The error of the target.
    pub fn close(self) -> Result<W, ParquetError> {
        self.file.into_inner()
    }
}

impl GroupEncoder {
    /// Encodes rows, which the group consists of.
    ///
    /// # Errors
    /// For a number of more than 28 digits.
    pub fn encode(self, batches: &[RowBatch]) -> Result<EncodedGroup, ParquetError> {
        let columns = self.columns.into_iter().zip(self.schema.fields());
        let chunks = columns.enumerate().map(|(at, (mut column, field))| {
            let array = array_of(batches, at)?;
            for leaf in compute_leaves(field, &array)? {
                column.write(&leaf)?;
            }
            column.close()
        });
        Ok(EncodedGroup(chunks.collect::<Result<_, _>>()?))
    }
}
