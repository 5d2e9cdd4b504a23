//! The error of a file that cannot be used as a whole: place, what was found, what was wanted, and
//! a hint. A single row that cannot be used is not an error but a
//! [`Rejection`](crate::model::reject::Rejection), and the rest of its file is read.

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: found {found}, wanted {wanted}", place(unit, *line))]
pub struct DecodeError {
    /// Name of the file, as the user wrote it.
    pub unit: String,
    /// Line of the fault, from 1; `None` where the fault is that of the whole file.
    pub line: Option<u64>,
    /// Description of what stands there, or its text in backticks.
    pub found: String,
    /// Description of what should stand there.
    pub wanted: String,
    /// Advice to the user, without a full stop.
    pub hint: String,
    /// True if the file was cut off or damaged in transfer; false if it is the wrong file.
    pub damaged: bool,
}

impl DecodeError {
    /// The error of a file that is whole, but not one that tieout can use here.
    pub(super) fn wrong(
        unit: &str,
        found: impl Into<String>,
        wanted: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            unit: unit.to_owned(),
            line: None,
            found: found.into(),
            wanted: wanted.into(),
            hint: hint.into(),
            damaged: false,
        }
    }

    /// The error of a file that was cut off or damaged, so that another download may be whole.
    pub(super) fn damaged(unit: &str, found: impl Into<String>, wanted: impl Into<String>) -> Self {
        let hint = "download the file again; it was cut off or damaged in transfer";
        Self {
            damaged: true,
            ..Self::wrong(unit, found, wanted, hint)
        }
    }

    /// This error with the line of its fault, from 1.
    pub(super) fn at_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }
}

fn place(unit: &str, line: Option<u64>) -> String {
    match line {
        Some(line) => format!("`{unit}` line {line}"),
        None => format!("`{unit}`"),
    }
}
