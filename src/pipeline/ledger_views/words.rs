//! Words of people about breaks, and the tables of the ledger that follow from them.

use std::path::Path;

use super::break_rows::BreakRow;
use super::place;
use crate::ledger::people::Saying;
use crate::ledger::runs;
use crate::pipeline::failure::RunError;
use crate::pipeline::month_end::exports;
use crate::pipeline::month_end::tables::RunDays;

pub use crate::ledger::people::{Saying as BreakSaying, Word as BreakWord};

/// Writes down what a person says of breaks; the breaks as they are then.
///
/// # Errors
/// [`RunError::NotThere`] where there is no ledger, and errors of the ledger. Of several breaks all
/// are changed, or none.
pub fn say(out: &Path, mut saying: Saying) -> Result<Vec<BreakRow>, RunError> {
    let mut ledger = place::open(out)?;
    let mut ids: Vec<String> = Vec::new();
    for id in saying.break_ids {
        // Groups of one break differ in a number behind its id: they are one break here.
        let id = id.split('.').next().map_or_else(String::new, str::to_owned);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    saying.break_ids = ids;
    let changed = ledger.say(&saying)?;
    // What a person said stands in the ledger even if this fails: the next command makes the tables
    // again.
    exports::refresh(out, &ledger)?;
    let days = RunDays::of(&ledger.read(runs::all)?);
    let rows = changed.into_iter();
    Ok(rows
        .map(|(stream, known)| BreakRow::of(stream, known, &days))
        .collect())
}
