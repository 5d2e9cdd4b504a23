//! The `source` tables: which files are read for each dataset, and which datasets are fetched.

use std::path::Path;

use glob::Pattern;

use super::checker::{Checker, join};
use super::document::{Entry, Node, Place, Value, get};
use super::globs;
use super::pipeline_plan::{RecordSource, Source};
use crate::engine::fold::entries::Entries;
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::record::{RECORD_SETS, RecordSet};

/// Sources of a pipeline, each with its place in the file.
#[derive(Debug, Default)]
pub(crate) struct DraftSources {
    /// Paths and globs of all datasets, in the order of the datasets.
    pub(crate) globs: Vec<SourceGlob>,
    /// Datasets that are fetched.
    pub(crate) fetched: Vec<(Dataset, Place)>,
}

/// A path or glob, at its place.
#[derive(Debug)]
pub(crate) struct SourceGlob {
    /// Name of the dataset that its files hold.
    pub(crate) dataset: &'static str,
    /// True if names in braces stand for any text.
    pub(crate) is_record: bool,
    /// Path or glob as seen from the current folder.
    pub(crate) pattern: String,
    pub(crate) place: Place,
    /// Description of `place`, for a mistake that is found later.
    pub(crate) words: String,
}

/// Reads the tables of all datasets.
pub(crate) fn read(checker: &mut Checker<'_>, folder: &Path, root: &[Entry]) -> DraftSources {
    let entries = match get(root, "source") {
        Some(entry) => checker.table("source", entry),
        None => Some(&[][..]),
    };
    let mut sources = DraftSources::default();
    // A `source` that is not a table is one mistake, not one for each dataset.
    let Some(entries) = entries else {
        return sources;
    };
    let sets: Vec<&'static RecordSet> = compared_sets().collect();
    // Record sets that no tie-out compares can be fetched, but not given as files.
    let known: Vec<&str> = Dataset::ALL
        .map(Dataset::name)
        .into_iter()
        .chain(sets.iter().map(|set| set.name))
        .collect();
    checker.known("source", entries, &known);
    // Usage, lines and invoices may be missing where the pipeline does other tie-outs.
    let may_lack = sets.iter().any(|set| get(entries, set.name).is_some()) || has_no_invoice(root);
    for dataset in Dataset::ALL {
        let key = join("source", dataset.name());
        match get(entries, dataset.name()) {
            Some(entry) if is_fetched(entry) => sources
                .fetched
                .extend(fetched_source(checker, &key, dataset, entry)),
            Some(entry) => {
                let of = FileSource {
                    folder,
                    dataset: dataset.name(),
                    set: None,
                };
                sources.globs.extend(of.read(checker, &key, entry));
            }
            None if may_lack || matches!(dataset, Dataset::Invoices | Dataset::UnbilledUsage) => {}
            // Invoices and unbilled usage are never needed: tie-outs that compare them are left
            // out.
            None => checker.missing(&key, &Place::File, "a source", &table_hint(&key)),
        }
    }
    // Record sets come from files here: a fetch names them in `partner_center.fetch`.
    for set in sets {
        if let Some(entry) = get(entries, set.name) {
            let of = FileSource {
                folder,
                dataset: set.name,
                set: Some(set),
            };
            let globs = of.read(checker, &join("source", set.name), entry);
            sources.globs.extend(globs);
        }
    }
    sources
}

/// Record sets that a tie-out compares.
fn compared_sets() -> impl Iterator<Item = &'static RecordSet> {
    RECORD_SETS.iter().filter(|set| Entries::takes(set.name))
}

/// True if usage is not compared with an invoice: `[tie_out.usage-to-invoice]` is disabled.
fn has_no_invoice(root: &[Entry]) -> bool {
    let table = |entries, name| match get(entries, name).map(|entry| &entry.node.value) {
        Some(Value::Table(entries)) => Some(entries),
        _ => None,
    };
    let usage =
        table(root, "tie_out").and_then(|tie_outs| table(tie_outs, TieOut::UsageToInvoice.name()));
    // Read before the tie-outs are checked, so that anything but `false` is ignored here.
    usage
        .and_then(|fields| get(fields, "enabled"))
        .is_some_and(|entry| matches!(entry.node.value, Value::Boolean(false)))
}

fn is_fetched(entry: &Entry) -> bool {
    matches!(&entry.node.value, Value::Table(kinds) if get(kinds, "partner_center").is_some())
}

fn fetched_source(
    checker: &mut Checker<'_>,
    key: &str,
    dataset: Dataset,
    entry: &Entry,
) -> Option<(Dataset, Place)> {
    let kinds = checker.table(key, entry)?;
    // Files or a fetch, not both: rows that are in both would count twice.
    checker.known(key, kinds, &["partner_center"]);
    let kind = get(kinds, "partner_center")?;
    // The table is empty: which account fetches stands once, in `[partner_center]`.
    let key = join(key, "partner_center");
    let fields = checker.table(&key, kind)?;
    checker.known(&key, fields, &[]);
    Some((dataset, kind.place.clone()))
}

fn table_hint(key: &str) -> String {
    format!("add `[{key}.files]` and, below it, `paths = [\"…\"]`")
}

