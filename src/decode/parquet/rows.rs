//! Flat Parquet with text, decimal, integer, date or timestamp columns. Floating-point columns are
//! refused: their digits are lost already.

use std::fs::File;
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use ::parquet::basic::{Encoding, PageType};
use ::parquet::file::metadata::ColumnChunkMetaData;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Fields, Schema};
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::column::{Column, is_readable};
use super::dictionary::Known;
use super::panic_guard::shield;
use crate::decode::binding::Binding;
use crate::decode::{Collector, DecodeError, Input, Sink, SliceSink};
use crate::model::dataset::{Kind, normalise};
use crate::model::row::{Cell, Place, Row};

const BATCH_ROWS: usize = 2_048;

pub(crate) fn read<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
) -> Result<(), DecodeError> {
    let input = collector.input;
    let file = open(input)?;
    let metadata = shield(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))
        .map_err(|panic| torn(input, &panic))?;
    let metadata = metadata.map_err(|error| torn(input, &error))?;
    let headings: Vec<String> = metadata
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let binding = Binding::new(input, &headings)?;
    if let Some(warning) = binding.drift(input) {
        collector.warn(warning);
    }
    check_types(input, &metadata, &binding)?;
    let metadata = with_dictionaries(&metadata).unwrap_or(metadata);
    let reading = Reading::new(collector, &metadata, &binding);
    let mut first_row = 1_u64;
    let mut groups = Vec::new();
    for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        groups.push(Group {
            number,
            first_row,
            rows,
        });
        first_row = first_row.saturating_add(rows);
    }
    groups
        .par_iter()
        .try_for_each(|group| read_group(collector, &metadata, &reading, group))
}

