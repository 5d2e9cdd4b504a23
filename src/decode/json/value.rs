//! A JSON value as it is written: how long it is, what cell it makes, and what it adds to its row's
//! content. Nothing here builds a tree or a number; numbers stay text, so that no digit is lost.

use std::borrow::Cow;

use super::spelling::{escapes_quotes_only, hash_of_nested};
use crate::decode::blocks::{BLOCK, Equal as _, Portable};
use crate::model::content::ColumnContent;
use crate::model::row::{Cell, Spelling};
use crate::model::value_hash::{hash_of_bytes, hash_of_escaped};

/// A value's part in its object's content. A missing value adds 0, and a number in quotes what
/// the bare number adds, so that one row has one content in both of the API's spellings.
/// `escapes_quotes_only` is that of the value's [`Extent`].
pub(super) fn part_of(value: &[u8], escapes_quotes_only: bool, column: &ColumnContent) -> u64 {
    match value {
        b"null" | b"\"\"" => 0,
        [b'"', inner @ .., b'"'] if escapes_quotes_only && column.is_plain() => {
            column.part(hash_of_escaped(inner))
        }
        [b'"', inner @ .., b'"'] if memchr::memchr(b'\\', inner).is_none() => column.of_text(inner),
        [b'"', ..] => match serde_json::from_slice::<String>(value) {
            Ok(text) => column.of_text(text.as_bytes()),
            // Escapes that stand for no character, as half of a surrogate pair.
            Err(_) => column.part(hash_of_bytes(value)),
        },
        [b'{' | b'[', ..] => column.part(hash_of_nested(value) | 1),
        other => column.of_text(other),
    }
}

/// A value as a cell: strings without quotes and escapes, `null` and `""` as missing, anything else
/// as its text.
///
/// # Errors
/// The error of an escape that stands for no character.
pub(super) fn cell_of(value: &[u8]) -> Result<Cell<'_>, serde_json::Error> {
    Ok(match value {
        b"null" | b"\"\"" => Cell::Missing,
        [b'"', inner @ .., b'"'] if memchr::memchr(b'\\', inner).is_none() => {
            Cell::Text(Cow::Borrowed(inner))
        }
        // JSON within JSON, as tags are: quicker than by serde, which looks at each character.
        [b'"', inner @ .., b'"'] if escapes_quotes_only(inner) => {
            Cell::Text(Cow::Owned(without_backslashes(inner)))
        }
        [b'"', ..] => Cell::Text(Cow::Owned(
            serde_json::from_slice::<String>(value)?.into_bytes(),
        )),
        other => Cell::Text(Cow::Borrowed(other)),
    })
}

fn without_backslashes(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for part in text.split(|byte| *byte == b'\\') {
        out.extend_from_slice(part);
    }
    out
}

/// A value that is handed over without being read: a string as it is written.
#[inline]
pub(super) fn carried_cell(value: &[u8]) -> Cell<'_> {
    match value {
        b"null" | b"\"\"" => Cell::Missing,
        [b'"', ..] => Cell::Written(value, Spelling::Json),
        other => Cell::Text(Cow::Borrowed(other)),
    }
}

/// Cell of a string, quotes included: as [`cell_of`] makes it, but one with a broken escape as it is
/// written.
pub(in crate::decode) fn string_cell(value: &[u8]) -> Cell<'_> {
    cell_of(value).unwrap_or(Cell::Text(Cow::Borrowed(value)))
}

/// Where a value ends, and if it is a string, whether its escapes are of quotes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Number of bytes that the value takes.
    pub(super) length: usize,
    /// True if it [`escapes_quotes_only`](super::spelling::escapes_quotes_only).
    pub(super) escapes_quotes_only: bool,
}

/// Extent of the value with which a text begins; `None` for arrays, objects and what is no value,
/// which are left to serde. It must not take for a value what serde would refuse.
pub(super) fn extent(text: &[u8]) -> Option<Extent> {
    let plain = |length: usize| Extent {
        length,
        escapes_quotes_only: true,
    };
    match text.first()? {
        b'"' => string_extent(text),
        b'-' | b'0'..=b'9' => number_length(text).map(plain),
        // Text glued to a literal, as in `nullx`, does not pass: the template compares what
        // follows.
        b'n' => text.starts_with(b"null").then(|| plain(4)),
        b't' => text.starts_with(b"true").then(|| plain(4)),
        b'f' => text.starts_with(b"false").then(|| plain(5)),
        _ => None,
    }
}

fn string_extent(text: &[u8]) -> Option<Extent> {
    let inner = &text[1..];
    // Most strings have no escape, and end at the first byte that memchr finds.
    let stop = memchr::memchr2(b'"', b'\\', inner)?;
    if inner[stop] == b'"' {
        return Some(Extent {
            length: stop + 2,
            escapes_quotes_only: true,
        });
    }
    let (quote, escapes_quotes_only) = closing_quote(inner, stop)?;
    Some(Extent {
        length: 1 + quote + 1,
        escapes_quotes_only,
    })
}

