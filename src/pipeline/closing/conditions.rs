//! What keeps a period from being closed. Each reason is one sentence, and the first that holds is told.

use std::collections::BTreeMap;
use std::path::Path;

use rust_decimal::Decimal;

use super::hashed_files::{self, Fault, HashedManifest};
use super::stream_ledger::StreamLedger;
use crate::ledger::amount;
use crate::ledger::audit;
use crate::ledger::breaks::{LedgerBreak, State};
use crate::ledger::failure::LedgerError;
use crate::ledger::roll_forward::RollForwardRow;
use crate::ledger::runs::RunRow;
use crate::ledger::store::Ledger;
use crate::model::period::{Period, date_of};
use crate::model::settling::SettlingDays;
use crate::pipeline::failure::RunError;
use crate::pipeline::publish::outcome::readable;

/// Stage of the month-end at which a period may be closed.
const FINAL: &str = "final";

/// Run that a period is closed on, and its manifest.
#[derive(Debug)]
pub(super) struct Closable<'s> {
    pub(super) run: &'s RunRow,
    pub(super) hashed: HashedManifest,
}

/// Checks that a stream may be closed on a day.
///
/// # Errors
/// [`LedgerError::Refused`] with the first reason against it.
pub(super) fn check<'s>(
    ledger: &Ledger,
    stream: &'s StreamLedger,
    out_run: &dyn Fn(&str) -> std::path::PathBuf,
    today: &str,
) -> Result<Closable<'s>, RunError> {
    ensure_open(stream)?;
    let run = newest(stream)?;
    ensure_final(stream, run)?;
    ensure_claimed(stream, today)?;
    ensure_footing(stream, run)?;
    let faults = ledger.read(audit::faults)?;
    if let Some(first) = faults.first() {
        return Err(refused(
            &format!("`{}`", ledger.path().display()),
            counted_from(first, faults.len()),
            "the ledger as it was written",
            "`tieout verify` names all that was changed; restore the ledger from a copy",
        ));
    }
    let hashed = whole(run, &out_run(&run.run_id))?;
    Ok(Closable { run, hashed })
}

/// The first of several faults, with the number of the others.
fn counted_from(first: &str, all: usize) -> String {
    match all {
        1 => first.to_owned(),
        _ => format!("{first} (the first of {all} faults)"),
    }
}

fn refused(what: &str, found: impl Into<String>, wanted: &str, hint: &str) -> RunError {
    RunError::from(LedgerError::Refused {
        what: what.to_owned(),
        found: found.into(),
        wanted: wanted.to_owned(),
        hint: hint.to_owned(),
    })
}

fn ensure_open(stream: &StreamLedger) -> Result<(), RunError> {
    match stream.closes.last() {
        Some(close) if close.event == crate::ledger::closes::CLOSED => Err(refused(
            &stream.name(),
            format!("it closed by {} on {}", close.by, close.at),
            "an open period",
            "`tieout reopen` opens it again, with a reason",
        )),
        _ => Ok(()),
    }
}

/// The last run of a stream, which has to be its newest complete one.
fn newest(stream: &StreamLedger) -> Result<&RunRow, RunError> {
    let again = "run the pipeline again";
    let name = stream.name();
    let wanted = "a complete run as the last one";
    if let Some(killed) = stream.killed.first() {
        let found = format!("a run of {} that did not end", killed.started_at);
        return Err(refused(&name, found, wanted, again));
    }
    let Some(run) = stream.last_run() else {
        return Err(refused(&name, "no run of it", "a complete run", again));
    };
    let number = run.run_no;
    if !run.published {
        let found = format!(
            "its last run, number {number}, failed with exit code {}",
            run.exit_code
        );
        return Err(refused(&name, found, wanted, again));
    }
    if !run.is_complete {
        let found = format!(
            "its last run, number {number}, incomplete with exit code {}",
            run.exit_code
        );
        return Err(refused(&name, found, wanted, again));
    }
    let current = stream.current().map(|current| current.run_no);
    if current != Some(number) {
        let found = format!("its last run, number {number}, made while the period was closed");
        return Err(refused(&name, found, "a run of the open period", again));
    }
    Ok(run)
}

fn ensure_final(stream: &StreamLedger, run: &RunRow) -> Result<(), RunError> {
    if run.finality == FINAL {
        return Ok(());
    }
    let stage = match run.finality.as_str() {
        "" => "of no stage",
        stage => stage,
    };
    let newest = stream.stream.period.rsplit("..").next();
    let day = newest
        .and_then(Period::parse)
        .and_then(|period| date_of(SettlingDays::default().final_day(period)));
    let hint = match day {
        Some(day) => {
            format!(
                "run it again on or after {day}, or what `month_end.provisional_until` makes of it"
            )
        }
        None => "name the billing month with `--period`: nothing else says when it is final".into(),
    };
    Err(refused(
        &stream.name(),
        format!("it {stage} as of {}", run.as_of),
        "it final",
        &hint,
    ))
}

