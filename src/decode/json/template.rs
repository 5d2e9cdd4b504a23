//! Objects that have the keys of the object before, in its order and spelling: nearly every line of
//! an export.
//!
//! Reading by a template is fast because no key is parsed or looked up: all text between two
//! values, `,"Key":`, is compared as a whole, and each value is skipped by its shape. An object
//! that does not fit is left to serde, which makes a new template of it. So `read` here and
//! `Keys::read_by_serde` in `object` must give the same cells and the same content for every object
//! that fits, and nothing may fit that serde would refuse.

use super::value::{self, Extent, extent};
use crate::model::column_set::ColumnSet;
use crate::model::content::ColumnContent;
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
    /// Position of the column that the value fills though it is not read.
    carried: Option<usize>,
    /// Hash of the name, the same in all spellings of the key.
    name: u64,
    /// Part of the value in the content of a row; `None` if the value is read, or has none.
    unread: Option<UnreadValue>,
}

/// A value that is not read, of one object after another. Objects that follow each other share most
/// of their values: one like the last is known by one comparison, its end included.
#[derive(Debug)]
struct UnreadValue {
    column: ColumnContent,
    /// The value that came last, as it was written; empty for a number, whose text may go on.
    last: Vec<u8>,
    /// Part of the value that came last.
    part: u64,
    /// True if the value fills the cell of the row that had it first.
    is_in_cell: bool,
}

impl UnreadValue {
    /// Length and part of the value with which a text begins; `None` for what is no value.
    #[inline]
    fn take(&mut self, text: &[u8]) -> Option<(usize, u64)> {
        let again = text.split_at_checked(self.last.len());
        if !self.last.is_empty() && again.is_some_and(|(value, _)| same(value, &self.last)) {
            return Some((self.last.len(), self.part));
        }
        self.is_in_cell = false;
        let Extent {
            length,
            escapes_quotes_only,
        } = extent(text)?;
        let value = &text[..length];
        self.part = value::part_of(value, escapes_quotes_only, &self.column);
        self.last.clear();
        if matches!(value, [b'"' | b'n', ..]) {
            self.last.extend_from_slice(value);
        }
        Some((length, self.part))
    }
}

impl Template {
    /// Forgets all keys; an empty template fits nothing.
    pub(super) fn clear(&mut self) {
        self.parts.clear();
        self.has_escapes = false;
    }

    /// Tells that nothing is known of the cells before the next object.
    pub(super) fn begin_cells(&mut self) {
        let unread = self
            .parts
            .iter_mut()
            .filter_map(|part| part.unread.as_mut());
        unread.for_each(|unread| unread.is_in_cell = false);
    }

    /// Adds the next key. One that needs escapes makes a template that fits nothing: as it is
    /// without them, its text would be that of another key, or of no JSON at all.
    pub(super) fn push(
        &mut self,
        key: &str,
        [slot, carried]: [Option<usize>; 2],
        (name, unread): (u64, Option<ColumnContent>),
    ) {
        self.has_escapes |= key
            .bytes()
            .any(|byte| matches!(byte, b'"' | b'\\' | 0..b' '));
        let mut literal = vec![if self.parts.is_empty() { b'{' } else { b',' }, b'"'];
        literal.extend_from_slice(key.as_bytes());
        literal.extend_from_slice(b"\":");
        self.parts.push(Part {
            literal,
            slot,
            carried,
            name,
            unread: unread.map(|column| UnreadValue {
                column,
                last: Vec::new(),
                part: 0,
                is_in_cell: false,
            }),
        });
    }

