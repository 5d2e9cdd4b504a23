//! Runs and landed files that nothing needs any more, and their removal. What a fetch would read, what a
//! published run or a closed period was made of, and what is young is kept.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::model::period::{Day, parse_day};
use crate::pipeline::closing::retention::{self, Retention, RunFates};
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::pipeline_plan::{Fetching, Plan};
use crate::reports::atomic::OutputFolder;
use crate::reports::earlier_run::MANIFEST;
use crate::reports::failure::PublishError;
use crate::reports::output_entries::CLOSED;
use crate::sources::failure::FetchError;
use crate::sources::files::name_of;
use crate::sources::landing::leftovers::LandedFile;
use crate::sources::landing::{Landing, StateOwner};

const SECONDS_OF_A_DAY: u64 = 86_400;

/// Request to remove what is not needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneOptions {
    /// True if nothing is to be removed, only told.
    pub is_dry_run: bool,
    /// Files of this many days, today included, are kept.
    pub keep_days: u32,
    /// Runs that are kept besides those that are needed; `None` to keep all.
    pub retention: Option<Retention>,
    /// Today, UTC, as `2026-11-21`.
    pub today: String,
}

/// Fate of a landed file: why it is kept, or that it is not. The first reason that holds is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// A current line of the journal names it: the next fetch relies on it.
    Current,
    /// A published run was made of it: `explain` reads it again.
    Run,
    /// A closed period needs it.
    Closed,
    /// It is one of the last days'.
    Recent,
    /// No fetch has landed it.
    Unknown,
    /// Nothing needs it any more.
    Removed,
}

/// Landed files of one dataset with one fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrunedKind {
    /// Name of the dataset.
    pub dataset: String,
    /// What becomes of the files, and why.
    pub fate: Fate,
    /// Number of files of the kind.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Report on what was removed and what was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// True if nothing was removed: the rows say what would be.
    pub is_dry_run: bool,
    /// One row for each dataset and fate, in their order.
    pub kinds: Vec<PrunedKind>,
    /// Number of files that were removed, or would be.
    pub removed_files: u64,
    /// Size in bytes of the files that were removed, or would be.
    pub freed_bytes: u64,
    /// Number of published runs whose inputs are kept.
    pub runs: u64,
    /// What became of the runs; `None` where all are kept.
    pub run_fates: Option<RunFates>,
    /// Warnings of what the journal lost, and of runs that nobody knows, in words.
    pub warnings: Vec<String>,
}

/// Removes runs and landed files that nothing needs. No fetch and no run of the same folders goes on
/// meanwhile.
///
/// # Errors
/// [`RunError`]; what was removed until then is needed by nothing.
pub fn prune(plan: &Plan, options: &PruneOptions) -> Result<PruneReport, RunError> {
    let Some(Fetching { account, state, .. }) = &plan.fetching else {
        return prune_files(plan, options);
    };
    // Looked for first: opening the folder would create it.
    if !state.is_dir() {
        return Err(RunError::NotThere {
            what: format!("State in `{}`", state.display()),
            found: "no such folder".to_owned(),
            wanted: "the folder of a fetch".to_owned(),
            hint: "`tieout fetch` makes it".to_owned(),
        });
    }
    let (landing, warnings) = Landing::open(state, &StateOwner::of(account))?;
    let (mut needs, mut closed) = (RunInputs::default(), RunInputs::default());
    let mut outputs_locked = Vec::new();
    let mut report = PruneReport {
        is_dry_run: options.is_dry_run,
        warnings,
        ..PruneReport::default()
    };
    let own = absolute(&plan.out)?;
    for out in outputs(&landing, plan)? {
        // A run that is about to publish has no manifest yet.
        let output = OutputFolder::open(&out)?;
        let fates = match options.retention {
            Some(keep) if out == own => retention::fates(&out, keep)?,
            _ => RunFates::default(),
        };
        needs.add_runs(&out, state, &fates.removed)?;
        closed.add_packs(&out, state)?;
        outputs_locked.push((output, fates));
    }
    // Before their inputs: no run may be left without what it was made of.
    for (output, fates) in &outputs_locked {
        take_out(output, fates, options, &mut report)?;
    }
    let mut kinds: BTreeMap<(String, Fate), (u64, u64)> = BTreeMap::new();
    landing.sweep(&mut |file| {
        let fate = fate(file, &needs, &closed, state, options)?;
        let (files, bytes) = kinds.entry((file.dataset.clone(), fate)).or_default();
        *files += 1;
        *bytes += file.bytes;
        Ok(fate == Fate::Removed && !options.is_dry_run)
    })?;
    report.runs = needs.runs;
    for ((dataset, fate), (files, bytes)) in kinds {
        if fate == Fate::Removed {
            report.removed_files += files;
            report.freed_bytes += bytes;
        }
        report.kinds.push(PrunedKind {
            dataset,
            fate,
            files,
            bytes,
        });
    }
    Ok(report)
}

