//! The scratch file of a run: bytes that do not fit in memory, written once and read back once.
//!
//! The file has no name, so it is gone with the process, however that ends. It is shared by all
//! workers; whoever appends or reads holds a lock for as long as that takes. A disk that returns
//! other bytes without an error must not reach a figure: each run of bytes is hashed when it is
//! written and when it is read.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use crate::engine::count::partial::Partial;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;

/// A run of bytes in the scratch file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    start: u64,
    /// Number of bytes in the run.
    pub(crate) bytes: usize,
    /// XXH3 of the bytes.
    hash: u64,
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
        let start = self.write(bytes)?;
        Ok(extent_of(start, bytes))
    }

    /// Appends bytes at once, which are to be read back piece by piece; `ends` are the ends of the
    /// pieces in `bytes`, in order.
    pub(crate) fn append_pieces(&self, bytes: &[u8], ends: &[usize]) -> io::Result<Vec<Extent>> {
        let mut start = self.write(bytes)?;
        let mut from = 0;
        let piece = |end: &usize| {
            let piece = extent_of(start, &bytes[from..*end]);
            start += piece.bytes as u64;
            from = *end;
            piece
        };
        Ok(ends.iter().map(piece).collect())
    }

    /// Writes bytes at the end; returns where they begin.
    fn write(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut place = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A worker that panicked in between has not moved the end: its bytes are overwritten, and
        // nothing refers to them.
        let (file, end) = &mut *place;
        // The position of the file is shared: each reading moves it, so it is set anew each time.
        let start = *end;
        file.seek(SeekFrom::Start(start))?;
        file.write_all(bytes)?;
        *end += bytes.len() as u64;
        Ok(start)
    }

    /// Reads back the bytes of an extent.
    pub(crate) fn read(&self, extent: Extent) -> io::Result<Vec<u8>> {
        // Before the lock is taken, so that no other worker waits for memory to be cleared.
        let mut bytes = vec![0; extent.bytes];
        let mut place = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        place.0.seek(SeekFrom::Start(extent.start))?;
        place.0.read_exact(&mut bytes)?;
        drop(place);
        ensure_same(&bytes, extent.hash)?;
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

fn extent_of(start: u64, bytes: &[u8]) -> Extent {
    Extent {
        start,
        bytes: bytes.len(),
        hash: xxh3_64(bytes),
    }
}

/// Checks that bytes that were read back have the hash of those that were written.
///
/// # Errors
/// [`other_bytes`].
pub(super) fn ensure_same(bytes: &[u8], hash: u64) -> io::Result<()> {
    if xxh3_64(bytes) == hash {
        Ok(())
    } else {
        Err(other_bytes())
    }
}

/// Error for bytes that come back other than they were written.
pub(crate) fn other_bytes() -> io::Error {
    io::Error::other("the scratch file does not hold what was written to it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_changed_on_disk_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(folder.path()).unwrap();
        let whole = scratch.append(b"before").unwrap();
        let pieces = scratch.append_pieces(b"onetwothree", &[3, 6, 11]).unwrap();
        assert_eq!(scratch.read(whole).unwrap(), b"before");
        let read: Vec<Vec<u8>> = pieces.iter().map(|of| scratch.read(*of).unwrap()).collect();
        assert_eq!(read, [&b"one"[..], b"two", b"three"]);
        {
            let mut place = scratch.file.lock().unwrap();
            place.0.seek(SeekFrom::Start(whole.start + 9)).unwrap();
            place.0.write_all(b"T").unwrap();
        }
        scratch.read(pieces[0]).unwrap();
        scratch.read(pieces[2]).unwrap();
        let error = scratch.read(pieces[1]).unwrap_err();
        let told = scratch.failed(error).to_string();
        assert!(told.contains("the scratch file in `"), "{told}");
    }
}
