//! From the file as written to the plan as meant. Goes on after each mistake, so that all of them
//! are told at once.

use super::{partner_center, tie_outs};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use glob::Pattern;

use super::checker::{Checker, join};
use super::document::{Document, Entry, MAX_FILE_BYTES, Node, Place, Value, get};
use super::mistake::Mistake;
use super::overrides;
use super::pipeline_plan::{Plan, RecordSource, Source};
use super::survey;
use crate::engine::fold::entries::Entries;
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::period::Period;
use crate::model::record::{RECORD_SETS, RecordSet};
use crate::pipeline::intake::records;
use crate::sources::fetch::endpoints;

/// A plan that holds as long as there are no mistakes.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) plan: Plan,
    /// The plan's paths, each with its place.
    pub(crate) globs: Vec<Glob>,
    pub(crate) mistakes: Vec<(Place, Mistake)>,
}

/// A path or glob, at its place.
#[derive(Debug)]
pub(crate) struct Glob {
    pub(crate) dataset: &'static str,
    /// Whether names in braces stand for any text.
    pub(crate) is_record: bool,
    pub(crate) pattern: String,
    pub(crate) place: Place,
    /// The place in words.
    pub(crate) words: String,
}

impl Draft {
    /// The mistakes in the order of their lines.
    pub(crate) fn into_mistakes(mut self) -> Vec<Mistake> {
        self.mistakes.sort_by(|left, right| left.0.cmp(&right.0));
        self.mistakes
            .into_iter()
            .map(|(_, mistake)| mistake)
            .collect()
    }
}

/// Reads and checks the file at `path`, with `set` laid over it.
pub(crate) fn read(path: &Path, set: &[String]) -> Draft {
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    match text_of(path) {
        Ok(text) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            draft(
                &name,
                folder,
                Document::parse(&path.display().to_string(), &text),
                set,
            )
        }
        Err(mistake) => Draft {
            plan: empty(&name),
            globs: Vec::new(),
            mistakes: vec![(Place::File, *mistake)],
        },
    }
}

fn empty(name: &str) -> Plan {
    Plan {
        name: name.to_owned(),
        period: None,
        out: PathBuf::new(),
        sources: Vec::new(),
        records: Vec::new(),
        tie_outs: Vec::new(),
        fetching: None,
    }
}

