//! The rows of one unit on their way to a file: workers bring slices in any order, and the file has
//! them in the order of the unit. Row groups are encoded by the worker that completes them, without a
//! lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::parquet::errors::ParquetError;
use tempfile::NamedTempFile;

use super::row_batch::RowBatch;
use super::row_columns;
use super::row_layout::RowLayout;
use crate::pipeline::failure::RunError;
use crate::reports::kept_files::{KeptFile, KeptFiles};
use crate::reports::row_file::{GROUP_ROWS, GroupEncoder, RowFile};

/// A file of rows while it is written, shared by the workers of a unit.
pub(crate) struct UnitRows {
    layout: Arc<RowLayout>,
    files: KeptFiles,
    state: Mutex<State>,
}

struct State {
    /// `None` after a failure, which is told when the unit ends.
    file: Option<RowFile<NamedTempFile>>,
    failed: Option<RunError>,
    /// Number of the first slice that is not complete.
    next: u64,
    /// Rows of slices from there on, each with whether they are all of the slice.
    slices: BTreeMap<u64, (Vec<RowBatch>, bool)>,
    /// Rows of the row group that is open, and their number.
    open: Vec<RowBatch>,
    open_rows: usize,
    /// Number of row groups that were begun.
    groups: usize,
}

/// A row group that is complete, and the encoder for it.
type FullGroup = (usize, Result<GroupEncoder, ParquetError>, Vec<RowBatch>);

impl UnitRows {
    /// A file without rows.
    ///
    /// # Errors
    /// [`RunError::Publish`] if it cannot be created.
    pub(crate) fn begin(layout: Arc<RowLayout>, files: KeptFiles) -> Result<Self, RunError> {
        let state = Mutex::new(State::begin(&layout, &files)?);
        Ok(Self {
            layout,
            files,
            state,
        })
    }

    /// Takes rows of a slice; `is_last` with its last ones.
    pub(super) fn put(&self, slice: u64, batch: RowBatch, is_last: bool) {
        let mut state = self.locked();
        if slice == 0 && state.next > 0 {
            // The unit is read again in another way: what was written is void.
            let failed = state.failed.take();
            match State::begin(&self.layout, &self.files) {
                Ok(anew) => *state = State { failed, ..anew },
                Err(error) => return state.fail(error),
            }
        }
        let (batches, is_complete) = state.slices.entry(slice).or_default();
        batches.push(batch);
        *is_complete |= is_last;
        let full = state.full_groups();
        drop(state);
        for (number, encoder, batches) in full {
            self.encode(number, encoder, &batches);
        }
    }

    /// Completes the file, and tells how many rows it has.
    ///
    /// # Errors
    /// [`RunError::Publish`] for a disk that takes no more, then or before.
    pub(crate) fn end(&self) -> Result<(KeptFile, u64), RunError> {
        let last = self.locked().take_open();
        if let Some((number, encoder, batches)) = last {
            self.encode(number, encoder, &batches);
        }
        let mut state = self.locked();
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        let Some(file) = state.file.take() else {
            return Err(self.files.failed(&"the file was completed before").into());
        };
        drop(state);
        let rows = file.rows();
        let file = file.close().map_err(|error| self.files.failed(&error))?;
        Ok((self.files.keep(file)?, rows))
    }

    fn encode(
        &self,
        number: usize,
        encoder: Result<GroupEncoder, ParquetError>,
        batches: &[RowBatch],
    ) {
        let encoded =
            encoder.and_then(|encoder| row_columns::encode(&self.layout, batches, encoder));
        let mut state = self.locked();
        let appended = match (encoded, &mut state.file) {
            (Ok(group), Some(file)) => file.append(number, group),
            (Ok(_), None) => Ok(()),
            (Err(error), _) => Err(error),
        };
        if let Err(error) = appended {
            state.fail(self.files.failed(&error).into());
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin(layout: &RowLayout, files: &KeptFiles) -> Result<Self, RunError> {
        let file =
            RowFile::new(layout.table, files.begin()?).map_err(|error| files.failed(&error))?;
        Ok(Self {
            file: Some(file),
            failed: None,
            next: 0,
            slices: BTreeMap::new(),
            open: Vec::new(),
            open_rows: 0,
            groups: 0,
        })
    }

    fn fail(&mut self, error: RunError) {
        self.failed.get_or_insert(error);
        self.file = None;
    }

    /// Moves rows that follow the last ones to the open row group; the groups that are full then.
    fn full_groups(&mut self) -> Vec<FullGroup> {
        let mut full = Vec::new();
        while let Some((batches, is_complete)) = self.slices.get_mut(&self.next) {
            let is_complete = *is_complete;
            for batch in std::mem::take(batches) {
                self.open_rows += batch.rows();
                self.open.push(batch);
                if self.open_rows >= GROUP_ROWS {
                    full.extend(self.take_open());
                }
            }
            if !is_complete {
                break;
            }
            self.slices.remove(&self.next);
            self.next += 1;
        }
        full
    }

    /// The open row group, unless it is empty or the file has failed.
    fn take_open(&mut self) -> Option<FullGroup> {
        let batches = std::mem::take(&mut self.open);
        let rows = std::mem::take(&mut self.open_rows);
        let file = self.file.as_ref().filter(|_| rows > 0)?;
        let number = self.groups;
        self.groups += 1;
        Some((number, file.encoder(), batches))
    }
}
