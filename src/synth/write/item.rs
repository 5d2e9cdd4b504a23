//! Single rows in the form of the APIs, for the answers that are no files of a dataset.

use super::json::LineItem;
use super::pages::PageItem;
use crate::model::dataset::Dataset;

/// Writer of rows as items of v1 pages, or as lines of v2 exports.
pub(in crate::synth) enum ApiItem {
    V1(PageItem),
    V2(LineItem),
}

impl ApiItem {
    /// Writer of items of v1 pages.
    pub(in crate::synth) fn v1(dataset: Dataset) -> Self {
        Self::V1(PageItem::new(dataset))
    }

    /// Writer of lines of v2 exports.
    pub(in crate::synth) fn v2(dataset: Dataset) -> Self {
        Self::V2(LineItem::new(dataset))
    }

    /// JSON text of a row.
    pub(in crate::synth) fn text(&mut self, cells: &[&str]) -> String {
        let mut out = String::new();
        match self {
            Self::V1(item) => item.push(&mut out, cells),
            Self::V2(item) => item.push(&mut out, cells),
        }
        out
    }
}
