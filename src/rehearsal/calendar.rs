//! Days of a rehearsal: which version of which month is there on a day, and on which nights a run is
//! made.

use std::path::Path;

use serde::Deserialize;

use super::request::RehearsalError;
use crate::model::period::{Day, Period, date_of, parse_day};

/// Nights at the beginning of a month, one after another: the first ten days, in which lines and usage
/// come out and are restated.
const DAILY_NIGHTS: Day = 10;

/// First day, after the first of the month, of the nights that come once a week: the 17th, when what
/// can be final is.
const WEEKLY_FROM: Day = 16;

const WEEK: usize = 7;

/// Days of the month after, until which the last month of all is run.
const LAST_DAYS: Day = 5;

/// All months with their versions, as `months.json` has them.
#[derive(Debug, Deserialize)]
pub(super) struct Schedule {
    pub(super) months: Vec<MonthDays>,
}

/// Versions of a month.
#[derive(Debug, Deserialize)]
pub(super) struct MonthDays {
    /// Billing period, such as `2026-10`.
    pub(super) period: String,
    pub(super) versions: Vec<VersionDays>,
}

/// Version of a month; its days are ISO texts, which compare as days do.
#[derive(Debug, Deserialize)]
pub(super) struct VersionDays {
    /// Number of the row, from 1.
    pub(super) version: u32,
    /// Folder below that of all months.
    pub(super) folder: String,
    lines_from: String,
    usage_from: String,
}

/// What there is of a month on a day.
#[derive(Clone, Copy, Debug)]
pub(super) enum Served<'s> {
    /// No invoice is out.
    Nothing,
    /// Invoices and lines of a version; their usage is not there yet.
    WithoutUsage(&'s VersionDays),
    /// All of a version.
    All(&'s VersionDays),
}

/// Night on which a month is run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlannedNight {
    /// Day as an ISO text.
    pub(super) day: String,
    /// Position of the month.
    pub(super) month: usize,
}

impl Schedule {
    /// Reads the schedule of a folder of months.
    ///
    /// # Errors
    /// [`RehearsalError::Table`].
    pub(super) fn read(folder: &Path) -> Result<Self, RehearsalError> {
        let path = folder.join("months.json");
        let strange = |found: String| RehearsalError::Table {
            path: path.clone(),
            found,
            wanted: "the index of the months",
        };
        let text = std::fs::read(&path).map_err(|error| strange(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| strange(error.to_string()))
    }

    /// Nights of all months in the order of days.
    pub(super) fn nights(&self) -> Vec<PlannedNight> {
        let mut nights: Vec<PlannedNight> = (0..self.months.len())
            .flat_map(|month| {
                let days = self.days(month);
                days.into_iter().map(move |day| PlannedNight {
                    day: iso(day),
                    month,
                })
            })
            .collect();
        nights.sort();
        nights
    }

    /// Days on which a month is run: until the month after is out.
    fn days(&self, month: usize) -> Vec<Day> {
        let first = self.months[month].month_after();
        let next = self.months.get(month + 1);
        let end = match next.and_then(|next| next.versions.first()) {
            Some(version) => day_of(&version.lines_from),
            None => {
                let period = Period::of(first).expect("a month that has days");
                period.days().1 + LAST_DAYS
            }
        };
        let weekly = (first + WEEKLY_FROM..end).step_by(WEEK);
        (first..first + DAILY_NIGHTS).chain(weekly).collect()
    }
}

impl MonthDays {
    /// First day of the month after, in which it is billed.
    pub(super) fn month_after(&self) -> Day {
        let period = Period::parse(&self.period).expect("the index names months");
        period.days().1
    }

    /// What there is of the month on a day.
    pub(super) fn on(&self, day: &str) -> Served<'_> {
        let newest = |from: fn(&VersionDays) -> &str| {
            let mut versions = self.versions.iter().rev();
            versions.find(|version| from(version) <= day)
        };
        match (
            newest(|version| &version.usage_from),
            newest(|version| &version.lines_from),
        ) {
            (Some(version), _) => Served::All(version),
            (None, Some(version)) => Served::WithoutUsage(version),
            (None, None) => Served::Nothing,
        }
    }
}

/// Day of an ISO text of our own.
fn day_of(text: &str) -> Day {
    let day = parse_day(text.as_bytes()).ok().flatten();
    day.expect("the index has days")
}

/// ISO text of a day.
pub(super) fn iso(day: Day) -> String {
    let date = date_of(day).expect("a day of a month that is rehearsed");
    date.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nights_are_the_first_ten_days_and_one_a_week_until_the_next_month_is_out() {
        let text = r#"{"months":[
            {"period":"2026-10","versions":[
                {"version":1,"folder":"a","lines_from":"2026-11-06","usage_from":"2026-11-08"},
                {"version":2,"folder":"b","lines_from":"2026-11-10","usage_from":"2026-11-10"}]},
            {"period":"2026-11","versions":[
                {"version":1,"folder":"c","lines_from":"2026-12-07","usage_from":"2026-12-08"}]}]}"#;
        let schedule: Schedule = serde_json::from_str(text).expect("an index");
        let days = |month| {
            schedule
                .days(month)
                .into_iter()
                .map(iso)
                .collect::<Vec<_>>()
        };
        let weekly = ["2026-11-17", "2026-11-24", "2026-12-01"];
        assert_eq!(days(0)[..2], ["2026-11-01", "2026-11-02"]);
        assert_eq!(days(0)[9..], [&["2026-11-10"], &weekly[..]].concat());
        // Nothing follows the last month: it ends when its next one would be out.
        assert_eq!(
            days(1)[10..],
            ["2026-12-17", "2026-12-24", "2026-12-31"].map(str::to_owned)
        );
        let nights = schedule.nights();
        assert_eq!(nights.len(), 26);
        assert!(nights.is_sorted());
        let on = |day| match schedule.months[0].on(day) {
            Served::Nothing => "",
            Served::WithoutUsage(_) => "lines",
            Served::All(version) => &version.folder,
        };
        let found = ["2026-11-05", "2026-11-07", "2026-11-09", "2026-11-10"].map(on);
        assert_eq!(found, ["", "lines", "a", "b"]);
    }
}
