//! Files that are made: never over an existing one, counted, and named in errors.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::synth::request::SynthError;

/// Number of files written, and of the bytes in them.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::synth) struct Written {
    pub(in crate::synth) files: u64,
    pub(in crate::synth) bytes: u64,
}

impl Written {
    /// Sum of both counts.
    pub(in crate::synth) fn and(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// Creates a folder and those above it.
pub(in crate::synth) fn create_folder(path: &Path) -> Result<(), SynthError> {
    std::fs::create_dir_all(path).map_err(|source| SynthError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Refuses to write among other files: a partner is complete, or it is no fixture.
pub(in crate::synth) fn refuse_full_folder(path: &Path) -> Result<(), SynthError> {
    match std::fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(SynthError::NotEmpty {
            path: path.to_owned(),
        }),
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(SynthError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

/// New file that counts its bytes and names itself in errors.
pub(in crate::synth) struct OutFile {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
}

impl OutFile {
    /// Creates the file, which must not exist.
    pub(in crate::synth) fn create(path: PathBuf) -> Result<Self, SynthError> {
        match File::create_new(&path) {
            Ok(file) => Ok(Self {
                // 64 KiB: many small writes, of JSON items and CSV headers, in one call to the
                // system.
                file: BufWriter::with_capacity(1 << 16, file),
                path,
                bytes: 0,
            }),
            Err(source) => Err(SynthError::Io { path, source }),
        }
    }

    /// Appends bytes to the file.
    pub(in crate::synth) fn put(&mut self, bytes: &[u8]) -> Result<(), SynthError> {
        self.write_all(bytes).map_err(|source| SynthError::Io {
            path: self.path.clone(),
            source,
        })
    }

    /// Completes the file; the number of its bytes.
    pub(in crate::synth) fn close(mut self) -> Result<u64, SynthError> {
        self.file.flush().map_err(|source| SynthError::Io {
            path: self.path,
            source,
        })?;
        Ok(self.bytes)
    }
}

impl Write for OutFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
