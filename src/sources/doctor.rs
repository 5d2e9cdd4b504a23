//! Check of each credential: a token is requested, and something harmless is asked for with it.
//! What is missing is named: a scope, a role, multi-factor authentication, the right clock.

use reqwest::{Method, Url};
use serde::Serialize;

use super::auth::{TokenKind, Tokens};
use super::failure::FetchError;
use super::wire::http::Http;
use super::wire::message::{ApiRequest, ApiResponse, Purpose, any_body};
use super::wire::rate_limit::Api;

/// Largest accepted difference between the clocks, in seconds; beyond it tokens are refused.
const CLOCK_SECONDS: i64 = 300;
/// No operation has this id: the response is 404 for whoever has the permission to ask.
const NO_OPERATION: &str =
    "v1.0/reports/partners/billing/operations/00000000-0000-0000-0000-000000000000";

/// Result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of what was checked.
    pub what: String,
    /// True if it is as it should be.
    pub is_good: bool,
    /// The state of it, in words.
    pub found: String,
    /// Advice for the operator.
    pub hint: Option<String>,
}

impl Finding {
    /// A finding that all is well.
    #[must_use]
    pub fn good(what: &str, found: &str) -> Self {
        Self {
            what: what.to_owned(),
            is_good: true,
            found: found.to_owned(),
            hint: None,
        }
    }

    /// A finding that something is wrong.
    #[must_use]
    pub fn bad(what: &str, found: String, hint: Option<String>) -> Self {
        Self {
            what: what.to_owned(),
            is_good: false,
            found,
            hint,
        }
    }
}

/// A request that changes nothing, and the name of what it checks.
struct Probe {
    name: &'static str,
    kind: TokenKind,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    /// Advice if the permission is missing.
    missing: &'static str,
}

const APP: Probe = Probe {
    name: "App-only: customers of Partner Center",
    kind: TokenKind::App,
    path: "v1/customers?size=1",
    headers: &[],
    missing: "register the application in the partner's tenant, in Partner Center under App management, and grant admin consent",
};

const GRAPH: Probe = Probe {
    name: "App-only: billing exports of Graph",
    kind: TokenKind::Graph,
    path: NO_OPERATION,
    headers: &[],
    missing: "grant the application permission `PartnerBilling.Read.All`, with admin consent, in the partner's tenant",
};

const USER: Probe = Probe {
    name: "App+User: balances of Partner Center",
    kind: TokenKind::User,
    path: "v1/invoices/summaries",
    // Partner Center then tells if the token comes from multi-factor authentication.
    headers: &[("ValidateMfa", "true")],
    missing: "the user needs the role Admin agent or Billing admin, and the application needs `user_impersonation` on Partner Center",
};

/// Checks the credentials that an account has, and this machine's clock.
pub async fn credentials(http: &Http, tokens: &Tokens) -> Vec<Finding> {
    let account = tokens.account();
    let mut findings = Vec::new();
    let mut date = None;
    if account.app.is_some() {
        let found = probe(http, tokens, &APP).await;
        // Any response has the server's date; the first one is as good as another.
        if let Ok(reply) = &found {
            date = reply.header("date").map(str::to_owned);
        }
        findings.push(finding(&APP, found));
        if account.addresses.graph.is_some() {
            findings.push(finding(&GRAPH, probe(http, tokens, &GRAPH).await));
        }
    }
    if account.user.is_some() {
        let found = probe(http, tokens, &USER).await;
        findings.push(match found {
            Ok(reply) if lacks_mfa(&reply) => Finding::bad(
                USER.name,
                "a token without multi-factor authentication".to_owned(),
                Some(
                    "sign in again with multi-factor authentication, and store the new refresh token"
                        .to_owned(),
                ),
            ),
            found => finding(&USER, found),
        });
    }
    findings.extend(date.and_then(|date| clock(&date)));
    findings
}

fn lacks_mfa(reply: &ApiResponse) -> bool {
    reply
        .header("isMfaCompliant")
        .is_some_and(|value| value.eq_ignore_ascii_case("false"))
}

async fn probe(http: &Http, tokens: &Tokens, probe: &Probe) -> Result<ApiResponse, FetchError> {
    let addresses = &tokens.account().addresses;
    let base = match (&addresses.graph, probe.kind) {
        (Some(graph), TokenKind::Graph) => graph,
        _ => &addresses.partner_center,
    };
    let url: Url = base
        .join(&format!("/{}", probe.path))
        .expect("the paths of probes are constants");
    let headers = probe
        .headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    let ask = ApiRequest {
        what: "A probe",
        method: Method::GET,
        url,
        headers,
        body: None,
        api: match probe.kind {
            TokenKind::Graph => Api::Graph,
            TokenKind::App | TokenKind::User => Api::PartnerCenter,
        },
        purpose: Purpose::Needed,
        waits_for_content: false,
        check: &any_body,
    };
    match tokens.ask(http, probe.kind, &ask).await {
        // Permission is checked before existence: 404 means that the permission is there.
        Err(FetchError::Refused { status: 404, .. }) => Ok(ApiResponse {
            status: 404,
            headers: reqwest::header::HeaderMap::new(),
            body: Vec::new(),
        }),
        other => other,
    }
}

fn finding(probe: &Probe, found: Result<ApiResponse, FetchError>) -> Finding {
    let what = probe.name;
    match found {
        Ok(_) => Finding::good(what, "works"),
        Err(FetchError::Refused {
            status: 403, found, ..
        }) => Finding::bad(what, found, Some(probe.missing.to_owned())),
        // Code of Partner Center for a retired audience (`model::domain::endpoints` §4).
        Err(FetchError::Authentication { found, hint, .. }) if found.contains("900420") => {
            let hint = format!("the token is for a retired audience; {hint}");
            Finding::bad(what, found, Some(hint))
        }
        Err(error) => Finding::bad(what, error.to_string(), error.hint()),
    }
}

/// The finding on this machine's clock, by the date of a response; `None` if it cannot be read.
fn clock(date: &str) -> Option<Finding> {
    let theirs = chrono::DateTime::parse_from_rfc2822(date)
        .ok()?
        .with_timezone(&chrono::Utc);
    // The time that the response took does not matter against five minutes.
    let off = (chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()) - theirs)
        .num_seconds();
    Some(if off.abs() <= CLOCK_SECONDS {
        Finding::good("Clock", "within five minutes of the server's")
    } else {
        Finding::bad(
            "Clock",
            format!("{off} seconds off the server's"),
            Some("set the clock; otherwise tokens are refused".to_owned()),
        )
    })
}
