//! The columns of a Parquet file that are read, and the types as which they are read.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::basic::{Encoding, PageType};
use ::parquet::file::metadata::ColumnChunkMetaData;
use arrow_schema::{DataType, Fields, Schema};
use xxhash_rust::xxh3::xxh3_64;

use super::column::is_readable;
use crate::decode::binding::Binding;
use crate::decode::collector::Collector;
use crate::decode::failure::DecodeError;
use crate::decode::input::Input;
use crate::decode::sink::Sink;
use crate::model::dataset::{Kind, normalise};

/// The columns that are read, in the order of the file.
pub(super) struct Projection {
    /// Index of each column in the file.
    pub(super) roots: Vec<usize>,
    /// Use of each column, parallel to `roots`.
    pub(super) uses: Vec<ColumnUse>,
    /// Rows get a digest of all their values, by which a copy of a row is recognised.
    pub(super) with_digest: bool,
}

/// Use of a column's values.
#[derive(Clone, Copy)]
pub(super) struct ColumnUse {
    /// Position of the dataset's column that the values fill; `None` if they are only hashed.
    pub(super) slot: Option<usize>,
    /// Seed of the values' hashes, different for each column.
    pub(super) seed: u64,
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
            with_digest: collector.wanted.is_none(),
        };
        let fields = metadata.schema().fields().iter();
        for ((root, field), slot) in fields.enumerate().zip(&binding.slots) {
            let slot = slot.filter(|slot| collector.wants(*slot));
            // A column that means nothing to us may still tell a row from a copy of another.
            if is_readable(field.data_type()) && (projection.with_digest || slot.is_some()) {
                let seed = xxh3_64(normalise(field.name()).as_bytes());
                projection.roots.push(root);
                projection.uses.push(ColumnUse { slot, seed });
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
            let found = format!("column `{}` as {}", field.name(), field.data_type());
            return Err(DecodeError::wrong(
                input.unit,
                found,
                "text, DECIMAL, integer, date or timestamp",
                "write the column without nesting",
            ));
        }
    }
    Ok(())
}

/// A file with its text columns as dictionaries where the file has them as such: then their
/// codes need not be expanded to text. Columns that are codes in a part of the rows only are read
/// as views, which leave the text where it lies in the pages. `None` if the parquet crate does not
/// read the file so.
pub(super) fn with_dictionaries(metadata: &ArrowReaderMetadata) -> Option<ArrowReaderMetadata> {
    let is_flat = metadata.parquet_schema().num_columns() == metadata.schema().fields().len();
    let fields = metadata.schema().fields().iter().enumerate();
    let fields = fields.map(|(at, field)| {
        let is_text = matches!(
            field.data_type(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        );
        // In a nested file the columns of its chunks are not the fields of its schema.
        if !is_text || !is_flat {
            return Arc::clone(field);
        }
        let groups = metadata.metadata().row_groups();
        let data_type = if groups.iter().all(|group| is_all_codes(group.column(at))) {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        } else {
            DataType::Utf8View
        };
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    });
    let schema = Arc::new(Schema::new_with_metadata(
        fields.collect::<Fields>(),
        metadata.schema().metadata().clone(),
    ));
    let options = ArrowReaderOptions::new().with_schema(schema);
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).ok()
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
