//! The log of runs: every run of an output folder, in the order in which they happened.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;

use super::breaks::Stream;
use super::chain::{self, BEGINNING};
use super::store::{meta, set_meta};

/// Exit code of a run that did not end, as a shell reports a process that was killed.
const KILLED: u8 = 137;

/// Run as it stands in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// Number of the run, from 1.
    pub run_no: i64,
    /// Id of the run; empty for one that published nothing.
    pub run_id: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Tenant of the fetch; empty for files.
    pub tenant: String,
    /// Source of the data: `files`, `service` or `sandbox`.
    pub source: String,
    /// Billing period; empty where none is known.
    pub period: String,
    /// Time of the start, UTC.
    pub started_at: String,
    /// Time of the end, UTC.
    pub finished_at: String,
    /// Day that the run took for today.
    pub as_of: String,
    /// Exit code of the run.
    pub exit_code: u8,
    /// Reason of a failure, or why it is incomplete; empty for none.
    pub reason: String,
    /// True if tables came out.
    pub published: bool,
    /// True if a folder was made: the tables are not those of an earlier run.
    pub is_new: bool,
    /// True if nothing that a wanted tie-out needs was missing.
    pub is_complete: bool,
    /// True if it became the newest run of its period: it is complete, and the period was open.
    pub is_current: bool,
    /// Stage of the month-end: `not_due`, `awaited`, `provisional` or `final`.
    pub finality: String,
    /// Number of breaks that are open after the run, accepted ones left out.
    pub open_breaks: u64,
    /// Number of breaks that are new, or came back.
    pub new_breaks: u64,
    /// Number of breaks of another amount.
    pub moved_breaks: u64,
    /// Number of breaks that are gone.
    pub resolved_breaks: u64,
    /// Number of breaks that are accepted after the run.
    pub accepted_breaks: u64,
    /// Release that made the run.
    pub version: String,
    /// BLAKE3 of the manifest; empty where nothing came out.
    pub manifest_hash: String,
    /// BLAKE3 of the rows of the roll-forward, restatements and accruals of the run.
    pub figures_hash: String,
    /// Hash over the row and that of the row before.
    pub hash: String,
}

impl RunRow {
    /// Stream of the run.
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
        let numbers = [
            self.run_no.to_string(),
            self.exit_code.to_string(),
            format!(
                "{} {} {} {}",
                self.published, self.is_new, self.is_complete, self.is_current
            ),
            format!(
                "{} {} {} {} {}",
                self.open_breaks,
                self.new_breaks,
                self.moved_breaks,
                self.resolved_breaks,
                self.accepted_breaks
            ),
        ];
        let texts = [
            &self.run_id,
            &self.pipeline,
            &self.tenant,
            &self.source,
            &self.period,
            &self.started_at,
            &self.finished_at,
            &self.as_of,
            &self.reason,
            &self.finality,
            &self.version,
            &self.manifest_hash,
            &self.figures_hash,
        ];
        let fields: Vec<&str> = numbers.iter().chain(texts).map(String::as_str).collect();
        chain::link(previous, &fields)
    }
}

/// Run that has begun and not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunningRun {
    /// Time of the start, UTC.
    pub started_at: String,
    /// Day that the run takes for today.
    pub as_of: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Tenant of the fetch; empty for files.
    pub tenant: String,
    /// Source of the data: `files`, `service` or `sandbox`.
    pub source: String,
    /// Billing period that was asked for; empty for none.
    pub period: String,
}

/// Notes that a run has begun, and writes what is left of one that did not end into the log. The lock of the output folder is held: no other run goes on.
pub(super) fn begin(
    connection: &Connection,
    run: &RunningRun,
    now: &str,
    version: &str,
) -> Result<(), rusqlite::Error> {
    let lost = going_on(connection)?;
    connection.execute("DELETE FROM running", [])?;
    for lost in &lost {
        let row = RunRow {
            exit_code: KILLED,
            reason: "it did not end: it was killed, or the machine stopped".to_owned(),
            finished_at: now.to_owned(),
            version: version.to_owned(),
            ..row_of(lost)
        };
        add(connection, row)?;
    }
    connection.execute(
        "INSERT INTO running VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            std::process::id(),
            run.started_at,
            run.as_of,
            run.pipeline,
            run.tenant,
            run.source,
            run.period
        ],
    )?;
    Ok(())
}

/// Row of a run that has begun, without what is known at its end.
#[must_use]
pub fn row_of(run: &RunningRun) -> RunRow {
    RunRow {
        pipeline: run.pipeline.clone(),
        tenant: run.tenant.clone(),
        source: run.source.clone(),
        period: run.period.clone(),
        started_at: run.started_at.clone(),
        as_of: run.as_of.clone(),
        ..RunRow::default()
    }
}

/// Number of the next run.
pub(super) fn next_number(connection: &Connection) -> Result<i64, rusqlite::Error> {
    let query = "SELECT coalesce(max(run_no), 0) + 1 FROM runs";
    connection.query_row(query, [], |row| row.get(0))
}

/// Ends the run that goes on, and writes it into the log; its number.
pub(super) fn add(connection: &Connection, mut row: RunRow) -> Result<i64, rusqlite::Error> {
    let last = connection
        .query_row(
            "SELECT hash FROM runs ORDER BY run_no DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    row.run_no = next_number(connection)?;
    row.hash = row.wanted_hash(&last.unwrap_or_else(|| BEGINNING.to_owned()));
    connection.execute(
        "INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
         ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)",
        params![
            row.run_no,
            row.run_id,
            row.pipeline,
            row.tenant,
            row.source,
            row.period,
            row.started_at,
            row.finished_at,
            row.as_of,
            row.exit_code.to_string(),
            row.reason,
            row.published,
            row.is_new,
            row.is_complete,
            row.is_current,
            row.finality,
            signed(row.open_breaks),
            signed(row.new_breaks),
            signed(row.moved_breaks),
            signed(row.resolved_breaks),
            signed(row.accepted_breaks),
            row.version,
            row.manifest_hash,
            row.figures_hash,
            row.hash,
        ],
    )?;
    set_meta(
        connection,
        "last_run",
        &format!("{} {}", row.run_no, row.hash),
    )?;
    Ok(row.run_no)
}

