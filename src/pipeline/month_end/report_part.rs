//! The ledger's part of a report, read from the ledger for one run.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::tables::RunDays;
use crate::ledger::breaks::{self, LedgerBreak, State};
use crate::ledger::runs::{self, RunRow};
use crate::ledger::store::Ledger;
use crate::ledger::{accruals, closes, events, restatements, roll_forward};
use crate::pipeline::failure::RunError;
use crate::pipeline::presentation::ledger_part::{
    AgedBreak, ChangedLine, LedgerPart, RestatedLine, unit_words,
};

/// What the ledger has of a run, and of its pipeline and period.
///
/// # Errors
/// [`RunError::Ledger`].
pub(crate) fn of_run(ledger: &Ledger, run: &RunRow) -> Result<LedgerPart, RunError> {
    let stream = run.stream();
    let log = ledger.read(runs::all)?;
    let days = RunDays::of(&log);
    let before = log
        .iter()
        .rev()
        .find(|one| one.is_current && one.run_no < run.run_no && one.stream() == stream);
    let mut known: BTreeMap<String, LedgerBreak> = BTreeMap::new();
    for (of, one) in ledger.read(breaks::all)? {
        if of == stream {
            known.insert(one.found.break_id.clone(), one);
        }
    }
    let number = run.run_no.to_string();
    let events = ledger.read(|connection| events::list(connection, None))?;
    let of_run = events
        .iter()
        .filter(|event| event.stream == stream && event.run_no == number);
    let mut changes: Vec<ChangedLine> = Vec::new();
    for event in of_run {
        if let Some(known) = known.get(&event.break_id) {
            changes.extend(ChangedLine::of(event, known)?);
        }
    }
    changes.sort_by(by_unit_and_size);
    let rolled = ledger.read(roll_forward::all)?.into_iter();
    let accrued = ledger.read(accruals::all)?.into_iter();
    let mut restated = ledger.read(restatements::all)?;
    restated.retain(|row| {
        row.stream == stream
            || row.stream.pipeline == stream.pipeline && row.posted_in == stream.period
    });
    let restated = restated
        .into_iter()
        .map(RestatedLine::of)
        .collect::<Result<Vec<RestatedLine>, RunError>>()?;
    let mut closed = ledger.read(closes::all)?;
    closed.retain(|close| close.stream() == stream);
    let there = known
        .into_values()
        .filter(|one| one.state != State::Resolved);
    Ok(LedgerPart {
        run: run.clone(),
        run_before: before.map(|run| run.run_no),
        changes,
        roll_forward: rolled
            .filter(|(run_no, _, _)| *run_no == run.run_no)
            .map(|(_, _, row)| row)
            .collect(),
        breaks: there
            .map(|one| AgedBreak {
                age_days: days.age_of(&stream, &one),
                known: one,
            })
            .collect(),
        restatements: restated,
        accruals: accrued
            .filter(|(_, of, _)| *of == stream)
            .map(|(_, _, row)| row)
            .collect(),
        closes: closed,
        closing: None,
    })
}

/// Order of changes: by unit, the largest first.
fn by_unit_and_size(one: &ChangedLine, other: &ChangedLine) -> Ordering {
    let unit = |line: &ChangedLine| unit_words(&line.tie_out, &line.currency);
    let size = other.change.abs().cmp(&one.change.abs());
    let units = unit(one).cmp(&unit(other));
    units
        .then(size)
        .then_with(|| one.break_id.cmp(&other.break_id))
}
