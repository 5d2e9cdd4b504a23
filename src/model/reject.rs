//! Rows that cannot be used: what was found, what was wanted, and where.

use super::dataset::Dataset;

const TEXT_LIMIT: usize = 200;

/// Why a row cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Column at fault; empty where the whole row is.
    pub column: String,
    /// What stands there, cut to 200 characters.
    pub found: String,
    /// What should stand there.
    pub wanted: String,
    /// `found` describes what stands there, and does not cite it.
    pub in_words: bool,
}

impl Rejection {
    /// A rejection for one column's bytes.
    #[must_use]
    pub fn new(column: &str, found: &[u8], wanted: String) -> Self {
        Self {
            column: column.to_owned(),
            found: excerpt(found),
            wanted,
            in_words: false,
        }
    }

    /// A rejection for what has no bytes to cite.
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
    /// What was being read.
    pub dataset: Dataset,
    /// File, or other unit.
    pub unit: String,
    /// Line in it, from 1.
    pub line: u64,
    /// Why.
    pub rejection: Rejection,
    /// The row's text, cut to 200 characters.
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

/// Bytes as printable text of at most 200 characters.
#[must_use]
pub fn excerpt(bytes: &[u8]) -> String {
    // Four bytes is the longest character: enough is kept, and a huge cell is not copied.
    let cut = bytes.get(..TEXT_LIMIT * 4).unwrap_or(bytes);
    let text = String::from_utf8_lossy(cut);
    let mut out: String = text
        .chars()
        .take(TEXT_LIMIT)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(TEXT_LIMIT).is_some() || cut.len() < bytes.len() {
        out.push('…');
    }
    out
}
