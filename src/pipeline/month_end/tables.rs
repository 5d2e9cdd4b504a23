//! Rows of the ledger as cells of its published tables.

use std::collections::BTreeMap;

use crate::ledger::accruals::Accrual;
use crate::ledger::age::days_between;
use crate::ledger::amount::{self, units};
use crate::ledger::breaks::{LedgerBreak, State, Stream};
use crate::ledger::closes::CloseRow;
use crate::ledger::events::Event;
use crate::ledger::restatements::Restatement;
use crate::ledger::roll_forward::RollForwardRow;
use crate::ledger::runs::RunRow;
use crate::model::period::parse_day;
use crate::model::tables::ledger as definitions;
use crate::reports::table::{Cells, TablePart};

/// Text of each row.
fn texts<R>(rows: &[R], of: impl Fn(&R) -> &str) -> Cells<'static> {
    Cells::Texts(rows.iter().map(|row| of(row).to_owned()).collect())
}

fn owned<R>(rows: &[R], of: impl Fn(&R) -> String) -> Cells<'static> {
    Cells::Texts(rows.iter().map(of).collect())
}

fn numbers<R>(rows: &[R], of: impl Fn(&R) -> i64) -> Cells<'static> {
    Cells::Integers(rows.iter().map(of).collect())
}

fn flags<R>(rows: &[R], of: impl Fn(&R) -> bool) -> Cells<'static> {
    Cells::Booleans(rows.iter().map(of).collect())
}

fn amounts<R>(rows: &[R], of: impl Fn(&R) -> rust_decimal::Decimal) -> Cells<'static> {
    Cells::Decimals(rows.iter().map(|row| units(of(row))).collect())
}

fn days<R>(rows: &[R], of: impl Fn(&R) -> &str) -> Cells<'static> {
    let day = |row| parse_day(of(row).as_bytes()).ok().flatten();
    Cells::Days(rows.iter().map(day).collect())
}

/// A count of the log as a whole number.
fn count(count: u64) -> i64 {
    i64::try_from(count).expect("fewer breaks than 2^63")
}

/// The table `breaks` of the ledger, as cells.
pub(crate) fn breaks(rows: &[(Stream, LedgerBreak)], days_of: &RunDays) -> TablePart<'static> {
    let age = |(stream, one): &(Stream, LedgerBreak)| days_of.age_of(stream, one);
    let cells = vec![
        texts(rows, |row| &row.0.pipeline),
        texts(rows, |row| &row.0.period),
        texts(rows, |row| &row.1.found.break_id),
        texts(rows, |row| &row.1.found.tie_out),
        texts(rows, |row| &row.1.found.billing_period),
        texts(rows, |row| &row.1.found.invoice_number),
        texts(rows, |row| &row.1.found.customer_id),
        texts(rows, |row| &row.1.found.customer_name),
        texts(rows, |row| &row.1.found.subscription_id),
        texts(rows, |row| &row.1.found.product_id),
        texts(rows, |row| &row.1.found.product_name),
        texts(rows, |row| &row.1.found.sku_id),
        texts(rows, |row| &row.1.found.sku_name),
        texts(rows, |row| &row.1.found.meter_description),
        texts(rows, |row| &row.1.found.currency),
        flags(rows, |row| row.1.found.informs),
        texts(rows, |row| row.1.state.name()),
        days(rows, |row| &row.1.first_seen),
        days(rows, |row| &row.1.last_seen),
        numbers(rows, |row| i64::from(age(row))),
        amounts(rows, |row| row.1.amount_first),
        amounts(rows, |row| row.1.found.amount),
        texts(rows, |row| &row.1.cause_first),
        texts(rows, |row| &row.1.found.cause),
        texts(rows, |row| &row.1.owner),
        texts(rows, |row| &row.1.label),
        texts(rows, |row| &row.1.ticket),
        texts(rows, |row| &row.1.reason),
        days(rows, |row| &row.1.accepted_until),
        owned(rows, |row| {
            row.1.accepted_cap.map_or_else(String::new, amount::text)
        }),
        texts(rows, |row| &row.1.closed_in),
    ];
    TablePart::new(&definitions::BREAKS, cells)
}

/// Days of runs, by which breaks have an age.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunDays {
    /// Day of the last complete run of each stream.
    pub(crate) last: BTreeMap<Stream, String>,
    /// Day of each run, by its number as text.
    pub(crate) of_run: BTreeMap<String, String>,
}

impl RunDays {
    /// Days of the runs of a log.
    pub(crate) fn of(log: &[RunRow]) -> Self {
        let current = log.iter().filter(|run| run.is_current);
        Self {
            last: current
                .map(|run| (run.stream(), run.as_of.clone()))
                .collect(),
            of_run: log
                .iter()
                .map(|run| (run.run_no.to_string(), run.as_of.clone()))
                .collect(),
        }
    }

    /// Age of a break in days: as of the last complete run of its stream, or of the run that no longer
    /// had it.
    pub(crate) fn age_of(&self, stream: &Stream, one: &LedgerBreak) -> i32 {
        let resolved = (one.state == State::Resolved).then(|| self.of_run.get(&one.closed_in));
        let day = resolved.flatten().or_else(|| self.last.get(stream));
        // Without a run of its stream it is as old as when it was last seen.
        days_between(&one.first_seen, day.unwrap_or(&one.last_seen))
    }
}

