//! Flags that several commands share, and the parsers of their values.
//!
//! The doc comments of flags are the texts of `--help`, hence their imperative and their missing
//! full stop.

use std::env::VarError;
use std::io::Write as _;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::csv_flags::CsvFlags;
use super::failure::Failure;
use super::stderr::{self, LogFormat};
use crate::model::period::{Period, parse_day};
use crate::pipeline::options::{FailOn, FetchOptions, Options};
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::plan::tolerances::tolerance_number;
use crate::pipeline::spill::budget::LEAST_MEMORY;

/// Flags that every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Globals {
    /// Print data as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Print errors and warnings only; on stdout nothing but data that were asked for
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Print more details, such as each request, file or source line
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// Number of threads [default: one for each core]
    #[arg(
        long,
        global = true,
        value_name = "N",
        value_parser = threads
    )]
    threads: Option<usize>,
    /// Form of progress, notes, warnings and errors on stderr
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub(super) log: LogFormat,
}

impl Globals {
    /// The options of a run with these flags.
    pub(super) fn options(&self, flags: &RunFlags, asked: FetchOptions) -> Options {
        Options {
            threads: self.threads(),
            allow_rejects: flags.allow_rejects,
            fail_on_breaks: flags.fail_on_breaks.map(FailOn::from),
            no_cache: flags.no_cache,
            memory: flags.memory,
            asked: FetchOptions {
                today: flags.as_of.clone().unwrap_or(asked.today),
                ..asked
            },
        }
    }

    /// Number of threads that were asked for, or as many of them as help, which is then said.
    pub(super) fn threads(&self) -> Option<usize> {
        let asked = self.threads?;
        let most = most_threads();
        if asked > most && !self.quiet {
            // A courtesy: the run goes on where stderr is closed.
            drop(writeln!(
                stderr::lines(),
                "note: `--threads {asked}`: {most} are used, as more would only wait for the \
                 processor's cores"
            ));
        }
        Some(asked.min(most))
    }
}

/// Most threads that can help: four for each core, and never fewer than 16.
// Threads compute nearly all the time, so that one for each core is enough; a slow disk may keep
// some of them waiting. Each takes descriptors, address space, and a share of `--memory`.
fn most_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    cores.saturating_mul(4).max(16)
}

/// Parses a number of threads.
fn threads(text: &str) -> Result<usize, &'static str> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or("wanted 1 or more")
}

/// Flags of commands that reconcile: `run` and `reconcile`.
#[derive(Debug, clap::Args)]
pub(super) struct RunFlags {
    /// Exit with code 10 if there are breaks: `new` since the run before, `open` (not accepted) or
    /// `all`
    #[arg(
        long,
        value_name = "WHICH",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all"
    )]
    pub(super) fail_on_breaks: Option<FailOnBreaks>,
    /// Day that the run takes for today, UTC [default: today]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = plain_day)]
    pub(super) as_of: Option<String>,
    /// Rejected rows to tolerate; if there are more, exit with code 11
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) allow_rejects: u64,
    /// Ignore the cache: read every file, and keep nothing for the next run
    #[arg(long)]
    pub(super) no_cache: bool,
    /// Memory to use, such as `2GB`; usage and lines that need more are kept on disk [default: no
    /// limit]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub(super) memory: Option<u64>,
    /// Write the tables alone, without `report.html` and `report.xlsx`
    #[arg(long)]
    pub(super) no_report: bool,
    /// Write the analyst folder, too: the rows of all periods, to be asked with SQL
    #[arg(long)]
    pub(super) analyst: bool,
    /// Print the time that each phase took
    #[arg(long)]
    pub(super) profile: bool,
    #[command(flatten)]
    pub(super) csv: CsvFlags,
}

/// Breaks that fail a run; a twin of [`FailOn`] that clap can parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum FailOnBreaks {
    /// Those that the run before did not have
    New,
    /// Those that are not accepted
    Open,
    /// Every break, accepted or not
    All,
}

impl From<FailOnBreaks> for FailOn {
    fn from(which: FailOnBreaks) -> Self {
        match which {
            FailOnBreaks::New => Self::New,
            FailOnBreaks::Open => Self::Open,
            FailOnBreaks::All => Self::All,
        }
    }
}

/// Parses a day, such as `2026-11-21`.
fn plain_day(text: &str) -> Result<String, &'static str> {
    let day = is_plain_day(text).then(|| text.to_owned());
    day.ok_or("wanted a day, such as `2026-11-21`")
}

/// Flags of commands that fetch: `fetch` and `run`.
#[derive(Debug, clap::Args)]
pub(super) struct FetchFlags {
    /// Fetch everything again, also what is complete
    #[arg(long)]
    refresh: bool,
    /// Write all fetched data as typed Parquet to the folder `tables` of the state folder
    #[arg(long)]
    tables: bool,
}

impl FetchFlags {
    /// Fails where a flag is given that does nothing: the plan has files only.
    pub(super) fn ensure_used(&self, plan: &Plan) -> Result<(), Failure> {
        let flags = [(self.refresh, "refresh"), (self.tables, "tables")];
        match flags.into_iter().find(|(is_given, _)| *is_given) {
            Some((_, flag)) if plan.fetching.is_none() => Err(Failure::usage(
                format!("`--{flag}` does nothing for a pipeline of files"),
                Some("leave it out".to_owned()),
            )),
            _ => Ok(()),
        }
    }

    /// The flags as the pipeline takes them, with today's date.
    ///
    /// # Errors
    /// A mistake in `TIEOUT_TODAY`.
    pub(super) fn asked(&self) -> Result<FetchOptions, Failure> {
        Ok(FetchOptions {
            today: today()?,
            refresh: self.refresh,
            tables: self.tables,
        })
    }
}

