//! The landing: raw bytes as received, compressed, under their hash, and a journal of the units they
//! belong to. What is landed is never changed; a new version of a unit lies beside the old one.
//! Nothing of a unit counts before it is complete.

pub mod files;
pub mod journal;
pub mod verify;

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use self::journal::{Entry, Journal, Part, Unit};
use super::failure::{FetchError, storage};
use super::files::FileUnit;

const LOCK: &str = ".lock";
const JOURNAL: &str = "journal.jsonl";
/// Bytes of an id that may stand in a file name as they are.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'@');
/// File systems take 255; an id of a provider is at most some 40 long.
const NAME_LIMIT: usize = 120;

/// A state folder, held by this process.
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
    /// Makes and locks the folder, and reads its journal; what it lost of it, in words.
    ///
    /// # Errors
    /// [`FetchError::Locked`], [`FetchError::Storage`].
    pub fn open(folder: &Path) -> Result<(Self, Vec<String>), FetchError> {
        files::make_folder(&folder.join("landing"))?;
        let lock = lock(&folder.join(LOCK))?;
        files::clear_folder(&folder.join("tmp"))?;
        let (journal, told) = Journal::open(&folder.join(JOURNAL))?;
        let mut units: BTreeMap<String, Unit> = BTreeMap::new();
        for (unit, entry) in told.entries {
            units.entry(unit).or_default().apply(entry);
        }
        let landing = Self {
            folder: folder.to_owned(),
            state: Mutex::new(State { journal, units }),
            _lock: lock,
        };
        landing.forget_lost_parts();
        Ok((landing, told.warnings))
    }

    /// Where secrets that must outlive a run are kept.
    #[must_use]
    pub fn credentials(&self) -> PathBuf {
        self.folder.join("credentials")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A version whose files are gone, or cut, is no version: the unit is fetched again.
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
                unit.checked = None;
            }
            if unit
                .open
                .as_ref()
                .is_some_and(|open| !open.parts.iter().all(&is_there))
            {
                unit.open = None;
            }
        }
    }

    /// What is known of a unit.
    #[must_use]
    pub fn unit(&self, id: &str) -> Unit {
        self.state().units.get(id).cloned().unwrap_or_default()
    }

    /// All units that were ever begun, by id.
    #[must_use]
    pub fn units(&self) -> Vec<(String, Unit)> {
        self.state()
            .units
            .iter()
            .map(|(id, unit)| (id.clone(), unit.clone()))
            .collect()
    }

    /// Writes an entry down, and applies it. Completion is synced to disk before it is believed.
    ///
    /// # Errors
    /// [`FetchError::Storage`].
    pub fn enter(&self, id: &str, entry: Entry) -> Result<(), FetchError> {
        let mut state = self.state();
        state.journal.append(id, &entry)?;
        state.units.entry(id.to_owned()).or_default().apply(entry);
        Ok(())
    }

    /// Lands a page: its bytes as received, compressed, under their hash.
    ///
    /// # Errors
    /// [`FetchError::Storage`].
    pub fn land_page(
        &self,
        id: &str,
        name: &str,
        body: &[u8],
        ending: &str,
    ) -> Result<Part, FetchError> {
        let hash = blake3::hash(body).to_hex().to_string();
        let path = self.place(id).join(format!("{hash}.{ending}.gz"));
        let full = self.folder.join(&path);
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
        })
    }

    /// A new file for a download, to be landed with [`Landing::land_file`].
    ///
    /// # Errors
    /// [`FetchError::Storage`].
    pub fn temporary(&self) -> Result<tempfile::NamedTempFile, FetchError> {
        files::temporary(&self.folder.join("tmp"))
    }

    /// Lands a downloaded file under its hash, as it is.
    ///
    /// # Errors
    /// [`FetchError::Storage`].
    pub fn land_file(
        &self,
        id: &str,
        name: &str,
        file: tempfile::NamedTempFile,
        hash: &str,
        ending: &str,
    ) -> Result<Part, FetchError> {
        let path = self.place(id).join(format!("{hash}.{ending}"));
        let full = self.folder.join(&path);
        let bytes = file
            .as_file()
            .metadata()
            .map_err(storage("measure", &full))?
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
        })
    }

    /// A landed page's bytes, as received.
    ///
    /// # Errors
    /// [`FetchError::Damaged`] where they cannot be read.
    pub fn bytes_of(&self, part: &Part) -> Result<Vec<u8>, FetchError> {
        let path = self.folder.join(&part.path);
        let mut body = Vec::new();
        let read = File::open(&path)
            .and_then(|file| flate2::read::MultiGzDecoder::new(file).read_to_end(&mut body));
        match read {
            Ok(_) if blake3::hash(&body).to_hex().as_str() == part.blake3 => Ok(body),
            Ok(_) => Err(FetchError::Damaged {
                path,
                found: "other bytes".to_owned(),
            }),
            Err(error) => Err(FetchError::Damaged {
                path,
                found: error.to_string(),
            }),
        }
    }

    /// The parts of a unit's newest version.
    #[must_use]
    pub fn parts_of(&self, id: &str) -> Vec<Part> {
        self.unit(id)
            .versions
            .pop()
            .map(|version| version.parts)
            .unwrap_or_default()
    }

    /// The files of a unit's newest version, as units to decode; with its export's eTag.
    #[must_use]
    pub fn files_of(&self, id: &str) -> Option<(Vec<FileUnit>, Option<String>)> {
        let unit = self.unit(id);
        let version = unit.versions.last()?;
        let files = version.parts.iter().map(|part| {
            let path = self.folder.join(&part.path);
            let name = path.to_string_lossy().replace('\\', "/");
            FileUnit {
                name,
                path,
                blake3: part.stored_blake3.clone(),
                bytes: part.stored_bytes,
            }
        });
        // A part that came twice, as an empty page does, is one file.
        let mut seen = HashSet::new();
        Some((
            files
                .filter(|file| seen.insert(file.blake3.clone()))
                .collect(),
            version.etag.clone(),
        ))
    }

    /// Folder of a unit: its id, each step made fit for a file system.
    fn place(&self, id: &str) -> PathBuf {
        let step = |step: &str| {
            let name = utf8_percent_encode(step, PLAIN).to_string();
            if name.len() <= NAME_LIMIT {
                name
            } else {
                blake3::hash(step.as_bytes()).to_hex().to_string()
            }
        };
        let steps = id.split('/').map(step).map(|name| {
            if name.is_empty() {
                "%".to_owned()
            } else {
                name
            }
        });
        Path::new("landing").join(steps.collect::<PathBuf>())
    }
}

fn lock(path: &Path) -> Result<File, FetchError> {
    let mut file = files::open_lock(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            let holder = std::fs::read_to_string(path)
                .unwrap_or_default()
                .trim()
                .to_owned();
            let holder = if holder.is_empty() {
                "another fetch".to_owned()
            } else {
                holder
            };
            return Err(FetchError::Locked {
                path: path.to_owned(),
                holder,
            });
        }
        Err(std::fs::TryLockError::Error(source)) => return Err(storage("lock", path)(source)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "process {}", std::process::id()))
        .map_err(storage("write the lock", path))?;
    Ok(file)
}
