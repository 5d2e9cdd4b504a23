//! The ledger's own proofs: its chains, and that the states of breaks are those that their events
//! lead to.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::accruals;
use super::breaks::{self, LedgerBreak, State, Stream};
use super::chain::BEGINNING;
use super::closes;
use super::events::{self, Event};
use super::record::figures_hash;
use super::reopening;
use super::restatements;
use super::roll_forward;
use super::runs;

/// Looks for what was changed in the ledger from outside; each fault in words, none if it is whole.
///
/// # Errors
/// Errors of the database, such as damage that SQLite notices itself.
pub fn faults(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let mut faults = Vec::new();
    let check: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if check != "ok" {
        faults.push(format!("the database: `{check}`"));
    }
    let events = events::list(connection, None)?;
    let links = events.iter().map(|event| Link {
        number: event.event_no,
        what: format!(
            "event {} ({} of `{}`)",
            event.event_no, event.event, event.break_id
        ),
        previous: Some(&event.previous_hash),
        hash: &event.hash,
        wanted: Box::new(|previous: &str| event.wanted_hash(previous)),
    });
    chain(
        links.collect(),
        "event",
        events::last_noted(connection)?,
        &mut faults,
    );
    let log = runs::all(connection)?;
    let links = log.iter().map(|run| Link {
        number: run.run_no,
        what: format!("run {}", run.run_no),
        previous: None,
        hash: &run.hash,
        wanted: Box::new(|previous: &str| run.wanted_hash(previous)),
    });
    chain(
        links.collect(),
        "run",
        runs::last_noted(connection)?,
        &mut faults,
    );
    let closes = closes::all(connection)?;
    let links = closes.iter().map(|close| Link {
        number: close.close_no,
        what: format!(
            "close {} ({} of {})",
            close.close_no, close.event, close.period
        ),
        previous: Some(&close.previous_hash),
        hash: &close.hash,
        wanted: Box::new(|previous: &str| close.wanted_hash(previous)),
    });
    chain(
        links.collect(),
        "close",
        closes::last_noted(connection)?,
        &mut faults,
    );
    figures(connection, &log, &mut faults)?;
    if !reopening::are_whole(connection, &closes)? {
        faults
            .push("the reversals of reopened periods: changed after they were written".to_owned());
    }
    replay(&events, &breaks::all(connection)?, &mut faults);
    Ok(faults)
}

/// Row of a chain.
struct Link<'l> {
    number: i64,
    what: String,
    /// Hash of the row before, where the row has it.
    previous: Option<&'l String>,
    hash: &'l String,
    wanted: Box<dyn Fn(&str) -> String + 'l>,
}

/// Follows a chain from its beginning to the row that was noted as its last.
fn chain(links: Vec<Link<'_>>, kind: &str, noted: Option<String>, faults: &mut Vec<String>) {
    let mut previous = BEGINNING.to_owned();
    let mut number = 0;
    for link in &links {
        if link.number != number + 1 {
            let (first, last) = (number + 1, link.number - 1);
            let which = if first == last {
                format!("{kind} {first}")
            } else {
                format!("{kind}s {first} to {last}")
            };
            faults.push(format!("{which}: removed"));
            // The rows behind a gap are held against what they say of the row before.
            if let Some(said) = link.previous {
                previous.clone_from(said);
            }
        }
        let follows = link.previous.is_none_or(|said| *said == previous);
        if !follows || (link.wanted)(&previous) != *link.hash {
            // A row without the hash before it cannot be told from a gap behind it.
            faults.push(format!("{}: changed after it was written", link.what));
        }
        link.hash.clone_into(&mut previous);
        number = link.number;
    }
    let last = if number == 0 {
        None
    } else {
        Some(format!("{number} {previous}"))
    };
    let noted_number = noted
        .as_deref()
        .and_then(|noted| noted.split(' ').next()?.parse::<i64>().ok());
    if last != noted {
        match noted_number {
            Some(noted) if noted > number => {
                faults.push(format!(
                    "{kind} {}: removed, the last was {noted}",
                    number + 1
                ));
            }
            _ => faults.push(format!(
                "{kind} {number}: is not what was noted as the last"
            )),
        }
    }
}

