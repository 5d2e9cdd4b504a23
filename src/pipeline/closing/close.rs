//! Closing a period, and opening it again.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::conditions;
use super::cover::SignOff;
use super::pack;
use super::stream_ledger::{self, StreamLedger};
use crate::ledger::closes::{self, CLOSED, CloseRow};
use crate::ledger::events;
use crate::ledger::failure::LedgerError;
use crate::ledger::reopening::Reopening;
use crate::ledger::restatements::Restatement;
use crate::ledger::store::Ledger;
use crate::pipeline::failure::RunError;
use crate::pipeline::month_end::exports;
use crate::pipeline::month_end::log::now;
use crate::pipeline::month_end::report_part;
use crate::pipeline::presentation::ledger_part::LedgerPart;
use crate::reports::atomic::OutputFolder;

/// Request to close or reopen a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodRequest {
    /// Output folder of the runs.
    pub out: PathBuf,
    /// Billing period, as the runs have it: `2026-10`.
    pub period: String,
    /// Name of the pipeline; `None` for the only one that has the period.
    pub pipeline: Option<String>,
    /// Name of the person.
    pub by: String,
    /// Today, UTC, as `2026-11-21`.
    pub today: String,
}

/// Period that was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClosedPeriod {
    /// Row of the ledger.
    pub close: CloseRow,
    /// Folder of the closing pack.
    pub folder: PathBuf,
}

/// Period that was opened again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReopenedPeriod {
    /// Row of the ledger.
    pub close: CloseRow,
    /// Rows that take back what was posted into later periods.
    pub reversals: Vec<Restatement>,
}

/// Closes a period: writes its pack, then its row in the ledger.
///
/// # Errors
/// [`LedgerError::Refused`] with the reason against it, and [`RunError`]; the period is then open.
pub fn close(request: &PeriodRequest) -> Result<ClosedPeriod, RunError> {
    let (mut ledger, output) = opened(&request.out)?;
    let stream = stream_ledger::pick(&ledger, &request.period, request.pipeline.as_deref())?;
    let stream = StreamLedger::read(&ledger, &stream)?;
    let run_folder = |run_id: &str| output.run_folder(run_id);
    let closable = conditions::check(&ledger, &stream, &run_folder, &request.today)?;
    let at = now();
    let sign_off = SignOff {
        by: &request.by,
        at: &at,
        today: &request.today,
    };
    // Behind the reading of the stream: a break that changes in between keeps the row from being
    // written.
    let part = LedgerPart {
        closing: Some([request.by.clone(), at.clone()]),
        ..report_part::of_run(&ledger, closable.run)?
    };
    let pack = pack::write(&output, &stream, &closable, &sign_off, part)?;
    let row = CloseRow {
        event: CLOSED.to_owned(),
        pipeline: stream.stream.pipeline.clone(),
        period: stream.stream.period.clone(),
        by: request.by.clone(),
        at: at.clone(),
        run_no: closable.run.run_no.to_string(),
        run_id: closable.run.run_id.clone(),
        manifest_hash: closable.run.manifest_hash.clone(),
        pack: pack.name,
        totals: pack.totals,
        ..CloseRow::default()
    };
    let close = write_row(&mut ledger, &stream, row)?;
    exports::refresh(&request.out, &ledger)?;
    Ok(ClosedPeriod {
        close,
        folder: pack.folder,
    })
}

/// Writes the row of a close, unless somebody has changed a break since its pack was made.
fn write_row(
    ledger: &mut Ledger,
    stream: &StreamLedger,
    row: CloseRow,
) -> Result<CloseRow, RunError> {
    let change = ledger.change()?;
    let last_event = change.step(events::last_noted)?;
    if last_event != stream.last_event {
        return Err(RunError::from(LedgerError::Refused {
            what: stream.name(),
            found: "a break that somebody changed meanwhile".to_owned(),
            wanted: "the breaks as they are in the closing pack".to_owned(),
            hint: "close it again: the pack without a close is replaced".to_owned(),
        }));
    }
    let row = closes::add(&change, row)?;
    change.commit()?;
    Ok(row)
}

/// Opens a closed period again. Its pack stays.
///
/// # Errors
/// [`LedgerError::Refused`] if it is open, and [`RunError`]; the period is then closed as before.
pub fn reopen(request: &PeriodRequest, reason: &str) -> Result<ReopenedPeriod, RunError> {
    let (mut ledger, _output) = opened(&request.out)?;
    let stream = stream_ledger::pick(&ledger, &request.period, request.pipeline.as_deref())?;
    let (close, reversals) = ledger.reopen(&Reopening {
        stream,
        by: request.by.clone(),
        reason: reason.to_owned(),
        at: now(),
        today: request.today.clone(),
    })?;
    exports::refresh(&request.out, &ledger)?;
    Ok(ReopenedPeriod { close, reversals })
}

/// The ledger of an output folder, and its lock: no run goes on meanwhile.
fn opened(out: &Path) -> Result<(Ledger, OutputFolder), RunError> {
    // The ledger first: opening another folder would create it.
    let ledger = stream_ledger::opened(out)?;
    let output = OutputFolder::open(out)?;
    Ok((ledger, output))
}
