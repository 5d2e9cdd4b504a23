//! Stage of each invoice in the month-end, as of the last run that was published.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde::Serialize;

use super::breaks::Stream;

/// Invoice and its stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvoiceStage {
    /// Number of the invoice.
    pub invoice_number: String,
    /// Stage of it: `awaited`, `provisional` or `final`. One that is not due is not known by number.
    pub finality: String,
}

/// Writes the stages of a run's invoices, in place of those of the run before.
pub(super) fn keep(
    connection: &Connection,
    stream: &Stream,
    stages: &[InvoiceStage],
) -> Result<(), rusqlite::Error> {
    let key = [&stream.pipeline, &stream.period];
    connection.execute(
        "DELETE FROM invoices WHERE pipeline = ?1 AND period = ?2",
        key,
    )?;
    let mut statement = connection.prepare("INSERT INTO invoices VALUES (?1, ?2, ?3, ?4)")?;
    for stage in stages {
        statement.execute(params![
            stream.pipeline,
            stream.period,
            stage.invoice_number,
            stage.finality
        ])?;
    }
    Ok(())
}

/// Stages of the invoices of all streams, by their numbers.
///
/// # Errors
/// Errors of the database.
pub fn all(
    connection: &Connection,
) -> Result<BTreeMap<Stream, Vec<InvoiceStage>>, rusqlite::Error> {
    let query = "SELECT pipeline, period, invoice_number, finality FROM invoices \
                 ORDER BY invoice_number";
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([], |row| {
        let stream = Stream {
            pipeline: row.get(0)?,
            period: row.get(1)?,
        };
        let stage = InvoiceStage {
            invoice_number: row.get(2)?,
            finality: row.get(3)?,
        };
        Ok((stream, stage))
    })?;
    let mut found: BTreeMap<Stream, Vec<InvoiceStage>> = BTreeMap::new();
    for row in rows {
        let (stream, stage) = row?;
        found.entry(stream).or_default().push(stage);
    }
    Ok(found)
}