/// Holds the figures of runs against the hash in the log.
fn figures(
    connection: &Connection,
    log: &[runs::RunRow],
    faults: &mut Vec<String>,
) -> Result<(), rusqlite::Error> {
    let mut rolled: BTreeMap<i64, Vec<_>> = BTreeMap::new();
    for (run_no, _, row) in roll_forward::all(connection)? {
        rolled.entry(run_no).or_default().push(row);
    }
    let mut restated: BTreeMap<i64, Vec<_>> = BTreeMap::new();
    for row in restatements::all(connection)? {
        restated.entry(row.run_no).or_default().push(row);
    }
    let mut accrued: BTreeMap<i64, Vec<_>> = BTreeMap::new();
    for (run_no, _, row) in accruals::all(connection)? {
        accrued.entry(run_no).or_default().push(row);
    }
    let mut newest: BTreeMap<Stream, i64> = BTreeMap::new();
    for run in log.iter().filter(|run| run.is_current) {
        newest.insert(run.stream(), run.run_no);
    }
    for run in log.iter().filter(|run| !run.figures_hash.is_empty()) {
        // Of an older run the accruals are gone, and with them its hash cannot be made again.
        let is_newest = newest.get(&run.stream()) == Some(&run.run_no);
        if run.is_current && !is_newest {
            continue;
        }
        let of = |rows: &mut BTreeMap<i64, Vec<_>>| rows.remove(&run.run_no).unwrap_or_default();
        let hash = figures_hash(
            &of(&mut rolled),
            &restated.remove(&run.run_no).unwrap_or_default(),
            &accrued.remove(&run.run_no).unwrap_or_default(),
        );
        if hash != run.figures_hash {
            faults.push(format!(
                "the figures of run {}: changed after they were written",
                run.run_no
            ));
        }
    }
    Ok(())
}

/// What the events say of a break.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    amount: String,
    cause: String,
    owner: String,
    label: String,
    ticket: String,
    is_accepted: bool,
    is_resolved: bool,
}

/// Holds the states of breaks against what their events lead to.
fn replay(events: &[Event], known: &[(Stream, LedgerBreak)], faults: &mut Vec<String>) {
    let mut told: BTreeMap<(&Stream, &str), Told> = BTreeMap::new();
    for event in events {
        let one = told
            .entry((&event.stream, event.break_id.as_str()))
            .or_default();
        match event.event.as_str() {
            "new" => {
                one.amount.clone_from(&event.amount);
                one.cause.clone_from(&event.after);
            }
            // An acceptance that ended changes neither amount nor cause.
            "reopened" if one.is_resolved => {
                one.amount.clone_from(&event.amount);
                one.cause.clone_from(&event.after);
                one.is_resolved = false;
            }
            "reopened" => {
                one.is_accepted = false;
                // A person's reopening ends the dispute, too; a run's does not.
                if event.run_no.is_empty() {
                    one.ticket.clear();
                }
            }
            "moved" => one.amount.clone_from(&event.after),
            "recaused" => one.cause.clone_from(&event.after),
            "resolved" => {
                one.is_resolved = true;
                one.is_accepted = false;
            }
            "accepted" => one.is_accepted = true,
            "assigned" => one.owner.clone_from(&event.after),
            "labelled" => one.label.clone_from(&event.after),
            "disputed" => {
                one.ticket.clone_from(&event.after);
                one.is_accepted = false;
            }
            _ => {}
        }
    }
    for (stream, one) in known {
        let id = one.found.break_id.as_str();
        let is = Told {
            amount: super::amount::text(one.found.amount),
            cause: one.found.cause.clone(),
            owner: one.owner.clone(),
            label: one.label.clone(),
            ticket: one.ticket.clone(),
            is_accepted: one.state == State::Accepted,
            is_resolved: one.state == State::Resolved,
        };
        let wanted = told.remove(&(stream, id)).unwrap_or_default();
        let of = format!("break `{id}` of {}", stream.period);
        if is != wanted {
            faults.push(format!("{of}: is not what its events lead to"));
        }
        if one.state.is_open() && one.state != one.open_state() {
            faults.push(format!(
                "{of}: its state is not what its owner and ticket say"
            ));
        }
    }
    for (stream, id) in told.into_keys() {
        faults.push(format!("break `{id}` of {}: removed", stream.period));
    }
}