    /// True if no two keys name the same column, by their hashes. Other objects are read by serde,
    /// which rejects a row in which both have a value, or tells the two apart.
    pub(super) fn has_each_name_once(&self) -> bool {
        let mut names: Vec<u64> = self.parts.iter().map(|part| part.name).collect();
        names.sort_unstable();
        names.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// Reads an object into cells, each of which was filled by this template or is missing. Returns the
    /// content of its values that are not read, or 0 if none is wanted, and the columns among theirs whose
    /// values are not those of the object before: only these fill their cells. `None` if the object does
    /// not fit, and the cells are then of no use. The text must be UTF-8 without control characters.
    pub(super) fn read<'a>(
        &mut self,
        object: &'a [u8],
        cells: &mut [Cell<'a>],
        with_content: bool,
    ) -> Option<(u64, ColumnSet)> {
        let mut rest = object;
        let (mut content, mut changed) = (0_u64, ColumnSet::NONE);
        if self.parts.is_empty() || self.has_escapes {
            return None;
        }
        for part in &mut self.parts {
            (_, rest) = rest
                .split_at_checked(part.literal.len())
                .filter(|(literal, _)| same(literal, &part.literal))?;
            if with_content && let Some(unread) = &mut part.unread {
                let (length, value) = unread.take(rest)?;
                // A sum, so that the order of the keys does not matter.
                content = content.wrapping_add(value);
                let (text, behind) = rest.split_at(length);
                rest = behind;
                if let Some(at) = part.carried
                    && !unread.is_in_cell
                {
                    cells[at] = value::carried_cell(text);
                    changed.add(at);
                    unread.is_in_cell = true;
                }
                continue;
            }
            let (text, behind) = rest.split_at(extent(rest)?.length);
            rest = behind;
            if let Some(slot) = part.slot {
                cells[slot] = value::cell_of(text).ok()?;
            } else if let Some(at) = part.carried {
                cells[at] = value::carried_cell(text);
                changed.add(at);
            }
        }
        // Nothing else may follow: a further key, white space and a cut line are left to serde.
        (rest == b"}").then_some((content, changed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dataset::Dataset;
    use crate::model::row::Spelling;

    #[test]
    fn a_key_that_needs_escapes_fits_nothing() {
        for (key, object) in [
            ("a\"b", r#"{"a"b":1}"#),
            ("a\\u006d", r#"{"a\u006d":1}"#),
            ("a\tb", "{\"a\tb\":1}"),
        ] {
            let mut template = Template::default();
            template.push(key, [None; 2], (1, None));
            assert_eq!(template.read(object.as_bytes(), &mut [], true), None);
        }
    }

    #[test]
    fn a_template_fits_what_has_its_keys() {
        let mut template = Template::default();
        template.push("A", [Some(1), None], (1, None));
        template.push(
            "B",
            [None, Some(2)],
            (2, ColumnContent::unread(Dataset::Usage, "B", 0)),
        );
        let mut cells = vec![Cell::Missing; 3];
        let of_b = ColumnSet::from_iter([2]);
        let (number, changed) = template
            .read(br#"{"A":1.50,"B":"x"}"#, &mut cells, true)
            .unwrap();
        assert_eq!(changed, of_b);
        assert_eq!(cells[1].bytes().as_ref(), b"1.50");
        assert_eq!(cells[2], Cell::Written(b"\"x\"", Spelling::Json));
        assert_eq!(
            template.read(br#"{"A":"1.50","B":"x"}"#, &mut cells, true),
            Some((number, ColumnSet::NONE))
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
            Some((0, of_b))
        );
        assert_eq!(cells[1..], [Cell::Missing, Cell::Missing]);
        let object = br#"{"A":1,"B":"y"}"#;
        let filled = Cell::Written(b"\"y\"", Spelling::Json);
        for wanted in [of_b, ColumnSet::NONE] {
            let (_, changed) = template.read(object, &mut cells, true).unwrap();
            assert_eq!(changed, wanted);
            assert_eq!(cells[2], filled);
        }
        // Of the next slice.
        let mut cells = vec![Cell::Missing; 3];
        template.begin_cells();
        let (_, changed) = template.read(object, &mut cells, true).unwrap();
        assert_eq!(changed, of_b);
        assert_eq!(cells[2], filled);
    }
}
