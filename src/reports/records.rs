//! Typed rows of what was fetched, as Parquet: one precision and scale for each column, for ever;
//! bounded row groups, so that memory does not grow with the rows.

use std::io::Write;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_writer::ArrowWriterOptions;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder, make_builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellType {
    /// Text.
    Text,
    /// Decimal of 38 digits, with so many decimals.
    Decimal(i8),
    /// A calendar day.
    Date,
    /// An instant, UTC, in microseconds.
    Instant,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'c> {
    /// None.
    Missing,
    /// Text.
    Text(&'c str),
    /// Units of the column's last decimal.
    Decimal(i128),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01, UTC.
    Instant(i64),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
}

const BATCH_ROWS: usize = 8 * 1024;
const ROW_GROUP_ROWS: usize = 128 * 1024;
const ROW_GROUP_BYTES: usize = 64 << 20;
const PRECISION: u8 = 38;

/// A table in the making.
pub struct RecordWriter<W: Write + Send> {
    schema: Arc<Schema>,
    writer: ArrowWriter<W>,
    builders: Vec<Box<dyn ArrayBuilder>>,
    rows: usize,
    /// Rows written so far.
    pub written: u64,
}

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

impl<W: Write + Send> RecordWriter<W> {
    /// A table of these columns; `facts` stand in its footer.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn new(
        into: W,
        columns: &[(String, CellType)],
        facts: &[(&str, String)],
    ) -> Result<Self, ParquetError> {
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, cell_type)| Field::new(name, cell_type.data_type(), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let facts = facts
            .iter()
            .map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone()))
            .collect();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_created_by(concat!("tieout ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(facts))
            .build();
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(into, Arc::clone(&schema), options)?;
        let builders = schema
            .fields()
            .iter()
            .map(|field| make_builder(field.data_type(), BATCH_ROWS))
            .collect();
        Ok(Self {
            schema,
            writer,
            builders,
            rows: 0,
            written: 0,
        })
    }

    /// Appends a row; a value of another type than its column's counts as none.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn row<'c>(&mut self, cells: impl Iterator<Item = Cell<'c>>) -> Result<(), ParquetError> {
        for (builder, cell) in self.builders.iter_mut().zip(cells) {
            append(builder.as_mut(), cell);
        }
        self.rows += 1;
        self.written += 1;
        if self.rows == BATCH_ROWS {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let types = self.schema.fields().iter().map(|field| field.data_type());
        let arrays: Result<Vec<ArrayRef>, ParquetError> = self
            .builders
            .iter_mut()
            .zip(types)
            .map(|(builder, data_type)| finished(builder.as_mut(), data_type))
            .collect();
        self.writer
            .write(&RecordBatch::try_new(Arc::clone(&self.schema), arrays?)?)?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush()
        } else {
            Ok(())
        }
    }

    /// Completes the table; what it was written to comes back.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn end(mut self) -> Result<W, ParquetError> {
        self.flush()?;
        self.writer.into_inner()
    }
}

/// The builder's array, with precision, scale and zone of its column.
fn finished(
    builder: &mut dyn ArrayBuilder,
    data_type: &DataType,
) -> Result<ArrayRef, ParquetError> {
    let any = builder.as_any_mut();
    Ok(match data_type {
        DataType::Decimal128(precision, scale) => match any.downcast_mut::<Decimal128Builder>() {
            Some(builder) => Arc::new(
                builder
                    .finish()
                    .with_precision_and_scale(*precision, *scale)?,
            ),
            None => builder.finish(),
        },
        DataType::Timestamp(_, Some(zone)) => {
            match any.downcast_mut::<TimestampMicrosecondBuilder>() {
                Some(builder) => Arc::new(builder.finish().with_timezone(Arc::clone(zone))),
                None => builder.finish(),
            }
        }
        _ => builder.finish(),
    })
}

fn append(builder: &mut dyn ArrayBuilder, cell: Cell<'_>) {
    let any = builder.as_any_mut();
    if let Some(builder) = any.downcast_mut::<StringBuilder>() {
        builder.append_option(if let Cell::Text(text) = cell {
            Some(text)
        } else {
            None
        });
    } else if let Some(builder) = any.downcast_mut::<Decimal128Builder>() {
        builder.append_option(if let Cell::Decimal(value) = cell {
            Some(value)
        } else {
            None
        });
    } else if let Some(builder) = any.downcast_mut::<TimestampMicrosecondBuilder>() {
        builder.append_option(if let Cell::Instant(value) = cell {
            Some(value)
        } else {
            None
        });
    } else if let Some(builder) = any.downcast_mut::<Date32Builder>() {
        builder.append_option(if let Cell::Date(value) = cell {
            Some(value)
        } else {
            None
        });
    } else if let Some(builder) = any.downcast_mut::<Int64Builder>() {
        builder.append_option(if let Cell::Integer(value) = cell {
            Some(value)
        } else {
            None
        });
    } else if let Some(builder) = any.downcast_mut::<BooleanBuilder>() {
        builder.append_option(if let Cell::Boolean(value) = cell {
            Some(value)
        } else {
            None
        });
    }
}
