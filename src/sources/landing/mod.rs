//! The state folder of a fetch: raw bytes as received, compressed, stored under their hash, and a
//! journal of the units to which they belong. Stored bytes are never changed; a newer version of a
//! unit is stored beside the older one. Nothing of a unit counts before the unit is complete.

pub(crate) mod files;

pub(crate) mod journal;

mod journal_file;

mod loading;

mod recovery;

mod owner;

pub(crate) mod verify;

pub mod leftovers;

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::NamedTempFile;

use self::journal::{Entry, Line, Part, Unit, Version};
use self::journal_file::Journal;
use self::leftovers::{LandedFile, Sweep};
use self::loading::Units;
pub use self::owner::StateOwner;
use super::failure::{FetchError, storage};
use super::files::{FileUnit, name_of};

const LOCK: &str = ".lock";
/// File with the output folders whose runs were made of a state folder, a path a line.
const OUTPUTS: &str = "outputs";
/// Entries of a state folder, and whether each is a folder.
const ENTRIES: [(&str, bool); 10] = [
    (LOCK, false),
    (owner::OWNER, false),
    (OUTPUTS, false),
    (recovery::JOURNAL, false),
    (recovery::DAMAGED, false),
    (recovery::ARCHIVE, true),
    ("landing", true),
    (recovery::TEMPORARY, true),
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
    units: Units,
    /// Owner to be written before the first step; none once the folder has its owner.
    owner: Option<StateOwner>,
}

impl Landing {
    /// Creates and locks the folder, which must be `owner`'s or nobody's, and reads its journal;
    /// with warnings of what the journal lost. A folder that is nobody's becomes `owner`'s with the
    /// first step that is entered.
    ///
    /// # Errors
    /// [`FetchError::Locked`] if another fetch is using the folder, [`FetchError::State`] if it is
    /// another's, [`FetchError::Storage`] if the file system refuses.
    pub fn open(folder: &Path, owner: &StateOwner) -> Result<(Self, Vec<String>), FetchError> {
        for (name, is_folder) in ENTRIES {
            files::ensure_kind(&folder.join(name), is_folder)?;
        }
        // Before anything is written: nothing is changed in another's folder.
        owner.check(folder)?;
        files::make_folder(&folder.join("landing"))?;
        // The lock comes before everything that another fetch may be using.
        let lock = lock(&folder.join(LOCK))?;
        // Again, as another fetch may just have made it its own.
        let has_owner = owner.check(folder)?;
        // Half downloads of a fetch that was killed.
        files::clear_folder(&folder.join(recovery::TEMPORARY))?;
        files::clear_temporary(&folder.join("credentials"))?;
        files::clear_temporary(folder)?;
        let (journal, units, mut warnings) = recovery::open(folder)?;
        if !has_owner && !units.is_empty() {
            // A folder of an older release: nothing in it says whose it is.
            warnings.push(format!(
                "`{}`: a state folder without an owner; from now on it is that of {owner}",
                folder.display()
            ));
        }
        let landing = Self {
            folder: folder.to_owned(),
            state: Mutex::new(State {
                journal,
                units,
                owner: (!has_owner).then(|| owner.clone()),
            }),
            _lock: lock,
        };
        landing.forget_lost_parts();
        Ok((landing, warnings))
    }

    /// Folder for secrets that must outlive a run.
    #[must_use]
    pub fn credentials(&self) -> PathBuf {
        self.folder.join("credentials")
    }

    /// Shows each file below `landing` to `is_removed`, and removes those for which it is true.
    /// Killed at any moment, what is left is whole, if none of them is current: the journal names
    /// no other.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses, and the errors of `is_removed`.
    pub fn sweep(
        &self,
        is_removed: &mut dyn FnMut(&LandedFile) -> Result<bool, FetchError>,
    ) -> Result<(), FetchError> {
        let state = self.state();
        let units = state.units.values();
        let parts = units.flat_map(|unit| {
            let versions = unit.versions.iter().flat_map(|version| &version.parts);
            versions.chain(unit.open_parts())
        });
        let mut sweep = Sweep {
            folder: &self.folder,
            current: parts.map(|part| part.path.clone()).collect(),
            is_removed,
        };
        sweep.run()
    }

    /// Output folders whose runs were made of this state folder.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub fn outputs(&self) -> Result<Vec<PathBuf>, FetchError> {
        let text = files::read_if_there(&self.folder.join(OUTPUTS))?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        Ok(text.lines().map(PathBuf::from).collect())
    }

    /// Notes that runs in `output` are made of this state folder: pipelines may share it, and what
    /// the runs of one were made of is not to be removed on behalf of another.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub fn note_output(&self, output: &Path) -> Result<(), FetchError> {
        let output = std::path::absolute(output).map_err(storage("find", output))?;
        let mut outputs = self.outputs()?;
        if outputs.contains(&output) {
            return Ok(());
        }
        outputs.push(output);
        let lines = outputs
            .iter()
            .map(|output| format!("{}\n", output.display()));
        files::replace(
            &self.folder.join(OUTPUTS),
            lines.collect::<String>().as_bytes(),
        )
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
            let newest = unit.versions.last();
            let is_newest_there = newest.is_none_or(|newest| newest.parts.iter().all(&is_there));
            unit.versions
                .retain(|version| version.parts.iter().all(&is_there));
            if !is_newest_there {
                // Whatever the server said was about a version that is lost; an older one must not
                // pass for it.
                unit.doubt();
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

    /// Id of the newest snapshot with rows, among those that are named by `beginning` and a day of
    /// `days`, whose end is left out; both as `2026-10-31`.
    #[must_use]
    pub(crate) fn newest_snapshot(
        &self,
        beginning: &str,
        days: std::ops::Range<&String>,
    ) -> Option<String> {
        let ids = format!("{beginning}{}", days.start)..format!("{beginning}{}", days.end);
        let state = self.state();
        let has_rows = |unit: &Unit| unit.versions.last().is_some_and(|last| last.rows() > 0);
        let mut newest_first = state.units.range(ids).rev();
        let found = newest_first.find(|(_, unit)| has_rows(unit));
        found.map(|(id, _)| id.clone())
    }

    /// Writes a step of a unit to the journal, and applies it. A completion is on disk before it
    /// is believed.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub(crate) fn enter(&self, id: &str, entry: Entry) -> Result<(), FetchError> {
        let mut state = self.state();
        if let Some(owner) = &state.owner {
            owner.write(&self.folder)?;
            state.owner = None;
        }
        let proof = matches!(entry, Entry::Complete { .. })
            .then(|| state.units.entry(id.to_owned()).or_default().proof());
        let line = Line {
            unit: id.to_owned(),
            entry,
            proof,
        };
        // First on disk, then in memory: what is believed here must survive a crash.
        state.journal.append(&line)?;
        let unit = state.units.entry(line.unit).or_default();
        unit.apply(line.entry, line.proof.as_deref());
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
        files::write_new(&self.folder.join(recovery::TEMPORARY), &full, &compressed)?;
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
        files::temporary(&self.folder.join(recovery::TEMPORARY))
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
mod tests;
