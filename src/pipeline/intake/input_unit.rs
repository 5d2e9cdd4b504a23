//! A file that is read, with the dataset that it holds: the identity under which its rows, its
//! rejections and its line in the manifest are known.

use crate::model::dataset::Dataset;
use crate::sources::files::FileUnit;

/// A file, and what it is read as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputUnit {
    /// Dataset that the file holds.
    pub dataset: Dataset,
    /// Name, path, hash and size of the file.
    pub unit: FileUnit,
    /// ETag of the export that the file belongs to; `None` for files that were not exported.
    pub etag: Option<String>,
}
