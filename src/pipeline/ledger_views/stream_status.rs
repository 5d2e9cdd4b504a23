//! State of the streams for people and monitors: how the last run of each ended, how long ago that
//! was, and what of it is no good.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::place::{self, StreamChoice};
use super::run_log::{RunRow, outcome};
use crate::ledger::failure::LedgerError;
use crate::ledger::invoices::{self, InvoiceStage};
use crate::ledger::runs::{self, RunningRun};
use crate::ledger::store::Ledger;
use crate::pipeline::failure::RunError;

/// Last run of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamStatus {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Billing period; empty for a run that came to none.
    pub period: String,
    /// True if a monitor goes by it: it is the last of the pipeline's newest period.
    pub is_newest: bool,
    /// Number of the run.
    pub run_no: i64,
    /// Id of the run; empty for one that published nothing.
    pub run_id: String,
    /// Time of the end, UTC.
    pub finished_at: String,
    /// Seconds from then until now.
    pub age_seconds: i64,
    /// Exit code of the run.
    pub exit_code: u8,
    /// Outcome of the run in words.
    pub outcome: &'static str,
    /// Reason of a failure, or why it is incomplete; empty for none.
    pub reason: String,
    /// Stage of the month-end: `not_due`, `awaited`, `provisional` or `final`.
    pub finality: String,
    /// Stages of its invoices, as of the last run that was published.
    pub invoices: Vec<InvoiceStage>,
    /// Number of breaks that are open.
    pub open_breaks: u64,
    /// Number of breaks that were new.
    pub new_breaks: u64,
    /// Number of breaks that are accepted.
    pub accepted_breaks: u64,
    /// Faults of the run, in words: it is too old, it failed, it did not end. Of runs that no monitor
    /// goes by there are none.
    pub faults: Vec<String>,
}

/// Run that goes on, or did not end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunningStatus {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Billing period that was asked for; empty for none.
    pub period: String,
    /// Time of the start, UTC.
    pub started_at: String,
    /// Seconds from then until now.
    pub age_seconds: i64,
    /// Faults of the streams, in words.
    pub faults: Vec<String>,
}

/// State of all streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerStatus {
    /// Streams, by period and pipeline.
    pub streams: Vec<StreamStatus>,
    /// Runs that have begun and not ended.
    pub running: Vec<RunningStatus>,
    /// True if nothing has a fault.
    pub is_good: bool,
}

/// What a monitor wants of the streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusRequest {
    /// Streams that are meant.
    pub choice: StreamChoice,
    /// Most seconds since the end of a run; `None` for any number.
    pub max_age: Option<i64>,
}

/// State of the streams that are meant, at a time.
///
/// # Errors
/// [`RunError::NotThere`] where there is no ledger, and errors of the ledger.
pub fn status(
    out: &Path,
    request: &StatusRequest,
    now: DateTime<Utc>,
) -> Result<LedgerStatus, RunError> {
    let ledger = place::open(out)?;
    let last = ledger.read(runs::last_of_streams)?;
    let wanted = |run: &RunRow| request.choice.has(&run.stream());
    let last: Vec<RunRow> = last.into_iter().filter(wanted).collect();
    let watched = watched(&last);
    let mut streams = Vec::new();
    let mut stages = ledger.read(invoices::all)?;
    for run in last {
        let stream = run.stream();
        let age_seconds = age(&ledger, &run.finished_at, now)?;
        let is_newest = watched.contains(&run.run_no);
        let faults = match is_newest {
            true => faults_of(&run, age_seconds, request.max_age),
            false => Vec::new(),
        };
        streams.push(StreamStatus {
            pipeline: run.pipeline,
            period: run.period,
            is_newest,
            run_no: run.run_no,
            run_id: run.run_id,
            finished_at: run.finished_at,
            age_seconds,
            exit_code: run.exit_code,
            outcome: outcome(run.exit_code),
            reason: run.reason,
            finality: run.finality,
            invoices: stages.remove(&stream).unwrap_or_default(),
            open_breaks: run.open_breaks,
            new_breaks: run.new_breaks,
            accepted_breaks: run.accepted_breaks,
            faults,
        });
    }
    let mut running = Vec::new();
    for run in ledger.read(runs::going_on)? {
        let name = &request.choice.pipeline;
        if name.as_ref().is_none_or(|name| *name == run.pipeline) {
            running.push(running_of(&ledger, run, request.max_age, now)?);
        }
    }
    let is_good = streams.iter().all(|stream| stream.faults.is_empty())
        && running.iter().all(|run| run.faults.is_empty());
    Ok(LedgerStatus {
        streams,
        running,
        is_good,
    })
}

/// Numbers of the runs that a monitor goes by: the last one of each pipeline's newest period, and a
/// later one that failed before it came to a period.
fn watched(last: &[RunRow]) -> Vec<i64> {
    let mut newest: BTreeMap<&str, &RunRow> = BTreeMap::new();
    for run in last {
        let kept = newest.entry(&run.pipeline).or_insert(run);
        if run.period > kept.period {
            *kept = run;
        }
    }
    let is_watched = |run: &&RunRow| {
        let newest = newest[run.pipeline.as_str()];
        run.run_no == newest.run_no || (run.period.is_empty() && run.run_no > newest.run_no)
    };
    last.iter()
        .filter(is_watched)
        .map(|run| run.run_no)
        .collect()
}

fn faults_of(run: &RunRow, age_seconds: i64, max_age: Option<i64>) -> Vec<String> {
    let mut faults = Vec::new();
    if max_age.is_some_and(|most| age_seconds > most) {
        faults.push(format!("it ended {} ago", age_words(age_seconds)));
    }
    // Breaks are no failure, nor is what Microsoft has not delivered yet.
    let is_awaited = matches!(run.finality.as_str(), "awaited" | "not_due");
    match run.exit_code {
        0 | 10 | 12 => {}
        11 if is_awaited => {}
        137 => faults.push("it did not end".to_owned()),
        code => faults.push(format!("it ended with exit code {code}, {}", outcome(code))),
    }
    faults
}

fn running_of(
    ledger: &Ledger,
    run: RunningRun,
    max_age: Option<i64>,
    now: DateTime<Utc>,
) -> Result<RunningStatus, RunError> {
    let age_seconds = age(ledger, &run.started_at, now)?;
    let is_old = max_age.is_some_and(|most| age_seconds > most);
    Ok(RunningStatus {
        pipeline: run.pipeline,
        period: run.period,
        started_at: run.started_at,
        age_seconds,
        faults: match is_old {
            true => vec![format!(
                "it began {} ago and has not ended",
                age_words(age_seconds)
            )],
            false => Vec::new(),
        },
    })
}

/// Seconds from a time of the ledger until now; 0 for one in the future, as clocks differ.
fn age(ledger: &Ledger, time: &str, now: DateTime<Utc>) -> Result<i64, RunError> {
    let then = DateTime::parse_from_rfc3339(time).map_err(|_| LedgerError::Damaged {
        path: ledger.path().to_owned(),
        found: format!("`{time}` as the time of a run"),
    })?;
    Ok((now - then.to_utc()).num_seconds().max(0))
}

/// An age in its two largest units, rounded down: `3 d 4 h`, `5 h 20 min`, `7 min`.
#[must_use]
pub fn age_words(seconds: i64) -> String {
    let (days, hours, minutes) = (
        seconds / 86_400,
        seconds % 86_400 / 3_600,
        seconds % 3_600 / 60,
    );
    match (days, hours, minutes) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
