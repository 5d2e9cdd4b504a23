//! A flat Parquet file from its footer to its last row: text, decimal, integer, date or timestamp
//! columns. Amounts in floating point are refused, for their digits are lost already. Row groups
//! are read side by side, on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use arrow_array::RecordBatch;
use rayon::prelude::*;

use super::column::Column;
use super::dictionary::DictionaryMemory;
use super::panic_guard::catch_panic;
use super::projection::{Projection, check_codecs, check_types, unknown_codec, with_read_types};
use crate::decode::binding::Binding;
use crate::decode::collector::Collector;
use crate::decode::failure::DecodeError;
use crate::decode::input::Input;
use crate::decode::positioned::SharedFile;
use crate::decode::row_block::RowBlock;
use crate::decode::sink::{Sink, SliceSink};
use crate::model::column_set::ColumnSet;
use crate::model::content::ColumnContent;
use crate::model::row::Place;

/// Rows that are decoded at a time. Each worker holds one such batch.
const BATCH_ROWS: usize = 2_048;

/// Reads all rows of a Parquet file.
pub(crate) fn read<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
) -> Result<(), DecodeError> {
    let input = collector.input;
    let file = SharedFile::new(input.file).map_err(|error| {
        DecodeError::damaged(input.unit, format!("`{error}`"), "a readable file")
    })?;
    let metadata = catch_panic(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))
        .map_err(|panic| damaged(input, &panic))?
        .map_err(|error| unknown_codec(input, &error).unwrap_or_else(|| damaged(input, &error)))?;
    check_codecs(input, &metadata)?;
    let fields = metadata.schema().fields().iter();
    let headings: Vec<String> = fields.map(|field| field.name().clone()).collect();
    let binding = Binding::new(input, &headings)?;
    if let Some(warning) = binding.unknown_columns(input) {
        collector.warn(warning);
    }
    let metadata = with_read_types(&metadata).ok_or_else(|| {
        damaged(
            input,
            &"its columns of INT96 are not as the parquet crate reads them",
        )
    })?;
    check_types(input, &metadata, &binding)?;
    let projection = Projection::new(collector, &metadata, &binding);
    // A group is left out only behind one that failed, so that of several damaged ones the first is
    // named, whichever worker is the faster.
    let first_failed = AtomicUsize::new(usize::MAX);
    let errors = row_groups(input, &metadata)?
        .into_par_iter()
        .filter(|group| group.index < first_failed.load(Ordering::Relaxed))
        .filter_map(|group| {
            let error = read_group(collector, &file, &metadata, &projection, &group).err()?;
            first_failed.fetch_min(group.index, Ordering::Relaxed);
            Some((group.index, error))
        });
    match errors.min_by_key(|(index, _)| *index) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// A row group, as the footer describes it.
struct RowGroup {
    /// Index in the file.
    index: usize,
    /// Number of its first row in the file, from 1.
    first_row: u64,
    /// Number of its rows.
    rows: u64,
}

fn row_groups(
    input: Input<'_>,
    metadata: &ArrowReaderMetadata,
) -> Result<Vec<RowGroup>, DecodeError> {
    let mut first_row = 1_u64;
    let mut groups = Vec::new();
    for (index, group) in metadata.metadata().row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows())
            .map_err(|_| damaged(input, &format!("{} rows", group.num_rows())))?;
        groups.push(RowGroup {
            index,
            first_row,
            rows,
        });
        // A damaged footer may promise any number of rows; the rows that are read are held against
        // it.
        first_row = first_row.saturating_add(rows);
    }
    Ok(groups)
}

fn read_group<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
    file: &SharedFile,
    metadata: &ArrowReaderMetadata,
    projection: &Projection,
    group: &RowGroup,
) -> Result<(), DecodeError> {
    let input = collector.input;
    let builder =
        ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata.clone());
    let mask = ProjectionMask::roots(builder.parquet_schema(), projection.roots.iter().copied());
    let builder = builder
        .with_projection(mask)
        .with_row_groups(vec![group.index])
        .with_batch_size(BATCH_ROWS);
    let damaged_here = |error: &dyn std::fmt::Display| {
        damaged(input, &format!("row group {}: {error}", group.index))
    };
    let mut batches = catch_panic(|| builder.build())
        .map_err(|panic| damaged_here(&panic))?
        .map_err(|error| damaged_here(&error))?;
    collector.with_sink(group.index as u64, |sink| {
        let mut row = group.first_row;
        let mut memories: Vec<DictionaryMemory> = projection
            .roots
            .iter()
            .map(|_| DictionaryMemory::default())
            .collect();
        // Only the parquet crate runs under the guard; a panic of `feed` is ours and ends the run.
        while let Some(batch) =
            catch_panic(|| batches.next()).map_err(|panic| damaged_here(&panic))?
        {
            let batch = batch.map_err(|error| damaged_here(&error))?;
            feed(&batch, projection, &mut memories, row, sink);
            row += batch.num_rows() as u64;
        }
        // Fewer rows than promised must not pass for a month with less usage.
        let found = row - group.first_row;
        if found != group.rows {
            let error = format!("{found} rows, where the footer promises {}", group.rows);
            return Err(damaged_here(&error));
        }
        Ok(())
    })
}

fn damaged(input: Input<'_>, error: &dyn std::fmt::Display) -> DecodeError {
    DecodeError::damaged(
        input.unit,
        format!("a damaged Parquet file ({error})"),
        "a complete Parquet file with its footer",
    )
}

/// Hands the rows of a batch to a sink. `memories` has one for each projected column.
fn feed<S: Sink>(
    batch: &RecordBatch,
    projection: &Projection,
    memories: &mut [DictionaryMemory],
    first_row: u64,
    sink: &mut SliceSink<'_, S>,
) {
    let columns: Vec<Column<'_>> = batch
        .columns()
        .iter()
        .zip(memories)
        .zip(&projection.uses)
        .map(|((array, memory), used)| Column::new(array, memory, used.unread.as_ref()))
        .collect();
    let uses = || projection.uses.iter().zip(&columns);
    // Sorted out before the rows: the loops over them have no column to skip.
    let read: Vec<(usize, &Column<'_>)> = uses()
        .filter_map(|(used, column)| Some((used.slot?, column)))
        .collect();
    let unread: Vec<(&ColumnContent, &Column<'_>)> = uses()
        .filter_map(|(used, column)| Some((used.unread.as_ref()?, column)))
        .collect();
    let mut block = RowBlock::new(sink.input.dataset.columns().len(), ColumnSet::NONE);
    for index in 0..batch.num_rows() {
        let cells = block.next(0);
        for (slot, column) in &read {
            column.fill(index, &mut cells[*slot]);
        }
        let unread = unread
            .iter()
            .map(|(content, column)| column.part(index, content))
            .fold(0, u64::wrapping_add);
        let place = Place {
            // Rows of Parquet have no lines; their number stands for one.
            first_line: first_row + index as u64,
            before: b"",
            text: b"",
            unread,
        };
        sink.push(&mut block, place, ColumnSet::ALL);
    }
    sink.hand_over(&mut block);
}
