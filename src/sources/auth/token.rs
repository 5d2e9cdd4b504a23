//! A token in use, and the error of a credential that yields none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use crate::sources::failure::FetchError;

/// Time before its end from which a token is not used any more; half of its life if it is shorter
/// than two minutes.
const EARLY: Duration = Duration::from_secs(60);

/// An access token in use. Clones share the secret, so that two of them can be told to be one.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) secret: Arc<SecretString>,
    good_until: Instant,
}

impl Token {
    /// A token that the server declares good for `good_for`; `what` names it in the error.
    ///
    /// # Errors
    /// [`FetchError::Authentication`] if the token cannot stand in a header.
    pub(super) fn new(
        what: &str,
        secret: SecretString,
        good_for: Duration,
    ) -> Result<Self, FetchError> {
        if HeaderValue::from_str(secret.expose_secret()).is_err() {
            return Err(missing(what, "the token has characters that HTTP forbids"));
        }
        // A token of one second, as the sandbox can issue it, is used for half of its life.
        let early = EARLY.min(good_for / 2);
        let now = Instant::now();
        Ok(Self {
            secret: Arc::new(secret),
            // An end beyond what the clock can hold is not believed: the token is used once.
            good_until: now
                .checked_add(good_for.saturating_sub(early))
                .unwrap_or(now),
        })
    }

    /// True if the token can be used for a while.
    pub(super) fn is_good(&self) -> bool {
        self.good_until > Instant::now()
    }

    /// True if both are the token of one response.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.secret, &other.secret)
    }
}

/// The error of a credential that is missing or yields no token.
pub(super) fn missing(what: &str, hint: &str) -> FetchError {
    FetchError::Authentication {
        what: what.to_owned(),
        found: "no usable credential".to_owned(),
        wanted: "a token".to_owned(),
        hint: hint.to_owned(),
    }
}

/// A token that is not to be had, as the error that says so: kept, because every unit that needs the
/// token fails with it.
#[derive(Clone, Debug)]
pub(super) enum Unavailable {
    /// The credential is refused.
    Refused([String; 4]),
    /// The service does not answer.
    Unanswered([String; 3]),
}

impl Unavailable {
    /// What an error says of a token.
    pub(super) fn of(error: &FetchError) -> Self {
        let text = |text: &String| text.clone();
        match error {
            FetchError::Authentication {
                what,
                found,
                wanted,
                hint,
            } => Self::Refused([what, found, wanted, hint].map(text)),
            FetchError::Remote {
                what,
                found,
                budget,
            } => Self::Unanswered([what, found, budget].map(text)),
            other => Self::Unanswered([
                "A token".to_owned(),
                other.to_string(),
                "one request".to_owned(),
            ]),
        }
    }

    /// The error, once more.
    pub(super) fn error(&self) -> FetchError {
        match self.clone() {
            Self::Refused([what, found, wanted, hint]) => FetchError::Authentication {
                what,
                found,
                wanted,
                hint,
            },
            Self::Unanswered([what, found, budget]) => FetchError::Remote {
                what,
                found,
                budget,
            },
        }
    }
}
