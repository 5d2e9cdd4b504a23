//! Hashes of the values of a column of any type, for columns that mean nothing to us but tell a row
//! from a copy of another: floats, binary, lists, structs, maps and all the rest that Parquet has.
//!
//! As in [`value_hash`](crate::model::value_hash), 0 stands for a missing value and for nothing else.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, ByteArrayType, Date32Type, Date64Type, Decimal32Type, Decimal64Type,
    Decimal128Type, Decimal256Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType,
    IntervalYearMonthType, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, OffsetSizeTrait};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use xxhash_rust::xxh3::xxh3_64;

use crate::model::value_hash::{Scale, Unit, hash_of_bytes, hash_of_number};

/// True if [`hashes_of`] knows a type. Parquet has no other; Arrow has, and a file may name one.
pub(super) fn is_hashable(data_type: &DataType) -> bool {
    match data_type {
        DataType::Union(..) | DataType::RunEndEncoded(..) => false,
        DataType::Dictionary(_, value) => is_hashable(value),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::Map(field, _) => is_hashable(field.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| is_hashable(field.data_type())),
        _ => true,
    }
}

/// Hash of each value of an array.
///
/// # Panics
/// If the type is not [hashable](is_hashable): files with such columns are refused.
pub(super) fn hashes_of(array: &dyn Array) -> Vec<u64> {
    match array.data_type() {
        DataType::Null => vec![0; array.len()],
        DataType::Boolean => each(array, |row| {
            hash_of_bytes(if array.as_boolean().value(row) {
                b"true"
            } else {
                b"false"
            })
        }),
        DataType::Float16 => floats::<Float16Type>(array, 1 << 15, |value| {
            (!value.is_nan()).then(|| value.to_bits().into())
        }),
        DataType::Float32 => floats::<Float32Type>(array, 1 << 31, |value| {
            (!value.is_nan()).then(|| value.to_bits().into())
        }),
        DataType::Float64 => floats::<Float64Type>(array, 1 << 63, |value| {
            (!value.is_nan()).then(|| value.to_bits())
        }),
        DataType::Utf8 => byte_texts::<arrow_array::types::Utf8Type>(array),
        DataType::LargeUtf8 => byte_texts::<arrow_array::types::LargeUtf8Type>(array),
        DataType::Binary => byte_texts::<arrow_array::types::BinaryType>(array),
        DataType::LargeBinary => byte_texts::<arrow_array::types::LargeBinaryType>(array),
        DataType::Utf8View => each(array, |row| {
            hash_of_bytes(array.as_string_view().value(row).as_bytes())
        }),
        DataType::BinaryView => each(array, |row| {
            hash_of_bytes(array.as_binary_view().value(row))
        }),
        DataType::FixedSizeBinary(_) => each(array, |row| {
            hash_of_bytes(array.as_fixed_size_binary().value(row))
        }),
        DataType::Decimal256(..) => {
            let decimals = array.as_primitive::<Decimal256Type>();
            each(array, |row| hash_of_wide(&decimals.value_as_string(row)))
        }
        DataType::List(_) => lists::<i32>(array),
        DataType::LargeList(_) => lists::<i64>(array),
        DataType::ListView(_) => list_views::<i32>(array),
        DataType::LargeListView(_) => list_views::<i64>(array),
        DataType::FixedSizeList(..) => {
            let lists = array.as_fixed_size_list();
            let items = hashes_of(lists.values());
            let length = usize::try_from(lists.value_length()).expect("a length");
            each(array, |row| hash_of_list(&items[row * length..][..length]))
        }
        DataType::Struct(_) => structs(array),
        DataType::Map(..) => maps(array),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let hashes = hashes_of(dictionary.values());
            let codes = dictionary.normalized_keys();
            each(array, |row| hashes[codes[row]])
        }
        other => match numbers_of(array) {
            Some(hashes) => hashes,
            None => unreachable!("columns of type {other} are refused"),
        },
    }
}