/// True if a break is open on a day: an acceptance ends by itself.
pub(super) fn is_open_on(one: &LedgerBreak, day: &str) -> bool {
    one.state.is_open() || one.state == State::Accepted && one.accepted_until.as_str() < day
}

/// Checks that every open break has an owner, a ticket, or a label that says why it is left.
fn ensure_claimed(stream: &StreamLedger, today: &str) -> Result<(), RunError> {
    // Not by its reason alone: runs write that, too, where an acceptance ends.
    let is_claimed = |one: &LedgerBreak| {
        [&one.owner, &one.ticket, &one.label]
            .iter()
            .any(|text| !text.is_empty())
    };
    let mut unclaimed: Vec<&LedgerBreak> = stream
        .breaks
        .iter()
        .map(|(_, one)| one)
        .filter(|one| is_open_on(one, today) && !one.found.informs && !is_claimed(one))
        .collect();
    unclaimed.sort_by_key(|one| std::cmp::Reverse(one.found.amount.abs()));
    let Some(largest) = unclaimed.first() else {
        return Ok(());
    };
    let found = &largest.found;
    let size = readable(&amount::text(found.amount));
    let largest = format!("`{}` of {size} {}", found.break_id, found.currency);
    let words = match unclaimed.len() {
        1 => format!("an open break that nobody has, {largest}"),
        count => format!("{count} open breaks that nobody has, the largest {largest}"),
    };
    Err(refused(
        &stream.name(),
        words,
        "an owner, a ticket or a label of each, or its acceptance",
        "`tieout breaks list --open` shows them; `tieout breaks assign`, `label`, `dispute` or `accept`",
    ))
}

/// Balances by tie-out, currency, cause and age bucket, without those of zero.
type Balances = BTreeMap<[String; 4], Decimal>;

/// Checks that the roll-forward foots: in every row, from run to run, and with the breaks that are
/// booked.
fn ensure_footing(stream: &StreamLedger, run: &RunRow) -> Result<(), RunError> {
    let mut by_run: BTreeMap<i64, Vec<&RollForwardRow>> = BTreeMap::new();
    for (run_no, _, row) in &stream.rolled {
        by_run.entry(*run_no).or_default().push(row);
    }
    let does_not_foot = |run_no: i64, found: &str| {
        refused(
            &format!("The roll-forward of run {run_no}"),
            found,
            "a balance that foots",
            "`tieout verify` names what was changed; restore the ledger from a copy",
        )
    };
    let balances = |rows: &[&RollForwardRow], of: fn(&RollForwardRow) -> Decimal| -> Balances {
        let mut balances = Balances::new();
        for row in rows.iter().filter(|row| !of(row).is_zero()) {
            let key = [&row.tie_out, &row.currency, &row.cause, &row.age_bucket].map(Clone::clone);
            *balances.entry(key).or_default() += of(row);
        }
        balances
    };
    let mut before = Balances::new();
    for current in stream.runs.iter().filter(|run| run.is_current) {
        let rows = by_run.remove(&current.run_no).unwrap_or_default();
        for row in &rows {
            let sum = row.opening + row.new + row.moved - row.resolved - row.accepted - row.closing;
            if !sum.is_zero() || !row.difference.is_zero() {
                let found = format!("a difference of {}", amount::text(sum));
                return Err(does_not_foot(current.run_no, &found));
            }
        }
        if balances(&rows, |row| row.opening) != before {
            let found = "an opening that is not the closing of the run before";
            return Err(does_not_foot(current.run_no, found));
        }
        before = balances(&rows, |row| row.closing);
    }
    let mut booked = Balances::new();
    for (_, one) in &stream.breaks {
        let Some(part) = one.booked.as_ref().filter(|part| !part.amount.is_zero()) else {
            continue;
        };
        let (tie_out, currency) = (one.found.tie_out.clone(), one.found.currency.clone());
        let key = [tie_out, currency, part.cause.clone(), part.bucket.clone()];
        *booked.entry(key).or_default() += part.amount;
    }
    booked.retain(|_, sum| !sum.is_zero());
    if booked != before {
        return Err(does_not_foot(
            run.run_no,
            "a closing that is not the sum of its breaks",
        ));
    }
    Ok(())
}

/// The manifest of a run whose folder is as it was published.
fn whole(run: &RunRow, folder: &Path) -> Result<HashedManifest, RunError> {
    let damaged = |fault: Fault| {
        refused(
            &format!("`{}`", fault.place),
            fault.found,
            &fault.wanted,
            "put it back from a copy, or move the folder of the run away and run the pipeline again",
        )
    };
    let hashed = hashed_files::manifest_in(folder).map_err(damaged)?;
    if hashed.blake3 != run.manifest_hash {
        let path = folder.join(crate::reports::earlier_run::MANIFEST);
        let found = "another manifest than the log of runs has";
        return Err(damaged(Fault::new(
            &path,
            found,
            "the file as it was published",
        )));
    }
    let mut faults = hashed_files::of_folder(folder, &hashed_files::outputs(&hashed.manifest));
    if faults.is_empty() {
        Ok(hashed)
    } else {
        Err(damaged(faults.remove(0)))
    }
}
