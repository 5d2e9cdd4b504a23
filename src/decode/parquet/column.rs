//! Columns of Parquet as cells: text with its dictionary code where there is one, typed values as
//! they are.
//!
//! Reading is fast because a column's type is found out once for each batch, not for each value,
//! and because text with a code is looked up by whoever counts it once for each dictionary, not for
//! each row.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, Date32Type, Date64Type, Decimal128Type,
    Decimal256Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal256Array, LargeStringArray, StringArray, StringViewArray,
};
use arrow_schema::{DataType, TimeUnit};

use super::array_hash::{hash_of_wide, hashes_of};
use super::dictionary::{DictionaryMemory, ViewedDictionary};
use crate::model::content::ColumnContent;
use crate::model::row::Cell;
use crate::model::value_hash::Unit;

const SECONDS_PER_DAY: i64 = 86_400;

/// True if columns of a type can be read, and not only hashed. [`Column::new`] has an arm for each
/// of them.
pub(super) fn is_readable(data_type: &DataType) -> bool {
    match data_type {
        // Writers choose the type `Null` for a column without any value.
        DataType::Null
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Date32
        | DataType::Date64
        | DataType::Timestamp(..) => true,
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => *scale >= 0,
        DataType::Dictionary(key, value) => {
            **value == DataType::Utf8 && matches!(**key, DataType::Int32 | DataType::UInt32)
        }
        _ => false,
    }
}

/// The values of one column of a batch.
pub(super) struct Column<'b> {
    array: &'b dyn Array,
    /// Most columns have no nulls, and then no bitmap is looked at.
    has_nulls: bool,
    values: Values<'b>,
}

