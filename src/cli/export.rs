//! `tieout export`: the analyst folder in the form of other tools.

use std::io::{self, Write};
use std::path::PathBuf;

use super::arguments::{self, Globals};
use super::exit::Exit;
use super::failure::{Failure, exit_of_printed};
use super::ledger_flags;
use crate::model::period::Period;
use crate::pipeline::focus::export::{ExportFormat, FocusExport, FocusRequest, export};

/// Write the rows of the analyst folder in the form of other tools
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout export focus --out out/nightly --to focus")]
pub(super) struct ExportArgs {
    #[command(subcommand)]
    command: ExportCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ExportCommand {
    Focus(FocusArgs),
}

/// Write usage as FOCUS 1.2 Cost and Usage, and invoice lines as FOCUS 1.4 Invoice Detail
///
/// Needs the analyst folder: `analyst = true` under `[output]` of the pipeline, or `--analyst`. What
/// the folder does not have is null: the availability zone, price details, dates of issue and payment.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout export focus --out out/nightly --period 2026-10 --to focus"
)]
pub(super) struct FocusArgs {
    /// Output folder of the runs
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
    /// Billing period: a month, `current` or `last` [default: all of the analyst folder]
    #[arg(long, value_name = "PERIOD", value_parser = arguments::period)]
    period: Option<Period>,
    /// Folder for the files, `focus-cost-and-usage-PERIOD` and `focus-invoice-detail-PERIOD`
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Format of the files
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = FileFormat::Parquet)]
    format: FileFormat,
    /// Name of the partner, where usage does not tell it
    #[arg(long, value_name = "NAME", value_parser = ledger_flags::said)]
    partner_name: Option<String>,
    /// Who issues the invoices: a distributor, where it is not Microsoft
    #[arg(long, value_name = "NAME", default_value = "Microsoft", value_parser = ledger_flags::said)]
    issuer: String,
}

/// Format of exported files; a twin of [`ExportFormat`] that clap can parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FileFormat {
    /// Columns with types, compressed
    Parquet,
    /// Plain text for programs
    Csv,
}

/// Writes the files, and prints what is in them.
pub(super) fn run(
    args: &ExportArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let ExportCommand::Focus(args) = &args.command;
    let written = export(&FocusRequest {
        out: args.out.clone(),
        period: args.period,
        to: args.to.clone(),
        format: match args.format {
            FileFormat::Parquet => ExportFormat::Parquet,
            FileFormat::Csv => ExportFormat::Csv,
        },
        partner_name: args.partner_name.clone(),
        issuer: args.issuer.clone(),
    })?;
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &written)?;
        writeln!(out)?;
        return Ok(Exit::Complete);
    }
    let printed = print(&written, out).map_err(Failure::from);
    exit_of_printed(Exit::Complete, printed)
}

fn print(written: &FocusExport, out: &mut dyn Write) -> io::Result<()> {
    for file in &written.files {
        writeln!(out, "{}", file.path.display())?;
        writeln!(
            out,
            "  {}, run {}: {} rows",
            file.dataset, file.run_id, file.rows
        )?;
        for (currency, sum) in &file.billed_cost {
            writeln!(out, "  BilledCost {currency} {sum}")?;
        }
        if file.non_conforming_rows > 0 {
            writeln!(
                out,
                "  {} rows lack what FOCUS wants of them, such as a price",
                file.non_conforming_rows
            )?;
        }
        if file.left_out_rows > 0 {
            writeln!(
                out,
                "  left out, as not billed or of amount 0: {}",
                file.left_out_rows
            )?;
        }
    }
    Ok(())
}
