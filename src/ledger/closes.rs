//! Closed periods: what was closed, by whom, on which run, and what was opened again.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;

use super::breaks::Stream;
use super::chain::{self, BEGINNING};
use super::failure::LedgerError;
use super::store::{Change, meta, set_meta};

/// Name of the event by which a period is closed.
pub const CLOSED: &str = "closed";

/// Name of the event by which a closed period is opened again.
pub const REOPENED: &str = "reopened";

/// Close of a period, or its reopening.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CloseRow {
    /// Number of the row, from 1.
    pub close_no: i64,
    /// Name of the event: `closed` or `reopened`.
    pub event: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Period that was closed.
    pub period: String,
    /// Name of the person.
    pub by: String,
    /// Time of it, in UTC.
    pub at: String,
    /// Reason of a reopening; empty for a close.
    pub reason: String,
    /// Number of the run that was closed.
    pub run_no: String,
    /// Id of that run.
    pub run_id: String,
    /// BLAKE3 of its manifest.
    pub manifest_hash: String,
    /// Folder of the closing pack, below the output folder.
    pub pack: String,
    /// Totals by tie-out and currency, in words.
    pub totals: String,
    /// Hash of the row before.
    pub previous_hash: String,
    /// Hash of this row.
    pub hash: String,
}

impl CloseRow {
    /// Stream that was closed.
    #[must_use]
    pub fn stream(&self) -> Stream {
        Stream {
            pipeline: self.pipeline.clone(),
            period: self.period.clone(),
        }
    }

    /// Hash that the row must have behind `previous`.
    #[must_use]
    pub fn wanted_hash(&self, previous: &str) -> String {
        let number = self.close_no.to_string();
        let fields = [
            &number,
            &self.event,
            &self.pipeline,
            &self.period,
            &self.by,
            &self.at,
            &self.reason,
            &self.run_no,
            &self.run_id,
            &self.manifest_hash,
            &self.pack,
            &self.totals,
        ];
        chain::link(previous, &fields.map(String::as_str))
    }
}

/// Adds a close or a reopening to the chain; its row.
///
/// # Errors
/// [`LedgerError`] of the database.
pub fn add(change: &Change<'_>, mut row: CloseRow) -> Result<CloseRow, LedgerError> {
    change.step(|connection| {
        let last = connection
            .query_row(
                "SELECT close_no, hash FROM closes ORDER BY close_no DESC LIMIT 1",
                [],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
            )
            .optional()?;
        let (number, previous) = last.unwrap_or((0, BEGINNING.to_owned()));
        row.close_no = number + 1;
        row.hash = row.wanted_hash(&previous);
        row.previous_hash = previous;
        connection.execute(
            "INSERT INTO closes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            params![
                row.close_no,
                row.event,
                row.pipeline,
                row.period,
                row.by,
                row.at,
                row.reason,
                row.run_no,
                row.run_id,
                row.manifest_hash,
                row.pack,
                row.totals,
                row.previous_hash,
                row.hash,
            ],
        )?;
        set_meta(connection, "last_close", &format!("{} {}", row.close_no, row.hash))?;
        Ok(row)
    })
}

/// Number and hash of the last close, as it was noted when it was added.
///
/// # Errors
/// Errors of the database.
pub fn last_noted(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    meta(connection, "last_close")
}

fn of_row(row: &Row<'_>) -> Result<CloseRow, rusqlite::Error> {
    Ok(CloseRow {
        close_no: row.get(0)?,
        event: row.get(1)?,
        pipeline: row.get(2)?,
        period: row.get(3)?,
        by: row.get(4)?,
        at: row.get(5)?,
        reason: row.get(6)?,
        run_no: row.get(7)?,
        run_id: row.get(8)?,
        manifest_hash: row.get(9)?,
        pack: row.get(10)?,
        totals: row.get(11)?,
        previous_hash: row.get(12)?,
        hash: row.get(13)?,
    })
}

/// All closes and reopenings, in their order.
///
/// # Errors
/// Errors of the database.
pub fn all(connection: &Connection) -> Result<Vec<CloseRow>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT * FROM closes ORDER BY close_no")?;
    let rows = statement.query_map([], of_row)?;
    rows.collect()
}

/// Close under which a stream stands; `None` if it is open.
///
/// # Errors
/// Errors of the database.
pub fn of_stream(
    connection: &Connection,
    stream: &Stream,
) -> Result<Option<CloseRow>, rusqlite::Error> {
    let query = "SELECT * FROM closes WHERE pipeline = ?1 AND period = ?2 \
                 ORDER BY close_no DESC LIMIT 1";
    let last = connection
        .query_row(query, [&stream.pipeline, &stream.period], of_row)
        .optional()?;
    Ok(last.filter(|last| last.event == CLOSED))
}

/// Closes that stand, in the order of streams.
///
/// # Errors
/// Errors of the database.
pub fn standing(connection: &Connection) -> Result<Vec<CloseRow>, rusqlite::Error> {
    let mut last = std::collections::BTreeMap::new();
    for row in all(connection)? {
        last.insert((row.period.clone(), row.pipeline.clone()), row);
    }
    Ok(last
        .into_values()
        .filter(|row| row.event == CLOSED)
        .collect())
}
