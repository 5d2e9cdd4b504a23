//! Reasons why the ledger cannot be read or written, or refuses a change.

use std::path::{Path, PathBuf};

/// Seconds that a command waits for another one that writes.
pub(super) const PATIENCE_SECONDS: u64 = 30;

/// Reason why the ledger is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database refused a step.
    #[error("Cannot {doing} `{}`", .path.display())]
    Storage {
        /// Verb that completes `Cannot … PATH`.
        doing: &'static str,
        /// File of the database.
        path: PathBuf,
        /// Error that SQLite gave.
        #[source]
        source: rusqlite::Error,
    },
    /// A change was made, and its last step failed.
    #[error("`{}` has the change, but it may not outlive a power failure", .path.display())]
    Late {
        /// File of the database.
        path: PathBuf,
        /// Error that SQLite gave.
        #[source]
        source: rusqlite::Error,
    },
    /// Another process writes, and did not end in time.
    #[error("`{}`: found it locked by another command, wanted it free within {seconds} seconds", .path.display())]
    Busy {
        /// File of the database.
        path: PathBuf,
        /// Seconds that were waited.
        seconds: u64,
    },
    /// The file is no ledger, or one that is damaged.
    #[error("`{}`: found {found}, wanted the ledger as it was written", .path.display())]
    Damaged {
        /// File of the database.
        path: PathBuf,
        /// Description of the damage.
        found: String,
    },
    /// A later release wrote the ledger.
    #[error("`{}`: found a ledger of format {found}, wanted {wanted} or earlier", .path.display())]
    Version {
        /// File of the database.
        path: PathBuf,
        /// Format of the file.
        found: i64,
        /// Format of this release.
        wanted: i64,
    },
    /// The ledger belongs to another tenant or service.
    #[error("`{}`: found the ledger of {found}, wanted that of {wanted}", .path.display())]
    Owner {
        /// File of the database.
        path: PathBuf,
        /// Owner of the ledger.
        found: String,
        /// Owner of the run.
        wanted: String,
    },
    /// A change that the ledger's own rules forbid.
    #[error("{what}: found {found}, wanted {wanted}")]
    Refused {
        /// Name of the break, period or run.
        what: String,
        /// Description of what is there.
        found: String,
        /// Description of what the change needs.
        wanted: String,
        /// Advice for the user.
        hint: String,
    },
}

impl LedgerError {
    /// Advice for the user, printed after `hint:`.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Storage { .. } => {
                "check that the folder is writable, has free space and that files may grow (`ulimit -f`)"
            }
            Self::Late { .. } => "check the disk, and look whether the change is there before you repeat it",
            Self::Busy { .. } => "try again when the other command has ended",
            Self::Damaged { .. } => {
                "restore it from a copy. Without one, move it and the link `ledger` away: the next run of \
                 each period begins a new ledger, and what people said of breaks is then only in \
                 `ledger-tables`"
            }
            Self::Version { .. } => "use the release that wrote it, or a later one",
            Self::Owner { .. } => "name another output folder: one ledger is of one tenant",
            Self::Refused { hint, .. } => hint,
        }
        .to_owned()
    }
}

/// The error of `doing` something to the ledger at `path`.
pub(super) fn storage(doing: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> LedgerError {
    let path = path.to_owned();
    move |source| {
        use rusqlite::ErrorCode;
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy {
                path: path.clone(),
                seconds: PATIENCE_SECONDS,
            },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => LedgerError::Damaged {
                path: path.clone(),
                found: format!("`{source}`"),
            },
            _ => LedgerError::Storage {
                doing,
                path: path.clone(),
                source,
            },
        }
    }
}
