//! Service: from a request to its answer, with the checks of the token and the fault that is drawn
//! for it.

use super::exports::{Exports, number_in};
use super::faults::{Class, Drawn, Fault};
use super::listing::digits_in;
use super::message::{Answer, Body, Request, pairs};
use super::pages;
use super::settings::Settings;
use super::sheets;
use super::tenant::{BETA_ROOT, GRAPH_ROOT, SHEETS_ROOT, Tenant, error, error_text};
use super::tokens::Tokens;

/// A tenant with the tokens and exports of its clients.
#[derive(Debug)]
pub(super) struct Service {
    tenant: Tenant,
    tokens: Tokens,
    exports: Exports,
}

impl Service {
    /// A service without any client yet.
    pub(super) fn new(tenant: Tenant) -> Self {
        Self {
            tenant,
            tokens: Tokens::default(),
            exports: Exports::default(),
        }
    }

    /// The answer to a request, and the fault with which it is to be sent.
    pub(super) fn answer(&self, request: &Request) -> (Answer, Option<Fault>) {
        let settings = &self.tenant.settings;
        let faults = &settings.faults;
        if request.path == "/sandbox/faults" {
            return (Answer::json(200, faults.report()), None);
        }
        let Some(class) = class_of(request) else {
            return (error(404, "404", "The sandbox knows no such path."), None);
        };
        let fault = faults.draw(class, &fault_key(request));
        let mut drawn = Drawn::new(fault);
        // Before the token is checked: a proxy in between knows no tokens.
        let broken = fault.and_then(|fault| instead(fault, request, settings));
        let answer = match broken {
            Some(broken) => {
                drawn.serve();
                broken
            }
            None => {
                let mut answer = self.route(class, request, &mut drawn);
                if fault.is_some_and(|fault| is_on_the_wire(fault) || distort(fault, &mut answer)) {
                    drawn.serve();
                }
                answer
            }
        };
        if let Some(served) = drawn.served() {
            faults.note(served);
        }
        (answer, fault)
    }

    fn route(&self, class: Class, request: &Request, drawn: &mut Drawn) -> Answer {
        let settings = &self.tenant.settings;
        match class {
            Class::Token => {
                let seconds = if drawn.serves(Fault::ShortToken) {
                    1
                } else {
                    settings.token_seconds
                };
                if request.path.starts_with("/msi/") {
                    return self.tokens.managed(request, seconds);
                }
                let secret = settings.secret.as_deref();
                return self.tokens.issue(request, seconds, secret);
            }
            Class::Blob => return self.exports.blob(&self.tenant, request, drawn),
            _ => {}
        }
        let Some(grant) = self.tokens.check(request) else {
            return error(401, "401", "The token is missing, unknown or has expired.");
        };
        if request.path.starts_with(SHEETS_ROOT) {
            sheets::answer(&self.tenant, request, &grant)
        } else if matches!(class, Class::Page | Class::Next) {
            pages::answer(&self.tenant, request, &grant, drawn)
        } else {
            self.exports.answer(&self.tenant, request, class, drawn)
        }
    }
}

/// The answer of a fault that comes instead of the data; `None` for the other faults.
fn instead(fault: Fault, request: &Request, settings: &Settings) -> Option<Answer> {
    let throttled = || {
        error_text(
            429,
            r#"{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 seconds." }"#,
        )
    };
    let graph = r#"{"error":{"code":"TooManyRequests","message":"Please retry again later.","innerError":{"code":"429"}}}"#;
    Some(match fault {
        Fault::ThrottleSeconds => throttled().with("Retry-After", "1"),
        Fault::ThrottleFraction => error_text(429, graph).with("Retry-After", "0.128"),
        Fault::ThrottleDate => throttled().with("Retry-After", date_in(1)),
        Fault::ThrottleBare => throttled(),
        Fault::ThrottleHuge => throttled().with("Retry-After", "31536000"),
        Fault::ThrottleNegative => throttled().with("Retry-After", "-5"),
        Fault::ThrottlePast => throttled().with("Retry-After", date_in(-3_600)),
        Fault::InternalError => error(500, "2000", "An unexpected error."),
        Fault::Unavailable | Fault::UnavailableAlways => error_text(503, "Service Unavailable"),
        Fault::BadRequest => error(400, "2001", "The request is not valid."),
        Fault::Echo => echo(request),
        Fault::Forbidden => error(403, "900308", "Insufficient privileges."),
        Fault::NotFound => error(404, "60003", "The tenant was not found."),
        Fault::Conflict => error(409, "800002", "A conflict."),
        Fault::Unauthorized => error(401, "401", "The token was revoked."),
        Fault::NotYet => Answer::empty(204).with("Retry-After", date_in(1)),
        Fault::Redirect => {
            Answer::empty(302).with("Location", format!("{}/v1/elsewhere", settings.foreign()))
        }
        Fault::Html => Answer::json(
            200,
            "<!DOCTYPE html><html><body>Sign in to your account</body></html>",
        ),
        _ => return None,
    })
}

