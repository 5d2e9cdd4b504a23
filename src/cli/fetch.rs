//! `tieout fetch`: everything that a pipeline fetches, without reconciling it.

use std::io::{self, Write};
use std::path::PathBuf;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use super::allocator;
use super::arguments::{self, Globals};
use super::exit::Exit;
use super::failure::{Failure, exit_of_printed};
use super::progress::ProgressDisplay;
use super::stderr;
use super::wording::paragraph;
use crate::model::period::Period;
use crate::pipeline::fetch::report::FetchReport;
use crate::pipeline::machine;
use crate::pipeline::plan::parse;
use crate::pipeline::run;

/// Label of what a wanted tie-out lacks.
const INCOMPLETE: &str = "INCOMPLETE: ";

/// Fetch a pipeline's sources without reconciling them; continues where the last fetch stopped
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout fetch pipelines/nightly.toml --period current")]
pub(super) struct FetchArgs {
    /// Path of the pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pipeline: PathBuf,
    /// Billing period, instead of the file's: a month, `current` or `last`
    #[arg(long, value_name = "YYYY-MM", value_parser = arguments::period)]
    period: Option<Period>,
    /// Override a key of the file, as for `tieout run`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    fetching: arguments::FetchFlags,
}

/// Fetches, and prints how many units are complete, incomplete and restated.
pub(super) fn run(
    args: &FetchArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let mut plan = parse::read(&args.pipeline, &args.set)?;
    plan.period = args.period.or(plan.period);
    let asked = args.fetching.asked()?;
    // Before anything is fetched or printed: the program is started anew in its place.
    allocator::return_freed_memory(machine::address_space_limit().is_some());
    let (progress, display) = ProgressDisplay::start(globals)?;
    let fetched = run::fetch(&plan, &asked, &progress);
    // The display ends with the last progress; only then is anything printed, the error included,
    // so that no bar is drawn over it.
    drop(progress);
    display.end();
    let (report, code) = fetched?;
    let exit = Exit::of_outcome(code);
    let exit = exit_of_printed(exit, print(&report, globals, out))?;
    Failure::of_informational(&report, None).map_or(Ok(exit), Err)
}

fn print(report: &FetchReport, globals: &Globals, out: &mut dyn Write) -> Result<(), Failure> {
    write_notes(report, globals.quiet, &mut stderr::lines())?;
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, report)?;
        writeln!(out)?;
    } else {
        write(report, out)?;
    }
    Ok(())
}

/// Writes the warnings and rejected rows of the responses that are not reconciled. Who is `quiet`
/// reads no summary: there, what is incomplete is told here, and no note.
pub(super) fn write_notes(
    report: &FetchReport,
    quiet: bool,
    notes: &mut dyn Write,
) -> io::Result<()> {
    let (label, texts) = match quiet {
        true => (INCOMPLETE, &report.incomplete),
        false => ("note: ", &report.notes),
    };
    for text in texts {
        paragraph(label, text, notes)?;
    }
    for warning in &report.records.warnings {
        writeln!(notes, "warning: {warning}")?;
    }
    for row in &report.records.rejected {
        writeln!(notes, "rejected: {row}")?;
    }
    Ok(())
}

/// Writes what is not complete, and what there is nothing of.
pub(super) fn write_reasons(report: &FetchReport, out: &mut dyn Write) -> io::Result<()> {
    if report.finality == "provisional" {
        let until = &report.provisional_until;
        let text = format!("Microsoft may restate the period until {until}");
        paragraph("PROVISIONAL: ", &text, out)?;
    }
    let lists = [
        ("AWAITED: ", &report.awaited),
        (INCOMPLETE, &report.incomplete),
        ("Informs only, not complete: ", &report.informational),
    ];
    for (label, texts) in lists {
        texts
            .iter()
            .try_for_each(|text| paragraph(label, text, out))?;
    }
    if let Some(failure) = report
        .failure
        .as_ref()
        .filter(|_| report.failure_code.is_none())
    {
        paragraph("Stopped while fetching what only informs: ", failure, out)?;
    }
    Ok(())
}

/// Writes a table with a row for each dataset, and below it what is incomplete, summed and written.
fn write(report: &FetchReport, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header([
        "Dataset",
        "Complete",
        "Unchanged",
        "Restated",
        "Empty",
        "Incomplete",
        "Parts",
        "Rows",
    ]);
    for row in &report.datasets {
        let counts = [
            row.complete,
            row.unchanged,
            row.restated,
            row.empty,
            row.incomplete,
            row.parts,
            row.rows,
        ];
        table.add_row(
            std::iter::once(row.dataset.clone()).chain(counts.iter().map(ToString::to_string)),
        );
    }
    for column in 1..8 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{table}")?;
    write_reasons(report, out)?;
    for total in &report.records.totals {
        writeln!(
            out,
            "{}",
            format!(
                "{} {} {} {}",
                total.dataset, total.measure, total.sum, total.currency
            )
            // Measures without a currency end in a blank.
            .trim_end()
        )?;
    }
    for path in &report.records.tables {
        writeln!(out, "Wrote {}", path.display())?;
    }
    let (requests, retries, megabytes) =
        (report.requests, report.retries, report.bytes / 1_000_000);
    writeln!(
        out,
        "{requests} requests, {retries} of them retries; {megabytes} MB received"
    )
}
