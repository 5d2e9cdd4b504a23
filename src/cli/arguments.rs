//! Arguments that several commands share, and the readers of their values.

use rust_decimal::Decimal;

use crate::model::period::Period;
use crate::pipeline::plan::tolerance_number;

/// What counts as a failure.
#[derive(Debug, clap::Args)]
pub(super) struct Outcome {
    /// Exit with 10 where there are breaks
    #[arg(long)]
    pub(super) fail_on_breaks: bool,
    /// Rejected rows to put up with; more of them exit with 11
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) allow_rejects: u64,
}

pub(super) fn period(text: &str) -> Result<Period, &'static str> {
    Period::parse(text).ok_or("wanted a month, as `2026-10`")
}

pub(super) fn amount(text: &str) -> Result<Decimal, &'static str> {
    tolerance_number(text).ok_or("wanted a decimal number, not negative, as `0.05`")
}

pub(super) fn fraction(text: &str) -> Result<Decimal, &'static str> {
    tolerance_number(text).filter(|number| *number <= Decimal::ONE).ok_or("wanted a fraction from 0 to 1: `0.05` is five per cent")
}

/// Reads `name=value`.
pub(super) fn pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("wanted a name, `=` and a value, as `customer_id=…`"),
    }
}
