//! Why a fetch failed, and what a scheduler is told of it.

use std::io;
use std::path::PathBuf;

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A credential is missing or refused, or a permission is missing.
    #[error("{what}: found {found}, wanted {wanted}")]
    Authentication {
        /// What was asked for.
        what: String,
        /// What came.
        found: String,
        /// What should be.
        wanted: String,
        /// What to do.
        hint: String,
    },
    /// The remote does not answer, or asks for patience beyond the budget.
    #[error("{what}: found {found}, wanted an answer within the budget of {budget}")]
    Remote {
        /// What was asked for.
        what: String,
        /// What came, the last time.
        found: String,
        /// The budget that is used up.
        budget: String,
    },
    /// One request is refused for good; others may go on.
    #[error("{what}: found {found}, wanted data")]
    Refused {
        /// What was asked for.
        what: String,
        /// Status, code, message and correlation id.
        found: String,
        /// The HTTP status.
        status: u16,
        /// The code in the body, if any.
        code: String,
    },
    /// A unit cannot prove that it is complete.
    #[error("{what}: found {found}, wanted {wanted}")]
    Incomplete {
        /// The unit.
        what: String,
        /// What came.
        found: String,
        /// What should be.
        wanted: String,
    },
    /// An answer would lead a token or a signature elsewhere.
    #[error("{what}: found {found}, wanted {wanted}")]
    Security {
        /// What led there.
        what: String,
        /// Where to.
        found: String,
        /// Where it may lead.
        wanted: String,
    },
    /// The state folder holds other bytes than were landed.
    #[error("`{}`: found {found}, wanted the bytes that were landed", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// The disk or its folder.
    #[error("Cannot {doing} `{}`", .path.display())]
    Storage {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another fetch is at work.
    #[error("`{}`: found it locked by {holder}, wanted no other fetch", .path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
        /// Who holds it, as they wrote.
        holder: String,
    },
    /// No client or runtime could be made.
    #[error("Cannot start {what}")]
    Start {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A signal came.
    #[error(
        "Stopped by signal {signal}: what was landed stays, and the next fetch goes on from there"
    )]
    Interrupted {
        /// Its number.
        signal: u8,
    },
}

/// A storage error of `doing` something at `path`.
pub(super) fn storage(
    doing: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(io::Error) -> FetchError {
    move |source| FetchError::Storage {
        doing,
        path: path.to_owned(),
        source,
    }
}

impl FetchError {
    /// Whether the other units may go on.
    #[must_use]
    pub fn is_of_one_unit(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Incomplete { .. })
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Authentication { hint, .. } => return Some(hint.clone()),
            Self::Remote { .. } => {
                "run it again later: what was landed stays, and the fetch goes on from there"
            }
            Self::Refused { status: 403, .. } => "`tieout doctor` says which permission is missing",
            Self::Refused { .. } | Self::Incomplete { .. } => {
                "run it again later; `--verbose` shows each request"
            }
            Self::Security { .. } => {
                "no token was sent there; if the address is right, tell us: the list of hosts is in `sources/cloud`"
            }
            Self::Damaged { .. } => "remove the file: the next fetch gets it again",
            Self::Storage { .. } => "check that the folder exists, is writable, and has room",
            Self::Locked { .. } => {
                "wait for it to end; a lock file alone, without its process, locks nothing"
            }
            Self::Start { .. } | Self::Interrupted { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
