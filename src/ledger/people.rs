//! Words of people about breaks: who has one, what it is called, that it is disputed or accepted. Each
//! is an event, and none is ever lost.

use rust_decimal::Decimal;

use super::amount;
use super::breaks::{self, LedgerBreak, State, Stream};
use super::closes;
use super::events::{self, BreakChange, EventKind};
use super::failure::LedgerError;
use super::store::Ledger;

/// Word of a person about a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// This person has it; an empty name for nobody.
    Assign(String),
    /// It has this label; an empty one for none.
    Label(String),
    /// It is disputed under this ticket.
    Dispute(String),
    /// It is put up with.
    Accept {
        /// Last day of the acceptance.
        until: String,
        /// Largest amount, in either direction; `None` for its amount now.
        cap: Option<Decimal>,
    },
    /// It is open: not accepted, and not disputed.
    Reopen,
}

/// What a person says of some breaks, and who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    /// Ids of the breaks.
    pub break_ids: Vec<String>,
    /// Pipeline and period of the breaks; `None` for any that has them.
    pub pipeline: Option<String>,
    /// Period of the breaks; `None` for the newest that has them.
    pub period: Option<String>,
    /// Word that is said of them.
    pub word: Word,
    /// Name of the person.
    pub by: String,
    /// Reason; empty where none is asked for.
    pub reason: String,
    /// Time of it, in UTC.
    pub at: String,
    /// Day of the person.
    pub today: String,
}

impl Ledger {
    /// Writes down what a person says; the breaks as they are then. Of several breaks all are changed,
    /// or none.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] for a break that is not known, or that the word does not fit; errors of
    /// the database.
    pub fn say(&mut self, saying: &Saying) -> Result<Vec<(Stream, LedgerBreak)>, LedgerError> {
        let change = self.change()?;
        let mut changed = Vec::new();
        for id in &saying.break_ids {
            let known = change.step(|connection| find(connection, id))?;
            let (stream, mut one) = pick(id, known, saying)?;
            if matches!(saying.word, Word::Accept { .. } | Word::Reopen) {
                let close = change.step(|connection| closes::of_stream(connection, &stream))?;
                if let Some(close) = close {
                    return Err(refused(
                        id,
                        format!("{} closed by {} on {}", stream.period, close.by, close.at),
                        "an open period",
                        "what a closed month holds stays as it was; `tieout reopen` opens it",
                    ));
                }
            }
            let event = speak(&mut one, saying)?;
            change.step(|connection| {
                breaks::save(connection, &stream, [&one])?;
                events::add(connection, &stream, None, &saying.at, &[event])
            })?;
            changed.push((stream, one));
        }
        change.commit()?;
        Ok(changed)
    }
}

/// Breaks of an id, in all streams that have it.
///
/// # Errors
/// Errors of the database.
pub fn find(
    connection: &rusqlite::Connection,
    break_id: &str,
) -> Result<Vec<(Stream, LedgerBreak)>, rusqlite::Error> {
    let columns = breaks::COLUMNS;
    let query =
        format!("SELECT {columns} FROM breaks WHERE break_id = ?1 ORDER BY period DESC, pipeline");
    let mut statement = connection.prepare(&query)?;
    // Groups of one break differ in a number behind its id.
    let id = break_id.split('.').next().unwrap_or(break_id);
    let rows = statement.query_map([id], |row| {
        let stream = Stream {
            pipeline: row.get(32)?,
            period: row.get(33)?,
        };
        Ok((stream, breaks::of_row(row)?))
    })?;
    rows.collect()
}

