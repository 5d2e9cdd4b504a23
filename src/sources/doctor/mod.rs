//! Check of each credential: a token is requested, and something harmless is asked for with it.
//! What is missing is named: a scope, a role, multi-factor authentication. Beside it, what
//! credentials depend on: the clock, certificates, the store of tokens, space on the disk.

pub mod finding;

pub(crate) mod space;

pub(crate) mod x509;

pub(crate) mod certificates;

pub(crate) mod refresh_token;

pub(crate) mod clock;

use reqwest::{Method, Url};

pub use self::finding::Finding;
use super::auth::{TokenKind, Tokens};
use super::failure::FetchError;
use super::wire::http::Http;
use super::wire::message::{ApiRequest, ApiResponse, Purpose, any_body};
use super::wire::rate_limit::Service;

/// No operation has this id: the response is 404 for whoever has the permission to ask.
const NO_OPERATION: &str =
    "v1.0/reports/partners/billing/operations/00000000-0000-0000-0000-000000000000";

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
    let has_graph = account.addresses.graph.is_some();
    // The clock first: it explains why a token is refused.
    let mut findings = vec![clock::finding(http, &account.addresses.authority).await];
    if account.app.is_some() {
        findings.push(finding(&APP, probe(http, tokens, &APP).await));
        if has_graph {
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
            )
            .lacking(USER.kind),
            found => finding(&USER, found),
        });
    }
    findings
}

/// The finding on a permission of an application that the account does not even have.
pub(crate) fn no_application() -> Finding {
    let hint = "add `[partner_center.app.…]`: billing exports are for applications alone";
    Finding::bad(
        GRAPH.name,
        "no application in the pipeline file".to_owned(),
        Some(hint.to_owned()),
    )
    .lacking(GRAPH.kind)
}

fn lacks_mfa(reply: &ApiResponse) -> bool {
    reply
        .header("isMfaCompliant")
        .is_some_and(|value| value.eq_ignore_ascii_case("false"))
}

async fn probe(http: &Http, tokens: &Tokens, probe: &Probe) -> Result<ApiResponse, FetchError> {
    let addresses = &tokens.account().addresses;
    let own = match probe.kind {
        TokenKind::Graph => addresses.graph.as_ref(),
        TokenKind::Sheets => addresses.sheets.as_ref(),
        TokenKind::App | TokenKind::User => None,
    };
    let base = own.unwrap_or(&addresses.partner_center);
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
        service: match probe.kind {
            TokenKind::Graph => Service::Graph,
            TokenKind::Sheets => Service::Sheets,
            TokenKind::App | TokenKind::User => Service::PartnerCenter,
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
    let error = match found {
        Ok(_) => return Finding::good(probe.name, "works"),
        Err(error) => error,
    };
    let hint = match &error {
        FetchError::Refused { status: 403, .. } => Some(probe.missing.to_owned()),
        // Code of Partner Center for a retired audience (`model::domain::endpoints` §4).
        FetchError::Refused {
            status: 401, found, ..
        } if found.contains("900420") => Some("the token is for a retired audience".to_owned()),
        FetchError::Refused { status: 401, .. } => {
            Some("the token is refused: check the application's registration".to_owned())
        }
        error => error.hint(),
    };
    let words = match &error {
        FetchError::Refused {
            status: 403, found, ..
        } => found.clone(),
        error => error.to_string(),
    };
    Finding {
        is_remote: matches!(
            error,
            FetchError::Remote { .. } | FetchError::Incomplete { .. }
        ),
        ..Finding::bad(probe.name, words, hint).lacking(probe.kind)
    }
}
