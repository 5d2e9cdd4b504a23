//! Arguments that several commands share, and the readers of their values.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use crate::model::period::{Period, parse_day};
use crate::pipeline::fetch::handover::Asked;
use crate::pipeline::plan::pipeline_plan::tolerance_number;
use crate::pipeline::spill::budget::LEAST;

/// What counts as a failure.
#[derive(Debug, clap::Args)]
pub(super) struct Outcome {
    /// Exit with 10 where there are breaks
    #[arg(long)]
    pub(super) fail_on_breaks: bool,
    /// Rejected rows to put up with; more of them exit with 11
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) allow_rejects: u64,
    /// Read every file, and keep nothing of it for the next run
    #[arg(long)]
    pub(super) no_cache: bool,
    /// Memory to keep to, as `2GB`: usage that needs more waits on disk [default: all there is]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub(super) memory: Option<u64>,
    /// Print where the time went, phase by phase
    #[arg(long)]
    pub(super) profile: bool,
    #[command(flatten)]
    pub(super) fetching: Fetching,
}

/// How a fetch is to go.
#[derive(Debug, clap::Args)]
pub(super) struct Fetching {
    /// Ask anew for what was fetched already, too
    #[arg(long)]
    refresh: bool,
    /// Write typed Parquet of all that was fetched to the state folder's `tables`
    #[arg(long)]
    tables: bool,
}

impl Fetching {
    /// As the pipeline takes it.
    pub(super) fn asked(&self) -> Asked {
        Asked {
            today: today(),
            refresh: self.refresh,
            tables: self.tables,
        }
    }
}

/// Today, UTC; `TIEOUT_TODAY` stands in for the clock, in tests and rehearsals.
fn today() -> String {
    let clock = || {
        chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
            .date_naive()
            .to_string()
    };
    std::env::var("TIEOUT_TODAY")
        .ok()
        .filter(|text| matches!(parse_day(text.as_bytes()), Ok(Some(_))))
        .unwrap_or_else(clock)
}

/// Bytes, as `512MB`, `2GB` or `1.5GiB`.
fn memory(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 4] = [
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
    ];
    let lower = text.trim().to_lowercase();
    let bytes = UNITS.iter().find_map(|(unit, bytes)| {
        let number: Decimal = lower.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(Decimal::from(*bytes))?.to_u64()
    });
    match bytes {
        Some(bytes) if bytes >= LEAST => Ok(bytes),
        Some(_) => Err("wanted 256MiB or more".to_owned()),
        None => Err("wanted a size, as `512MB` or `2GB`".to_owned()),
    }
}

/// A month; `current` and `last` are this one and the one before, UTC.
pub(super) fn period(text: &str) -> Result<Period, &'static str> {
    let now = || {
        parse_day(today().as_bytes())
            .ok()
            .flatten()
            .and_then(Period::of)
    };
    let period = match text {
        "current" => now(),
        "last" => now().and_then(|now| Period::of(now.days().0 - 1)),
        _ => Period::parse(text),
    };
    period.ok_or("wanted a month, as `2026-10`, or `current` or `last`")
}

pub(super) fn amount(text: &str) -> Result<Decimal, &'static str> {
    tolerance_number(text).ok_or("wanted a decimal number, not negative, as `0.05`")
}

pub(super) fn fraction(text: &str) -> Result<Decimal, &'static str> {
    tolerance_number(text)
        .filter(|number| *number <= Decimal::ONE)
        .ok_or("wanted a fraction from 0 to 1: `0.05` is five per cent")
}

/// Reads `name=value`.
pub(super) fn pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("wanted a name, `=` and a value, as `customer_id=…`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_both_kinds_of_units() {
        assert_eq!(memory("2GB"), Ok(2_000_000_000));
        assert_eq!(memory(" 1.5 GiB"), Ok(3 << 29));
        assert_eq!(memory("256mib"), Ok(LEAST));
        assert_eq!(memory("255MiB"), Err("wanted 256MiB or more".to_owned()));
        for text in ["", "2", "GB", "-1GB", "2TB"] {
            assert!(memory(text).is_err(), "{text}");
        }
    }
}
