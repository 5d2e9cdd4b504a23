//! The tables of the ledger as files, so that analysts never open the database. They follow from it
//! alone: a copy that is behind, after a crash, is made again by the next command.

use std::path::{Path, PathBuf};

use super::tables::{self, RunDays};
use crate::ledger::breaks;
use crate::ledger::store::Ledger;
use crate::ledger::{accruals, closes, events, restatements, roll_forward, runs};
use crate::pipeline::failure::RunError;
use crate::reports::ledger_tables;
use crate::reports::table::TablePart;

/// Writes the tables of the ledger to `OUT/ledger`, unless they are there as of its last change.
///
/// # Errors
/// [`RunError::Behind`] if the ledger cannot be read, or the files not written; those of before are
/// then intact.
pub fn refresh(out: &Path, ledger: &Ledger) -> Result<(), RunError> {
    write(out, ledger).map_err(|source| RunError::Behind {
        tables: out.join(ledger_tables::LEDGER_POINTER),
        source: Box::new(source),
    })
}

fn write(out: &Path, ledger: &Ledger) -> Result<(), RunError> {
    let number = ledger.change_number()?;
    if ledger_tables::is_written(out, number) {
        return Ok(());
    }
    Ok(ledger_tables::write(out, number, &all(ledger)?)?)
}

/// Files of the ledger's tables that are not what the ledger says, each with what is there.
///
/// # Errors
/// [`RunError`] if the ledger cannot be read, or the comparison not made.
pub(crate) fn changed(out: &Path, ledger: &Ledger) -> Result<Vec<(PathBuf, String)>, RunError> {
    let number = ledger.change_number()?;
    Ok(ledger_tables::changed(out, number, &all(ledger)?)?)
}

/// All tables of the ledger, in the order of the data dictionary.
///
/// # Errors
/// [`RunError::Ledger`].
pub(crate) fn all(ledger: &Ledger) -> Result<Vec<TablePart<'static>>, RunError> {
    let log = ledger.read(runs::all)?;
    let days = RunDays::of(&log);
    Ok(vec![
        tables::breaks(&ledger.read(breaks::all)?, &days),
        tables::events(&ledger.read(|connection| events::list(connection, None))?),
        tables::roll_forward(&ledger.read(roll_forward::all)?),
        tables::restatements(&ledger.read(restatements::all)?),
        tables::closes(&ledger.read(closes::all)?),
        tables::accruals(&ledger.read(accruals::all)?),
        tables::runs(&log),
    ])
}
