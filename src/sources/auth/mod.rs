//! Tokens: one for each audience, asked for once however many workers want it, renewed when it is
//! about to end or is not taken any more.

mod assertion;
mod managed;
mod store;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;

use super::account::{Account, AppCredential, Proof, UserCredential};
use super::cloud::GRAPH_AUDIENCE;
use crate::sources::failure::FetchError;
use crate::sources::wire::http::{Ask, FORM, Http, Reply};

/// A token is not used in its last minute, nor in its last half if it is shorter than that.
const EARLY: Duration = Duration::from_secs(60);
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Whose token, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// App-only, Partner Center.
    App,
    /// App+User, Partner Center.
    User,
    /// App-only, Microsoft Graph.
    Graph,
}

/// A token in use.
#[derive(Clone, Debug)]
pub struct Token {
    pub(crate) secret: Arc<SecretString>,
    good_until: Instant,
}

/// The tokens of a run.
#[derive(Debug)]
pub struct Tokens {
    account: Account,
    /// Where rotated refresh tokens are kept.
    folder: PathBuf,
    slots: HashMap<TokenKind, Mutex<Option<Token>>>,
}

impl Tokens {
    /// Tokens for an account; rotated refresh tokens are kept in `folder`.
    #[must_use]
    pub fn new(account: &Account, folder: PathBuf) -> Self {
        let kinds = [TokenKind::App, TokenKind::User, TokenKind::Graph];
        Self {
            account: account.clone(),
            folder,
            slots: kinds
                .into_iter()
                .map(|kind| (kind, Mutex::new(None)))
                .collect(),
        }
    }

    /// The account they are for.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Whose token an endpoint is asked with: the user's where it must be, else the application's
    /// where there is one.
    #[must_use]
    pub fn kind_for(&self, user_only: bool) -> TokenKind {
        if user_only || self.account.app.is_none() {
            TokenKind::User
        } else {
            TokenKind::App
        }
    }

