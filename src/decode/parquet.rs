//! Flat Parquet with text, decimal, integer, date or timestamp columns. Floating-point columns are
//! refused: their digits are lost already.

use std::borrow::Cow;
use std::fs::File;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowDictionaryKeyType, TimestampNanosecondType, TimestampSecondType, UInt32Type};
use arrow_array::types::{Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use rayon::prelude::*;

use super::binding::Binding;
use super::shield::shield;
use super::{Collector, DecodeError, Input, Sink, SliceSink};
use crate::model::dataset::Kind;
use crate::model::row::{Cell, Place, Row};

const BATCH_ROWS: usize = 8_192;

pub(super) fn read<S: Sink>(collector: &Collector<'_, S, impl Fn() -> S + Sync>) -> Result<(), DecodeError> {
    let input = collector.input;
    let file = open(input)?;
    let metadata = shield(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())).map_err(|panic| torn(input, &panic))?;
    let metadata = metadata.map_err(|error| torn(input, &error))?;
    let headings: Vec<String> = metadata.schema().fields().iter().map(|field| field.name().clone()).collect();
    let binding = Binding::new(input, &headings)?;
    if let Some(warning) = binding.drift(input) {
        collector.warn(warning);
    }
    check_types(input, &metadata, &binding)?;
    // Columns that mean nothing to us still tell a row from its copy.
    let fields = metadata.schema().fields();
    let roots: Vec<usize> =
        (0..headings.len()).filter(|at| fields.get(*at).is_some_and(|f| Reader::of_type(f.data_type()).is_some())).collect();
    let slots: Vec<Option<usize>> = roots.iter().map(|at| binding.slots.get(*at).copied().flatten()).collect();
    let mut first_row = 1_u64;
    let mut groups = Vec::new();
    for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        groups.push(Group { number, first_row, rows });
        first_row = first_row.saturating_add(rows);
    }
    groups.par_iter().try_for_each(|group| read_group(collector, &metadata, &roots, &slots, group))
}

/// A row group and the rows that the footer promises of it.
struct Group {
    number: usize,
    first_row: u64,
    rows: u64,
}

fn read_group<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
    metadata: &ArrowReaderMetadata,
    roots: &[usize],
    slots: &[Option<usize>],
    group: &Group,
) -> Result<(), DecodeError> {
    let input = collector.input;
    // A clone of the file would share its position with other workers: open it anew.
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(open(input)?, metadata.clone());
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots.iter().copied());
    let builder = builder.with_projection(mask).with_row_groups(vec![group.number]).with_batch_size(BATCH_ROWS);
    let batches = shield(|| builder.build()).map_err(|panic| torn(input, &panic))?;
    let mut batches = batches.map_err(|error| torn(input, &error))?;
    collector.with_sink(|sink| {
        let mut row = group.first_row;
        while let Some(batch) = shield(|| batches.next()).map_err(|panic| torn(input, &panic))? {
            let batch = batch.map_err(|error| torn(input, &error))?;
            feed(&batch, slots, row, sink)?;
            row += batch.num_rows() as u64;
        }
        let found = row - group.first_row;
        if found != group.rows {
            return Err(torn(input, &format!("{found} rows in row group {}, its footer promises {}", group.number, group.rows)));
        }
        Ok(())
    })
}

fn open(input: Input<'_>) -> Result<File, DecodeError> {
    File::open(input.path).map_err(|error| DecodeError::damaged(input.unit, format!("`{error}`"), "a readable file"))
}

fn torn(input: Input<'_>, error: &dyn std::fmt::Display) -> DecodeError {
    DecodeError::damaged(input.unit, format!("a torn Parquet file ({error})"), "a whole Parquet file, footer included")
}

fn check_types(input: Input<'_>, metadata: &ArrowReaderMetadata, binding: &Binding) -> Result<(), DecodeError> {
    let columns = input.dataset.columns();
    for (field, slot) in metadata.schema().fields().iter().zip(&binding.slots) {
        let Some(column) = slot.and_then(|slot| columns.get(slot)) else { continue };
        let is_number = matches!(column.kind, Kind::Decimal(_));
        if is_number && matches!(field.data_type(), DataType::Float16 | DataType::Float32 | DataType::Float64) {
            let found = format!("column `{}` as floating point", field.name());
            return Err(DecodeError::wrong(input.unit, found, "DECIMAL or text", "write it as DECIMAL: a float has lost digits already"));
        }
        if Reader::of_type(field.data_type()).is_none() {
            let found = format!("column `{}` as {}", field.name(), field.data_type());
            return Err(DecodeError::wrong(input.unit, found, "text, DECIMAL, integer, date or timestamp", "write it flat"));
        }
    }
    Ok(())
}

