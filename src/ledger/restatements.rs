//! Restatements: data of a period that came again with other content. What is compared are the sums
//! of each invoice, and the eTags under which they were served.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use rust_decimal::Decimal;
use serde::Serialize;

use super::amount;
use super::breaks::Stream;

/// Key of a sum: dataset, invoice and currency.
pub type FigureKey = [String; 3];

/// Sum of a dataset, for one invoice and currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    /// ETag of the export; of files a fingerprint of their rows.
    pub etag: String,
    /// Number of rows behind the sum.
    pub rows: i64,
    /// Sum of the rows.
    pub amount: Decimal,
}

/// Restatement of one sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restatement {
    /// Number of the run that noticed it.
    pub run_no: i64,
    /// Day of that run.
    pub noticed_at: String,
    /// Stream of the run.
    #[serde(flatten)]
    pub stream: Stream,
    /// Name of the dataset: `usage` or `invoice_lines`.
    pub dataset: String,
    /// Number of the invoice.
    pub invoice_number: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// ETag before; of files a fingerprint of their rows.
    pub etag_before: String,
    /// ETag of the export after.
    pub etag_after: String,
    /// Number of rows before.
    pub rows_before: i64,
    /// Number of rows after.
    pub rows_after: i64,
    /// Sum before, with ten places.
    pub amount_before: String,
    /// Sum of the rows after.
    pub amount_after: String,
    /// Sum after less sum before.
    pub delta: String,
    /// Period in which the difference is posted: its own, or the first open one behind a closed one.
    pub posted_in: String,
}

/// Figures of a stream as its last complete run had them.
pub(super) fn known(
    connection: &Connection,
    stream: &Stream,
) -> Result<BTreeMap<FigureKey, Figure>, rusqlite::Error> {
    let mut statement = connection.prepare(
        "SELECT dataset, invoice_number, currency, etag, rows, amount FROM figures \
         WHERE pipeline = ?1 AND period = ?2",
    )?;
    let rows = statement.query_map([&stream.pipeline, &stream.period], |row| {
        let figure = Figure {
            etag: row.get(3)?,
            rows: row.get(4)?,
            amount: amount::read(&row.get::<_, String>(5)?)?,
        };
        Ok(([row.get(0)?, row.get(1)?, row.get(2)?], figure))
    })?;
    rows.collect()
}

/// Sums that differ between two runs: in an open period those that both runs have, in a closed one all.
#[must_use]
pub fn differences<'f>(
    before: &'f BTreeMap<FigureKey, Figure>,
    after: &'f BTreeMap<FigureKey, Figure>,
    is_closed: bool,
) -> Vec<(&'f FigureKey, Figure, Figure)> {
    let mut keys: Vec<&FigureKey> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let pairs = keys.into_iter().filter_map(|key| {
        let (was, is) = (before.get(key), after.get(key));
        // What comes for the first time is no restatement, unless the period is closed.
        if !is_closed && (was.is_none() || is.is_none()) {
            return None;
        }
        let (was, is) = (
            was.cloned().unwrap_or_default(),
            is.cloned().unwrap_or_default(),
        );
        (was != is).then_some((key, was, is))
    });
    pairs.collect()
}

/// Keeps the figures of a run, in place of those before.
pub(super) fn keep(
    connection: &Connection,
    stream: &Stream,
    figures: &BTreeMap<FigureKey, Figure>,
) -> Result<(), rusqlite::Error> {
    let key = [&stream.pipeline, &stream.period];
    connection.execute(
        "DELETE FROM figures WHERE pipeline = ?1 AND period = ?2",
        key,
    )?;
    let mut statement =
        connection.prepare("INSERT INTO figures VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    for ([dataset, invoice, currency], figure) in figures {
        let (etag, amount) = (&figure.etag, amount::text(figure.amount));
        let (pipeline, period) = (&stream.pipeline, &stream.period);
        let rows = figure.rows;
        statement.execute(params![
            pipeline, period, dataset, invoice, currency, etag, rows, amount
        ])?;
    }
    Ok(())
}

/// Writes restatements that a run noticed.
pub(super) fn add(connection: &Connection, rows: &[Restatement]) -> Result<(), rusqlite::Error> {
    let mut statement = connection.prepare(
        "INSERT INTO restatements VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    for row in rows {
        statement.execute(params![
            row.run_no,
            row.noticed_at,
            row.stream.pipeline,
            row.stream.period,
            row.dataset,
            row.invoice_number,
            row.currency,
            row.etag_before,
            row.etag_after,
            row.rows_before,
            row.rows_after,
            row.amount_before,
            row.amount_after,
            row.delta,
            row.posted_in,
        ])?;
    }
    Ok(())
}

/// All restatements, in the order in which they were noticed.
///
/// # Errors
/// Errors of the database.
pub fn all(connection: &Connection) -> Result<Vec<Restatement>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT * FROM restatements ORDER BY rowid")?;
    let rows = statement.query_map([], |row| {
        Ok(Restatement {
            run_no: row.get(0)?,
            noticed_at: row.get(1)?,
            stream: Stream {
                pipeline: row.get(2)?,
                period: row.get(3)?,
            },
            dataset: row.get(4)?,
            invoice_number: row.get(5)?,
            currency: row.get(6)?,
            etag_before: row.get(7)?,
            etag_after: row.get(8)?,
            rows_before: row.get(9)?,
            rows_after: row.get(10)?,
            amount_before: row.get(11)?,
            amount_after: row.get(12)?,
            delta: row.get(13)?,
            posted_in: row.get(14)?,
        })
    })?;
    rows.collect()
}
