//! `tieout restatements`: data of a period that came again with other content.

use std::io::{self, Write};

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::Failure;
use super::ledger_flags::{self, LedgerFlags};
use super::ledger_text::{ledger_table, write_table};
use super::wording::counted;
use crate::pipeline::ledger_views::postings::{RestatedFigure, restated};
use crate::pipeline::publish::outcome::readable;

/// Show which data came again with other amounts, and in which period the difference is posted
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout restatements 2026-10 --out out/nightly")]
pub(super) struct RestatementsArgs {
    /// Billing period of the data, or of the posting: a month, `current` or `last` [default: all]
    #[arg(value_name = "PERIOD", value_parser = ledger_flags::period)]
    period: Option<String>,
    #[command(flatten)]
    ledger: LedgerFlags,
}

/// Prints the restatements of the ledger.
pub(super) fn run(
    args: &RestatementsArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let choice = args.ledger.choice(args.period.as_deref());
    let rows = restated(&args.ledger.out()?, &choice)?;
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &rows)?;
        writeln!(out)?;
    } else {
        write(&rows, out)?;
    }
    Ok(Exit::Complete)
}

fn write(rows: &[RestatedFigure], out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "No restatements.");
    }
    writeln!(out, "{}\n", counted(rows.len() as u64, "restatement"))?;
    let header = [
        "period", "noticed", "run", "what", "before", "after", "delta", "", "posted",
    ];
    let mut table = ledger_table(&header, &[2, 4, 5, 6], &[0, 1, 7, 8]);
    for row in rows {
        table.add_row([
            row.stream.period.clone(),
            row.noticed_at.clone(),
            row.run_no.to_string(),
            format!("{} {}", row.dataset.replace('_', " "), row.invoice_number),
            readable(&row.amount_before),
            readable(&row.amount_after),
            readable(&row.delta),
            row.currency.clone(),
            row.posted_in.clone(),
        ]);
    }
    write_table(&table, out)
}
