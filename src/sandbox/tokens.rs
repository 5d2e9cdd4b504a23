//! Token endpoints of both generations, and the managed identity's. Refresh tokens rotate: each is
//! good once.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::http::{Answer, Request, pairs};

const REFRESH: &str = "sandbox-refresh-";

/// What a token stands for.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// A person stands behind it: App+User.
    pub(super) user: bool,
    /// What it is for: a resource's or scope's host.
    pub(super) audience: String,
    until: Instant,
}

/// The tokens given out.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    issued: Mutex<HashMap<String, Grant>>,
    /// The refresh tokens that are good, each once.
    refresh: Mutex<HashSet<String>>,
    serial: AtomicU64,
}

impl Tokens {
    /// Answers a token request; `seconds` is what the token is good for.
    pub(super) fn issue(&self, request: &Request, seconds: u64, secret: Option<&str>) -> Answer {
        let form: HashMap<String, String> = pairs(&String::from_utf8_lossy(&request.body))
            .into_iter()
            .collect();
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let v2 = request.path.contains("/v2.0/");
        let audience = audience(if v2 {
            field("scope")
        } else {
            field("resource")
        });
        if field("client_id").is_empty() || audience.is_empty() {
            return refuse(
                "invalid_request",
                "AADSTS900144: The request body must contain client_id and resource or scope.",
            );
        }
        let proof = if field("client_assertion").is_empty() {
            field("client_secret")
        } else {
            field("client_assertion")
        };
        let known = |proof: &str| {
            !proof.is_empty()
                && secret.is_none_or(|secret| secret == proof || proof.matches('.').count() == 2)
        };
        if !known(proof) {
            return refuse(
                "invalid_client",
                "AADSTS7000215: Invalid client secret provided.",
            );
        }
        match field("grant_type") {
            "client_credentials" => self.answer(false, audience, seconds, v2, None),
            "refresh_token" => {
                let mut good = self.refresh.lock().unwrap_or_else(PoisonError::into_inner);
                let given = field("refresh_token");
                // One that was not made here stands for a person who signed in.
                if given.is_empty() || given.starts_with(REFRESH) && !good.remove(given) {
                    return refuse(
                        "invalid_grant",
                        "AADSTS70000: The refresh token was used before.",
                    );
                }
                let next = format!("{REFRESH}{}", self.serial.fetch_add(1, Ordering::Relaxed));
                good.insert(next.clone());
                drop(good);
                self.answer(true, audience, seconds, v2, Some(&next))
            }
            _ => refuse(
                "unsupported_grant_type",
                "AADSTS70003: The app requested an unsupported grant type.",
            ),
        }
    }

    /// Answers as App Service's managed identity endpoint does.
    pub(super) fn managed(&self, request: &Request, seconds: u64) -> Answer {
        let audience = audience(request.parameter("resource").unwrap_or_default());
        if request
            .header("x-identity-header")
            .is_none_or(str::is_empty)
            || audience.is_empty()
        {
            return refuse("invalid_request", "The identity header is missing.");
        }
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

    fn answer(
        &self,
        user: bool,
        audience: String,
        seconds: u64,
        v2: bool,
        refresh: Option<&str>,
    ) -> Answer {
        let token = self.grant(user, audience, seconds);
        let refresh = refresh
            .map(|refresh| format!(r#","refresh_token":"{refresh}""#))
            .unwrap_or_default();
        // The first generation sends all of it as text.
        let quote = if v2 { "" } else { "\"" };
        Answer::json(
            200,
            format!(
                r#"{{"token_type":"Bearer","expires_in":{quote}{seconds}{quote},"access_token":"{token}"{refresh}}}"#
            ),
        )
    }

    /// What a request's token stands for; `None` where it has none that is good.
    pub(super) fn check(&self, request: &Request) -> Option<Grant> {
        let token = request.header("authorization")?.strip_prefix("Bearer ")?;
        let wanted = if request.path.starts_with(super::exports::ROOT) {
            "graph"
        } else {
            "partnercenter"
        };
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued
            .get(token)
            .filter(|grant| grant.audience.contains(wanted) && grant.until > Instant::now())
            .cloned()
    }
}

/// The host of a resource or scope.
fn audience(text: &str) -> String {
    let scope = text
        .split(' ')
        .find(|scope| scope.contains("://"))
        .unwrap_or_default();
    scope
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_default()
        .to_owned()
}

fn refuse(code: &str, description: &str) -> Answer {
    Answer::json(
        401,
        format!(r#"{{"error":"{code}","error_description":"{description}"}}"#),
    )
}
