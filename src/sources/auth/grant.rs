//! Requests for tokens ([endpoints §2](crate::model::domain::endpoints)): client credentials for an
//! application, a rotating refresh token for a user, the machine's endpoint for a managed identity.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;

use super::store::Store;
use super::token::{Token, missing};
use super::{assertion, managed};
use crate::model::page::without_boms;
use crate::sources::failure::FetchError;
use crate::sources::identity::account::{Account, AppCredential, Proof, UserCredential};
use crate::sources::identity::cloud::GRAPH_AUDIENCE;
use crate::sources::wire::attempts::{Attempts, attempts_in_words};
use crate::sources::wire::http::Http;
use crate::sources::wire::message::{ApiRequest, ApiResponse, FORM, Purpose};
use crate::sources::wire::rate_limit::Service;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Life of a token whose response does not state one: five minutes, after which it is requested
/// again.
const UNSTATED_LIFE_SECONDS: u64 = 300;

/// Kind of a token: who it stands for, and at which API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The application, at Partner Center.
    App,
    /// The application and a user, at Partner Center.
    User,
    /// The application, at Microsoft Graph.
    Graph,
    /// The application and a user, at the host of exchange rates and price sheets.
    Sheets,
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::App => "App-only calls",
            Self::User => "App+User calls",
            Self::Graph => "Graph",
            Self::Sheets => "App+User calls for sheets",
        })
    }
}

/// One form field of a token request.
type Field = (&'static str, String);

/// The means to request tokens.
pub(super) struct Granting<'t> {
    pub(super) http: &'t Http,
    pub(super) account: &'t Account,
    /// Folder in which rotated refresh tokens are kept.
    pub(super) folder: &'t Path,
    /// Held while a refresh token is exchanged.
    pub(super) exchange: &'t Mutex<()>,
}

impl Granting<'_> {
    /// Requests a new token of a kind.
    pub(super) async fn token(&self, kind: TokenKind) -> Result<Token, FetchError> {
        let is_graph = match kind {
            TokenKind::User => {
                return self.user_token(self.account.addresses.cloud.audience).await;
            }
            TokenKind::Sheets => return self.user_token(&self.account.sheets_audience).await,
            TokenKind::App => false,
            TokenKind::Graph => true,
        };
        let audience = if is_graph {
            GRAPH_AUDIENCE
        } else {
            self.account.addresses.cloud.audience
        };
        match &self.account.app {
            None => Err(missing("App-only calls", "add `[partner_center.app.…]`")),
            Some(AppCredential::Managed { client_id }) => {
                managed::token(self.http, client_id.as_deref(), audience).await
            }
            Some(AppCredential::Application { client_id, proof }) => {
                let what = "A token for the application";
                let url = self.endpoint(is_graph);
                let mut form = vec![
                    ("grant_type", "client_credentials".to_owned()),
                    ("client_id", client_id.clone()),
                ];
                // The first generation names the audience by resource, the second by scope.
                form.push(if is_graph {
                    ("scope", format!("{audience}/.default"))
                } else {
                    ("resource", audience.to_owned())
                });
                form.extend(proving(proof, client_id, &url)?);
                let reply = self.post(url, &form, what).await?;
                token_in(&fields_of(&reply, what)?, what)
            }
        }
    }

    async fn user_token(&self, audience: &str) -> Result<Token, FetchError> {
        let _turn = self.exchange.lock().await;
        let user = self
            .account
            .user
            .as_ref()
            .ok_or_else(|| missing("App+User calls", "add `[partner_center.user]`"))?;
        let store = Store::new(self.folder, &self.account.tenant, &user.client_id);
        let first = user.refresh_token.read()?;
        let current = store.current(&first)?;
        let is_first = current.expose_secret() == first.expose_secret();
        match self
            .refresh(user, &store, (&first, &current), audience)
            .await
        {
            // The stored token may be outdated, in a folder that was copied back from a backup; the
            // first one may still be good.
            Err(FetchError::Authentication { .. }) if !is_first => {
                self.refresh(user, &store, (&first, &first), audience).await
            }
            other => other,
        }
    }

    /// Exchanges the refresh token `current`. Its successor is stored before the access token is
    /// used.
    async fn refresh(
        &self,
        user: &UserCredential,
        store: &Store,
        (first, current): (&SecretString, &SecretString),
        audience: &str,
    ) -> Result<Token, FetchError> {
        let what = "A token for the user";
        let url = self.endpoint(false);
        let mut form = vec![
            ("grant_type", "refresh_token".to_owned()),
            ("client_id", user.client_id.clone()),
            ("resource", audience.to_owned()),
            ("scope", "openid".to_owned()),
            ("refresh_token", current.expose_secret().to_owned()),
        ];
        form.extend(proving(&user.proof, &user.client_id, &url)?);
        let reply = self.post(url, &form, what).await?;
        let fields = fields_of(&reply, what)?;
        if let Some(next) = fields
            .get("refresh_token")
            .and_then(Value::as_str)
            .filter(|next| !next.is_empty())
        {
            // From here on the old token may be void.
            store.keep(first, &SecretString::from(next))?;
        }
        token_in(&fields, what)
    }

    /// The token endpoint: of the second generation for Graph, of the first for Partner Center.
    fn endpoint(&self, is_graph: bool) -> Url {
        let mut url = self.account.addresses.authority.clone();
        let tail: &[&str] = if is_graph {
            &["oauth2", "v2.0", "token"]
        } else {
            &["oauth2", "token"]
        };
        url.path_segments_mut()
            .expect("an address with a host has a path")
            .clear()
            // `push` escapes the tenant: no id can change the path.
            .push(&self.account.tenant)
            .extend(tail);
        url
    }

    async fn post(&self, url: Url, form: &[Field], what: &str) -> Result<ApiResponse, FetchError> {
        let mut body = Url::parse("form:").expect("a constant");
        body.query_pairs_mut().extend_pairs(form);
        let text = body.query().expect("a form has fields").to_owned();
        let ask = ApiRequest {
            what,
            method: Method::POST,
            url,
            headers: Vec::new(),
            body: Some((FORM, text)),
            service: Service::Tokens,
            purpose: Purpose::Needed,
            waits_for_content: false,
            check: &|body| {
                serde_json::from_slice::<Value>(without_boms(body))
                    .map(|_| ())
                    .map_err(|error| format!("a response that is not JSON ({error})"))
            },
        };
        match Attempts::new(self.http, &ask).without_token().await {
            // Entra ID refuses a credential with 400 as well as with 401.
            Err(FetchError::Refused { what, found, .. }) => Err(FetchError::Authentication {
                what,
                found,
                wanted: "a token".to_owned(),
                hint: "check tenant, client id and secret; `tieout doctor` checks each credential"
                    .to_owned(),
            }),
            // A portal's page in place of the service: it may be gone tomorrow.
            Err(FetchError::Incomplete { what, found, .. }) => Err(FetchError::Remote {
                what,
                found,
                budget: attempts_in_words(self.http),
            }),
            other => other,
        }
    }
}

