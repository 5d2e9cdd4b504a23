//! Files as units: named as they were found, identified by their content.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A file to be decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileUnit {
    /// Its path in reports.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// BLAKE3 of its bytes.
    pub blake3: String,
    /// Its size.
    pub bytes: u64,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("Cannot read `{}`", .path.display())]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// What a file is called in reports.
#[must_use]
pub fn name_of(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// A file's size in bytes.
///
/// # Errors
/// [`Unreadable`].
pub fn size(path: &Path) -> Result<u64, Unreadable> {
    std::fs::metadata(path)
        .map(|metadata| metadata.len())
        .map_err(|source| Unreadable {
            path: path.to_owned(),
            source,
        })
}

/// Reads a file once for its identity.
///
/// # Errors
/// [`Unreadable`].
pub fn identify(path: &Path) -> Result<FileUnit, Unreadable> {
    let unreadable = |source| Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&file).map_err(unreadable)?;
    let bytes = hasher.count();
    Ok(FileUnit {
        name: name_of(path),
        path: path.to_owned(),
        blake3: hasher.finalize().to_hex().to_string(),
        bytes,
    })
}
