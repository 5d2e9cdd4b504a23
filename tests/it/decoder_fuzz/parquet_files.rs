//! Parquet against arrow's own reader, in every type that a column may have, every codec, every
//! encoding and both versions of pages.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Date64Type, Decimal128Type, Decimal256Type};
use arrow_array::*;
use arrow_schema::{DataType, Field, Fields};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, Encoding, Type};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use tieout::model::dataset::{Dataset, Kind};
use tieout::model::decimal;
use tieout::model::period::date_of;

use super::random::{Random, text};
use super::{FoundRow, Wanted, check, headings, meaning, no_cells, read, read_position, seeds};

#[test]
fn parquet_is_read_as_arrow_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fuzzed.parquet");
    for seed in seeds() {
        let mut random = Random::new(seed);
        let batch = batch(&mut random);
        write(&path, &batch, &mut random);
        let found = read(&path).unwrap_or_else(|error| unreachable!("seed {seed}: {error}"));
        check(&found, &wanted(&path), seed);
    }
}

/// A table of random columns, some rows of which come again.
fn batch(random: &mut Random) -> RecordBatch {
    let rows = match random.below(20) {
        0 => 0,
        1 => 3_000 + random.below(3_000),
        _ => random.below(60),
    };
    // The row of which each row is a copy: each value is drawn once and taken by all its copies.
    let drawn = rows / 2 + 1;
    let takes: Vec<usize> = (0..rows).map(|_| random.below(drawn)).collect();
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for heading in headings(random) {
        let position = read_position(&heading);
        let kind = position.map(|position| Dataset::Usage.columns()[position].kind);
        columns.push((heading, column(random, drawn, &takes, kind)));
    }
    let fields = columns
        .iter()
        .map(|(name, column)| Field::new(name, column.data_type().clone(), true));
    let schema = arrow_schema::Schema::new(fields.collect::<Fields>());
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &options).unwrap()
}

/// A column of a type by which a column of the kind may come; `None` for one that nobody reads.
fn column(random: &mut Random, drawn: usize, takes: &[usize], kind: Option<Kind>) -> ArrayRef {
    let kinds = match kind {
        Some(Kind::Decimal(_)) => 4..10,
        Some(Kind::Date) => 8..14,
        Some(_) => 0..14,
        None => 0..22,
    };
    let choice = kinds.start + random.below(kinds.len());
    let values: Vec<Option<(String, i64)>> = (0..drawn)
        .map(|_| (!random.chance(5)).then(|| (text(random), random.below(900) as i64)))
        .collect();
    let values: Vec<_> = takes.iter().map(|take| values[*take].clone()).collect();
    let (texts, numbers): (Vec<Option<String>>, Vec<Option<i64>>) =
        values.into_iter().map(Option::unzip).unzip();
    match choice {
        0..10 => text_or_number(choice, random, texts, numbers),
        _ => other(choice, texts, numbers),
    }
}

fn text_or_number(
    choice: usize,
    random: &mut Random,
    texts: Vec<Option<String>>,
    numbers: Vec<Option<i64>>,
) -> ArrayRef {
    match choice {
        0 => Arc::new(StringArray::from(texts)),
        1 => Arc::new(LargeStringArray::from(texts)),
        2 => Arc::new(StringViewArray::from(texts)),
        3 => Arc::new(
            texts
                .iter()
                .map(Option::as_deref)
                .collect::<DictionaryArray<types::Int16Type>>(),
        ),
        4 => Arc::new(
            Decimal128Array::from_iter(numbers.iter().map(|n| n.map(i128::from)))
                .with_precision_and_scale(19, random.below(7) as i8)
                .unwrap(),
        ),
        5 => Arc::new(
            Decimal128Array::from_iter(numbers.iter().map(|n| n.map(|n| i128::from(n) - 40)))
                .with_precision_and_scale(5 + 33 * random.below(2) as u8, 3)
                .unwrap(),
        ),
        6 => Arc::new(
            Decimal256Array::from_iter(texts.iter().map(|t| {
                t.as_ref().map(|t| {
                    arrow_array::ArrowNativeTypeOp::mul_wrapping(
                        arrow_256(t.len() as i128),
                        arrow_256(10_i128.pow(35)),
                    )
                })
            }))
            .with_precision_and_scale(60, 30)
            .unwrap(),
        ),
        7 => Arc::new(Int64Array::from(numbers)),
        8 => Arc::new(UInt64Array::from_iter(
            numbers.iter().map(|n| n.map(|n| u64::MAX - n as u64)),
        )),
        _ => Arc::new(StringArray::from_iter(
            numbers.iter().map(|n| n.map(|n| format!("{n}.50"))),
        )),
    }
}

