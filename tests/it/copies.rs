//! What makes a row a copy of another: all its columns, known or not, of any type, and nothing of
//! how they are written. And Parquet that cannot be read is refused by name.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, MapBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
    DictionaryArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int64Array,
    LargeStringArray, ListArray, RecordBatch, StringArray, StringViewArray, StructArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt64Array, types,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};
use parquet::file::properties::WriterProperties;
use tieout::decode::{self, DecodeError, Input, Sink};
use tieout::model::content::content_of;
use tieout::model::dataset::Dataset;
use tieout::model::reject::Rejection;
use tieout::model::row::{Cell, Row};

/// Fingerprints of a file's rows.
#[derive(Default)]
struct Prints(Vec<(u64, u64)>);

impl Sink for Prints {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        self.0
            .push((row.place.line(), content_of(Dataset::Usage, row)));
        Ok(())
    }
}

fn prints(path: &Path) -> Result<Vec<u64>, DecodeError> {
    let file = std::fs::File::open(path).unwrap();
    let input = Input {
        unit: "usage",
        file: &file,
        dataset: Dataset::Usage,
    };
    let (_, sinks) = decode::decode(input, Prints::default)?;
    let mut rows: Vec<(u64, u64)> = sinks.into_iter().flat_map(|sink| sink.0).collect();
    rows.sort_unstable();
    Ok(rows.into_iter().map(|(_, print)| print).collect())
}

pub(crate) fn prints_of(bytes: &[u8]) -> Vec<u64> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    prints(file.path()).unwrap()
}

const NEEDED: [&str; 8] = [
    "CustomerId",
    "ProductId",
    "SkuId",
    "SubscriptionId",
    "UsageDate",
    "Quantity",
    "BillingPreTaxTotal",
    "BillingCurrency",
];

/// Parquet of the columns that usage needs, all alike in all rows, and one more.
fn parquet_with(name: &str, column: ArrayRef, properties: WriterProperties) -> Vec<u8> {
    let same: ArrayRef = Arc::new(StringArray::from(vec!["1"; column.len()]));
    let needed = NEEDED.map(|name| (name, Arc::clone(&same)));
    let batch = RecordBatch::try_from_iter_with_nullable(
        needed
            .into_iter()
            .chain([(name, column)])
            .map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn prints_with(column: impl arrow_array::Array + 'static) -> Vec<u64> {
    prints_of(&parquet_with(
        "Extra",
        Arc::new(column),
        WriterProperties::new(),
    ))
}

fn assert_differ(what: &str, prints: &[u64]) {
    let mut sorted = prints.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), prints.len(), "{what}");
}

#[test]
fn parquet_rows_that_differ_in_a_column_of_any_type_are_no_copies() {
    assert_differ(
        "booleans",
        &prints_with(BooleanArray::from(vec![Some(true), Some(false), None])),
    );
    assert_differ(
        "floats",
        &prints_with(Float64Array::from(vec![
            1.0,
            1.5,
            -1.5,
            f64::INFINITY,
            f64::NAN,
        ])),
    );
    let fixed =
        FixedSizeBinaryArray::try_from_iter([[0_u8, 1], [1, 0], [0, 0]].into_iter()).unwrap();
    assert_differ("fixed binary", &prints_with(fixed));
    assert_differ(
        "unsigned",
        &prints_with(UInt64Array::from(vec![u64::MAX, u64::MAX - 1, 0])),
    );
    let nanoseconds =
        TimestampNanosecondArray::from(vec![0, 1, 1_000_000_000]).with_timezone("Asia/Tokyo");
    assert_differ("instants", &prints_with(nanoseconds));
    let list = |items: &[i32]| Some(items.iter().copied().map(Some).collect::<Vec<_>>());
    let lists = [list(&[1, 2]), list(&[2, 1]), list(&[1]), list(&[]), None];
    assert_differ(
        "lists",
        &prints_with(ListArray::from_iter_primitive::<types::Int32Type, _, _>(
            lists,
        )),
    );
    let a: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(2)]));
    let b: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(1), Some(2)]));
    assert_differ(
        "structs",
        &prints_with(StructArray::try_from(vec![("a", a), ("b", b)]).unwrap()),
    );
    type Wide = <types::Decimal256Type as ArrowPrimitiveType>::Native;
    let wide = [1, 2, 10].map(|high| Wide::from_parts(0, high));
    let wide = Decimal256Array::from_iter_values(wide);
    assert_differ("wide decimals", &prints_with(wide));
}

/// A map of one row with entries in this order.
fn map(entries: [(&str, i32); 2]) -> u64 {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for (key, value) in entries {
        maps.keys().append_value(key);
        maps.values().append_value(value);
    }
    maps.append(true).unwrap();
    prints_with(maps.finish())[0]
}

