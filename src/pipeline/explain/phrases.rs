//! Numbers, days and names in the words of a letter, for the sentences of an explanation.

use std::collections::BTreeSet;

use chrono::{Datelike as _, NaiveDate};

use crate::model::decimal::{
    self, PUBLISHED_SCALE, QUANTITY_SCALE, Rounding, fixed, plain, rescale, to_published,
};
use crate::model::period::{Day, date_of};
use crate::pipeline::publish::outcome::readable;

/// Decimals of a quantity in a sentence; a smaller one is told with all it has.
const QUANTITY_PLACES: u32 = 4;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A published amount as a number, in units of 10^-10.
///
/// # Panics
/// For a text that is no decimal number: published amounts are.
pub(super) fn units_of(published: &str) -> i128 {
    decimal::parse(published.as_bytes(), PUBLISHED_SCALE)
        .expect("a published amount is a decimal number")
        .value
}

/// Size of an amount, in units of 10^-10, with its currency: `1,234.50 EUR`. One below a cent has
/// all of its digits.
pub(super) fn money(amount: i128, currency: &str) -> String {
    let amount = amount.abs();
    let text = match readable(&fixed(amount, PUBLISHED_SCALE)) {
        shown if shown == "0.00" && amount != 0 => plain(amount, PUBLISHED_SCALE),
        shown => shown,
    };
    format!("{text} {currency}").trim_end().to_owned()
}

/// Size of an amount of 20 decimals, with its currency.
pub(super) fn exact_money(amount: i128, currency: &str) -> String {
    let published = to_published(amount).expect("fewer decimals need no more digits");
    money(published, currency)
}

/// Size of a quantity of 20 decimals, in its unit: `129.1 h`.
pub(super) fn quantity(quantity: i128, units: &BTreeSet<String>) -> String {
    let quantity = quantity.abs();
    let rounded = rescale(quantity, QUANTITY_SCALE, QUANTITY_PLACES, Rounding::HalfUp);
    let text = match rounded {
        Some(rounded) if rounded != 0 || quantity == 0 => plain(rounded, QUANTITY_PLACES),
        _ => plain(quantity, QUANTITY_SCALE),
    };
    let unit = match only(units) {
        None => "units",
        Some(unit) => unit.strip_prefix("1 ").unwrap_or(unit),
    };
    match unit {
        "Hour" | "Hours" => format!("{text} h"),
        "1" => format!("{text} units"),
        // A unit that is a number of pieces, such as `10K`.
        unit if unit.starts_with(|first: char| first.is_ascii_digit()) => {
            format!("{text} x {unit}")
        }
        unit => format!("{text} {unit}"),
    }
}

/// The only one of some values; `None` of several, or of none.
pub(super) fn only<T: Ord>(values: &BTreeSet<T>) -> Option<&T> {
    values.first().filter(|_| values.len() == 1)
}

/// A name, set apart.
pub(super) fn named(name: &str) -> String {
    format!("*{name}*")
}

/// A month: `October 2026`.
fn month(date: NaiveDate) -> String {
    format!("{} {}", MONTHS[date.month0() as usize], date.year())
}

/// Month of a day: `October 2026`; empty outside of the calendar.
pub(super) fn month_of(day: Day) -> String {
    date_of(day).map_or_else(String::new, month)
}

/// First and last day: `4–30 October 2026`; empty outside of the calendar.
pub(super) fn days((first, last): (Day, Day)) -> String {
    let (Some(first), Some(last)) = (date_of(first), date_of(last)) else {
        return String::new();
    };
    let end = format!("{} {}", last.day(), month(last));
    match (first.year() == last.year(), first.month() == last.month()) {
        _ if first == last => end,
        (true, true) => format!("{}–{end}", first.day()),
        (true, false) => format!(
            "{} {} – {end}",
            first.day(),
            MONTHS[first.month0() as usize]
        ),
        (false, _) => format!("{} {} – {end}", first.day(), month(first)),
    }
}

/// A noun's verb in the right number: `repeats` of one, `repeat` of several.
pub(super) fn verb(count: u64, verb: &str) -> String {
    let ending = if count == 1 { "s" } else { "" };
    format!("{verb}{ending}")
}

/// A count and its noun: `1 line`, `2 lines`.
pub(super) fn number_of(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::period::parse_day;

    fn day(text: &str) -> Day {
        parse_day(text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn numbers_and_days_read_as_in_a_letter() {
        let hours = BTreeSet::from(["1 Hour".to_owned()]);
        let packs = BTreeSet::from(["10K".to_owned()]);
        let one = 10_i128.pow(QUANTITY_SCALE);
        assert_eq!(quantity(one * 1291 / 10, &hours), "129.1 h");
        assert_eq!(quantity(-one, &packs), "1 x 10K");
        assert_eq!(quantity(one / 3, &BTreeSet::new()), "0.3333 units");
        assert_eq!(
            quantity(one / 1_000_000, &BTreeSet::new()),
            "0.000001 units"
        );
        assert_eq!(money(-12_345_670_000_000, "EUR"), "1,234.57 EUR");
        assert_eq!(money(1_000_000, "EUR"), "0.0001 EUR");
        let span = |first, last| days((day(first), day(last)));
        assert_eq!(span("2026-10-04", "2026-10-30"), "4–30 October 2026");
        assert_eq!(span("2026-10-04", "2026-10-04"), "4 October 2026");
        assert_eq!(
            span("2026-09-28", "2026-10-03"),
            "28 September – 3 October 2026"
        );
        assert_eq!(
            span("2025-12-31", "2026-01-01"),
            "31 December 2025 – 1 January 2026"
        );
        assert_eq!(month_of(day("2026-10-04")), "October 2026");
    }
}