fn text_of(path: &Path) -> Result<String, Box<Mistake>> {
    let fault = |found: String, hint: Option<&str>| {
        let place = format!("`{}`", path.display());
        Box::new(Mistake {
            place,
            key: None,
            found,
            wanted: "a pipeline file".to_owned(),
            hint: hint.map(str::to_owned),
        })
    };
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => fault(
            "no such file".to_owned(),
            Some("paths on the command line are relative to the working folder"),
        ),
        _ => fault(format!("an error: {error}"), None),
    })?;
    if metadata.is_dir() {
        return Err(fault(
            "a folder".to_owned(),
            Some("name the `.toml` file in it"),
        ));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(fault(
            format!("a file of {} bytes", metadata.len()),
            Some("a pipeline file is at most 1 MiB long"),
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| fault(format!("an error: {error}"), None))?;
    String::from_utf8(bytes).map_err(|_| {
        fault(
            "bytes that are no UTF-8".to_owned(),
            Some("save the file as UTF-8"),
        )
    })
}

pub(crate) fn draft(name: &str, folder: &Path, mut document: Document, set: &[String]) -> Draft {
    let flag_mistakes = overrides::apply(&mut document, set);
    let mut checker = Checker::new(&document);
    let mut plan = empty(name);
    let root = &document.entries;
    checker.known(
        "",
        root,
        &[
            "period",
            "out",
            "state",
            "source",
            "tie_out",
            "partner_center",
        ],
    );
    plan.period = get(root, "period").and_then(|entry| period(&mut checker, entry));
    match get(root, "out") {
        Some(entry) => plan.out = path(&mut checker, folder, "out", entry).unwrap_or_default(),
        None => checker.missing(
            "out",
            &Place::File,
            "a folder for the results",
            "add `out = \"../out\"` above the first table",
        ),
    }
    let state = get(root, "state").and_then(|entry| path(&mut checker, folder, "state", entry));
    let (globs, fetched) = sources(&mut checker, folder, root);
    plan.sources = sources_of(&globs, &fetched);
    let names: Vec<&'static str> = fetched.iter().map(|(dataset, _)| dataset.name()).collect();
    plan.fetching = partner_center::read(&mut checker, folder, root, &names, state);
    if let (Some((dataset, place)), None) = (fetched.first(), get(root, "partner_center")) {
        let key = format!("source.{}.partner_center", dataset.name());
        checker.note(
            place,
            &key,
            "no account".to_owned(),
            "`[partner_center]` with a tenant and a credential",
            None,
        );
    }
    plan.records = records_of(&globs);
    let mut there: BTreeSet<&str> = plan
        .sources
        .iter()
        .map(|source| source.dataset.name())
        .collect();
    there.extend(plan.records.iter().map(|source| source.set.name));
    there.extend(
        plan.fetching
            .iter()
            .flat_map(|fetching| &fetching.names)
            .filter_map(|name| endpoints::dataset_of(name)),
    );
    plan.tie_outs = tie_outs::read(&mut checker, root, &there);
    let mut mistakes = checker.into_mistakes();
    mistakes.extend(
        flag_mistakes
            .into_iter()
            .map(|mistake| (Place::Flag(String::new()), mistake)),
    );
    mistakes.extend(
        document
            .faults
            .iter()
            .map(|(line, mistake)| (Place::Line(*line), mistake.clone())),
    );
    Draft {
        plan,
        globs,
        mistakes,
    }
}

fn period(checker: &mut Checker<'_>, entry: &Entry) -> Option<Period> {
    let wanted = "a month, as `\"2026-10\"`";
    let text = checker.text("period", entry, wanted)?;
    let period = Period::parse(text);
    if period.is_none() {
        checker.wrong("period", &entry.node, wanted, None);
    }
    period
}

fn path(checker: &mut Checker<'_>, folder: &Path, key: &str, entry: &Entry) -> Option<PathBuf> {
    let text = checker.text(key, entry, "a folder")?;
    Some(survey::normalise(&folder.join(text)))
}

/// The globs, and the datasets that are fetched, each with its place.
fn sources(
    checker: &mut Checker<'_>,
    folder: &Path,
    root: &[Entry],
) -> (Vec<Glob>, Vec<(Dataset, Place)>) {
    let entries = match get(root, "source") {
        Some(entry) => checker.table("source", entry),
        None => Some(&[][..]),
    };
    // A `source` that is no table is told once, not once for each dataset.
    let Some(entries) = entries else {
        return (Vec::new(), Vec::new());
    };
    let records: Vec<&'static RecordSet> = RECORD_SETS
        .iter()
        .filter(|set| Entries::takes(set.name))
        .collect();
    let known: Vec<&str> = Dataset::ALL
        .map(Dataset::name)
        .into_iter()
        .chain(records.iter().map(|set| set.name))
        .collect();
    checker.known("source", entries, &known);
    let wants_others =
        records.iter().any(|set| get(entries, set.name).is_some()) || has_no_invoice(root);
    let (mut globs, mut fetched) = (Vec::new(), Vec::new());
    for dataset in Dataset::ALL {
        let key = join("source", dataset.name());
        match get(entries, dataset.name()) {
            Some(entry) if is_fetched(entry) => {
                fetched.extend(fetched_source(checker, &key, dataset, entry))
            }
            Some(entry) => globs.extend(source(checker, folder, &key, dataset.name(), None, entry)),
            // A pipeline of other comparisons need not have an invoice.
            None if wants_others
                || matches!(dataset, Dataset::Invoices | Dataset::UnbilledUsage) => {}
            None => checker.missing(&key, &Place::File, "a source", &table_hint(&key)),
        }
    }
    for set in records {
        if let Some(entry) = get(entries, set.name) {
            globs.extend(source(
                checker,
                folder,
                &join("source", set.name),
                set.name,
                Some(set),
                entry,
            ));
        }
    }
    (globs, fetched)
}

/// Usage is not compared with an invoice: `[tie_out.usage-to-invoice]` says so.
fn has_no_invoice(root: &[Entry]) -> bool {
    let table = |entries, name| match get(entries, name).map(|entry| &entry.node.value) {
        Some(Value::Table(entries)) => Some(entries),
        _ => None,
    };
    let usage =
        table(root, "tie_out").and_then(|tie_outs| table(tie_outs, TieOut::UsageToInvoice.name()));
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
    // From one place or the other: two would count twice what is in both.
    checker.known(key, kinds, &["partner_center"]);
    let kind = get(kinds, "partner_center")?;
    let key = join(key, "partner_center");
    let fields = checker.table(&key, kind)?;
    checker.known(&key, fields, &[]);
    Some((dataset, kind.place.clone()))
}

fn source(
    checker: &mut Checker<'_>,
    folder: &Path,
    key: &str,
    dataset: &'static str,
    set: Option<&RecordSet>,
    entry: &Entry,
) -> Vec<Glob> {
    let Some(kinds) = checker.table(key, entry) else {
        return Vec::new();
    };
    let kinds_there: &[&str] = if set.is_some() {
        &["files"]
    } else {
        &["files", "partner_center"]
    };
    checker.known(key, kinds, kinds_there);
    let Some(files) = get(kinds, "files") else {
        checker.missing(
            &join(key, "files"),
            &entry.place,
            "a table that says which files",
            &table_hint(key),
        );
        return Vec::new();
    };
    let key = join(key, "files");
    let Some(fields) = checker.table(&key, files) else {
        return Vec::new();
    };
    checker.known(&key, fields, &["paths"]);
    let paths_key = join(&key, "paths");
    match get(fields, "paths") {
        Some(paths) => self::paths(checker, folder, &paths_key, dataset, set, paths),
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

fn table_hint(key: &str) -> String {
    format!("add `[{key}.files]` and, below it, `paths = [\"…\"]`")
}

fn paths(
    checker: &mut Checker<'_>,
    folder: &Path,
    key: &str,
    dataset: &'static str,
    set: Option<&RecordSet>,
    entry: &Entry,
) -> Vec<Glob> {
    let wanted = "a list of paths or globs";
    let items = match &entry.node.value {
        Value::List(items) if !items.is_empty() => items,
        Value::Text(text) if !text.is_empty() => {
            checker.wrong(
                key,
                &entry.node,
                wanted,
                Some(format!("put it in brackets: `paths = [\"{text}\"]`")),
            );
            return Vec::new();
        }
        _ => {
            checker.wrong(
                key,
                &entry.node,
                wanted,
                Some("as in `paths = [\"../usage/*.csv\"]`".to_owned()),
            );
            return Vec::new();
        }
    };
    let mut globs = Vec::new();
    for item in items {
        match &item.value {
            Value::Text(text) if !text.trim().is_empty() => {
                match Pattern::new(&if set.is_some() {
                    records::glob_of(text)
                } else {
                    text.clone()
                }) {
                    Ok(_) if !braces_are_right(checker, key, item, text, set) => {}
                    Ok(_) => globs.push(Glob {
                        dataset,
                        is_record: set.is_some(),
                        pattern: survey::join(folder, text),
                        place: item.place.clone(),
                        words: checker.words(&item.place),
                    }),
                    Err(error) => checker.wrong(
                        key,
                        item,
                        "a path or glob",
                        Some(format!("{}; `[[]` stands for `[`", error.msg)),
                    ),
                }
            }
            _ => checker.wrong(key, item, "a path or glob", None),
        }
    }
    globs
}

/// Names in braces are what was asked for: of a dataset that is not told apart by it, there are none.
fn braces_are_right(
    checker: &mut Checker<'_>,
    key: &str,
    item: &Node,
    text: &str,
    set: Option<&RecordSet>,
) -> bool {
    let known = set.map_or(&[][..], |set| set.context);
    let unknown = records::names_in(text)
        .into_iter()
        .find(|name| set.is_some() && !known.contains(name));
    if unknown.is_some() {
        let wanted = match known {
            [] => "a path without braces".to_owned(),
            known => format!(
                "only {} in braces",
                known
                    .iter()
                    .map(|name| format!("`{{{name}}}`"))
                    .collect::<Vec<_>>()
                    .join(" and ")
            ),
        };
        checker.wrong(key, item, &wanted, None);
    }
    unknown.is_none()
}

fn records_of(globs: &[Glob]) -> Vec<RecordSource> {
    let sets = RECORD_SETS.iter().filter(|set| Entries::takes(set.name));
    let of = |set: &RecordSet| {
        globs
            .iter()
            .filter(|glob| glob.dataset == set.name)
            .map(|glob| glob.pattern.clone())
            .collect::<Vec<String>>()
    };
    sets.map(|set| RecordSource {
        set,
        paths: of(set),
    })
    .filter(|source| !source.paths.is_empty())
    .collect()
}

fn sources_of(globs: &[Glob], fetched: &[(Dataset, Place)]) -> Vec<Source> {
    let of = |dataset: Dataset| -> Vec<String> {
        globs
            .iter()
            .filter(|glob| glob.dataset == dataset.name())
            .map(|glob| glob.pattern.clone())
            .collect()
    };
    let is_fetched = |dataset: Dataset| fetched.iter().any(|(fetched, _)| *fetched == dataset);
    let sources = Dataset::ALL.into_iter().map(|dataset| Source {
        dataset,
        paths: of(dataset),
        is_fetched: is_fetched(dataset),
    });
    sources
        .filter(|source| source.is_fetched || !source.paths.is_empty())
        .collect()
}
