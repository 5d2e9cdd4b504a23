//! Files of counted rows, each under the hash of its bytes: the analyst folder of a run links them, and
//! the next run takes up those of inputs that are the same.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::failure::{PublishError, storage};
use super::output_entries::clear_temporary;
use super::single_files::{new_file_in, sync_folder};

/// Folder of the files in an output folder.
pub const KEPT_ROWS: &str = "cache/rows";

/// Files of one output folder, whose lock is held.
#[derive(Clone, Debug)]
pub struct KeptFiles {
    folder: PathBuf,
}

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// BLAKE3 of its bytes, 64 hexadecimal digits.
    pub blake3: String,
    /// Size of the file in bytes.
    pub bytes: u64,
}

impl KeptFiles {
    /// The files below an output folder; what an interrupted run was writing is removed.
    ///
    /// # Errors
    /// [`PublishError::Storage`] if the folder cannot be created.
    pub fn open(out: &Path) -> Result<Self, PublishError> {
        let folder = out.join(KEPT_ROWS);
        fs::create_dir_all(&folder).map_err(storage("create the folder", &folder))?;
        clear_temporary(&folder)?;
        Ok(Self { folder })
    }

    /// Failure to write a file of rows.
    #[must_use]
    pub fn failed(&self, error: &dyn std::fmt::Display) -> PublishError {
        storage("write a file in", &self.folder)(io::Error::other(error.to_string()))
    }

    /// A new file, which nobody finds before it is [kept](Self::keep).
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub fn begin(&self) -> Result<NamedTempFile, PublishError> {
        new_file_in(&self.folder).map_err(storage("create a file in", &self.folder))
    }

    /// Keeps a file that is complete.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub fn keep(&self, file: NamedTempFile) -> Result<KeptFile, PublishError> {
        let kept = hashed(file.path()).map_err(storage("read", file.path()))?;
        file.as_file()
            .sync_all()
            .map_err(storage("write", file.path()))?;
        let path = self.path_of(&kept.blake3);
        file.persist(&path)
            .map_err(|error| storage("name", &path)(error.error))?;
        sync_folder(&self.folder)?;
        Ok(kept)
    }

    /// Path of a file that is kept.
    #[must_use]
    pub fn path_of(&self, blake3: &str) -> PathBuf {
        self.folder.join(format!("{blake3}.parquet"))
    }

    /// True if a file is there with the bytes that it had.
    #[must_use]
    pub fn is_there(&self, kept: &KeptFile) -> bool {
        let path = self.path_of(&kept.blake3);
        let has_size = fs::metadata(&path).is_ok_and(|found| found.len() == kept.bytes);
        has_size && hashed(&path).is_ok_and(|found| found == *kept)
    }

    /// Removes the files that are not `wanted` and that no analyst folder links. Where that cannot be
    /// told they stay.
    ///
    /// # Errors
    /// [`PublishError::Storage`] if the folder cannot be listed.
    pub fn clear(&self, wanted: &BTreeSet<String>) -> Result<(), PublishError> {
        let list = storage("list", &self.folder);
        for entry in fs::read_dir(&self.folder).map_err(list)? {
            let entry = entry.map_err(storage("list", &self.folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let hash = name.strip_suffix(".parquet").unwrap_or(&name);
            if !wanted.contains(hash) && is_single(&entry.path()) {
                // Gone or not, it costs space and no result.
                drop(fs::remove_file(entry.path()));
            }
        }
        Ok(())
    }
}

fn hashed(path: &Path) -> io::Result<KeptFile> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(KeptFile {
        blake3: hasher.finalize().to_hex().to_string(),
        bytes: hasher.count(),
    })
}

/// True if a file has this one name.
#[cfg(unix)]
fn is_single(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).is_ok_and(|found| found.nlink() == 1)
}

// There the analyst folder has copies.
#[cfg(not(unix))]
fn is_single(_path: &Path) -> bool {
    true
}