/// Reader of the table of one dataset that comes from files.
struct FileSource<'f> {
    /// Folder of the pipeline file, to which paths are relative.
    folder: &'f Path,
    dataset: &'static str,
    /// Set of a dataset of records; `None` for usage, lines and invoices.
    set: Option<&'static RecordSet>,
}

impl FileSource<'_> {
    fn read(&self, checker: &mut Checker<'_>, key: &str, entry: &Entry) -> Vec<SourceGlob> {
        let Some(kinds) = checker.table(key, entry) else {
            return Vec::new();
        };
        let known: &[&str] = if self.set.is_some() {
            &["files"]
        } else {
            &["files", "partner_center"]
        };
        checker.known(key, kinds, known);
        let files_key = join(key, "files");
        let Some(files) = get(kinds, "files") else {
            checker.missing(
                &files_key,
                &entry.place,
                "a table that names its files",
                &table_hint(key),
            );
            return Vec::new();
        };
        let Some(fields) = checker.table(&files_key, files) else {
            return Vec::new();
        };
        checker.known(&files_key, fields, &["paths"]);
        let paths_key = join(&files_key, "paths");
        match get(fields, "paths") {
            Some(paths) => self.paths(checker, &paths_key, paths),
            None => {
                checker.missing(
                    &paths_key,
                    &files.place,
                    "a list of paths or globs",
                    "add `paths = [\"../usage/*.csv\"]`",
                );
                Vec::new()
            }
        }
    }

    fn paths(&self, checker: &mut Checker<'_>, key: &str, entry: &Entry) -> Vec<SourceGlob> {
        let items = match &entry.node.value {
            Value::List(items) if !items.is_empty() => items,
            other => {
                let hint = match other {
                    Value::Text(text) if !text.is_empty() => {
                        format!("put it in brackets: `paths = [\"{text}\"]`")
                    }
                    _ => "for example `paths = [\"../usage/*.csv\"]`".to_owned(),
                };
                checker.wrong(key, &entry.node, "a list of paths or globs", Some(hint));
                return Vec::new();
            }
        };
        let mut globs = Vec::new();
        for item in items {
            globs.extend(self.path(checker, key, item));
        }
        globs
    }

    fn path(&self, checker: &mut Checker<'_>, key: &str, item: &Node) -> Option<SourceGlob> {
        let text = match &item.value {
            Value::Text(text) if !text.trim().is_empty() => text,
            _ => {
                checker.wrong(key, item, "a path or glob", None);
                return None;
            }
        };
        // In paths of other datasets a brace is an ordinary character.
        let glob = if self.set.is_some() {
            globs::glob_of(text)
        } else {
            text.clone()
        };
        if let Err(error) = Pattern::new(&glob) {
            let hint = format!("{}; `[[]` stands for `[`", error.msg);
            checker.wrong(key, item, "a path or glob", Some(hint));
            return None;
        }
        if let Some(set) = self.set
            && !braces_are_right(checker, key, item, text, set)
        {
            return None;
        }
        // Joined to the file's folder, so that the pipeline works from any current folder.
        Some(SourceGlob {
            dataset: self.dataset,
            is_record: self.set.is_some(),
            pattern: globs::join(self.folder, text),
            place: item.place.clone(),
            words: checker.words(&item.place),
        })
    }
}

/// True if each name in the braces of `text` is a parameter of the requests that the set answers.
/// In paths of other datasets braces have no meaning.
fn braces_are_right(
    checker: &mut Checker<'_>,
    key: &str,
    item: &Node,
    text: &str,
    set: &RecordSet,
) -> bool {
    let unknown = globs::names_in(text)
        .into_iter()
        .find(|name| !set.context.contains(name));
    if unknown.is_none() {
        return true;
    }
    let known: Vec<String> = set
        .context
        .iter()
        .map(|name| format!("`{{{name}}}`"))
        .collect();
    let wanted = if known.is_empty() {
        "a path without braces".to_owned()
    } else {
        format!("no names in braces other than {}", known.join(" and "))
    };
    checker.wrong(key, item, &wanted, None);
    false
}

impl DraftSources {
    /// Sources of usage, lines and invoices, in the order of [`Dataset::ALL`].
    pub(crate) fn sources(&self) -> Vec<Source> {
        let sources = Dataset::ALL.into_iter().map(|dataset| Source {
            dataset,
            paths: self.paths_of(dataset.name()),
            is_fetched: self.fetched.iter().any(|(fetched, _)| *fetched == dataset),
        });
        sources
            .filter(|source| source.is_fetched || !source.paths.is_empty())
            .collect()
    }

    /// Sources of records, in the order of [`RECORD_SETS`].
    pub(crate) fn records(&self) -> Vec<RecordSource> {
        let sources = compared_sets().map(|set| RecordSource {
            set,
            paths: self.paths_of(set.name),
        });
        sources.filter(|source| !source.paths.is_empty()).collect()
    }

    fn paths_of(&self, dataset: &str) -> Vec<String> {
        self.globs
            .iter()
            .filter(|glob| glob.dataset == dataset)
            .map(|glob| glob.pattern.clone())
            .collect()
    }
}
