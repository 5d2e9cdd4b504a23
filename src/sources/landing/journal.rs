//! Journal of the units in a state folder: one line for each step, with a checksum behind it. Lines
//! are only appended. A tail that was cut off or damaged is dropped when the journal is opened, and
//! what it recorded is fetched again.
//!
//! The stored form is the JSON of [`Entry`], a tab, and the checksum: old journals must stay
//! readable, so names in it never change.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files;
use crate::sources::failure::{FetchError, storage};

/// Hexadecimal digits of a line's checksum.
const CHECK_DIGITS: usize = 16;

/// One step in the life of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// An export was accepted; a later fetch can go on polling its operation.
    Operation {
        /// Address of the operation.
        url: String,
    },
    /// An export is finished.
    Manifest {
        /// Version of its data.
        etag: String,
    },
    /// A page or blob was verified and stored.
    Part(Part),
    /// All parts are there, and proved to be all.
    Complete {
        /// Version of the data; `None` for pages, which have none.
        etag: Option<String>,
        /// Day of the completion, UTC, as `2026-10-31`.
        day: String,
    },
    /// The server was asked again, and still has the stored version.
    Checked {
        /// Day of the question, UTC, as `2026-10-31`.
        day: String,
    },
    /// The parts so far do not count: the unit is started over.
    Restarted {
        /// Reason for it, in words.
        reason: String,
    },
    /// The unit was given up, until the next fetch.
    Incomplete {
        /// Reason for it, in words.
        reason: String,
    },
}

/// A page or blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Name of the blob, or `page-` and its number.
    pub(crate) name: String,
    /// Path of its file, relative to the state folder.
    pub(crate) path: PathBuf,
    /// BLAKE3 of the bytes as received, in hexadecimal.
    pub(crate) blake3: String,
    /// BLAKE3 of the file's bytes, in hexadecimal.
    pub(crate) stored_blake3: String,
    /// Number of bytes as received.
    pub(crate) bytes: u64,
    /// Size of the file in bytes.
    pub(crate) stored_bytes: u64,
    /// Number of rows; 0 where the format does not tell.
    pub(crate) rows: u64,
    /// Continuation token of the next page; `None` for the last page and for blobs.
    pub(crate) next: Option<String>,
    /// Address of the next page, where the page names no token; `None` otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_uri: Option<String>,
}

/// A complete version of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version {
    /// Version of the data; `None` for pages, which have none.
    pub(crate) etag: Option<String>,
    /// Pages or blobs, ordered by name.
    pub(crate) parts: Vec<Part>,
}

/// A version that is being fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenVersion {
    /// Address of the export's operation.
    pub(crate) operation: Option<String>,
    /// Version of the export's data, once the export is finished.
    pub(crate) etag: Option<String>,
    /// Parts stored so far, in the order in which they arrived.
    pub(crate) parts: Vec<Part>,
}

/// State of a unit, the smallest thing that is fetched as a whole. A unit that was never begun has
/// the default state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Complete versions, oldest first.
    pub(crate) versions: Vec<Version>,
    /// The version that is being fetched, or was when a fetch was interrupted.
    pub(crate) open: Option<OpenVersion>,
    /// Day on which the server was last asked for a newer version, UTC, as `2026-10-31`.
    pub(crate) checked: Option<String>,
}

impl Version {
    /// Number of rows of all parts.
    #[must_use]
    pub(crate) fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }
}

impl Unit {
    /// The parts stored so far of the version that is being fetched.
    #[must_use]
    pub(crate) fn open_parts(&self) -> &[Part] {
        match &self.open {
            Some(open) => &open.parts,
            None => &[],
        }
    }

