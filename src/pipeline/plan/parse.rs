//! From the text of a pipeline file to its plan. The reading goes on after each mistake, so that
//! all of them are shown at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::checker::Checker;
use super::document::{Document, Entry, MAX_FILE_BYTES, Place, get};
use super::mistake::Mistake;
use super::notices::{self, Notices};
use super::output::{self, Output};
use super::pipeline_plan::Plan;
use super::sources::{self, DraftSources, SourceGlob};
use super::{acceptances, csv_keys, globs, overrides, partner_center, settling, tie_outs};
use crate::model::dataset::Dataset;
use crate::model::period::Period;
use crate::model::settling::SettlingDays;
use crate::reports::csv_form::CsvForm;
use crate::sources::fetch::endpoints;

/// Reads the pipeline file at `path`, with the texts of `--set` laid over it. Paths in it, and
/// those that are set, are relative to the file's folder.
///
/// # Errors
/// Every mistake in it, in the order of its lines.
pub fn read(path: &Path, overrides: &[String]) -> Result<Plan, Vec<Mistake>> {
    draft_of_file(path, overrides).finish()
}

/// A plan, and the mistakes found on the way; the plan is valid only if there are none.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) plan: Plan,
    /// Paths and globs of the plan, each with its place.
    pub(crate) globs: Vec<SourceGlob>,
    pub(crate) mistakes: Vec<(Place, Mistake)>,
}

impl Draft {
    /// The plan.
    ///
    /// # Errors
    /// The mistakes, if there are any, in the order of their lines.
    pub(crate) fn finish(mut self) -> Result<Plan, Vec<Mistake>> {
        if self.mistakes.is_empty() {
            return Ok(self.plan);
        }
        // A stable sort: mistakes of one line stay in the order in which they were found.
        self.mistakes.sort_by(|left, right| left.0.cmp(&right.0));
        Err(self
            .mistakes
            .into_iter()
            .map(|(_, mistake)| mistake)
            .collect())
    }
}

