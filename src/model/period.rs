//! Days and billing periods. A day is the count of days since 1970-01-01, UTC; a period is a
//! calendar month, half-open ([semantics §9](crate::model::domain::semantics)). There is no clock
//! here: what today is, only the command line knows.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// Days since 1970-01-01, UTC; negative before. A typed file may hold any number here, also one
/// that is outside the calendar's years ([`date_of`]).
pub type Day = i32;

/// Day 0 in days of the common era, as chrono counts them.
const EPOCH_FROM_CE: i32 = 719_163;

/// Day 0001-01-01, which stands for no date.
const FIRST_OF_YEAR_1: Day = 1 - EPOCH_FROM_CE;
/// Day 0002-01-01: the year before it, that of the sentinel, had 365 days.
const FIRST_OF_YEAR_2: Day = FIRST_OF_YEAR_1 + 365;
/// Day 9999-12-31, the last that four digits of a year can write.
const LAST_OF_YEAR_9999: Day = 3_652_059 - EPOCH_FROM_CE;

/// Fault of a text that no known date format reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotADate;

/// Reads an ISO date or instant (any zone, 0 to 7 fractional digits, stray blanks) or a US
/// `M/D/YYYY [H:MM[:SS][ AM|PM]]`; an instant is taken to its UTC day. An empty text, `NULL` and
/// the sentinel `0001-01-01` are `None` ([resources §A](crate::model::domain::resources), point 4).
///
/// # Errors
/// [`NotADate`] for anything else, month 13 and 30 February included.
pub fn parse_day(text: &[u8]) -> Result<Option<Day>, NotADate> {
    if let Some(day) = plain_day(text) {
        return Ok(Some(day));
    }
    let text = std::str::from_utf8(text)
        .map_err(|_| NotADate)?
        .trim()
        // The guard that keeps a spreadsheet from reading a text as something else.
        .trim_start_matches('\'');
    if text.is_empty() || text.eq_ignore_ascii_case("null") {
        return Ok(None);
    }
    // No US date has a hyphen there, so that each text meets one reader only.
    let date = if text.as_bytes().get(4) == Some(&b'-') {
        iso_day(text)?
    } else {
        us_day(text)?
    };
    // The year 1 is Microsoft's way to say "not set": model::domain::resources §A, point 4.
    Ok((date.year() > 1).then(|| day_of(date)))
}

/// A day of a typed file: `None` for the sentinel `0001-01-01`, as in text.
///
/// # Errors
/// [`NotADate`] for days outside the years 1 to 9999, which typed files can count and no text of a
/// date has.
pub fn typed_day(day: Day) -> Result<Option<Day>, NotADate> {
    match day {
        FIRST_OF_YEAR_2..=LAST_OF_YEAR_9999 => Ok(Some(day)),
        FIRST_OF_YEAR_1..FIRST_OF_YEAR_2 => Ok(None),
        _ => Err(NotADate),
    }
}

