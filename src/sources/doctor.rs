//! Whether each credential works: a token is asked for, and something harmless with it. What is
//! missing is named: a scope, a role, multi-factor authentication, the right clock.

use reqwest::{Method, Url};
use serde::Serialize;

use super::failure::FetchError;
use crate::sources::identity::auth::{TokenKind, Tokens};
use crate::sources::wire::http::{Ask, Http, Reply, any_body};

/// A clock that is further off gets tokens refused.
const CLOCK_SECONDS: i64 = 300;
/// No operation has this id: the answer is 404 for whoever may ask.
const NO_OPERATION: &str =
    "v1.0/reports/partners/billing/operations/00000000-0000-0000-0000-000000000000";

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub what: String,
    /// Whether it is as it should be.
    pub is_good: bool,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// Something that is as it should be.
    #[must_use]
    pub fn good(what: &str, found: &str) -> Self {
        Self {
            what: what.to_owned(),
            is_good: true,
            found: found.to_owned(),
            hint: None,
        }
    }

    /// Something that is not.
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

/// Checks the credentials that an account has, and the clock.
pub async fn credentials(http: &Http, tokens: &Tokens) -> Vec<Finding> {
    let account = tokens.account();
    let mut findings = Vec::new();
    let mut date = None;
    if account.app.is_some() {
        let found = probe(http, tokens, TokenKind::App, "v1/customers?size=1", &[]).await;
        date = date.or(found
            .as_ref()
            .ok()
            .and_then(|reply| reply.header("date").map(str::to_owned)));
        findings.push(finding(
            "App-only: customers of Partner Center",
            found.map(|_| String::new()),
            "register the application in the partner's tenant, in Partner Center under App management, and grant admin consent",
        ));
        if account.addresses.graph.is_some() {
            let found = probe(http, tokens, TokenKind::Graph, NO_OPERATION, &[])
                .await
                .map(|_| String::new());
            findings.push(finding(
                "App-only: billing exports of Graph",
                found,
                "grant the application permission `PartnerBilling.Read.All`, with admin consent, in the partner's tenant",
            ));
        }
    }
    if account.user.is_some() {
        let found = probe(
            http,
            tokens,
            TokenKind::User,
            "v1/invoices/summaries",
            &[("ValidateMfa", "true".to_owned())],
        )
        .await;
        findings.push(match &found {
            Ok(reply) if reply.header("isMfaCompliant").is_some_and(|value| value.eq_ignore_ascii_case("false")) => Finding::bad(
                "App+User: balances of Partner Center",
                "a token without multi-factor authentication".to_owned(),
                Some("sign in again, with multi-factor authentication, and store the new refresh token".to_owned()),
            ),
            _ => finding(
                "App+User: balances of Partner Center",
                found.map(|_| String::new()),
                "the user needs the role Admin agent or Billing admin, and the application `user_impersonation` on Partner Center",
            ),
        });
    }
    if let Some(finding) = date.and_then(|date| clock(&date)) {
        findings.push(finding);
    }
    findings
}

async fn probe(
    http: &Http,
    tokens: &Tokens,
    kind: TokenKind,
    path: &str,
    headers: &[(&'static str, String)],
) -> Result<Reply, FetchError> {
    let addresses = &tokens.account().addresses;
    let base = if kind == TokenKind::Graph {
        addresses
            .graph
            .as_ref()
            .unwrap_or(&addresses.partner_center)
    } else {
        &addresses.partner_center
    };
    let url: Url = base
        .join(&format!("/{path}"))
        .map_err(|error| FetchError::Start {
            what: "an address",
            source: error.into(),
        })?;
    let ask = Ask {
        what: "a probe",
        method: Method::GET,
        url,
        headers: headers.to_vec(),
        body: None,
        throttle: "doctor",
        token: Some(kind),
        waits_for_content: false,
        check: &any_body,
    };
    match http.ask(&ask, tokens).await {
        // Whoever may not ask is told so before it is looked for.
        Err(FetchError::Refused { status: 404, .. }) => Ok(Reply {
            status: 404,
            headers: reqwest::header::HeaderMap::new(),
            body: Vec::new(),
        }),
        other => other,
    }
}

fn finding(what: &str, found: Result<String, FetchError>, missing: &str) -> Finding {
    match found {
        Ok(_) => Finding::good(what, "works"),
        Err(FetchError::Refused {
            status: 403, found, ..
        }) => Finding::bad(what, found, Some(missing.to_owned())),
        Err(FetchError::Authentication { found, hint, .. }) if found.contains("900420") => {
            Finding::bad(
                what,
                found,
                Some(format!(
                    "the token is for an audience that is retired; {hint}"
                )),
            )
        }
        Err(error) => Finding::bad(what, error.to_string(), error.hint()),
    }
}

fn clock(date: &str) -> Option<Finding> {
    let theirs = chrono::DateTime::parse_from_rfc2822(date)
        .ok()?
        .with_timezone(&chrono::Utc);
    let off = (chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()) - theirs)
        .num_seconds();
    Some(if off.abs() <= CLOCK_SECONDS {
        Finding::good("Clock", "within five minutes of the server's")
    } else {
        Finding::bad(
            "Clock",
            format!("{off} seconds off the server's"),
            Some("set the clock; tokens are refused otherwise".to_owned()),
        )
    })
}
