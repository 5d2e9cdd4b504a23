//! A run comes into the ledger: in one change, or not at all.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use serde::Serialize;

use super::acceptance::Acceptance;
use super::accruals::{self, Accrual};
use super::amount;
use super::breaks::{self, FoundBreak, LedgerBreak, Stream};
use super::closes;
use super::events;
use super::failure::LedgerError;
use super::invoices::{self, InvoiceStage};
use super::movement::{self, Moment, Step};
use super::restatements::{self, Figure, FigureKey, Restatement};
use super::roll_forward::{self, RollForwardRow};
use super::runs::{self, RunRow, RunningRun};
use super::store::{Change, Ledger, meta, set_meta};
use crate::model::cause::TieOut;

/// Figures of a run that was published.
#[derive(Clone, Debug, Default)]
pub struct RunFigures {
    /// Breaks of the run.
    pub breaks: Vec<FoundBreak>,
    /// Sums by dataset, invoice and currency.
    pub figures: BTreeMap<FigureKey, Figure>,
    /// Tenant, cloud and host of the data; `None` for files.
    pub owner: Option<String>,
    /// Accruals by customer and currency.
    pub accruals: Vec<Accrual>,
    /// Stages of its invoices.
    pub invoices: Vec<InvoiceStage>,
}

/// Outcome of a run in the ledger.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Recorded {
    /// Number of the run.
    pub run_no: i64,
    /// True if it became the newest run of its period.
    pub is_current: bool,
    /// True if its period is closed: no break was moved.
    pub is_closed: bool,
    /// Number of breaks that are new, or came back, and fail a close.
    pub new: u64,
    /// Number of breaks of another amount.
    pub moved: u64,
    /// Number of breaks that are gone.
    pub resolved: u64,
    /// Number of breaks that are open, and fail a close.
    pub open: u64,
    /// Number of breaks that are accepted.
    pub accepted: u64,
    /// Number of breaks that are new, are open again, or whose acceptance ended, and that fail a close.
    pub fresh: u64,
    /// True if no complete run of the period came before.
    pub is_first: bool,
    /// Movements of the breaks between usage and each invoice, by number and currency.
    pub invoices: Vec<InvoiceMovement>,
    /// Data that came again with other content.
    pub restatements: Vec<Restatement>,
    /// Positions of acceptances of the pipeline file that match no break.
    #[serde(skip)]
    pub unmatched: Vec<usize>,
}

/// Movement of the breaks between usage and one invoice, in numbers of breaks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InvoiceMovement {
    /// Number of the invoice; empty for breaks of none, or of several.
    pub invoice_number: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// Number of breaks that are new, or came back.
    pub new: u64,
    /// Number of breaks that are open.
    pub open: u64,
    /// Number of breaks that are accepted.
    pub accepted: u64,
    /// Number of breaks that are gone.
    pub resolved: u64,
}

impl Ledger {
    /// Notes that a run has begun. The ledger of another tenant is refused.
    ///
    /// # Errors
    /// [`LedgerError::Owner`], or those of the database.
    pub fn begin(
        &mut self,
        run: &RunningRun,
        owner: Option<&str>,
        now: &str,
    ) -> Result<(), LedgerError> {
        let change = self.change()?;
        if let Some(owner) = owner {
            let found = change.step(|connection| meta(connection, "owner"))?;
            match found {
                Some(found) if found != owner => {
                    return Err(LedgerError::Owner {
                        path: change.path().to_owned(),
                        found,
                        wanted: owner.to_owned(),
                    });
                }
                // A ledger has an owner once a run of it is published: this one may be refused yet.
                Some(_) | None => {}
            }
        }
        change.step(|connection| runs::begin(connection, run, now, env!("CARGO_PKG_VERSION")))?;
        change.commit()
    }

    /// Writes a run that published nothing into the log; `has_begun` is false of one that another run
    /// kept out.
    ///
    /// # Errors
    /// Errors of the database.
    pub fn end_failed(&mut self, row: RunRow, has_begun: bool) -> Result<i64, LedgerError> {
        let change = self.change()?;
        let run_no = change.step(|connection| {
            if has_begun {
                runs::end(connection)?;
            }
            runs::add(connection, row)
        })?;
        change.commit()?;
        Ok(run_no)
    }

    /// Takes a run that is published into the ledger. Only a complete run of an open period moves
    /// breaks. `exit_code` says how the run ends, as that may depend on what is new.
    ///
    /// # Errors
    /// Errors of the database; the ledger is then as it was.
    pub fn record(
        &mut self,
        row: RunRow,
        figures: RunFigures,
        acceptances: &[Acceptance],
        exit_code: &mut dyn FnMut(&Recorded) -> u8,
    ) -> Result<Recorded, LedgerError> {
        let change = self.change()?;
        let recorded = record_in(&change, row, figures, acceptances, exit_code)?;
        change.commit()?;
        Ok(recorded)
    }
}

