//! Tables as flat Parquet: text, DATE, BIGINT, BOOLEAN and DECIMAL(28,10), compressed by ZSTD. The
//! same cells give the same bytes, however many cores there are.
//!
//! Writing is fast because the columns of a row group are encoded on all cores, and because columns
//! of codes go in as dictionaries: the texts themselves are never repeated for each row.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use ::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use ::parquet::errors::ParquetError;
use ::parquet::file::writer::SerializedFileWriter;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Int64Array, StringArray,
    UInt32Array, types::UInt32Type,
};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use rayon::prelude::*;

use super::parquet_settings::{begin, writer_options};
use super::table::{Cells, PART_ROWS, TablePart};
use crate::model::decimal::PUBLISHED_SCALE;
use crate::model::ids::fold;
use crate::model::tables::{ColumnType, PublishedColumn, Table};

/// Rows of a row group: 524,288. It is a multiple of [`PART_ROWS`], so that the file does not
/// depend on the parts in which its rows came.
const ROW_GROUP_ROWS: usize = 8 * PART_ROWS;
/// Digits of a decimal. .NET readers stop at 28 ([quirks, readers of our output]).
///
/// [quirks, readers of our output]: crate::model::domain::quirks
pub(super) const PRECISION: u8 = 28;

type Target<'w> = &'w mut (dyn Write + Send);

/// A Parquet file while it is written.
pub struct Writer<'w> {
    table: &'static Table,
    /// Target of a file that is not begun: only with the first rows is it known how the columns are
    /// encoded.
    unopened: Option<Target<'w>>,
    open: Option<OpenFile<'w>>,
}

impl<'w> Writer<'w> {
    /// A file of a table, with no rows yet.
    #[must_use]
    pub const fn new(table: &'static Table, into: &'w mut (dyn Write + Send)) -> Self {
        Self {
            table,
            unopened: Some(into),
            open: None,
        }
    }

    /// Writes rows; all but the last ones come [`PART_ROWS`] at a time, or a multiple of that.
    ///
    /// # Errors
    /// The error of the target.
    pub fn write(&mut self, filled: &TablePart<'_>) -> Result<(), ParquetError> {
        // Part by part, so that no array holds more than `PART_ROWS` cells, and a row group ends
        // where a part does.
        let open = self.open(&filled.columns)?;
        (0..filled.rows)
            .step_by(PART_ROWS)
            .try_for_each(|start| open.write(filled, start..(start + PART_ROWS).min(filled.rows)))
    }

    /// Writes the last row group and the footer.
    ///
    /// # Errors
    /// The error of the target; also where an earlier call failed.
    pub fn close(mut self) -> Result<(), ParquetError> {
        // A table without rows has a file too.
        self.open(&[])?;
        match self.open {
            Some(open) => open.close(),
            None => Err(not_begun()),
        }
    }

    fn open(&mut self, cells: &[Cells<'_>]) -> Result<&mut OpenFile<'w>, ParquetError> {
        if let Some(into) = self.unopened.take() {
            self.open = Some(OpenFile::new(self.table, into, cells)?);
        }
        self.open.as_mut().ok_or_else(not_begun)
    }
}

fn not_begun() -> ParquetError {
    ParquetError::General("the file could not be begun".to_owned())
}

struct OpenFile<'w> {
    file: SerializedFileWriter<Target<'w>>,
    factory: ArrowRowGroupWriterFactory,
    schema: Arc<Schema>,
    /// Writers of the columns of the row group that is open; empty between row groups.
    columns: Vec<ArrowColumnWriter>,
    /// Rows of the row group that is open.
    rows: usize,
    /// Number of complete row groups.
    groups: usize,
}

impl<'w> OpenFile<'w> {
    fn new(table: &Table, into: Target<'w>, cells: &[Cells<'_>]) -> Result<Self, ParquetError> {
        let columns = table.columns.iter().enumerate();
        let fields: Vec<Field> = columns
            .map(|(at, column)| field(column, cells.get(at)))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let options = writer_options(ROW_GROUP_ROWS, None)?;
        let (file, factory) = begin(into, &schema, options)?;
        Ok(Self {
            file,
            factory,
            schema,
            columns: Vec::new(),
            rows: 0,
            groups: 0,
        })
    }