/// The table `break_events` of the ledger, as cells.
pub(crate) fn events(rows: &[Event]) -> TablePart<'static> {
    let cells = vec![
        numbers(rows, |row| row.event_no),
        texts(rows, |row| &row.at),
        texts(rows, |row| &row.run_no),
        texts(rows, |row| &row.actor),
        texts(rows, |row| &row.event),
        texts(rows, |row| &row.stream.pipeline),
        texts(rows, |row| &row.stream.period),
        texts(rows, |row| &row.break_id),
        texts(rows, |row| &row.before),
        texts(rows, |row| &row.after),
        texts(rows, |row| &row.amount),
        texts(rows, |row| &row.reason),
        texts(rows, |row| &row.previous_hash),
        texts(rows, |row| &row.hash),
    ];
    TablePart::new(&definitions::BREAK_EVENTS, cells)
}

/// The table `roll_forward` of the ledger, as cells.
pub(crate) fn roll_forward(rows: &[(i64, Stream, RollForwardRow)]) -> TablePart<'static> {
    let cells = vec![
        numbers(rows, |row| row.0),
        texts(rows, |row| &row.1.pipeline),
        texts(rows, |row| &row.1.period),
        texts(rows, |row| &row.2.tie_out),
        texts(rows, |row| &row.2.currency),
        texts(rows, |row| &row.2.cause),
        texts(rows, |row| &row.2.age_bucket),
        amounts(rows, |row| row.2.opening),
        amounts(rows, |row| row.2.new),
        amounts(rows, |row| row.2.moved),
        amounts(rows, |row| row.2.resolved),
        amounts(rows, |row| row.2.accepted),
        amounts(rows, |row| row.2.closing),
        amounts(rows, |row| row.2.difference),
        amounts(rows, |row| row.2.transferred),
    ];
    TablePart::new(&definitions::ROLL_FORWARD, cells)
}

/// The table `restatements` of the ledger, as cells.
pub(crate) fn restatements(rows: &[Restatement]) -> TablePart<'static> {
    let number = |text: &str| text.parse().expect("the ledger writes amounts");
    let cells = vec![
        numbers(rows, |row| row.run_no),
        days(rows, |row| &row.noticed_at),
        texts(rows, |row| &row.stream.pipeline),
        texts(rows, |row| &row.stream.period),
        texts(rows, |row| &row.dataset),
        texts(rows, |row| &row.invoice_number),
        texts(rows, |row| &row.currency),
        texts(rows, |row| &row.etag_before),
        texts(rows, |row| &row.etag_after),
        numbers(rows, |row| row.rows_before),
        numbers(rows, |row| row.rows_after),
        amounts(rows, |row| number(&row.amount_before)),
        amounts(rows, |row| number(&row.amount_after)),
        amounts(rows, |row| number(&row.delta)),
        texts(rows, |row| &row.posted_in),
    ];
    TablePart::new(&definitions::RESTATEMENTS, cells)
}

/// The table `closes` of the ledger, as cells.
pub(crate) fn closes(rows: &[CloseRow]) -> TablePart<'static> {
    let cells = vec![
        numbers(rows, |row| row.close_no),
        texts(rows, |row| &row.event),
        texts(rows, |row| &row.pipeline),
        texts(rows, |row| &row.period),
        texts(rows, |row| &row.by),
        texts(rows, |row| &row.at),
        texts(rows, |row| &row.reason),
        texts(rows, |row| &row.run_no),
        texts(rows, |row| &row.run_id),
        texts(rows, |row| &row.manifest_hash),
        texts(rows, |row| &row.pack),
        texts(rows, |row| &row.totals),
        texts(rows, |row| &row.previous_hash),
        texts(rows, |row| &row.hash),
    ];
    TablePart::new(&definitions::CLOSES, cells)
}

/// The table `accruals` of the ledger, as cells.
pub(crate) fn accruals(rows: &[(i64, Stream, Accrual)]) -> TablePart<'static> {
    let cells = vec![
        numbers(rows, |row| row.0),
        texts(rows, |row| &row.1.pipeline),
        texts(rows, |row| &row.1.period),
        texts(rows, |row| &row.2.customer_id),
        texts(rows, |row| &row.2.customer_name),
        texts(rows, |row| &row.2.currency),
        amounts(rows, |row| row.2.usage_without_line),
        amounts(rows, |row| row.2.unbilled_usage),
        amounts(rows, |row| row.2.credits_due),
    ];
    TablePart::new(&definitions::ACCRUALS, cells)
}

/// The table `runs` of the ledger, as cells.
pub(crate) fn runs(rows: &[RunRow]) -> TablePart<'static> {
    let cells = vec![
        numbers(rows, |row| row.run_no),
        texts(rows, |row| &row.run_id),
        texts(rows, |row| &row.pipeline),
        texts(rows, |row| &row.tenant),
        texts(rows, |row| &row.source),
        texts(rows, |row| &row.period),
        texts(rows, |row| &row.started_at),
        texts(rows, |row| &row.finished_at),
        days(rows, |row| &row.as_of),
        numbers(rows, |row| i64::from(row.exit_code)),
        texts(rows, |row| &row.reason),
        flags(rows, |row| row.published),
        flags(rows, |row| row.is_new),
        texts(rows, |row| &row.finality),
        numbers(rows, |row| count(row.open_breaks)),
        numbers(rows, |row| count(row.new_breaks)),
        numbers(rows, |row| count(row.moved_breaks)),
        numbers(rows, |row| count(row.resolved_breaks)),
        numbers(rows, |row| count(row.accepted_breaks)),
        texts(rows, |row| &row.version),
        texts(rows, |row| &row.manifest_hash),
        texts(rows, |row| &row.hash),
    ];
    TablePart::new(&definitions::RUNS, cells)
}
