//! Operation of an export: its order, the polls until it ends, and the manifest, which comes in one
//! of three shapes ([endpoints §7](crate::model::domain::endpoints)).

use std::time::{Duration, Instant};

use reqwest::{Method, Url};
use serde_json::Value;

use crate::model::page::without_boms;
use crate::sources::auth::TokenKind;
use crate::sources::failure::FetchError;
use crate::sources::identity::origin;
use crate::sources::session::Session;
use crate::sources::wire::attempts::pause_in;
use crate::sources::wire::message::{ApiRequest, ApiResponse, Purpose, any_body};
use crate::sources::wire::rate_limit::Service;

/// Path of the billing reports below Graph's version.
const REPORTS: &str = "reports/partners/billing";
/// Polls during which an operation may still be unknown to the server that is asked.
const GRACE_POLLS: u32 = 6;
/// Code of an operation that found no data. Other failures have it as well, so that it alone proves
/// nothing.
const NO_DATA: &str = "5000";
/// Longest pause between two polls where the server asks for none.
const LONGEST_POLL_PAUSE: Duration = Duration::from_secs(60);

/// An export of Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// Version of Graph that serves it: `v1.0`, or `beta`.
    pub(crate) version: &'static str,
    /// Path below Graph's reports.
    pub(crate) path: &'static str,
    /// True if its rows come in several sets of attributes, of which all are wanted.
    pub(crate) has_attributes: bool,
    /// True if the service may not know it yet, or in another version only.
    pub(crate) is_new: bool,
}

/// Data that an export is ordered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Billed data of one invoice.
    Invoice(String),
    /// Data that are not billed yet, in one currency.
    Unbilled {
        /// Currency code, ISO 4217.
        currency: String,
        /// Billing period in Graph's words: `current` or `last`.
        period: &'static str,
    },
}

/// End of an operation.
pub(super) enum Ended {
    /// The export succeeded, with this manifest.
    Manifest(Value),
    /// The operation is gone, or failed: order another export, for this reason.
    Over(String),
    /// The service says that it has no data, in these words.
    NoData(String),
}

/// The requests of one unit to Graph.
pub(super) struct Operations<'f> {
    pub(super) session: &'f Session,
    /// Id of the unit.
    pub(super) id: &'f str,
    pub(super) purpose: Purpose,
}