    fn write(&mut self, filled: &TablePart<'_>, rows: Range<usize>) -> Result<(), ParquetError> {
        if self.columns.is_empty() {
            self.columns = self.factory.create_column_writers(self.groups)?;
        }
        self.columns
            .par_iter_mut()
            .zip(&filled.columns)
            .zip(self.schema.fields().par_iter())
            .map(|((column, cells), field)| encode(column, cells, field, rows.clone()))
            .collect::<Result<(), ParquetError>>()?;
        self.rows += rows.len();
        // Written as soon as it is full: memory holds the encoded columns of one row group at most.
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
        // The chunks were made on all cores, and are appended in the order of the columns: only so
        // are the bytes the same on every machine.
        let mut group = self.file.next_row_group()?;
        chunks
            .into_iter()
            .try_for_each(|chunk| chunk.append_to_row_group(&mut group))?;
        group.close()?;
        self.groups += 1;
        self.rows = 0;
        Ok(())
    }

    fn close(mut self) -> Result<(), ParquetError> {
        self.end_group()?;
        self.file.close().map(drop)
    }
}

/// The field of a column; `cells` are its first ones, if there are any rows.
fn field(column: &PublishedColumn, cells: Option<&Cells<'_>>) -> Field {
    let is_coded = matches!(cells, Some(Cells::Codes(..) | Cells::Folded(..)));
    let data_type = data_type_of(column.column_type, is_coded);
    // Other cells always have a value, for a missing text is an empty one: see `ColumnType`.
    let is_nullable = column.column_type == ColumnType::Date;
    Field::new(column.name, data_type, is_nullable)
}

/// Arrow type of a column, whose texts may be codes of a dictionary.
pub(super) fn data_type_of(column_type: ColumnType, is_coded: bool) -> DataType {
    match column_type {
        ColumnType::Text if is_coded => {
            DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8))
        }
        ColumnType::Text => DataType::Utf8,
        ColumnType::Date => DataType::Date32,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Decimal | ColumnType::DecimalOrNull => DataType::Decimal128(PRECISION, scale()),
        ColumnType::Boolean => DataType::Boolean,
    }
}

fn scale() -> i8 {
    i8::try_from(PUBLISHED_SCALE).expect("the published scale has two digits")
}

fn encode(
    column: &mut ArrowColumnWriter,
    cells: &Cells<'_>,
    field: &FieldRef,
    rows: Range<usize>,
) -> Result<(), ParquetError> {
    let array = array(cells, rows)?;
    compute_leaves(field, &array)?
        .iter()
        .try_for_each(|leaf| column.write(leaf))
}

fn array(cells: &Cells<'_>, rows: Range<usize>) -> Result<ArrayRef, ParquetError> {
    Ok(match cells {
        Cells::Codes(codes, texts) => {
            Arc::new(dictionary(&codes[rows], |code| texts[code].as_str())?)
        }
        Cells::Folded(codes, texts, kind) => {
            Arc::new(dictionary(&codes[rows], |code| fold(*kind, &texts[code]))?)
        }
        Cells::Texts(texts) => Arc::new(StringArray::from_iter_values(&texts[rows])),
        Cells::Integers(numbers) => Arc::new(Int64Array::from(numbers[rows].to_vec())),
        Cells::Decimals(numbers) => Arc::new(
            Decimal128Array::from(numbers[rows].to_vec())
                .with_precision_and_scale(PRECISION, scale())?,
        ),
        Cells::Days(days) => Arc::new(Date32Array::from(days[rows].to_vec())),
        Cells::Booleans(values) => Arc::new(BooleanArray::from(values[rows].to_vec())),
    })
}

/// Codes as an array with a dictionary of its own: one entry for each run of equal codes. All texts
/// of the vocabulary would be too many, and to find the distinct ones would take a hash table; rows
/// are sorted, so most columns have long runs.
fn dictionary<T: AsRef<str>>(
    codes: &[u32],
    text: impl Fn(usize) -> T,
) -> Result<DictionaryArray<UInt32Type>, ParquetError> {
    let runs = codes.chunk_by(|left, right| left == right);
    let entries = runs.clone().map(|run| text(run[0] as usize));
    let entries = Arc::new(StringArray::from_iter_values(entries));
    let keys = (0..)
        .zip(runs)
        .flat_map(|(entry, run)| std::iter::repeat_n(entry, run.len()));
    Ok(DictionaryArray::try_new(
        UInt32Array::from_iter_values(keys),
        entries,
    )?)
}
