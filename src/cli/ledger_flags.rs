//! Flags of the commands that ask the ledger: which output folder, which pipeline and period.

use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat, Utc};

use super::arguments;
use super::failure::Failure;
use crate::pipeline::ledger_views::place::StreamChoice;
use crate::pipeline::plan::parse;

/// Flags that say which ledger is meant.
#[derive(Debug, clap::Args)]
pub(super) struct LedgerFlags {
    /// Output folder of the runs [default: out]
    #[arg(long, value_name = "DIR", conflicts_with = "pipeline")]
    out: Option<PathBuf>,
    /// Pipeline file whose output folder is meant
    #[arg(long, value_name = "PIPELINE.toml")]
    pub(super) pipeline: Option<PathBuf>,
    /// Name of the pipeline, where several have runs in the folder
    #[arg(long, value_name = "NAME")]
    pub(super) pipeline_name: Option<String>,
}

impl LedgerFlags {
    /// The output folder.
    ///
    /// # Errors
    /// Mistakes in the pipeline file.
    pub(super) fn out(&self) -> Result<PathBuf, Failure> {
        if let Some(file) = &self.pipeline {
            return Ok(parse::read(file, &[])?.out);
        }
        Ok(self.out.clone().unwrap_or_else(|| PathBuf::from("out")))
    }

    /// The streams of a period, or of any.
    pub(super) fn choice(&self, period: Option<&str>) -> StreamChoice {
        StreamChoice {
            pipeline: self.pipeline_name.clone(),
            period: period.map(str::to_owned),
        }
    }
}

/// Time of the person's word, UTC.
pub(super) fn now() -> DateTime<Utc> {
    DateTime::from(std::time::SystemTime::now())
}

/// Text of a time, to the second, as the ledger has it.
pub(super) fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Parses the period of a ledger: a month, `current`, `last`, or two months with two dots between, as
/// a run over several is called.
pub(super) fn period(text: &str) -> Result<String, String> {
    match text.split_once("..") {
        Some((first, last)) => {
            let (first, last) = (arguments::period(first)?, arguments::period(last)?);
            Ok(format!("{first}..{last}"))
        }
        None => Ok(arguments::period(text)?.to_string()),
    }
}

/// Parses a text that is said of a break: one line, and not empty.
pub(super) fn said(text: &str) -> Result<String, &'static str> {
    match some_line(text)? {
        line if line.is_empty() => Err("wanted a text that is not empty"),
        line => Ok(line),
    }
}

/// Parses one line, which may be empty.
pub(super) fn some_line(text: &str) -> Result<String, &'static str> {
    if text.chars().any(char::is_control) {
        return Err("wanted one line, without control characters");
    }
    Ok(text.trim().to_owned())
}

/// Parses an age such as `26h`, `90min` or `2d`; in seconds.
pub(super) fn age(text: &str) -> Result<i64, &'static str> {
    const UNITS: [(&str, i64); 4] = [("min", 60), ("h", 3_600), ("d", 86_400), ("s", 1)];
    let found = UNITS.iter().find_map(|(unit, seconds)| {
        let number: u32 = text.strip_suffix(unit)?.trim().parse().ok()?;
        i64::from(number).checked_mul(*seconds)
    });
    found.ok_or("wanted an age, such as `26h`, `90min` or `2d`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_periods_are_read() {
        assert_eq!(age("26h"), Ok(93_600));
        assert_eq!(age("90 min"), Ok(5_400));
        assert_eq!(age("2d"), Ok(172_800));
        assert_eq!(age("90s"), Ok(90));
        for text in ["", "26", "h", "-1h", "1.5h", "26m"] {
            assert!(age(text).is_err(), "{text}");
        }
        assert_eq!(
            period("2026-09..2026-10"),
            Ok("2026-09..2026-10".to_owned())
        );
        assert!(period("2026-13").is_err() && period("2026-09..").is_err());
        assert!(said(" ").is_err() && said("a\nb").is_err() && some_line("") == Ok(String::new()));
    }
}