/// The date of HTTP that many seconds from now.
fn date_in(seconds: i64) -> String {
    let at = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
        + chrono::TimeDelta::seconds(seconds);
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// An error that repeats the request as it was sent and decoded, secrets included.
fn echo(request: &Request) -> Answer {
    let body = String::from_utf8_lossy(&request.body);
    let asked = match request.header("authorization") {
        Some(authorization) => format!("{authorization} {body}"),
        // A token request proves itself in its body.
        None => format!(" {body}"),
    };
    // Decoded once more: a secret with escaped characters must be found in both spellings.
    let plain: Vec<String> = pairs(&asked)
        .into_iter()
        .map(|(name, value)| format!("{name} is {value}"))
        .collect();
    let text = format!("{asked} {}", plain.join(", ")).replace('"', "'");
    error(400, "2001", &text)
}

/// True for faults of `connection::send`, which breaks an answer that is right by itself.
fn is_on_the_wire(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Refused
            | Fault::Garbage
            | Fault::StalledHead
            | Fault::ResetInBody
            | Fault::ShortLength
            | Fault::CutChunk
            | Fault::StalledBody
            | Fault::SlowDrip
    )
}

/// Applies a fault of the body that any answer can have; true if it was one.
fn distort(fault: Fault, answer: &mut Answer) -> bool {
    let Body::Bytes(bytes) = &mut answer.body else {
        return false;
    };
    match fault {
        Fault::CutJson if bytes.len() > 2 => bytes.truncate(bytes.len() / 2),
        Fault::TwoBoms => *bytes = ["\u{feff}\u{feff}".as_bytes(), bytes].concat(),
        _ => return false,
    }
    true
}

/// The kind of a request; `None` for a path that the sandbox does not know.
fn class_of(request: &Request) -> Option<Class> {
    // Methods are checked with the path: a POST to a list is a path that nobody knows.
    let path = request.path.as_str();
    let is_get = request.method == "GET";
    if path.ends_with("/oauth2/token")
        || path.ends_with("/oauth2/v2.0/token")
        || path.starts_with("/msi/")
    {
        return Some(Class::Token);
    }
    if path.starts_with("/v1/") && is_get {
        let follows = request.header("ms-continuationtoken").is_some()
            || request
                .parameter("offset")
                .is_some_and(|offset| offset != "0");
        return Some(if follows { Class::Next } else { Class::Page });
    }
    if path.starts_with(SHEETS_ROOT) && is_get {
        return Some(Class::Page);
    }
    if path.starts_with("/blobs/") && is_get {
        return Some(Class::Blob);
    }
    let rest = path
        .strip_prefix(GRAPH_ROOT)
        .or_else(|| path.strip_prefix(BETA_ROOT))?;
    match rest.split('/').find(|part| !part.is_empty())? {
        "operations" if is_get => Some(Class::Operation),
        "manifests" if is_get => Some(Class::Manifest),
        "usage" | "reconciliation" | "aggregatedUsage" if request.method == "POST" => {
            Some(Class::Export)
        }
        _ => None,
    }
}

/// The key for which a fault is drawn: path and page, without ids that differ from run to run.
fn fault_key(request: &Request) -> String {
    let page = match request.header("ms-continuationtoken") {
        Some(token) => digits_in(token),
        None => request.text("offset"),
    };
    let kind = request.text("invoicelineitemtype");
    // Ids of operations and blobs are numbered in the order of their creation: the number is kept.
    let parts: Vec<&str> = request.path.split('/').collect();
    let path = match parts.as_slice() {
        [.., family @ ("operations" | "manifests"), _] => {
            format!("{family} {}", number_in(&request.path))
        }
        [_, "blobs", export, .., name] => format!("blob {} {name}", number_in(export)),
        _ => request.path.clone(),
    };
    format!("{path} {kind} {page}")
}
