//! Lists of breaks, the history of one, and what a list adds up to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rust_decimal::Decimal;
use serde::Serialize;

use super::break_rows::BreakRow;
use super::place::{self, StreamChoice};
use super::sums::{ExactSum, SumUnit};
use crate::ledger::breaks::{self, Stream};
use crate::ledger::events;
use crate::ledger::store::Ledger;
use crate::ledger::{people, runs};
use crate::pipeline::failure::RunError;
use crate::pipeline::month_end::tables::RunDays;

pub use crate::ledger::breaks::State;
pub use crate::ledger::events::Event;

/// Conditions that all breaks of a list meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BreakFilter {
    /// Streams of the breaks.
    pub choice: StreamChoice,
    /// True for breaks that the last complete run of their stream has for the first time, or again.
    pub is_new: bool,
    /// States of the breaks; empty for all but resolved ones.
    pub states: Vec<State>,
    /// Name of the owner, whatever its case; an empty one for nobody.
    pub owner: Option<String>,
    /// Name of the cause.
    pub cause: Option<String>,
    /// Id of the customer, or a part of its name, whatever its case.
    pub customer: Option<String>,
    /// Amount that breaks are larger than, in either direction.
    pub over: Option<Decimal>,
}

/// Breaks, and what they add up to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakList {
    /// Sums by measure and currency.
    pub sums: Vec<BreakSum>,
    /// Breaks, the largest of each unit first.
    pub breaks: Vec<BreakRow>,
}

/// Sum of the breaks of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakSum {
    /// Measure and currency of the sums.
    #[serde(flatten)]
    pub unit: SumUnit,
    /// Number of breaks in the sums.
    pub breaks: u64,
    /// Sum of the amounts.
    pub net: ExactSum,
    /// Sum of the amounts without their signs.
    pub gross: ExactSum,
}

/// Break with all that happened to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakHistory {
    /// Break as it is now.
    #[serde(flatten)]
    pub row: BreakRow,
    /// Events, the oldest first.
    pub events: Vec<Event>,
}

/// Breaks that meet some conditions; none is no error.
///
/// # Errors
/// [`RunError::NotThere`] where there is no ledger, and errors of the ledger.
pub fn list(out: &Path, filter: &BreakFilter) -> Result<BreakList, RunError> {
    let ledger = place::open(out)?;
    let fresh = match filter.is_new {
        true => Some(fresh_ids(&ledger)?),
        false => None,
    };
    let all = ledger.read(breaks::all)?;
    let days = RunDays::of(&ledger.read(runs::all)?);
    let rows = all
        .into_iter()
        .map(|(stream, known)| BreakRow::of(stream, known, &days))
        .filter(|row| filter.has(row))
        .filter(|row| {
            let key = (row.stream.clone(), row.break_id.clone());
            fresh.as_ref().is_none_or(|fresh| fresh.contains(&key))
        });
    let mut rows: Vec<BreakRow> = rows.collect();
    rows.sort_by(|one, other| {
        let size = other.amount_now.abs().cmp(&one.amount_now.abs());
        let keys = |row: &BreakRow| (row.stream.clone(), row.break_id.clone());
        let unit = one.unit().cmp(&other.unit());
        unit.then(size).then_with(|| keys(one).cmp(&keys(other)))
    });
    Ok(BreakList {
        sums: sums_of(&rows),
        breaks: rows,
    })
}

impl BreakFilter {
    fn has(&self, row: &BreakRow) -> bool {
        let is_state = match self.states.as_slice() {
            [] => row.state != State::Resolved,
            states => states.contains(&row.state),
        };
        let same = |wanted: &Option<String>, text: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.to_lowercase() == text.to_lowercase())
        };
        let is_of_customer = self.customer.as_ref().is_none_or(|wanted| {
            let wanted = wanted.to_lowercase();
            row.customer_id.to_lowercase() == wanted
                || row.customer_name.to_lowercase().contains(&wanted)
        });
        is_state
            && is_of_customer
            && self.choice.has(&row.stream)
            && same(&self.owner, &row.owner)
            && same(&self.cause, &row.cause_now)
            && self
                .over
                .is_none_or(|over| row.amount_now.abs() > ExactSum::of(over))
    }
}

/// Breaks that the last complete run of their stream has for the first time, or again.
fn fresh_ids(ledger: &Ledger) -> Result<BTreeSet<(Stream, String)>, RunError> {
    let log = ledger.read(runs::all)?;
    let current = log.iter().filter(|run| run.is_current);
    // The last of a stream wins.
    let newest: BTreeMap<Stream, String> = current
        .map(|run| (run.stream(), run.run_no.to_string()))
        .collect();
    let events = ledger.read(|connection| events::list(connection, None))?;
    let fresh = events.into_iter().filter(|event| {
        matches!(event.event.as_str(), "new" | "reopened")
            && newest.get(&event.stream) == Some(&event.run_no)
    });
    Ok(fresh.map(|event| (event.stream, event.break_id)).collect())
}

fn sums_of(rows: &[BreakRow]) -> Vec<BreakSum> {
    let mut sums: BTreeMap<SumUnit, BreakSum> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(row.unit()).or_insert_with_key(|unit| BreakSum {
            unit: unit.clone(),
            breaks: 0,
            net: ExactSum::default(),
            gross: ExactSum::default(),
        });
        sum.breaks += 1;
        sum.net += row.amount_now;
        sum.gross += row.amount_now.abs();
    }
    sums.into_values().collect()
}

/// A break in every stream that is meant and has it, with its history; the newest period first.
///
/// # Errors
/// [`RunError::NotThere`] where there is no such break, or no ledger; errors of the ledger.
pub fn show(
    out: &Path,
    break_id: &str,
    choice: &StreamChoice,
) -> Result<Vec<BreakHistory>, RunError> {
    let ledger = place::open(out)?;
    let found = ledger.read(|connection| people::find(connection, break_id))?;
    let days = RunDays::of(&ledger.read(runs::all)?);
    let mut histories = Vec::new();
    for (stream, known) in found {
        if !choice.has(&stream) {
            continue;
        }
        let id = known.found.break_id.clone();
        let mut events = ledger.read(|connection| events::list(connection, Some(&id)))?;
        events.retain(|event| event.stream == stream);
        let row = BreakRow::of(stream, known, &days);
        histories.push(BreakHistory { row, events });
    }
    if histories.is_empty() {
        return Err(RunError::NotThere {
            what: format!("Break `{break_id}` of {}", choice.words()),
            found: "no such break in the ledger".to_owned(),
            wanted: "a `break_id` of a complete run".to_owned(),
            hint: "`tieout breaks list` shows them".to_owned(),
        });
    }
    Ok(histories)
}
