//! The columns of a Parquet file that are read, and the types as which they are read.

use std::collections::HashMap;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::basic::{Compression, Encoding, PageType, Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use arrow_schema::{DECIMAL128_MAX_PRECISION, DataType, Field, Fields, Schema, TimeUnit};

use super::array_hash::is_hashable;
use super::column::is_readable;
use crate::decode::binding::Binding;
use crate::decode::collector::Collector;
use crate::decode::failure::DecodeError;
use crate::decode::input::Input;
use crate::decode::sink::Sink;
use crate::model::content::{ColumnContent, hash_of_name};
use crate::model::dataset::Kind;

/// The columns that are read, in the order of the file.
pub(super) struct Projection {
    /// Index of each column in the file.
    pub(super) roots: Vec<usize>,
    /// Use of each column, parallel to `roots`.
    pub(super) uses: Vec<ColumnUse>,
}

/// Use of a column's values.
#[derive(Clone, Copy)]
pub(super) struct ColumnUse {
    /// Position of the dataset's column that the values fill; `None` if they are only hashed. A
    /// column that is handed over without being read is both.
    pub(super) slot: Option<usize>,
    /// Part of the values in the content of a row, for columns that are not read: one that means
    /// nothing to us may still tell a row from a copy of another.
    pub(super) unread: Option<ColumnContent>,
}

impl Projection {
    /// The columns of a file that the collector wants.
    pub(super) fn new<S: Sink>(
        collector: &Collector<'_, S, impl Fn() -> S + Sync>,
        metadata: &ArrowReaderMetadata,
        binding: &Binding,
    ) -> Self {
        let mut projection = Self {
            roots: Vec::new(),
            uses: Vec::new(),
        };
        let fields = metadata.schema().fields().iter();
        let mut names = HashMap::new();
        for ((root, field), bound) in fields.enumerate().zip(&binding.slots) {
            let slot = binding.filled(root, &collector.columns);
            let mut unread = None;
            if bound.is_none() && collector.columns.is_whole() {
                let dataset = collector.input.dataset;
                let before = names
                    .entry(hash_of_name(dataset, field.name()))
                    .or_insert(0_u64);
                unread = ColumnContent::unread(dataset, field.name(), *before);
                *before += 1;
            }
            if unread.is_some() || slot.is_some() {
                projection.roots.push(root);
                projection.uses.push(ColumnUse { slot, unread });
            }
        }
        projection
    }
}

/// Refuses columns of the dataset whose type cannot be read exactly.
pub(super) fn check_types(
    input: Input<'_>,
    metadata: &ArrowReaderMetadata,
    binding: &Binding,
) -> Result<(), DecodeError> {
    let columns = input.dataset.columns();
    for (field, slot) in metadata.schema().fields().iter().zip(&binding.slots) {
        let Some(slot) = slot else {
            if !is_hashable(field.data_type()) {
                return Err(unreadable_type(input, field));
            }
            continue;
        };
        let is_number = matches!(columns[*slot].kind, Kind::Decimal(_));
        let is_float = matches!(
            field.data_type(),
            DataType::Float16 | DataType::Float32 | DataType::Float64
        );
        if is_number && is_float {
            let found = format!("column `{}` as floating point", field.name());
            return Err(DecodeError::wrong(
                input.unit,
                found,
                "DECIMAL or text",
                "write the column as DECIMAL; a floating-point number has already lost digits",
            ));
        }
        if !is_readable(field.data_type()) {
            return Err(unreadable_type(input, field));
        }
    }
    Ok(())
}

fn unreadable_type(input: Input<'_>, field: &Field) -> DecodeError {
    let data_type = field.data_type();
    let found = format!("column `{}` as {data_type}", field.name());
    let wanted = "text, DECIMAL, integer, date or timestamp";
    let hint = if data_type.is_nested() {
        "write the column without nesting"
    } else {
        "write the column as one of these types"
    };
    DecodeError::wrong(input.unit, found, wanted, hint)
}

/// A file with its columns as the types as which they are read, where the parquet crate or the
/// writer would have others. Where the parquet crate does not read the file so, the types stay as
/// they are, which is slower but right; `None` if it would not be right, for INT96.
pub(super) fn with_read_types(metadata: &ArrowReaderMetadata) -> Option<ArrowReaderMetadata> {
    let fields = metadata.schema().fields().iter().enumerate();
    let fields = fields.map(|(root, field)| {
        let data_type = read_type(metadata, root, field.data_type());
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    });
    let schema = Arc::new(Schema::new_with_metadata(
        fields.collect::<Fields>(),
        metadata.schema().metadata().clone(),
    ));
    let options = ArrowReaderOptions::new().with_schema(schema);
    let read = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).ok();
    let has_int96 = || (0..metadata.schema().fields().len()).any(|root| is_int96(metadata, root));
    read.or_else(|| (!has_int96()).then(|| metadata.clone()))
}

