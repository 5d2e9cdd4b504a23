//! `utilization-to-usage`: quantities of classic utilization records against those of the invoice's
//! usage, day by day.
//!
//! Records are asked for by the time at which they were reported, so that those of a month may begin
//! and end some days before the usage of the same month ([quirks](crate::model::domain::quirks),
//! JSON of the API, 4), and a time zone may name every day by its neighbour. Neither ties anything
//! across days: the days stay breaks of their own, and their cause is the timing.

use std::collections::BTreeMap;

use super::two_lists::{self, Checked};
use crate::engine::failure::EngineError;
use crate::engine::fold::side_row::SideRow;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::matching::passes::Pass;
use crate::engine::rules::definitions;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::model::cause::TieOut;
use crate::model::period::{Day, date_of, parse_day};

/// Most days by which the records of a month begin and end before its usage, as measured.
const LATEST_REPORT: Day = 4;

/// Customer, subscription and meter whose days are looked at together.
type Series = [u32; 3];

/// Quantity of a day on both sides, in units of 10^-20, and how far rounding can move their
/// difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct OfDay {
    recorded: Option<i128>,
    used: Option<i128>,
    bound: i128,
}

/// Days of both sides that are apart: the first and last one of the records, and those of the usage
/// that has their units.
pub type Shift = [(Day, Day); 2];

/// Compared groups, and the number of meters by how their days are shifted.
#[derive(Debug)]
pub struct ComparedDays {
    /// Groups with their findings.
    pub checked: Vec<Checked>,
    /// Number of meters of each shift.
    pub shifts: BTreeMap<Shift, usize>,
}

/// Compares utilization records with usage.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn compare(
    vocabulary: &Vocabulary,
    passes: &[Pass],
    expected: &[SideRow],
    invoiced: &[SideRow],
) -> Result<ComparedDays, EngineError> {
    let definition = definitions::definition(TieOut::UtilizationToUsage);
    let compared = two_lists::compare(definition, passes, expected, invoiced)?;
    let mut checked = two_lists::with_findings(compared)?;
    let day_of = |code: u32| {
        let text = vocabulary.text(Domain::Date, code);
        parse_day(text.as_bytes()).ok().flatten()
    };
    let mut series: BTreeMap<Series, BTreeMap<Day, OfDay>> = BTreeMap::new();
    // Series without a variance need no second look.
    for (sides, finding) in &checked {
        if finding.is_some() && sides.keys[Key::Day] != 0 {
            series.entry(series_of(|key| sides.keys[key])).or_default();
        }
    }
    for (rows, is_recorded) in [(expected, true), (invoiced, false)] {
        for row in rows {
            let Some(days) = series.get_mut(&series_of(|key| row.code(key))) else {
                continue;
            };
            let Some(day) = day_of(row.code(Key::Day)) else {
                continue;
            };
            days.entry(day)
                .or_default()
                .add(row, is_recorded)
                .ok_or(EngineError::AmountOverflow)?;
        }
    }
    let mut shifts: BTreeMap<Shift, usize> = BTreeMap::new();
    let shifted: BTreeMap<Series, Shift> = series
        .into_iter()
        .filter_map(|(name, days)| Some((name, shift_of(&days)?)))
        .collect();
    for shift in shifted.values() {
        *shifts.entry(*shift).or_default() += 1;
    }
    for (sides, finding) in &mut checked {
        let is_shifted = shifted.contains_key(&series_of(|key| sides.keys[key]));
        if let Some(finding) = finding.as_mut().filter(|_| is_shifted) {
            finding.is_timing = sides.keys[Key::Day] != 0;
        }
    }
    Ok(ComparedDays { checked, shifts })
}

fn series_of(code: impl Fn(Key) -> u32) -> Series {
    [Key::Customer, Key::Subscription, Key::Meter].map(code)
}

impl OfDay {
    /// Adds a row of a side; `None` on overflow.
    fn add(&mut self, row: &SideRow, is_recorded: bool) -> Option<()> {
        let side = if is_recorded {
            &mut self.recorded
        } else {
            &mut self.used
        };
        *side = Some(match *side {
            Some(sum) => sum.checked_add(row.quantity)?,
            None => row.quantity,
        });
        self.bound = self.bound.checked_add(row.bound)?;
        Some(())
    }
}

/// Shift that explains all differences of a series; `None` where none does.
fn shift_of(days: &BTreeMap<Day, OfDay>) -> Option<Shift> {
    let all_of = |has: fn(&OfDay) -> bool| {
        let mut found = days.iter().filter(|(_, of_day)| has(of_day));
        let first = *found.next()?.0;
        Some((first, found.next_back().map_or(first, |(last, _)| *last)))
    };
    let recorded = all_of(|of_day| of_day.recorded.is_some())?;
    let used = all_of(|of_day| of_day.used.is_some())?;
    let is_shifted = is_window_shifted(days, recorded, used)
        // A time zone moves the name of a day by one, in either direction.
        || [1, -1].iter().any(|by| is_label_shifted(days, *by));
    is_shifted.then_some([recorded, used])
}

/// True if the sides agree on every day that both windows have, and each window has as many days
/// that the other one does not reach.
fn is_window_shifted(days: &BTreeMap<Day, OfDay>, recorded: (Day, Day), used: (Day, Day)) -> bool {
    let by = used.0 - recorded.0;
    let is_apart = by != 0 && by.abs() <= LATEST_REPORT && used.1 - recorded.1 == by;
    let common = (recorded.0.max(used.0), recorded.1.min(used.1));
    is_apart
        && common.0 <= common.1
        && days
            .range(common.0..=common.1)
            .all(|(_, of_day)| agree(of_day.recorded, of_day.used, of_day.bound))
}

/// True if each day's records are the usage of the day that comes `by` days later.
fn is_label_shifted(days: &BTreeMap<Day, OfDay>, by: Day) -> bool {
    let nothing = OfDay::default();
    days.iter().all(|(day, of_day)| {
        let later = days.get(&(day + by)).unwrap_or(&nothing);
        let earlier = days.get(&(day - by)).unwrap_or(&nothing);
        agree(of_day.recorded, later.used, of_day.bound + later.bound)
            && agree(earlier.recorded, of_day.used, of_day.bound + earlier.bound)
    })
}

/// True if two quantities are the same, or neither is there.
fn agree(recorded: Option<i128>, used: Option<i128>, bound: i128) -> bool {
    match (recorded, used) {
        (Some(recorded), Some(used)) => (used - recorded).abs() <= bound,
        (None, None) => true,
        _ => false,
    }
}

/// Sentence about a shift of some meters.
#[must_use]
pub fn shift_text([recorded, used]: &Shift, meters: usize) -> String {
    let span = |(first, last): &(Day, Day)| {
        let text = |day: &Day| match date_of(*day) {
            Some(date) => date.to_string(),
            None => "an unknown day".to_owned(),
        };
        format!("{} to {}", text(first), text(last))
    };
    format!(
        "`utilization`: days are shifted, utilization of {} is usage of {}; meters: {meters}",
        span(recorded),
        span(used)
    )
}