/// Today in UTC, such as `2026-11-21`.
pub(super) fn today() -> Result<String, TodayError> {
    Ok(match day_in_environment()? {
        Some(today) => today,
        None => {
            let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
            now.date_naive().to_string()
        }
    })
}

/// The day in `TIEOUT_TODAY`; `None` where it is not set.
///
/// # Errors
/// A mistake in it.
pub(super) fn rehearsed_today() -> Result<Option<String>, Failure> {
    Ok(day_in_environment()?)
}

fn day_in_environment() -> Result<Option<String>, TodayError> {
    // `TIEOUT_TODAY` stands in for the clock in tests and rehearsals. One that is no day must not
    // let the clock decide: the rehearsal would be of another day, and nobody would know.
    match std::env::var("TIEOUT_TODAY") {
        Ok(text) if is_plain_day(&text) => Ok(Some(text)),
        Ok(found) => Err(TodayError { found }),
        Err(VarError::NotUnicode(text)) => Err(TodayError {
            found: text.to_string_lossy().into_owned(),
        }),
        Err(VarError::NotPresent) => Ok(None),
    }
}

/// True for a day that exists, written as `2026-11-21`. No other spelling will do: the text is a
/// part of the ids of units, and a day must have one id.
fn is_plain_day(text: &str) -> bool {
    let is_shaped = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_shaped && matches!(parse_day(text.as_bytes()), Ok(Some(_)))
}

/// Parses a day, such as `2026-12-31`.
pub(super) fn day(text: &str) -> Result<String, &'static str> {
    let day = is_plain_day(text).then(|| text.to_owned());
    day.ok_or("wanted a day, such as `2026-12-31`")
}

/// A `TIEOUT_TODAY` that is no day.
#[derive(Debug, thiserror::Error)]
#[error(
    "The environment variable `TIEOUT_TODAY`: found `{found}`, wanted a day, such as `2026-11-21`"
)]
pub(super) struct TodayError {
    found: String,
}

const TODAY_HINT: &str = "unset it, unless this is a rehearsal of another day";

impl From<TodayError> for Failure {
    fn from(error: TodayError) -> Self {
        Self::usage(error.to_string(), Some(TODAY_HINT.to_owned()))
    }
}

/// Parses a size in bytes, such as `512MB`, `2GB` or `1.5GiB`.
fn memory(text: &str) -> Result<u64, String> {
    // A number without a unit is refused: `512` could be meant as bytes or as megabytes.
    const UNITS: [(&str, u64); 4] = [
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
    ];
    let lower = text.trim().to_lowercase();
    let bytes = UNITS.iter().find_map(|(unit, bytes)| {
        // A decimal number, so that `1.5GiB` is exact without a float.
        let number: Decimal = lower.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(Decimal::from(*bytes))?.to_u64()
    });
    match bytes {
        Some(bytes) if bytes >= LEAST_MEMORY => Ok(bytes),
        Some(_) => Err("wanted 256MiB or more".to_owned()),
        None => Err("wanted a size, such as `512MB` or `2GB`".to_owned()),
    }
}

/// Parses a month, or `current` and `last`: this month and the one before it, in UTC.
pub(super) fn period(text: &str) -> Result<Period, String> {
    let now = || -> Result<Option<Period>, String> {
        // Clap prints one text alone, so that the hint is a part of it.
        let today = today().map_err(|error| format!("{error}\nhint: {TODAY_HINT}"))?;
        Ok(parse_day(today.as_bytes())
            .ok()
            .flatten()
            .and_then(Period::of))
    };
    let period = match text {
        "current" => now()?,
        // The day before the first of this month, which also crosses the turn of a year.
        "last" => now()?.and_then(|now| Period::of(now.days().0 - 1)),
        _ => Period::parse(text),
    };
    period.ok_or_else(|| "wanted a month, such as `2026-10`, or `current` or `last`".to_owned())
}

/// Parses an amount that is not negative, in the billing currency.
pub(super) fn amount(text: &str) -> Result<Decimal, &'static str> {
    tolerance_number(text).ok_or("wanted a decimal number that is not negative, such as `0.05`")
}

/// Parses a fraction from 0 to 1.
pub(super) fn fraction(text: &str) -> Result<Decimal, &'static str> {
    tolerance_number(text)
        .filter(|number| *number <= Decimal::ONE)
        .ok_or("wanted a fraction from 0 to 1: `0.05` is five per cent")
}

/// Parses `name=value`; the value may be empty.
pub(super) fn pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("wanted a name, `=` and a value, such as `customer_id=…`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_spelling_and_exists() {
        assert!(is_plain_day("2026-11-21") && is_plain_day("2028-02-29"));
        for text in [
            "",
            "tomorrow",
            "2026-02-29",
            "2026-02-30",
            "2026-13-01",
            "2026-00-10",
            "0001-01-01",
            "2026-1-2",
            "11/21/2026",
            "2026-11-21T00:00:00Z",
            " 2026-11-21",
            "+026-11-21",
            "2026-11-2１",
        ] {
            assert!(!is_plain_day(text), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_in_decimal_and_binary_units() {
        assert_eq!(memory("2GB"), Ok(2_000_000_000));
        assert_eq!(memory(" 1.5 GiB"), Ok(3 << 29));
        assert_eq!(memory("256mib"), Ok(LEAST_MEMORY));
        assert_eq!(memory("255MiB"), Err("wanted 256MiB or more".to_owned()));
        for text in ["", "2", "GB", "-1GB", "2TB"] {
            assert!(memory(text).is_err(), "{text}");
        }
    }
}