#[test]
fn parquet_rows_that_are_equal_by_value_are_copies() {
    let decimal = |value, scale| {
        let array = Decimal128Array::from(vec![value]);
        prints_with(array.with_precision_and_scale(30, scale).unwrap())
    };
    let one_and_a_half = decimal(15, 1);
    assert_eq!(decimal(150, 2), one_and_a_half);
    assert_ne!(decimal(15, 0), one_and_a_half);
    assert_eq!(prints_with(Int64Array::from(vec![15])), decimal(1_500, 2));
    let text = prints_with(StringArray::from(vec!["a text"]));
    assert_eq!(prints_with(LargeStringArray::from(vec!["a text"])), text);
    assert_eq!(prints_with(StringViewArray::from(vec!["a text"])), text);
    let codes: DictionaryArray<types::Int8Type> = ["a text"].into_iter().collect();
    assert_eq!(prints_with(codes), text);
    let date = prints_with(Date32Array::from(vec![20_000]));
    assert_eq!(
        prints_with(TimestampSecondArray::from(vec![20_000 * 86_400])),
        date
    );
    let zoned = TimestampMillisecondArray::from(vec![20_000 * 86_400_000]).with_timezone("+02:00");
    assert_eq!(prints_with(zoned), date);
    assert_eq!(
        prints_with(Float32Array::from(vec![0.0])),
        prints_with(Float64Array::from(vec![-0.0]))
    );
    assert_eq!(map([("a", 1), ("b", 2)]), map([("b", 2), ("a", 1)]));
    assert_ne!(map([("a", 1), ("b", 2)]), map([("a", 2), ("b", 1)]));
    // A column without a value is as good as none.
    let none: ArrayRef = Arc::new(Int64Array::from(vec![None]));
    let needed = prints_of(&parquet_with("Tags", none, WriterProperties::new()));
    assert_eq!(prints_with(BooleanArray::from(vec![None])), needed);
}

