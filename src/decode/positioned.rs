//! Readers of an open file that keep their own positions. Any number of them share one handle: a
//! cloned handle would share its cursor, and a path opened anew may lead to another file.

use std::borrow::Borrow;
use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// A reader of a file, from a position to its end.
pub(super) struct PositionedReader<F> {
    file: F,
    position: u64,
}

impl<F: Borrow<File>> PositionedReader<F> {
    /// A reader that begins at a position.
    pub(super) fn new(file: F, position: u64) -> Self {
        Self { file, position }
    }
}

impl<F: Borrow<File>> io::Read for PositionedReader<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = read_at(self.file.borrow(), buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}

/// A file of which the parquet crate takes pieces. Its own way with files is to clone the handle
/// and move the cursor, which row groups that are read side by side would do to each other.
#[derive(Clone)]
pub(super) struct SharedFile {
    file: Arc<File>,
    bytes: u64,
}

impl SharedFile {
    /// The file behind a handle, whose cursor is left alone.
    pub(super) fn new(file: &File) -> io::Result<Self> {
        Ok(Self {
            bytes: file.metadata()?.len(),
            // The parquet crate wants to own what it reads from.
            file: Arc::new(file.try_clone()?),
        })
    }
}

impl Length for SharedFile {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for SharedFile {
    type T = io::BufReader<PositionedReader<Arc<File>>>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let reader = PositionedReader::new(Arc::clone(&self.file), start);
        Ok(io::BufReader::new(reader))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut piece = Vec::with_capacity(length);
        let reader = PositionedReader::new(&*self.file, start);
        reader.take(length as u64).read_to_end(&mut piece)?;
        if piece.len() == length {
            Ok(piece.into())
        } else {
            let error = format!("{} of {length} bytes at {start}", piece.len());
            Err(ParquetError::EOF(error))
        }
    }
}