/// The one break that is meant.
fn pick(
    id: &str,
    known: Vec<(Stream, LedgerBreak)>,
    saying: &Saying,
) -> Result<(Stream, LedgerBreak), LedgerError> {
    let is_wanted = |(stream, _): &(Stream, LedgerBreak)| {
        saying
            .pipeline
            .as_ref()
            .is_none_or(|name| *name == stream.pipeline)
            && saying
                .period
                .as_ref()
                .is_none_or(|period| *period == stream.period)
    };
    let mut wanted: Vec<_> = known.into_iter().filter(is_wanted).collect();
    // One id may stand in two months, as usage of no invoice does: the one that is there is meant.
    if wanted.len() > 1 && wanted.iter().any(|(_, one)| one.state != State::Resolved) {
        wanted.retain(|(_, one)| one.state != State::Resolved);
    }
    match wanted.len() {
        0 => Err(refused(
            id,
            "no such break in the ledger".to_owned(),
            "a `break_id` of a complete run",
            "`tieout breaks list` shows them",
        )),
        1 => Ok(wanted.remove(0)),
        _ => {
            let names: Vec<String> = wanted
                .iter()
                .map(|(stream, _)| format!("`{}` of {}", stream.pipeline, stream.period))
                .collect();
            Err(refused(
                id,
                format!("it in {}", names.join(" and ")),
                "one of them",
                "name it with `--pipeline-name` and `--period`",
            ))
        }
    }
}

fn refused(id: &str, found: String, wanted: &str, hint: &str) -> LedgerError {
    LedgerError::Refused {
        what: format!("Break `{id}`"),
        found,
        wanted: wanted.to_owned(),
        hint: hint.to_owned(),
    }
}

/// Changes a break as a person says; the event of it.
fn speak(one: &mut LedgerBreak, saying: &Saying) -> Result<BreakChange, LedgerError> {
    let id = one.found.break_id.clone();
    if one.state == State::Resolved && !matches!(saying.word, Word::Label(_)) {
        return Err(refused(
            &id,
            format!("it resolved in run {}", one.closed_in),
            "one that is there",
            "a break that is gone can be labelled; if it comes back, it is open again by itself",
        ));
    }
    let was = one.state.name().to_owned();
    let (kind, before, after, amount) = match &saying.word {
        Word::Assign(name) => {
            let before = std::mem::replace(&mut one.owner, name.clone());
            if one.state != State::Accepted {
                one.state = one.open_state();
            }
            (EventKind::Assigned, before, name.clone(), String::new())
        }
        Word::Label(label) => {
            let before = std::mem::replace(&mut one.label, label.clone());
            (EventKind::Labelled, before, label.clone(), String::new())
        }
        Word::Dispute(ticket) => {
            if one.state == State::Accepted {
                one.end_acceptance(&saying.reason);
            }
            let before = std::mem::replace(&mut one.ticket, ticket.clone());
            one.state = one.open_state();
            (EventKind::Disputed, before, ticket.clone(), String::new())
        }
        Word::Accept { until, cap } => {
            let cap = accept(one, saying, until, *cap)?;
            (EventKind::Accepted, was, until.clone(), amount::text(cap))
        }
        Word::Reopen => {
            if one.state != State::Accepted && one.ticket.is_empty() {
                return Err(refused(
                    &id,
                    format!("it {was}"),
                    "an accepted or disputed one",
                    "there is nothing to reopen",
                ));
            }
            one.ticket.clear();
            one.end_acceptance(&saying.reason);
            let now = amount::text(one.found.amount);
            (EventKind::Reopened, was, one.state.name().to_owned(), now)
        }
    };
    if !saying.reason.is_empty() {
        one.reason.clone_from(&saying.reason);
    }
    Ok(BreakChange {
        break_id: id,
        kind,
        actor: saying.by.clone(),
        before,
        after,
        amount,
        reason: saying.reason.clone(),
    })
}

/// Accepts a break; its cap.
fn accept(
    one: &mut LedgerBreak,
    saying: &Saying,
    until: &str,
    cap: Option<Decimal>,
) -> Result<Decimal, LedgerError> {
    let now = one.found.amount.abs();
    let cap = cap.unwrap_or(now);
    let id = &one.found.break_id;
    if cap < now {
        let (found, wanted) = (format!("a cap of {}", amount::text(cap)), amount::text(now));
        let hint = "an acceptance that does not cover the break would end with the next run";
        return Err(refused(id, found, &format!("{wanted} or more"), hint));
    }
    if until < saying.today.as_str() {
        let found = format!("a last day of {until}");
        let hint = "an acceptance ends by itself, so that it is looked at again";
        return Err(refused(
            id,
            found,
            &format!("{} or later", saying.today),
            hint,
        ));
    }
    one.state = State::Accepted;
    one.accepted_by.clone_from(&saying.by);
    until.clone_into(&mut one.accepted_until);
    one.accepted_cap = Some(cap);
    Ok(cap)
}
