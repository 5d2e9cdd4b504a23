//! A run in the log of the ledger: that it begins, how it ends, and which pointers follow.

use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};

use super::exports;
use crate::ledger::acceptance::Acceptance;
use crate::ledger::failure::LedgerError;
use crate::ledger::record::{Recorded, RunFigures};
use crate::ledger::runs::{RunRow, RunningRun, pointed_at, pointed_periods, row_of};
use crate::ledger::store::Ledger;
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::reports::atomic::OutputFolder;
use crate::sources::landing::StateOwner;

/// Length of the day at the beginning of a time.
const DAY: usize = "2026-11-21".len();

/// Exit code of a run that another one kept out.
const LOCKED: u8 = 23;

/// A run that has begun in the ledger of its output folder.
#[derive(Debug)]
pub struct RunLog {
    ledger: Ledger,
    running: RunningRun,
    /// Tenant, cloud and host of the data; `None` for files.
    owner: Option<String>,
}

/// Time now, UTC, to the second.
#[must_use]
pub fn now() -> String {
    let now = DateTime::<Utc>::from(std::time::SystemTime::now());
    now.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl RunLog {
    /// Begins a run in the ledger of a locked output folder. Pointers that a run before left behind are
    /// brought to what the ledger says.
    ///
    /// # Errors
    /// [`RunError::Ledger`] if the ledger is damaged or another tenant's; [`RunError::Publish`] if a
    /// pointer cannot be mended.
    pub fn begin(plan: &Plan, today: &str, output: &OutputFolder) -> Result<Self, RunError> {
        let mut ledger = Ledger::open(&plan.out)?;
        let running = running_of(plan, today);
        let owner = owner_of(plan);
        ledger.begin(&running, owner.as_deref(), &running.started_at)?;
        mend(&ledger, output)?;
        Ok(Self {
            ledger,
            running,
            owner,
        })
    }

    /// Row of the run in the log, without what is known at its end.
    #[must_use]
    pub fn row(&self) -> RunRow {
        RunRow {
            finished_at: now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..row_of(&self.running)
        }
    }

    /// Takes a run whose tables are in place into the ledger.
    ///
    /// # Errors
    /// Errors of the ledger, which is then as it was.
    pub fn record(
        &mut self,
        row: RunRow,
        figures: RunFigures,
        acceptances: &[Acceptance],
        exit_code: &mut dyn FnMut(&Recorded) -> u8,
    ) -> Result<Recorded, LedgerError> {
        let figures = RunFigures {
            owner: self.owner.clone(),
            ..figures
        };
        self.ledger.record(row, figures, acceptances, exit_code)
    }

    /// True if any run of the output folder was complete.
    ///
    /// # Errors
    /// Errors of the ledger.
    pub fn has_complete(&self) -> Result<bool, LedgerError> {
        let complete = self
            .ledger
            .read(|connection| pointed_at(connection, None))?;
        Ok(complete.is_some())
    }

    /// Writes the tables of the ledger out.
    ///
    /// # Errors
    /// [`RunError`] if they cannot be written.
    pub fn export(&self, out: &Path) -> Result<(), RunError> {
        exports::refresh(out, &self.ledger)
    }
}

/// Writes a run that published nothing into the log of its output folder, if that has one or can have
/// one. Nothing that goes wrong here hides why the run failed.
pub fn note_failure(plan: &Plan, today: &str, started_at: &str, code: u8, reason: &str) {
    let note = || -> Result<(), RunError> {
        // A run that found the folder locked never began: the log is written to all the same.
        let Some(mut ledger) = Ledger::existing(&plan.out)? else {
            return Ok(());
        };
        let running = RunningRun {
            started_at: started_at.to_owned(),
            ..running_of(plan, today)
        };
        let row = RunRow {
            finished_at: now(),
            exit_code: code,
            reason: reason.lines().next().unwrap_or_default().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            finality: if code == 12 { "not_due" } else { "" }.to_owned(),
            ..row_of(&running)
        };
        ledger.end_failed(row, code != LOCKED)?;
        exports::refresh(&plan.out, &ledger)
    };
    drop(note());
}

fn running_of(plan: &Plan, today: &str) -> RunningRun {
    let owner = plan
        .fetching
        .as_ref()
        .map(|fetching| StateOwner::of(&fetching.account));
    let source = match &owner {
        None => "files",
        Some(owner) if owner.is_sandbox() => "sandbox",
        Some(_) => "service",
    };
    let now = now();
    RunningRun {
        // The command line says what today is; a program that calls the library need not.
        as_of: if today.is_empty() { &now[..DAY] } else { today }.to_owned(),
        started_at: now,
        pipeline: plan.name.clone(),
        tenant: owner.map_or_else(String::new, |owner| owner.tenant().to_owned()),
        source: source.to_owned(),
        period: plan
            .period
            .map_or_else(String::new, |period| period.to_string()),
    }
}

/// Owner of the ledger of a plan that fetches: one ledger is of one tenant, cloud and host.
fn owner_of(plan: &Plan) -> Option<String> {
    let fetching = plan.fetching.as_ref()?;
    Some(StateOwner::of(&fetching.account).to_string())
}

/// Brings the pointers to what the ledger says: a run may have been killed after its change of the
/// ledger, and before its pointers were moved. A `current` that is gone was removed by somebody, and
/// stays away.
fn mend(ledger: &Ledger, output: &OutputFolder) -> Result<(), RunError> {
    let newest = ledger.read(|connection| pointed_at(connection, None))?;
    if let Some(newest) = newest
        && output.current().is_some_and(|run| run != newest.run_id)
        && output.run_folder(&newest.run_id).is_dir()
    {
        output.point_at(&newest.run_id)?;
    }
    for (period, run_id) in ledger.read(pointed_periods)? {
        if output.run_of_period(&period).as_ref() != Some(&run_id)
            && output.run_folder(&run_id).is_dir()
        {
            output.point_period(&period, &run_id)?;
        }
    }
    Ok(())
}