/// The type as which a column is read that has the type `found` by itself.
///
/// Text is read as codes where the file has it as such: then the codes need not be expanded to text.
/// Columns that are codes in a part of the rows only are read as views, which leave the text where
/// it lies in the pages.
fn read_type(metadata: &ArrowReaderMetadata, root: usize, found: &DataType) -> DataType {
    match found {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let leaf = leaf_of(metadata, root);
            let groups = metadata.metadata().row_groups();
            if groups.iter().all(|group| is_all_codes(group.column(leaf))) {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            } else {
                DataType::Utf8View
            }
        }
        // What a writer had in its memory, as pandas its categories. The file has plain values.
        DataType::Dictionary(_, value) => read_type(metadata, root, value),
        DataType::RunEndEncoded(_, value) => read_type(metadata, root, value.data_type()),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Decimal256(precision, scale) if *precision <= DECIMAL128_MAX_PRECISION => {
            DataType::Decimal128(*precision, *scale)
        }
        // In nanoseconds, 64 bits end in the year 2262, and the parquet crate lets INT96 wrap around
        // there: 9999-12-31 would become a day of 1816.
        DataType::Timestamp(TimeUnit::Nanosecond, zone) if is_int96(metadata, root) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        other => other.clone(),
    }
}

/// The first of the leaves of a column, and the only one if it is not nested.
fn leaf_of(metadata: &ArrowReaderMetadata, root: usize) -> usize {
    let schema = metadata.parquet_schema();
    (0..schema.num_columns())
        .find(|leaf| schema.get_column_root_idx(*leaf) == root)
        .expect("every column has a leaf")
}

fn is_int96(metadata: &ArrowReaderMetadata, root: usize) -> bool {
    let leaf = leaf_of(metadata, root);
    metadata.parquet_schema().column(leaf).physical_type() == Type::INT96
}

/// Codecs that are read, for errors.
const CODECS: &str = "no compression, snappy, zstd, gzip, LZ4 or brotli";
const OTHER_CODEC: &str = "write it with snappy or zstd";

/// Refuses a file with a compression that nothing here unpacks: it is whole, and another download
/// would not help.
pub(super) fn check_codecs(
    input: Input<'_>,
    metadata: &ArrowReaderMetadata,
) -> Result<(), DecodeError> {
    let groups = metadata.metadata().row_groups().iter();
    let compressed = groups
        .flat_map(RowGroupMetaData::columns)
        .find(|column| column.compression() == Compression::LZO);
    match compressed {
        None => Ok(()),
        Some(column) => {
            let name = column.column_path().string();
            let found = format!("column `{name}` compressed with LZO, which tieout cannot unpack");
            Err(DecodeError::wrong(input.unit, found, CODECS, OTHER_CODEC))
        }
    }
}

/// The error of a footer that names a compression of which the format knows nothing; `None` for any
/// other fault of a footer. The parquet crate says it in words alone.
pub(super) fn unknown_codec(input: Input<'_>, error: &ParquetError) -> Option<DecodeError> {
    let text = error.to_string();
    let (_, number) = text.split_once("Unexpected CompressionCodec ")?;
    let found = format!("columns compressed with codec {number}, which Parquet does not have");
    Some(DecodeError::wrong(input.unit, found, CODECS, OTHER_CODEC))
}

/// True if a column chunk holds codes alone. Where its dictionary became too large, pages of plain
/// text follow, and the parquet crate would have to sort these into a dictionary first.
fn is_all_codes(column: &ColumnChunkMetaData) -> bool {
    if column.dictionary_page_offset().is_none() {
        return false;
    }
    let is_code = |encoding: Encoding| {
        matches!(
            encoding,
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY
        )
    };
    // The parquet crate keeps the statistics as a mask or in full, as it is asked to.
    if let Some(mask) = column.page_encoding_stats_mask() {
        return mask.encodings().all(is_code);
    }
    // Without statistics a chunk is taken for a mixed one, whose reading is right for any.
    column.page_encoding_stats().is_some_and(|stats| {
        let is_data = |page: PageType| matches!(page, PageType::DATA_PAGE | PageType::DATA_PAGE_V2);
        stats
            .iter()
            .all(|stat| !is_data(stat.page_type) || is_code(stat.encoding))
    })
}
