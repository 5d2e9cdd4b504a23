//! Operation of an export: its order, the polls until it ends, and the manifest, which comes in one
//! of three shapes ([endpoints §7](crate::model::domain::endpoints)).

use std::time::Duration;

use reqwest::{Method, Url};
use serde_json::Value;

use crate::model::page::without_boms;
use crate::sources::auth::TokenKind;
use crate::sources::failure::FetchError;
use crate::sources::identity::origin;
use crate::sources::session::Session;
use crate::sources::wire::attempts::pause_in;
use crate::sources::wire::message::{ApiRequest, ApiResponse, any_body};

const REPORTS: &str = "v1.0/reports/partners/billing";
/// Polls during which an operation may still be unknown to the server that is asked.
const GRACE_POLLS: u32 = 6;
/// Code of an operation that found no data. Other failures have it as well, so that it alone proves
/// nothing.
const NO_DATA: &str = "5000";

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

/// Knowledge of whether an export may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emptiness {
    /// The invoice charges something: an empty export is not complete.
    Refuted,
    /// Nobody knows: the data are not billed yet.
    Possible,
    /// The invoice charges nothing: "no data" is a complete answer.
    Proven,
}

/// End of an operation.
pub(super) enum Ended {
    /// The export succeeded, with this manifest.
    Manifest(Value),
    /// The operation is gone: order another export, for this reason.
    Forgotten(String),
    /// There is nothing to export.
    Nothing,
}

/// The requests of one unit to Graph.
pub(super) struct Operations<'f> {
    pub(super) session: &'f Session,
    /// Id of the unit.
    pub(super) id: &'f str,
}

impl Operations<'_> {
    /// Orders an export of `report`, a path below Graph's reports; returns the operation's address.
    pub(super) async fn order(&self, report: &str, scope: &Scope) -> Result<Url, FetchError> {
        let body = match scope {
            Scope::Invoice(invoice) => {
                serde_json::json!({"invoiceId": invoice, "attributeSet": "full"})
            }
            Scope::Unbilled { currency, period } => serde_json::json!({
                "currencyCode": currency, "billingPeriod": period, "attributeSet": "full"
            }),
        };
        let url = self
            .graph()?
            .join(&format!("/{REPORTS}/{report}"))
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

    /// Polls an operation until it ends.
    pub(super) async fn poll(
        &self,
        operation: &Url,
        emptiness: Emptiness,
    ) -> Result<Ended, FetchError> {
        let http = &self.session.http;
        let policy = &http.retry_policy;
        let mut pauses = policy.pauses();
        let mut pause = pauses.next().unwrap_or(Duration::ZERO);
        for poll in 0..policy.polls {
            let asked = self
                .ask("The operation of", Method::GET, operation.clone(), None)
                .await;
            let reply = match asked {
                Ok(reply) => reply,
                // Just accepted, the operation may not be known to all servers yet; later on, it
                // has been forgotten.
                Err(FetchError::Refused { status: 404, .. }) if poll < GRACE_POLLS => {
                    let why = "the operation is not known yet";
                    http.pause(self.id, pause, why).await?;
                    continue;
                }
                Err(FetchError::Refused { status: 404, .. }) => {
                    let why = "the operation is no longer known";
                    return Ok(Ended::Forgotten(why.to_owned()));
                }
                Err(error) => return Err(error),
            };
            let answer = self.json(&reply)?;
            let status = status_of(&answer);
            if let Some(ended) = self.end(&status, &answer, emptiness).await? {
                return Ok(ended);
            }
            pause = match pause_in(reply.header("retry-after")) {
                Some(asked) => policy.capped(asked),
                // After the longest back-off, go on with it.
                None => pauses.next().unwrap_or(pause),
            };
            http.pause(self.id, pause, &format!("the export is `{status}`"))
                .await?;
        }
        Err(FetchError::Remote {
            what: format!("The operation of `{}`", self.id),
            found: "an export that does not finish".to_owned(),
            budget: format!("{} polls", policy.polls),
        })
    }

    /// The end of an operation; `None` while it is not started, is running, or has a status that is
    /// newer than this program.
    async fn end(
        &self,
        status: &str,
        answer: &Value,
        emptiness: Emptiness,
    ) -> Result<Option<Ended>, FetchError> {
        let error = &answer["error"];
        match status {
            // The documentation says `completed`, every sample says `succeeded`.
            "succeeded" | "completed" => {
                let manifest = self.manifest(answer).await?;
                Ok(Some(Ended::Manifest(manifest)))
            }
            // "No data" for an invoice that charges nothing is the whole truth.
            "failed" if emptiness == Emptiness::Proven && error["code"] == NO_DATA => {
                Ok(Some(Ended::Nothing))
            }
            "failed" => {
                // The code or the message may be missing: shown as empty.
                let field = |name: &str| error[name].as_str().unwrap_or("");
                let found = format!(
                    "an export that failed, code `{}`, `{}`",
                    field("code"),
                    field("message")
                );
                Err(self.incomplete(found, "an export that succeeds"))
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
            throttle: "graph",
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
