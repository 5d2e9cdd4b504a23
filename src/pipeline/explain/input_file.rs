//! Input files behind a published run: opened once, and refused where they are not the bytes that
//! the run read.

use super::run_folder::is_absent;
use crate::pipeline::failure::RunError;
use crate::sources::files::{FileError, FileUnit, HeldFile};

/// Opens a unit whose bytes are those that the run read.
///
/// # Errors
/// [`RunError::Changed`] for other bytes, [`RunError::NotThere`] for a file that is gone, and
/// [`RunError::File`] for one that cannot be read.
pub(super) fn held_as_read(unit: &FileUnit) -> Result<HeldFile, RunError> {
    let held = HeldFile::open(&unit.path).map_err(|error| not_as_read(unit, error))?;
    // Before it is decoded: an explanation of other bytes would be wrong in silence, and their
    // amounts may be too large for sums that fitted those of the run.
    if held.hash()? == unit.blake3 {
        Ok(held)
    } else {
        Err(changed(unit))
    }
}

/// The error for a unit that is not the bytes that the run read.
pub(super) fn changed(unit: &FileUnit) -> RunError {
    RunError::Changed {
        unit: unit.name.clone(),
    }
}

/// The error for a file that is not there as the run read it.
fn not_as_read(unit: &FileUnit, error: FileError) -> RunError {
    match error {
        FileError::NotAFile { .. } => changed(unit),
        FileError::Unreadable { source, .. } if is_absent(source.kind()) => RunError::NotThere {
            what: format!("`{}`", unit.name),
            found: "no such file".to_owned(),
            wanted: "the file that the run read".to_owned(),
            hint: if unit.path.is_relative() {
                "the path is relative to the folder in which the run was started: explain it there"
            } else {
                "put the file back where the run read it; explanations are made from it"
            }
            .to_owned(),
        },
        error => error.into(),
    }
}
