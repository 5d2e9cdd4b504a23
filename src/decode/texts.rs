//! Cells of a row as its source has them, under the source's own headings: those of columns that are
//! not read, too. For people who are shown a row; nothing is counted from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::csv::rows;
use super::failure::DecodeError;
use super::input::Input;
use super::open::{self, Opened};

/// Heading and text of each cell of a row.
pub type NamedCells = Vec<(Arc<str>, Box<str>)>;

/// Headings of a CSV file; `None` of a file in another format, whose rows name their cells.
///
/// # Errors
/// [`DecodeError`] when the file cannot be used as a whole.
pub fn headings(input: Input<'_>) -> Result<Option<Arc<[Arc<str>]>>, DecodeError> {
    let (_, opened) = open::open(input.unit, input.file, None)?;
    let Opened::Csv(stream) = opened else {
        return Ok(None);
    };
    let headings = rows::headings(input, stream)?;
    Ok(Some(headings.into_iter().map(Arc::from).collect()))
}

/// Cells of a row by its text: of CSV under the file's headings, of JSON the members of its object.
/// None for a format that has no text.
#[must_use]
pub fn named_cells(headings: Option<&[Arc<str>]>, text: &[u8]) -> NamedCells {
    match headings {
        Some(headings) => {
            let cells = rows::cells_of(text).into_iter().map(String::into_boxed_str);
            headings.iter().cloned().zip(cells).collect()
        }
        None => members(text).unwrap_or_default(),
    }
}

/// Members of a JSON object, by their names; numbers with all of their digits. `None` for other text.
fn members(text: &[u8]) -> Option<NamedCells> {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(text).ok()?;
    let members = members.into_iter().map(|(name, value)| {
        let raw = value.get();
        let text = match raw {
            "null" => String::new(),
            // A member that is no text is told as it is written.
            raw => serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()),
        };
        (Arc::from(name), text.into_boxed_str())
    });
    Some(members.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_both_formats_keep_their_text() {
        let headings: Vec<Arc<str>> = ["A", "B"].map(Arc::from).to_vec();
        let cells = named_cells(Some(&headings), b"\"a, \"\"b\"\"\",0.10\r\n");
        let found: Vec<_> = cells
            .iter()
            .map(|(name, text)| (&**name, &**text))
            .collect();
        assert_eq!(found, [("A", "a, \"b\""), ("B", "0.10")]);
        let text = r#"{"b":0.100000000000000000001,"a":"x\ny","c":null,"d":{"e":1}}"#;
        let cells = named_cells(None, text.as_bytes());
        let found: Vec<_> = cells
            .iter()
            .map(|(name, text)| (&**name, &**text))
            .collect();
        let wanted = [
            ("a", "x\ny"),
            ("b", "0.100000000000000000001"),
            ("c", ""),
            ("d", "{\"e\":1}"),
        ];
        assert_eq!(found, wanted);
        assert!(named_cells(None, b"").is_empty());
    }
}
