//! The token endpoints, and who may call what: a token is good for one audience, and either for the
//! application alone or for its user.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::message::{Answer, Body, Request, pairs};
use super::books::Partner;
use super::json::{count, object, text};
use super::pace;
use super::refusals;

/// Form of the assertion that stands for a client's certificate (RFC 7523).
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The service that a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    PartnerCenter,
    Graph,
    /// The host of exchange rates and price sheets.
    PartnerApi,
    /// Azure AD Graph, which Partner Center has not accepted since August 2025.
    Retired,
}

/// What a token is good for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    pub(super) audience: Audience,
    /// True if a user stands behind it.
    pub(super) user: bool,
    until: Instant,
}

/// Tokens that were issued.
#[derive(Debug, Default)]
pub(super) struct Access {
    passes: Mutex<HashMap<String, Pass>>,
}

impl Access {
    /// The pass of a request, if its token is known and has not expired.
    pub(super) fn pass(&self, request: &Request) -> Option<Pass> {
        let token = request.header("authorization")?.strip_prefix("Bearer ")?;
        let pass = self.passes().get(token).copied()?;
        (pass.until > Instant::now()).then_some(pass)
    }

    /// Answers a request for a token; `tenant` is the directory in the path, `v2` tells the
    /// endpoint.
    pub(super) fn token(
        &self,
        partner: &Partner,
        request: &Request,
        tenant: &str,
        v2: bool,
    ) -> Answer {
        if partner.has("captive-portal") {
            return Answer {
                status: 200,
                headers: vec![("Content-Type", "text/html".to_owned())],
                body: Body::Bytes(b"<html><body>Please accept the terms.</body></html>".to_vec()),
            };
        }
        if request.method != "POST" {
            return refusals::login(
                400,
                "invalid_request",
                900_561,
                "The endpoint only accepts POST.",
            );
        }
        let wanted = partner.settings.partner.as_deref();
        if wanted.is_some_and(|id| !tenant.contains('.') && !id.eq_ignore_ascii_case(tenant)) {
            let message = format!("Tenant '{tenant}' not found.");
            return refusals::login(400, "invalid_request", 90_002, &message);
        }
        let form = pairs(&String::from_utf8_lossy(&request.body));
        let value = |name: &str| {
            let mut values = form.iter();
            values
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        match grant(partner, &value, v2) {
            Err(refusal) => *refusal,
            Ok((audience, resource, user)) => {
                self.issued(partner, (audience, user), resource, v2, &form)
            }
        }
    }

    fn issued(
        &self,
        partner: &Partner,
        (audience, user): (Audience, bool),
        resource: String,
        v2: bool,
        form: &[(String, String)],
    ) -> Answer {
        let life = partner.settings.token_seconds;
        let mut passes = self.passes();
        let number = passes.len().to_string();
        let token = format!(
            "eyJ0eXAi.{}.{number}",
            partner.chance.guid(&["token", &number])
        );
        let pass = Pass {
            audience,
            user,
            until: Instant::now() + Duration::from_secs(life),
        };
        passes.insert(token.clone(), pass);
        drop(passes);
        let now = pace::now();
        let mut body = match v2 {
            true => object([
                ("token_type", text("Bearer")),
                ("expires_in", count(life)),
                ("ext_expires_in", count(life)),
            ]),
            // Strings throughout, as the sample has them.
            false => object([
                ("token_type", text("Bearer")),
                ("expires_in", text(life.to_string())),
                ("ext_expires_in", text(life.to_string())),
                ("expires_on", text((now + life as i64).to_string())),
                ("not_before", text((now - 300).to_string())),
                ("resource", text(resource)),
            ]),
        };
        body = body.with("access_token", text(token));
        if user {
            let sent = form.iter().find(|(key, _)| key == "refresh_token");
            let old = sent.map_or("", |(_, value)| value.as_str());
            // It rotates only where any is accepted: else the accepted one would be lost.
            let new = match &partner.settings.secret {
                Some(_) => old.to_owned(),
                None => format!("0.{}", partner.chance.letters(40, &["refresh", old])),
            };
            body = body.with("refresh_token", text(new));
        }
        Answer::json(200, body.to_string()).with("Cache-Control", "no-store")
    }

    fn passes(&self) -> MutexGuard<'_, HashMap<String, Pass>> {
        self.passes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Value of a form's field, if it has one.
type Field<'a> = dyn Fn(&str) -> Option<&'a str> + 'a;

/// Judges a request for a token: its audience, the resource as it was asked, and whether a user
/// stands behind it.
fn grant<'a>(
    partner: &Partner,
    value: &Field<'a>,
    v2: bool,
) -> Result<(Audience, String, bool), Box<Answer>> {
    let refuse = |status, error, number, text: &str| {
        Err(Box::new(refusals::login(status, error, number, text)))
    };
    let Some(client) = value("client_id").filter(|id| !id.is_empty()) else {
        return refuse(
            400,
            "invalid_request",
            900_144,
            "The request must contain 'client_id'.",
        );
    };
    if let Some(refusal) = wrong_secret(partner, value, client) {
        return Err(Box::new(refusal));
    }
    let user = match value("grant_type") {
        Some("client_credentials") => false,
        Some("refresh_token") => true,
        Some(_) => {
            return refuse(
                400,
                "unsupported_grant_type",
                70_003,
                "The grant is not supported.",
            );
        }
        None => return refuse(400, "invalid_request", 900_144, "'grant_type' is missing."),
    };
    if user {
        let given = value("refresh_token");
        if given.is_none_or(str::is_empty) {
            return refuse(
                400,
                "invalid_request",
                900_144,
                "'refresh_token' is missing.",
            );
        }
        if partner.has("dead-refresh-token") {
            let message = "The refresh token has expired due to inactivity.";
            return refuse(400, "invalid_grant", 700_082, message);
        }
        let wanted = partner.settings.secret.as_deref();
        if wanted.is_some() && wanted != given {
            return refuse(
                400,
                "invalid_grant",
                9_002_313,
                "The refresh token is malformed.",
            );
        }
    }
    let name = if v2 { "scope" } else { "resource" };
    let Some(resource) = value(name).filter(|resource| !resource.is_empty()) else {
        return refuse(
            400,
            "invalid_request",
            900_144,
            "The scope or resource is missing.",
        );
    };
    match audience(resource, v2, user) {
        Some(audience) => Ok((audience, resource.to_owned(), user)),
        None => refuse(
            400,
            "invalid_resource",
            500_011,
            "The resource was not found.",
        ),
    }
}

/// The refusal of a client that does not prove who it is; `None` for one that does.
fn wrong_secret(partner: &Partner, value: &Field<'_>, client: &str) -> Option<Answer> {
    let refuse = |number, text: &str| Some(refusals::login(401, "invalid_client", number, text));
    if let Some(assertion) = value("client_assertion") {
        if value("client_assertion_type") != Some(ASSERTION) {
            return refuse(50_027, "The type of the assertion is wrong.");
        }
        return match assertion_fault(assertion, client) {
            Some(fault) => refuse(50_027, &format!("JWT token is invalid: {fault}.")),
            None => None,
        };
    }
    let Some(given) = value("client_secret").filter(|secret| !secret.is_empty()) else {
        return refuse(
            7_000_218,
            "'client_assertion' or 'client_secret' is missing.",
        );
    };
    match partner.settings.secret.as_deref() {
        // The same text serves as the refresh token and as the secret.
        Some(secret) if secret != given => refuse(7_000_215, "Invalid client secret provided."),
        _ => None,
    }
}

/// What is wrong with an assertion by Microsoft's page on certificate credentials: PS256,
/// `x5t#S256`, and the claims of the client itself. The signature is not checked.
fn assertion_fault(assertion: &str, client: &str) -> Option<&'static str> {
    let parts: Vec<&str> = assertion.split('.').collect();
    let [head, claims, _] = parts[..] else {
        return Some("it has not three parts");
    };
    let read = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<serde_json::Value>(&bytes).ok()
    };
    let (Some(head), Some(claims)) = (read(head), read(claims)) else {
        return Some("it is not JSON in base64url");
    };
    let is = |value: &serde_json::Value, name: &str, wanted: &str| {
        value.get(name).and_then(serde_json::Value::as_str) == Some(wanted)
    };
    let claimed = |name: &str| claims.get(name).and_then(serde_json::Value::as_str);
    if !is(&head, "alg", "PS256") {
        return Some("alg is not PS256");
    }
    if head.get("x5t#S256").is_none() {
        return Some("x5t#S256 is missing");
    }
    if !is(&claims, "iss", client) || !is(&claims, "sub", client) {
        return Some("iss and sub are not the client");
    }
    let audience = claimed("aud").is_some_and(|aud| aud.ends_with("/token"));
    let expires = claims.get("exp").and_then(serde_json::Value::as_i64);
    if !audience || claimed("jti").is_none() {
        return Some("aud or jti is missing");
    }
    if expires.is_none_or(|at| at < pace::now()) {
        return Some("it has expired");
    }
    None
}

