//! `tieout rollforward`: the balance of open breaks from one run to the next, or over a period.

use std::io::{self, Write};

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::Failure;
use super::ledger_flags::{self, LedgerFlags};
use super::ledger_text::{cents_or_dash, ledger_table, stream_words, write_statement, write_table};
use crate::pipeline::ledger_views::balances::{Balance, BalanceFigures, BalanceRow, balances};

/// Show how the balance of open breaks came about: opening, new, moved, resolved, accepted, closing
///
/// Without a period it is the roll-forward of the newest complete run. With one, all runs of the period
/// are added up: the opening of the first, the closing of the last.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout rollforward 2026-10 --out out/nightly")]
pub(super) struct RollforwardArgs {
    /// Billing period: a month, `current` or `last` [default: that of the newest run, which stands
    /// alone]
    #[arg(value_name = "PERIOD", value_parser = ledger_flags::period)]
    period: Option<String>,
    #[command(flatten)]
    ledger: LedgerFlags,
}

/// Prints the roll-forward of open breaks.
pub(super) fn run(
    args: &RollforwardArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let choice = args.ledger.choice(args.period.as_deref());
    let found = balances(&args.ledger.out()?, &choice)?;
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
        return Ok(Exit::Complete);
    }
    for (at, balance) in found.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        write(balance, out)?;
    }
    Ok(Exit::Complete)
}

fn write(balance: &Balance, out: &mut dyn Write) -> io::Result<()> {
    let Balance {
        stream,
        first_run,
        last_run,
        as_of,
        ..
    } = balance;
    let runs = match first_run == last_run {
        true => format!("run {last_run}"),
        false => format!("runs {first_run} to {last_run}"),
    };
    let stream = stream_words(&stream.pipeline, &stream.period);
    writeln!(out, "Open breaks of {stream}: {runs}, as of {as_of}")?;
    if balance.totals.is_empty() {
        return writeln!(out, "\nNo breaks.");
    }
    for total in &balance.totals {
        writeln!(out, "\n{}", total.unit.words())?;
        let figures = &total.figures;
        let lines = [
            ("  opening", figures.opening),
            ("+ new", figures.new),
            ("+ moved", figures.moved),
            ("- resolved", figures.resolved),
            ("- accepted", figures.accepted),
            ("= closing", figures.closing),
        ];
        write_statement(&lines, out)?;
    }
    let same = |one: &BalanceRow, next: &BalanceRow| {
        one.tie_out == next.tie_out && one.currency == next.currency
    };
    for rows in balance.rows.chunk_by(same) {
        let currency = &rows[0].currency;
        writeln!(out, "\n{} {currency}, rounded to cents", rows[0].tie_out)?;
        write_table(&table_of(rows), out)?;
    }
    Ok(())
}

fn table_of(rows: &[BalanceRow]) -> comfy_table::Table {
    let header = [
        "cause", "days", "opening", "new", "moved", "resolved", "accepted", "closing",
    ];
    let mut table = ledger_table(&header, &[2, 3, 4, 5, 6, 7], &[1]);
    for row in rows {
        let BalanceFigures {
            opening,
            new,
            moved,
            resolved,
            accepted,
            closing,
            ..
        } = row.figures;
        let figures = [opening, new, moved, resolved, accepted, closing].map(cents_or_dash);
        table.add_row(
            [row.cause.clone(), row.age_bucket.clone()]
                .into_iter()
                .chain(figures),
        );
    }
    table
}