fn other(choice: usize, texts: Vec<Option<String>>, numbers: Vec<Option<i64>>) -> ArrayRef {
    let codes = || {
        numbers
            .iter()
            .map(|number| number.map(|number| (number % 7) as u8))
    };
    match choice {
        10 => Arc::new(Date32Array::from_iter(
            codes().map(|n| n.map(|n| 20_000 + i32::from(n))),
        )),
        11 => Arc::new(
            TimestampMicrosecondArray::from_iter(
                numbers.iter().map(|n| n.map(|n| n * 86_400_000_077)),
            )
            .with_timezone("Europe/Berlin"),
        ),
        12 => Arc::new(TimestampSecondArray::from(numbers)),
        13 => Arc::new(NullArray::new(texts.len())),
        14 => Arc::new(BooleanArray::from_iter(
            numbers.iter().map(|n| n.map(|n| n % 2 == 0)),
        )),
        15 => Arc::new(Float64Array::from_iter(codes().map(|n| n.map(f64::from)))),
        16 => Arc::new(BinaryArray::from_iter(texts.iter().map(Option::as_deref))),
        17 => Arc::new(
            FixedSizeBinaryArray::try_from_sparse_iter_with_size(
                codes().map(|n| n.map(|n| [n, 1, 2])),
                3,
            )
            .unwrap(),
        ),
        18 => {
            let mut lists = ListBuilder::new(Int32Builder::new());
            codes().for_each(|n| lists.append_option(n.map(|n| (0..i32::from(n)).map(Some))));
            Arc::new(lists.finish())
        }
        19 => {
            let fields = Fields::from(vec![
                Field::new("a", DataType::Utf8, true),
                Field::new("b", DataType::Int64, true),
            ]);
            let columns: Vec<ArrayRef> = vec![
                Arc::new(StringArray::from(texts)),
                Arc::new(Int64Array::from(numbers)),
            ];
            Arc::new(StructArray::new(fields, columns, None))
        }
        20 => Arc::new(UInt8Array::from_iter(codes())),
        _ => Arc::new(Time64MicrosecondArray::from(numbers)),
    }
}

type Wide = <Decimal256Type as ArrowPrimitiveType>::Native;

fn arrow_256(number: i128) -> Wide {
    Wide::from_i128(number)
}

/// Writes a table with random settings of the writer.
fn write(path: &Path, batch: &RecordBatch, random: &mut Random) {
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::BROTLI(Default::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(Default::default()),
    ];
    let mut properties = WriterProperties::builder()
        .set_compression(codecs[random.below(codecs.len())])
        .set_writer_version(if random.chance(2) {
            WriterVersion::PARQUET_1_0
        } else {
            WriterVersion::PARQUET_2_0
        })
        .set_dictionary_enabled(random.chance(2))
        .set_dictionary_page_size_limit(*[&200, &1_000_000][random.below(2)])
        .set_data_page_row_count_limit(7 + random.below(400))
        .set_write_batch_size(5 + random.below(200))
        .set_max_row_group_row_count(Some(1 + random.below(1_000)))
        .set_statistics_enabled(if random.chance(2) {
            EnabledStatistics::None
        } else {
            EnabledStatistics::Page
        });
    let types = parquet::arrow::ArrowSchemaConverter::new()
        .convert(batch.schema_ref())
        .unwrap();
    for column in types.columns() {
        let encodings: &[Encoding] = match column.physical_type() {
            Type::BYTE_ARRAY => &[
                Encoding::PLAIN,
                Encoding::DELTA_LENGTH_BYTE_ARRAY,
                Encoding::DELTA_BYTE_ARRAY,
            ],
            Type::INT32 | Type::INT64 => &[
                Encoding::PLAIN,
                Encoding::DELTA_BINARY_PACKED,
                Encoding::BYTE_STREAM_SPLIT,
            ],
            Type::FLOAT | Type::DOUBLE => &[Encoding::PLAIN, Encoding::BYTE_STREAM_SPLIT],
            Type::FIXED_LEN_BYTE_ARRAY => &[
                Encoding::PLAIN,
                Encoding::DELTA_BYTE_ARRAY,
                Encoding::BYTE_STREAM_SPLIT,
            ],
            Type::BOOLEAN => &[Encoding::PLAIN, Encoding::RLE],
            Type::INT96 => &[Encoding::PLAIN],
        };
        let encoding = encodings[random.below(encodings.len())];
        let name = ColumnPath::new(column.path().parts().to_vec());
        properties = properties.set_column_encoding(name, encoding);
    }
    let options = ArrowWriterOptions::new().with_properties(properties.build());
    let mut writer =
        ArrowWriter::try_new_with_options(File::create(path).unwrap(), batch.schema(), options)
            .unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// The rows by arrow's own reader, cell by cell.
fn wanted(path: &Path) -> Wanted {
    let batches = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let mut wanted = Wanted::default();
    for batch in batches.build().unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let mut cells = no_cells();
            let mut identity = Vec::new();
            for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
                if let Some(position) = read_position(field.name()) {
                    cells[position] = cell(column, row);
                }
                identity.push(identity_of(field.name(), column, row));
            }
            let line = wanted.rows.len() as u64 + 1;
            wanted.rows.push(FoundRow { line, cells });
            wanted.identities.push(Some(format!("{identity:?}")));
        }
    }
    wanted
}

