//! A file that is read, with the dataset that it holds: the identity under which its rows, its
//! rejections and its line in the manifest are known.

use std::path::Path;

use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::sources::failure::FetchError;
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

/// The error of a downloaded file that holds other bytes than its hash in the journal says.
pub(crate) fn damaged(path: &Path) -> RunError {
    let damaged = FetchError::Damaged {
        path: path.to_owned(),
        found: "other bytes".to_owned(),
    };
    damaged.into()
}
