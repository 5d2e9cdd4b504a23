//! Sinks: what takes the rows of one dataset in one format.

use std::path::PathBuf;

use super::file::Written;
use crate::model::dataset::Dataset;
use crate::synth::request::SynthError;

/// Sink for the rows of one dataset in one format.
pub(in crate::synth) trait Sink {
    /// Takes the cells of a row, parallel to the dataset's columns.
    fn row(&mut self, cells: &[&str]) -> Result<(), SynthError>;
    /// Completes the files; their number and size.
    fn finish(self: Box<Self>) -> Result<Written, SynthError>;
}

/// Names of the files of a dataset, and contents of their envelopes.
#[derive(Clone)]
pub(in crate::synth) struct Target {
    pub(in crate::synth) dataset: Dataset,
    /// Folder that the files of the format go to.
    pub(in crate::synth) folder: PathBuf,
    pub(in crate::synth) partner_id: String,
    pub(in crate::synth) invoice_number: String,
    /// Id of the export, a GUID.
    pub(in crate::synth) export_id: String,
    /// Month that is billed, as `202610`.
    pub(in crate::synth) month: String,
    /// True if the version of an export is its content.
    pub(in crate::synth) versioned: bool,
}
