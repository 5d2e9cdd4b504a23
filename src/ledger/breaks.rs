//! Breaks as the ledger knows them: one row over all the runs that have it.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};
use rust_decimal::Decimal;
use serde::Serialize;

use super::amount;

/// A series of runs that see the same breaks: those of one pipeline and period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Stream {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Billing period, as `2026-10`; empty for a run without one.
    pub period: String,
}

/// State of a break: what is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has taken it yet.
    Open,
    /// Somebody has taken it on.
    Assigned,
    /// It is disputed with the provider.
    Disputed,
    /// It is put up with, up to an amount and until a day.
    Accepted,
    /// The last complete run no longer has it.
    Resolved,
}

impl State {
    /// All states, in the order of a break's life.
    pub const ALL: [Self; 5] = [
        Self::Open,
        Self::Assigned,
        Self::Disputed,
        Self::Accepted,
        Self::Resolved,
    ];

    /// Name in tables and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Assigned => "assigned",
            Self::Disputed => "disputed",
            Self::Accepted => "accepted",
            Self::Resolved => "resolved",
        }
    }

    /// State of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// True if the break is a part of the balance: there, and not accepted.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Assigned | Self::Disputed)
    }
}

/// Break as a run found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundBreak {
    /// Id, the same in every run.
    pub break_id: String,
    /// Name of the comparison.
    pub tie_out: String,
    /// Calendar month of the invoice.
    pub billing_period: String,
    /// Number of the invoice; empty for data of none.
    pub invoice_number: String,
    /// Id of the customer.
    pub customer_id: String,
    /// Name of the customer; never a key.
    pub customer_name: String,
    /// Id of the subscription or plan.
    pub subscription_id: String,
    /// Id of the product.
    pub product_id: String,
    /// Name of the product; never a key.
    pub product_name: String,
    /// Id of the SKU.
    pub sku_id: String,
    /// Name of the SKU; never a key.
    pub sku_name: String,
    /// Meter text of the invoice line.
    pub meter_description: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// True if it informs only, and keeps no period from being closed.
    pub informs: bool,
    /// Name of the cause; empty for none.
    pub cause: String,
    /// Invoiced - expected: the amount, or the quantity where quantities are compared.
    #[serde(skip)]
    pub amount: Decimal,
}

/// Break over all its runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerBreak {
    /// Break as the last complete run with it found it.
    pub found: FoundBreak,
    /// State of the break.
    pub state: State,
    /// Day of the first run that had it.
    pub first_seen: String,
    /// Day of the last complete run that had it.
    pub last_seen: String,
    /// Amount in the first run that had it.
    pub amount_first: Decimal,
    /// Cause in the first run that had it.
    pub cause_first: String,
    /// Name of the person who has it; empty for nobody.
    pub owner: String,
    /// Free text of people.
    pub label: String,
    /// Ticket of the dispute; empty for none.
    pub ticket: String,
    /// Reason of the acceptance, or of the last change that hid or showed the break.
    pub reason: String,
    /// Name of the person who accepted it, or `pipeline`; empty if it is not accepted.
    pub accepted_by: String,
    /// Last day of the acceptance; empty if it is not accepted.
    pub accepted_until: String,
    /// Largest amount, in either direction, that is accepted.
    pub accepted_cap: Option<Decimal>,
    /// Number of the run that no longer had it; empty while it is there.
    pub closed_in: String,
    /// Entry of the break in the roll-forward of the last complete run; `None` if the balance has
    /// nothing of it.
    pub booked: Option<Booked>,
}

/// Part that a break has in a balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// Amount in the balance.
    pub amount: Decimal,
    /// Cause under which it stands.
    pub cause: String,
    /// Age bucket in which it stands.
    pub bucket: String,
}

/// Columns of a break, in the order of [`of_row`] and [`save`].
pub(super) const COLUMNS: &str = "break_id, tie_out, billing_period, invoice_number, customer_id, \
    customer_name, subscription_id, product_id, product_name, sku_id, sku_name, meter_description, \
    currency, informs, cause_now, amount_now, state, first_seen, last_seen, amount_first, cause_first, \
    owner, label, ticket, reason, accepted_by, accepted_until, accepted_cap, closed_in, \
    booked_amount, booked_cause, booked_bucket, pipeline, period";