/// What a value says; `None` for nothing.
fn identity_of(heading: &str, column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    let is_known = Dataset::Usage.position_of(heading).is_some();
    let is_value = match column.data_type() {
        DataType::Timestamp(..) => is_known,
        DataType::Date32 | DataType::Date64 => is_known,
        DataType::Binary => false,
        other => is_cell(other),
    };
    if is_value {
        return meaning(heading, &cell(column, row));
    }
    let written = cell_or_debug(column, row).escape_ascii().to_string();
    (column.data_type().is_nested() || !written.is_empty()).then_some(written)
}

fn cell_or_debug(column: &ArrayRef, row: usize) -> Vec<u8> {
    match column.data_type() {
        // A timestamp's cell is its day, and its value is more than that.
        DataType::Timestamp(..) | DataType::Null => {
            format!("{:?}", column.slice(row, 1)).into_bytes()
        }
        DataType::Binary => column.as_binary::<i32>().value(row).to_vec(),
        _ if is_cell(column.data_type()) => cell(column, row),
        _ => format!("{:?}", column.slice(row, 1)).into_bytes(),
    }
}

fn is_cell(data_type: &DataType) -> bool {
    !data_type.is_nested()
        && !matches!(
            data_type,
            DataType::Boolean
                | DataType::Float64
                | DataType::FixedSizeBinary(_)
                | DataType::Time64(_)
        )
}

fn cell(column: &ArrayRef, row: usize) -> Vec<u8> {
    if column.is_null(row) {
        return Vec::new();
    }
    let day = |seconds: i64| {
        date_of((seconds.div_euclid(86_400)) as i32)
            .unwrap()
            .to_string()
    };
    let text = match column.data_type() {
        DataType::Null => String::new(),
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(row).to_owned(),
        DataType::Utf8View => column.as_string_view().value(row).to_owned(),
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            let code = dictionary.normalized_keys()[row];
            dictionary
                .values()
                .as_string::<i32>()
                .value(code)
                .to_owned()
        }
        DataType::Decimal128(_, scale) => decimal::plain(
            column.as_primitive::<Decimal128Type>().value(row),
            (*scale).try_into().unwrap(),
        ),
        DataType::Decimal256(..) => {
            let text = column.as_primitive::<Decimal256Type>().value_as_string(row);
            // Every decimal of these tables has a point.
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        DataType::Int64 => column
            .as_primitive::<types::Int64Type>()
            .value(row)
            .to_string(),
        DataType::UInt64 => column
            .as_primitive::<types::UInt64Type>()
            .value(row)
            .to_string(),
        DataType::UInt8 => column
            .as_primitive::<types::UInt8Type>()
            .value(row)
            .to_string(),
        DataType::Date32 => date_of(column.as_primitive::<Date32Type>().value(row))
            .unwrap()
            .to_string(),
        DataType::Date64 => day(column.as_primitive::<Date64Type>().value(row) / 1_000),
        DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, _) => day(column
            .as_primitive::<types::TimestampMicrosecondType>()
            .value(row)
            .div_euclid(1_000_000)),
        DataType::Timestamp(..) => day(column
            .as_primitive::<types::TimestampSecondType>()
            .value(row)),
        other => unreachable!("{other}"),
    };
    text.into_bytes()
}
