//! Landed files that may be removed: those that no current line of the journal names. Whether
//! anything else needs them is not known here.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::files;
use super::loading::snapshot_day;

use crate::sources::failure::{FetchError, storage};

/// Hexadecimal digits of the hash with which the name of a landed file begins.
const HASH_DIGITS: usize = 64;

/// A file below `landing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandedFile {
    /// Path relative to the state folder.
    pub path: PathBuf,
    /// Name of the dataset: the first step of its unit's id.
    pub dataset: String,
    /// Size on disk in bytes.
    pub bytes: u64,
    /// Day of the snapshot to which it belongs, as `2026-10-31`; `None` for a unit of no day.
    pub day: Option<String>,
    /// Time at which it was landed.
    pub landed: SystemTime,
    /// True if a current line of the journal names it.
    pub is_current: bool,
    /// False for a file that no fetch has landed, by its name or its kind.
    pub is_ours: bool,
}

/// Files of a landing, and what is to become of each.
pub(super) struct Sweep<'s> {
    /// The state folder of the fetch.
    pub(super) folder: &'s Path,
    /// Paths of all files that a current line of the journal names.
    pub(super) current: HashSet<PathBuf>,
    /// Tells whether a file is to be removed.
    pub(super) is_removed: &'s mut dyn FnMut(&LandedFile) -> Result<bool, FetchError>,
}

impl Sweep<'_> {
    /// Shows each file, and removes those that are to be; a folder that is empty then, too.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses, and the errors of `is_removed`.
    pub(super) fn run(&mut self) -> Result<(), FetchError> {
        let landing = Path::new("landing");
        for entry in entries(&self.folder.join(landing))? {
            let path = landing.join(entry.file_name());
            self.sweep(&entry, path)?;
        }
        Ok(())
    }

    /// Sweeps a file or folder; true if it was removed.
    fn sweep(&mut self, entry: &DirEntry, path: PathBuf) -> Result<bool, FetchError> {
        let full = self.folder.join(&path);
        // Of the entry itself: links are not followed, they would lead out of the folder.
        let metadata = entry.metadata().map_err(storage("examine", &full))?;
        if metadata.is_dir() {
            let (mut is_empty, mut is_changed) = (true, false);
            for entry in entries(&full)? {
                let is_removed = self.sweep(&entry, path.join(entry.file_name()))?;
                is_empty &= is_removed;
                is_changed |= is_removed;
            }
            // A folder that was empty before may be one that a dry run is to leave.
            let is_removed = is_empty && is_changed;
            if is_removed {
                files::remove_empty_folder(&full)?;
            }
            return Ok(is_removed);
        }
        let file = LandedFile {
            dataset: step(&path, 1),
            bytes: metadata.len(),
            day: path.to_str().and_then(|text| {
                let folders = text.rsplit_once(['/', '\\'])?.0;
                snapshot_day(folders).map(str::to_owned)
            }),
            landed: metadata.modified().map_err(storage("examine", &full))?,
            is_current: self.current.contains(&path),
            is_ours: metadata.is_file() && has_hash(&entry.file_name().to_string_lossy()),
            path,
        };
        let is_removed = (self.is_removed)(&file)?;
        if is_removed {
            fs::remove_file(&full).map_err(storage("remove", &full))?;
        }
        Ok(is_removed)
    }
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>, FetchError> {
    fs::read_dir(folder)
        .and_then(Iterator::collect::<io::Result<Vec<DirEntry>>>)
        .map(|mut entries| {
            entries.sort_by_key(DirEntry::file_name);
            entries
        })
        .map_err(storage("list", folder))
}

/// A step of a path, as text.
fn step(path: &Path, at: usize) -> String {
    let step = path.components().nth(at);
    step.map_or_else(String::new, |step| {
        step.as_os_str().to_string_lossy().into_owned()
    })
}

/// True for the name of a landed file: a hash and an extension.
fn has_hash(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hash, _)| {
        hash.len() == HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
