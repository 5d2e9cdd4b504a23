//! The state folder of a fetch: raw bytes as received, compressed, stored under their hash, and a
//! journal of the units to which they belong. Stored bytes are never changed; a newer version of a
//! unit is stored beside the older one. Nothing of a unit counts before the unit is complete.

pub(crate) mod files;

pub(crate) mod journal;

pub(crate) mod verify;

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::NamedTempFile;

use self::journal::{Entry, Journal, Part, Unit, Version};
use super::failure::{FetchError, storage};
use super::files::{FileUnit, name_of};

const LOCK: &str = ".lock";
const JOURNAL: &str = "journal.jsonl";
/// Entries of a state folder, and whether each is a folder.
const ENTRIES: [(&str, bool); 6] = [
    (LOCK, false),
    (JOURNAL, false),
    ("landing", true),
    ("tmp", true),
    ("credentials", true),
    ("tables", true),
];
/// Characters of an id, besides letters and digits, that stand in a file name as they are.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'@');
/// Longest file name made of an id; a longer one is hashed. File systems take 255 bytes, and ids
/// have up to some 40 characters.
const NAME_LIMIT: usize = 120;

/// A state folder, locked by this process until it is dropped.
#[derive(Debug)]
pub struct Landing {
    folder: PathBuf,
    state: Mutex<State>,
    _lock: File,
}

#[derive(Debug)]
struct State {
    journal: Journal,
    units: BTreeMap<String, Unit>,
}

impl Landing {
    /// Creates and locks the folder, and reads its journal; with warnings of what the journal lost.
    ///
    /// # Errors
    /// [`FetchError::Locked`] if another fetch is using the folder, [`FetchError::Storage`] if the
    /// file system refuses.
    pub fn open(folder: &Path) -> Result<(Self, Vec<String>), FetchError> {
        for (name, is_folder) in ENTRIES {
            files::ensure_kind(&folder.join(name), is_folder)?;
        }
        files::make_folder(&folder.join("landing"))?;
        // The lock comes before everything that another fetch may be using.
        let lock = lock(&folder.join(LOCK))?;
        // Half downloads of a fetch that was killed.
        files::clear_folder(&folder.join("tmp"))?;
        files::clear_temporary(&folder.join("credentials"))?;
        let (journal, content) = Journal::open(&folder.join(JOURNAL))?;
        let mut units: BTreeMap<String, Unit> = BTreeMap::new();
        for (unit, entry) in content.entries {
            units.entry(unit).or_default().apply(entry);
        }
        let landing = Self {
            folder: folder.to_owned(),
            state: Mutex::new(State { journal, units }),
            _lock: lock,
        };
        landing.forget_lost_parts();
        Ok((landing, content.warnings))
    }

    /// Folder for secrets that must outlive a run.
    #[must_use]
    pub fn credentials(&self) -> PathBuf {
        self.folder.join("credentials")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets versions whose files are gone or have another size, so that they are fetched again.
    fn forget_lost_parts(&self) {
        let is_there = |part: &Part| {
            self.folder
                .join(&part.path)
                .metadata()
                .is_ok_and(|file| file.len() == part.stored_bytes)
        };
        for unit in self.state().units.values_mut() {
            unit.versions
                .retain(|version| version.parts.iter().all(&is_there));
            if unit.versions.is_empty() {
                // Whatever the server said was about a version that is lost.
                unit.checked = None;
            }
            if !unit.open_parts().iter().all(&is_there) {
                unit.open = None;
            }
        }
    }

    /// State of a unit.
    #[must_use]
    pub(crate) fn unit(&self, id: &str) -> Unit {
        match self.state().units.get(id) {
            Some(unit) => unit.clone(),
            None => Unit::default(),
        }
    }

    /// The newest complete version of a unit, if there is any.
    #[must_use]
    pub(crate) fn newest(&self, id: &str) -> Option<Version> {
        self.unit(id).versions.pop()
    }

    /// Writes a step of a unit to the journal, and applies it. A completion is on disk before it
    /// is believed.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub(crate) fn enter(&self, id: &str, entry: Entry) -> Result<(), FetchError> {
        let mut state = self.state();
        // First on disk, then in memory: what is believed here must survive a crash.
        state.journal.append(id, &entry)?;
        state.units.entry(id.to_owned()).or_default().apply(entry);
        Ok(())
    }

