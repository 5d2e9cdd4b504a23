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

/// Choice of the columns that are handed over in the cells of a row.
#[derive(Clone, Copy, Debug, Default)]
pub struct ColumnChoice<'c> {
    /// Positions of the columns that are read; `None` for all that the dataset reads.
    pub read: Option<&'c [usize]>,
    /// Positions of columns that are not read, but handed over all the same. They count for the
    /// content of a row as they do where they are not handed over.
    pub carried: &'c [usize],
}

impl ColumnChoice<'_> {
    /// True if a column that the dataset reads is read.
    pub(super) fn reads(&self, column: usize) -> bool {
        self.read.is_none_or(|read| read.contains(&column))
    }

    /// True if a column that is not read is handed over.
    pub(super) fn carries(&self, column: usize) -> bool {
        self.carried.contains(&column)
    }

    /// True if all columns count: only then has a row a content, and a file a hash.
    pub(super) const fn is_whole(&self) -> bool {
        self.read.is_none()
    }
}
