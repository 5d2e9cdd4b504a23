//! One reading of one file: what comes of it belongs to the bytes that were read, and is dropped if
//! the file was changed meanwhile.

use std::fs::File;

use crate::pipeline::failure::RunError;
use crate::sources::files::HeldFile;

/// Content that a file must have.
pub(crate) struct ExpectedContent<'e> {
    /// BLAKE3 of the content; `None` where any will do.
    pub(crate) blake3: Option<&'e str>,
    /// The error of a file with another content.
    pub(crate) otherwise: &'e (dyn Fn() -> RunError + Sync),
}

/// Reads a file, and returns what `read` came to with the hash of the file's content. `read` tells
/// that hash, if it read all bytes once and in order; else they are read once more for it.
///
/// # Errors
/// [`RunError::Changed`] for a file that was changed meanwhile, the error of `expected` for one
/// that was changed before, and that of `read`.
pub(crate) fn read_held<T>(
    held: &HeldFile,
    expected: &ExpectedContent<'_>,
    read: impl FnOnce(&File) -> Result<(T, Option<String>), RunError>,
) -> Result<(T, String), RunError> {
    let changed = || RunError::from(held.changed());
    let (before, otherwise): (_, &dyn Fn() -> RunError) = match expected.blake3 {
        Some(blake3) => (Some(blake3.to_owned()), &expected.otherwise),
        None if held.is_settled() => (None, &changed),
        // Its next change may not show in its stamp, but it does in its bytes.
        None => (Some(held.hash()?), &changed),
    };
    let result = read(held.file());
    // First of all: whatever is wrong with bytes that were changed may be wrong for that reason.
    if matches!(result, Ok(_) | Err(RunError::Decode(_))) {
        held.check()?;
    }
    let (value, hash) = match result {
        Ok((value, hash)) => (Ok(value), hash),
        Err(error @ RunError::Decode(_)) if before.is_some() => (Err(error), None),
        Err(error) => return Err(error),
    };
    let found = match hash {
        Some(hash) => hash,
        None => {
            let found = held.hash()?;
            // The bytes must not have changed before this second reading, either.
            held.check()?;
            found
        }
    };
    if before.is_some_and(|before| before != found) {
        return Err(otherwise());
    }
    Ok((value?, found))
}
