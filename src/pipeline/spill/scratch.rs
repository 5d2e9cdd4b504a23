//! The scratch file of a run: bytes that do not fit in memory, written once and read back once.
//!
//! The file has no name, so it is gone with the process, however that ends. It is shared by all
//! workers; whoever appends or reads holds a lock for as long as that takes.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::engine::count::partial::Partial;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;

/// A run of bytes in the scratch file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    start: u64,
    /// Number of bytes in the run.
    pub(crate) bytes: usize,
}

impl Extent {
    /// Part of the extent; `bytes` counts from its start.
    pub(crate) const fn part(self, bytes: Range<usize>) -> Self {
        Self {
            start: self.start + bytes.start as u64,
            bytes: bytes.end - bytes.start,
        }
    }
}

/// The scratch file, in the folder of the runs.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    /// The file, and its length in bytes.
    file: Mutex<(File, u64)>,
}

impl Scratch {
    /// An empty scratch file in `folder`.
    ///
    /// # Errors
    /// Those of the file system, as for all functions below.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            // The folder of the runs, not that of the system, which may be in memory.
            file: Mutex::new((tempfile::tempfile_in(folder)?, 0)),
        })
    }

    /// Folder in which the file was created.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Failure of a run whose scratch file cannot be written or read.
    pub(crate) fn failed(&self, source: io::Error) -> RunError {
        RunError::no_room(&self.folder, source)
    }

    /// Appends bytes; returns where they are.
    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<Extent> {
        let mut place = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A worker that panicked in between has not moved the end: its bytes are overwritten, and
        // nothing refers to them.
        let (file, end) = &mut *place;
        // The position of the file is shared: each reading moves it, so it is set anew each time.
        let start = *end;
        file.seek(SeekFrom::Start(start))?;
        file.write_all(bytes)?;
        *end += bytes.len() as u64;
        Ok(Extent {
            start,
            bytes: bytes.len(),
        })
    }

    /// Reads back the bytes of an extent.
    pub(crate) fn read(&self, extent: Extent) -> io::Result<Vec<u8>> {
        // Before the lock is taken, so that no other worker waits for memory to be cleared.
        let mut bytes = vec![0; extent.bytes];
        let mut place = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        place.0.seek(SeekFrom::Start(extent.start))?;
        place.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Appends partial totals; returns where they are.
    pub(crate) fn put(&self, partial: &Partial) -> io::Result<Extent> {
        let mut bytes = Vec::new();
        partial.write_to(&mut bytes);
        self.append(&bytes)
    }

    /// Reads back partial totals.
    pub(crate) fn take(&self, dataset: Dataset, extent: Extent) -> io::Result<Partial> {
        let bytes = self.read(extent)?;
        let partial = Partial::empty(dataset).read_from(&mut bytes.as_slice());
        partial.ok_or_else(other_bytes)
    }
}

/// Error for bytes that come back other than they were written.
pub(crate) fn other_bytes() -> io::Error {
    io::Error::other("the scratch file does not hold what was written to it")
}
