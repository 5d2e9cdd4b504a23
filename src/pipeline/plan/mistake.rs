//! A mistake in a pipeline: its place, what was found, what was wanted, and how to put it right.

use std::fmt;

/// One mistake in a pipeline file, or in a flag that overrides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// File and line, or flag: `` `pipelines/x.toml` line 7 ``, `` `--set perod=2026-10` ``.
    pub place: String,
    /// Dotted path of the key at fault; `None` where there is no key, as in a syntax error.
    pub key: Option<String>,
    /// Description of what stands there, literals in backticks.
    pub found: String,
    /// Description of what should stand there.
    pub wanted: String,
    /// Advice for the user.
    pub hint: Option<String>,
}

impl fmt::Display for Mistake {
    /// Writes one line, and a second one with the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if let Some(key) = &self.key {
            write!(f, ", key `{key}`")?;
        }
        write!(f, ": found {}, wanted {}", self.found, self.wanted)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mistake {}
