//! Typed rows of fetched data as Parquet. A column has one precision and scale for ever, for
//! readers that take many files as one table refuse mixed ones ([quirks, readers of our output]);
//! row groups are bounded, so that memory does not grow with the rows.
//!
//! [quirks, readers of our output]: crate::model::domain::quirks

use std::io::Write;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Decimal128Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};

use super::parquet_settings::writer_options;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellType {
    /// UTF-8 text of any length.
    Text,
    /// Decimal number of 38 digits, of which so many are decimals.
    Decimal(i8),
    /// Calendar day, without a zone.
    Date,
    /// Instant in UTC, in microseconds.
    Instant,
    /// Whole number of 64 bits.
    Integer,
    /// Truth value, true or false.
    Boolean,
}

/// One value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'c> {
    /// No value, in a column of any type.
    Missing,
    /// UTF-8 text of any length.
    Text(&'c str),
    /// Decimal number in units of the column's last decimal.
    Decimal(i128),
    /// Calendar day, in days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01, UTC.
    Instant(i64),
    /// Whole number of 64 bits.
    Integer(i64),
    /// Truth value, true or false.
    Boolean(bool),
}

/// Rows that are gathered before they are encoded: 8,192.
const BATCH_ROWS: usize = 8 * 1024;
/// Rows of a row group, at most: 131,072.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Encoded bytes beyond which a row group is written before it has all its rows: 64 MiB.
const ROW_GROUP_BYTES: usize = 64 << 20;
/// Digits of a decimal: as many as 128 bits hold.
const PRECISION: u8 = 38;

impl CellType {
    fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Decimal(scale) => DataType::Decimal128(PRECISION, scale),
            Self::Date => DataType::Date32,
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Integer => DataType::Int64,
            Self::Boolean => DataType::Boolean,
        }
    }
}

/// A table while it is written.
pub struct RecordWriter<W: Write + Send> {
    schema: Arc<Schema>,
    writer: ArrowWriter<W>,
    /// Gathered values of each column.
    builders: Vec<ColumnBuilder>,
    /// Number of gathered rows.
    rows: usize,
}

impl<W: Write + Send> RecordWriter<W> {
    /// A table of these columns without rows; `facts` stand in its footer by their names.
    ///
    /// # Errors
    /// The error of the target.
    pub fn new(
        into: W,
        columns: &[(String, CellType)],
        facts: &[(&str, String)],
    ) -> Result<Self, ParquetError> {
        let fields: Vec<Field> = columns
            .iter()
            // Every column may be null, as an answer may leave out any of its members.
            .map(|(name, cell_type)| Field::new(name, cell_type.data_type(), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let facts = facts
            .iter()
            .map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone()))
            .collect();
        let options = writer_options(ROW_GROUP_ROWS, Some(facts))?;
        let writer = ArrowWriter::try_new_with_options(into, Arc::clone(&schema), options)?;
        let builders = columns
            .iter()
            .map(|(_, cell_type)| ColumnBuilder::new(*cell_type))
            .collect();
        Ok(Self {
            schema,
            writer,
            builders,
            rows: 0,
        })
    }

    /// Appends a row: a cell for each column, in order.
    ///
    /// # Errors
    /// The error of the target.
    ///
    /// # Panics
    /// If the cells are not those of the columns in number or type: a bug of ours, which would lose
    /// values.
    pub fn row<'c>(
        &mut self,
        mut cells: impl Iterator<Item = Cell<'c>>,
    ) -> Result<(), ParquetError> {
        for builder in &mut self.builders {
            builder.append(cells.next().expect("a row has a cell for each column"));
        }
        assert!(cells.next().is_none(), "a row has a column for each cell");
        self.rows += 1;
        if self.rows == BATCH_ROWS {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Completes the table; its target comes back.
    ///
    /// # Errors
    /// The error of the target.
    pub fn end(mut self) -> Result<W, ParquetError> {
        self.flush()?;
        self.writer.into_inner()
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        // The table has no rows at all, or ends with a full batch.
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let arrays: Vec<ArrayRef> = self
            .builders
            .iter_mut()
            .map(ColumnBuilder::finish)
            .collect();
        self.writer
            .write(&RecordBatch::try_new(Arc::clone(&self.schema), arrays)?)?;
        // Rows with much JSON would fill memory long before a row group has all its rows.
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush()
        } else {
            Ok(())
        }
    }
}

/// Values of one column while they are gathered.
enum ColumnBuilder {
    Text(StringBuilder),
    Decimal(Decimal128Builder),
    Date(Date32Builder),
    Instant(TimestampMicrosecondBuilder),
    Integer(Int64Builder),
    Boolean(BooleanBuilder),
}

impl ColumnBuilder {
    fn new(cell_type: CellType) -> Self {
        let data_type = cell_type.data_type();
        match cell_type {
            CellType::Text => Self::Text(StringBuilder::new()),
            CellType::Decimal(_) => {
                Self::Decimal(Decimal128Builder::new().with_data_type(data_type))
            }
            CellType::Date => Self::Date(Date32Builder::new()),
            CellType::Instant => {
                Self::Instant(TimestampMicrosecondBuilder::new().with_data_type(data_type))
            }
            CellType::Integer => Self::Integer(Int64Builder::new()),
            CellType::Boolean => Self::Boolean(BooleanBuilder::new()),
        }
    }

    fn append(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(builder), Cell::Text(text)) => builder.append_value(text),
            (Self::Text(builder), Cell::Missing) => builder.append_null(),
            (Self::Decimal(builder), Cell::Decimal(number)) => builder.append_value(number),
            (Self::Decimal(builder), Cell::Missing) => builder.append_null(),
            (Self::Date(builder), Cell::Date(day)) => builder.append_value(day),
            (Self::Date(builder), Cell::Missing) => builder.append_null(),
            (Self::Instant(builder), Cell::Instant(instant)) => builder.append_value(instant),
            (Self::Instant(builder), Cell::Missing) => builder.append_null(),
            (Self::Integer(builder), Cell::Integer(number)) => builder.append_value(number),
            (Self::Integer(builder), Cell::Missing) => builder.append_null(),
            (Self::Boolean(builder), Cell::Boolean(value)) => builder.append_value(value),
            (Self::Boolean(builder), Cell::Missing) => builder.append_null(),
            (_, other) => unreachable!("{other:?} is of another type than its column"),
        }
    }

    /// The gathered values; the builder is empty afterwards.
    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Instant(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
        }
    }
}