/// Forgets the run that goes on: it has its row in the log.
pub(super) fn end(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute("DELETE FROM running", []).map(|_| ())
}

/// A count as SQLite keeps it.
fn signed(count: u64) -> i64 {
    i64::try_from(count).expect("fewer breaks than 2^63")
}

/// Number and hash of the last run, as it was noted when it was added.
///
/// # Errors
/// Errors of the database.
pub fn last_noted(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    meta(connection, "last_run")
}

fn of_row(row: &Row<'_>) -> Result<RunRow, rusqlite::Error> {
    let count = |at: usize| row.get::<_, i64>(at).map(i64::unsigned_abs);
    let code: String = row.get(9)?;
    Ok(RunRow {
        run_no: row.get(0)?,
        run_id: row.get(1)?,
        pipeline: row.get(2)?,
        tenant: row.get(3)?,
        source: row.get(4)?,
        period: row.get(5)?,
        started_at: row.get(6)?,
        finished_at: row.get(7)?,
        as_of: row.get(8)?,
        exit_code: code.parse().map_err(|_| super::breaks::strange(9, &code))?,
        reason: row.get(10)?,
        published: row.get(11)?,
        is_new: row.get(12)?,
        is_complete: row.get(13)?,
        is_current: row.get(14)?,
        finality: row.get(15)?,
        open_breaks: count(16)?,
        new_breaks: count(17)?,
        moved_breaks: count(18)?,
        resolved_breaks: count(19)?,
        accepted_breaks: count(20)?,
        version: row.get(21)?,
        manifest_hash: row.get(22)?,
        figures_hash: row.get(23)?,
        hash: row.get(24)?,
    })
}

/// All runs, in their order.
///
/// # Errors
/// Errors of the database.
pub fn all(connection: &Connection) -> Result<Vec<RunRow>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT * FROM runs ORDER BY run_no")?;
    let rows = statement.query_map([], of_row)?;
    rows.collect()
}

/// The last run of each stream, in the order of streams.
///
/// # Errors
/// Errors of the database.
pub fn last_of_streams(connection: &Connection) -> Result<Vec<RunRow>, rusqlite::Error> {
    let mut statement = connection.prepare(
        "SELECT * FROM runs WHERE run_no IN (SELECT max(run_no) FROM runs GROUP BY pipeline, period) \
         ORDER BY period, pipeline",
    )?;
    let rows = statement.query_map([], of_row)?;
    rows.collect()
}

/// The last run that became the newest of its stream; `None` for none.
///
/// # Errors
/// Errors of the database.
pub fn current_of(
    connection: &Connection,
    stream: &Stream,
) -> Result<Option<RunRow>, rusqlite::Error> {
    let query = "SELECT * FROM runs WHERE pipeline = ?1 AND period = ?2 AND is_current = 1 \
                 ORDER BY run_no DESC LIMIT 1";
    connection
        .query_row(query, [&stream.pipeline, &stream.period], of_row)
        .optional()
}

/// End of the last complete run of a pipeline, in a period or, where that is empty, in any; `None` for
/// none.
///
/// # Errors
/// Errors of the database.
pub fn last_complete(
    connection: &Connection,
    pipeline: &str,
    period: &str,
) -> Result<Option<String>, rusqlite::Error> {
    let query = "SELECT finished_at FROM runs WHERE pipeline = ?1 AND (?2 = '' OR period = ?2) \
                 AND is_complete = 1 ORDER BY run_no DESC LIMIT 1";
    connection
        .query_row(query, [pipeline, period], |row| row.get(0))
        .optional()
}

/// The last run at which a pointer was moved: of a period, or of all; `None` for none.
///
/// # Errors
/// Errors of the database.
pub fn pointed_at(
    connection: &Connection,
    period: Option<&str>,
) -> Result<Option<RunRow>, rusqlite::Error> {
    let query = "SELECT * FROM runs WHERE (?1 IS NULL OR period = ?1) AND is_current = 1 \
                 ORDER BY run_no DESC LIMIT 1";
    connection.query_row(query, [period], of_row).optional()
}

/// The run that each period's pointer leads to.
///
/// # Errors
/// Errors of the database.
pub fn pointed_periods(connection: &Connection) -> Result<Vec<(String, String)>, rusqlite::Error> {
    let query = "SELECT period, run_id FROM runs WHERE run_no IN (SELECT max(run_no) FROM runs \
                 WHERE is_current = 1 AND period <> '' GROUP BY period) ORDER BY period";
    connection
        .prepare(query)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Runs that have begun and not ended: one that goes on, or whose process is gone.
///
/// # Errors
/// Errors of the database.
pub fn going_on(connection: &Connection) -> Result<Vec<RunningRun>, rusqlite::Error> {
    connection
        .prepare("SELECT started_at, as_of, pipeline, tenant, source, period FROM running")?
        .query_map([], |row| {
            Ok(RunningRun {
                started_at: row.get(0)?,
                as_of: row.get(1)?,
                pipeline: row.get(2)?,
                tenant: row.get(3)?,
                source: row.get(4)?,
                period: row.get(5)?,
            })
        })?
        .collect()
}
