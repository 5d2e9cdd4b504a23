//! The tables of the ledger as files, so that analysts never open the database. They follow from it
//! alone: a copy that is behind, after a crash, is made again by the next command.

use std::collections::BTreeMap;
use std::path::Path;

use super::tables;
use crate::ledger::breaks::{self, Stream};
use crate::ledger::store::Ledger;
use crate::ledger::{accruals, closes, events, restatements, roll_forward, runs};
use crate::pipeline::failure::RunError;
use crate::reports::ledger_tables;
use crate::reports::table::TablePart;

/// Writes the tables of the ledger to `OUT/ledger`, unless they are there as of its last change.
///
/// # Errors
/// [`RunError`] if the ledger cannot be read, or the files not written; those of before are then
/// intact.
pub fn refresh(out: &Path, ledger: &Ledger) -> Result<(), RunError> {
    let number = ledger.change_number()?;
    if ledger_tables::is_written(out, number) {
        return Ok(());
    }
    Ok(ledger_tables::write(out, number, &all(ledger)?)?)
}

/// All tables of the ledger, in the order of the data dictionary.
///
/// # Errors
/// [`RunError::Ledger`].
pub(crate) fn all(ledger: &Ledger) -> Result<Vec<TablePart<'static>>, RunError> {
    let log = ledger.read(runs::all)?;
    let days = last_days(&log);
    let as_of = |stream: &Stream| days.get(stream).cloned().unwrap_or_default();
    Ok(vec![
        tables::breaks(&ledger.read(breaks::all)?, as_of),
        tables::events(&ledger.read(|connection| events::list(connection, None))?),
        tables::roll_forward(&ledger.read(roll_forward::all)?),
        tables::restatements(&ledger.read(restatements::all)?),
        tables::closes(&ledger.read(closes::all)?),
        tables::accruals(&ledger.read(accruals::all)?),
        tables::runs(&log),
    ])
}

/// Day of the last complete run of each stream.
#[must_use]
pub fn last_days(log: &[runs::RunRow]) -> BTreeMap<Stream, String> {
    let current = log.iter().filter(|run| run.is_current);
    current
        .map(|run| (run.stream(), run.as_of.clone()))
        .collect()
}