fn record_in(
    change: &Change<'_>,
    mut row: RunRow,
    found: RunFigures,
    acceptances: &[Acceptance],
    exit_code: &mut dyn FnMut(&Recorded) -> u8,
) -> Result<Recorded, LedgerError> {
    let stream = row.stream();
    if let Some(owner) = &found.owner {
        change.step(|connection| set_meta(connection, "owner", owner))?;
    }
    let run_no = change.step(runs::next_number)?;
    let close = change.step(|connection| closes::of_stream(connection, &stream))?;
    let mut recorded = Recorded {
        run_no,
        is_closed: close.is_some(),
        is_current: row.is_complete && close.is_none(),
        ..Recorded::default()
    };
    let mut rolled = Vec::new();
    let mut accruals = Vec::new();
    if row.is_complete {
        recorded.restatements = change.step(|connection| {
            let posted_in = match &close {
                Some(_) => first_open(connection, &stream)?,
                None => stream.period.clone(),
            };
            restate(
                connection,
                &row,
                run_no,
                &found.figures,
                &posted_in,
                recorded.is_closed,
            )
        })?;
    }
    if recorded.is_current {
        let (step, rows) = change
            .step(|connection| move_breaks(connection, &row, run_no, found.breaks, acceptances))?;
        let informs = &step.informing;
        let counts = |id: &&String| !informs.contains(*id);
        recorded.fresh = step.step.fresh.iter().filter(counts).count() as u64;
        recorded.new = step.step.new.len() as u64;
        recorded.moved = step.step.moved;
        recorded.resolved = step.step.resolved.len() as u64;
        recorded.is_first = step.is_first;
        recorded.invoices = step.invoices;
        recorded.open = step.open;
        recorded.accepted = step.accepted;
        recorded.unmatched = unmatched(&step.step);
        row.open_breaks = step.all_open;
        rolled = rows;
        accruals = found.accruals;
        change.step(|connection| accruals::keep(connection, run_no, &stream, &accruals))?;
    }
    change.step(|connection| invoices::keep(connection, &stream, &found.invoices))?;
    row.is_current = recorded.is_current;
    row.exit_code = exit_code(&recorded);
    row.new_breaks = recorded.new;
    row.moved_breaks = recorded.moved;
    row.resolved_breaks = recorded.resolved;
    row.accepted_breaks = recorded.accepted;
    row.figures_hash = figures_hash(&rolled, &recorded.restatements, &accruals);
    let written = change.step(|connection| {
        runs::end(connection)?;
        runs::add(connection, row)
    })?;
    assert_eq!(written, run_no, "nothing else writes meanwhile");
    Ok(recorded)
}

/// Step of a run, and what is open after it.
struct Moved {
    step: Step,
    /// Ids of breaks that inform only.
    informing: BTreeSet<String>,
    /// Number of open breaks that fail a close.
    open: u64,
    /// Number of open breaks.
    all_open: u64,
    /// Number of accepted breaks.
    accepted: u64,
    /// True if no complete run of the stream came before.
    is_first: bool,
    /// Movements of the breaks of each invoice.
    invoices: Vec<InvoiceMovement>,
}

fn move_breaks(
    connection: &Connection,
    row: &RunRow,
    run_no: i64,
    found: Vec<FoundBreak>,
    acceptances: &[Acceptance],
) -> Result<(Moved, Vec<RollForwardRow>), rusqlite::Error> {
    let stream = row.stream();
    let mut known = breaks::of_stream(connection, &stream)?;
    let moment = Moment {
        run_no,
        as_of: &row.as_of,
    };
    let step = movement::step(&mut known, found, acceptances, moment);
    let rows = roll_forward::sum(&step.movements);
    let is_first = runs::current_of(connection, &stream)?.is_none();
    ensure_opening(connection, &stream, &rows)?;
    breaks::save(
        connection,
        &stream,
        step.changed.iter().map(|id| &known[id]),
    )?;
    connection.execute(
        "UPDATE breaks SET last_seen = ?3 WHERE pipeline = ?1 AND period = ?2 AND state <> 'resolved'",
        [&stream.pipeline, &stream.period, &row.as_of],
    )?;
    events::add(
        connection,
        &stream,
        Some(run_no),
        &row.finished_at,
        &step.changes,
    )?;
    roll_forward::add(connection, run_no, &stream, &rows)?;
    let count = |is_wanted: &dyn Fn(&breaks::LedgerBreak) -> bool| {
        known.values().filter(|known| is_wanted(known)).count() as u64
    };
    let open = count(&|known| known.state.is_open() && !known.found.informs);
    let all_open = count(&|known| known.state.is_open());
    let accepted = count(&|known| known.state == breaks::State::Accepted);
    let informing = known.values().filter(|known| known.found.informs);
    let informing = informing
        .map(|known| known.found.break_id.clone())
        .collect();
    let invoices = by_invoice(&known, &step);
    let moved = Moved {
        is_first,
        invoices,
        step,
        informing,
        open,
        all_open,
        accepted,
    };
    Ok((moved, rows))
}

