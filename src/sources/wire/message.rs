//! A request as it is asked for, and the response that was accepted.

use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use ring::rand::SecureRandom as _;

use super::rate_limit::Service;

/// Content type of a form, which may contain secrets.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Purpose of a request. Each has a budget of its own: what only informs never uses up the patience
/// for what a close needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A tie-out that is wanted needs the answer.
    #[default]
    Needed,
    /// The answer informs a reader, and no tie-out.
    Informational,
}

/// Ids of one call, by which a service traces it ([endpoints §3](crate::model::domain::endpoints)).
#[derive(Clone, Debug)]
pub(crate) struct CallIds {
    /// The same for all attempts of one call.
    pub(crate) correlation: String,
    /// Kept when no response came, so that the server can tell a repetition; new after any response.
    pub(crate) request: String,
}

impl CallIds {
    /// Ids of a new call.
    pub(crate) fn new() -> Self {
        Self {
            correlation: guid(),
            request: guid(),
        }
    }
}

/// A request, without its token.
pub(crate) struct ApiRequest<'a> {
    /// Name of what is asked for, to begin a message with.
    pub(crate) what: &'a str,
    /// Method: GET or POST.
    pub(crate) method: Method,
    /// Address with its query.
    pub(crate) url: Url,
    /// Headers besides those of every request.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Content type and text of the body.
    pub(crate) body: Option<(&'static str, String)>,
    /// Service to which the request goes, and at whose gate it waits.
    pub(crate) service: Service,
    /// Purpose, from whose budget faults are paid.
    pub(crate) purpose: Purpose,
    /// True if 204 means "not ready yet" even without a `Retry-After`.
    pub(crate) waits_for_content: bool,
    /// Test of a body: the reason why it is not usable, in words. A body that fails it is asked for
    /// again.
    pub(crate) check: &'a (dyn Fn(&[u8]) -> Result<(), String> + Sync),
}

/// A response with its complete body.
#[derive(Debug)]
pub(crate) struct ApiResponse {
    /// HTTP status of the response.
    pub(crate) status: u16,
    /// Headers of the response.
    pub(crate) headers: HeaderMap,
    /// Response body; of an error, with the secrets of the request taken out.
    pub(crate) body: Vec<u8>,
}

impl ApiResponse {
    /// The value of a header; `None` if it is missing or not text.
    #[must_use]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// The value of a header; `None` if it is missing or not text.
pub(crate) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The test that accepts any body.
///
/// # Errors
/// Never; the type is that of [`ApiRequest::check`].
pub(crate) fn any_body(_: &[u8]) -> Result<(), String> {
    Ok(())
}

/// A random GUID (version 4).
pub(crate) fn guid() -> String {
    let mut bytes = [0_u8; 16];
    // Ids are for tracing and idempotency, not for security: a constant one is only less useful.
    if ring::rand::SystemRandom::new().fill(&mut bytes).is_err() {
        bytes = [7; 16];
    }
    // Version and variant bits of RFC 9562.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
