//! `tieout diff`: what is new, moved or gone between two runs.

use std::io::{self, Write};

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::Failure;
use super::ledger_flags::LedgerFlags;
use super::ledger_text::{
    cents, dotted, ledger_table, stream_words, tie_out_words, write_statement, write_table,
};
use super::wording::counted;
use crate::pipeline::ledger_views::run_difference::{
    ChangedBreak, ComparedRun, RunDifference, difference,
};

/// Show which breaks are new, moved or gone between two runs
///
/// A run is named by its number or id, as `last`, or as `previous`: the one before the other. Runs that
/// published nothing have no breaks to compare.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout diff previous last --out out/nightly")]
pub(super) struct DiffArgs {
    /// Run before: its number or id, `last` or `previous`
    #[arg(value_name = "RUN")]
    before: String,
    /// Run that is compared with the one before
    #[arg(value_name = "RUN")]
    after: String,
    /// Breaks of each kind to list, the largest changes first
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    ledger: LedgerFlags,
}

/// Prints what differs between two runs.
pub(super) fn run(
    args: &DiffArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let choice = args.ledger.choice(None);
    let names = [args.before.as_str(), args.after.as_str()];
    let found = difference(&args.ledger.out()?, &choice, names)?;
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
    } else {
        write(&found, args.limit, out)?;
    }
    Ok(Exit::Complete)
}

fn write(found: &RunDifference, limit: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Before: {}", run_words(&found.before))?;
    writeln!(out, "After:  {}", run_words(&found.after))?;
    if found.totals.is_empty() {
        return writeln!(out, "\nNo breaks in either.");
    }
    for total in &found.totals {
        writeln!(
            out,
            "\n{} ({} as before)",
            total.unit.words(),
            counted(total.unchanged_breaks, "break")
        )?;
        let lines = [
            ("  before", total.before),
            ("+ new", total.new),
            ("+ moved", total.moved),
            ("- gone", total.gone),
            ("= after", total.after),
        ];
        write_statement(&lines, out)?;
    }
    write_list("New", &found.new, limit, out)?;
    write_list("Moved", &found.moved, limit, out)?;
    write_list("Gone", &found.gone, limit, out)
}

fn run_words(run: &ComparedRun) -> String {
    let stream = stream_words(&run.pipeline, &run.period);
    format!("run {} of {stream}, ended {}", run.run_no, run.finished_at)
}

fn write_list(
    name: &str,
    breaks: &[ChangedBreak],
    limit: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    if breaks.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{name}: {}", counted(breaks.len() as u64, "break"))?;
    let header = ["break", "change", "now", "", "cause", "what"];
    let mut table = ledger_table(&header, &[1, 2], &[0, 3]);
    for one in breaks.iter().take(limit) {
        let cause = match (one.cause_before.as_str(), one.cause_after.as_str()) {
            ("", cause) | (cause, "") => cause.to_owned(),
            (before, after) if before == after => after.to_owned(),
            (before, after) => format!("{after} (was {before})"),
        };
        // What has gone is 0 now.
        table.add_row([
            one.break_id.clone(),
            cents(one.change),
            cents(one.after),
            one.unit.currency.clone(),
            cause,
            dotted([tie_out_words(&one.tie_out), &one.customer, &one.item]),
        ]);
    }
    if limit > 0 {
        write_table(&table, out)?;
    }
    match breaks.len().saturating_sub(limit) {
        0 => Ok(()),
        more => writeln!(out, "and {more} more; a larger `--limit` shows them"),
    }
}