/// Removes runs of a pipeline of files, whose inputs are not ours.
fn prune_files(plan: &Plan, options: &PruneOptions) -> Result<PruneReport, RunError> {
    let Some(keep) = options.retention else {
        return Err(RunError::NotThere {
            what: format!("Pipeline `{}`", plan.name),
            found: "nothing that is fetched".to_owned(),
            wanted: "`[partner_center]`, or `--keep-daily` and `--keep-monthly`".to_owned(),
            hint: "a pipeline of files has no state folder to prune, only runs".to_owned(),
        });
    };
    if !plan.out.is_dir() {
        return Err(RunError::NotThere {
            what: format!("Results in `{}`", plan.out.display()),
            found: "no such folder".to_owned(),
            wanted: "the output folder of a run".to_owned(),
            hint: "`tieout run` makes it".to_owned(),
        });
    }
    let output = OutputFolder::open(&plan.out)?;
    let mut report = PruneReport {
        is_dry_run: options.is_dry_run,
        ..PruneReport::default()
    };
    let fates = retention::fates(&plan.out, keep)?;
    take_out(&output, &fates, options, &mut report)?;
    Ok(report)
}

/// Removes the runs of an output folder that go, and reports on them.
fn take_out(
    output: &OutputFolder,
    fates: &RunFates,
    options: &PruneOptions,
    report: &mut PruneReport,
) -> Result<(), RunError> {
    if options.retention.is_none() {
        return Ok(());
    }
    if !options.is_dry_run {
        retention::remove(output, fates)?;
    }
    let unknown = fates.unknown.iter().map(|run_id| {
        format!(
            "run `{run_id}` is not in the ledger: it stays; remove it by hand if nobody needs it"
        )
    });
    report.warnings.extend(unknown);
    let all = report.run_fates.get_or_insert_default();
    all.kept.extend(fates.kept.iter().cloned());
    all.removed.extend(fates.removed.iter().cloned());
    all.unknown.extend(fates.unknown.iter().cloned());
    Ok(())
}

fn absolute(path: &Path) -> Result<PathBuf, RunError> {
    std::path::absolute(path).map_err(unreadable(path))
}

/// Output folders whose runs were made of this state folder, each once: that of the plan if it is
/// there, and those of other pipelines that share the state folder.
fn outputs(landing: &Landing, plan: &Plan) -> Result<Vec<PathBuf>, RunError> {
    let mut outputs = landing.outputs()?;
    for out in &outputs {
        // Not known to be empty: it may be on a disk that is not mounted.
        if !out.is_dir() {
            return Err(RunError::NotThere {
                what: format!("Results in `{}`", out.display()),
                found: "no such folder".to_owned(),
                wanted: "the runs that were made of this state folder".to_owned(),
                hint: "if it is gone for good, remove its line from `outputs` in the state folder"
                    .to_owned(),
            });
        }
    }
    let own = absolute(&plan.out)?;
    if own.is_dir() && !outputs.contains(&own) {
        outputs.push(own);
    }
    Ok(outputs)
}

/// Fate of a landed file.
fn fate(
    file: &LandedFile,
    needs: &RunInputs,
    closed: &RunInputs,
    state: &Path,
    options: &PruneOptions,
) -> Result<Fate, FetchError> {
    Ok(if file.is_current {
        Fate::Current
    } else if !file.is_ours {
        Fate::Unknown
    } else if needs.has(file, state)? {
        Fate::Run
    } else if closed.has(file, state)? {
        Fate::Closed
    } else if is_recent(file, options) {
        Fate::Recent
    } else {
        Fate::Removed
    })
}

/// True for a file of the last days, by the day of its snapshot, else by when it was landed.
fn is_recent(file: &LandedFile, options: &PruneOptions) -> bool {
    let day = |text: &str| parse_day(text.as_bytes()).ok().flatten();
    let of_file = file.day.as_deref().and_then(day);
    let of_file = of_file.unwrap_or_else(|| day_of(file.landed));
    // A day that cannot be read removes nothing.
    day(&options.today)
        .is_none_or(|today| i64::from(of_file) + i64::from(options.keep_days) > i64::from(today))
}

