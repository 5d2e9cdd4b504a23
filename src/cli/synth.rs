//! `tieout synth`: a synthetic partner with known answers, for tests, rehearsals and benchmarks.

use std::io::Write as _;
use std::path::PathBuf;

use clap::ValueEnum;

use super::arguments::{self, Globals};
use super::exit::Exit;
use super::failure::Failure;
use super::stderr;
use crate::model::period::Period;
use crate::synth::{self, SynthError};

/// Write a synthetic partner: usage, invoice lines and invoices with planted variances, and the
/// truth about them
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout synth --rows 100000 --seed 7 --out synth --formats csv,parquet\n  \
                  tieout synth --months 6 --restate --rows 20000 --seed 7 --out year --formats csv,v2"
)]
pub(super) struct SynthArgs {
    /// Usage rows to write
    #[arg(long, value_name = "N")]
    rows: u64,
    /// Seed of all randomness; the same seed gives the same bytes
    #[arg(long, value_name = "S")]
    seed: u64,
    /// Folder to write to; new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Billing period: a month, `current` or `last`
    #[arg(
        long,
        value_name = "YYYY-MM",
        value_parser = arguments::period,
        default_value = "2026-10"
    )]
    period: Period,
    /// Formats of the files to write
    #[arg(
        long,
        value_name = "LIST",
        value_enum,
        value_delimiter = ',',
        default_value = "csv"
    )]
    formats: Vec<SynthFormat>,
    /// Months of one partner that hang together, `--period` being the first: each in a folder of its
    /// own, with the truth of what is new, moved and resolved beside them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=60))]
    months: Option<u64>,
    /// Restate exports: months have later versions, with the days from which they are served
    #[arg(long, requires = "months")]
    restate: bool,
    /// Plant nothing: no variances, second invoices, notes or cut digits
    #[arg(long)]
    clean: bool,
}

/// A format in which Microsoft delivers data; a twin of [`synth::Format`] that clap can parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum SynthFormat {
    /// CSV, as downloaded from Partner Center
    Csv,
    /// JSON lines of the Graph v2 exports
    V2,
    /// JSON pages of the Partner Center v1 endpoints
    V1,
    /// Flat Parquet, with amounts as DECIMAL
    Parquet,
}

impl From<SynthFormat> for synth::Format {
    fn from(format: SynthFormat) -> Self {
        match format {
            SynthFormat::Csv => Self::Csv,
            SynthFormat::V2 => Self::V2,
            SynthFormat::V1 => Self::V1,
            SynthFormat::Parquet => Self::Parquet,
        }
    }
}

/// Writes the files, and prints how many there are.
pub(super) fn run(args: &SynthArgs, globals: &Globals) -> Result<Exit, Failure> {
    // Sorted, so that the order of `--formats` does not reach the output.
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
    if let Some(count) = args.months {
        return months(request, count, args.restate, globals);
    }
    let report = synth::generate(&request).map_err(failure)?;
    if !globals.quiet {
        let mut notes = stderr::lines();
        writeln!(
            notes,
            "Wrote {} usage rows and {} invoice lines, {} files in `{}`",
            report.rows,
            report.lines,
            report.files,
            args.out.display()
        )?;
    }
    Ok(Exit::Complete)
}

/// Writes several months, and prints how many versions they have.
fn months(
    first: synth::Request,
    count: u64,
    restate: bool,
    globals: &Globals,
) -> Result<Exit, Failure> {
    let out = first.out.clone();
    let request = synth::Months {
        first,
        count,
        restate,
    };
    let report = synth::generate_months(&request).map_err(failure)?;
    if !globals.quiet {
        writeln!(
            stderr::lines(),
            "Wrote {count} months in {} versions, {} usage rows and {} invoice lines, {} files in `{}`",
            report.versions,
            report.rows,
            report.lines,
            report.files,
            out.display()
        )?;
    }
    Ok(Exit::Complete)
}

/// Failure to make a partner.
pub(super) fn failure(error: SynthError) -> Failure {
    let exit = match &error {
        SynthError::NotEmpty { .. } => Exit::Usage,
        SynthError::Io { .. } | SynthError::Parquet { .. } => Exit::Storage,
    };
    Failure::Error {
        exit,
        error: error.into(),
        hint: None,
    }
}