enum Values<'b> {
    Null,
    Text(&'b StringArray),
    LargeText(&'b LargeStringArray),
    View {
        texts: &'b StringViewArray,
        dictionary: Option<ViewedDictionary>,
    },
    Entry {
        codes: Codes<'b>,
        texts: &'b StringArray,
        /// Number of the dictionary.
        number: u32,
        /// Part of each entry of the dictionary; empty where none is wanted.
        parts: &'b [u64],
    },
    /// Values in units of 10^-scale, and the scale.
    Decimal(&'b [i128], u32),
    /// Decimals of more than 38 digits, few of which are numbers that we can use.
    WideDecimal(&'b Decimal256Array),
    Integer32(&'b [i32]),
    Integer64(&'b [i64]),
    /// Integers of other widths, which are too rare to be worth a kind each.
    OtherInteger(Vec<i128>),
    /// Calendar days, in days since 1970-01-01.
    Date(&'b [i32]),
    /// Instants since 1970-01-01, UTC, and how many of their units make a second.
    Timestamp(&'b [i64], i64),
    /// Truths, of a column that is not read.
    Boolean(&'b BooleanArray),
    /// Hashes of values of another type, whose column is not read.
    Hashed(Vec<u64>),
}

enum Codes<'b> {
    Signed(&'b [i32]),
    Unsigned(&'b [u32]),
}

impl Codes<'_> {
    /// Code of a row that is not null.
    #[inline]
    fn at(&self, row: usize) -> u32 {
        match self {
            Self::Signed(codes) => {
                u32::try_from(codes[row]).expect("the parquet crate checks that codes are entries")
            }
            Self::Unsigned(codes) => codes[row],
        }
    }
}

impl<'b> Column<'b> {
    /// The values of an array. Those of a type that is not readable are only hashed.
    pub(super) fn new(
        array: &'b ArrayRef,
        memory: &'b mut DictionaryMemory,
        content: Option<&ColumnContent>,
    ) -> Self {
        let values = match array.data_type() {
            DataType::Null => Values::Null,
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::LargeUtf8 => Values::LargeText(array.as_string()),
            DataType::Utf8View => Values::View {
                texts: array.as_string_view(),
                dictionary: memory.dictionary_of(array),
            },
            DataType::Dictionary(key, value)
                if (&**key, &**value) == (&DataType::Int32, &DataType::Utf8) =>
            {
                entries::<Int32Type>(array, memory, content, Codes::Signed)
            }
            DataType::Dictionary(key, value)
                if (&**key, &**value) == (&DataType::UInt32, &DataType::Utf8) =>
            {
                entries::<UInt32Type>(array, memory, content, Codes::Unsigned)
            }
            DataType::Decimal128(_, scale) if *scale >= 0 => Values::Decimal(
                primitive::<Decimal128Type>(array),
                scale.unsigned_abs().into(),
            ),
            DataType::Decimal256(_, scale) if *scale >= 0 => {
                Values::WideDecimal(array.as_primitive::<Decimal256Type>())
            }
            DataType::Int8 => other_integers::<Int8Type>(array),
            DataType::Int16 => other_integers::<Int16Type>(array),
            DataType::UInt8 => other_integers::<UInt8Type>(array),
            DataType::UInt16 => other_integers::<UInt16Type>(array),
            DataType::UInt32 => other_integers::<UInt32Type>(array),
            DataType::UInt64 => other_integers::<UInt64Type>(array),
            DataType::Int32 => Values::Integer32(primitive::<Int32Type>(array)),
            DataType::Int64 => Values::Integer64(primitive::<Int64Type>(array)),
            DataType::Date32 => Values::Date(primitive::<Date32Type>(array)),
            DataType::Date64 => Values::Timestamp(primitive::<Date64Type>(array), 1_000),
            DataType::Timestamp(unit, _) => timestamps(array, *unit),
            DataType::Boolean => Values::Boolean(array.as_boolean()),
            _ => Values::Hashed(hashes_of(array)),
        };
        Self {
            array: array.as_ref(),
            has_nulls: array.null_count() > 0,
            values,
        }
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        self.has_nulls && self.array.is_null(row)
    }

    /// Puts a value into a cell. Each arm writes the cell in place: one that is built elsewhere in
    /// parts and then copied as a whole makes the processor wait for its own stores.
    #[inline]
    pub(super) fn fill(&self, row: usize, cell: &mut Cell<'b>) {
        // Also where there is a value: an empty text stays missing.
        *cell = Cell::Missing;
        if self.is_null(row) {
            return;
        }
        match &self.values {
            Values::Null | Values::Boolean(_) | Values::Hashed(_) => {}
            Values::Text(texts) => fill_text(texts.value(row), cell),
            Values::LargeText(texts) => fill_text(texts.value(row), cell),
            Values::View { texts, dictionary } => {
                fill_view(texts, dictionary.as_ref(), row, cell);
            }
            Values::Entry {
                codes,
                texts,
                number,
                ..
            } => {
                let code = codes.at(row);
                let text = texts.value(code as usize).as_bytes();
                if !text.is_empty() {
                    *cell = Cell::Entry {
                        text,
                        dictionary: *number,
                        code,
                    };
                }
            }
            Values::Decimal(values, scale) => *cell = Cell::Decimal(values[row], *scale),
            Values::WideDecimal(values) => {
                *cell = Cell::Text(Cow::Owned(plain_text(values, row).into_bytes()));
            }
            Values::OtherInteger(values) => *cell = Cell::Decimal(values[row], 0),
            Values::Integer32(values) => *cell = Cell::Decimal(values[row].into(), 0),
            Values::Integer64(values) => *cell = Cell::Decimal(values[row].into(), 0),
            Values::Date(days) => *cell = Cell::Date(days[row]),
            Values::Timestamp(instants, per_second) => {
                *cell = Cell::Date(day_of_instant(instants[row], *per_second));
            }
        }
    }

    /// Part of a value in the content of a row, under the column that was given to [`Column::new`]:
    /// equal for equal values, in all batches and files and however they are stored; 0 for none.
    #[inline]
    pub(super) fn part(&self, row: usize, content: &ColumnContent) -> u64 {
        if self.is_null(row) {
            return 0;
        }
        match &self.values {
            Values::Null => 0,
            Values::Entry { codes, parts, .. } => parts[codes.at(row) as usize],
            Values::View { texts, .. } => content.of_text(texts.value(row).as_bytes()),
            Values::Text(texts) => content.of_text(texts.value(row).as_bytes()),
            _ => self.other_part(row, content),
        }
    }

    fn other_part(&self, row: usize, content: &ColumnContent) -> u64 {
        let mut cell = Cell::Missing;
        match &self.values {
            Values::Boolean(truths) => content.of_text(match truths.value(row) {
                true => b"true",
                false => b"false",
            }),
            Values::WideDecimal(values) if content.is_unknown() => {
                match plain_text(values, row).as_str() {
                    "0" => 0,
                    text => content.part(hash_of_wide(text)),
                }
            }
            Values::Timestamp(instants, per_second) => {
                let (instant, per_second) = (instants[row], *per_second);
                let hash = Unit::of_second(per_second).hash(instant);
                content.of_instant(hash, day_of_instant(instant, per_second))
            }
            Values::Hashed(hashes) => content.part(hashes[row]),
            _ => {
                self.fill(row, &mut cell);
                content.of_cell(&cell)
            }
        }
    }
}

#[inline]
fn fill_text<'b>(text: &'b str, cell: &mut Cell<'b>) {
    if !text.is_empty() {
        *cell = Cell::Text(Cow::Borrowed(text.as_bytes()));
    }
}

#[inline]
fn fill_view<'b>(
    texts: &'b StringViewArray,
    dictionary: Option<&ViewedDictionary>,
    row: usize,
    cell: &mut Cell<'b>,
) {
    let text = texts.value(row);
    if let Some(dictionary) = dictionary
        && let Some(code) = dictionary.code(texts.views()[row], text.as_bytes())
    {
        *cell = Cell::Entry {
            text: text.as_bytes(),
            dictionary: dictionary.number,
            code,
        };
    } else {
        fill_text(text, cell);
    }
}

fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> &[T::Native] {
    array.as_primitive::<T>().values()
}

fn other_integers<'b, T: ArrowPrimitiveType>(array: &ArrayRef) -> Values<'b>
where
    T::Native: Into<i128>,
{
    let values = primitive::<T>(array).iter();
    Values::OtherInteger(values.map(|value| (*value).into()).collect())
}

fn entries<'b, K: ArrowDictionaryKeyType>(
    array: &'b ArrayRef,
    memory: &'b mut DictionaryMemory,
    content: Option<&ColumnContent>,
    codes: impl FnOnce(&'b [K::Native]) -> Codes<'b>,
) -> Values<'b> {
    let dictionary = array.as_dictionary::<K>();
    memory.meet(dictionary.values(), content);
    Values::Entry {
        codes: codes(dictionary.keys().values()),
        texts: dictionary.values().as_string(),
        number: memory.number(),
        parts: memory.parts(),
    }
}

fn timestamps(array: &ArrayRef, unit: TimeUnit) -> Values<'_> {
    match unit {
        TimeUnit::Second => Values::Timestamp(primitive::<TimestampSecondType>(array), 1),
        TimeUnit::Millisecond => {
            Values::Timestamp(primitive::<TimestampMillisecondType>(array), 1_000)
        }
        TimeUnit::Microsecond => {
            Values::Timestamp(primitive::<TimestampMicrosecondType>(array), 1_000_000)
        }
        TimeUnit::Nanosecond => {
            Values::Timestamp(primitive::<TimestampNanosecondType>(array), 1_000_000_000)
        }
    }
}

/// Text of a decimal without zeros at the end of its decimals, as all others are written.
fn plain_text(values: &Decimal256Array, row: usize) -> String {
    let text = values.value_as_string(row);
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

/// The day on which an instant falls. An instant beyond the days of 32 bits, some five million
/// years away, is a day outside the calendar.
fn day_of_instant(instant: i64, per_second: i64) -> i32 {
    // Rounded toward the past: a plain division would put an instant before 1970 on the day after.
    let day = instant.div_euclid(per_second).div_euclid(SECONDS_PER_DAY);
    i32::try_from(day).unwrap_or(i32::MIN)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow_array::RecordBatch;
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::basic::Encoding;
    use parquet::file::properties::WriterProperties;

    use super::*;

    /// Number of rows of each file: several batches, and more than one dictionary page holds.
    const ROWS: usize = 4_000;

    /// Writes texts as views and reads them back: every row has its text, and no code stands for
    /// two texts. Returns the distinct codes, and the texts that came without one.
    fn codes_and_plain_texts(
        of_row: impl Fn(usize) -> String,
        properties: WriterProperties,
    ) -> (usize, Vec<String>) {
        let texts: ArrayRef = Arc::new(StringViewArray::from_iter_values((0..ROWS).map(&of_row)));
        let batch = RecordBatch::try_from_iter([("text", texts)]).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let batches = ParquetRecordBatchReaderBuilder::try_new(file)
            .unwrap()
            .with_batch_size(500)
            .build()
            .unwrap();
        let (mut memory, mut row) = (DictionaryMemory::default(), 0);
        let mut of_code: HashMap<(u32, u32), String> = HashMap::new();
        let mut plain = Vec::new();
        for batch in batches.map(Result::unwrap) {
            let column = Column::new(batch.column(0), &mut memory, None);
            for at in 0..batch.num_rows() {
                let mut cell = Cell::Missing;
                column.fill(at, &mut cell);
                assert_eq!(cell.bytes(), of_row(row).as_bytes());
                if let Cell::Entry {
                    dictionary, code, ..
                } = cell
                {
                    let known = of_code
                        .entry((dictionary, code))
                        .or_insert_with(|| of_row(row));
                    assert_eq!(*known, of_row(row));
                } else {
                    plain.push(of_row(row));
                }
                row += 1;
            }
        }
        assert_eq!(row, ROWS);
        (of_code.len(), plain)
    }

    /// The dictionary is full after a part of the texts, and plain pages follow.
    #[test]
    fn texts_of_a_dictionary_given_up_keep_their_codes() {
        let of_row = |row: usize| {
            if row.is_multiple_of(7) {
                "short".to_owned()
            } else {
                format!("a text of some length, {}", row * 31 % 400)
            }
        };
        let properties = WriterProperties::builder()
            .set_dictionary_page_size_limit(4_000)
            .set_data_page_size_limit(2_000)
            .set_write_batch_size(64)
            .build();
        let (codes, plain) = codes_and_plain_texts(of_row, properties);
        let long = plain.iter().filter(|text| *text != "short").count();
        assert!(long > 100 && codes > 20, "{long} {codes}");
    }

    /// Other encodings put texts behind each other without a length between them.
    #[test]
    fn texts_without_a_dictionary_are_never_taken_for_each_other() {
        for encoding in [
            Encoding::PLAIN,
            Encoding::DELTA_LENGTH_BYTE_ARRAY,
            Encoding::DELTA_BYTE_ARRAY,
        ] {
            let of_row = |row: usize| format!("{:0>width$}", row % 700, width = 11 + row % 9);
            let properties = WriterProperties::builder()
                .set_dictionary_enabled(false)
                .set_encoding(encoding)
                .build();
            codes_and_plain_texts(of_row, properties);
        }
    }
}