/// The UTC day of a time; day 0 for one before it.
fn day_of(time: SystemTime) -> Day {
    let since = time.duration_since(UNIX_EPOCH);
    let days = since.map_or(0, |since| since.as_secs() / SECONDS_OF_A_DAY);
    Day::try_from(days).unwrap_or(Day::MAX)
}

/// Inputs of published runs.
#[derive(Debug, Default)]
struct RunInputs {
    /// Number of runs that were read.
    runs: u64,
    /// Hashes of the files' bytes, of those that are not at their paths any more.
    hashes: HashSet<String>,
    /// Sizes of the same: one of another size need not be hashed.
    sizes: HashSet<u64>,
    /// Paths of landed files, below the state folder.
    paths: HashSet<String>,
}

/// The members of a manifest that tell what a run was made of; every release has written them.
#[derive(Debug, Deserialize)]
struct ManifestInputs {
    inputs: Vec<ManifestInput>,
}

#[derive(Debug, Deserialize)]
struct ManifestInput {
    unit: String,
    blake3: String,
    bytes: u64,
}

impl RunInputs {
    /// Adds the inputs of all runs in an output folder but those that go.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for a run whose inputs are not known.
    fn add_runs(&mut self, out: &Path, state: &Path, going: &[String]) -> Result<(), RunError> {
        let runs = out.join("runs");
        for entry in fs::read_dir(&runs).map_err(unreadable(&runs))? {
            let entry = entry.map_err(unreadable(&runs))?;
            let is_going = |run_id: &String| entry.file_name().to_str() == Some(run_id);
            if entry.path().is_dir() && !going.iter().any(is_going) {
                self.add_manifest(&entry.path().join(MANIFEST), state)?;
            }
        }
        Ok(())
    }

    /// Adds the inputs of all closing packs of an output folder, whether or not their runs are there.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for a pack whose inputs are not known.
    fn add_packs(&mut self, out: &Path, state: &Path) -> Result<(), RunError> {
        let packs = out.join(CLOSED);
        if !packs.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(&packs).map_err(unreadable(&packs))? {
            let pack = entry.map_err(unreadable(&packs))?.path();
            if pack.is_dir() {
                self.add_manifest(&pack.join("run").join(MANIFEST), state)?;
            }
        }
        Ok(())
    }

    /// Adds the inputs that a manifest names.
    fn add_manifest(&mut self, path: &Path, state: &Path) -> Result<(), RunError> {
        let damaged = |found: String| RunError::Damaged {
            place: path.display().to_string(),
            found,
            wanted: "the manifest of a run, which says what it was made of",
            hint: "nothing was removed; restore it from a copy, or move the folder of the run away",
        };
        let text = fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => damaged("no such file".to_owned()),
            _ => unreadable(path)(error),
        })?;
        let manifest: ManifestInputs =
            serde_json::from_slice(&text).map_err(|error| damaged(format!("`{error}`")))?;
        self.runs += 1;
        for input in manifest.inputs {
            let landed = input.unit.rfind("landing/").map(|at| &input.unit[at..]);
            if let Some(path) = landed
                && state.join(path).is_file()
            {
                // The name is made of the content: no other file needs to be kept for it.
                self.paths.insert(path.to_owned());
                continue;
            }
            self.hashes.insert(input.blake3);
            self.sizes.insert(input.bytes);
        }
        Ok(())
    }

    /// True if a run was made of a file: one with its path, or with its bytes, wherever the state
    /// folder was then.
    fn has(&self, file: &LandedFile, state: &Path) -> Result<bool, FetchError> {
        if self.paths.contains(&name_of(&file.path)) {
            return Ok(true);
        }
        if !self.sizes.contains(&file.bytes) {
            return Ok(false);
        }
        let path = state.join(&file.path);
        let mut hasher = blake3::Hasher::new();
        File::open(&path)
            .and_then(|file| hasher.update_reader(file).map(|_| ()))
            .map_err(|source| FetchError::Storage {
                doing: "read",
                path,
                source,
            })?;
        Ok(self.hashes.contains(hasher.finalize().to_hex().as_str()))
    }
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> RunError {
    move |source| {
        RunError::Publish(PublishError::Storage {
            doing: "read",
            path: path.to_owned(),
            source,
        })
    }
}
