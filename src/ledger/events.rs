//! Events: every change of a break, by a run or by a person, in a chain of hashes.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;

use super::breaks::Stream;
use super::chain::{self, BEGINNING};
use super::store::{meta, set_meta};

/// Kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A run has it for the first time.
    New,
    /// Its amount is another.
    Moved,
    /// Its largest cause is another.
    Recaused,
    /// A run no longer has it.
    Resolved,
    /// It came back, or its acceptance ended.
    Reopened,
    /// It is put up with.
    Accepted,
    /// Somebody has taken it on.
    Assigned,
    /// It has another label.
    Labelled,
    /// It is disputed with the provider.
    Disputed,
}

impl EventKind {
    /// Name of it in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Moved => "moved",
            Self::Recaused => "recaused",
            Self::Resolved => "resolved",
            Self::Reopened => "reopened",
            Self::Accepted => "accepted",
            Self::Assigned => "assigned",
            Self::Labelled => "labelled",
            Self::Disputed => "disputed",
        }
    }
}

/// Change of one break, before it has a place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakChange {
    /// Id of the break.
    pub break_id: String,
    /// Kind of the change.
    pub kind: EventKind,
    /// Who made it: a person, `run`, or `pipeline`.
    pub actor: String,
    /// Value before; empty for none.
    pub before: String,
    /// Value after the change.
    pub after: String,
    /// Amount of the change, with ten places.
    pub amount: String,
    /// Reason of it, in words.
    pub reason: String,
}

/// Event as it stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Number of the row, from 1.
    pub event_no: i64,
    /// Time of it, in UTC.
    pub at: String,
    /// Number of the run; empty for a person's.
    pub run_no: String,
    /// Who made the change.
    pub actor: String,
    /// Name of the kind.
    pub event: String,
    /// Stream of the break.
    #[serde(flatten)]
    pub stream: Stream,
    /// Id of the break.
    pub break_id: String,
    /// Value before the change.
    #[serde(rename = "from")]
    pub before: String,
    /// Value after the change.
    #[serde(rename = "to")]
    pub after: String,
    /// Amount of the change, with ten places; empty for none.
    pub amount: String,
    /// Reason of it, in words.
    pub reason: String,
    /// Hash of the event before.
    pub previous_hash: String,
    /// Hash of this event.
    pub hash: String,
}

impl Event {
    /// Hash that the event must have behind `previous`.
    #[must_use]
    pub fn wanted_hash(&self, previous: &str) -> String {
        let number = self.event_no.to_string();
        chain::link(
            previous,
            &[
                &number,
                &self.at,
                &self.run_no,
                &self.actor,
                &self.event,
                &self.stream.pipeline,
                &self.stream.period,
                &self.break_id,
                &self.before,
                &self.after,
                &self.amount,
                &self.reason,
            ],
        )
    }
}

/// Adds changes to the chain.
pub(super) fn add(
    connection: &Connection,
    stream: &Stream,
    run_no: Option<i64>,
    at: &str,
    changes: &[BreakChange],
) -> Result<(), rusqlite::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let last = connection
        .query_row(
            "SELECT event_no, hash FROM break_events ORDER BY event_no DESC LIMIT 1",
            [],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
        )
        .optional()?;
    let (mut number, mut previous) = last.unwrap_or((0, BEGINNING.to_owned()));
    let mut statement = connection.prepare(
        "INSERT INTO break_events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    for change in changes {
        number += 1;
        let mut event = Event {
            event_no: number,
            at: at.to_owned(),
            run_no: run_no.map_or_else(String::new, |run_no| run_no.to_string()),
            actor: change.actor.clone(),
            event: change.kind.name().to_owned(),
            stream: stream.clone(),
            break_id: change.break_id.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
            amount: change.amount.clone(),
            reason: change.reason.clone(),
            previous_hash: previous.clone(),
            hash: String::new(),
        };
        event.hash = event.wanted_hash(&previous);
        statement.execute(params![
            event.event_no,
            event.at,
            event.run_no,
            event.actor,
            event.event,
            event.stream.pipeline,
            event.stream.period,
            event.break_id,
            event.before,
            event.after,
            event.amount,
            event.reason,
            event.previous_hash,
            event.hash,
        ])?;
        previous = event.hash;
    }
    // Without it, the removal of the last event could not be seen.
    set_meta(connection, "last_event", &format!("{number} {previous}"))
}

/// Number and hash of the last event, as it was noted when it was added.
///
/// # Errors
/// Errors of the database.
pub fn last_noted(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    meta(connection, "last_event")
}

/// Events in their order: all, or those of one break.
///
/// # Errors
/// Errors of the database.
pub fn list(connection: &Connection, of: Option<&str>) -> Result<Vec<Event>, rusqlite::Error> {
    let which = if of.is_some() {
        "WHERE break_id = ?1"
    } else {
        "WHERE ?1 IS NULL"
    };
    let mut statement = connection.prepare(&format!(
        "SELECT * FROM break_events {which} ORDER BY event_no"
    ))?;
    let rows = statement.query_map([of], |row| {
        Ok(Event {
            event_no: row.get(0)?,
            at: row.get(1)?,
            run_no: row.get(2)?,
            actor: row.get(3)?,
            event: row.get(4)?,
            stream: Stream {
                pipeline: row.get(5)?,
                period: row.get(6)?,
            },
            break_id: row.get(7)?,
            before: row.get(8)?,
            after: row.get(9)?,
            amount: row.get(10)?,
            reason: row.get(11)?,
            previous_hash: row.get(12)?,
            hash: row.get(13)?,
        })
    })?;
    rows.collect()
}
