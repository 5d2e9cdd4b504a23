//! The file that a decoder is asked to read.

use std::path::Path;

use crate::model::dataset::Dataset;

/// One file to decode.
#[derive(Clone, Copy, Debug)]
pub struct Input<'i> {
    /// Name of the file in errors and reports, as the user wrote it.
    pub unit: &'i str,
    /// Path by which the file is opened.
    pub path: &'i Path,
    /// Dataset whose rows the file should hold; its columns are bound by name.
    pub dataset: Dataset,
}
