//! The log of runs, and the run that a person names.

use std::path::Path;

use super::place::{self, StreamChoice};
use crate::ledger::runs;
use crate::pipeline::failure::RunError;

pub use crate::ledger::runs::RunRow;

/// Runs of the streams that are meant, the newest first; no more than `limit`.
///
/// # Errors
/// [`RunError::NotThere`] where there is no ledger, and errors of the ledger.
pub fn newest(out: &Path, choice: &StreamChoice, limit: usize) -> Result<Vec<RunRow>, RunError> {
    let ledger = place::open(out)?;
    let log = ledger.read(runs::all)?;
    let wanted = log
        .into_iter()
        .rev()
        .filter(|run| choice.has(&run.stream()));
    Ok(wanted.take(limit).collect())
}

/// Outcome of a run in a word or two, by its exit code.
#[must_use]
pub const fn outcome(exit_code: u8) -> &'static str {
    match exit_code {
        0 => "complete",
        1 => "a bug",
        2 => "a mistake",
        10 => "breaks",
        11 => "incomplete",
        12 => "not due yet",
        20 => "no permission",
        21 => "no service",
        22 => "storage failed",
        23 => "locked",
        24 => "refused",
        130 => "interrupted",
        137 => "did not end",
        143 => "terminated",
        _ => "failed",
    }
}

/// The pair of published runs that two names mean: a number, an id, `last`, or `previous`, which is
/// the one before the other.
///
/// # Errors
/// [`RunError::NotThere`] for a name that means no published run.
pub(super) fn pair<'l>(
    log: &'l [RunRow],
    choice: &StreamChoice,
    names: [&str; 2],
) -> Result<[&'l RunRow; 2], RunError> {
    let [first, second] = names;
    Ok(match (first, second) {
        ("previous", "previous") => {
            let hint = "`tieout diff previous last` shows what the last run changed";
            return Err(no_run("previous", "it twice", hint));
        }
        ("previous", other) => {
            let other = named(log, choice, other)?;
            [before(log, other)?, other]
        }
        (other, "previous") => {
            let other = named(log, choice, other)?;
            [other, before(log, other)?]
        }
        (first, second) => [named(log, choice, first)?, named(log, choice, second)?],
    })
}

const HINT: &str = "`tieout runs` lists them";

/// The published run that a name means: a number, an id, or `last`.
///
/// # Errors
/// [`RunError::NotThere`] for a name that means no published run.
pub(super) fn named<'l>(
    log: &'l [RunRow],
    choice: &StreamChoice,
    name: &str,
) -> Result<&'l RunRow, RunError> {
    let newest = || log.iter().rev().filter(|run| choice.has(&run.stream()));
    if name == "last" {
        let found = newest().find(|run| run.published);
        return found.ok_or_else(|| no_run(name, "no published run", HINT));
    }
    let is_it = |run: &&RunRow| {
        name.parse() == Ok(run.run_no) || (!run.run_id.is_empty() && run.run_id == name)
    };
    match newest().find(is_it) {
        Some(run) if run.published => Ok(run),
        Some(run) => {
            let found = format!("one that published nothing: {}", outcome(run.exit_code));
            Err(no_run(name, &found, HINT))
        }
        None => Err(no_run(name, "no such run in the ledger", HINT)),
    }
}

/// Checks that a run has its folder still.
///
/// # Errors
/// [`RunError::NotThere`] for one that was pruned.
pub(super) fn ensure_there(out: &Path, run: &RunRow) -> Result<(), RunError> {
    if out.join("runs").join(&run.run_id).is_dir() {
        return Ok(());
    }
    Err(RunError::NotThere {
        what: format!("Run {} (`{}`)", run.run_no, run.run_id),
        found: "no folder of it any more".to_owned(),
        wanted: "its published tables".to_owned(),
        hint: "it was pruned or moved away; the ledger's own events are kept, and `tieout breaks \
               show` has them"
            .to_owned(),
    })
}

/// The published run before another one in its stream.
fn before<'l>(log: &'l [RunRow], run: &RunRow) -> Result<&'l RunRow, RunError> {
    let earlier = log.iter().rev().filter(|one| one.run_no < run.run_no);
    let mut published = earlier.filter(|one| one.published && one.stream() == run.stream());
    published.next().ok_or_else(|| {
        let found = format!(
            "none before run {} of `{}`, {}",
            run.run_no, run.pipeline, run.period
        );
        no_run("previous", &found, HINT)
    })
}

fn no_run(name: &str, found: &str, hint: &str) -> RunError {
    RunError::NotThere {
        what: format!("Run `{name}`"),
        found: found.to_owned(),
        wanted: "a published run, by number or id, or `last` or `previous`".to_owned(),
        hint: hint.to_owned(),
    }
}
