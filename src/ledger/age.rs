//! Age of a break: days since a run first had it, and the buckets in which ages are shown.

use crate::model::period::parse_day;

/// Buckets, each with its last day.
const BUCKETS: [(i32, &str); 4] = [(7, "0-7"), (30, "8-30"), (60, "31-60"), (90, "61-90")];

/// Bucket of what is older.
const OLDEST: &str = "90+";

/// Days from one day to another, both as `2026-10-31`; 0 for an earlier one, as a run may be
/// rehearsed of a day that is gone.
///
/// # Panics
/// For a text that is no day: the ledger writes none.
#[must_use]
pub fn days_between(first: &str, last: &str) -> i32 {
    let day = |text: &str| {
        let day = parse_day(text.as_bytes()).ok().flatten();
        day.expect("the ledger writes days")
    };
    (day(last) - day(first)).max(0)
}

/// Bucket of an age in days.
#[must_use]
pub fn bucket(days: i32) -> &'static str {
    BUCKETS
        .iter()
        .find(|(last, _)| days <= *last)
        .map_or(OLDEST, |(_, name)| name)
}
