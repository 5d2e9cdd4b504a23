//! Months and days of rows, as a key has them: written once each, as dates are slow to write and
//! rows that follow each other need not be of one day.

use std::ops::Range;

use hashbrown::HashMap;

use crate::model::period::{self, Day, Period};

/// The month of the last row, and all days that were written.
#[derive(Debug, Default)]
pub(super) struct DateTexts {
    /// Days of the month; none before the first row.
    month_days: Range<Day>,
    month: i32,
    month_text: Vec<u8>,
    days: HashMap<Day, Vec<u8>>,
}

impl DateTexts {
    /// Number of the month that holds a day, as [`period::month_number`] counts it, and its text,
    /// `2026-10`.
    #[inline]
    pub(super) fn month_of(&mut self, day: Day) -> (i32, &[u8]) {
        if !self.month_days.contains(&day) {
            self.turn_to(day);
        }
        (self.month, &self.month_text)
    }

    fn turn_to(&mut self, day: Day) {
        self.month = period::month_number(day);
        self.month_text = Period::of_month(self.month)
            .expect("the number of a month that a date has")
            .to_string()
            .into_bytes();
        self.month_days = match Period::of(day).map(Period::days) {
            Some((first, next)) => first..next,
            // Outside the calendar's years, as only a typed file can say: such days are in no month
            // that has others.
            None => 0..0,
        };
    }

    /// Text of a day, `2026-10-31`; empty outside the calendar's years.
    pub(super) fn text_of(&mut self, day: Day) -> &[u8] {
        self.days
            .entry(day)
            .or_insert_with(|| match period::date_of(day) {
                Some(date) => date.to_string().into_bytes(),
                None => Vec::new(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_has_the_texts_of_its_own_month_and_date() {
        let mut texts = DateTexts::default();
        let october = period::parse_day(b"2026-10-01").unwrap().unwrap();
        let mut days: Vec<Day> = (october - 40..october + 40).collect();
        days.extend([Day::MIN, Day::MAX, 0, -1]);
        // Once in order, once with a month between any two days of another.
        let turned: Vec<Day> = days
            .iter()
            .zip(days.iter().rev())
            .flat_map(|(a, b)| [*a, *b])
            .collect();
        for day in days.iter().chain(&turned) {
            let number = period::month_number(*day);
            let (month, text) = texts.month_of(*day);
            assert_eq!(month, number, "{day}");
            let wanted = Period::of_month(number).unwrap().to_string();
            assert_eq!(text, wanted.as_bytes(), "{day}");
            let date = period::date_of(*day).map(|date| date.to_string());
            assert_eq!(texts.text_of(*day), date.unwrap_or_default().as_bytes());
        }
        assert_eq!(texts.month_of(october), (2026 * 12 + 9, &b"2026-10"[..]));
        assert_eq!(texts.text_of(october), b"2026-10-01");
    }
}
