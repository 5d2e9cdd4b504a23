//! Reasons why a run could not be published, or not quite.

use std::io;
use std::path::{Path, PathBuf};

/// Reason why nothing was published; [`PublishError::Late`] is the one exception.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The system refused a step on a file or folder.
    #[error("Cannot {doing} `{}`", .path.display())]
    Storage {
        /// Verb that completes `Cannot … PATH`.
        doing: &'static str,
        /// File or folder of the step.
        path: PathBuf,
        /// Error of the system.
        #[source]
        source: io::Error,
    },
    /// An entry of the output folder is a link or of another kind: following it would write
    /// elsewhere, and replacing it would destroy what is not ours.
    #[error("`{}`: found {found}, wanted {wanted}", .path.display())]
    Kind {
        /// Path of the entry.
        path: PathBuf,
        /// Description of what it is.
        found: String,
        /// Description of what it should be.
        wanted: &'static str,
    },
    /// Another process publishes into the folder.
    #[error("`{}`: found it locked by {holder}, wanted no other run", .path.display())]
    Locked {
        /// Path of the lock file.
        path: PathBuf,
        /// Name of the holder, as it wrote it into the lock file.
        holder: String,
    },
    /// A run of the same inputs is published already, with different bytes.
    #[error("`{}`: found a `{file}` that differs from what this run made from the same inputs, wanted identical bytes", .path.display())]
    Changed {
        /// Folder of the published run.
        path: PathBuf,
        /// Name of the first file that differs.
        file: String,
    },
    /// The run that `current` points at is no longer what was published.
    #[error("`{}`: found {found}, wanted it as it was published", .path.display())]
    Damaged {
        /// The file or folder at fault.
        path: PathBuf,
        /// Description of the damage.
        found: String,
    },
    /// A step failed when the run was in its folder already.
    #[error(
        "The run is complete in `{}`, {}",
        .run.display(),
        if *.is_current { "and `current` points at it; but it may not outlive a power failure" }
        else { "but `current` does not point at it yet" }
    )]
    Late {
        /// Folder of the run.
        run: PathBuf,
        /// True if `current` points at the run, so that readers see it.
        is_current: bool,
        /// The step that failed.
        #[source]
        source: Box<PublishError>,
    },
}

/// The storage error of `doing` something to `path`.
pub(super) fn storage(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PublishError {
    move |source| PublishError::Storage {
        doing,
        path: path.to_owned(),
        source,
    }
}
