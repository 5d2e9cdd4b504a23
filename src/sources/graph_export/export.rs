//! Graph v2 exports: an order, its operation, the manifest in any of its shapes, and the blobs
//! (`endpoints.md` §7). The operation is written down before it is polled, so that a fetch that was
//! killed goes on with it.

use std::collections::HashSet;

use reqwest::{Method, Url};
use serde_json::Value;
use tokio::task::JoinSet;

use super::blob::Download;
use super::manifest::Manifest;
use crate::model::page::without_boms;
use crate::progress::watch::Event;
use crate::sources::failure::FetchError;
use crate::sources::fetch::endpoints::Twin;
use crate::sources::fetch::pages::Context;
use crate::sources::fetch::workers::Fetcher;
use crate::sources::identity::auth::TokenKind;
use crate::sources::identity::origin;
use crate::sources::landing::journal::{Entry, Part};
use crate::sources::wire::http::{Ask, Reply, any_body};

const REPORTS: &str = "v1.0/reports/partners/billing";
/// Polls at which an operation may still be unknown to the server that is asked.
const GRACE_POLLS: u32 = 6;
/// Code of an operation that found no data; of others that failed as well.
const NO_DATA: &str = "5000";
const BLOBS_AT_ONCE: usize = 4;

/// A unit that is an export.
pub(crate) struct Export<'f> {
    pub(crate) fetcher: &'f std::sync::Arc<Fetcher>,
    pub(crate) twin: &'f Twin,
    pub(crate) context: &'f Context,
    pub(crate) id: &'f str,
    /// Whether it may hold nothing.
    pub(crate) emptiness: Emptiness,
}

/// What is known of whether an export holds anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emptiness {
    /// The invoice charges something.
    Refuted,
    /// Nobody knows: data that are not billed yet.
    Possible,
    /// The invoice charges nothing.
    Proven,
}

/// How an operation ended.
enum Ended {
    Manifest(Value),
    /// Another export is to be ordered, and why.
    Forgotten(String),
    Nothing,
}

/// How a try at a unit ended.
enum Try {
    Complete,
    /// The manifest is to be asked for again; the operation holds.
    Again(String),
    /// Another export is to be ordered.
    Anew(String),
}