/// Movements of the breaks between usage and invoices, by invoice and currency.
fn by_invoice(known: &BTreeMap<String, LedgerBreak>, step: &Step) -> Vec<InvoiceMovement> {
    let [new, resolved] =
        [&step.new, &step.resolved].map(|ids| ids.iter().collect::<BTreeSet<&String>>());
    let mut movements: BTreeMap<[&str; 2], InvoiceMovement> = BTreeMap::new();
    for (id, one) in known {
        let found = &one.found;
        if found.tie_out != TieOut::UsageToInvoice.name() {
            continue;
        }
        let movement = movements
            .entry([&found.invoice_number, &found.currency])
            .or_default();
        movement.new += u64::from(new.contains(id));
        movement.resolved += u64::from(resolved.contains(id));
        movement.open += u64::from(one.state.is_open());
        movement.accepted += u64::from(one.state == breaks::State::Accepted);
    }
    movements
        .into_iter()
        .map(|([invoice_number, currency], movement)| InvoiceMovement {
            invoice_number: invoice_number.to_owned(),
            currency: currency.to_owned(),
            ..movement
        })
        .collect()
}

/// The law of the roll-forward: a run opens with what the one before closed with.
///
/// # Panics
/// If it does not: the ledger was changed by hand, or we have a bug; either way it would not foot.
fn ensure_opening(
    connection: &Connection,
    stream: &Stream,
    rows: &[RollForwardRow],
) -> Result<(), rusqlite::Error> {
    let before = match runs::current_of(connection, stream)? {
        Some(run) => roll_forward::of_run(connection, run.run_no)?,
        None => Vec::new(),
    };
    let sums = |rows: &[RollForwardRow], of: fn(&RollForwardRow) -> rust_decimal::Decimal| {
        let mut sums = BTreeMap::new();
        for row in rows.iter().filter(|row| !of(row).is_zero()) {
            let key = [&row.tie_out, &row.currency, &row.cause, &row.age_bucket].map(Clone::clone);
            sums.insert(key, of(row));
        }
        sums
    };
    let (closed, opened) = (
        sums(&before, |row| row.closing),
        sums(rows, |row| row.opening),
    );
    assert_eq!(
        opened, closed,
        "a run opens with what the run before closed with"
    );
    Ok(())
}

/// Compares the figures of a run with those of the run before, and keeps them.
fn restate(
    connection: &Connection,
    row: &RunRow,
    run_no: i64,
    figures: &BTreeMap<FigureKey, Figure>,
    posted_in: &str,
    is_closed: bool,
) -> Result<Vec<Restatement>, rusqlite::Error> {
    let stream = row.stream();
    let before = restatements::known(connection, &stream)?;
    let rows: Vec<Restatement> = restatements::differences(&before, figures, is_closed)
        .into_iter()
        .map(
            |([dataset, invoice_number, currency], was, is)| Restatement {
                run_no,
                noticed_at: row.as_of.clone(),
                stream: stream.clone(),
                dataset: dataset.clone(),
                invoice_number: invoice_number.clone(),
                currency: currency.clone(),
                etag_before: was.etag,
                etag_after: is.etag,
                rows_before: was.rows,
                rows_after: is.rows,
                amount_before: amount::text(was.amount),
                amount_after: amount::text(is.amount),
                delta: amount::text(is.amount - was.amount),
                posted_in: posted_in.to_owned(),
            },
        )
        .collect();
    restatements::add(connection, &rows)?;
    restatements::keep(connection, &stream, figures)?;
    Ok(rows)
}

/// The first month behind a closed one that is not closed; the month itself if it is none.
fn first_open(connection: &Connection, stream: &Stream) -> Result<String, rusqlite::Error> {
    let Some(mut period) = crate::model::period::Period::parse(&stream.period) else {
        return Ok(stream.period.clone());
    };
    loop {
        let Some(next) = period.next() else {
            return Ok(stream.period.clone());
        };
        period = next;
        let next = Stream {
            pipeline: stream.pipeline.clone(),
            period: period.to_string(),
        };
        if closes::of_stream(connection, &next)?.is_none() {
            return Ok(next.period);
        }
    }
}

fn unmatched(step: &Step) -> Vec<usize> {
    let unmatched = step.matched.iter().enumerate().filter(|(_, is)| !**is);
    unmatched.map(|(at, _)| at).collect()
}

/// Hash over the figures of a run, which the log keeps.
#[must_use]
pub fn figures_hash(
    rolled: &[RollForwardRow],
    restated: &[Restatement],
    accruals: &[Accrual],
) -> String {
    let mut hasher = blake3::Hasher::new();
    for text in [
        serde_json::to_string(rolled),
        serde_json::to_string(restated),
        serde_json::to_string(accruals),
    ] {
        hasher.update(text.expect("rows are JSON").as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}
