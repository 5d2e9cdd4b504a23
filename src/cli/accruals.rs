//! `tieout accruals`: what customers used and were not invoiced, and credits that are due.

use std::io::{self, Write};

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::Failure;
use super::ledger_flags::{self, LedgerFlags};
use super::ledger_text::{cents_or_dash, ledger_table, stream_words, write_statement, write_table};
use super::summary::short;
use crate::pipeline::ledger_views::postings::{StreamAccruals, accrued};
use crate::pipeline::ledger_views::sums::ExactSum;

/// Show what is to be accrued: usage without a line, usage not billed yet, credits that are due
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout accruals 2026-10 --out out/nightly")]
pub(super) struct AccrualsArgs {
    /// Billing period: a month, `current` or `last` [default: all]
    #[arg(value_name = "PERIOD", value_parser = ledger_flags::period)]
    period: Option<String>,
    #[command(flatten)]
    ledger: LedgerFlags,
}

/// Prints the accruals of the ledger.
pub(super) fn run(
    args: &AccrualsArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let choice = args.ledger.choice(args.period.as_deref());
    let found = accrued(&args.ledger.out()?, &choice)?;
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
        return Ok(Exit::Complete);
    }
    if found.is_empty() {
        writeln!(out, "No accruals.")?;
    }
    for (at, stream) in found.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        write(stream, out)?;
    }
    Ok(Exit::Complete)
}

fn write(found: &StreamAccruals, out: &mut dyn Write) -> io::Result<()> {
    let stream = stream_words(&found.stream.pipeline, &found.stream.period);
    writeln!(out, "Accruals of {stream}: run {}", found.run_no)?;
    for total in &found.totals {
        writeln!(out, "\n{}", total.currency)?;
        let lines = [
            ("usage without a line", total.usage_without_line),
            ("unbilled usage", total.unbilled_usage),
            ("credits due", total.credits_due),
        ];
        write_statement(&lines, out)?;
    }
    writeln!(out)?;
    let header = ["customer", "", "without a line", "unbilled", "credits due"];
    let mut table = ledger_table(&header, &[2, 3, 4], &[1]);
    for row in &found.rows {
        let customer = match row.customer_name.as_str() {
            "" => &row.customer_id,
            name => name,
        };
        let figures = [row.usage_without_line, row.unbilled_usage, row.credits_due];
        let figures = figures.map(|amount| cents_or_dash(ExactSum::of(amount)));
        table.add_row(
            [short(customer), row.currency.clone()]
                .into_iter()
                .chain(figures),
        );
    }
    write_table(&table, out)
}
