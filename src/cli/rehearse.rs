//! `tieout rehearse`: months of nights, each held against the truth.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::{Failure, exit_of_printed};
use super::stderr;
use super::wording::{counted, paragraph};
use crate::ledger::amount;
use crate::pipeline::publish::outcome::readable;
use crate::rehearsal::{self, Night, RehearsalError, Report, Request};

/// Columns of a line.
const WIDTH: usize = 80;

/// Columns before the amounts of a line.
const BEFORE_AMOUNTS: usize = 51;

/// Differences of one night that are printed.
const SHOWN: usize = 20;

/// Rehearse the month-end: make months of a synthetic partner, run each of their nights, and hold
/// the ledger against the truth
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout rehearse --months 6 --rows 20000 --out rehearsal")]
pub(super) struct RehearseArgs {
    /// Folder to write to; new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Months of the partner
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=60))]
    months: u64,
    /// Usage rows of each month
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    rows: u64,
    /// Seed of all randomness; the same seed gives the same months
    #[arg(long, value_name = "S", default_value_t = 7)]
    seed: u64,
}

/// The whole rehearsal, for `--json`.
#[derive(Serialize)]
struct Rehearsed<'r> {
    nights: &'r [Night],
    #[serde(flatten)]
    report: &'r Report,
}

/// Plays the rehearsal, and prints a line for each night.
pub(super) fn run(
    args: &RehearseArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let request = Request {
        out: args.out.clone(),
        months: args.months,
        rows: args.rows,
        seed: args.seed,
        threads: globals.threads(),
    };
    let mut nights = Vec::new();
    if !globals.json {
        write_heading(out)?;
    }
    let mut tell = |night: &Night| {
        if globals.json {
            nights.push(night.clone());
            return Ok(());
        }
        write_night(night, out)?;
        // Who is quiet reads no stdout, and a difference is an error.
        if globals.quiet {
            write_differences(night, &mut stderr::lines())?;
        }
        out.flush()
    };
    let mut report = rehearsal::make(&request).map_err(failure)?;
    rehearsal::play(&request, &mut report, &mut tell).map_err(failure)?;
    let exit = if report.differences == 0 {
        Exit::Complete
    } else {
        Exit::Unexpected
    };
    exit_of_printed(exit, print(&report, &nights, globals, out))
}

fn print(
    report: &Report,
    nights: &[Night],
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &Rehearsed { nights, report })?;
        writeln!(out)?;
    } else {
        write_report(report, out)?;
    }
    Ok(out.flush()?)
}

fn write_heading(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "night      period  exit   new moved resolved  open  usage-to-invoice, open"
    )
}

fn write_night(night: &Night, out: &mut dyn Write) -> io::Result<()> {
    let Night {
        day,
        period,
        exit_code,
        ..
    } = night;
    let mut line = format!("{day} {period} {exit_code:>4}");
    if night.is_closed {
        line += match exit_code {
            10 => "  closed; restated, and posted in the month after",
            _ => "  closed",
        };
    } else if let Some(counts) = &night.counts {
        line += &format!(
            " {:>5} {:>5} {:>8} {:>5}",
            counts.new, counts.moved, counts.resolved, counts.open
        );
    }
    for balance in &night.balances {
        let amount = readable(&amount::text(balance.amount));
        let word = format!("{} {amount}", balance.currency);
        // A line that is full is gone on with below its amounts.
        if line.len() > BEFORE_AMOUNTS && line.len() + 2 + word.len() > WIDTH {
            writeln!(out, "{line}")?;
            line = " ".repeat(BEFORE_AMOUNTS - 1);
        }
        line += &format!("  {word}");
    }
    writeln!(out, "{line}")?;
    write_differences(night, out)
}

fn write_differences(night: &Night, out: &mut dyn Write) -> io::Result<()> {
    for difference in night.differences.iter().take(SHOWN) {
        paragraph("  ! ", difference, out)?;
    }
    match night.differences.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  ! and {more} more"),
    }
}

fn write_report(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{}, {} of them complete, {} closed; {}, {} of people",
        counted(report.nights, "night"),
        report.complete,
        counted(report.closes, "month"),
        counted(report.breaks, "break"),
        counted(report.words, "word")
    )?;
    writeln!(
        out,
        "{} in {}; made in {} s, run in {} s",
        counted(report.rows, "usage row"),
        counted(report.versions, "version"),
        seconds(report.making),
        seconds(report.nightly)
    )?;
    match report.differences {
        0 => writeln!(out, "Every night is as the truth says."),
        found => writeln!(out, "{} from the truth.", counted(found, "difference")),
    }
}

/// Seconds with one place.
fn seconds(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn failure(error: RehearsalError) -> Failure {
    match error {
        RehearsalError::Synth(error) => super::synth::failure(error),
        RehearsalError::Run(error) => Failure::from(*error),
        RehearsalError::Told(error) => Failure::Output(error),
        RehearsalError::Table { .. } => Failure::Error {
            exit: Exit::Storage,
            error: error.into(),
            hint: None,
        },
    }
}
