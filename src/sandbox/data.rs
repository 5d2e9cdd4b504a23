//! Data that are served: a folder that `synth` wrote, indexed by kind and key.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::failure::SandboxError;

/// Kinds of items that are invoices.
const NEW_INVOICES: &str = "invoices";
const LEGACY_INVOICES: &str = "legacy_invoices";

/// Items as JSON text, by their key in lower case.
type Items = HashMap<String, Vec<Box<RawValue>>>;

/// Everything that can be asked for.
#[derive(Debug)]
pub(super) struct Data {
    folder: PathBuf,
    /// Items by kind, which is the name of their file.
    kinds: BTreeMap<String, Items>,
}

#[derive(Deserialize)]
struct Line {
    key: String,
    item: Box<RawValue>,
}

/// An invoice or a note, as far as it must be told from others.
#[derive(Deserialize)]
struct Document<'i> {
    #[serde(borrow)]
    id: Cow<'i, str>,
    #[serde(borrow, default)]
    amendments: Vec<&'i RawValue>,
}

impl Data {
    /// Reads the folder's small parts; pages and blobs stay on disk.
    ///
    /// # Errors
    /// [`SandboxError`] if the folder was not written by `synth`, or cannot be read.
    pub(super) fn load(folder: &Path) -> Result<Self, SandboxError> {
        let no_data = |found: &str| SandboxError::NoData {
            path: folder.to_owned(),
            found: found.to_owned(),
        };
        // One file for each kind of item; what else is in the folder is not for the API.
        let api = folder.join("partner_center");
        let listing =
            std::fs::read_dir(&api).map_err(|_| no_data("no folder `partner_center` in it"))?;
        let mut kinds = BTreeMap::new();
        for entry in listing {
            let path = entry
                .map_err(|source| SandboxError::Unreadable {
                    path: api.clone(),
                    source,
                })?
                .path();
            if let Some(kind) = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_suffix(".jsonl"))
            {
                kinds.insert(kind.to_owned(), read(&path)?);
            }
        }
        if kinds.is_empty() {
            return Err(no_data("an empty folder `partner_center` in it"));
        }
        Ok(Self {
            folder: folder.to_owned(),
            kinds,
        })
    }

    /// The items of a kind under a key, in any case; `None` if there are none.
    pub(super) fn items(&self, kind: &str, key: &str) -> Option<&[Box<RawValue>]> {
        self.kinds
            .get(kind)?
            .get(&key.to_ascii_lowercase())
            .map(Vec::as_slice)
    }

    /// All invoices, those of the new commerce first.
    pub(super) fn invoices(&self) -> impl Iterator<Item = &RawValue> {
        let kinds = [NEW_INVOICES, LEGACY_INVOICES].into_iter();
        kinds.flat_map(|kind| self.listed(kind))
    }

    /// The invoice or the note with an id, in any case. A note stands inside of its invoice, and has
    /// an id of its own, by which it is asked for like any other.
    pub(super) fn invoice(&self, id: &str) -> Option<&RawValue> {
        self.invoices().find_map(|item| document(item, id))
    }

    /// True of the id of an invoice of the new commerce, or of a note to one.
    pub(super) fn is_of_new_commerce(&self, id: &str) -> bool {
        self.listed(NEW_INVOICES)
            .any(|item| document(item, id).is_some())
    }

    fn listed(&self, kind: &str) -> impl Iterator<Item = &RawValue> {
        let items = self.items(kind, "").into_iter();
        items.flatten().map(AsRef::as_ref)
    }

    /// The folder of a v1 page sequence or a v2 export: for `usage` or `recon`, `v1` or `v2`, and
    /// an invoice.
    pub(super) fn part(&self, dataset: &str, version: &str, invoice: &str) -> Option<PathBuf> {
        // Ids are compared with names of folders, never joined: no request can leave the folder.
        let parent = self.folder.join(dataset).join(version);
        let mut entries = std::fs::read_dir(parent).ok()?.flatten();
        entries
            .find(|entry| {
                entry
                    .file_name()
                    .to_str()
                    .is_some_and(|name| name.eq_ignore_ascii_case(invoice))
            })
            .map(|entry| entry.path())
    }
}

/// The document with an id, in any case: an invoice, or a note inside of it.
fn document<'i>(item: &'i RawValue, id: &str) -> Option<&'i RawValue> {
    let document: Document<'i> = serde_json::from_str(item.get()).ok()?;
    if document.id.eq_ignore_ascii_case(id) {
        return Some(item);
    }
    let mut notes = document.amendments.into_iter();
    notes.find_map(|note| self::document(note, id))
}

/// Reads one file of items.
fn read(path: &Path) -> Result<Items, SandboxError> {
    let unreadable = |source| SandboxError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut items: Items = HashMap::new();
    // A line for each item: the small parts fit into memory.
    for line in BufReader::new(File::open(path).map_err(unreadable)?).lines() {
        let line = line.map_err(unreadable)?;
        let Line { key, item } =
            serde_json::from_str(&line).map_err(|error| SandboxError::NoData {
                path: path.to_owned(),
                found: format!("a line without `key` and `item` ({error})"),
            })?;
        items
            .entry(key.to_ascii_lowercase())
            .or_default()
            .push(item);
    }
    Ok(items)
}
