//! The file that a decoder is asked to read.

use std::fs::File;

use crate::model::dataset::Dataset;

/// One file to decode.
#[derive(Clone, Copy, Debug)]
pub struct Input<'i> {
    /// Name of the file in errors and reports, as the user wrote it.
    pub unit: &'i str,
    /// The open file. It is read by position; its own cursor is neither used nor moved. There is no
    /// path: whatever is read again is read of the same file.
    pub file: &'i File,
    /// Dataset whose rows the file should hold; its columns are bound by name.
    pub dataset: Dataset,
}
