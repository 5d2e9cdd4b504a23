//! Objects that have the keys of the one before, in its order and spelling: nearly every line of an
//! export. The text between values is compared as a whole, values are skipped by their shape, and
//! anything that does not fit leaves the object to serde.

use std::borrow::Cow;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::decode::csv::blocks::{BLOCK, Equal as _, Portable};
use crate::model::row::Cell;
use crate::model::same::same;

/// For longer values xxh3 would make a secret of the seed each time: they are hashed first, and seeded then.
const LONGEST_SEEDED_BYTES: usize = 240;

/// The keys of an object, in order.
#[derive(Debug, Default)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

/// A key, and what its value is for.
#[derive(Debug)]
struct Part {
    /// All that stands before the value: `{"Key":` or `,"Key":`.
    literal: Vec<u8>,
    /// The column that it fills.
    slot: Option<usize>,
    /// What its value is hashed with.
    seed: u64,
}

impl Template {
    /// No keys: fits nothing.
    pub(crate) fn clear(&mut self) {
        self.parts.clear();
    }

    /// The next key. Keys that need escapes make a template that fits nothing, which is no loss.
    pub(crate) fn push(&mut self, key: &str, slot: Option<usize>, seed: u64) {
        let mut literal = vec![if self.parts.is_empty() { b'{' } else { b',' }, b'"'];
        literal.extend_from_slice(key.as_bytes());
        literal.extend_from_slice(b"\":");
        self.parts.push(Part {
            literal,
            slot,
            seed,
        });
    }

    /// Whether no two keys fill the same column.
    pub(crate) fn is_plain(&self) -> bool {
        let mut slots: Vec<usize> = self.parts.iter().filter_map(|part| part.slot).collect();
        slots.sort_unstable();
        slots.windows(2).all(|pair| pair.first() != pair.last())
    }

    /// Reads an object into cells, all of which were read by this template or are missing; its digest
    /// where one is wanted, else 0. `None` where the object does not fit. The text must be UTF-8 without
    /// control characters.
    pub(crate) fn read<'a>(
        &self,
        object: &'a [u8],
        cells: &mut [Cell<'a>],
        with_digest: bool,
    ) -> Option<u64> {
        let mut rest = object;
        let mut digest = 0_u64;
        if self.parts.is_empty() {
            return None;
        }
        for part in &self.parts {
            (_, rest) = rest
                .split_at_checked(part.literal.len())
                .filter(|(literal, _)| same(literal, &part.literal))?;
            let length = value_length(rest)?;
            let (value, behind) = rest.split_at_checked(length)?;
            rest = behind;
            if with_digest {
                digest = digest.wrapping_add(hash(value, part.seed));
            }
            if let Some(cell) = part.slot.and_then(|slot| cells.get_mut(slot)) {
                *cell = cell_of(value).ok()?;
            }
        }
        (rest == b"}").then_some(digest)
    }
}

/// What a value adds to its object's digest: nothing where it is missing; as a number where it is a
/// number in quotes.
pub(crate) fn hash(value: &[u8], seed: u64) -> u64 {
    let text = match value {
        b"null" | b"\"\"" => return 0,
        [b'"', inner @ .., b'"'] => inner,
        other => other,
    };
    if text.len() <= LONGEST_SEEDED_BYTES {
        xxh3_64_with_seed(text, seed)
    } else {
        (xxh3_64(text) ^ seed).wrapping_mul(seed | 1)
    }
}

/// A JSON value's text as a cell: strings without quotes and escapes, null and "" as missing.
pub(crate) fn cell_of(value: &[u8]) -> Result<Cell<'_>, serde_json::Error> {
    Ok(match value {
        b"null" | b"\"\"" => Cell::Missing,
        [b'"', inner @ .., b'"'] if memchr::memchr(b'\\', inner).is_none() => {
            Cell::Text(Cow::Borrowed(inner))
        }
        [b'"', ..] => Cell::Text(Cow::Owned(
            serde_json::from_slice::<String>(value)?.into_bytes(),
        )),
        other => Cell::Text(Cow::Borrowed(other)),
    })
}

