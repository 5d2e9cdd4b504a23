//! Reasons why a fetch fails, each with its message and hint. `pipeline` turns them into exit
//! codes: which unit or credential is concerned is in the text, what a scheduler may do is in the
//! variant.

use std::io;
use std::path::{Path, PathBuf};

/// What a unit that is not complete lacks: who can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// Data that the service does not give, or not whole: time, or Microsoft.
    Data,
    /// An answer of the service: time.
    Service,
    /// A credential or a permission: the partner's administrator.
    Permission,
}

/// Reason why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A credential or a permission is missing or refused.
    #[error("{what}: found {found}, wanted {wanted}")]
    Authentication {
        /// Name of what was asked for.
        what: String,
        /// The response, or the state of the credential, in words.
        found: String,
        /// The expected state, in words.
        wanted: String,
        /// Advice for the operator.
        hint: String,
    },
    /// The server does not answer, or asks for more patience than the budget allows.
    #[error("{what}: found {found}, wanted a response within {budget}")]
    Remote {
        /// Name of what was asked for.
        what: String,
        /// The last failure, in words.
        found: String,
        /// The budget that is used up.
        budget: String,
    },
    /// One request is refused for good; others may go on.
    #[error("{what}: found {found}, wanted data")]
    Refused {
        /// Name of what was asked for.
        what: String,
        /// Status, code, message and correlation id.
        found: String,
        /// HTTP status of the response.
        status: u16,
        /// Code in the body; empty if there is none.
        code: String,
    },
    /// A unit cannot be proved complete.
    #[error("{what}: found {found}, wanted {wanted}")]
    Incomplete {
        /// Name of the unit.
        what: String,
        /// The response, in words.
        found: String,
        /// The expected response, in words.
        wanted: String,
    },
    /// Units that a close needs are not complete; the reason is that of the worst of them.
    #[error("{reason}")]
    Lacking {
        /// What the worst of them lacks.
        lack: Lack,
        /// Reason in the words of the unit.
        reason: String,
    },
    /// A response would lead a token or a signature elsewhere.
    #[error("{what}: found {found}, wanted {wanted}")]
    Security {
        /// The response that leads there.
        what: String,
        /// The address it leads to.
        found: String,
        /// The addresses that are allowed.
        wanted: String,
    },
    /// The state folder contains other bytes than were downloaded.
    #[error("`{}`: found {found}, wanted the bytes as downloaded", .path.display())]
    Damaged {
        /// Path of the damaged file.
        path: PathBuf,
        /// The damage, in words.
        found: String,
    },
    /// The state folder belongs to another tenant, cloud or host, or to a newer release.
    #[error("{what}: found {found}, wanted {wanted}")]
    State {
        /// The file that tells it.
        what: String,
        /// The owner or the state that was found, in words.
        found: String,
        /// The expected one, in words.
        wanted: String,
        /// Advice for the operator.
        hint: String,
    },
    /// The file system refused something.
    #[error("Cannot {doing} `{}`", .path.display())]
    Storage {
        /// The operation, as a verb phrase.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Error of the system.
        #[source]
        source: io::Error,
    },
    /// Another fetch is using the state folder.
    #[error("`{}`: found it locked by {holder}, wanted no other fetch", .path.display())]
    Locked {
        /// Path of the lock file.
        path: PathBuf,
        /// The process that holds it, in its own words.
        holder: String,
    },
    /// A client or a worker could not be started.
    #[error("Cannot start {what}")]
    Start {
        /// Name of the component.
        what: &'static str,
        /// Error of the component.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The process was told to stop.
    #[error(
        "Stopped by signal {signal}; what was downloaded is kept, and the next fetch continues from there"
    )]
    Interrupted {
        /// Number of the signal.
        signal: u8,
    },
}

/// The storage error of `doing` something to `path`.
pub(super) fn storage(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    move |source| FetchError::Storage {
        doing,
        path: path.to_owned(),
        source,
    }
}

impl FetchError {
    /// True if only the unit is concerned that was asked for, or the units of one credential: the
    /// others go on.
    #[must_use]
    pub fn is_of_one_unit(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::Incomplete { .. }
                | Self::Remote { .. }
                | Self::Authentication { .. }
        )
    }

    /// What is lacking, for an error of one unit.
    #[must_use]
    pub(crate) fn lack(&self) -> Lack {
        match self {
            Self::Authentication { .. }
            | Self::Refused {
                status: 401 | 403, ..
            } => Lack::Permission,
            Self::Remote { .. } => Lack::Service,
            Self::Lacking { lack, .. } => *lack,
            _ => Lack::Data,
        }
    }

    /// Advice for the operator, if there is any.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Authentication { hint, .. } | Self::State { hint, .. } => {
                return Some(hint.clone());
            }
            Self::Remote { .. } => {
                "run it again later; what was downloaded is kept, and the next fetch continues from there"
            }
            Self::Refused { status: 403, .. }
            | Self::Lacking {
                lack: Lack::Permission,
                ..
            } => "`tieout doctor` tells which permission is missing, and what it costs",
            Self::Refused { .. } | Self::Incomplete { .. } | Self::Lacking { .. } => {
                "run it again later; `--verbose` shows each request"
            }
            Self::Security { .. } => {
                "no token was sent there. If the address is right, report it: it is missing from the list of hosts in `src/sources/identity/cloud.rs`"
            }
            Self::Damaged { .. } => "remove the file; the next fetch downloads it again",
            Self::Storage { .. } => "check that the folder exists, is writable and has free space",
            Self::Locked { .. } => {
                "wait for it to end; a lock file whose process is gone does no harm"
            }
            Self::Start { .. } | Self::Interrupted { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