/// The audience of a resource or scope; `None` for one that is not ours.
fn audience(asked: &str, v2: bool, user: bool) -> Option<Audience> {
    let words = asked
        .split(' ')
        .filter(|word| !["openid", "offline_access", "profile"].contains(word) && !word.is_empty());
    let scope = words.into_iter().next()?;
    let resource = match v2 {
        true => {
            let (resource, permission) = scope.rsplit_once('/')?;
            // An application alone can only ask for `.default`.
            if permission != ".default" && !user {
                return None;
            }
            resource
        }
        false => scope,
    };
    match resource.trim_end_matches('/') {
        "https://api.partnercenter.microsoft.com" => Some(Audience::PartnerCenter),
        "https://graph.microsoft.com" => Some(Audience::Graph),
        "https://api.partner.microsoft.com" => Some(Audience::PartnerApi),
        "https://graph.windows.net" => Some(Audience::Retired),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assertion(head: &str, exp: i64) -> String {
        let claims = format!(
            r#"{{"iss":"c","sub":"c","aud":"https://login/t/oauth2/token","jti":"1","exp":{exp}}}"#
        );
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.sig", part(head), part(&claims))
    }

    #[test]
    fn an_assertion_is_held_to_microsofts_page() {
        let head = r#"{"alg":"PS256","x5t#S256":"x"}"#;
        let later = pace::now() + 600;
        assert_eq!(assertion_fault(&assertion(head, later), "c"), None);
        assert!(assertion_fault(&assertion(head, later), "d").is_some());
        assert!(assertion_fault(&assertion(head, 1), "c").is_some());
        for head in [
            r#"{"alg":"RS256","x5t#S256":"x"}"#,
            r#"{"alg":"PS256","x5t":"x"}"#,
        ] {
            assert!(assertion_fault(&assertion(head, later), "c").is_some());
        }
    }

    #[test]
    fn an_audience_is_what_was_asked_for() {
        let graph = "openid https://graph.microsoft.com/.default";
        assert_eq!(audience(graph, true, false), Some(Audience::Graph));
        let one = "https://graph.microsoft.com/PartnerBilling.Read.All";
        assert_eq!(audience(one, true, true), Some(Audience::Graph));
        assert_eq!(audience(one, true, false), None);
        let old = "https://graph.windows.net";
        assert_eq!(audience(old, false, false), Some(Audience::Retired));
        assert_eq!(audience("https://evil.example", false, false), None);
    }
}
