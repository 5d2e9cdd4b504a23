//! Columns of Parquet as cells: text by dictionary code where the file has dictionaries, typed values
//! as they are.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, Date32Type, Decimal128Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt32Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray, StringArray, StringViewArray};
use arrow_schema::{DataType, TimeUnit};
use xxhash_rust::xxh3::xxh3_64;

use super::dictionary::{Known, ViewedDictionary};
use crate::model::row::Cell;

pub(crate) fn hash_of_text(text: &[u8]) -> u64 {
    if text.is_empty() {
        0
    } else {
        xxh3_64(text) | 1
    }
}

/// The values of one column of a batch.
pub(crate) struct Column<'b> {
    array: &'b dyn Array,
    has_nulls: bool,
    values: Values<'b>,
}

enum Values<'b> {
    Null,
    Text(&'b StringArray),
    LargeText(&'b arrow_array::LargeStringArray),
    View {
        texts: &'b StringViewArray,
        dictionary: Option<ViewedDictionary>,
    },
    Entry {
        codes: Codes<'b>,
        texts: &'b StringArray,
        number: u32,
        hashes: &'b [u64],
    },
    Decimal(&'b [i128], u32),
    Integer32(&'b [i32]),
    Integer64(&'b [i64]),
    Date(&'b [i32]),
    Timestamp(&'b [i64], i64),
}

enum Codes<'b> {
    Signed(&'b [i32]),
    Unsigned(&'b [u32]),
}

impl Codes<'_> {
    fn get(&self, row: usize) -> Option<usize> {
        match self {
            Self::Signed(codes) => codes.get(row).and_then(|code| usize::try_from(*code).ok()),
            Self::Unsigned(codes) => codes.get(row).map(|code| *code as usize),
        }
    }
}

/// Whether columns of a type can be read.
pub(crate) fn is_readable(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Int32
        | DataType::Int64
        | DataType::Date32
        | DataType::Timestamp(..) => true,
        DataType::Decimal128(_, scale) => *scale >= 0,
        DataType::Dictionary(key, value) => {
            **value == DataType::Utf8 && matches!(**key, DataType::Int32 | DataType::UInt32)
        }
        _ => false,
    }
}

impl<'b> Column<'b> {
    /// `None` for types that cannot be read.
    pub(crate) fn new(
        array: &'b ArrayRef,
        known: &'b mut Known,
        with_hashes: bool,
    ) -> Option<Self> {
        let values = match array.data_type() {
            DataType::Null => Values::Null,
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::LargeUtf8 => Values::LargeText(array.as_string()),
            DataType::Utf8View => Values::View {
                texts: array.as_string_view(),
                dictionary: known.dictionary_of(array),
            },
            DataType::Dictionary(key, _) if **key == DataType::Int32 => {
                let (keys, texts) = dictionary::<Int32Type>(array, known, with_hashes)?;
                Values::Entry {
                    codes: Codes::Signed(keys.values()),
                    texts,
                    number: known.number(),
                    hashes: known.hashes(),
                }
            }
            DataType::Dictionary(..) => {
                let (keys, texts) = dictionary::<UInt32Type>(array, known, with_hashes)?;
                Values::Entry {
                    codes: Codes::Unsigned(keys.values()),
                    texts,
                    number: known.number(),
                    hashes: known.hashes(),
                }
            }
            DataType::Decimal128(_, scale) => Values::Decimal(
                primitive::<Decimal128Type>(array),
                u32::try_from(*scale).ok()?,
            ),
            DataType::Int32 => Values::Integer32(primitive::<Int32Type>(array)),
            DataType::Int64 => Values::Integer64(primitive::<Int64Type>(array)),
            DataType::Date32 => Values::Date(primitive::<Date32Type>(array)),
            DataType::Timestamp(unit, _) => match unit {
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
            },
            _ => return None,
        };
        Some(Self {
            array: array.as_ref(),
            has_nulls: array.null_count() > 0,
            values,
        })
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        self.has_nulls && self.array.is_null(row)
    }

    /// Puts a value into a cell. It is written in place, and not in passing: a cell that is built elsewhere
    /// in parts and then copied as one keeps the processor waiting.
    #[inline]
    pub(crate) fn fill(&self, row: usize, cell: &mut Cell<'b>) {
        *cell = Cell::Missing;
        if self.is_null(row) {
            return;
        }
        match &self.values {
            Values::Null => {}
            Values::Text(texts) => fill_text(texts.value(row), cell),
            Values::LargeText(texts) => fill_text(texts.value(row), cell),
            Values::View { texts, dictionary } => {
                let text = texts.value(row);
                let dictionary = dictionary.as_ref().zip(texts.views().get(row));
                match dictionary.and_then(|(dictionary, view)| {
                    Some((dictionary.number, dictionary.code(*view, text.as_bytes())?))
                }) {
                    Some((dictionary, code)) => {
                        *cell = Cell::Entry {
                            text: text.as_bytes(),
                            dictionary,
                            code,
                        }
                    }
                    None => fill_text(text, cell),
                }
            }
            Values::Entry {
                codes,
                texts,
                number,
                ..
            } => {
                if let Some(code) = codes.get(row)
                    && let text = texts.value(code).as_bytes()
                    && !text.is_empty()
                    && let Ok(code) = u32::try_from(code)
                {
                    *cell = Cell::Entry {
                        text,
                        dictionary: *number,
                        code,
                    };
                }
            }
            Values::Decimal(values, scale) => values
                .get(row)
                .into_iter()
                .for_each(|value| *cell = Cell::Decimal(*value, *scale)),
            Values::Integer32(values) => values
                .get(row)
                .into_iter()
                .for_each(|value| *cell = Cell::Decimal((*value).into(), 0)),
            Values::Integer64(values) => values
                .get(row)
                .into_iter()
                .for_each(|value| *cell = Cell::Decimal((*value).into(), 0)),
            Values::Date(days) => days
                .get(row)
                .into_iter()
                .for_each(|day| *cell = Cell::Date(*day)),
            Values::Timestamp(instants, per_second) => {
                instants
                    .get(row)
                    .into_iter()
                    .for_each(|instant| *cell = Cell::Date(day_of_instant(*instant, *per_second)));
            }
        }
    }

    /// The same for equal values; 0 for none.
    pub(crate) fn hash(&self, row: usize) -> u64 {
        if self.is_null(row) {
            return 0;
        }
        match &self.values {
            Values::Null => 0,
            Values::Text(texts) => hash_of_text(texts.value(row).as_bytes()),
            Values::LargeText(texts) => hash_of_text(texts.value(row).as_bytes()),
            Values::View { texts, .. } => hash_of_text(texts.value(row).as_bytes()),
            Values::Entry { codes, hashes, .. } => codes
                .get(row)
                .and_then(|code| hashes.get(code))
                .copied()
                .unwrap_or(0),
            Values::Decimal(values, _) => values.get(row).map_or(0, |value| hash_of_number(*value)),
            Values::Integer32(values) => values
                .get(row)
                .map_or(0, |value| hash_of_number((*value).into())),
            Values::Integer64(values) => values
                .get(row)
                .map_or(0, |value| hash_of_number((*value).into())),
            Values::Date(days) => days.get(row).map_or(0, |day| hash_of_number((*day).into())),
            Values::Timestamp(instants, _) => instants
                .get(row)
                .map_or(0, |instant| hash_of_number((*instant).into())),
        }
    }
}

fn hash_of_number(number: i128) -> u64 {
    let [a, b, c, d, e, f, g, h, high @ ..] = number.to_le_bytes();
    let low = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let mixed = (low ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9)
        ^ u64::from_le_bytes(high).rotate_left(29);
    (mixed ^ mixed >> 31).wrapping_mul(0x94D0_49BB_1331_11EB) | 1
}

fn fill_text<'b>(text: &'b str, cell: &mut Cell<'b>) {
    if !text.is_empty() {
        *cell = Cell::Text(Cow::Borrowed(text.as_bytes()));
    }
}

fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> &[T::Native] {
    array.as_primitive::<T>().values()
}

fn dictionary<'b, K: ArrowDictionaryKeyType>(
    array: &'b ArrayRef,
    known: &mut Known,
    with_hashes: bool,
) -> Option<(&'b PrimitiveArray<K>, &'b StringArray)> {
    let dictionary = array.as_dictionary::<K>();
    known.meet(dictionary.values(), with_hashes);
    Some((
        dictionary.keys(),
        dictionary.values().as_string_opt::<i32>()?,
    ))
}

fn day_of_instant(instant: i64, per_second: i64) -> i32 {
    i32::try_from(instant.div_euclid(per_second).div_euclid(86_400)).unwrap_or(i32::MIN)
}