/// The fields that prove an application's identity at the token endpoint `url`.
fn proving(proof: &Proof, client_id: &str, url: &Url) -> Result<Vec<Field>, FetchError> {
    let assertion = match proof {
        Proof::Secret(source) => {
            let secret = source.read()?.expose_secret().to_owned();
            return Ok(vec![("client_secret", secret)]);
        }
        Proof::Certificate(source) => {
            assertion::signed(&source.read()?, &source.place(), client_id, url)?
        }
        // The platform rewrites the file from time to time: it is read each time.
        Proof::TokenFile(path) => std::fs::read_to_string(path)
            .map_err(|error| FetchError::Authentication {
                what: format!("The token file `{}`", path.display()),
                found: format!("an error: {error}"),
                wanted: "a token".to_owned(),
                hint: "check the path and its permissions".to_owned(),
            })?
            .trim()
            .to_owned(),
    };
    Ok(vec![
        ("client_assertion_type", ASSERTION_TYPE.to_owned()),
        ("client_assertion", assertion),
    ])
}

fn fields_of(reply: &ApiResponse, what: &str) -> Result<Value, FetchError> {
    serde_json::from_slice(without_boms(&reply.body))
        .map_err(|_| missing(what, "the response is not JSON"))
}

fn token_in(fields: &Value, what: &str) -> Result<Token, FetchError> {
    let secret = fields
        .get("access_token")
        .and_then(Value::as_str)
        .filter(|token| !token.is_empty())
        .ok_or_else(|| missing(what, "the response has no `access_token`"))?;
    // The first generation of the endpoint sends a text, the second a number.
    let seconds = fields
        .get("expires_in")
        .and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()))
        .unwrap_or(UNSTATED_LIFE_SECONDS);
    Token::new(
        what,
        SecretString::from(secret),
        Duration::from_secs(seconds),
    )
}
