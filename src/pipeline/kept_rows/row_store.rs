//! The kept rows of an output folder: files by their hash, and what each holds.

use std::sync::Arc;

use super::row_layout::RowLayout;
use super::row_sink::KeptUnit;
use super::row_sums::UnitFile;
use super::unit_rows::UnitRows;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::reports::kept_files::{KeptFile, KeptFiles};

/// Where the rows of all units are kept.
#[derive(Debug)]
pub(crate) struct RowStore {
    files: KeptFiles,
    usage: Arc<RowLayout>,
    lines: Arc<RowLayout>,
}

impl RowStore {
    /// Store of rows in these files.
    pub(crate) fn new(files: KeptFiles) -> Self {
        let layout = |dataset| Arc::new(RowLayout::of(dataset).expect("its rows are kept"));
        Self {
            files,
            usage: layout(Dataset::Usage),
            lines: layout(Dataset::InvoiceLines),
        }
    }

    /// Layout of the rows of a dataset; `None` for one whose rows are not kept.
    fn layout(&self, dataset: Dataset) -> Option<&Arc<RowLayout>> {
        match dataset {
            Dataset::Usage => Some(&self.usage),
            Dataset::InvoiceLines => Some(&self.lines),
            Dataset::Invoices | Dataset::UnbilledUsage => None,
        }
    }

    /// A file for the rows of a unit; `None` for a dataset whose rows are not kept.
    ///
    /// # Errors
    /// [`RunError::Publish`] if it cannot be created.
    pub(crate) fn begin(&self, dataset: Dataset) -> Result<Option<KeptUnit>, RunError> {
        let Some(layout) = self.layout(dataset) else {
            return Ok(None);
        };
        Ok(Some(KeptUnit {
            layout: Arc::clone(layout),
            to: Arc::new(UnitRows::begin(Arc::clone(layout), self.files.clone())?),
        }))
    }

    /// True if a reading of a dataset has the rows that it should have: none, or those in `unit`, where
    /// they were kept.
    pub(crate) fn is_complete(&self, dataset: Dataset, unit: Option<&UnitFile>) -> bool {
        let is_there = |unit: &UnitFile| {
            self.files.is_there(&KeptFile {
                blake3: unit.blake3.clone(),
                bytes: unit.bytes,
            })
        };
        self.layout(dataset).is_none() || unit.is_some_and(is_there)
    }
}