/// Offset of the quote that closes a string with escapes, the first of which is at `from`, and
/// whether all of its escapes are of quotes. Tags and additional information are JSON within JSON, with an
/// escape every few bytes: 64 bytes are compared at a time, and then only quotes and backslashes
/// are visited.
fn closing_quote(text: &[u8], from: usize) -> Option<(usize, bool)> {
    let mut at = from;
    let mut escapes_quotes_only = true;
    // Offset of the first byte that is not part of an escape.
    let mut free = from;
    loop {
        let (quotes, backslashes) = masks(text.get(at..)?);
        let mut signs = quotes | backslashes;
        while signs != 0 {
            let bit = signs.trailing_zeros();
            let place = at + bit as usize;
            signs &= signs - 1;
            // The second byte of an escape, as in `\"` and `\\`.
            if place < free {
                continue;
            }
            if quotes >> bit & 1 == 1 {
                return Some((place, escapes_quotes_only));
            }
            let (length, is_quote) = escape(&text[place + 1..])?;
            free = place + length;
            escapes_quotes_only &= is_quote;
        }
        at += BLOCK;
    }
}

/// Masks of the quotes and of the backslashes in the first 64 bytes of a text; a shorter one is
/// padded.
fn masks(text: &[u8]) -> (u64, u64) {
    let of = |block: &[u8; BLOCK]| (Portable.mask(block, b'"'), Portable.mask(block, b'\\'));
    match text.first_chunk::<BLOCK>() {
        Some(block) => of(block),
        None => {
            let mut block = [b' '; BLOCK];
            block[..text.len()].copy_from_slice(text);
            of(&block)
        }
    }
}

/// Length in bytes of an escape with its backslash, given the text after the backslash, and true if
/// it is the escaped character itself that follows; `None` for what is no escape, and for surrogates,
/// which come in pairs and are left to serde.
fn escape(text: &[u8]) -> Option<(usize, bool)> {
    match text {
        [b'"', ..] => Some((2, true)),
        [b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some((2, false)),
        [b'u', digits @ ..] => {
            let digits = digits
                .get(..4)
                .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
            (!matches!(
                digits,
                [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]
            ))
            .then_some((6, false))
        }
        _ => None,
    }
}

/// Length in bytes of a number by the grammar of JSON: no leading zeros, a digit on both sides of
/// the point.
fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        text[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text[at] == b'0') {
        return None;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let decimals = digits(at + 1);
        at += 1 + Some(decimals).filter(|count| *count > 0)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        at += Some(digits(at)).filter(|count| *count > 0)?;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::super::spelling::escapes_quotes_only;
    use super::*;

    #[test]
    fn one_text_has_one_part_in_all_its_spellings() {
        use crate::model::dataset::Dataset;
        let unknown = ColumnContent::unread(Dataset::Usage, "Other", 0).unwrap();
        let tags = ColumnContent::unread(Dataset::Usage, "Tags", 0).unwrap();
        let part = |value: &str, column: &ColumnContent| {
            let value = value.as_bytes();
            part_of(value, escapes_quotes_only(value), column)
        };
        for spellings in [
            vec![r#""aA""#, r#""a\u0041""#, r#""\u0061\u0041""#],
            vec![r#""\"\\/\n""#, r#""\u0022\u005c\/\u000A""#],
            vec!["\"\u{1f600}\"", r#""\ud83d\ude00""#, r#""\uD83D\uDE00""#],
            vec!["15", "\"15\""],
            vec!["null", "\"\""],
            vec![
                r#"{"a":[1,"x"],"b":{}}"#,
                r#"{ "b": {}, "a": [ 1, "\u0078" ] }"#,
            ],
        ] {
            for column in [&unknown, &tags] {
                let first = part(spellings[0], column);
                assert!(
                    spellings.iter().all(|other| part(other, column) == first),
                    "{spellings:?}"
                );
            }
        }
        for spellings in [["1.5", "1.50"], ["\"1E+1\"", "10"], ["0", "null"]] {
            assert_eq!(part(spellings[0], &unknown), part(spellings[1], &unknown));
        }
        let different = [
            "null",
            "true",
            "[]",
            "\"[]\"",
            "{}",
            "[1,2]",
            "[2,1]",
            "[[1],2]",
            "[1,[2]]",
            r#"{"a":1}"#,
            r#"{"a":"1"}"#,
            r#"{"a":null}"#,
            r#"{"A":1}"#,
            r#""\ud83d""#,
            r#""\\u0041""#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":2,"a":1}"#,
        ];
        let parts: std::collections::HashSet<u64> = different
            .into_iter()
            .map(|value| part(value, &unknown))
            .collect();
        assert_eq!(parts.len(), different.len());
    }

    #[test]
    fn values_are_as_long_as_serde_says() {
        let long = format!(r#""{}\"{}\\""#, "x".repeat(61), "\\u00e4é".repeat(40));
        for value in [
            "\"\"",
            "\"a\"",
            r#""a\"b""#,
            r#""\\""#,
            r#""\u00Fc""#,
            "0",
            "-0.5e-10",
            "12",
            "1E+5",
            "null",
            "true",
            "false",
            &long,
        ] {
            for behind in ["", ",", "}"] {
                let found = extent(format!("{value}{behind}").as_bytes());
                let wanted = Extent {
                    length: value.len(),
                    escapes_quotes_only: escapes_quotes_only(value.as_bytes()),
                };
                assert_eq!(found, Some(wanted), "{value}");
            }
        }
        for none in [
            r#""\x""#,
            r#""\ud800""#,
            "\"a",
            r#""a\""#,
            r#""a\"#,
            "01",
            "1.",
            ".5",
            "-",
            "1e",
            "NaN",
            "[1]",
            "{}",
            "",
            "nul",
        ] {
            let extent = extent(none.as_bytes());
            assert!(
                extent.is_none_or(|extent| extent.length != none.len()),
                "{none}"
            );
        }
    }
}
