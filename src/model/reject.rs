//! Rows that cannot be used: what was found, what was wanted, and where.
//!
//! Wrong data never becomes an `Err` of the run: it becomes a row of `rejected_rows`, counted by
//! the conservation laws. Everything cited from the input is cut and made printable here, so that a
//! huge or binary cell can reach no report.

use super::dataset::Dataset;

/// Characters that are kept of a cell or a row.
const TEXT_LIMIT: usize = 200;

/// Why a row cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Column at fault; empty where the whole row is.
    pub column: String,
    /// Text of the cell, cut to 200 characters, or a description of it.
    pub found: String,
    /// Description of a right value, with an example where there is one.
    pub wanted: String,
    /// True if `found` describes the cell instead of citing it, and is shown without backticks.
    pub in_words: bool,
}

impl Rejection {
    /// Rejection that cites the bytes of one column.
    #[must_use]
    pub fn new(column: &str, found: &[u8], wanted: String) -> Self {
        Self {
            column: column.to_owned(),
            found: excerpt(found),
            wanted,
            in_words: false,
        }
    }

    /// Rejection that describes what was found, where there are no bytes to cite.
    #[must_use]
    pub fn in_words(column: &str, found: &str, wanted: String) -> Self {
        Self {
            column: column.to_owned(),
            found: found.to_owned(),
            wanted,
            in_words: true,
        }
    }
}

/// A rejected row at its place: a row of `rejected_rows`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// Dataset that was being read.
    pub dataset: Dataset,
    /// Name of the file, or of the fetched unit.
    pub unit: String,
    /// Line in the unit, from 1; of Parquet the row.
    pub line: u64,
    /// Column at fault, and what was wrong with it.
    pub rejection: Rejection,
    /// Text of the row, cut to 200 characters; empty for formats without any.
    pub text: String,
}

impl std::fmt::Display for RejectedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Rejection {
            column,
            found,
            wanted,
            in_words,
        } = &self.rejection;
        write!(f, "`{}` line {}", self.unit, self.line)?;
        if !column.is_empty() {
            write!(f, ", column `{column}`")?;
        }
        let quote = if *in_words { "" } else { "`" };
        write!(f, ": found {quote}{found}{quote}, wanted {wanted}")
    }
}

/// Bytes as printable text of at most 200 characters; control characters become U+FFFD, and `…`
/// marks a cut.
#[must_use]
pub fn excerpt(bytes: &[u8]) -> String {
    // No character is longer than four bytes: enough is kept, and a huge cell is not copied.
    let cut = &bytes[..bytes.len().min(TEXT_LIMIT * 4)];
    let text = String::from_utf8_lossy(cut);
    let mut out: String = text
        .chars()
        .take(TEXT_LIMIT)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    // Either the text had more characters, or bytes were left out before it was looked at.
    if text.chars().nth(TEXT_LIMIT).is_some() || cut.len() < bytes.len() {
        out.push('…');
    }
    out
}