/// Hashes of whole numbers, decimals and times; `None` for other types.
fn numbers_of(array: &dyn Array) -> Option<Vec<u64>> {
    Some(match array.data_type() {
        DataType::Int8 => numbers::<Int8Type>(array),
        DataType::Int16 => numbers::<Int16Type>(array),
        DataType::Int32 => numbers::<Int32Type>(array),
        DataType::Int64 => numbers::<Int64Type>(array),
        DataType::UInt8 => numbers::<UInt8Type>(array),
        DataType::UInt16 => numbers::<UInt16Type>(array),
        DataType::UInt32 => numbers::<UInt32Type>(array),
        DataType::UInt64 => numbers::<UInt64Type>(array),
        DataType::Decimal32(_, scale) => decimals::<Decimal32Type>(array, *scale),
        DataType::Decimal64(_, scale) => decimals::<Decimal64Type>(array, *scale),
        DataType::Decimal128(_, scale) => decimals::<Decimal128Type>(array, *scale),
        DataType::Date32 => times::<Date32Type>(array, Unit::DAY),
        DataType::Date64 => times::<Date64Type>(array, Unit::of_second(1_000)),
        DataType::Time32(TimeUnit::Second) => times::<Time32SecondType>(array, Unit::of_second(1)),
        DataType::Time32(_) => times::<Time32MillisecondType>(array, Unit::of_second(1_000)),
        DataType::Time64(TimeUnit::Microsecond) => {
            times::<Time64MicrosecondType>(array, Unit::of_second(1_000_000))
        }
        DataType::Time64(_) => times::<Time64NanosecondType>(array, Unit::of_second(1_000_000_000)),
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => times::<TimestampSecondType>(array, unit_of(*unit)),
            TimeUnit::Millisecond => times::<TimestampMillisecondType>(array, unit_of(*unit)),
            TimeUnit::Microsecond => times::<TimestampMicrosecondType>(array, unit_of(*unit)),
            TimeUnit::Nanosecond => times::<TimestampNanosecondType>(array, unit_of(*unit)),
        },
        DataType::Duration(unit) => match unit {
            TimeUnit::Second => times::<DurationSecondType>(array, unit_of(*unit)),
            TimeUnit::Millisecond => times::<DurationMillisecondType>(array, unit_of(*unit)),
            TimeUnit::Microsecond => times::<DurationMicrosecondType>(array, unit_of(*unit)),
            TimeUnit::Nanosecond => times::<DurationNanosecondType>(array, unit_of(*unit)),
        },
        DataType::Interval(unit) => intervals(array, *unit),
        _ => return None,
    })
}

fn unit_of(unit: TimeUnit) -> Unit {
    Unit::of_second(match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    })
}

/// Hash of each row by `hash`; 0 where the row is null.
fn each(array: &dyn Array, hash: impl Fn(usize) -> u64) -> Vec<u64> {
    let of_row = |row| if array.is_null(row) { 0 } else { hash(row) };
    (0..array.len()).map(of_row).collect()
}

fn primitives<T: ArrowPrimitiveType>(
    array: &dyn Array,
    hash: impl Fn(T::Native) -> u64,
) -> Vec<u64> {
    let values = array.as_primitive::<T>().values();
    each(array, |row| hash(values[row]))
}

fn numbers<T: ArrowPrimitiveType>(array: &dyn Array) -> Vec<u64>
where
    T::Native: Into<i128>,
{
    primitives::<T>(array, |value| hash_of_number(value.into()))
}

fn decimals<T: ArrowPrimitiveType>(array: &dyn Array, scale: i8) -> Vec<u64>
where
    T::Native: Into<i128>,
{
    let scale = Scale::new(scale);
    primitives::<T>(array, |value| scale.hash(value.into()))
}

fn times<T: ArrowPrimitiveType>(array: &dyn Array, unit: Unit) -> Vec<u64>
where
    T::Native: Into<i64>,
{
    primitives::<T>(array, |value| unit.hash(value.into()))
}

/// Hashes of floats by their bits and that of their sign: nothing is computed with them. A number in
/// single precision is not looked for among those in double.
fn floats<T: ArrowPrimitiveType>(
    array: &dyn Array,
    sign: u64,
    bits: impl Fn(T::Native) -> Option<u64>,
) -> Vec<u64> {
    primitives::<T>(array, |value| {
        let bits = match bits(value) {
            // All that are no numbers are one.
            None => u64::MAX,
            // The two zeros are equal, and differ in their sign alone.
            Some(bits) if bits == sign => 0,
            Some(bits) => bits,
        };
        xxh3_64(&bits.to_le_bytes()) | 1
    })
}

