//! Error responses in words: status, code, message and correlation id, whatever shape the body has
//! ([endpoints §4](crate::model::domain::endpoints)). A server may repeat the request in its error:
//! [`without_secrets`] comes before anything is shown or logged.

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::message::{ApiRequest, ApiResponse, FORM};
use crate::sources::failure::FetchError;
use crate::sources::identity::origin;

/// Characters of a text that are shown. A description has up to 1,024: the rest is cut off.
const SHOWN_CHARACTERS: usize = 300;
/// Fields of a token request that are secret.
const SECRET_FIELDS: [&str; 3] = ["client_secret", "client_assertion", "refresh_token"];

/// The error for a response that refuses a request for good.
pub(super) fn refused(ask: &ApiRequest<'_>, reply: &ApiResponse) -> FetchError {
    // A redirect is never followed: the token would go along.
    if (300..400).contains(&reply.status) {
        let to = reply
            .header("location")
            .and_then(|to| ask.url.join(to).ok());
        let found = to.map_or_else(
            || "a redirect".to_owned(),
            |to| format!("a redirect to `{}`", origin::shown(&to)),
        );
        return FetchError::Security {
            what: ask.what.to_owned(),
            found,
            wanted: format!("a response of `{}` itself", origin::shown(&ask.url)),
        };
    }
    FetchError::Refused {
        what: ask.what.to_owned(),
        found: words_of(reply),
        status: reply.status,
        code: fault_in(&reply.body).0,
    }
}

/// The error for a response that refuses the token.
pub(crate) fn unauthorized(what: &str, reply: &ApiResponse) -> FetchError {
    FetchError::Authentication {
        what: what.to_owned(),
        found: words_of(reply),
        wanted: "a token that is accepted".to_owned(),
        hint: "`tieout doctor` checks each credential".to_owned(),
    }
}

/// Status, code, message and correlation id of an error response.
pub(crate) fn words_of(reply: &ApiResponse) -> String {
    let (code, message) = fault_in(&reply.body);
    let mut words = format!("status {}", reply.status);
    if !code.is_empty() {
        words.push_str(&format!(", code `{code}`"));
    }
    if !message.is_empty() {
        words.push_str(&format!(", `{message}`"));
    }
    let ids = ["ms-correlationid", "request-id", "ms-requestid"];
    if let Some((name, id)) = ids
        .iter()
        .find_map(|name| Some((name, reply.header(name)?)))
    {
        words.push_str(&format!(" ({name} {})", cut(id)));
    }
    words
}

/// The body of an error response, without the secrets of the request that it may repeat.
pub(super) fn without_secrets(
    body: &[u8],
    ask: &ApiRequest<'_>,
    token: Option<&SecretString>,
) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(body).into_owned();
    let mut secrets: Vec<String> = token
        .iter()
        .map(|token| token.expose_secret().to_owned())
        .collect();
    if let Some((FORM, form)) = &ask.body
        && let Ok(url) = Url::parse(&format!("form:?{form}"))
    {
        secrets.extend(
            url.query_pairs()
                .filter(|(name, _)| SECRET_FIELDS.contains(&name.as_ref()))
                .map(|(_, value)| value.into_owned()),
        );
        // The form in its encoded spelling may be repeated, too.
        secrets.push(form.clone());
    }
    // An empty text is found everywhere, and would tear the message apart.
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret.as_str(), "[secret]");
    }
    text.into_bytes()
}

/// Code and message of an error body, each empty where there is none. Partner Center, Graph, Entra
/// ID and the throttling gateway each have a shape of their own; some bodies are not JSON.
fn fault_in(body: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        // A page of markup says nothing within the characters that are shown.
        let message = if text.starts_with('<') {
            "an HTML page".to_owned()
        } else {
            cut(text)
        };
        return (String::new(), message);
    };
    let inner = value
        .get("error")
        .filter(|error| error.is_object())
        .unwrap_or(&value);
    let first_of = |keys: &[&str]| match keys.iter().find_map(|key| inner.get(key)) {
        Some(Value::String(text)) => cut(text),
        Some(other) => cut(&other.to_string()),
        None => String::new(),
    };
    (
        // `statusCode` is the throttling gateway's, a textual `error` that of Entra ID.
        first_of(&["code", "statusCode", "error"]),
        first_of(&["description", "message", "error_description"]),
    )
}

/// A text of one line, cut to what is shown.
fn cut(text: &str) -> String {
    let text: String = text
        .chars()
        // A line break in a message would forge a line of the log.
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().count() <= SHOWN_CHARACTERS {
        text
    } else {
        text.chars().take(SHOWN_CHARACTERS).collect::<String>() + "…"
    }
}
