//! The files that the sandbox serves: one for each kind of answer, a line for each item.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use crate::synth::request::SynthError;
use crate::synth::write::{OutFile, Written, create_folder};

/// Open files by kind of answer.
pub(super) struct Files {
    folder: PathBuf,
    open: BTreeMap<&'static str, OutFile>,
}

impl Files {
    /// No file is made before its first item.
    pub(super) fn new(out: &Path) -> Result<Self, SynthError> {
        let folder = out.join("partner_center");
        create_folder(&folder)?;
        Ok(Self {
            folder,
            open: BTreeMap::new(),
        })
    }

    /// Appends an item of a kind, a JSON text, below the key by which a request asks for it.
    pub(super) fn put(
        &mut self,
        kind: &'static str,
        key: &str,
        item: &str,
    ) -> Result<(), SynthError> {
        let file = match self.open.entry(kind) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                entry.insert(OutFile::create(self.folder.join(format!("{kind}.jsonl")))?)
            }
        };
        // Keys are ids, currencies and periods, in which nothing needs an escape.
        file.put(format!("{{\"key\":\"{key}\",\"item\":{item}}}\n").as_bytes())
    }

    /// Completes the files; their number and size.
    pub(super) fn close(self) -> Result<Written, SynthError> {
        let mut written = Written::default();
        for file in self.open.into_values() {
            written = written.and(Written {
                files: 1,
                bytes: file.close()?,
            });
        }
        Ok(written)
    }
}
