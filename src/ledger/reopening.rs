//! A closed period is opened again: what was posted into later periods for it is taken back, for the
//! next run sees all of it as its own.

use rusqlite::Connection;

use super::breaks::Stream;
use super::closes::{self, CloseRow, REOPENED};
use super::failure::LedgerError;
use super::restatements::{self, Restatement};
use super::store::Ledger;

/// Number of the run in restatements that a reopening posts: there is none.
pub const NO_RUN: i64 = 0;

/// Words before the hash of all reversals in the totals of a reopening.
const REVERSALS: &str = "reversals ";

/// Reopening of a closed period by a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reopening {
    /// Stream that is opened.
    pub stream: Stream,
    /// Name of the person.
    pub by: String,
    /// Reason of the person, in words.
    pub reason: String,
    /// Time of the reopening, UTC.
    pub at: String,
    /// Day of the person.
    pub today: String,
}

impl Ledger {
    /// Opens a closed period again; the row of it, and the reversals of what was posted for it into
    /// later periods.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] if the period is open, or a period with such a posting is closed; errors
    /// of the database.
    pub fn reopen(
        &mut self,
        asked: &Reopening,
    ) -> Result<(CloseRow, Vec<Restatement>), LedgerError> {
        let change = self.change()?;
        let stream = &asked.stream;
        let what = format!("The period {} of `{}`", stream.period, stream.pipeline);
        let refused = |found: String, wanted: &str, hint: &str| LedgerError::Refused {
            what: what.clone(),
            found,
            wanted: wanted.to_owned(),
            hint: hint.to_owned(),
        };
        let Some(close) = change.step(|connection| closes::of_stream(connection, stream))? else {
            let hint = "only a closed period can be opened again";
            return Err(refused("it open".to_owned(), "it closed", hint));
        };
        let reversals = change.step(|connection| reversals(connection, &close, &asked.today))?;
        for row in &reversals {
            let later = Stream {
                pipeline: stream.pipeline.clone(),
                period: row.posted_in.clone(),
            };
            if change
                .step(|connection| closes::of_stream(connection, &later))?
                .is_some()
            {
                let found = format!("a restatement of it in {}, which is closed", later.period);
                let hint = format!("reopen {} first", later.period);
                return Err(refused(found, "that period open", &hint));
            }
        }
        let hash = change.step(|connection| {
            restatements::add(connection, &reversals)?;
            hash_of_reversals(connection)
        })?;
        let row = CloseRow {
            event: REOPENED.to_owned(),
            by: asked.by.clone(),
            at: asked.at.clone(),
            reason: asked.reason.clone(),
            totals: format!(
                "{} restatements reversed; {REVERSALS}{hash}",
                reversals.len()
            ),
            ..close
        };
        let row = closes::add(&change, row)?;
        change.commit()?;
        Ok((row, reversals))
    }
}

/// Rows that take back what runs of a closed period posted into later ones.
fn reversals(
    connection: &Connection,
    close: &CloseRow,
    today: &str,
) -> Result<Vec<Restatement>, rusqlite::Error> {
    let stream = close.stream();
    let closed_run: i64 = close
        .run_no
        .parse()
        .map_err(|_| super::breaks::strange(7, &close.run_no))?;
    let posted = restatements::all(connection)?.into_iter().filter(|row| {
        // What was posted under an earlier close has been taken back with it.
        row.stream == stream && row.posted_in != stream.period && row.run_no > closed_run
    });
    let negated = posted.map(|row| Restatement {
        run_no: NO_RUN,
        noticed_at: today.to_owned(),
        etag_before: row.etag_after,
        etag_after: row.etag_before,
        rows_before: row.rows_after,
        rows_after: row.rows_before,
        amount_before: row.amount_after,
        amount_after: row.amount_before,
        delta: negated(&row.delta),
        stream: row.stream,
        dataset: row.dataset,
        invoice_number: row.invoice_number,
        currency: row.currency,
        posted_in: row.posted_in,
    });
    Ok(negated.collect())
}

/// An amount of the ledger with the other sign; zero has none.
fn negated(text: &str) -> String {
    match text.strip_prefix('-') {
        Some(positive) => positive.to_owned(),
        None if text.bytes().all(|byte| matches!(byte, b'0' | b'.')) => text.to_owned(),
        None => format!("-{text}"),
    }
}

/// Hash over all reversals, in their order.
fn hash_of_reversals(connection: &Connection) -> Result<String, rusqlite::Error> {
    let mut rows = restatements::all(connection)?;
    rows.retain(|row| row.run_no == NO_RUN);
    let text = serde_json::to_string(&rows).expect("rows are JSON");
    Ok(blake3::hash(text.as_bytes()).to_hex().to_string())
}

/// True if the reversals are those that the last reopening left.
///
/// # Errors
/// Errors of the database.
pub(super) fn are_whole(
    connection: &Connection,
    closes: &[CloseRow],
) -> Result<bool, rusqlite::Error> {
    let mut reopened = closes.iter().rev().filter(|row| row.event == REOPENED);
    let found = hash_of_reversals(connection)?;
    Ok(match reopened.next() {
        Some(row) => row.totals.ends_with(&format!("{REVERSALS}{found}")),
        None => found == blake3::hash(b"[]").to_hex().to_string(),
    })
}
