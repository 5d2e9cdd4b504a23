//! Token endpoints of both generations, and that of a managed identity. Refresh tokens rotate: each
//! is good once.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::message::{Answer, Request, pairs};
use super::tenant::{BETA_ROOT, GRAPH_ROOT, SHEETS_ROOT};

/// Beginning of the refresh tokens that are made here.
const REFRESH: &str = "sandbox-refresh-";

/// Rights of a token.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// True for App+User, false for App-only.
    pub(super) user: bool,
    /// Host of the resource or scope for which it was issued.
    pub(super) audience: String,
    until: Instant,
}

/// The tokens that were issued.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    issued: Mutex<HashMap<String, Grant>>,
    /// Refresh tokens that were not used yet.
    refresh: Mutex<HashSet<String>>,
    serial: AtomicU64,
}

impl Tokens {
    /// Answers a token request; the token is good for `seconds`. `secret` is the only proof that is
    /// accepted; `None` accepts any.
    pub(super) fn issue(&self, request: &Request, seconds: u64, secret: Option<&str>) -> Answer {
        let form: HashMap<String, String> = pairs(&String::from_utf8_lossy(&request.body))
            .into_iter()
            .collect();
        // A field that is missing is treated like an empty one.
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        // Partner Center's tokens come from the first generation, Graph's from the second.
        let is_v2 = request.path.contains("/v2.0/");
        let target = if is_v2 { "scope" } else { "resource" };
        let audience = audience(field(target));
        if field("client_id").is_empty() || audience.is_empty() {
            return refuse(
                "invalid_request",
                "AADSTS900144: The request body must contain client_id and resource or scope.",
            );
        }
        let proof = match field("client_assertion") {
            "" => field("client_secret"),
            assertion => assertion,
        };
        // A signed assertion, in three parts, cannot be compared with the secret.
        let is_known = !proof.is_empty()
            && secret.is_none_or(|secret| secret == proof || proof.matches('.').count() == 2);
        if !is_known {
            return refuse(
                "invalid_client",
                "AADSTS7000215: Invalid client secret provided.",
            );
        }
        match field("grant_type") {
            // No person stands behind it: App-only.
            "client_credentials" => {
                let token = self.grant(false, audience, seconds);
                token_answer(&token, seconds, is_v2, None)
            }
            "refresh_token" => match self.rotate(field("refresh_token")) {
                Some(next) => {
                    let token = self.grant(true, audience, seconds);
                    token_answer(&token, seconds, is_v2, Some(&next))
                }
                None => refuse(
                    "invalid_grant",
                    "AADSTS70000: The refresh token was used before.",
                ),
            },
            _ => refuse(
                "unsupported_grant_type",
                "AADSTS70003: The app requested an unsupported grant type.",
            ),
        }
    }

    /// The successor of a refresh token; `None` if it was used before. A token that was not made
    /// here stands for a person who has just signed in, and is always good.
    fn rotate(&self, given: &str) -> Option<String> {
        let mut good = self.refresh.lock().unwrap_or_else(PoisonError::into_inner);
        if given.is_empty() || given.starts_with(REFRESH) && !good.remove(given) {
            return None;
        }
        let next = format!("{REFRESH}{}", self.serial.fetch_add(1, Ordering::Relaxed));
        good.insert(next.clone());
        Some(next)
    }

    /// Answers like the managed identity endpoint of App Service.
    pub(super) fn managed(&self, request: &Request, seconds: u64) -> Answer {
        let audience = audience(&request.folded("resource"));
        if request
            .header("x-identity-header")
            .is_none_or(str::is_empty)
            || audience.is_empty()
        {
            return refuse("invalid_request", "The identity header is missing.");
        }
        // This endpoint states the end of the token, not its life.
        let expires = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
            .timestamp()
            .unsigned_abs()
            + seconds;
        let token = self.grant(false, audience, seconds);
        Answer::json(
            200,
            format!(
                r#"{{"access_token":"{token}","expires_on":"{expires}","resource":"{}","token_type":"Bearer"}}"#,
                "sandbox"
            ),
        )
    }

    /// Issues a token that is good for `seconds`.
    fn grant(&self, user: bool, audience: String, seconds: u64) -> String {
        let token = format!(
            "sandbox-token-{}",
            self.serial.fetch_add(1, Ordering::Relaxed)
        );
        let grant = Grant {
            user,
            audience,
            until: Instant::now() + Duration::from_secs(seconds),
        };
        self.issued
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(token.clone(), grant);
        token
    }

    /// The rights of a request's token; `None` if it has no token that is good for its host.
    pub(super) fn check(&self, request: &Request) -> Option<Grant> {
        let token = request.header("authorization")?.strip_prefix("Bearer ")?;
        // By the path alone: one port plays all hosts.
        let is_below = |root: &str| request.path.starts_with(root);
        let wanted = if is_below(GRAPH_ROOT) || is_below(BETA_ROOT) {
            "graph"
        } else if is_below(SHEETS_ROOT) {
            "api.partner.microsoft.com"
        } else {
            "partnercenter"
        };
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued
            .get(token)
            // A token for the other API is refused, as Microsoft does.
            .filter(|grant| grant.audience.contains(wanted) && grant.until > Instant::now())
            .cloned()
    }
}

/// The host of a resource, or of the first scope that is an address; empty if there is none.
fn audience(text: &str) -> String {
    let host = text.split(' ').find_map(|scope| {
        let (_, rest) = scope.split_once("://")?;
        rest.split('/').next()
    });
    host.map_or_else(String::new, str::to_owned)
}

fn token_answer(token: &str, seconds: u64, is_v2: bool, refresh: Option<&str>) -> Answer {
    let refresh = match refresh {
        Some(refresh) => format!(r#","refresh_token":"{refresh}""#),
        None => String::new(),
    };
    // The first generation sends every member as text.
    let quote = if is_v2 { "" } else { "\"" };
    Answer::json(
        200,
        format!(
            r#"{{"token_type":"Bearer","expires_in":{quote}{seconds}{quote},"access_token":"{token}"{refresh}}}"#
        ),
    )
}

fn refuse(code: &str, description: &str) -> Answer {
    Answer::json(
        401,
        format!(r#"{{"error":"{code}","error_description":"{description}"}}"#),
    )
}
