//! The `month_end` table: days of the next month on which the stage of a period changes.

use super::checker::{Checker, join};
use super::document::{Entry, Value, get};
use crate::model::settling::SettlingDays;

const KEY: &str = "month_end";

/// Last day that every month has.
const LAST_DAY: u8 = 28;

/// Reads the days of a pipeline; those that it does not name are the usual ones.
pub(crate) fn read(checker: &mut Checker<'_>, root: &[Entry]) -> SettlingDays {
    let usual = SettlingDays::default();
    let entries = checker.optional_table(KEY, get(root, KEY));
    checker.known(KEY, entries, &["late_from", "provisional_until"]);
    let mut day = |name: &str, usual: u8| match get(entries, name) {
        Some(entry) => day_of(checker, name, entry).unwrap_or(usual),
        None => usual,
    };
    SettlingDays {
        late_from: day("late_from", usual.late_from),
        provisional_until: day("provisional_until", usual.provisional_until),
    }
}

/// Day of the month; a mistake where it is none.
fn day_of(checker: &mut Checker<'_>, name: &str, entry: &Entry) -> Option<u8> {
    let day: Option<u8> = match &entry.node.value {
        Value::Integer(text) => text.parse().ok(),
        _ => None,
    };
    let day = day.filter(|day| (1..=LAST_DAY).contains(day));
    if day.is_none() {
        checker.wrong(
            &join(KEY, name),
            &entry.node,
            "a day of the next month, 1 to 28",
            Some(format!("write `{name} = 15`")),
        );
    }
    day
}
