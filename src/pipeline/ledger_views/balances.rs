//! Roll-forwards of open breaks: of the newest run, or of a period over all of its runs.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::place::{self, StreamChoice, nothing};
use super::sums::{ExactSum, SumUnit};
use crate::ledger::breaks::Stream;
use crate::ledger::roll_forward::{self, RollForwardRow};
use crate::ledger::runs;
use crate::pipeline::failure::RunError;

/// Roll-forward of a stream over some of its runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Pipeline and period of the row.
    #[serde(flatten)]
    pub stream: Stream,
    /// Number of the first run.
    pub first_run: i64,
    /// Number of the last run.
    pub last_run: i64,
    /// Day of the last run.
    pub as_of: String,
    /// Sums by measure and currency.
    pub totals: Vec<BalanceTotal>,
    /// Rows by tie-out, currency, cause and age.
    pub rows: Vec<BalanceRow>,
}

/// Figures of a roll-forward: opening + new + moved - resolved - accepted = closing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BalanceFigures {
    /// Balance before the first run.
    pub opening: ExactSum,
    /// Breaks that came, or came back.
    pub new: ExactSum,
    /// Changes of breaks that stayed, transfers between rows included.
    pub moved: ExactSum,
    /// Breaks that have gone.
    pub resolved: ExactSum,
    /// Breaks that were accepted; negative where acceptances ended.
    pub accepted: ExactSum,
    /// Balance after the last run.
    pub closing: ExactSum,
    /// Difference of the row, always 0.
    pub difference: ExactSum,
    /// Part of `moved` that another row gave or took.
    pub transferred: ExactSum,
}

/// Figures of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BalanceTotal {
    /// Measure and currency of the sums.
    #[serde(flatten)]
    pub unit: SumUnit,
    /// Figures of all rows of the unit.
    #[serde(flatten)]
    pub figures: BalanceFigures,
}

/// Figures of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BalanceRow {
    /// Name of the comparison.
    pub tie_out: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// Name of the cause; empty for none.
    pub cause: String,
    /// Days since the breaks were first seen.
    pub age_bucket: String,
    /// Figures of the row.
    #[serde(flatten)]
    pub figures: BalanceFigures,
}

/// Roll-forwards of the streams that are meant: with a period of all their runs together, without one
/// of the newest run.
///
/// # Errors
/// [`RunError::NotThere`] where no run has a roll-forward, and errors of the ledger.
///
/// # Panics
/// If a row does not foot, which no release has written.
pub fn balances(out: &Path, choice: &StreamChoice) -> Result<Vec<Balance>, RunError> {
    let ledger = place::open(out)?;
    let log = ledger.read(runs::all)?;
    let is_wanted = |run: &&runs::RunRow| run.is_current && choice.has(&run.stream());
    let mut wanted: Vec<&runs::RunRow> = log.iter().filter(is_wanted).collect();
    if choice.period.is_none() {
        wanted.drain(..wanted.len().saturating_sub(1));
    }
    if wanted.is_empty() {
        return Err(nothing("The roll-forward", choice, "a complete run"));
    }
    let mut rows: BTreeMap<i64, Vec<RollForwardRow>> = BTreeMap::new();
    for (run_no, _, row) in ledger.read(roll_forward::all)? {
        rows.entry(run_no).or_default().push(row);
    }
    let mut streams: BTreeMap<Stream, Vec<&runs::RunRow>> = BTreeMap::new();
    for run in wanted {
        streams.entry(run.stream()).or_default().push(run);
    }
    let balances = streams
        .into_iter()
        .map(|(stream, runs)| balance_of(stream, &runs, &rows));
    Ok(balances.collect())
}

fn balance_of(
    stream: Stream,
    runs: &[&runs::RunRow],
    rows: &BTreeMap<i64, Vec<RollForwardRow>>,
) -> Balance {
    let (first, last) = (runs[0], runs[runs.len() - 1]);
    let mut sums: BTreeMap<[String; 4], BalanceFigures> = BTreeMap::new();
    for run in runs {
        for row in rows.get(&run.run_no).into_iter().flatten() {
            let key = [&row.tie_out, &row.currency, &row.cause, &row.age_bucket];
            let sum = sums.entry(key.map(Clone::clone)).or_default();
            if run.run_no == first.run_no {
                sum.opening += ExactSum::of(row.opening);
            }
            if run.run_no == last.run_no {
                sum.closing += ExactSum::of(row.closing);
            }
            sum.new += ExactSum::of(row.new);
            sum.moved += ExactSum::of(row.moved);
            sum.resolved += ExactSum::of(row.resolved);
            sum.accepted += ExactSum::of(row.accepted);
            sum.transferred += ExactSum::of(row.transferred);
        }
    }
    let rows: Vec<BalanceRow> = sums
        .into_iter()
        .map(
            |([tie_out, currency, cause, age_bucket], figures)| BalanceRow {
                figures: footed(figures),
                tie_out,
                currency,
                cause,
                age_bucket,
            },
        )
        .collect();
    Balance {
        stream,
        first_run: first.run_no,
        last_run: last.run_no,
        as_of: last.as_of.clone(),
        totals: totals_of(&rows),
        rows,
    }
}

/// Figures with their difference, which is 0.
fn footed(mut figures: BalanceFigures) -> BalanceFigures {
    let BalanceFigures {
        opening,
        new,
        moved,
        resolved,
        accepted,
        closing,
        ..
    } = figures;
    figures.difference = opening + new + moved - resolved - accepted - closing;
    assert!(
        figures.difference.is_zero(),
        "a roll-forward foots over its runs: {figures:?}"
    );
    figures
}

fn totals_of(rows: &[BalanceRow]) -> Vec<BalanceTotal> {
    let mut totals: BTreeMap<SumUnit, BalanceFigures> = BTreeMap::new();
    for row in rows {
        let unit = SumUnit::of(&row.tie_out, &row.currency);
        let (sum, row) = (totals.entry(unit).or_default(), &row.figures);
        sum.opening += row.opening;
        sum.new += row.new;
        sum.moved += row.moved;
        sum.resolved += row.resolved;
        sum.accepted += row.accepted;
        sum.closing += row.closing;
        sum.transferred += row.transferred;
    }
    let totals = totals.into_iter();
    totals
        .map(|(unit, figures)| BalanceTotal {
            unit,
            figures: footed(figures),
        })
        .collect()
}
