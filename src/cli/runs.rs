//! `tieout runs`: the log of runs.

use std::io::{self, Write};

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::Failure;
use super::ledger_flags::{self, LedgerFlags};
use super::ledger_text::{cut, ledger_table, write_table};
use crate::pipeline::ledger_views::run_log::{self, RunRow, outcome};

/// List the runs of an output folder, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout runs --out out/nightly --limit 5")]
pub(super) struct RunsArgs {
    /// Number of runs to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Runs of this billing period: a month, `current` or `last`
    #[arg(long, value_name = "YYYY-MM", value_parser = ledger_flags::period)]
    period: Option<String>,
    #[command(flatten)]
    ledger: LedgerFlags,
}

/// Prints the log of runs.
pub(super) fn run(
    args: &RunsArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let choice = args.ledger.choice(args.period.as_deref());
    let runs = run_log::newest(&args.ledger.out()?, &choice, args.limit)?;
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &runs)?;
        writeln!(out)?;
    } else {
        write(&runs, out)?;
    }
    Ok(Exit::Complete)
}

fn write(runs: &[RunRow], out: &mut dyn Write) -> io::Result<()> {
    if runs.is_empty() {
        return writeln!(out, "No runs.");
    }
    let mut table = ledger_table(
        &[
            "run", "ended", "pipeline", "period", "outcome", "new", "moved", "gone", "open",
        ],
        &[0, 5, 6, 7, 8],
        &[1],
    );
    for run in runs {
        // Of a run that moved no break there is nothing to count.
        let count = |count: u64| match run.is_current {
            true => count.to_string(),
            false => String::new(),
        };
        table.add_row([
            run.run_no.to_string(),
            minute(&run.finished_at),
            cut(&run.pipeline, 16),
            run.period.clone(),
            format!("{} ({})", outcome(run.exit_code), run.exit_code),
            count(run.new_breaks),
            count(run.moved_breaks),
            count(run.resolved_breaks),
            count(run.open_breaks),
        ]);
    }
    write_table(&table, out)
}

/// A time without its seconds: `2026-11-08 02:00`.
fn minute(time: &str) -> String {
    let minute: String = time.chars().take("2026-11-08T02:00".len()).collect();
    minute.replace('T', " ")
}
