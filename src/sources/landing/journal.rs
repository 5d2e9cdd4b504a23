//! Steps in the lives of units, as the journal of a state folder records them, and the state that
//! they add up to. `journal_file` reads and writes the lines, `loading` adds them up.
//!
//! The stored form is the JSON of [`Line`], a tab, and the checksum: old journals must stay
//! readable, so names in it never change, and a member that is added has a default.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Hexadecimal digits of a line's checksum.
pub(super) const CHECK_DIGITS: usize = 16;

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
    /// A line of the unit may be lost: neither the parts so far nor versions without a proof count,
    /// and the server is asked again.
    Doubted {
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
    /// Address of the next page, where the server names it by nothing else.
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
    /// Day of the completion, UTC, as `2026-10-31`.
    pub(crate) day: String,
    /// True if the journal has a proof of the parts; completions of older releases have none.
    pub(crate) is_proved: bool,
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

    /// Proof of a completion now: a hash over the parts that it completes. A line that is lost
    /// between the first part and the completion changes it.
    #[must_use]
    pub(super) fn proof(&self) -> String {
        let mut parts: Vec<&Part> = self.open_parts().iter().collect();
        parts.sort_by(|left, right| left.name.cmp(&right.name));
        proof_of(parts)
    }

    /// Brings the state up to date with one step; false for a completion whose parts are not those
    /// of its `proof`. Such a version is forgotten, and the unit doubted.
    pub(super) fn apply(&mut self, entry: Entry, proof: Option<&str>) -> bool {
        if matches!(entry, Entry::Complete { .. })
            && proof.is_some_and(|proof| proof != self.proof())
        {
            self.doubt();
            return false;
        }
        // Steps that end a version close it again below.
        let open = self.open.get_or_insert_default();
        match entry {
            // Ordered anew, the export may have the same data: parts are kept until its manifest
            // says otherwise.
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
                self.checked = Some(day.clone());
                self.versions.push(Version {
                    etag,
                    parts,
                    day,
                    is_proved: proof.is_some(),
                });
                self.open = None;
            }
            Entry::Checked { day } => {
                self.checked = Some(day);
                self.open = None;
            }
            Entry::Restarted { .. } | Entry::Incomplete { .. } => self.open = None,
            Entry::Doubted { .. } => self.doubt(),
        }
        true
    }

    /// Forgets whatever may be wrong if a line of the unit is lost.
    pub(super) fn doubt(&mut self) {
        self.versions.retain(|version| version.is_proved);
        self.checked = None;
        // Open, so that the next fetch asks the server again. The operation may be used: its
        // manifest tells which version it is.
        self.open = Some(OpenVersion {
            operation: self.open.take().and_then(|open| open.operation),
            ..OpenVersion::default()
        });
    }

    /// The steps that give this state, each with its proof: the lines of a compacted journal.
    #[must_use]
    pub(super) fn steps(&self) -> Vec<(Entry, Option<String>)> {
        let mut steps = Vec::new();
        for version in &self.versions {
            let parts = version.parts.iter().cloned();
            steps.extend(parts.map(|part| (Entry::Part(part), None)));
            let complete = Entry::Complete {
                etag: version.etag.clone(),
                day: version.day.clone(),
            };
            steps.push((complete, Some(proof_of(&version.parts))));
        }
        let last = self.versions.last().map(|version| &version.day);
        match &self.checked {
            Some(day) if Some(day) != last => {
                steps.push((Entry::Checked { day: day.clone() }, None))
            }
            None if self.open.is_some() && last.is_some() => {
                let reason = "doubted before the journal was compacted".to_owned();
                steps.push((Entry::Doubted { reason }, None));
            }
            _ => {}
        }
        if let Some(open) = &self.open {
            let operation = open.operation.iter().cloned();
            steps.extend(operation.map(|url| (Entry::Operation { url }, None)));
            let etag = open.etag.iter().cloned();
            steps.extend(etag.map(|etag| (Entry::Manifest { etag }, None)));
            let parts = open.parts.iter().cloned();
            steps.extend(parts.map(|part| (Entry::Part(part), None)));
        }
        steps
    }

    /// Number of lines that [`Unit::steps`] needs, or one more: what is current of the unit.
    #[must_use]
    pub(super) fn lines(&self) -> u64 {
        let versions = self.versions.iter();
        let versions: usize = versions.map(|version| version.parts.len() + 1).sum();
        let open = self.open.as_ref().map_or(0, |open| open.parts.len() + 2);
        (versions + open + 1) as u64
    }
}

/// Hash over parts that are ordered by name.
fn proof_of<'p>(parts: impl IntoIterator<Item = &'p Part>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        // Each text behind its length, so that no two lists of parts are the same bytes.
        for text in [&part.name, &part.blake3, &part.stored_blake3] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(&part.rows.to_le_bytes());
    }
    hasher.finalize().to_hex()[..CHECK_DIGITS * 2].to_owned()
}

/// A line of the journal: a step of a unit.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    /// Id of the unit.
    pub(super) unit: String,
    /// The step in its life.
    #[serde(flatten)]
    pub(super) entry: Entry,
    /// Hash over the parts of a completion; none for other steps and in older journals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proof: Option<String>,
}

impl Line {
    /// The line as it is stored, with its checksum and line break.
    ///
    /// # Errors
    /// That of the JSON writer.
    pub(super) fn stored(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(self)?;
        let check = check(text.as_bytes());
        text.push('\t');
        text.push_str(&check);
        text.push('\n');
        Ok(text)
    }
}

/// The checksum of a line: the first digits of its BLAKE3.
pub(super) fn check(text: &[u8]) -> String {
    blake3::hash(text).to_hex()[..CHECK_DIGITS].to_owned()
}
