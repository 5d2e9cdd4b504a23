//! The journal of units: one line for each step, with its checksum. A tail that was cut or damaged
//! is dropped, and what it spoke of is fetched again.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files;
use crate::sources::failure::{FetchError, storage};

/// Hexadecimal digits of a line's checksum.
const CHECK_DIGITS: usize = 16;

/// A step in the life of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Entry {
    /// An export was accepted; its operation can be asked again.
    Operation {
        /// Its address.
        url: String,
    },
    /// The export is done; this is the version of its data.
    Manifest {
        /// The version.
        etag: String,
    },
    /// A page or blob is verified and landed.
    Part(Part),
    /// Everything is there, and proven.
    Complete {
        /// The version, of an export.
        etag: Option<String>,
        /// Day of it, UTC, as `2026-10-31`.
        day: String,
    },
    /// The remote was asked, and has the version that is landed.
    Checked {
        /// Day of it, UTC.
        day: String,
    },
    /// What was landed so far does not count: the unit is begun anew.
    Restarted {
        /// Why.
        reason: String,
    },
    /// Given up, for now.
    Incomplete {
        /// Why.
        reason: String,
    },
}

/// A page or blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name: a blob's, or a page's number.
    pub name: String,
    /// Its file, below the state folder.
    pub path: PathBuf,
    /// BLAKE3 of the bytes as received.
    pub blake3: String,
    /// BLAKE3 of the file.
    pub stored_blake3: String,
    /// Bytes as received.
    pub bytes: u64,
    /// Bytes of the file.
    pub stored_bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// Token of the page after it.
    pub next: Option<String>,
}

/// A complete version of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The export's version.
    pub etag: Option<String>,
    /// Its pages or blobs, in their order.
    pub parts: Vec<Part>,
    /// When it was complete, UTC.
    pub day: String,
}

/// A version that is being fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Address of its operation.
    pub operation: Option<String>,
    /// The export's version.
    pub etag: Option<String>,
    /// What is landed so far.
    pub parts: Vec<Part>,
}

/// A unit: what is fetched whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// Complete versions, oldest first.
    pub versions: Vec<Version>,
    /// The one that is being fetched.
    pub open: Option<Open>,
    /// Day on which the remote was last asked for the newest version.
    pub checked: Option<String>,
    /// Why it was given up the last time.
    pub incomplete: Option<String>,
}

impl Version {
    /// Rows of all parts.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }
}

impl Unit {
    /// Takes a step.
    pub fn apply(&mut self, entry: Entry) {
        let open = self.open.get_or_insert_default();
        match entry {
            Entry::Operation { url } => {
                *open = Open {
                    operation: Some(url),
                    ..Open::default()
                }
            }
            Entry::Manifest { etag } => {
                // Parts of another version do not belong together.
                if open.etag.as_ref().is_some_and(|known| *known != etag) {
                    open.parts.clear();
                }
                open.etag = Some(etag);
            }
            Entry::Part(part) => {
                open.parts.retain(|known| known.name != part.name);
                open.parts.push(part);
            }
            Entry::Complete { etag, day } => {
                let mut parts = std::mem::take(&mut open.parts);
                // Blobs arrive in any order.
                parts.sort_by(|left, right| left.name.cmp(&right.name));
                self.checked = Some(day.clone());
                self.versions.push(Version { etag, parts, day });
                (self.open, self.incomplete) = (None, None);
            }
            Entry::Checked { day } => {
                self.checked = Some(day);
                (self.open, self.incomplete) = (None, None);
            }
            Entry::Restarted { .. } => self.open = None,
            Entry::Incomplete { reason } => (self.open, self.incomplete) = (None, Some(reason)),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    unit: String,
    #[serde(flatten)]
    entry: Entry,
}

/// What a journal held when it was opened.
#[derive(Debug, Default)]
pub struct Told {
    /// Units and their steps, in their order.
    pub entries: Vec<(String, Entry)>,
    /// What was dropped, in words.
    pub warnings: Vec<String>,
}

/// The file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the journal, and reads it as far as it is whole; what was dropped, in words.
    ///
    /// # Errors
    /// [`FetchError::Storage`].
    pub fn open(path: &Path) -> Result<(Self, Told), FetchError> {
        let bytes = files::read_if_there(path)?.unwrap_or_default();
        let mut entries = Vec::new();
        let mut whole = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(Line { unit, entry }) = parse(line) else {
                break;
            };
            entries.push((unit, entry));
            whole += line.len();
        }
        let mut warnings = Vec::new();
        if whole < bytes.len() {
            let lost = bytes.len() - whole;
            warnings.push(format!("`{}`: the last {lost} bytes are cut or damaged; what they spoke of is fetched again", path.display()));
            files::cut(path, whole as u64)?;
        }
        Ok((
            Self {
                path: path.to_owned(),
                file: files::open_to_append(path)?,
            },
            Told { entries, warnings },
        ))
    }

    /// Appends a line. A completion is synced.
    ///
    /// # Errors
    /// [`FetchError::Storage`].
    pub fn append(&mut self, unit: &str, entry: &Entry) -> Result<(), FetchError> {
        let line = Line {
            unit: unit.to_owned(),
            entry: entry.clone(),
        };
        let mut text = serde_json::to_string(&line)
            .map_err(|error| storage("write", &self.path)(error.into()))?;
        text.push_str(&format!("\t{}\n", check(text.as_bytes())));
        self.file
            .write_all(text.as_bytes())
            .map_err(storage("write", &self.path))?;
        match entry {
            Entry::Complete { .. } | Entry::Operation { .. } => {
                self.file.sync_data().map_err(storage("sync", &self.path))
            }
            _ => Ok(()),
        }
    }
}

fn parse(line: &[u8]) -> Option<Line> {
    let line = line.strip_suffix(b"\n")?;
    let at = line.len().checked_sub(CHECK_DIGITS + 1)?;
    let (text, rest) = line.split_at(at);
    let sum = rest.strip_prefix(b"\t")?;
    (sum == check(text).as_bytes()).then(|| serde_json::from_slice(text).ok())?
}

fn check(text: &[u8]) -> String {
    blake3::hash(text)
        .to_hex()
        .chars()
        .take(CHECK_DIGITS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_read_as_far_as_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        let (mut journal, told) = Journal::open(&path).expect("new");
        assert!(told.entries.is_empty());
        for day in ["2026-10-01", "2026-10-02", "2026-10-03"] {
            journal
                .append(
                    "u/1",
                    &Entry::Checked {
                        day: day.to_owned(),
                    },
                )
                .expect("written");
        }
        let whole = std::fs::read(&path).expect("there");
        let line = whole.len() / 3;
        for cut in 0..=whole.len() {
            files::replace(&path, &whole[..cut]).expect("written");
            let (_, Told { entries, warnings }) = Journal::open(&path).expect("readable");
            assert_eq!(
                (entries.len(), warnings.is_empty()),
                (cut / line, cut % line == 0),
                "cut at {cut}"
            );
            assert_eq!(
                std::fs::read(&path).expect("there").len(),
                cut / line * line
            );
        }
        for flipped in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[flipped] ^= 4;
            files::replace(&path, &damaged).expect("written");
            let (_, told) = Journal::open(&path).expect("readable");
            assert!(told.entries.len() <= flipped / line, "flipped at {flipped}");
        }
    }
}
