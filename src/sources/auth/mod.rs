//! Tokens of a run: one for each kind, requested once however many workers want it, and renewed
//! when it is about to end or is refused. All requests that need a token go through
//! `Tokens::ask`; the requests for tokens themselves are in `grant`.

mod token;

pub(crate) mod store;

pub(crate) mod assertion;

mod managed;

mod grant;

use std::path::PathBuf;

use tokio::sync::Mutex;

use self::grant::Granting;
pub use self::grant::TokenKind;
use self::token::Token;
use crate::sources::failure::FetchError;
use crate::sources::identity::account::Account;
use crate::sources::wire::attempts::{Attempts, Outcome};
use crate::sources::wire::error_body::unauthorized;
use crate::sources::wire::http::Http;
use crate::sources::wire::message::{ApiRequest, ApiResponse};

/// The tokens of a run.
#[derive(Debug)]
pub struct Tokens {
    account: Account,
    /// Folder in which rotated refresh tokens are kept.
    folder: PathBuf,
    /// The current token of each kind, in the order of [`TokenKind`]. The lock is held while a
    /// token is requested, so that workers wait for one request instead of sending their own.
    slots: [Mutex<Option<Token>>; 3],
}

impl Tokens {
    /// Tokens for an account; rotated refresh tokens are kept in `folder`.
    #[must_use]
    pub fn new(account: &Account, folder: PathBuf) -> Self {
        Self {
            account: account.clone(),
            folder,
            slots: std::array::from_fn(|_| Mutex::new(None)),
        }
    }

    /// The account to which the tokens belong.
    #[must_use]
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// The kind of token for an endpoint: the user's if it must be, or if there is no application.
    #[must_use]
    pub(crate) fn kind_for(&self, user_only: bool) -> TokenKind {
        if user_only || self.account.app.is_none() {
            TokenKind::User
        } else {
            TokenKind::App
        }
    }

    /// Sends a request with a token until it is answered. A refused token is renewed once.
    ///
    /// # Errors
    /// [`FetchError`] if there is no token, the request is refused, or a budget is used up.
    pub(crate) async fn ask(
        &self,
        http: &Http,
        kind: TokenKind,
        ask: &ApiRequest<'_>,
    ) -> Result<ApiResponse, FetchError> {
        let mut attempts = Attempts::new(http, ask);
        let mut is_renewed = false;
        loop {
            attempts.turn().await;
            // Per attempt: a token may have expired during the pause before it.
            let token = self.get(http, kind).await?;
            match attempts.send(Some(&token.secret)).await? {
                Outcome::Answered(reply) => return Ok(reply),
                // A second refusal is not about the token's age.
                Outcome::Unauthorized(reply) if is_renewed => {
                    return Err(unauthorized(ask.what, &reply));
                }
                Outcome::Unauthorized(_) => {
                    is_renewed = true;
                    self.renew(http, kind, &token).await?;
                }
                Outcome::Again => {}
            }
        }
    }

    /// A token that is good for a while. Whoever comes while it is requested waits for it.
    async fn get(&self, http: &Http, kind: TokenKind) -> Result<Token, FetchError> {
        let mut slot = self.slots[kind as usize].lock().await;
        if let Some(token) = slot.as_ref().filter(|token| token.is_good()) {
            return Ok(token.clone());
        }
        let token = self.granting(http).token(kind).await?;
        *slot = Some(token.clone());
        Ok(token)
    }

    /// Replaces a token that was refused, unless another worker has replaced it already.
    async fn renew(&self, http: &Http, kind: TokenKind, refused: &Token) -> Result<(), FetchError> {
        let mut slot = self.slots[kind as usize].lock().await;
        // All workers are refused at once; the first of them renews for all.
        if slot.as_ref().is_some_and(|token| token.is_same(refused)) {
            http.progress
                .detail(|| format!("the token for {kind} was refused; requesting a new one"));
            // If the request fails, the refused token must not be used again.
            *slot = None;
            *slot = Some(self.granting(http).token(kind).await?);
        }
        Ok(())
    }

    fn granting<'t>(&'t self, http: &'t Http) -> Granting<'t> {
        Granting {
            http,
            account: &self.account,
            folder: &self.folder,
        }
    }
}