/// The fast path, for the forms that nearly every row has: `10/31/2026` and `2026-10-31`, the
/// latter with or without midnight UTC. `None` for everything else, wrong dates included.
fn plain_day(text: &[u8]) -> Option<Day> {
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u32, |number, digit| {
            digit
                .is_ascii_digit()
                .then(|| number * 10 + u32::from(digit - b'0'))
        })
    };
    let (year, month, day) = match text.strip_suffix(b"T00:00:00Z").unwrap_or(text) {
        [year @ .., b'-', m1, m2, b'-', d1, d2] if year.len() == 4 => {
            (number(year)?, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
        }
        [m1, m2, b'/', d1, d2, b'/', year @ ..] if text.len() == 10 => {
            (number(year)?, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
        }
        _ => return None,
    };
    // Smaller years are the sentinel or nonsense, which the slow path tells apart.
    let year = i32::try_from(year).ok().filter(|year| *year >= 1000)?;
    NaiveDate::from_ymd_opt(year, month, day).map(day_of)
}

/// Day of an ISO date or instant, the time shifted to UTC.
fn iso_day(text: &str) -> Result<NaiveDate, NotADate> {
    let (date, time) = text.split_at_checked(10).ok_or(NotADate)?;
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").map_err(|_| NotADate)?;
    // The sentinel's time of day means nothing, and has no place before year 1 once it is shifted.
    if date.year() <= 1 {
        return Ok(date);
    }
    // Blanks inside of the time occur, as `06: 41: 12Z`.
    let time: String = time.chars().filter(|c| *c != ' ').collect();
    let time = time.strip_prefix(['T', 't']).unwrap_or(&time);
    if time.is_empty() {
        return Ok(date);
    }
    let (clock, offset_minutes) = split_zone(time)?;
    // Fractions of a second move no day, and come with more digits than chrono reads.
    let clock = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    let clock = NaiveTime::parse_from_str(clock, "%H:%M:%S")
        .or_else(|_| NaiveTime::parse_from_str(clock, "%H:%M"))
        .map_err(|_| NotADate)?;
    let local = NaiveDateTime::new(date, clock);
    local
        .checked_sub_signed(TimeDelta::minutes(offset_minutes))
        .map(|utc| utc.date())
        .ok_or(NotADate)
}

/// Time of day and its offset from UTC in minutes; 0 where no zone is named, as zone-less values
/// are UTC.
fn split_zone(time: &str) -> Result<(&str, i64), NotADate> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Ok((clock, 0));
    }
    let Some(sign) = time.rfind(['+', '-']) else {
        return Ok((time, 0));
    };
    let (clock, zone) = time.split_at(sign);
    // Only the digits, so that `-08:00`, `-0800` and `-08` are one zone.
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = digits.split_at_checked(2).ok_or(NotADate)?;
    let hours: i64 = hours.parse().map_err(|_| NotADate)?;
    let minutes: i64 = if minutes.is_empty() {
        0
    } else {
        minutes.parse().map_err(|_| NotADate)?
    };
    let offset = hours * 60 + minutes;
    Ok((
        clock,
        if zone.starts_with('-') {
            -offset
        } else {
            offset
        },
    ))
}

/// Day of `M/D/YYYY`, a time of day behind it ignored. Two-digit years are refused, as
/// nothing says which century is meant.
fn us_day(text: &str) -> Result<NaiveDate, NotADate> {
    let (date, time) = match text.split_once(' ') {
        Some(parts) => parts,
        None => (text, ""),
    };
    let mut parts = date.split('/').map(str::parse::<u32>);
    let mut next = || match parts.next() {
        Some(Ok(number)) => Ok(number),
        _ => Err(NotADate),
    };
    let (month, day, year) = (next()?, next()?, next()?);
    // No zone is ever named here, so that the time of day cannot move the day; it is only looked
    // over.
    let clock_is_known = time.bytes().all(|b| {
        b.is_ascii_digit()
            || matches!(
                b,
                b':' | b' ' | b'.' | b'A' | b'P' | b'M' | b'a' | b'p' | b'm'
            )
    });
    if parts.next().is_some() || !clock_is_known || year < 1000 {
        return Err(NotADate);
    }
    let year = i32::try_from(year).map_err(|_| NotADate)?;
    NaiveDate::from_ymd_opt(year, month, day).ok_or(NotADate)
}

/// Day of a calendar date.
fn day_of(date: NaiveDate) -> Day {
    date.num_days_from_ce() - EPOCH_FROM_CE
}

/// The calendar date of a day. `None` outside chrono's years.
#[must_use]
pub fn date_of(day: Day) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(day.checked_add(EPOCH_FROM_CE)?)
}

/// Months from January of the year 0 to the month that holds `day`. Days outside chrono's years,
/// which only a typed file can hold, are all in month 0: their rows are kept, in no period that is
/// compared.
#[must_use]
pub fn month_number(day: Day) -> i32 {
    match date_of(day) {
        Some(date) => date.year() * 12 + date.month0().cast_signed(),
        None => 0,
    }
}

/// A billing period: a calendar month, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    year: i32,
    month: u32,
}

