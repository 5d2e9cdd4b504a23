//! Texts of a page: names of any kind as harmless words, days, counts, the head's security policy.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};

use crate::model::period::{Day, date_of};
use crate::model::printable::printable;

/// Characters of a name that are shown, and of its whole text behind it.
const SHOWN: usize = 60;
const WHOLE: usize = 120;

/// A name that came with the data, cut to what a cell holds. The template isolates it in `<bdi>`, and
/// escapes it as every other text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) shown: String,
    /// More of a name that was cut; empty for one that is shown whole.
    pub(super) whole: String,
}

impl Name {
    pub(super) fn of(text: &str) -> Self {
        let mut characters = text.chars().map(printable);
        let shown: String = characters.by_ref().take(SHOWN).collect();
        if characters.next().is_none() {
            return Self {
                shown,
                whole: String::new(),
            };
        }
        let cut = |text: &str, most: usize| -> String {
            let kept = text.chars().take(most - 1).map(printable);
            kept.chain(['…']).collect()
        };
        let whole = match text.chars().nth(WHOLE) {
            None => text.chars().map(printable).collect(),
            Some(_) => cut(text, WHOLE),
        };
        Self {
            shown: cut(text, SHOWN),
            whole,
        }
    }

    /// True if there is nothing to show.
    pub(super) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }
}

/// A count with commas between thousands: `2,000`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with its noun: `1 break`, `2,000 breaks`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(count))
}

/// A name of the tables as a reader has it: `missing usage` for `missing_usage`.
pub(super) fn plain_words(name: &str) -> String {
    name.replace('_', " ")
}

/// Days of usage in words; empty for none.
pub(super) fn days_words(first: Option<Day>, last: Option<Day>) -> String {
    let date = |day: Option<Day>| day.and_then(date_of).map(|date| date.to_string());
    match (date(first), date(last)) {
        (Some(first), Some(last)) if first == last => first,
        (Some(first), Some(last)) => format!("{first} to {last}"),
        (Some(day), None) | (None, Some(day)) => day,
        (None, None) => String::new(),
    }
}

/// Hash of an inline style or script, as a security policy names it.
pub(super) struct SourceHash(pub(super) &'static str);

impl fmt::Display for SourceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = digest(&SHA256, self.0.as_bytes());
        write!(f, "sha256-{}", BASE64_STANDARD.encode(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_between_characters_and_turn_nothing_around() {
        let short = Name::of("Ünïversität");
        assert_eq!(
            (short.shown.as_str(), short.whole.as_str()),
            ("Ünïversität", "")
        );
        let long = Name::of(&"ä".repeat(4_096));
        assert_eq!(long.shown.chars().count(), SHOWN);
        assert_eq!(long.whole.chars().count(), WHOLE);
        assert!(long.shown.ends_with('…') && long.whole.ends_with('…'));
        assert_eq!(Name::of("a\u{202E}b\nc").shown, "a\u{FFFD}b\u{FFFD}c");
        assert_eq!(Name::of(&"x".repeat(SHOWN)).whole, "");
    }

    #[test]
    fn counts_have_commas() {
        assert_eq!(counted(1, "break"), "1 break");
        assert_eq!(counted(1_234_567, "row"), "1,234,567 rows");
    }
}
