//! Objects that have the keys of the object before, in its order and spelling: nearly every line of
//! an export.
//!
//! Reading by a template is fast because no key is parsed or looked up: all text between two
//! values, `,"Key":`, is compared as a whole, and each value is skipped by its shape. An object
//! that does not fit is left to serde, which makes a new template of it. So `read` here and
//! `Keys::read_by_serde` in `object` must give the same cells and the same digest for every object
//! that fits, and nothing may fit that serde would refuse.

use super::value::{self, Extent};
use crate::model::row::Cell;
use crate::model::same::same;

/// The keys of an object, in their order.
#[derive(Debug, Default)]
pub(super) struct Template {
    parts: Vec<Part>,
    /// True if a key cannot be compared as text; the template then fits nothing.
    has_escapes: bool,
}

/// A key with the use of its value.
#[derive(Debug)]
struct Part {
    /// All text before the value: `{"Key":` or `,"Key":`.
    literal: Vec<u8>,
    /// Position of the column that the value fills; `None` if it is not read.
    slot: Option<usize>,
    /// Seed of the value's hash, different for each key.
    seed: u64,
}

impl Template {
    /// Forgets all keys; an empty template fits nothing.
    pub(super) fn clear(&mut self) {
        self.parts.clear();
        self.has_escapes = false;
    }

    /// Adds the next key. One that needs escapes makes a template that fits nothing: as it is
    /// without them, its text would be that of another key, or of no JSON at all.
    pub(super) fn push(&mut self, key: &str, slot: Option<usize>, seed: u64) {
        self.has_escapes |= key
            .bytes()
            .any(|byte| matches!(byte, b'"' | b'\\' | 0..b' '));
        let mut literal = vec![if self.parts.is_empty() { b'{' } else { b',' }, b'"'];
        literal.extend_from_slice(key.as_bytes());
        literal.extend_from_slice(b"\":");
        self.parts.push(Part {
            literal,
            slot,
            seed,
        });
    }

    /// True if no two keys name the same column, by their seeds. Other objects are read by serde,
    /// which rejects a row in which both have a value, or tells the two apart.
    pub(super) fn has_each_name_once(&self) -> bool {
        let mut seeds: Vec<u64> = self.parts.iter().map(|part| part.seed).collect();
        seeds.sort_unstable();
        seeds.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// Reads an object into cells, each of which was filled by this template or is missing. Returns
    /// the object's digest, or 0 if none is wanted; `None` if the object does not fit, and the
    /// cells are then of no use. The text must be UTF-8 without control characters.
    pub(super) fn read<'a>(
        &self,
        object: &'a [u8],
        cells: &mut [Cell<'a>],
        with_digest: bool,
    ) -> Option<u64> {
        let mut rest = object;
        let mut digest = 0_u64;
        if self.parts.is_empty() || self.has_escapes {
            return None;
        }
        for part in &self.parts {
            (_, rest) = rest
                .split_at_checked(part.literal.len())
                .filter(|(literal, _)| same(literal, &part.literal))?;
            let Extent { length, is_plain } = value::extent(rest)?;
            let (text, behind) = rest.split_at(length);
            rest = behind;
            if with_digest {
                // A sum, so that the order of the keys does not matter.
                digest = digest.wrapping_add(value::hash(text, is_plain, part.seed));
            }
            if let Some(slot) = part.slot {
                cells[slot] = value::cell_of(text).ok()?;
            }
        }
        // Nothing else may follow: a further key, white space and a cut line are left to serde.
        (rest == b"}").then_some(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_needs_escapes_fits_nothing() {
        for (key, object) in [
            ("a\"b", r#"{"a"b":1}"#),
            ("a\\u006d", r#"{"a\u006d":1}"#),
            ("a\tb", "{\"a\tb\":1}"),
        ] {
            let mut template = Template::default();
            template.push(key, None, 1);
            assert_eq!(template.read(object.as_bytes(), &mut [], true), None);
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