    /// Stores a page of a unit, compressed, under the hash of its bytes as received. `ending` is
    /// the file's extension before `.gz`. The caller adds the rows and enters the part.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub(crate) fn land_page(
        &self,
        id: &str,
        name: &str,
        body: &[u8],
        ending: &str,
    ) -> Result<Part, FetchError> {
        let hash = blake3::hash(body).to_hex().to_string();
        let path = place(id).join(format!("{hash}.{ending}.gz"));
        let full = self.folder.join(&path);
        // The fastest level: pages compress well at any, and the next request waits for this one.
        let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 6), Compression::new(1));
        let compressed = encoder
            .write_all(body)
            .and_then(|()| encoder.finish())
            .map_err(storage("compress", &full))?;
        files::write_new(&self.folder.join("tmp"), &full, &compressed)?;
        Ok(Part {
            name: name.to_owned(),
            path,
            blake3: hash,
            stored_blake3: blake3::hash(&compressed).to_hex().to_string(),
            bytes: body.len() as u64,
            stored_bytes: compressed.len() as u64,
            rows: 0,
            next: None,
            next_uri: None,
        })
    }

    /// A new file for a download, to be stored with [`Landing::land_file`].
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub(crate) fn temporary(&self) -> Result<NamedTempFile, FetchError> {
        files::temporary(&self.folder.join("tmp"))
    }

    /// Stores a downloaded file of a unit as it is, under its `hash`. The caller adds the rows and
    /// enters the part.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub(crate) fn land_file(
        &self,
        id: &str,
        name: &str,
        file: NamedTempFile,
        hash: &str,
        ending: &str,
    ) -> Result<Part, FetchError> {
        let path = place(id).join(format!("{hash}.{ending}"));
        let full = self.folder.join(&path);
        let bytes = file
            .as_file()
            .metadata()
            .map_err(storage("read the size of", &full))?
            .len();
        files::persist(file, &full)?;
        Ok(Part {
            name: name.to_owned(),
            path,
            blake3: hash.to_owned(),
            stored_blake3: hash.to_owned(),
            bytes,
            stored_bytes: bytes,
            rows: 0,
            next: None,
            next_uri: None,
        })
    }

    /// The bytes of a stored page, as received.
    ///
    /// # Errors
    /// [`FetchError::Damaged`] if they are not those that were received, [`FetchError::Storage`] if
    /// the file system refuses.
    pub(crate) fn bytes_of(&self, part: &Part) -> Result<Vec<u8>, FetchError> {
        let path = self.folder.join(&part.path);
        let mut body = Vec::new();
        let read = File::open(&path)
            .and_then(|file| flate2::read::MultiGzDecoder::new(file).read_to_end(&mut body));
        let found = match read {
            Ok(_) if blake3::hash(&body).to_hex().as_str() == part.blake3 => return Ok(body),
            Ok(_) => "other bytes".to_owned(),
            // Errors of the system have a number; those of the decompressor have none. A page that
            // is gone is damage, too.
            Err(error) if error.raw_os_error().is_some() && error.kind() != ErrorKind::NotFound => {
                return Err(storage("read", &path)(error));
            }
            Err(error) => error.to_string(),
        };
        Err(FetchError::Damaged { path, found })
    }

    /// The files of a unit's newest version, as units to decode, and the version of its export.
    #[must_use]
    pub fn files_of(&self, id: &str) -> Option<(Vec<FileUnit>, Option<String>)> {
        let version = self.newest(id)?;
        let files = version.parts.into_iter().map(|part| {
            let path = self.folder.join(&part.path);
            FileUnit {
                name: name_of(&path),
                path,
                blake3: part.stored_blake3,
                bytes: part.stored_bytes,
            }
        });
        // Two parts with the same bytes, such as two empty pages, share one file.
        let mut seen = HashSet::new();
        let files = files.filter(|file| seen.insert(file.blake3.clone()));
        Some((files.collect(), version.etag))
    }
}

/// Folder of a unit, relative to the state folder: one folder for each step of its id, written so
/// that every file system takes it, and so that no id can leave the landing.
fn place(id: &str) -> PathBuf {
    let folder = |step: &str| {
        let name = utf8_percent_encode(step, PLAIN).to_string();
        if name.is_empty() {
            // No encoded name is a lone percent sign.
            "%".to_owned()
        } else if name.len() <= NAME_LIMIT {
            name
        } else {
            blake3::hash(step.as_bytes()).to_hex().to_string()
        }
    };
    Path::new("landing").join(id.split('/').map(folder).collect::<PathBuf>())
}

/// Locks the state folder until the file is closed, and writes into it who holds it.
fn lock(path: &Path) -> Result<File, FetchError> {
    let mut file = files::open_lock(path)?;
    match file.try_lock() {
        Ok(()) => {}
        // The system drops the lock with its process: a file that is left behind locks nothing.
        Err(TryLockError::WouldBlock) => {
            let holder = std::fs::read_to_string(path)
                .ok()
                .map(|holder| holder.trim().to_owned())
                .filter(|holder| !holder.is_empty());
            return Err(FetchError::Locked {
                path: path.to_owned(),
                holder: holder.unwrap_or_else(|| "another fetch".to_owned()),
            });
        }
        Err(TryLockError::Error(source)) => return Err(storage("lock", path)(source)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "process {}", std::process::id()))
        .map_err(storage("write the lock", path))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_the_system_does_not_give_is_not_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let (landing, _) = Landing::open(folder.path()).unwrap();
        let part = landing.land_page("u/1", "page-1", b"{}", "json").unwrap();
        let path = folder.path().join(&part.path);
        assert_eq!(landing.bytes_of(&part).unwrap(), b"{}");
        std::fs::write(&path, "{}").unwrap();
        let damaged = landing.bytes_of(&part);
        assert!(matches!(damaged, Err(FetchError::Damaged { .. })));
        // A folder is opened, but reading it is an error of the system.
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let refused = landing.bytes_of(&part);
        assert!(matches!(refused, Err(FetchError::Storage { .. })));
        let refused = verify::lines(std::fs::File::open(&path).unwrap());
        assert!(matches!(refused, Err(verify::Fault::Storage(_))));
    }
}
