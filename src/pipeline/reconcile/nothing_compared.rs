//! Tie-outs that compared nothing: a wrong period, days read with day and month swapped, files with
//! headings only, licences only. Nothing compared is no success, however few breaks it shows.

use std::collections::BTreeSet;

use chrono::Datelike;
use polars::prelude::DataFrame;

use super::settings;
use crate::engine::fold::columns;
use crate::engine::fold::folded::Folded;
use crate::engine::judge::variance::Variance;
use crate::engine::rules::keys::Part;
use crate::engine::rules::scope::Scope;
use crate::model::cause::TieOut;
use crate::model::period::{Day, Period, date_of, typed_day};
use crate::pipeline::plan::pipeline_plan::Plan;

/// Tie-outs of which a run must compare something if they are wanted. The others compare lists in
/// which every row that is read is compared, and that may be empty in an honest month.
const MUST_COMPARE: [TieOut; 3] = [
    TieOut::UsageToInvoice,
    TieOut::LinesToInvoice,
    TieOut::LineArithmetic,
];

/// Rows of one side, as they were before the period was selected.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Number of source rows.
    rows: u64,
    /// First and last day of any row; `None` where no row has a day.
    days: Option<(Day, Day)>,
    /// Billing periods of their invoices, as far as they are known.
    periods: BTreeSet<Period>,
}

impl Seen {
    /// Adds the rows of a frame of usage or lines.
    pub(super) fn add(&mut self, totals: &Folded, frame: &DataFrame) {
        self.rows += columns::counts(frame, "rows").iter().sum::<u64>();
        let days = columns::days(frame, "first")
            .iter()
            .zip(columns::days(frame, "last"));
        for (first, last) in days {
            // Rows without a day hold the ends of the type.
            if let (Ok(Some(first)), Ok(Some(last))) = (typed_day(*first), typed_day(*last)) {
                let (earliest, latest) = self.days.unwrap_or((first, last));
                self.days = Some((earliest.min(first), latest.max(last)));
            }
        }
        let invoices = columns::codes(frame, Part::Invoice.column()).iter();
        self.periods
            .extend(invoices.filter_map(|invoice| totals.periods.get(invoice)));
    }

    /// The rows in words; `name` is what they are.
    fn in_words(&self, name: &str) -> String {
        if self.rows == 0 {
            return format!("no {name}");
        }
        let mut words = name.to_owned();
        if !self.periods.is_empty() {
            let periods: Vec<String> = self.periods.iter().map(Period::to_string).collect();
            words += &format!(" of {}", periods.join(", "));
        }
        let days = self
            .days
            .and_then(|(first, last)| Some((date_of(first)?, date_of(last)?)));
        let days = days.map_or_else(String::new, |(first, last)| format!("{first} to {last}, "));
        format!("{words} ({days}rows: {})", self.rows)
    }

    /// True if the first or the last day is of `period` once its day and month are swapped.
    fn is_swapped(&self, period: Period) -> bool {
        let days = self
            .days
            .into_iter()
            .flat_map(|(first, last)| [first, last]);
        let mut dates = days.filter_map(date_of);
        // A period is `2026-10`; so would be the month of the swapped day.
        dates.any(|date| format!("{:04}-{:02}", date.year(), date.day()) == period.to_string())
    }
}

/// Tie-outs that are wanted and compared nothing: a sentence for each, with what was found instead.
/// `seen` are usage and lines, `has_lines` is true if any line is of the period.
pub(super) fn nothing_compared(
    plan: &Plan,
    seen: &[Seen; 2],
    has_lines: bool,
    variances: &[Variance],
) -> Vec<String> {
    let wanted = MUST_COMPARE
        .into_iter()
        .filter(|tie_out| settings::of_tie_out(plan, *tie_out).enabled);
    let is_compared = |tie_out: TieOut| match tie_out {
        // Lines that agree with themselves leave no group.
        TieOut::LineArithmetic => has_lines,
        _ => variances
            .iter()
            .any(|one| one.sides.tie_out == tie_out && one.sides.scope == Scope::Usage),
    };
    wanted
        .filter(|tie_out| !is_compared(*tie_out))
        .map(|tie_out| sentence(plan, tie_out, seen, has_lines))
        .collect()
}

fn sentence(plan: &Plan, tie_out: TieOut, seen: &[Seen; 2], has_lines: bool) -> String {
    let [usage, lines] = seen;
    let found = format!(
        "{} and {}",
        usage.in_words("usage"),
        lines.in_words("invoice lines")
    );
    let wanted = match tie_out {
        TieOut::UsageToInvoice => "usage, or lines with usage behind them",
        TieOut::LinesToInvoice => "invoice lines, or headers of their invoices",
        _ => "invoice lines",
    };
    let of_period = plan
        .period
        .map_or_else(String::new, |period| format!(", of {period}"));
    let is_swapped = |period| seen.iter().any(|side| side.is_swapped(period));
    let hint = match plan.period {
        _ if tie_out == TieOut::UsageToInvoice && has_lines => {
            "all of these lines are out of scope, such as licences: is the usage missing?"
        }
        Some(period) if is_swapped(period) => {
            "these days are of the period once day and month are swapped: save them as `2026-10-31`"
        }
        Some(_) if seen.iter().any(|side| side.rows > 0) => "is `period` the month of these files?",
        _ => "are these the right files?",
    };
    format!(
        "`{}` compared nothing: found {found}; wanted {wanted}{of_period}; {hint}",
        tie_out.name()
    )
}
