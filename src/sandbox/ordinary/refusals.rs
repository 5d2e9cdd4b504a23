//! Error answers in the shapes of each service, and checks of what every call must have.

use super::super::message::{Answer, Body, Request};
use super::json::{Json, count, object, text};
use super::pace;

/// An error of Partner Center, with all members that are always returned.
pub(super) fn partner_center(status: u16, code: &str, description: &str) -> Answer {
    let body = object([
        ("code", text(code)),
        ("description", text(description)),
        ("data", Json::List(Vec::new())),
        ("source", text("PartnerFD")),
    ]);
    Answer::json(status, body.to_string())
}

/// The error for a path that no page documents (code 1000).
pub(super) fn not_found() -> Answer {
    partner_center(404, "1000", "Not found")
}

/// The error for a property or parameter that is wrong (code 3000, the documented text).
pub(super) fn invalid(what: &str) -> Answer {
    partner_center(400, "3000", &format!("Invalid property: {what}"))
}

/// The error for usage of someone who has none (code 3000, the reported text).
pub(super) fn no_usage() -> Answer {
    partner_center(400, "3000", "Customer does not have usage data.")
}

/// Throttling by Partner Center, whose body is unlike all others.
pub(super) fn throttled(seconds: u64) -> Answer {
    let body = object([
        ("statusCode", count(429)),
        (
            "message",
            text(format!(
                "Rate limit is exceeded. Try again in {seconds} seconds."
            )),
        ),
    ]);
    Answer::json(429, body.to_string()).with("Retry-After", seconds.to_string())
}

/// An error of Graph.
pub(super) fn graph(request: &Request, status: u16, code: &str, message: &str) -> Answer {
    let asked = request.header("client-request-id");
    let inner = object([
        (
            "date",
            text(pace::instant(pace::now()).trim_end_matches('Z')),
        ),
        ("request-id", text("94fb3b52-452a-4535-a601-69e0a90e3aa2")),
        ("client-request-id", asked.map_or(Json::Null, text)),
    ]);
    let error = object([
        ("code", text(code)),
        ("message", text(message)),
        ("innerError", inner),
    ]);
    Answer::json(status, object([("error", error)]).to_string())
}

/// An error of blob storage: XML, with the code in a header as well.
pub(super) fn blob(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    Answer {
        status,
        headers: vec![
            ("Content-Type", "application/xml".to_owned()),
            ("x-ms-error-code", code.to_owned()),
        ],
        body: Body::Bytes(body.into_bytes()),
    }
}

/// An error of the token endpoint, with the number of Entra's error.
pub(super) fn login(status: u16, error: &str, number: u32, description: &str) -> Answer {
    let body = object([
        ("error", text(error)),
        (
            "error_description",
            text(format!("AADSTS{number}: {description}")),
        ),
        ("error_codes", Json::List(vec![count(number)])),
        ("timestamp", text(pace::instant(pace::now()))),
        ("trace_id", text("5d2f1c1e-6b0e-4a55-9a5b-0d6f2a3c1d00")),
        (
            "correlation_id",
            text("0c5d8c4b-2f3c-4a0e-8f0b-6f7f1b2a3c4d"),
        ),
    ]);
    Answer::json(status, body.to_string()).with("Cache-Control", "no-store")
}

/// True if a text is a GUID in the common form.
pub(super) fn is_guid(text: &str) -> bool {
    let places = [8, 13, 18, 23];
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match byte {
            b'-' => places.contains(&at),
            _ => byte.is_ascii_hexdigit() && !places.contains(&at),
        })
}

/// What a call to Partner Center lacks of the documented headers; `None` if it lacks nothing.
pub(super) fn lacking_header(request: &Request, wants_version: bool) -> Option<Answer> {
    for name in ["ms-requestid", "ms-correlationid"] {
        match request.header(name) {
            Some(value) if is_guid(value) => {}
            _ => return Some(invalid(&format!("header {name} must be a GUID"))),
        }
    }
    if wants_version && request.header("ms-contract-version") != Some("v1") {
        return Some(invalid("header ms-contract-version must be v1"));
    }
    // Absent counts as wrong: the page names the header without calling it optional.
    let accepted = request.header("accept").is_some_and(|accept| {
        accept.contains("application/json") || accept.contains("*/*") || accept.contains("pdf")
    });
    (!accepted).then(|| partner_center(406, "406", "Not acceptable"))
}
