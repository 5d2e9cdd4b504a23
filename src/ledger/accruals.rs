//! Accruals: what a customer used and was not invoiced, and credits that are due.

use rusqlite::{Connection, params};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::amount;
use super::breaks::Stream;

/// Accrual of one customer in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accrual {
    /// Id of the customer.
    pub customer_id: String,
    /// Name of the customer.
    pub customer_name: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// Billed usage that has no line: positive, as it is still to be paid.
    #[serde(serialize_with = "decimal_text")]
    pub usage_without_line: Decimal,
    /// Usage that is not billed yet: positive.
    #[serde(serialize_with = "decimal_text")]
    pub unbilled_usage: Decimal,
    /// Breaks that ask for too much: positive, as it is to be credited.
    #[serde(serialize_with = "decimal_text")]
    pub credits_due: Decimal,
}

fn decimal_text<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&amount::text(*amount))
}

/// Writes the accruals of a run, in place of those of the run before.
pub(super) fn keep(
    connection: &Connection,
    run_no: i64,
    stream: &Stream,
    rows: &[Accrual],
) -> Result<(), rusqlite::Error> {
    let key = [&stream.pipeline, &stream.period];
    connection.execute(
        "DELETE FROM accruals WHERE pipeline = ?1 AND period = ?2",
        key,
    )?;
    let mut statement =
        connection.prepare("INSERT INTO accruals VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    for row in rows {
        statement.execute(params![
            run_no,
            stream.pipeline,
            stream.period,
            row.customer_id,
            row.customer_name,
            row.currency,
            amount::text(row.usage_without_line),
            amount::text(row.unbilled_usage),
            amount::text(row.credits_due),
        ])?;
    }
    Ok(())
}

/// Accruals of the last complete run of each stream, each with its run.
///
/// # Errors
/// Errors of the database.
pub fn all(connection: &Connection) -> Result<Vec<(i64, Stream, Accrual)>, rusqlite::Error> {
    let mut statement = connection
        .prepare("SELECT * FROM accruals ORDER BY period, pipeline, customer_id, currency")?;
    let rows = statement.query_map([], |row| {
        let number = |at: usize| amount::read(&row.get::<_, String>(at)?);
        let stream = Stream {
            pipeline: row.get(1)?,
            period: row.get(2)?,
        };
        let accrual = Accrual {
            customer_id: row.get(3)?,
            customer_name: row.get(4)?,
            currency: row.get(5)?,
            usage_without_line: number(6)?,
            unbilled_usage: number(7)?,
            credits_due: number(8)?,
        };
        Ok((row.get(0)?, stream, accrual))
    })?;
    rows.collect()
}
