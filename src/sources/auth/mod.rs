//! Tokens of a run: one for each kind, requested once however many workers want it, and renewed
//! when it is about to end or is refused. All requests that need a token go through
//! `Tokens::ask`; the requests for tokens themselves are in `grant`.

mod token;

pub(crate) mod store;

pub(crate) mod assertion;

mod managed;

mod grant;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::sync::Mutex;

use self::grant::Granting;
pub use self::grant::TokenKind;
use self::token::{Token, Unavailable};
use crate::sources::failure::FetchError;
use crate::sources::identity::account::Account;
use crate::sources::wire::attempts::{Attempts, Outcome};
use crate::sources::wire::error_body::{unauthorized, words_of};
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
    slots: [Mutex<Slot>; 4],
    /// What became of the tokens of each kind, in the same order.
    records: [Record; 4],
    /// Held while a refresh token is exchanged: it is good once, and two kinds of token need it.
    exchange: Mutex<()>,
}

/// Token of one kind.
#[derive(Debug, Default)]
enum Slot {
    /// None yet, or one that was refused.
    #[default]
    Empty,
    /// A token in use.
    Token(Token),
    /// None is to be had in this run: whoever needs one fails at once, and in the same words.
    Dead(Unavailable),
}

/// What services said to the tokens of one kind.
#[derive(Debug, Default)]
struct Record {
    /// True once a request was answered.
    is_accepted: AtomicBool,
    /// Number of requests that were refused with two tokens in a row.
    refusals: AtomicU32,
}

/// Requests refused with two tokens in a row after which a kind of token that never worked is given
/// up. A single refusal may be about what was asked for.
const REFUSALS_OF_A_KIND: u32 = 3;

impl Tokens {
    /// Tokens for an account; rotated refresh tokens are kept in `folder`.
    #[must_use]
    pub fn new(account: &Account, folder: PathBuf) -> Self {
        Self {
            account: account.clone(),
            folder,
            slots: Default::default(),
            records: Default::default(),
            exchange: Mutex::default(),
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
        let record = &self.records[kind as usize];
        let mut is_renewed = false;
        loop {
            attempts.turn().await;
            // Per attempt: a token may have expired during the pause before it.
            let token = self.get(http, kind).await?;
            let sent = attempts.send(Some(&token.secret)).await;
            // A refusal of what was asked for accepts the token.
            if matches!(
                sent,
                Ok(Outcome::Answered(_)) | Err(FetchError::Refused { .. })
            ) {
                record.is_accepted.store(true, Ordering::Relaxed);
            }
            match sent? {
                Outcome::Answered(reply) => return Ok(reply),
                // A second refusal is not about the token's age.
                Outcome::Unauthorized(reply) if is_renewed => {
                    return Err(self.refused(kind, ask, &reply).await);
                }
                Outcome::Unauthorized(_) => {
                    is_renewed = true;
                    self.renew(http, kind, &token).await?;
                }
                Outcome::Again => {}
            }
        }
    }

    /// The error of a request that was refused with two tokens. A kind that never worked, and is
    /// refused wherever it is tried, is dead; of one that works, the request is refused.
    async fn refused(
        &self,
        kind: TokenKind,
        ask: &ApiRequest<'_>,
        reply: &ApiResponse,
    ) -> FetchError {
        let record = &self.records[kind as usize];
        let refusals = record.refusals.fetch_add(1, Ordering::Relaxed) + 1;
        if !record.is_accepted.load(Ordering::Relaxed) && refusals >= REFUSALS_OF_A_KIND {
            let what = format!("The token for {kind}");
            let dead = Unavailable::of(&unauthorized(&what, reply));
            let error = dead.error();
            *self.slots[kind as usize].lock().await = Slot::Dead(dead);
            return error;
        }
        FetchError::Refused {
            what: ask.what.to_owned(),
            found: words_of(reply),
            status: reply.status,
            code: String::new(),
        }
    }

    /// A token that is good for a while. Whoever comes while it is requested waits for it.
    async fn get(&self, http: &Http, kind: TokenKind) -> Result<Token, FetchError> {
        let mut slot = self.slots[kind as usize].lock().await;
        match &*slot {
            Slot::Token(token) if token.is_good() => return Ok(token.clone()),
            Slot::Dead(dead) => return Err(dead.error()),
            Slot::Token(_) | Slot::Empty => {}
        }
        self.request(http, kind, &mut slot).await
    }

    /// Replaces a token that was refused, unless another worker has replaced it already.
    async fn renew(&self, http: &Http, kind: TokenKind, refused: &Token) -> Result<(), FetchError> {
        let mut slot = self.slots[kind as usize].lock().await;
        // All workers are refused at once; the first of them renews for all.
        if matches!(&*slot, Slot::Token(token) if token.is_same(refused)) {
            http.progress
                .detail(|| format!("the token for {kind} was refused; requesting a new one"));
            // If the request fails, the refused token must not be used again.
            *slot = Slot::Empty;
            self.request(http, kind, &mut slot).await?;
        }
        Ok(())
    }

    /// Requests a token. One that is not to be had is not asked for again in this run: its request
    /// had all the patience there is.
    async fn request(
        &self,
        http: &Http,
        kind: TokenKind,
        slot: &mut Slot,
    ) -> Result<Token, FetchError> {
        let requested = self.granting(http).token(kind).await;
        match &requested {
            Ok(token) => *slot = Slot::Token(token.clone()),
            Err(error) if error.is_of_one_unit() => {
                http.progress.detail(|| format!("{kind}: {error}"));
                *slot = Slot::Dead(Unavailable::of(error));
            }
            Err(_) => {}
        }
        requested
    }

    fn granting<'t>(&'t self, http: &'t Http) -> Granting<'t> {
        Granting {
            http,
            account: &self.account,
            folder: &self.folder,
            exchange: &self.exchange,
        }
    }
}
