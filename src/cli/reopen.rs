//! `tieout reopen`: opens a closed period again.

use std::io::Write;

use super::arguments::Globals;
use super::close::PeriodFlags;
use super::exit::Exit;
use super::failure::{Failure, exit_of_printed};
use super::ledger_flags;
use super::wording::counted;
use crate::pipeline::closing::close::{ReopenedPeriod, reopen};

/// Open a closed period again; its closing pack stays
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout reopen 2026-10 --reason \"a credit note came late\" --by anna"
)]
pub(super) struct ReopenPeriodArgs {
    #[command(flatten)]
    period: PeriodFlags,
    /// Why it is opened
    #[arg(long, value_name = "TEXT", value_parser = ledger_flags::said)]
    reason: String,
}

/// Opens the period, and prints what was taken back.
pub(super) fn run(
    args: &ReopenPeriodArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let reopened = reopen(&args.period.request()?, &args.reason)?;
    exit_of_printed(Exit::Complete, print(&reopened, globals, out))
}

fn print(reopened: &ReopenedPeriod, globals: &Globals, out: &mut dyn Write) -> Result<(), Failure> {
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, reopened)?;
        writeln!(out)?;
        return Ok(());
    }
    let close = &reopened.close;
    writeln!(
        out,
        "Reopened {} of `{}`, by {}: {}",
        close.period, close.pipeline, close.by, close.reason
    )?;
    for row in &reopened.reversals {
        writeln!(
            out,
            "Taken back in {}: {} {} of `{}`, invoice {}",
            row.posted_in, row.delta, row.currency, row.dataset, row.invoice_number
        )?;
    }
    writeln!(
        out,
        "{} taken back; run the pipeline of {} again",
        counted(reopened.reversals.len() as u64, "restatement"),
        close.period
    )?;
    Ok(())
}
