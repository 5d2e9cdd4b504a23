//! From a request to its answer: who asks, for what, and what goes wrong on the way.

use super::data::Data;
use super::exports::Exports;
use super::faults::{Class, Fault};
use super::http::{Answer, Body, Request};
use super::tokens::Tokens;
use super::{Settings, pages};

/// A partner's tenant, as it is served.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) data: Data,
    pub(super) settings: Settings,
    /// Where it is served: scheme, host and port.
    pub(super) origin: String,
    pub(super) tokens: Tokens,
    pub(super) exports: Exports,
}

/// Hosts that a foreign link leads to; nobody may follow it.
pub(super) fn foreign(settings: &Settings) -> &str {
    settings
        .foreign
        .as_deref()
        .unwrap_or("https://partner.example.invalid")
}

impl Tenant {
    pub(super) fn new(data: Data, settings: Settings, origin: String) -> Self {
        Self {
            data,
            settings,
            origin,
            tokens: Tokens::default(),
            exports: Exports::default(),
        }
    }

    /// The answer, and the fault with which it is sent.
    pub(super) fn answer(&self, request: &Request) -> (Answer, Option<Fault>) {
        if request.path == "/sandbox/faults" {
            return (Answer::json(200, self.settings.faults.report()), None);
        }
        let Some(class) = class_of(request) else {
            return (error(404, "404", "The sandbox knows no such path."), None);
        };
        let drawn = self.settings.faults.draw(class, &fault_key(request));
        if let Some(broken) = drawn.and_then(|fault| self.refused(fault, request)) {
            drawn
                .iter()
                .for_each(|fault| self.settings.faults.note(*fault));
            return (broken, drawn);
        }
        let mut hit = drawn.is_some_and(is_on_the_wire);
        let mut answer = self.route(class, request, drawn, &mut hit);
        if let Some(fault) = drawn {
            hit |= distort(fault, &mut answer);
            if hit {
                self.settings.faults.note(fault);
            }
        }
        (answer, drawn)
    }

    fn route(
        &self,
        class: Class,
        request: &Request,
        fault: Option<Fault>,
        hit: &mut bool,
    ) -> Answer {
        match class {
            Class::Token => {
                let short = fault == Some(Fault::ShortToken);
                *hit |= short;
                let seconds = if short {
                    1
                } else {
                    self.settings.token_seconds
                };
                if request.path.starts_with("/msi/") {
                    return self.tokens.managed(request, seconds);
                }
                return self
                    .tokens
                    .issue(request, seconds, self.settings.secret.as_deref());
            }
            Class::Blob => return self.exports.blob(self, request, fault, hit),
            _ => {}
        }
        let Some(grant) = self.tokens.check(request) else {
            return error(401, "401", "The token is missing, unknown or has expired.");
        };
        if matches!(class, Class::Page | Class::Next) {
            pages::answer(self, request, &grant, fault, hit)
        } else {
            self.exports.answer(self, request, class, fault, hit)
        }
    }

    /// What is answered in place of the data.
    fn refused(&self, fault: Fault, request: &Request) -> Option<Answer> {
        let throttled = || {
            error_text(
                429,
                r#"{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 seconds." }"#,
            )
        };
        let date = |seconds: i64| {
            let at = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
                + chrono::TimeDelta::seconds(seconds);
            at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
        };
        let graph = r#"{"error":{"code":"TooManyRequests","message":"Please retry again later.","innerError":{"code":"429"}}}"#;
        Some(match fault {
            Fault::ThrottleSeconds => throttled().with("Retry-After", "1"),
            Fault::ThrottleFraction => error_text(429, graph).with("Retry-After", "0.128"),
            Fault::ThrottleDate => throttled().with("Retry-After", date(1)),
            Fault::ThrottleBare => throttled(),
            Fault::ThrottleHuge => throttled().with("Retry-After", "31536000"),
            Fault::ThrottleNegative => throttled().with("Retry-After", "-5"),
            Fault::ThrottlePast => throttled().with("Retry-After", date(-3_600)),
            Fault::InternalError => error(500, "2000", "An unexpected error."),
            Fault::Unavailable | Fault::UnavailableAlways => error_text(503, "Service Unavailable"),
            Fault::BadRequest => error(400, "2001", "The request is not valid."),
            Fault::Echo => {
                let asked = format!(
                    "{} {}",
                    request.header("authorization").unwrap_or_default(),
                    String::from_utf8_lossy(&request.body)
                );
                let plain: Vec<String> = super::http::pairs(&asked)
                    .into_iter()
                    .map(|(name, value)| format!("{name} is {value}"))
                    .collect();
                error(
                    400,
                    "2001",
                    &format!("{asked} {}", plain.join(", ")).replace('"', "'"),
                )
            }
            Fault::Forbidden => error(403, "900308", "Insufficient privileges."),
            Fault::NotFound => error(404, "60003", "The tenant was not found."),
            Fault::Conflict => error(409, "800002", "A conflict."),
            Fault::Unauthorized => error(401, "401", "The token was revoked."),
            Fault::NotYet => Answer::empty(204).with("Retry-After", date(1)),
            Fault::Redirect => Answer::empty(302).with(
                "Location",
                format!("{}/v1/elsewhere", foreign(&self.settings)),
            ),
            Fault::Html => Answer::json(
                200,
                "<!DOCTYPE html><html><body>Sign in to your account</body></html>",
            ),
            _ => return None,
        })
    }
}

/// Faults of `http::send`: the answer itself is right.
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

/// Faults of the body that any answer can have.
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

/// The answer of Partner Center to what it does not like.
pub(super) fn error(status: u16, code: &str, description: &str) -> Answer {
    let body = format!(
        r#"{{"code":"{code}","description":"{description}","data":[],"source":"PartnerSandbox"}}"#
    );
    error_text(status, &body)
}

fn error_text(status: u16, body: &str) -> Answer {
    Answer::json(status, body).with("MS-CorrelationId", "00000000-5a4d-4b0c-8000-000000000000")
}

fn class_of(request: &Request) -> Option<Class> {
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
    if path.starts_with("/blobs/") && is_get {
        return Some(Class::Blob);
    }
    let rest = path.strip_prefix(super::exports::ROOT)?;
    match rest.split('/').find(|part| !part.is_empty())? {
        "operations" if is_get => Some(Class::Operation),
        "manifests" if is_get => Some(Class::Manifest),
        "usage" | "reconciliation" if request.method == "POST" => Some(Class::Export),
        _ => None,
    }
}

/// What a fault is drawn for: path and page, but no id that was made on the way.
fn fault_key(request: &Request) -> String {
    let page = request
        .header("ms-continuationtoken")
        .map(pages::number_of)
        .or_else(|| request.parameter("offset").map(str::to_owned));
    let kind = request.parameter("invoicelineitemtype").unwrap_or_default();
    let parts: Vec<&str> = request.path.split('/').collect();
    let path = match parts.as_slice() {
        [.., family @ ("operations" | "manifests"), _] => {
            format!("{family} {}", super::exports::number_in(&request.path))
        }
        [_, "blobs", export, .., name] => {
            format!("blob {} {name}", super::exports::number_in(export))
        }
        _ => request.path.clone(),
    };
    format!("{path} {kind} {}", page.unwrap_or_default())
}
