//! `tieout synth`.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::ValueEnum;

use super::exit::Exit;
use super::failure::Failure;
use super::{Globals, arguments};
use crate::model::period::Period;
use crate::synth;

/// Write a synthetic partner: usage, recon lines and invoices, with planted variances and the truth
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout synth --rows 100000 --seed 7 --out synth --formats csv,parquet"
)]
pub(super) struct Args {
    /// Rows of usage
    #[arg(long, value_name = "N")]
    rows: u64,
    /// Seed; the same seed gives the same bytes
    #[arg(long, value_name = "S")]
    seed: u64,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Billing period
    #[arg(long, value_name = "YYYY-MM", value_parser = arguments::period, default_value = "2026-10")]
    period: Period,
    /// Microsoft's formats to write
    #[arg(
        long,
        value_name = "LIST",
        value_enum,
        value_delimiter = ',',
        default_value = "csv"
    )]
    formats: Vec<Format>,
    /// Plant no variances
    #[arg(long)]
    clean: bool,
}

/// A format in which Microsoft delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Format {
    /// CSV as downloaded
    Csv,
    /// JSON lines of the v2 exports
    V2,
    /// JSON pages of the v1 endpoints
    V1,
    /// Parquet
    Parquet,
}

impl From<Format> for synth::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::V2 => Self::V2,
            Format::V1 => Self::V1,
            Format::Parquet => Self::Parquet,
        }
    }
}

/// Writes the files, and notes their names.
pub(super) fn run(args: &Args, globals: &Globals) -> Result<Exit, Failure> {
    let mut formats = args.formats.clone();
    formats.sort_unstable();
    formats.dedup();
    let formats = formats.into_iter().map(synth::Format::from).collect();
    let request = synth::Request {
        rows: args.rows,
        seed: args.seed,
        out: args.out.clone(),
        period: args.period,
        formats,
        planted: !args.clean,
    };
    let report = synth::generate(&request).map_err(failure)?;
    if !globals.quiet {
        let mut notes = io::stderr().lock();
        writeln!(
            notes,
            "{} usage rows, {} invoice lines, {} files in `{}`",
            report.rows,
            report.lines,
            report.files,
            args.out.display()
        )?;
    }
    Ok(Exit::Complete)
}

fn failure(error: synth::SynthError) -> Failure {
    Failure::Error {
        exit: Exit::Storage,
        error: error.into(),
        hint: None,
    }
}
