//! Runs that may go: those that nothing points at, that no period was closed on, and that are neither
//! the newest of a day nor of a month that is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::verify::needed_runs;
use crate::ledger::breaks::Stream;
use crate::ledger::closes;
use crate::ledger::runs::{self, RunRow};
use crate::ledger::store::Ledger;
use crate::pipeline::failure::RunError;
use crate::reports::atomic::OutputFolder;
use crate::reports::failure::PublishError;

/// How many days and months have their newest run kept. Only those with a run count, so that a pipeline
/// that rests loses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Number of the last days with runs.
    pub daily: u32,
    /// Number of the last months with runs.
    pub monthly: u32,
}

/// Runs of an output folder, by what becomes of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunFates {
    /// Ids of the runs that stay.
    pub kept: Vec<String>,
    /// Ids of the runs that were removed, or would be.
    pub removed: Vec<String>,
    /// Ids of runs that the ledger does not know; they stay.
    pub unknown: Vec<String>,
}

/// Decides which runs of an output folder go.
///
/// # Errors
/// [`RunError`] if ledger or folder cannot be read; nothing was removed.
pub(crate) fn fates(out: &Path, keep: Retention) -> Result<RunFates, RunError> {
    let (log, closes) = match Ledger::existing(out)? {
        Some(ledger) => (ledger.read(runs::all)?, ledger.read(closes::all)?),
        None => (Vec::new(), Vec::new()),
    };
    let mut wanted = needed_runs(out, &log, &closes)?;
    wanted.extend(newest_of_days(&log, keep));
    let known: BTreeSet<&str> = log.iter().map(|run| run.run_id.as_str()).collect();
    let mut fates = RunFates::default();
    for run_id in run_folders(out)? {
        if !known.contains(run_id.as_str()) {
            fates.unknown.push(run_id);
        } else if wanted.contains(&run_id) {
            fates.kept.push(run_id);
        } else {
            fates.removed.push(run_id);
        }
    }
    Ok(fates)
}

/// Removes runs, each whole or not at all.
///
/// # Errors
/// [`RunError::Publish`]; what was removed until then is needed by nothing.
pub(crate) fn remove(output: &OutputFolder, fates: &RunFates) -> Result<(), RunError> {
    for run_id in &fates.removed {
        output.remove_run(run_id)?;
    }
    Ok(())
}

/// Ids of the newest complete run of each of the last days and months, for each stream by itself, and of
/// its last one, whatever became of it.
fn newest_of_days(log: &[RunRow], keep: Retention) -> BTreeSet<String> {
    let mut by_stream: BTreeMap<Stream, Vec<&RunRow>> = BTreeMap::new();
    for run in log.iter().filter(|run| run.published && run.is_complete) {
        by_stream.entry(run.stream()).or_default().push(run);
    }
    let mut newest = BTreeSet::new();
    let mut last: BTreeMap<Stream, &str> = BTreeMap::new();
    for run in log.iter().filter(|run| run.published) {
        last.insert(run.stream(), &run.run_id);
    }
    newest.extend(last.into_values().map(str::to_owned));
    for runs in by_stream.values() {
        for (length, count) in [
            ("2026-10-31".len(), keep.daily),
            ("2026-10".len(), keep.monthly),
        ] {
            // Times begin with the day, and that with the month.
            let mut of_span: BTreeMap<&str, &RunRow> = BTreeMap::new();
            for run in runs {
                let span = run.started_at.get(..length).unwrap_or(&run.started_at);
                of_span.insert(span, run);
            }
            let last = of_span.values().rev().take(count as usize);
            newest.extend(last.map(|run| run.run_id.clone()));
        }
    }
    newest
}

/// Names of the folders of runs, sorted.
fn run_folders(out: &Path) -> Result<Vec<String>, RunError> {
    let runs = out.join("runs");
    let unreadable = |source: io::Error| {
        RunError::Publish(PublishError::Storage {
            doing: "read",
            path: runs.clone(),
            source,
        })
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(&runs).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