fn byte_texts<T: ByteArrayType>(array: &dyn Array) -> Vec<u64> {
    let texts = array.as_bytes::<T>();
    each(array, |row| {
        let text: &T::Native = texts.value(row);
        hash_of_bytes(text.as_ref())
    })
}

/// Hash of a decimal of up to 76 digits, by its text: that of [`Scale::hash`] where the number fits
/// there.
pub(super) fn hash_of_wide(text: &str) -> u64 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let decimals = decimals.trim_end_matches('0');
    let digits = format!("{whole}{decimals}");
    // Zeros at the end stand behind a point, and are gone; those before it fit or do not.
    let scale = i8::try_from(decimals.len()).expect("a decimal has at most 76 digits");
    match digits.parse() {
        Ok(value) => Scale::new(scale).hash(value),
        Err(_) => hash_of_bytes(format!("{digits}e-{scale}").as_bytes()),
    }
}

fn intervals(array: &dyn Array, unit: IntervalUnit) -> Vec<u64> {
    let hash = |months: i32, days: i32, nanoseconds: i64| {
        hash_of_list(&[i64::from(months), days.into(), nanoseconds].map(i64::cast_unsigned))
    };
    match unit {
        IntervalUnit::YearMonth => {
            primitives::<IntervalYearMonthType>(array, |months| hash(months, 0, 0))
        }
        IntervalUnit::DayTime => primitives::<IntervalDayTimeType>(array, |value| {
            hash(0, value.days, i64::from(value.milliseconds) * 1_000_000)
        }),
        IntervalUnit::MonthDayNano => primitives::<IntervalMonthDayNanoType>(array, |value| {
            hash(value.months, value.days, value.nanoseconds)
        }),
    }
}

/// Hash of a list by the hashes of its items; an empty list is not a missing one.
fn hash_of_list(items: &[u64]) -> u64 {
    let bytes: Vec<u8> = items.iter().flat_map(|item| item.to_le_bytes()).collect();
    xxh3_64(&bytes) | 1
}

fn lists<O: OffsetSizeTrait>(array: &dyn Array) -> Vec<u64> {
    let lists = array.as_list::<O>();
    let items = hashes_of(lists.values());
    let offsets = lists.value_offsets();
    each(array, |row| {
        hash_of_list(&items[offsets[row].as_usize()..offsets[row + 1].as_usize()])
    })
}

fn list_views<O: OffsetSizeTrait>(array: &dyn Array) -> Vec<u64> {
    let lists = array.as_list_view::<O>();
    let items = hashes_of(lists.values());
    each(array, |row| {
        let from = lists.value_offsets()[row].as_usize();
        hash_of_list(&items[from..][..lists.value_sizes()[row].as_usize()])
    })
}

/// Hashes of structs: a field without a value adds nothing, and the order of fields does not count.
fn structs(array: &dyn Array) -> Vec<u64> {
    let structs = array.as_struct();
    let mut fields: Vec<(u64, Vec<u64>)> = structs
        .fields()
        .iter()
        .zip(structs.columns())
        .map(|(field, column)| (xxh3_64(field.name().as_bytes()), hashes_of(column)))
        .collect();
    fields.sort_by_key(|(name, _)| *name);
    each(array, |row| {
        let present = fields.iter().filter(|(_, hashes)| hashes[row] != 0);
        let pairs: Vec<u64> = present
            .flat_map(|(name, hashes)| [*name, hashes[row]])
            .collect();
        hash_of_list(&pairs)
    })
}

/// Hashes of maps, whose entries have no order.
fn maps(array: &dyn Array) -> Vec<u64> {
    let maps = array.as_map();
    let hashes = |column: &ArrayRef| hashes_of(column);
    let (keys, values) = (hashes(maps.keys()), hashes(maps.values()));
    let offsets = maps.value_offsets();
    each(array, |row| {
        let offset = |row: usize| usize::try_from(offsets[row]).expect("offsets are positive");
        let range = offset(row)..offset(row + 1);
        let mut entries: Vec<[u64; 2]> = range.map(|at| [keys[at], values[at]]).collect();
        entries.sort_unstable();
        hash_of_list(entries.as_flattened())
    })
}