#[test]
fn two_columns_of_one_name_are_told_apart() {
    let pair = |left: i64, right: i64| {
        let same: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
        let number = |number| Arc::new(Int64Array::from(vec![number])) as ArrayRef;
        let needed = NEEDED.map(|name| (name, Arc::clone(&same)));
        let columns = [("größe", number(left)), ("Größe", number(right))];
        let batch = RecordBatch::try_from_iter(needed.into_iter().chain(columns)).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        prints_of(&bytes)
    };
    assert_ne!(pair(1, 2), pair(2, 1));
    let json = |text: &str| {
        let needed = NEEDED.map(|name| format!("\"{name}\":1"));
        prints_of(format!("{{{},{text}}}\n", needed.join(",")).as_bytes())
    };
    assert_ne!(json(r#""Foo":1,"foo":2"#), json(r#""Foo":2,"foo":1"#));
    assert_eq!(json(r#""Foo":1,"foo":2"#), json(r#""foo":2, "Foo":1"#));
    assert_ne!(json(r#""中文":1,"日本":2"#), json(r#""中文":2,"日本":1"#));
}

#[test]
fn a_text_of_csv_means_its_columns() {
    let csv = |head: &str, row: &str| {
        prints_of(format!("{},{head}\n1,1,1,1,1,1,1,1,{row}\n", NEEDED.join(",")).as_bytes())
    };
    let row = csv("UnitPrice,Other", "1,2");
    assert_ne!(
        csv("Other,UnitPrice", "1,2"),
        row,
        "the same text below other headings"
    );
    assert_eq!(
        csv("unitprice,OTHER", "1,2"),
        row,
        "the same headings in another spelling"
    );
    assert_eq!(csv("UnitPrice,Other\r", "1,2\r"), row, "other line ends");
    for same in ["1,2 ", "1.0,2", "\"1\",\"2\"", "1,2E0", "1.00, 2.000 "] {
        assert_eq!(csv("UnitPrice,Other", same), row, "{same}");
    }
    for other in ["1,3", "1,2x", "2,1", ",2", "NULL,2", "10,2"] {
        assert_ne!(csv("UnitPrice,Other", other), row, "{other}");
    }
}

#[test]
fn an_instant_of_int96_far_away_keeps_its_day() {
    // 9999-12-31, as the day of Julius Caesar's count that INT96 has; nanoseconds would wrap.
    use parquet::data_type::{Int96, Int96Type};
    let schema = "message usage { required int96 UsageDate; required int64 CustomerId; \
        required int64 ProductId; required int64 SkuId; required int64 SubscriptionId; \
        required int64 Quantity; required int64 BillingPreTaxTotal; required int64 BillingCurrency; }";
    let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let mut bytes = Vec::new();
    let mut writer =
        parquet::file::writer::SerializedFileWriter::new(&mut bytes, schema, Default::default())
            .unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut day = Int96::new();
    day.set_data(0, 0, 2_440_588 + 2_932_896);
    let mut at = 0;
    while let Some(mut column) = group.next_column().unwrap() {
        if at == 0 {
            column
                .typed::<Int96Type>()
                .write_batch(&[day], None, None)
                .unwrap();
        } else {
            column
                .typed::<parquet::data_type::Int64Type>()
                .write_batch(&[1], None, None)
                .unwrap();
        }
        column.close().unwrap();
        at += 1;
    }
    group.close().unwrap();
    writer.close().unwrap();
    struct Day;
    impl Sink for Day {
        fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
            let cell = &row.cells[Dataset::Usage.position_of("UsageDate").unwrap()];
            assert_eq!(cell.bytes().as_ref(), b"9999-12-31");
            Ok(())
        }
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let input = Input {
        unit: "usage",
        file: file.as_file(),
        dataset: Dataset::Usage,
    };
    assert_eq!(decode::decode(input, || Day).unwrap().0.rows, 1);
}

#[test]
fn a_typed_date_is_no_number_and_no_day_beyond_the_calendar() {
    for beyond in [i32::MIN, -719_163, 2_932_897, i32::MAX] {
        assert!(Cell::Date(beyond).day("UsageDate").is_err(), "{beyond}");
        assert!(Cell::Date(beyond).decimal("Quantity", 6).is_err());
    }
    let rejection = Cell::Date(i32::MAX).day("UsageDate").unwrap_err();
    assert_eq!(rejection.found, "2147483647 days after 1970-01-01");
    assert_eq!(
        Cell::Date(2_932_896).day("UsageDate").unwrap(),
        Some(2_932_896)
    );
    // The sentinel for no date, as text of it is read.
    assert_eq!(Cell::Date(-719_162).day("UsageDate").unwrap(), None);
}

/// The bytes as a file that the parquet crate reads from.
fn as_file(bytes: &[u8]) -> std::fs::File {
    use std::io::Write as _;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// A small file whose columns name another codec than the one by which they are packed.
fn with_codec(codec: Compression) -> Vec<u8> {
    let column: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let bytes = parquet_with("Tags", column, WriterProperties::new());
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&as_file(&bytes))
        .unwrap();
    let mut builder = metadata.into_builder();
    let groups = builder.take_row_groups();
    for group in groups {
        let mut group = group.into_builder();
        for column in group.take_columns() {
            group = group.add_column_metadata(
                column
                    .into_builder()
                    .set_compression(codec)
                    .build()
                    .unwrap(),
            );
        }
        builder = builder.add_row_group(group.build().unwrap());
    }
    let mut out = bytes;
    ParquetMetaDataWriter::new(&mut out, &builder.build())
        .finish()
        .unwrap();
    out
}

fn refusal(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let error = prints(file.path()).unwrap_err();
    assert!(!error.damaged, "{error}");
    format!("{error}; {}", error.hint)
}

#[test]
fn a_codec_that_is_not_read_is_named() {
    let lzo = with_codec(Compression::LZO);
    let text = refusal(&lzo);
    assert!(
        text.contains("`CustomerId` compressed with LZO")
            && text.ends_with("write it with snappy or zstd"),
        "{text}"
    );
    // Codec 9 is none: its number stands where that of LZO stood.
    let other = with_codec(Compression::LZ4_RAW);
    let unknown: Vec<u8> = lzo
        .iter()
        .zip(&other)
        .map(|(a, b)| if a == b { *a } else { 18 })
        .collect();
    let text = refusal(&unknown);
    assert!(
        text.contains("compressed with codec 9, which Parquet does not have"),
        "{text}"
    );
}

#[test]
fn of_several_damaged_row_groups_the_first_is_named() {
    let rows = 40_000;
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..rows).map(|row| format!("{row:040}")),
    ));
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(2_000))
        .set_dictionary_enabled(false)
        .build();
    let mut bytes = parquet_with("Tags", column, properties);
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&as_file(&bytes))
        .unwrap();
    // The larger the group's number, the sooner its fault is met: from the last page to the first.
    for group in metadata.row_groups().iter().skip(3) {
        let tags = group
            .columns()
            .iter()
            .find(|column| column.column_path().string() == "Tags")
            .unwrap();
        let (start, length) = tags.byte_range();
        let at =
            usize::try_from(start + length / 2 / group.ordinal().unwrap().unsigned_abs() as u64)
                .unwrap();
        bytes[at..at + 64].fill(0xFF);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(8)
        .build()
        .unwrap();
    for _ in 0..30 {
        let error = pool.install(|| prints(file.path())).unwrap_err();
        assert!(error.found.contains("row group 3:"), "{error}");
    }
}