/// Reads and checks the file at `path`, with the texts of `--set` laid over it.
pub(crate) fn draft_of_file(path: &Path, overrides: &[String]) -> Draft {
    // A path without a file name, such as `..`, is a folder, and a mistake.
    let name = path
        .file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    match text_of(path) {
        Ok(text) => {
            let folder = path.parent().expect("a path that was read has a parent");
            let document = Document::parse(&path.display().to_string(), &text);
            draft(&name, folder, document, overrides)
        }
        Err(mistake) => Draft {
            plan: empty(&name),
            globs: Vec::new(),
            mistakes: vec![(Place::File, *mistake)],
        },
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
    // By its kind first, as reading a folder fails with words that do not help.
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => fault(
            "no such file".to_owned(),
            Some("paths on the command line are relative to the current folder"),
        ),
        _ => fault(format!("an error: {error}"), None),
    })?;
    if metadata.is_dir() {
        return Err(fault(
            "a folder".to_owned(),
            Some("name the `.toml` file in it"),
        ));
    }
    // Before reading: a data file named by mistake may be of any size.
    if metadata.len() > MAX_FILE_BYTES {
        return Err(fault(
            format!("a file of {} bytes", metadata.len()),
            Some("a pipeline file is at most 1 MiB long"),
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| fault(format!("an error: {error}"), None))?;
    String::from_utf8(bytes).map_err(|_| {
        fault(
            "bytes that are not UTF-8".to_owned(),
            Some("save the file as UTF-8"),
        )
    })
}

fn empty(name: &str) -> Plan {
    Plan {
        name: name.to_owned(),
        period: None,
        out: PathBuf::new(),
        sources: Vec::new(),
        records: Vec::new(),
        tie_outs: Vec::new(),
        acceptances: Vec::new(),
        settling: SettlingDays::default(),
        output: Output::default(),
        fetching: None,
        csv: CsvForm::default(),
        notices: Notices::default(),
    }
}

/// Reads and checks a document in `folder`.
pub(crate) fn draft(
    name: &str,
    folder: &Path,
    mut document: Document,
    overrides: &[String],
) -> Draft {
    // Flags first: what they set is checked like the rest, and what they replace is not checked at
    // all.
    let flag_mistakes = overrides::apply(&mut document, overrides);
    let mut checker = Checker::new(&document);
    let (plan, globs) = plan_of(&mut checker, name, folder, &document.entries);
    let mut mistakes = checker.into_mistakes();
    // A flag that is no override sorts before the other flags, whatever its text.
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

fn plan_of(
    checker: &mut Checker<'_>,
    name: &str,
    folder: &Path,
    root: &[Entry],
) -> (Plan, Vec<SourceGlob>) {
    let mut plan = empty(name);
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
            "exclude",
            "accept",
            "month_end",
            "csv",
            "csv_separator",
            "csv_decimal",
            "output",
            "metrics",
            "notify",
        ],
    );
    plan.period = get(root, "period").and_then(|entry| period(checker, entry));
    match get(root, "out") {
        Some(entry) => {
            if let Some(out) = path(checker, folder, "out", entry) {
                plan.out = out;
            }
        }
        None => checker.missing(
            "out",
            &Place::File,
            "a folder for the results",
            "add `out = \"../out\"` above the first table",
        ),
    }
    let state = get(root, "state").and_then(|entry| path(checker, folder, "state", entry));
    let sources = sources::read(checker, folder, root);
    plan.sources = sources.sources();
    plan.records = sources.records();
    let fetched: Vec<&'static str> = sources
        .fetched
        .iter()
        .map(|(dataset, _)| dataset.name())
        .collect();
    plan.fetching = partner_center::read(checker, folder, root, &fetched, state);
    plan.acceptances = acceptances::read(checker, root);
    plan.settling = settling::read(checker, root);
    plan.csv = csv_keys::read(checker, root);
    plan.output = output::read(checker, root);
    plan.notices = notices::read(checker, folder, root);
    check_has_account(checker, root, &sources);
    // Last, as the sources and the fetch decide which tie-outs can be done.
    plan.tie_outs = tie_outs::read(checker, root, &datasets_of(&plan));
    (plan, sources.globs)
}

/// Notes that there is no account to fetch the first fetched source with.
fn check_has_account(checker: &mut Checker<'_>, root: &[Entry], sources: &DraftSources) {
    if let (Some((dataset, place)), None) = (sources.fetched.first(), get(root, "partner_center")) {
        let key = format!("source.{}.partner_center", dataset.name());
        checker.note(
            place,
            &key,
            "no account".to_owned(),
            "`[partner_center]` with a tenant and a credential",
            None,
        );
    }
}

/// Names of the datasets that a run of the plan will have, from files or a fetch.
fn datasets_of(plan: &Plan) -> BTreeSet<&'static str> {
    let sources = plan.sources.iter().map(|source| source.dataset);
    let mut datasets: BTreeSet<&'static str> = sources.map(Dataset::name).collect();
    datasets.extend(plan.records.iter().map(|source| source.set.name));
    let endpoints = plan.fetching.iter().flat_map(|fetching| &fetching.names);
    // A dataset may be fetched by several endpoints, such as utilization by day and by hour.
    datasets.extend(endpoints.map(|name| {
        endpoints::dataset_of(name).expect("the names of a fetch are those of endpoints")
    }));
    datasets
}

fn period(checker: &mut Checker<'_>, entry: &Entry) -> Option<Period> {
    let wanted = "a month, such as `\"2026-10\"`";
    let text = checker.text("period", entry, wanted)?;
    let period = Period::parse(text);
    if period.is_none() {
        checker.wrong("period", &entry.node, wanted, None);
    }
    period
}

fn path(checker: &mut Checker<'_>, folder: &Path, key: &str, entry: &Entry) -> Option<PathBuf> {
    let text = checker.text(key, entry, "a folder")?;
    Some(globs::normalise(&folder.join(text)))
}
