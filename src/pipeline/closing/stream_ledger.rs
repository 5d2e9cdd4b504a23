//! The ledger of one stream: everything that is said about one pipeline and period.

use std::collections::BTreeSet;
use std::path::Path;

use crate::ledger::accruals::{self, Accrual};
use crate::ledger::breaks::{self, LedgerBreak, Stream};
use crate::ledger::closes::{self, CloseRow};
use crate::ledger::events::{self, Event};
use crate::ledger::failure::LedgerError;
use crate::ledger::restatements::{self, Restatement};
use crate::ledger::roll_forward::{self, RollForwardRow};
use crate::ledger::runs::{self, RunRow, RunningRun};
use crate::ledger::store::Ledger;
use crate::pipeline::failure::RunError;
use crate::pipeline::month_end::exports;

/// Exit code of a run that another one kept out: it never looked at the period.
const KEPT_OUT: u8 = 23;

/// Everything that the ledger has of one stream.
#[derive(Debug)]
pub(super) struct StreamLedger {
    pub(super) stream: Stream,
    pub(super) breaks: Vec<(Stream, LedgerBreak)>,
    pub(super) events: Vec<Event>,
    pub(super) rolled: Vec<(i64, Stream, RollForwardRow)>,
    /// Restatements of the period, and of others that are posted in it.
    pub(super) restatements: Vec<Restatement>,
    pub(super) accruals: Vec<(i64, Stream, Accrual)>,
    /// Runs of the stream, and failed ones of its pipeline that did not come to know their period.
    pub(super) runs: Vec<RunRow>,
    pub(super) closes: Vec<CloseRow>,
    /// Runs that were killed and are not in the log yet.
    pub(super) killed: Vec<RunningRun>,
    /// Packs that closes of any period name.
    pub(super) packs: BTreeSet<String>,
    /// Number and hash of the last event of any stream.
    pub(super) last_event: Option<String>,
}

impl StreamLedger {
    /// Reads all of a stream.
    ///
    /// # Errors
    /// [`RunError::Ledger`].
    pub(super) fn read(ledger: &Ledger, stream: &Stream) -> Result<Self, RunError> {
        let is_of_run = |run: &RunRow| {
            run.pipeline == stream.pipeline
                && (run.period == stream.period || run.period.is_empty() && !run.published)
        };
        let is_restated = |row: &Restatement| {
            row.stream == *stream
                || row.stream.pipeline == stream.pipeline && row.posted_in == stream.period
        };
        let is_killed = |run: &RunningRun| {
            run.pipeline == stream.pipeline
                && (run.period == stream.period || run.period.is_empty())
        };
        let found = ledger.read(|connection| {
            let closes = closes::all(connection)?;
            let mut found = Self {
                stream: stream.clone(),
                last_event: events::last_noted(connection)?,
                breaks: breaks::all(connection)?,
                events: events::list(connection, None)?,
                rolled: roll_forward::all(connection)?,
                restatements: restatements::all(connection)?,
                accruals: accruals::all(connection)?,
                runs: runs::all(connection)?,
                killed: runs::going_on(connection)?,
                packs: closes.iter().map(|close| close.pack.clone()).collect(),
                closes,
            };
            found.breaks.retain(|(of, _)| of == stream);
            found.events.retain(|event| event.stream == *stream);
            found.rolled.retain(|(_, of, _)| of == stream);
            found.restatements.retain(is_restated);
            found.accruals.retain(|(_, of, _)| of == stream);
            found.runs.retain(is_of_run);
            found.closes.retain(|close| close.stream() == *stream);
            found.killed.retain(is_killed);
            Ok(found)
        })?;
        Ok(found)
    }

    /// The last run that looked at the period; `None` before the first one.
    pub(super) fn last_run(&self) -> Option<&RunRow> {
        self.runs.iter().rev().find(|run| run.exit_code != KEPT_OUT)
    }

    /// The last run that became the newest of the stream.
    pub(super) fn current(&self) -> Option<&RunRow> {
        self.runs.iter().rev().find(|run| run.is_current)
    }

    /// Name of the period in messages.
    pub(super) fn name(&self) -> String {
        name_of(&self.stream)
    }
}

/// Name of a stream in messages.
pub(super) fn name_of(stream: &Stream) -> String {
    format!("The period {} of `{}`", stream.period, stream.pipeline)
}

/// The ledger of an output folder, which has to be there. Its tables are written again if a command
/// that was killed left them behind.
///
/// # Errors
/// [`RunError::NotThere`] if there is none.
pub(super) fn opened(out: &Path) -> Result<Ledger, RunError> {
    let ledger = Ledger::existing(out)?.ok_or_else(|| RunError::NotThere {
        what: format!("`{}`", out.display()),
        found: "no ledger".to_owned(),
        wanted: "the output folder of a run".to_owned(),
        hint: "name the folder that holds the runs with `--out`; `tieout run` prints it".to_owned(),
    })?;
    // Whoever only looks may have no right to write here.
    drop(exports::refresh(out, &ledger));
    Ok(ledger)
}

/// The one stream of a period that is meant.
///
/// # Errors
/// [`LedgerError::Refused`] if there is none, or several and none is named.
pub(super) fn pick(
    ledger: &Ledger,
    period: &str,
    pipeline: Option<&str>,
) -> Result<Stream, RunError> {
    let log = ledger.read(runs::all)?;
    let mut names: BTreeSet<&str> = log
        .iter()
        .filter(|run| run.period == period)
        .map(|run| run.pipeline.as_str())
        .collect();
    if let Some(pipeline) = pipeline {
        names.retain(|name| *name == pipeline);
    }
    let refused = |found: String, wanted: &str, hint: &str| {
        RunError::from(LedgerError::Refused {
            what: format!("The period {period}"),
            found,
            wanted: wanted.to_owned(),
            hint: hint.to_owned(),
        })
    };
    let names: Vec<&str> = names.into_iter().collect();
    match (names.as_slice(), pipeline) {
        ([name], _) => Ok(Stream {
            pipeline: (*name).to_owned(),
            period: period.to_owned(),
        }),
        ([], None) => Err(refused(
            "no run of it".to_owned(),
            "a complete run",
            "`tieout runs` lists those that there are",
        )),
        ([], Some(pipeline)) => Err(refused(
            format!("no run of pipeline `{pipeline}`"),
            "a complete run",
            "`tieout runs` lists those that there are",
        )),
        (names, _) => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let found = format!("runs of the pipelines {}", names.join(" and "));
            let hint = "name it with `--pipeline-name`";
            Err(refused(found, "one of them", hint))
        }
    }
}
