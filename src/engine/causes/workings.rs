//! Workings: the arithmetic behind the parts of a variance, in words, for `explain`.

use crate::model::cause::Cause;

/// Arithmetic behind one part of a variance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Working {
    /// Cause that the part is attributed to.
    pub cause: Cause,
    /// Arithmetic of the part, with its numbers.
    pub text: String,
}

/// Collects workings; `None` in a run, where nobody reads them.
pub(super) type Notes<'n> = Option<&'n mut Vec<Working>>;

/// Adds a working. Its text is made only where it is wanted, which is in `explain` only.
pub(super) fn note(notes: &mut Notes<'_>, cause: Cause, text: impl FnOnce() -> String) {
    if let Some(notes) = notes {
        notes.push(Working {
            cause,
            text: text(),
        });
    }
}
