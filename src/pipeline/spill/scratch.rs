//! What waits on disk: a nameless file of bytes that are read again once.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::engine::count::partial::Partial;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;

/// A place in the scratch file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    start: u64,
    pub(crate) bytes: usize,
}

impl Extent {
    /// A part of it.
    pub(crate) const fn part(self, bytes: Range<usize>) -> Self {
        Self {
            start: self.start + bytes.start as u64,
            bytes: bytes.end - bytes.start,
        }
    }
}

/// A nameless file in the folder of the runs: gone with the process, whatever ends it.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    file: Mutex<(File, u64)>,
}

impl Scratch {
    /// # Errors
    /// What the file system says; so of all below.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            file: Mutex::new((tempfile::tempfile_in(folder)?, 0)),
        })
    }

    /// The folder that it is in.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is told where it cannot be written or read.
    pub(crate) fn failed(&self, source: io::Error) -> RunError {
        RunError::no_room(&self.folder, source)
    }

    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<Extent> {
        let mut place = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, end) = &mut *place;
        let start = *end;
        file.seek(SeekFrom::Start(start))?;
        file.write_all(bytes)?;
        *end += bytes.len() as u64;
        Ok(Extent {
            start,
            bytes: bytes.len(),
        })
    }

    pub(crate) fn read(&self, extent: Extent) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; extent.bytes];
        let mut place = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        place.0.seek(SeekFrom::Start(extent.start))?;
        place.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Keeps a partial as it is.
    pub(crate) fn put(&self, partial: &Partial) -> io::Result<Extent> {
        let mut bytes = Vec::new();
        partial.write_to(&mut bytes);
        self.append(&bytes)
    }

    /// A partial that was kept.
    pub(crate) fn take(&self, dataset: Dataset, extent: Extent) -> io::Result<Partial> {
        let bytes = self.read(extent)?;
        let partial = Partial::empty(dataset).read_from(&mut bytes.as_slice());
        partial.ok_or_else(other_bytes)
    }
}

/// What comes back is not what was written.
pub(crate) fn other_bytes() -> io::Error {
    io::Error::other("the scratch file does not hold what was written to it")
}