    /// A token that is good for a while. Whoever comes while it is being fetched waits for it.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self, http: &Http, kind: TokenKind) -> Result<Token, FetchError> {
        let mut slot = self.slot(kind)?.lock().await;
        if let Some(token) = slot
            .as_ref()
            .filter(|token| token.good_until > Instant::now())
        {
            return Ok(token.clone());
        }
        let token = self.fetch(http, kind).await?;
        *slot = Some(token.clone());
        Ok(token)
    }

    /// Another token in place of one that was not taken; if another worker got one already, that.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn renew(
        &self,
        http: &Http,
        kind: TokenKind,
        refused: &Token,
    ) -> Result<(), FetchError> {
        let mut slot = self.slot(kind)?.lock().await;
        if slot
            .as_ref()
            .is_some_and(|token| Arc::ptr_eq(&token.secret, &refused.secret))
        {
            http.watch
                .detail(|| format!("the token for {kind:?} was not taken: asking for another one"));
            *slot = None;
            *slot = Some(self.fetch(http, kind).await?);
        }
        Ok(())
    }

    fn slot(&self, kind: TokenKind) -> Result<&Mutex<Option<Token>>, FetchError> {
        self.slots
            .get(&kind)
            .ok_or_else(|| missing("a token", "no such kind"))
    }

    async fn fetch(&self, http: &Http, kind: TokenKind) -> Result<Token, FetchError> {
        let app = || {
            self.account
                .app
                .as_ref()
                .ok_or_else(|| missing("App-only calls", "add `[partner_center.app.…]`"))
        };
        let audience = if kind == TokenKind::Graph {
            GRAPH_AUDIENCE
        } else {
            self.account.addresses.cloud.audience
        };
        match kind {
            TokenKind::User => {
                let user = self
                    .account
                    .user
                    .as_ref()
                    .ok_or_else(|| missing("App+User calls", "add `[partner_center.user]`"))?;
                self.refresh(http, user).await
            }
            TokenKind::App | TokenKind::Graph => match app()? {
                AppCredential::Managed { client_id } => {
                    managed::token(http, client_id.as_deref(), audience).await
                }
                AppCredential::Application { client_id, proof } => {
                    let mut form = vec![
                        ("grant_type", "client_credentials".to_owned()),
                        ("client_id", client_id.clone()),
                    ];
                    let url = self.endpoint(kind == TokenKind::Graph)?;
                    form.push(if kind == TokenKind::Graph {
                        ("scope", format!("{audience}/.default"))
                    } else {
                        ("resource", audience.to_owned())
                    });
                    self.prove(&mut form, client_id, proof, &url)?;
                    let answer = self
                        .post(http, url, &form, "a token for the application")
                        .await?;
                    token_in(&answer, "a token for the application")
                }
            },
        }
    }

    /// Rotates the refresh token: the new one is stored before the access token is used.
    async fn refresh(&self, http: &Http, user: &UserCredential) -> Result<Token, FetchError> {
        let store = store::Store::new(&self.folder, &self.account.tenant, &user.client_id);
        let first = user.refresh_token.read()?;
        let current = store.current(&first)?;
        let is_first = current.expose_secret() == first.expose_secret();
        match self
            .refresh_with(http, user, &store, (&first, &current))
            .await
        {
            // The stored one may be of a folder that was copied back; the first may still be good.
            Err(FetchError::Authentication { .. }) if !is_first => {
                self.refresh_with(http, user, &store, (&first, &first))
                    .await
            }
            other => other,
        }
    }

    async fn refresh_with(
        &self,
        http: &Http,
        user: &UserCredential,
        store: &store::Store,
        (first, current): (&SecretString, &SecretString),
    ) -> Result<Token, FetchError> {
        let what = "a token for the user";
        let url = self.endpoint(false)?;
        let mut form = vec![
            ("grant_type", "refresh_token".to_owned()),
            ("client_id", user.client_id.clone()),
            ("resource", self.account.addresses.cloud.audience.to_owned()),
            ("scope", "openid".to_owned()),
            ("refresh_token", current.expose_secret().to_owned()),
        ];
        self.prove(&mut form, &user.client_id, &user.proof, &url)?;
        let answer = self.post(http, url, &form, what).await?;
        let fields = fields_of(&answer, what)?;
        if let Some(next) = fields
            .get("refresh_token")
            .and_then(Value::as_str)
            .filter(|next| !next.is_empty())
        {
            store.keep(first, &SecretString::from(next))?;
        }
        token_in(&answer, what)
    }

    fn prove(
        &self,
        form: &mut Vec<(&'static str, String)>,
        client_id: &str,
        proof: &Proof,
        url: &Url,
    ) -> Result<(), FetchError> {
        match proof {
            Proof::Secret(source) => {
                form.push(("client_secret", source.read()?.expose_secret().to_owned()))
            }
            Proof::Certificate(source) => {
                let assertion =
                    assertion::signed(&source.read()?, &source.place(), client_id, url)?;
                form.extend([
                    ("client_assertion_type", ASSERTION_TYPE.to_owned()),
                    ("client_assertion", assertion),
                ]);
            }
            Proof::TokenFile(path) => {
                // The platform rewrites it: read anew each time.
                let text = std::fs::read_to_string(path).map_err(|error| {
                    missing(
                        &format!("the token file `{}`", path.display()),
                        &format!("it cannot be read: {error}"),
                    )
                })?;
                form.extend([
                    ("client_assertion_type", ASSERTION_TYPE.to_owned()),
                    ("client_assertion", text.trim().to_owned()),
                ]);
            }
        }
        Ok(())
    }

    fn endpoint(&self, second_generation: bool) -> Result<Url, FetchError> {
        let mut url = self.account.addresses.authority.clone();
        let tail: &[&str] = if second_generation {
            &["oauth2", "v2.0", "token"]
        } else {
            &["oauth2", "token"]
        };
        url.path_segments_mut()
            .map_err(|()| missing("the authority", "it is no address with a path"))?
            .clear()
            .push(&self.account.tenant)
            .extend(tail);
        Ok(url)
    }

    async fn post(
        &self,
        http: &Http,
        url: Url,
        form: &[(&'static str, String)],
        what: &str,
    ) -> Result<Reply, FetchError> {
        let mut body = Url::parse("form:").map_err(|_| missing(what, "no form can be made"))?;
        body.query_pairs_mut().extend_pairs(form);
        let ask = Ask {
            what,
            method: Method::POST,
            url,
            headers: Vec::new(),
            body: Some((FORM, body.query().unwrap_or_default().to_owned())),
            throttle: "token",
            token: None,
            waits_for_content: false,
            check: &|body| {
                serde_json::from_slice::<Value>(without_bom(body))
                    .map(|_| ())
                    .map_err(|error| format!("no JSON ({error})"))
            },
        };
        // Boxed: a request asks for a token, and a token is a request.
        match Box::pin(http.ask(&ask, self)).await {
            Err(FetchError::Refused { what, found, .. }) => Err(FetchError::Authentication {
                what,
                found,
                wanted: "a token".to_owned(),
                hint: "check tenant, client id and secret; `tieout doctor` checks each credential"
                    .to_owned(),
            }),
            other => other,
        }
    }
}

fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

fn fields_of(reply: &Reply, what: &str) -> Result<Value, FetchError> {
    serde_json::from_slice(without_bom(&reply.body))
        .map_err(|_| missing(what, "the answer is no JSON"))
}

fn token_in(reply: &Reply, what: &str) -> Result<Token, FetchError> {
    let fields = fields_of(reply, what)?;
    let secret = fields
        .get("access_token")
        .and_then(Value::as_str)
        .filter(|token| !token.is_empty());
    let secret = secret.ok_or_else(|| missing(what, "the answer holds no `access_token`"))?;
    // One generation sends a number, the other a text.
    let seconds = fields
        .get("expires_in")
        .and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()))
        .unwrap_or(300);
    Ok(Token::new(
        SecretString::from(secret),
        Duration::from_secs(seconds),
    ))
}

impl Token {
    fn new(secret: SecretString, good_for: Duration) -> Self {
        let early = EARLY.min(good_for / 2);
        let now = Instant::now();
        Self {
            secret: Arc::new(secret),
            good_until: now
                .checked_add(good_for.saturating_sub(early))
                .unwrap_or(now),
        }
    }
}

fn missing(what: &str, hint: &str) -> FetchError {
    FetchError::Authentication {
        what: what.to_owned(),
        found: "no usable credential".to_owned(),
        wanted: "a token".to_owned(),
        hint: hint.to_owned(),
    }
}