/// How long the value is with which a text begins; `None` for lists, objects and what is no value.
fn value_length(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'"' => string_length(text),
        b'-' | b'0'..=b'9' => number_length(text),
        b'n' => text.starts_with(b"null").then_some(4),
        b't' => text.starts_with(b"true").then_some(4),
        b'f' => text.starts_with(b"false").then_some(5),
        _ => None,
    }
}

fn string_length(text: &[u8]) -> Option<usize> {
    let inner = text.get(1..)?;
    let stop = memchr::memchr2(b'"', b'\\', inner)?;
    if inner.get(stop) == Some(&b'"') {
        Some(stop + 2)
    } else {
        Some(1 + escaped_end(inner, stop)? + 1)
    }
}

/// Where a string with escapes ends, of which the first is at `from`.
fn escaped_end(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // The first byte that is not part of an escape.
    let mut free = from;
    loop {
        let rest = text.get(at..)?;
        let (quotes, backslashes) = match rest.first_chunk::<BLOCK>() {
            Some(block) => masks(*block),
            None => {
                let mut block = [b' '; BLOCK];
                block
                    .iter_mut()
                    .zip(rest)
                    .for_each(|(to, from)| *to = *from);
                masks(block)
            }
        };
        let mut signs = quotes | backslashes;
        while signs != 0 {
            let bit = signs.trailing_zeros();
            let place = at + bit as usize;
            signs &= signs - 1;
            if place < free {
                continue;
            }
            if quotes >> bit & 1 == 1 {
                return Some(place);
            }
            free = place + escape_length(text.get(place + 1..)?)?;
        }
        at += BLOCK;
    }
}

/// Bytes of an escape with its backslash, given what follows that.
fn escape_length(text: &[u8]) -> Option<usize> {
    match text {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some(2),
        // Surrogates come in pairs: serde knows.
        [b'u', digits @ ..] => {
            let digits = digits
                .get(..4)
                .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
            (!matches!(
                digits,
                [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]
            ))
            .then_some(6)
        }
        _ => None,
    }
}

fn masks(block: [u8; BLOCK]) -> (u64, u64) {
    (Portable.mask(&block, b'"'), Portable.mask(&block, b'\\'))
}

/// By the grammar of JSON: no leading zeros, a digit on both sides of the point.
fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        text.get(from..).map_or(0, |rest| {
            rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
        })
    };
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text.get(at) == Some(&b'0')) {
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
    use super::*;

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
                assert_eq!(
                    value_length(format!("{value}{behind}").as_bytes()),
                    Some(value.len()),
                    "{value}"
                );
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
            let length = value_length(none.as_bytes());
            assert!(length.is_none() || length != Some(none.len()), "{none}");
        }
    }

    #[test]
    fn a_template_fits_what_has_its_keys() {
        let mut template = Template::default();
        template.push("A", Some(1), 1);
        template.push("B", None, 2);
        let mut cells = vec![Cell::Missing; 2];
        let number = template
            .read(br#"{"A":1.50,"B":"x"}"#, &mut cells, true)
            .unwrap();
        assert_eq!(cells[1].bytes().as_ref(), b"1.50");
        assert_eq!(
            template.read(br#"{"A":"1.50","B":"x"}"#, &mut cells, true),
            Some(number)
        );
        assert_eq!(
            template.read(br#"{"A":"1.50","B":"x","C":1}"#, &mut cells, true),
            None
        );
        assert_eq!(
            template.read(br#"{"A": 1,"B":"x"}"#, &mut cells, true),
            None
        );
        assert_eq!(
            template.read(br#"{"A":null,"B":null}"#, &mut cells, true),
            Some(0)
        );
        assert_eq!(cells[1], Cell::Missing);
    }
}
