//! `tieout report`: the page and the workbook of a run, with what the ledger knows of it.

use std::io::Write;
use std::path::PathBuf;

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::{Failure, exit_of_printed};
use super::ledger_flags::{self, LedgerFlags};
use super::ledger_text::stream_words;
use crate::pipeline::ledger_views::run_report::{
    ReportRequest, ReportedRun, WrittenReports, write_reports,
};

/// Write the report of a run as a page and a workbook, with what the ledger knows of it
///
/// A run's own `report.html` and `report.xlsx` follow from the run alone. These have, too, what is new,
/// moved and resolved since the run before, the roll-forward, ages and owners, restatements, accruals
/// and the sign-off.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout report 2026-10 --out out/nightly")]
pub(super) struct ReportArgs {
    /// Period, such as `2026-10`, of which the newest complete run is meant; or a run, by number or id,
    /// or `last` [default: the newest complete run]
    #[arg(value_name = "PERIOD|RUN")]
    run: Option<String>,
    /// File of the page [default, without --xlsx: OUT/reports/PERIOD.html]
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// File of the workbook [default, without --html: OUT/reports/PERIOD.xlsx]
    #[arg(long, value_name = "FILE")]
    xlsx: Option<PathBuf>,
    #[command(flatten)]
    ledger: LedgerFlags,
}

/// Writes the reports, and prints where they are.
pub(super) fn run(
    args: &ReportArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    for (flag, file) in [("--html", &args.html), ("--xlsx", &args.xlsx)] {
        if file.as_ref().is_some_and(|file| file.file_name().is_none()) {
            let hint = "name a file, such as `report.html`".to_owned();
            let found = format!("`{flag}`: found a folder, wanted a file");
            return Err(Failure::usage(found, Some(hint)));
        }
    }
    let written = write_reports(&ReportRequest {
        out: args.ledger.out()?,
        pipeline: args.ledger.pipeline_name.clone(),
        run: reported(args.run.as_deref()),
        page: args.html.clone(),
        workbook: args.xlsx.clone(),
    })?;
    exit_of_printed(Exit::Complete, print(&written, globals, out))
}

/// A run by its name. No run has the name of a period: ids have more digits, and numbers no dash.
fn reported(name: Option<&str>) -> ReportedRun {
    match name {
        None => ReportedRun::Newest,
        Some("last") => ReportedRun::Named("last".to_owned()),
        Some(name) => match ledger_flags::period(name) {
            Ok(period) => ReportedRun::OfPeriod(period),
            Err(_) => ReportedRun::Named(name.to_owned()),
        },
    }
}

fn print(written: &WrittenReports, globals: &Globals, out: &mut dyn Write) -> Result<(), Failure> {
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, written)?;
        writeln!(out)?;
        return Ok(());
    }
    let stream = stream_words(&written.pipeline, &written.period);
    writeln!(out, "Report of {stream}: run {}", written.run_no)?;
    for file in &written.files {
        writeln!(out, "  {}", file.display())?;
    }
    Ok(())
}
