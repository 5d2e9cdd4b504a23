//! The roll-forward: the balance of open breaks from one run to the next, by tie-out, currency, cause
//! and age. Its rows are sums of movements in a polars frame, which an analyst could write the same.

use polars::prelude::{
    Column, DataFrame, GroupsIndicator, IdxSize, IntoColumn as _, NamedFrom as _, Series,
};
use rusqlite::{Connection, Row, params};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::amount;
use super::breaks::Stream;
use super::movement::Movement;

/// Names of the keys of a row.
const KEYS: [&str; 4] = ["tie_out", "currency", "cause", "age_bucket"];

/// Row of the roll-forward; amounts in the currency of the row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RollForwardRow {
    /// Name of the comparison.
    pub tie_out: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// Name of the cause; empty for none.
    pub cause: String,
    /// Days since the breaks were first seen.
    pub age_bucket: String,
    /// Balance of the run before.
    #[serde(serialize_with = "decimal_text")]
    pub opening: Decimal,
    /// Breaks that came, or came back.
    #[serde(serialize_with = "decimal_text")]
    pub new: Decimal,
    /// Changes of breaks that stayed, transfers between rows included.
    #[serde(serialize_with = "decimal_text")]
    pub moved: Decimal,
    /// Breaks that have gone.
    #[serde(serialize_with = "decimal_text")]
    pub resolved: Decimal,
    /// Breaks that were accepted; negative where acceptances ended.
    #[serde(serialize_with = "decimal_text")]
    pub accepted: Decimal,
    /// Balance of the run.
    #[serde(serialize_with = "decimal_text")]
    pub closing: Decimal,
    /// opening + new + moved - resolved - accepted - closing; always 0.
    #[serde(serialize_with = "decimal_text")]
    pub difference: Decimal,
    /// Part of `moved` that another row gave or took; sums to 0 over a run.
    #[serde(serialize_with = "decimal_text")]
    pub transferred: Decimal,
}

fn decimal_text<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&amount::text(*amount))
}

