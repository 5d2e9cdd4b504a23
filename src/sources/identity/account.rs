//! Who asks: the partner's tenant, its credentials, and how patient the asking is.

use std::num::NonZeroU32;
use std::path::PathBuf;

use secrecy::SecretString;

use super::cloud::Addresses;
use crate::sources::failure::FetchError;
use crate::sources::wire::retry::Patience;

/// Where a secret is read, each time anew: it may be rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that only its owner may read.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// None is needed: a sandbox is asked.
    Rehearsal,
}

/// How an application proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A client secret.
    Secret(SecretSource),
    /// A certificate and its private key, in PEM.
    Certificate(SecretSource),
    /// Workload identity federation: a token in a file that the platform rewrites.
    TokenFile(PathBuf),
}

/// An application's credential, without a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppCredential {
    /// A registered application.
    Application {
        /// Its id.
        client_id: String,
        /// Its proof.
        proof: Proof,
    },
    /// The managed identity of the machine.
    Managed {
        /// Of a user-assigned one, its client id.
        client_id: Option<String>,
    },
}

/// An application with a user behind it: the secure application model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCredential {
    /// The application's id.
    pub client_id: String,
    /// Its proof.
    pub proof: Proof,
    /// The first refresh token; the newest one is kept in the state folder.
    pub refresh_token: SecretSource,
}

/// All that a fetch needs to know of the one who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The partner's tenant.
    pub tenant: String,
    /// Whom to ask.
    pub addresses: Addresses,
    /// For App-only calls and Graph.
    pub app: Option<AppCredential>,
    /// For App+User calls.
    pub user: Option<UserCredential>,
    /// When to give up.
    pub patience: Patience,
    /// Requests a second, for each API.
    pub requests_per_second: NonZeroU32,
    /// Requests at once.
    pub workers: usize,
    /// Longest time between two pieces of an answer.
    pub read_timeout_ms: u64,
    /// Longest time for a page; a blob gets more by its size.
    pub request_timeout_ms: u64,
}

impl SecretSource {
    /// Where it is, for an error.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::File(path) => format!("the secret file `{}`", path.display()),
            Self::Environment(name) => format!("the environment variable `{name}`"),
            Self::Rehearsal => "the rehearsal's secret".to_owned(),
        }
    }

    /// Whether there is something to be read.
    #[must_use]
    pub fn is_there(&self) -> bool {
        match self {
            Self::File(path) => path.exists(),
            Self::Environment(name) => {
                std::env::var_os(name).is_some_and(|value| !value.is_empty())
            }
            Self::Rehearsal => true,
        }
    }

    /// The secret, without a line end behind it.
    ///
    /// # Errors
    /// [`FetchError::Authentication`] where it is missing, empty, or a file that others may read.
    pub fn read(&self) -> Result<SecretString, FetchError> {
        let wrong = |found: String, hint: &str| FetchError::Authentication {
            what: self.place(),
            found,
            wanted: "a secret".to_owned(),
            hint: hint.to_owned(),
        };
        let text = match self {
            Self::Rehearsal => "rehearsal".to_owned(),
            Self::Environment(name) => std::env::var(name)
                .map_err(|_| wrong("nothing".to_owned(), "set it for this process"))?,
            Self::File(path) => {
                if let Some(mode) = open_to_others(path) {
                    return Err(wrong(
                        format!("a file that others may read (mode {mode:03o})"),
                        "chmod 600",
                    ));
                }
                std::fs::read_to_string(path).map_err(|error| {
                    wrong(
                        format!("an error: {error}"),
                        "check the path and its permissions",
                    )
                })?
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            Err(wrong("nothing".to_owned(), "put the secret there"))
        } else {
            Ok(SecretString::from(text))
        }
    }
}

#[cfg(unix)]
fn open_to_others(path: &std::path::Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_to_others(_: &std::path::Path) -> Option<u32> {
    None
}
