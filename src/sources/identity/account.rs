//! The partner's account: its tenant, its credentials, and the limits that its requests keep to.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use secrecy::SecretString;

use super::cloud::Addresses;
use crate::sources::failure::FetchError;

/// Place of a secret. It is read each time it is needed, because it may be rotated meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that only its owner may read.
    File(PathBuf),
    /// Name of an environment variable.
    Environment(String),
    /// No secret at all: the sandbox accepts any.
    Rehearsal,
}

/// Proof of an application's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A client secret of the application.
    Secret(SecretSource),
    /// A certificate and its private key, in PEM.
    Certificate(SecretSource),
    /// Workload identity federation: a token in a file that the platform rewrites.
    TokenFile(PathBuf),
}

/// Credential of an application, without a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppCredential {
    /// An application registered in the partner's tenant.
    Application {
        /// Client id of the application.
        client_id: String,
        /// Proof of its identity.
        proof: Proof,
    },
    /// The managed identity of the machine.
    Managed {
        /// Client id of a user-assigned identity; `None` for the machine's own.
        client_id: Option<String>,
    },
}

/// Credential of an application that acts for a user: the secure application model
/// ([endpoints §2](crate::model::domain::endpoints)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCredential {
    /// Client id of the application.
    pub client_id: String,
    /// Proof of the application's identity.
    pub proof: Proof,
    /// The first refresh token; its successors are kept in the state folder.
    pub refresh_token: SecretSource,
}

/// Everything that a fetch needs to know of the partner who fetches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Id or domain of the partner's tenant.
    pub tenant: String,
    /// Addresses of the services.
    pub addresses: Addresses,
    /// Credential for App-only calls and Graph.
    pub app: Option<AppCredential>,
    /// Credential for App+User calls.
    pub user: Option<UserCredential>,
    /// Limits after which a fetch gives up.
    pub patience: RetryPolicy,
    /// Audience of the tokens for exchange rates and price sheets.
    pub sheets_audience: String,
    /// Requests per second, for each API separately.
    pub requests_per_second: NonZeroU32,
    /// Number of requests that are on their way at the same time.
    pub workers: usize,
    /// Longest time between two pieces of a response, in milliseconds.
    pub read_timeout_ms: u64,
    /// Longest time for a page, in milliseconds; a blob gets more by its size.
    pub request_timeout_ms: u64,
}

/// Limits of retries and waiting, for one request and for a whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Retries of one request; it is sent once more than that.
    pub attempts: u32,
    /// First back-off in milliseconds; it doubles with each retry, with jitter.
    pub backoff_ms: u64,
    /// Longest pause in milliseconds, whether computed here or asked for by the server.
    pub longest_pause_ms: u64,
    /// Retries of a whole run after faults, added up over its workers. What informs only has as many
    /// again for itself.
    pub run_retries: u64,
    /// Pauses of a whole run after faults in milliseconds, added up over its workers. What informs
    /// only has as many again for itself.
    pub run_pause_ms: u64,
    /// Polls of data that are not ready yet.
    pub polls: u32,
    /// Longest time in milliseconds that one export is waited for.
    pub export_wait_ms: u64,
    /// Longest time in milliseconds for what informs only, after the rest is done.
    pub informational_ms: u64,
    /// Times that one unit is started over.
    pub restarts: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            backoff_ms: 500,
            longest_pause_ms: 300_000,
            run_retries: 2_000,
            run_pause_ms: 3_600_000,
            polls: 400,
            // Microsoft's own sample ran for 25 minutes.
            export_wait_ms: 4 * 3_600_000,
            informational_ms: 6 * 3_600_000,
            restarts: 3,
        }
    }
}

impl RetryPolicy {
    /// The pauses between the attempts of one request: as many as it has retries.
    #[must_use]
    pub fn pauses(&self) -> ExponentialBackoff {
        let retries = usize::try_from(self.attempts).expect("usize has 32 bits or more");
        ExponentialBuilder::new()
            // A first pause of zero would stay zero, however often it is doubled.
            .with_min_delay(Duration::from_millis(self.backoff_ms.max(1)))
            .with_max_delay(Duration::from_millis(self.longest_pause_ms.max(1)))
            .with_max_times(retries)
            .with_jitter()
            .build()
    }

    /// The pause that a server asks for, cut to the longest one allowed.
    #[must_use]
    pub fn capped(&self, asked: Duration) -> Duration {
        asked.min(Duration::from_millis(self.longest_pause_ms))
    }
}

impl SecretSource {
    /// The place in words, to begin an error with.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::File(path) => format!("The secret file `{}`", path.display()),
            Self::Environment(name) => format!("The environment variable `{name}`"),
            Self::Rehearsal => "The secret of the sandbox".to_owned(),
        }
    }

    /// True if the file exists, or the environment variable is set and not empty.
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

    /// Reads the secret; line breaks at its end are dropped.
    ///
    /// # Errors
    /// [`FetchError::Authentication`] if the secret is missing, empty, or in a file that others can
    /// read.
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
                // Checked before reading: a secret that others can read may be known to them
                // already.
                if let Some(mode) = open_to_others(path) {
                    return Err(wrong(
                        format!("a file that others can read (mode {mode:03o})"),
                        "run `chmod 600` on it",
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
        // Editors end a file with a line break; blanks may belong to the secret.
        let text = text.trim_end_matches(['\r', '\n']);
        // An empty file is one that somebody meant to fill.
        if text.is_empty() {
            Err(wrong("nothing".to_owned(), "write the secret into it"))
        } else {
            Ok(SecretString::from(text))
        }
    }
}

/// The permission bits of a file, if they let anyone but its owner do anything.
#[cfg(unix)]
pub(crate) fn open_to_others(path: &std::path::Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    // Credentials that systemd hands to a service are root's; the service reads them by an access list,
    // whose mask stands where the group's bits stand. Nobody else can enter their folder.
    let of_service = std::env::var_os("CREDENTIALS_DIRECTORY")
        .is_some_and(|folder| path.parent() == Some(std::path::Path::new(&folder)));
    let others = if of_service { 0o007 } else { 0o077 };
    (mode & others != 0).then_some(mode)
}

/// Permissions of other systems are not checked.
#[cfg(not(unix))]
pub(crate) fn open_to_others(_: &std::path::Path) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let policy = RetryPolicy {
            attempts: 4,
            backoff_ms: 100,
            longest_pause_ms: 250,
            ..RetryPolicy::default()
        };
        let pauses: Vec<u128> = policy.pauses().map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses.len(), 4);
        assert!(
            pauses[0] >= 100 && pauses.iter().all(|pause| *pause <= 500),
            "{pauses:?}"
        );
    }
}
