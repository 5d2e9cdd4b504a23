//! What a period posts beside its breaks: restatements of data that came again, and accruals.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::place::{self, StreamChoice};
use super::sums::ExactSum;
use crate::ledger::accruals::{self, Accrual};
use crate::ledger::breaks::Stream;
use crate::ledger::restatements::{self, Restatement};
use crate::pipeline::failure::RunError;

pub use crate::ledger::restatements::Restatement as RestatedFigure;

/// Restatements of the streams that are meant, in the order in which they were noticed. A period has
/// those of its own data, and those that are posted in it.
///
/// # Errors
/// [`RunError::NotThere`] where there is no ledger, and errors of the ledger.
pub fn restated(out: &Path, choice: &StreamChoice) -> Result<Vec<Restatement>, RunError> {
    let ledger = place::open(out)?;
    let mut rows = ledger.read(restatements::all)?;
    rows.retain(|row| {
        let posted = Stream {
            pipeline: row.stream.pipeline.clone(),
            period: row.posted_in.clone(),
        };
        choice.has(&row.stream) || choice.has(&posted)
    });
    Ok(rows)
}

/// Accruals of one stream as of its last complete run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamAccruals {
    /// Pipeline and period of the row.
    #[serde(flatten)]
    pub stream: Stream,
    /// Number of the run.
    pub run_no: i64,
    /// Sums by currency of the postings.
    pub totals: Vec<AccrualTotal>,
    /// Accruals by customer and currency.
    pub rows: Vec<Accrual>,
}

/// Sum of the accruals of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccrualTotal {
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// Billed usage that has no line.
    pub usage_without_line: ExactSum,
    /// Usage that is not billed yet.
    pub unbilled_usage: ExactSum,
    /// Breaks that ask for too much.
    pub credits_due: ExactSum,
}

/// Accruals of the streams that are meant; none is no error.
///
/// # Errors
/// [`RunError::NotThere`] where there is no ledger, and errors of the ledger.
pub fn accrued(out: &Path, choice: &StreamChoice) -> Result<Vec<StreamAccruals>, RunError> {
    let ledger = place::open(out)?;
    let mut streams: BTreeMap<(Stream, i64), Vec<Accrual>> = BTreeMap::new();
    for (run_no, stream, row) in ledger.read(accruals::all)? {
        if choice.has(&stream) {
            streams.entry((stream, run_no)).or_default().push(row);
        }
    }
    let streams = streams.into_iter();
    Ok(streams
        .map(|((stream, run_no), rows)| StreamAccruals {
            stream,
            run_no,
            totals: totals_of(&rows),
            rows,
        })
        .collect())
}

fn totals_of(rows: &[Accrual]) -> Vec<AccrualTotal> {
    let mut totals: BTreeMap<&str, [ExactSum; 3]> = BTreeMap::new();
    for row in rows {
        let sums = totals.entry(&row.currency).or_default();
        sums[0] += ExactSum::of(row.usage_without_line);
        sums[1] += ExactSum::of(row.unbilled_usage);
        sums[2] += ExactSum::of(row.credits_due);
    }
    let totals = totals.into_iter();
    totals
        .map(
            |(currency, [usage_without_line, unbilled_usage, credits_due])| AccrualTotal {
                currency: currency.to_owned(),
                usage_without_line,
                unbilled_usage,
                credits_due,
            },
        )
        .collect()
}
