//! A fetch at work, as pages and exports see it: the client, its tokens, the state folder, and
//! today's date. The units that are wanted are not known here; `fetch` plans them.

use std::sync::Arc;

use super::auth::{TokenKind, Tokens};
use super::failure::FetchError;
use super::identity::account::Account;
use super::identity::cloud::Addresses;
use super::landing::Landing;
use super::wire::http::Http;
use super::wire::message::{ApiRequest, ApiResponse};
use crate::progress::reporting::Progress;

/// Everything that the units of one fetch share.
#[derive(Debug)]
pub(crate) struct Session {
    /// The client with its budgets.
    pub(crate) http: Http,
    /// The tokens of the account.
    pub(crate) tokens: Tokens,
    /// The state folder, to which everything is stored.
    pub(crate) landing: Arc<Landing>,
    /// Today, UTC, as `2026-11-21`.
    pub(crate) today: String,
}

impl Session {
    /// A session of an account.
    ///
    /// # Errors
    /// [`FetchError::Start`] if TLS cannot be set up.
    pub(crate) fn new(
        account: &Account,
        landing: Arc<Landing>,
        today: &str,
        progress: Progress,
    ) -> Result<Self, FetchError> {
        Ok(Self {
            tokens: Tokens::new(account, landing.credentials()),
            http: Http::new(account, progress)?,
            landing,
            today: today.to_owned(),
        })
    }

    /// Addresses of the services.
    #[must_use]
    pub(crate) fn addresses(&self) -> &Addresses {
        &self.tokens.account().addresses
    }

    /// Sends a request with a token until it is answered.
    ///
    /// # Errors
    /// [`FetchError`] if there is no token, the request is refused, or a budget is used up.
    pub(crate) async fn ask(
        &self,
        kind: TokenKind,
        ask: &ApiRequest<'_>,
    ) -> Result<ApiResponse, FetchError> {
        self.tokens.ask(&self.http, kind, ask).await
    }
}