impl Operations<'_> {
    /// Orders an export; returns the operation's address.
    pub(super) async fn order(&self, report: Report, scope: &Scope) -> Result<Url, FetchError> {
        let mut body = match scope {
            Scope::Invoice(invoice) => serde_json::json!({"invoiceId": invoice}),
            Scope::Unbilled { currency, period } => {
                serde_json::json!({"currencyCode": currency, "billingPeriod": period})
            }
        };
        if report.has_attributes {
            body["attributeSet"] = "full".into();
        }
        let Report { version, path, .. } = report;
        let url = self
            .graph()?
            .join(&format!("/{version}/{REPORTS}/{path}"))
            .expect("a path of the table of endpoints");
        let body = ("application/json", body.to_string());
        let reply = self
            .ask("The order of", Method::POST, url, Some(body))
            .await?;
        // The address is used as given, if it stays on Graph's own host.
        let location = reply.header("location").ok_or_else(|| {
            self.incomplete(
                format!("status {} without a Location", reply.status),
                "202 with a Location",
            )
        })?;
        self.own(location, "The Location of an export")
    }

    /// Polls an operation until it ends. That an export runs for half an hour is no fault: the time
    /// is counted for each export by itself. `is_older` is true of an operation that an earlier
    /// fetch ordered.
    pub(super) async fn poll(&self, operation: &Url, is_older: bool) -> Result<Ended, FetchError> {
        let http = &self.session.http;
        let policy = &http.retry_policy;
        let began = Instant::now();
        let limit = Duration::from_millis(policy.export_wait_ms);
        let mut grace = if is_older { 0 } else { GRACE_POLLS };
        let mut pauses = policy.pauses();
        let mut backoff = pauses.next().unwrap_or(Duration::ZERO);
        loop {
            let asked = self
                .ask("The operation of", Method::GET, operation.clone(), None)
                .await;
            let (pause, why) = match asked {
                Ok(reply) => {
                    let answer = self.json(&reply)?;
                    let status = status_of(&answer);
                    if let Some(ended) = self.end(&status, &answer).await? {
                        return Ok(ended);
                    }
                    let pause = pause_in(reply.header("retry-after"));
                    let pause = pause.map(|asked| policy.capped(asked));
                    (pause, format!("the export is `{status}`"))
                }
                // Just accepted, the operation may not be known to all servers yet; later on, it
                // has been forgotten.
                Err(FetchError::Refused {
                    status: 404 | 410, ..
                }) => {
                    if grace == 0 {
                        let why = "the operation is no longer known";
                        return Ok(Ended::Over(why.to_owned()));
                    }
                    grace -= 1;
                    (None, "the operation is not known yet".to_owned())
                }
                Err(error) => return Err(error),
            };
            if began.elapsed() >= limit {
                return Err(FetchError::Remote {
                    what: format!("The operation of `{}`", self.id),
                    found: format!("{why} after {} s", began.elapsed().as_secs()),
                    budget: format!("{} s, as `export_wait_ms` says", limit.as_secs()),
                });
            }
            let pause = pause.unwrap_or_else(|| {
                // After the longest back-off, go on with it.
                backoff = pauses.next().unwrap_or(backoff).min(LONGEST_POLL_PAUSE);
                backoff
            });
            http.wait(self.id, pause, &why).await;
        }
    }

    /// The end of an operation; `None` while it is not started, is running, or has a status that is
    /// newer than this program.
    async fn end(&self, status: &str, answer: &Value) -> Result<Option<Ended>, FetchError> {
        let error = &answer["error"];
        match status {
            // The documentation says `completed`, every sample says `succeeded`.
            "succeeded" | "completed" => {
                let manifest = self.manifest(answer).await?;
                Ok(Some(Ended::Manifest(manifest)))
            }
            "failed" => {
                // The code or the message may be missing: shown as empty.
                let field = |name: &str| error[name].as_str().unwrap_or("");
                let found = format!(
                    "an export that failed, code `{}`, `{}`",
                    field("code"),
                    field("message")
                );
                Ok(Some(if error["code"] == NO_DATA {
                    Ended::NoData(found)
                } else {
                    // A failed operation cannot be resumed, but another one may succeed.
                    Ended::Over(found)
                }))
            }
            _ => Ok(None),
        }
    }

    /// The manifest: inline, at an address given as text, or behind a navigation link.
    async fn manifest(&self, answer: &Value) -> Result<Value, FetchError> {
        // Microsoft's own samples disagree on the shape (`model::domain::endpoints` §7).
        let location = answer.get("resourceLocation");
        if let Some(inline) = location.filter(|location| location.is_object()) {
            return Ok(inline.clone());
        }
        let link = location
            .or_else(|| answer.get("resourceLocation@odata.navigationLink"))
            .and_then(Value::as_str);
        let link = link.ok_or_else(|| {
            self.incomplete(
                "an export that succeeded without a manifest".to_owned(),
                "`resourceLocation`",
            )
        })?;
        let url = self.own(link, "The manifest of an export")?;
        let reply = self.ask("The manifest of", Method::GET, url, None).await?;
        self.json(&reply)
    }

    /// The address given in a response, if it is on Graph's own origin; `what` names the response
    /// in the error.
    pub(super) fn own(&self, given: &str, what: &str) -> Result<Url, FetchError> {
        origin::same_origin(self.graph()?, given, what)
    }

    fn graph(&self) -> Result<&Url, FetchError> {
        let graph = self.session.addresses().graph.as_ref();
        graph.ok_or_else(|| {
            self.incomplete(
                "a cloud without Graph exports".to_owned(),
                "v1: set `api = \"v1\"`",
            )
        })
    }

    async fn ask(
        &self,
        part: &str,
        method: Method,
        url: Url,
        body: Option<(&'static str, String)>,
    ) -> Result<ApiResponse, FetchError> {
        // An accepted order has an empty body; everything else is a JSON object.
        let is_post = method == Method::POST;
        let ask = ApiRequest {
            what: &format!("{part} `{}`", self.id),
            method,
            url,
            headers: Vec::new(),
            body,
            service: Service::Graph,
            purpose: self.purpose,
            waits_for_content: false,
            check: if is_post { &any_body } else { &is_object },
        };
        self.session.ask(TokenKind::Graph, &ask).await
    }

    fn json(&self, reply: &ApiResponse) -> Result<Value, FetchError> {
        serde_json::from_slice(without_boms(&reply.body)).map_err(|error| {
            self.incomplete(format!("invalid JSON: {error}"), "a response of Graph")
        })
    }

    /// The error of a unit that is not complete.
    pub(super) fn incomplete(&self, found: String, wanted: &str) -> FetchError {
        FetchError::Incomplete {
            what: format!("`{}`", self.id),
            found,
            wanted: wanted.to_owned(),
        }
    }
}

/// The words of a refusal that says that the service does not know a report at all.
pub(super) fn unknown_report(error: &FetchError) -> Option<&str> {
    let FetchError::Refused { status, found, .. } = error else {
        return None;
    };
    // Graph says 400 "Resource not found for the segment" of a path that it does not know; 400 alone
    // is about what was asked for.
    let is_unknown = match status {
        404 => true,
        400 => found.to_lowercase().contains("resource not found"),
        _ => false,
    };
    is_unknown.then_some(found)
}

/// The status of an operation in lower case; empty if it states none, which is polled on like an
/// unknown one.
fn status_of(answer: &Value) -> String {
    match answer.get("status").and_then(Value::as_str) {
        Some(status) => status.to_ascii_lowercase(),
        None => String::new(),
    }
}

fn is_object(body: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<Value>(without_boms(body)) {
        Ok(value) if value.is_object() => Ok(()),
        Ok(_) => Err("JSON that is not an object".to_owned()),
        Err(error) => Err(format!("invalid JSON: {error}")),
    }
}
