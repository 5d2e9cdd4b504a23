//! `tieout synth`.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::ValueEnum;

use super::exit::Exit;
use super::failure::Failure;
use super::{Globals, arguments, pending};
use crate::model::period::Period;

/// Write a synthetic partner: usage, recon lines and invoices, with planted variances and the truth
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout synth --rows 100000 --seed 7 --out synth --formats csv,parquet")]
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
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',', default_value = "csv")]
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

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Rows of usage.
    pub(super) rows: u64,
    /// Where chance starts.
    pub(super) seed: u64,
    /// Folder to write to.
    pub(super) out: PathBuf,
    /// Month of the usage.
    pub(super) period: Period,
    /// Formats, each once.
    pub(super) formats: Vec<Format>,
    /// Whether no variances are planted.
    pub(super) clean: bool,
}

/// Writes the files, and notes their names.
pub(super) fn run(args: &Args, globals: &Globals) -> Result<Exit, Failure> {
    let mut formats = args.formats.clone();
    formats.sort_unstable();
    formats.dedup();
    let Args { rows, seed, ref out, period, clean, .. } = *args;
    let files = pending::synth(&Request { rows, seed, out: out.clone(), period, formats, clean })?;
    if !globals.quiet {
        let mut notes = io::stderr().lock();
        for file in files {
            writeln!(notes, "wrote `{}`", file.display())?;
        }
    }
    Ok(Exit::Complete)
}