/// A break of a row of [`COLUMNS`].
pub(super) fn of_row(row: &Row<'_>) -> Result<LedgerBreak, rusqlite::Error> {
    let text = |at: usize| row.get::<_, String>(at);
    let number = |at: usize| amount::read(&text(at)?);
    let state = text(16)?;
    let booked = amount::read_optional(&text(29)?)?;
    let (booked_cause, booked_bucket) = (text(30)?, text(31)?);
    Ok(LedgerBreak {
        found: FoundBreak {
            break_id: text(0)?,
            tie_out: text(1)?,
            billing_period: text(2)?,
            invoice_number: text(3)?,
            customer_id: text(4)?,
            customer_name: text(5)?,
            subscription_id: text(6)?,
            product_id: text(7)?,
            product_name: text(8)?,
            sku_id: text(9)?,
            sku_name: text(10)?,
            meter_description: text(11)?,
            currency: text(12)?,
            informs: row.get(13)?,
            cause: text(14)?,
            amount: number(15)?,
        },
        state: State::of(&state).ok_or_else(|| strange(16, &state))?,
        first_seen: text(17)?,
        last_seen: text(18)?,
        amount_first: number(19)?,
        cause_first: text(20)?,
        owner: text(21)?,
        label: text(22)?,
        ticket: text(23)?,
        reason: text(24)?,
        accepted_by: text(25)?,
        accepted_until: text(26)?,
        accepted_cap: amount::read_optional(&text(27)?)?,
        closed_in: text(28)?,
        booked: booked.map(|amount| Booked {
            amount,
            cause: booked_cause,
            bucket: booked_bucket,
        }),
    })
}

/// The error of a text that no release has written.
pub(super) fn strange(at: usize, found: &str) -> rusqlite::Error {
    let error = format!("found `{found}`, which no release writes");
    rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, error.into())
}

/// All breaks of a stream, by their ids.
pub(super) fn of_stream(
    connection: &Connection,
    stream: &Stream,
) -> Result<BTreeMap<String, LedgerBreak>, rusqlite::Error> {
    let query = format!("SELECT {COLUMNS} FROM breaks WHERE pipeline = ?1 AND period = ?2");
    let mut statement = connection.prepare(&query)?;
    let rows = statement.query_map([&stream.pipeline, &stream.period], of_row)?;
    rows.map(|row| row.map(|known| (known.found.break_id.clone(), known)))
        .collect()
}

/// Every break of the ledger with its stream, in the order of streams and ids.
///
/// # Errors
/// Errors of the database.
pub fn all(connection: &Connection) -> Result<Vec<(Stream, LedgerBreak)>, rusqlite::Error> {
    let query = format!("SELECT {COLUMNS} FROM breaks ORDER BY period, pipeline, break_id");
    let mut statement = connection.prepare(&query)?;
    let rows = statement.query_map([], |row| {
        let stream = Stream {
            pipeline: row.get(32)?,
            period: row.get(33)?,
        };
        Ok((stream, of_row(row)?))
    })?;
    rows.collect()
}

/// Writes breaks of a stream, new or changed.
pub(super) fn save<'b>(
    connection: &Connection,
    stream: &Stream,
    breaks: impl IntoIterator<Item = &'b LedgerBreak>,
) -> Result<(), rusqlite::Error> {
    let places: Vec<String> = (1..=34).map(|at| format!("?{at}")).collect();
    let places = places.join(", ");
    let mut statement = connection.prepare(&format!(
        "INSERT OR REPLACE INTO breaks ({COLUMNS}) VALUES ({places})"
    ))?;
    for known in breaks {
        let found = &known.found;
        let booked = known.booked.as_ref();
        let empty = String::new();
        statement.execute(params![
            found.break_id,
            found.tie_out,
            found.billing_period,
            found.invoice_number,
            found.customer_id,
            found.customer_name,
            found.subscription_id,
            found.product_id,
            found.product_name,
            found.sku_id,
            found.sku_name,
            found.meter_description,
            found.currency,
            found.informs,
            found.cause,
            amount::text(found.amount),
            known.state.name(),
            known.first_seen,
            known.last_seen,
            amount::text(known.amount_first),
            known.cause_first,
            known.owner,
            known.label,
            known.ticket,
            known.reason,
            known.accepted_by,
            known.accepted_until,
            amount::optional_text(known.accepted_cap),
            known.closed_in,
            amount::optional_text(booked.map(|booked| booked.amount)),
            booked.map_or(&empty, |booked| &booked.cause),
            booked.map_or(&empty, |booked| &booked.bucket),
            stream.pipeline,
            stream.period,
        ])?;
    }
    Ok(())
}