/// Sums movements by row, in the order of the keys.
///
/// # Panics
/// If a row does not foot: a bug of ours, with which nothing is published.
#[must_use]
pub fn sum(movements: &[Movement]) -> Vec<RollForwardRow> {
    if movements.is_empty() {
        return Vec::new();
    }
    let frame = frame_of(movements);
    let grouped = frame.group_by_stable(KEYS).expect("the frame has the keys");
    let mut rows: Vec<RollForwardRow> = grouped
        .get_groups()
        .iter()
        .map(|rows| {
            row_of(
                &members(&rows)
                    .map(|at| &movements[at as usize])
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    rows.sort_by(|one, other| keys_of(one).cmp(&keys_of(other)));
    for row in &rows {
        assert!(
            row.difference.is_zero(),
            "the roll-forward foots in every row: {row:?}"
        );
    }
    let transferred: Decimal = rows.iter().map(|row| row.transferred).sum();
    assert!(transferred.is_zero(), "what a row gives, another takes");
    rows
}

/// Keys of the movements, parallel to them.
fn frame_of(movements: &[Movement]) -> DataFrame {
    let keys = KEYS.iter().enumerate().map(|(at, name)| {
        let texts: Vec<&str> = movements
            .iter()
            .map(|movement| movement.row[at].as_str())
            .collect();
        Series::new((*name).into(), texts).into_column()
    });
    let columns: Vec<Column> = keys.collect();
    DataFrame::new(movements.len(), columns).expect("the columns are of one length")
}

/// Positions of the movements of one group.
fn members<'g>(group: &'g GroupsIndicator<'_>) -> Box<dyn Iterator<Item = IdxSize> + 'g> {
    match group {
        GroupsIndicator::Idx((_, rows)) => Box::new(rows.iter().copied()),
        GroupsIndicator::Slice([first, length]) => Box::new(*first..*first + *length),
    }
}

fn keys_of(row: &RollForwardRow) -> [&str; 4] {
    [&row.tie_out, &row.currency, &row.cause, &row.age_bucket].map(String::as_str)
}

/// Sum of the movements of one row.
fn row_of(movements: &[&Movement]) -> RollForwardRow {
    let [tie_out, currency, cause, age_bucket] = movements[0].row.clone();
    let sum = |of: fn(&Movement) -> Decimal| movements.iter().map(|movement| of(movement)).sum();
    let [
        opening,
        new,
        moved,
        resolved,
        accepted,
        closing,
        transferred,
    ]: [Decimal; 7] = [
        sum(|movement| movement.opening),
        sum(|movement| movement.new),
        sum(|movement| movement.moved),
        sum(|movement| movement.resolved),
        sum(|movement| movement.accepted),
        sum(|movement| movement.closing),
        sum(|movement| movement.transferred),
    ];
    RollForwardRow {
        tie_out,
        currency,
        cause,
        age_bucket,
        opening,
        new,
        moved,
        resolved,
        accepted,
        closing,
        difference: opening + new + moved - resolved - accepted - closing,
        transferred,
    }
}

/// Writes the rows of a run.
pub(super) fn add(
    connection: &Connection,
    run_no: i64,
    stream: &Stream,
    rows: &[RollForwardRow],
) -> Result<(), rusqlite::Error> {
    let mut statement = connection.prepare(
        "INSERT INTO roll_forward VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    for row in rows {
        statement.execute(params![
            run_no,
            stream.pipeline,
            stream.period,
            row.tie_out,
            row.currency,
            row.cause,
            row.age_bucket,
            amount::text(row.opening),
            amount::text(row.new),
            amount::text(row.moved),
            amount::text(row.resolved),
            amount::text(row.accepted),
            amount::text(row.closing),
            amount::text(row.difference),
            amount::text(row.transferred),
        ])?;
    }
    Ok(())
}

/// Columns of a row, behind `run_no`, `pipeline` and `period`.
const COLUMNS: &str = "run_no, pipeline, period, tie_out, currency, cause, age_bucket, opening, new, \
    moved, resolved, accepted, closing, difference, transferred";

fn of_row(row: &Row<'_>) -> Result<(i64, Stream, RollForwardRow), rusqlite::Error> {
    let number = |at: usize| amount::read(&row.get::<_, String>(at)?);
    let stream = Stream {
        pipeline: row.get(1)?,
        period: row.get(2)?,
    };
    let figures = RollForwardRow {
        tie_out: row.get(3)?,
        currency: row.get(4)?,
        cause: row.get(5)?,
        age_bucket: row.get(6)?,
        opening: number(7)?,
        new: number(8)?,
        moved: number(9)?,
        resolved: number(10)?,
        accepted: number(11)?,
        closing: number(12)?,
        difference: number(13)?,
        transferred: number(14)?,
    };
    Ok((row.get(0)?, stream, figures))
}

/// Rows of all runs, each with its run and stream, in the order of runs.
///
/// # Errors
/// Errors of the database.
pub fn all(connection: &Connection) -> Result<Vec<(i64, Stream, RollForwardRow)>, rusqlite::Error> {
    let query = format!(
        "SELECT {COLUMNS} FROM roll_forward ORDER BY run_no, tie_out, currency, cause, age_bucket"
    );
    let mut statement = connection.prepare(&query)?;
    let rows = statement.query_map([], of_row)?;
    rows.collect()
}

/// Rows of one run.
pub(super) fn of_run(
    connection: &Connection,
    run_no: i64,
) -> Result<Vec<RollForwardRow>, rusqlite::Error> {
    let query = format!(
        "SELECT {COLUMNS} FROM roll_forward WHERE run_no = ?1 ORDER BY tie_out, currency, cause, age_bucket"
    );
    let mut statement = connection.prepare(&query)?;
    let rows = statement.query_map([run_no], of_row)?;
    rows.map(|row| row.map(|(_, _, figures)| figures)).collect()
}