/// The same file with its text columns as dictionaries, where it has them: their codes stay codes. Where
/// it has them for a part of the rows, texts are left where they lie in its pages.
fn with_dictionaries(metadata: &ArrowReaderMetadata) -> Option<ArrowReaderMetadata> {
    let groups = metadata.metadata().row_groups();
    let has_dictionary = |at: usize| {
        groups
            .iter()
            .all(|group| is_of_codes(group.columns().get(at)))
    };
    let is_flat = metadata.parquet_schema().num_columns() == metadata.schema().fields().len();
    let fields = metadata
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let is_text = matches!(
                field.data_type(),
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
            );
            if !is_text || !is_flat {
                return Arc::clone(field);
            }
            let coded =
                || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            let data_type = if has_dictionary(at) {
                coded()
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

/// Whether a column chunk holds codes alone: where its dictionary became too large, plain text
/// follows, and would have to be sorted into a dictionary first.
fn is_of_codes(column: Option<&ColumnChunkMetaData>) -> bool {
    let Some(column) = column.filter(|column| column.dictionary_page_offset().is_some()) else {
        return false;
    };
    let is_code = |encoding: Encoding| {
        matches!(
            encoding,
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY
        )
    };
    if let Some(mask) = column.page_encoding_stats_mask() {
        return mask.encodings().all(is_code);
    }
    column.page_encoding_stats().is_some_and(|stats| {
        let is_data = |page: PageType| matches!(page, PageType::DATA_PAGE | PageType::DATA_PAGE_V2);
        stats
            .iter()
            .all(|stat| !is_data(stat.page_type) || is_code(stat.encoding))
    })
}

/// Which columns are read, and what for.
struct Reading {
    roots: Vec<usize>,
    /// For each root the column that it fills, and what its values are hashed with.
    slots: Vec<(Option<usize>, u64)>,
    with_digest: bool,
}

impl Reading {
    fn new<S>(
        collector: &Collector<'_, S, impl Fn() -> S + Sync>,
        metadata: &ArrowReaderMetadata,
        binding: &Binding,
    ) -> Self
    where
        S: Sink,
    {
        let with_digest = collector.wanted.is_none();
        let mut reading = Self {
            roots: Vec::new(),
            slots: Vec::new(),
            with_digest,
        };
        for ((root, field), slot) in metadata
            .schema()
            .fields()
            .iter()
            .enumerate()
            .zip(&binding.slots)
        {
            let slot = slot.filter(|slot| collector.wants(*slot));
            // Columns that mean nothing to us still tell a row from its copy.
            if is_readable(field.data_type()) && (with_digest || slot.is_some()) {
                reading.roots.push(root);
                reading
                    .slots
                    .push((slot, xxh3_64(normalise(field.name()).as_bytes())));
            }
        }
        reading
    }
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
    reading: &Reading,
    group: &Group,
) -> Result<(), DecodeError> {
    let input = collector.input;
    // A clone of the file would share its position with other workers: open it anew.
    let builder =
        ParquetRecordBatchReaderBuilder::new_with_metadata(open(input)?, metadata.clone());
    let mask = ProjectionMask::roots(builder.parquet_schema(), reading.roots.iter().copied());
    let builder = builder
        .with_projection(mask)
        .with_row_groups(vec![group.number])
        .with_batch_size(BATCH_ROWS);
    let batches = shield(|| builder.build()).map_err(|panic| torn(input, &panic))?;
    let mut batches = batches.map_err(|error| torn(input, &error))?;
    collector.with_sink(|sink| {
        let mut row = group.first_row;
        let mut known: Vec<Known> = reading.roots.iter().map(|_| Known::default()).collect();
        while let Some(batch) = shield(|| batches.next()).map_err(|panic| torn(input, &panic))? {
            let batch = batch.map_err(|error| torn(input, &error))?;
            feed(&batch, reading, &mut known, row, sink);
            row += batch.num_rows() as u64;
        }
        let found = row - group.first_row;
        if found != group.rows {
            return Err(torn(
                input,
                &format!(
                    "{found} rows in row group {}, its footer promises {}",
                    group.number, group.rows
                ),
            ));
        }
        Ok(())
    })
}

fn open(input: Input<'_>) -> Result<File, DecodeError> {
    File::open(input.path)
        .map_err(|error| DecodeError::damaged(input.unit, format!("`{error}`"), "a readable file"))
}

fn torn(input: Input<'_>, error: &dyn std::fmt::Display) -> DecodeError {
    DecodeError::damaged(
        input.unit,
        format!("a torn Parquet file ({error})"),
        "a whole Parquet file, footer included",
    )
}

fn check_types(
    input: Input<'_>,
    metadata: &ArrowReaderMetadata,
    binding: &Binding,
) -> Result<(), DecodeError> {
    let columns = input.dataset.columns();
    for (field, slot) in metadata.schema().fields().iter().zip(&binding.slots) {
        let Some(column) = slot.and_then(|slot| columns.get(slot)) else {
            continue;
        };
        let is_number = matches!(column.kind, Kind::Decimal(_));
        if is_number
            && matches!(
                field.data_type(),
                DataType::Float16 | DataType::Float32 | DataType::Float64
            )
        {
            let found = format!("column `{}` as floating point", field.name());
            return Err(DecodeError::wrong(
                input.unit,
                found,
                "DECIMAL or text",
                "write it as DECIMAL: a float has lost digits already",
            ));
        }
        if !is_readable(field.data_type()) {
            let found = format!("column `{}` as {}", field.name(), field.data_type());
            return Err(DecodeError::wrong(
                input.unit,
                found,
                "text, DECIMAL, integer, date or timestamp",
                "write it flat",
            ));
        }
    }
    Ok(())
}

fn feed<S: Sink>(
    batch: &RecordBatch,
    plan: &Reading,
    known: &mut [Known],
    first_row: u64,
    sink: &mut SliceSink<'_, S>,
) {
    let columns: Vec<(Option<usize>, u64, Column<'_>)> = plan
        .slots
        .iter()
        .zip(batch.columns())
        .zip(known)
        .filter_map(|(((slot, seed), array), known)| {
            Some((*slot, *seed, Column::new(array, known, plan.with_digest)?))
        })
        .collect();
    let read: Vec<(usize, &Column<'_>)> = columns
        .iter()
        .filter_map(|(slot, _, column)| Some(((*slot)?, column)))
        .collect();
    let mut cells = vec![Cell::Missing; sink.input.dataset.columns().len()];
    for index in 0..batch.num_rows() {
        for (slot, column) in &read {
            if let Some(cell) = cells.get_mut(*slot) {
                column.fill(index, cell);
            }
        }
        let mut digest = 0_u64;
        if plan.with_digest {
            for (_, seed, column) in &columns {
                // A missing value adds nothing, whether its column is there or not.
                let hash = column.hash(index);
                digest = digest.wrapping_add((hash ^ seed).wrapping_mul(hash));
            }
        }
        let place = Place {
            first_line: first_row + index as u64,
            before: b"",
            text: b"",
            digest,
        };
        sink.row(&Row {
            cells: &cells,
            place,
        });
    }
}
