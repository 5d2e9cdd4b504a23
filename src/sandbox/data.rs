//! Data that are served: a folder that `synth` wrote, indexed by kind and key.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{DirEntry, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::failure::SandboxError;
use super::on_day::{OnDay, has_months, on_day};

/// Kinds of items that are invoices.
const NEW_INVOICES: &str = "invoices";
const LEGACY_INVOICES: &str = "legacy_invoices";

/// Items as JSON text, by their key in lower case.
type Items = HashMap<String, Vec<Box<RawValue>>>;

/// Items of each kind, which is the name of their file.
type Kinds = BTreeMap<String, Items>;

/// Kinds of items that come with an invoice.
const OF_INVOICES: [&str; 5] = [
    NEW_INVOICES,
    LEGACY_INVOICES,
    "office_lines",
    "azure_lines",
    "azure_usage_lines",
];
/// Kind of items that comes with the daily rated usage of an invoice.
const OF_USAGE: &str = "aggregated_usage";
/// Kind of the sheets of exchange rates, by month.
const RATES: &str = "fx_rates";

/// Everything that can be asked for.
#[derive(Debug)]
pub(super) struct Data {
    /// Folders whose lines are served, the newest month last.
    lines: Vec<PathBuf>,
    /// Folders whose usage is served.
    usage: Vec<PathBuf>,
    /// Items by kind, which is the name of their file.
    kinds: Kinds,
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
    pub(super) fn load(folder: &Path, as_of: Option<NaiveDate>) -> Result<Self, SandboxError> {
        match as_of {
            Some(day) => Self::of_day(on_day(folder, day)?, day),
            None if has_months(folder) => Err(SandboxError::NoData {
                path: folder.to_owned(),
                found: "several months, and no `--as-of`".to_owned(),
            }),
            None => Ok(Self {
                lines: vec![folder.to_owned()],
                usage: vec![folder.to_owned()],
                kinds: all_kinds(folder, |_| true)?,
            }),
        }
    }

    /// What is there of several months on a day.
    fn of_day(served: OnDay, day: NaiveDate) -> Result<Self, SandboxError> {
        let mut kinds = Kinds::new();
        let of_invoices = |kind: &str| OF_INVOICES.contains(&kind);
        for folder in &served.lines {
            merge(&mut kinds, all_kinds(folder, of_invoices)?);
        }
        for folder in &served.usage {
            merge(&mut kinds, all_kinds(folder, |kind| kind == OF_USAGE)?);
        }
        for folder in &served.begun {
            merge(&mut kinds, all_kinds(folder, |kind| kind == RATES)?);
        }
        let others = |kind: &str| {
            !of_invoices(kind) && ![OF_USAGE, RATES].contains(&kind) && !is_unbilled(kind)
        };
        merge(&mut kinds, all_kinds(&served.newest, others)?);
        // A month's data are written as those of the last one, all days of it.
        if let Some(folder) = &served.last {
            merge(&mut kinds, all_kinds(folder, is_unbilled)?);
            kinds.iter_mut().for_each(|(kind, items)| {
                items.retain(|key, _| !is_unbilled(kind) || key.ends_with("/previous"));
            });
        }
        if let Some(folder) = &served.current {
            merge(&mut kinds, until(all_kinds(folder, is_unbilled)?, day));
        }
        let OnDay { lines, usage, .. } = served;
        Ok(Self {
            lines,
            usage,
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
        let folders = if dataset == "usage" {
            &self.usage
        } else {
            &self.lines
        };
        let parents = folders
            .iter()
            .map(|folder| folder.join(dataset).join(version));
        let mut entries = parents.filter_map(|parent| std::fs::read_dir(parent).ok());
        entries.find_map(|entries| {
            let named = |entry: &DirEntry| {
                let name = entry.file_name();
                name.to_str()
                    .is_some_and(|name| name.eq_ignore_ascii_case(invoice))
            };
            entries.flatten().find(named).map(|entry| entry.path())
        })
    }
}

/// Reads the kinds of a folder that are wanted.
fn all_kinds(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Kinds, SandboxError> {
    let no_data = |found: &str| SandboxError::NoData {
        path: folder.to_owned(),
        found: found.to_owned(),
    };
    // One file for each kind of item; what else is in the folder is not for the API.
    let api = folder.join("partner_center");
    let listing =
        std::fs::read_dir(&api).map_err(|_| no_data("no folder `partner_center` in it"))?;
    let (mut kinds, mut is_empty) = (Kinds::new(), true);
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
            if is_wanted(kind) {
                kinds.insert(kind.to_owned(), read(&path)?);
            }
            is_empty = false;
        }
    }
    if is_empty {
        return Err(no_data("an empty folder `partner_center` in it"));
    }
    Ok(kinds)
}

/// Adds items of another folder.
fn merge(kinds: &mut Kinds, more: Kinds) {
    for (kind, items) in more {
        let known = kinds.entry(kind).or_default();
        for (key, items) in items {
            known.entry(key).or_default().extend(items);
        }
    }
}

/// True of data that are not billed yet.
fn is_unbilled(kind: &str) -> bool {
    kind.starts_with("unbilled_")
}

/// Unbilled data of the running month: what was used, or charged, before a day.
fn until(kinds: Kinds, day: NaiveDate) -> Kinds {
    let day = day.to_string();
    let mut found = Kinds::new();
    for (kind, items) in kinds {
        let of_day = |item: &RawValue| item_day(item).is_none_or(|of| of < day.as_str());
        for (key, mut items) in items {
            let Some(currency) = key.strip_suffix("/previous") else {
                continue;
            };
            items.retain(|item| of_day(item));
            let known = found.entry(kind.clone()).or_default();
            known.insert(format!("{currency}/current"), items);
        }
    }
    found
}

/// Day of a row of usage, or the first day that a line charges, as an ISO text.
fn item_day(item: &RawValue) -> Option<&str> {
    const NAMES: [&str; 4] = [
        "\"usageDate\":\"",
        "\"UsageDate\":\"",
        "\"chargeStartDate\":\"",
        "\"ChargeStartDate\":\"",
    ];
    let text = item.get();
    let mut places = NAMES.iter().filter_map(|name| {
        let at = text.find(name)? + name.len();
        text.get(at..at + 10)
    });
    places.next()
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
