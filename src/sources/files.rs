//! Files as units of input: named as they were found, identified by their content. Nothing is
//! decoded here.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A file to be decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileUnit {
    /// Name of the file in reports: its path with forward slashes.
    pub name: String,
    /// Path of the file.
    pub path: PathBuf,
    /// BLAKE3 of the file's bytes, in hexadecimal.
    pub blake3: String,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("Cannot read `{}`", .path.display())]
pub struct Unreadable {
    /// Path of the file.
    pub path: PathBuf,
    /// Error of the system.
    #[source]
    pub source: io::Error,
}

/// The name of a file in reports: the same on every system.
#[must_use]
pub fn name_of(path: &Path) -> String {
    // Reports of Windows and Linux are compared byte by byte.
    path.to_string_lossy().replace('\\', "/")
}

/// A file's size in bytes.
///
/// # Errors
/// [`Unreadable`] if the file is missing or closed to this process.
pub fn size(path: &Path) -> Result<u64, Unreadable> {
    std::fs::metadata(path)
        .map(|metadata| metadata.len())
        .map_err(unreadable(path))
}

/// Reads a file once for its identity.
///
/// # Errors
/// [`Unreadable`] if the file is missing or closed to this process.
pub fn identify(path: &Path) -> Result<FileUnit, Unreadable> {
    let file = File::open(path).map_err(unreadable(path))?;
    let mut hasher = blake3::Hasher::new();
    // In pieces: the file may be larger than the memory.
    hasher.update_reader(&file).map_err(unreadable(path))?;
    Ok(FileUnit {
        name: name_of(path),
        path: path.to_owned(),
        blake3: hasher.finalize().to_hex().to_string(),
        bytes: hasher.count(),
    })
}

/// Removes temporary files of the `tempfile` crate from a folder: a process that was killed leaves
/// them. Called where no other process writes to the folder.
///
/// # Errors
/// The error of the file system; a folder that is not there has no such files.
pub(crate) fn clear_temporary(folder: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        // `.tmp` and six letters or digits: no file of ours has such a name.
        if entry.file_name().to_string_lossy().starts_with(".tmp") && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Unreadable {
    move |source| Unreadable {
        path: path.to_owned(),
        source,
    }
}