impl Period {
    /// Reads `2026-10`. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        // `parse` alone would take `+026` for a year and `+1` for a month.
        if year.len() != 4
            || month.len() != 2
            || !text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
        {
            return None;
        }
        let (year, month) = (year.parse().ok()?, month.parse().ok()?);
        NaiveDate::from_ymd_opt(year, month, 1).map(|_| Self { year, month })
    }

    /// The month that holds `day`. `None` outside chrono's years.
    #[must_use]
    pub fn of(day: Day) -> Option<Self> {
        date_of(day).map(|date| Self {
            year: date.year(),
            month: date.month(),
        })
    }

    /// The month of number `months`, as [`month_number`] counts them. `None` outside chrono's
    /// years.
    #[must_use]
    pub fn of_month(months: i32) -> Option<Self> {
        // Euclidean, as a division that truncates would put months before the year 0 a year late.
        let (year, month) = (
            months.div_euclid(12),
            u32::try_from(months.rem_euclid(12)).ok()? + 1,
        );
        NaiveDate::from_ymd_opt(year, month, 1).map(|_| Self { year, month })
    }

    /// The month behind it; `None` at the end of the calendar.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::of(self.days().1)
    }

    /// First day of the month, and the first day after it.
    #[must_use]
    pub fn days(self) -> (Day, Day) {
        let date = NaiveDate::from_ymd_opt(self.year, self.month, 1)
            .expect("a period is made from a date of its month only");
        let first = day_of(date);
        (first, first + i32::from(date.num_days_in_month()))
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let day = parse_day(text.as_bytes()).unwrap().unwrap();
        assert_eq!(date_of(day).unwrap().to_string(), expect, "{text}");
    }

    #[test]
    fn every_published_form_reads() {
        check("10/3/2020", "2020-10-03");
        check("2/28/2019 23:59", "2019-02-28");
        check("2019-08-02T00:00:00", "2019-08-02");
        check("2018-02-08T22:40:37.5897767Z", "2018-02-08");
        check("2019-09-17T21:08:44.2566667+00:00", "2019-09-17");
        check("2019-08-28T17:00:00-07:00", "2019-08-29");
        check("2015-11-25T06: 41: 12Z", "2015-11-25");
        check("2026-10-01", "2026-10-01");
        check("2026-10-01 00:00:00", "2026-10-01");
    }

    #[test]
    fn nothing_and_nonsense_are_told_apart() {
        assert_eq!(parse_day(b"0001-01-01T00:00:00"), Ok(None));
        assert_eq!(parse_day(b""), Ok(None));
        for text in [
            "2026-13-01",
            "13/1/2026",
            "2/30/2026",
            "yesterday",
            "31.12.2026",
            "2026-10-01T25:00:00Z",
            "1/2/26",
        ] {
            assert_eq!(parse_day(text.as_bytes()), Err(NotADate), "{text}");
        }
    }

    #[test]
    fn typed_days_have_the_years_of_text() {
        let day = |text: &str| day_of(text.parse().unwrap());
        assert_eq!(
            [FIRST_OF_YEAR_1, FIRST_OF_YEAR_2, LAST_OF_YEAR_9999],
            ["0001-01-01", "0002-01-01", "9999-12-31"].map(day)
        );
        assert_eq!(typed_day(day("0001-12-31")), Ok(None));
        assert_eq!(typed_day(20_000), Ok(Some(20_000)));
        for beyond in [
            Day::MIN,
            FIRST_OF_YEAR_1 - 1,
            LAST_OF_YEAR_9999 + 1,
            Day::MAX,
        ] {
            assert_eq!(typed_day(beyond), Err(NotADate));
        }
    }

    #[test]
    fn a_period_is_half_open() {
        let period = Period::parse("2026-12").unwrap();
        let (first, after) = period.days();
        assert_eq!(after - first, 31);
        assert_eq!(Period::of(after - 1), Some(period));
        assert_eq!(Period::of(after).unwrap().to_string(), "2027-01");
        for text in ["2026-13", "2026-+1", "+026-01", "2026-1", "2026"] {
            assert_eq!(Period::parse(text), None, "{text}");
        }
    }
}