fn feed<S: Sink>(batch: &RecordBatch, slots: &[Option<usize>], first_row: u64, sink: &mut SliceSink<'_, S>) -> Result<(), DecodeError> {
    let width = sink.input.dataset.columns().len();
    let readers: Vec<(Option<usize>, Column<'_>)> =
        slots.iter().zip(batch.columns()).filter_map(|(slot, array)| Some((*slot, Column::new(array.as_ref())?))).collect();
    let mut text = Vec::new();
    for index in 0..batch.num_rows() {
        let mut cells = vec![Cell::Missing; width];
        text.clear();
        for (slot, column) in &readers {
            let value = column.cell(index);
            write_bytes(&mut text, &value);
            if let Some(cell) = slot.and_then(|slot| cells.get_mut(slot)) {
                *cell = value;
            }
        }
        let place = Place { first_line: first_row + index as u64, before: b"", text: b"", digest: xxhash_rust::xxh3::xxh3_64(&text) };
        sink.row(&Row { cells: &cells, place });
    }
    Ok(())
}

/// Appends a value such that no two rows of different values come to the same bytes.
fn write_bytes(out: &mut Vec<u8>, value: &Cell<'_>) {
    match value {
        Cell::Missing => out.push(0xFF),
        Cell::Text(text) => {
            out.extend_from_slice(text);
            out.push(0xFE);
        }
        Cell::Entry { text, .. } => {
            out.extend_from_slice(text);
            out.push(0xFE);
        }
        Cell::Decimal(value, _) => out.extend_from_slice(&value.to_le_bytes()),
        Cell::Date(day) => out.extend_from_slice(&day.to_le_bytes()),
    }
}

/// How a column's values become cells.
#[derive(Clone, Copy)]
enum Reader {
    Null,
    Text,
    LargeText,
    TextView,
    Dictionary32,
    DictionaryUnsigned,
    Decimal(u32),
    Integer32,
    Integer64,
    Date,
    Timestamp(i64),
}

impl Reader {
    fn of_type(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Null => Self::Null,
            DataType::Utf8 => Self::Text,
            DataType::LargeUtf8 => Self::LargeText,
            DataType::Utf8View => Self::TextView,
            DataType::Dictionary(key, value) if **value == DataType::Utf8 => match **key {
                DataType::Int32 => Self::Dictionary32,
                DataType::UInt32 => Self::DictionaryUnsigned,
                _ => return None,
            },
            DataType::Decimal128(_, scale) => Self::Decimal(u32::try_from(*scale).ok()?),
            DataType::Int32 => Self::Integer32,
            DataType::Int64 => Self::Integer64,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(unit, _) => Self::Timestamp(match unit {
                TimeUnit::Second => 1,
                TimeUnit::Millisecond => 1_000,
                TimeUnit::Microsecond => 1_000_000,
                TimeUnit::Nanosecond => 1_000_000_000,
            }),
            _ => return None,
        })
    }
}

struct Column<'b> {
    array: &'b dyn Array,
    reader: Reader,
}

impl<'b> Column<'b> {
    fn new(array: &'b dyn Array) -> Option<Self> {
        Reader::of_type(array.data_type()).map(|reader| Self { array, reader })
    }

    fn cell(&self, row: usize) -> Cell<'b> {
        let array = self.array;
        if array.is_null(row) {
            return Cell::Missing;
        }
        match self.reader {
            Reader::Null => Cell::Missing,
            Reader::Text => text(array.as_string::<i32>().value(row)),
            Reader::LargeText => text(array.as_string::<i64>().value(row)),
            Reader::TextView => text(array.as_string_view().value(row)),
            Reader::Dictionary32 => dictionary_cell::<Int32Type>(array, row),
            Reader::DictionaryUnsigned => dictionary_cell::<UInt32Type>(array, row),
            Reader::Decimal(scale) => Cell::Decimal(array.as_primitive::<Decimal128Type>().value(row), scale),
            Reader::Integer32 => Cell::Decimal(array.as_primitive::<Int32Type>().value(row).into(), 0),
            Reader::Integer64 => Cell::Decimal(array.as_primitive::<Int64Type>().value(row).into(), 0),
            Reader::Date => Cell::Date(array.as_primitive::<Date32Type>().value(row)),
            Reader::Timestamp(per_second) => Cell::Date(day_of_instant(instant(array, row, per_second), per_second)),
        }
    }
}

fn text(value: &str) -> Cell<'_> {
    if value.is_empty() { Cell::Missing } else { Cell::Text(Cow::Borrowed(value.as_bytes())) }
}

fn dictionary_cell<K: ArrowDictionaryKeyType>(array: &dyn Array, row: usize) -> Cell<'_> {
    let dictionary = array.as_dictionary::<K>();
    match dictionary.key(row) {
        Some(key) => text(dictionary.values().as_string::<i32>().value(key)),
        None => Cell::Missing,
    }
}

fn instant(array: &dyn Array, row: usize, per_second: i64) -> i64 {
    match per_second {
        1 => array.as_primitive::<TimestampSecondType>().value(row),
        1_000 => array.as_primitive::<TimestampMillisecondType>().value(row),
        1_000_000 => array.as_primitive::<TimestampMicrosecondType>().value(row),
        _ => array.as_primitive::<TimestampNanosecondType>().value(row),
    }
}

fn day_of_instant(instant: i64, per_second: i64) -> i32 {
    i32::try_from(instant.div_euclid(per_second).div_euclid(86_400)).unwrap_or(i32::MIN)
}
