//! Text of others as it may be shown: names of customers and cells of files may hold anything.

use std::borrow::Cow;

/// A character as it may be shown. Controls, and marks that turn the order of what follows around,
/// become a sign that something was there.
#[must_use]
pub const fn printable(character: char) -> char {
    match character {
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
        // No characters of XML, of which a workbook is made.
        '\u{FFFE}' | '\u{FFFF}' => '\u{FFFD}',
        // The controls of ASCII and of Latin-1.
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' => '\u{FFFD}',
        other => other,
    }
}

/// Text as it may be shown on a terminal: line feeds and tabs stay as they are.
#[must_use]
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    let shown = |character| match character {
        '\n' | '\t' => character,
        other => printable(other),
    };
    match text.chars().all(|character| shown(character) == character) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.chars().map(shown).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_turns_the_line_around_or_moves_the_cursor() {
        let hostile = "a\u{202E}b\u{1b}[2J\r\u{9b}c\nd\te\u{FC}";
        let shown = printable_lines(hostile);
        assert_eq!(shown, "a\u{FFFD}b\u{FFFD}[2J\u{FFFD}\u{FFFD}c\nd\te\u{FC}");
        assert!(matches!(printable_lines("plain\n"), Cow::Borrowed(_)));
    }
}