    /// Brings the state up to date with one step.
    pub(crate) fn apply(&mut self, entry: Entry) {
        // Steps that end a version close it again below.
        let open = self.open.get_or_insert_default();
        match entry {
            // Parts of a version before are kept: the manifest tells whether they are of the same.
            Entry::Operation { url } => open.operation = Some(url),
            Entry::Manifest { etag } => {
                // Parts of different versions do not belong together.
                if open.etag.as_ref().is_some_and(|known| *known != etag) {
                    open.parts.clear();
                }
                open.etag = Some(etag);
            }
            Entry::Part(part) => {
                // A part that is fetched again replaces its predecessor.
                open.parts.retain(|known| known.name != part.name);
                open.parts.push(part);
            }
            Entry::Complete { etag, day } => {
                let mut parts = std::mem::take(&mut open.parts);
                // Blobs arrive in any order; readers must see them in one.
                parts.sort_by(|left, right| left.name.cmp(&right.name));
                self.checked = Some(day);
                self.versions.push(Version { etag, parts });
                self.open = None;
            }
            Entry::Checked { day } => {
                self.checked = Some(day);
                self.open = None;
            }
            Entry::Restarted { .. } | Entry::Incomplete { .. } => self.open = None,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    unit: String,
    #[serde(flatten)]
    entry: Entry,
}

/// Content of a journal when it was opened.
#[derive(Debug, Default)]
pub(crate) struct JournalContent {
    /// Unit ids and their steps, in the order in which they were written.
    pub(crate) entries: Vec<(String, Entry)>,
    /// Warnings of what was dropped, in words.
    pub(crate) warnings: Vec<String>,
}

/// The journal's file, open for appending.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the journal, or creates an empty one, and reads it up to the first damage. What
    /// follows is cut off the file.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub(crate) fn open(path: &Path) -> Result<(Self, JournalContent), FetchError> {
        let mut content = JournalContent::default();
        if let Some(bytes) = files::read_if_there(path)? {
            let mut whole = 0;
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                let Some(Line { unit, entry }) = parse(line) else {
                    break;
                };
                content.entries.push((unit, entry));
                whole += line.len();
            }
            if whole < bytes.len() {
                let lost = bytes.len() - whole;
                content.warnings.push(format!(
                    "`{}`: the last {lost} bytes are cut off or damaged; what they recorded is \
                     fetched again",
                    path.display()
                ));
                files::cut(path, whole as u64)?;
            }
        }
        let journal = Self {
            path: path.to_owned(),
            file: files::open_to_append(path)?,
        };
        Ok((journal, content))
    }

    /// Appends a step of a unit.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub(crate) fn append(&mut self, unit: &str, entry: &Entry) -> Result<(), FetchError> {
        let line = Line {
            unit: unit.to_owned(),
            entry: entry.clone(),
        };
        let mut text = serde_json::to_string(&line)
            .map_err(|error| storage("write", &self.path)(error.into()))?;
        // One write for line and checksum: a crash leaves a prefix of the line at most.
        text.push_str(&format!("\t{}\n", check(text.as_bytes())));
        self.file
            .write_all(text.as_bytes())
            .map_err(storage("write", &self.path))?;
        match entry {
            // A completion is believed by later fetches, and an export costs minutes. Any other
            // step that a power failure takes away is only repeated.
            Entry::Complete { .. } | Entry::Operation { .. } => {
                self.file.sync_data().map_err(storage("sync", &self.path))
            }
            _ => Ok(()),
        }
    }
}

/// The content of a line with its line break; `None` if it is cut off or damaged.
fn parse(line: &[u8]) -> Option<Line> {
    let line = line.strip_suffix(b"\n")?;
    let at = line.len().checked_sub(CHECK_DIGITS + 1)?;
    let (text, rest) = line.split_at(at);
    let sum = rest.strip_prefix(b"\t")?;
    (sum == check(text).as_bytes()).then(|| serde_json::from_slice(text).ok())?
}

/// The checksum of a line: the first digits of its BLAKE3.
fn check(text: &[u8]) -> String {
    blake3::hash(text).to_hex()[..CHECK_DIGITS].to_owned()
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
            let (_, JournalContent { entries, warnings }) = Journal::open(&path).expect("readable");
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