impl Export<'_> {
    /// Fetches the unit, or finds that the version that is landed is the newest.
    pub(crate) async fn fetch(&self) -> Result<(), FetchError> {
        let fetcher = self.fetcher;
        let tries = fetcher.http.patience.restarts + 1;
        let mut reason = String::new();
        for _ in 0..tries {
            match self.run().await? {
                Try::Complete => return Ok(()),
                Try::Again(why) => reason = why,
                Try::Anew(why) => {
                    fetcher.landing.enter(
                        self.id,
                        Entry::Restarted {
                            reason: why.clone(),
                        },
                    )?;
                    reason = why;
                }
            }
            fetcher.http.watch.tell(Event::Note(format!(
                "`{}`: {reason}: trying again",
                self.id
            )));
            fetcher.http.count_retry(self.id, &reason)?;
        }
        Err(self.incomplete(
            format!("{reason}, {tries} times"),
            "an export that holds until it is downloaded",
        ))
    }

    fn incomplete(&self, found: String, wanted: &str) -> FetchError {
        FetchError::Incomplete {
            what: format!("`{}`", self.id),
            found,
            wanted: wanted.to_owned(),
        }
    }

    async fn run(&self) -> Result<Try, FetchError> {
        let fetcher = self.fetcher;
        let journalled = fetcher
            .landing
            .unit(self.id)
            .open
            .and_then(|open| open.operation);
        // One of another host, as after a rehearsal, is not asked.
        let operation =
            match journalled.and_then(|url| self.own(&url, "a journalled operation").ok()) {
                Some(url) => url,
                None => {
                    let url = self.order().await?;
                    fetcher.landing.enter(
                        self.id,
                        Entry::Operation {
                            url: url.to_string(),
                        },
                    )?;
                    url
                }
            };
        let manifest = match self.poll(&operation).await? {
            Ended::Manifest(manifest) => manifest,
            Ended::Forgotten(why) => return Ok(Try::Anew(why)),
            Ended::Nothing => {
                fetcher.landing.enter(
                    self.id,
                    Entry::Complete {
                        etag: None,
                        day: fetcher.order.today.clone(),
                    },
                )?;
                return Ok(Try::Complete);
            }
        };
        let manifest = match Manifest::read(&manifest, fetcher.addresses(), self.id)? {
            Ok(manifest) => manifest,
            Err(why) => return Ok(Try::Again(why)),
        };
        if manifest.blobs.is_empty() && self.emptiness == Emptiness::Refuted {
            return Ok(Try::Again(
                "a manifest without blobs, of an invoice that charges something".to_owned(),
            ));
        }
        let unit = fetcher.landing.unit(self.id);
        if unit
            .versions
            .last()
            .is_some_and(|version| version.etag.as_ref() == Some(&manifest.etag))
        {
            fetcher.landing.enter(
                self.id,
                Entry::Checked {
                    day: fetcher.order.today.clone(),
                },
            )?;
            return Ok(Try::Complete);
        }
        if unit.open.as_ref().and_then(|open| open.etag.as_ref()) != Some(&manifest.etag) {
            fetcher.landing.enter(
                self.id,
                Entry::Manifest {
                    etag: manifest.etag.clone(),
                },
            )?;
        }
        if !unit.versions.is_empty() {
            let line = format!(
                "`{}`: restated: version `{}` beside {} before it",
                self.id,
                manifest.etag,
                unit.versions.len()
            );
            fetcher.http.watch.tell(Event::Note(line));
        }
        if let Some(why) = self.download(&manifest).await? {
            return Ok(Try::Again(why));
        }
        self.prove(&manifest)?;
        fetcher.landing.enter(
            self.id,
            Entry::Complete {
                etag: Some(manifest.etag),
                day: fetcher.order.today.clone(),
            },
        )?;
        Ok(Try::Complete)
    }

    /// Downloads what is not there yet, some at once; the reason where the manifest must be asked
    /// for again.
    async fn download(&self, manifest: &Manifest) -> Result<Option<String>, FetchError> {
        let fetcher = self.fetcher;
        let landed: HashSet<String> = fetcher
            .landing
            .unit(self.id)
            .open
            .map(|open| open.parts.into_iter().map(|part| part.name).collect())
            .unwrap_or_default();
        let mut missing = manifest
            .blobs
            .iter()
            .filter(|blob| !landed.contains(&blob.name));
        let mut running: JoinSet<Result<Result<Part, String>, FetchError>> = JoinSet::new();
        let mut again = None;
        loop {
            while running.len() < BLOBS_AT_ONCE && again.is_none() {
                let Some(blob) = missing.next() else { break };
                let download = Download {
                    fetcher: std::sync::Arc::clone(fetcher),
                    id: self.id.to_owned(),
                    url: manifest.address(blob)?,
                    blob: blob.clone(),
                };
                running.spawn(async move { download.fetch().await });
            }
            let Some(ended) = running.join_next().await else {
                return Ok(again);
            };
            match ended.map_err(|source| FetchError::Start {
                what: "a download",
                source: source.into(),
            })?? {
                Ok(part) => {
                    let event = Event::Landed {
                        dataset: self.twin.v1.dataset,
                        rows: part.rows,
                        bytes: part.bytes,
                    };
                    fetcher.landing.enter(self.id, Entry::Part(part))?;
                    fetcher.http.watch.tell(event);
                }
                Err(why) => again = Some(why),
            }
        }
    }

    /// All blobs are there, and nothing else.
    fn prove(&self, manifest: &Manifest) -> Result<(), FetchError> {
        let parts = self
            .fetcher
            .landing
            .unit(self.id)
            .open
            .map(|open| open.parts)
            .unwrap_or_default();
        let landed: HashSet<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        let wanted: HashSet<&str> = manifest
            .blobs
            .iter()
            .map(|blob| blob.name.as_str())
            .collect();
        if landed == wanted {
            Ok(())
        } else {
            Err(self.incomplete(
                format!("{} blobs", landed.len()),
                &format!("{} blobs", wanted.len()),
            ))
        }
    }

    async fn order(&self) -> Result<Url, FetchError> {
        let value = |name: &str| self.context.get(name).unwrap_or_default().to_owned();
        let body = match self.context.get("invoice") {
            Some(invoice) => serde_json::json!({"invoiceId": invoice, "attributeSet": "full"}),
            None => {
                let period = if value("period") == "previous" {
                    "last"
                } else {
                    "current"
                };
                serde_json::json!({"currencyCode": value("currency"), "billingPeriod": period, "attributeSet": "full"})
            }
        };
        let base = self.graph()?;
        let url = base
            .join(&format!("/{REPORTS}/{}", self.twin.v2))
            .map_err(|_| self.incomplete("no address".to_owned(), "an address"))?;
        let reply = self
            .ask(
                "the order of",
                Method::POST,
                url,
                Some(("application/json", body.to_string())),
            )
            .await?;
        let location = reply.header("location").map(str::to_owned);
        let location = location.ok_or_else(|| {
            self.incomplete(
                format!("status {} without a Location", reply.status),
                "202 with a Location",
            )
        })?;
        self.own(&location, "the Location of an export")
    }

    /// Asks the operation until it ends.
    async fn poll(&self, operation: &Url) -> Result<Ended, FetchError> {
        let fetcher = self.fetcher;
        let mut pauses = fetcher.http.patience.pauses();
        let mut pause = pauses.next().unwrap_or_default();
        for poll in 0..fetcher.http.patience.polls {
            let reply = match self
                .ask("the operation of", Method::GET, operation.clone(), None)
                .await
            {
                Ok(reply) => reply,
                // Just accepted, it may not be known everywhere yet; later, it is forgotten.
                Err(FetchError::Refused { status: 404, .. }) if poll < GRACE_POLLS => {
                    fetcher
                        .http
                        .pause(self.id, pause, "the operation is not known yet")
                        .await?;
                    continue;
                }
                Err(FetchError::Refused { status: 404, .. }) => {
                    return Ok(Ended::Forgotten(
                        "the operation is not known any more".to_owned(),
                    ));
                }
                Err(error) => return Err(error),
            };
            let answer = json(&reply, self.id)?;
            let status = answer
                .get("status")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_ascii_lowercase();
            match status.as_str() {
                "succeeded" | "completed" => {
                    return self.manifest(&answer).await.map(Ended::Manifest);
                }
                // "No data", of an invoice that charges nothing, is what there is.
                "failed"
                    if self.emptiness == Emptiness::Proven
                        && answer["error"]["code"] == NO_DATA =>
                {
                    return Ok(Ended::Nothing);
                }
                "failed" => {
                    let field = |name: &str| {
                        answer["error"][name]
                            .as_str()
                            .map(str::to_owned)
                            .unwrap_or_default()
                    };
                    let found = format!(
                        "an export that failed, code `{}`, `{}`",
                        field("code"),
                        field("message")
                    );
                    return Err(self.incomplete(found, "an export that succeeds"));
                }
                // Not started, running, or a word that is newer than this program.
                _ => {
                    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
                    let asked = reply
                        .header("retry-after")
                        .and_then(|text| crate::sources::wire::retry::retry_after(text, now));
                    pause = asked.map_or_else(
                        || pauses.next().unwrap_or(pause),
                        |asked| fetcher.http.patience.capped(asked),
                    );
                    fetcher
                        .http
                        .pause(self.id, pause, &format!("the export is `{status}`"))
                        .await?;
                }
            }
        }
        let budget = format!("{} polls", fetcher.http.patience.polls);
        Err(FetchError::Remote {
            what: format!("the operation of `{}`", self.id),
            found: "an export that does not end".to_owned(),
            budget,
        })
    }

    /// The manifest: inline, behind an address as text, or behind a navigation link.
    async fn manifest(&self, answer: &Value) -> Result<Value, FetchError> {
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
        let url = self.own(link, "the manifest of an export")?;
        let reply = self.ask("the manifest of", Method::GET, url, None).await?;
        json(&reply, self.id)
    }

    async fn ask(
        &self,
        part: &str,
        method: Method,
        url: Url,
        body: Option<(&'static str, String)>,
    ) -> Result<Reply, FetchError> {
        let is_post = method == Method::POST;
        let ask = Ask {
            what: &format!("{part} `{}`", self.id),
            method,
            url,
            headers: Vec::new(),
            body,
            throttle: "graph",
            token: Some(TokenKind::Graph),
            waits_for_content: false,
            check: if is_post { &any_body } else { &is_json },
        };
        self.fetcher.http.ask(&ask, &self.fetcher.tokens).await
    }

    fn own(&self, given: &str, what: &str) -> Result<Url, FetchError> {
        origin::same_origin(self.graph()?, given, what)
    }

    fn graph(&self) -> Result<&Url, FetchError> {
        let graph = self.fetcher.addresses().graph.as_ref();
        graph.ok_or_else(|| {
            self.incomplete(
                "a cloud without Graph exports".to_owned(),
                "v1: set `api = \"v1\"`",
            )
        })
    }
}

fn is_json(body: &[u8]) -> Result<(), String> {
    let parsed = serde_json::from_slice::<Value>(without_boms(body));
    match parsed {
        Ok(value) if value.is_object() => Ok(()),
        Ok(_) => Err("JSON that is no object".to_owned()),
        Err(error) => Err(format!("JSON that does not parse: {error}")),
    }
}

fn json(reply: &Reply, id: &str) -> Result<Value, FetchError> {
    serde_json::from_slice(without_boms(&reply.body)).map_err(|error| FetchError::Incomplete {
        what: format!("`{id}`"),
        found: format!("JSON that does not parse: {error}"),
        wanted: "an answer of Graph".to_owned(),
    })
}
