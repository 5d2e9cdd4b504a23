//! Graph's billing exports (endpoints §7): orders, operations and manifests. An order is accepted
//! whatever it asks for; whether there are data shows when the operation ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::message::{Answer, Request};
use super::books::Partner;
use super::exports::{Failed, Files, Wanted, files};
use super::json::{Json, count, object, text};
use super::pace;
use super::refusals;
use super::storage;

/// Minutes that an export takes.
const EXPORT_MINUTES: u64 = 25;
/// Seconds that a client waits between two looks at an operation.
const POLL_SECONDS: u64 = 30;
/// Seconds after its end for which an operation is known, under a quirk.
const STALE_SECONDS: u64 = 3_600;

/// An export that was ordered.
#[derive(Clone, Debug)]
struct Ordered {
    wanted: Wanted,
    basic: bool,
    /// Version of Graph under which it was ordered.
    version: String,
    since: Instant,
    created: i64,
    /// Number of times that it was asked for after its end.
    asked: u32,
    manifest: String,
}

/// Exports of this process: a restart forgets them, as a night does.
#[derive(Debug, Default)]
pub(super) struct Reports {
    ordered: Mutex<HashMap<String, Ordered>>,
    made: Mutex<HashMap<String, Arc<Files>>>,
}

impl Reports {
    /// Answers a request for Graph. `path` is what follows the version.
    pub(super) fn answer(
        &self,
        partner: &Partner,
        request: &Request,
        origin: &str,
        (version, path): (&str, &str),
    ) -> Answer {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let rest = match &parts[..] {
            ["reports", "partners", "billing", rest @ ..] => rest,
            _ => return no_segment(request, path),
        };
        let is_known = match rest {
            ["usage" | "reconciliation", "billed" | "unbilled", "export"] => true,
            ["aggregatedUsage", "billed", "export"] => match version {
                "beta" => !partner.has("aggregated-missing"),
                _ => partner.has("aggregated-v1"),
            },
            ["operations" | "manifests", _] => true,
            _ => false,
        };
        if !is_known {
            return no_segment(request, path);
        }
        let post = rest.last() == Some(&"export");
        if request.method != if post { "POST" } else { "GET" } {
            return refusals::graph(request, 405, "MethodNotAllowed", "Method not allowed.");
        }
        match rest {
            ["operations", id] => self.operation(partner, request, origin, id),
            ["manifests", id] => self.manifest(partner, request, origin, id),
            _ => match order(request, rest) {
                Err(fault) => refusals::graph(request, 400, "BadRequest", &fault),
                Ok((wanted, basic)) => self.accept(partner, origin, version, wanted, basic),
            },
        }
    }

    fn accept(
        &self,
        partner: &Partner,
        origin: &str,
        version: &str,
        wanted: Wanted,
        basic: bool,
    ) -> Answer {
        let mut ordered = self.ordered();
        let key = format!("{}-{}", ordered.len(), pace::now());
        let id = partner.chance.guid(&["operation", &key]);
        let order = Ordered {
            wanted,
            basic,
            version: version.to_owned(),
            since: Instant::now(),
            created: pace::now(),
            asked: 0,
            manifest: partner.chance.guid(&["manifest", &key]),
        };
        ordered.insert(id.clone(), order);
        let address = format!("{origin}/{version}/reports/partners/billing/operations/{id}");
        Answer::empty(202).with("Location", address)
    }

    fn operation(&self, partner: &Partner, request: &Request, origin: &str, id: &str) -> Answer {
        let mut known = self.ordered();
        let Some(order) = known.get_mut(id) else {
            return refusals::graph(request, 404, "NotFound", "The operation was not found.");
        };
        let takes = export_time(partner);
        let passed = order.since.elapsed();
        if passed < takes {
            let wait = pace::scaled(&partner.settings, POLL_SECONDS).min(takes - passed);
            let body = operation_body(order, id, "runningOperation", "running");
            let wait = pace::fractional_retry_after(wait);
            return Answer::json(200, body.to_string()).with("Retry-After", wait);
        }
        order.asked += 1;
        let kept = takes + pace::scaled(&partner.settings, STALE_SECONDS);
        if partner.has("stale-operations") && passed > kept {
            return refusals::graph(request, 404, "NotFound", "The operation was not found.");
        }
        if partner.has("gone-operations") && order.asked > 1 {
            return refusals::graph(request, 410, "Gone", "The operation is gone.");
        }
        let order = order.clone();
        // Making files takes time: other orders may be asked for meanwhile.
        drop(known);
        match self.files_of(partner, &order) {
            Err(message) => {
                let error = object([("message", text(message)), ("code", text("5000"))]);
                let body = operation_body(&order, id, "failedOperation", "failed");
                Answer::json(200, body.with("error", error).to_string())
            }
            Ok(files) => succeeded(partner, origin, (&order, id), &files),
        }
    }

    fn manifest(&self, partner: &Partner, request: &Request, origin: &str, id: &str) -> Answer {
        let takes = export_time(partner);
        let known = self.ordered();
        let mut orders = known.values();
        let found = orders.find(|order| order.manifest == id && order.since.elapsed() >= takes);
        let found = found.cloned();
        drop(known);
        match found.map(|order| self.files_of(partner, &order).map(|files| (order, files))) {
            Some(Ok((order, files))) => {
                let body = manifest_body(partner, origin, &order, &files);
                Answer::json(200, body.to_string())
            }
            _ => refusals::graph(request, 404, "NotFound", "The manifest was not found."),
        }
    }

    /// Bytes of a blob by its path; `None` where there is no such blob.
    pub(super) fn blob(&self, path: &str) -> Option<(String, Vec<u8>)> {
        let (root, name) = path.rsplit_once('/')?;
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let files = made.values().find(|files| files.root == root)?;
        let (_, bytes) = files.blobs.iter().find(|(known, _)| known == name)?;
        Some((files.etag.clone(), bytes.clone()))
    }

    fn files_of(&self, partner: &Partner, order: &Ordered) -> Result<Arc<Files>, Failed> {
        let key = format!("{:?} {}", order.wanted, order.basic);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = made.get(&key) {
            return Ok(Arc::clone(files));
        }
        let files = Arc::new(files(partner, &order.wanted, order.basic)?);
        made.insert(key, Arc::clone(&files));
        Ok(files)
    }

    fn ordered(&self) -> MutexGuard<'_, HashMap<String, Ordered>> {
        self.ordered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn export_time(partner: &Partner) -> Duration {
    match partner.settings.export_ms {
        Some(milliseconds) => Duration::from_millis(milliseconds),
        None => pace::scaled(&partner.settings, EXPORT_MINUTES * 60),
    }
}

fn no_segment(request: &Request, path: &str) -> Answer {
    let last = path.rsplit('/').next().map_or("", |last| last);
    let message = format!("Resource not found for the segment '{last}'.");
    refusals::graph(request, 404, "ResourceNotFound", &message)
}

/// What an order asks for, by the tables of parameters; the fault in words for a wrong one.
fn order(request: &Request, path: &[&str]) -> Result<(Wanted, bool), String> {
    let is_json = request
        .header("content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
    if !is_json {
        return Err("Content-Type must be application/json.".to_owned());
    }
    let body: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&request.body)
        .map_err(|_| "The body is no JSON object.".to_owned())?;
    let of_invoice = path.get(1) == Some(&"billed");
    let is_aggregated = path.first() == Some(&"aggregatedUsage");
    let allowed: &[&str] = match (of_invoice, is_aggregated) {
        (_, true) => &["invoiceId"],
        (true, _) => &["invoiceId", "attributeSet"],
        (false, _) => &["currencyCode", "billingPeriod", "attributeSet"],
    };
    if let Some(unknown) = body.keys().find(|name| !allowed.contains(&name.as_str())) {
        return Err(format!("The parameter '{unknown}' is unknown."));
    }
    let required = |name: &str| {
        let value = body.get(name).and_then(serde_json::Value::as_str);
        let value = value.filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("The parameter '{name}' is required."))
    };
    let basic = match body.get("attributeSet") {
        None => false,
        Some(value) if value == "full" => false,
        Some(value) if value == "basic" => true,
        Some(_) => return Err("attributeSet must be full or basic.".to_owned()),
    };
    if of_invoice {
        let invoice = required("invoiceId")?.to_owned();
        let wanted = match path.first() {
            Some(&"usage") => Wanted::Usage(invoice),
            Some(&"reconciliation") => Wanted::Lines(invoice),
            _ => Wanted::Aggregated(invoice),
        };
        return Ok((wanted, basic));
    }
    let currency = required("currencyCode")?.to_owned();
    let last = match required("billingPeriod")? {
        "current" => false,
        "last" => true,
        _ => return Err("billingPeriod must be current or last.".to_owned()),
    };
    let wanted = match path.first() {
        Some(&"usage") => Wanted::UnbilledUsage { currency, last },
        _ => Wanted::UnbilledLines { currency, last },
    };
    Ok((wanted, basic))
}

fn operation_body(order: &Ordered, id: &str, kind: &str, status: &str) -> Json {
    let created = pace::instant(order.created);
    object([
        (
            "@odata.type",
            text(format!("#microsoft.graph.partners.billing.{kind}")),
        ),
        ("id", text(id)),
        ("status", text(status)),
        // Without the Z in all samples.
        ("createdDateTime", text(created.trim_end_matches('Z'))),
        ("lastActionDateTime", text(pace::instant(pace::now()))),
    ])
}

fn succeeded(
    partner: &Partner,
    origin: &str,
    (order, id): (&Ordered, &str),
    files: &Files,
) -> Answer {
    let status = match partner.has("completed-status") {
        true => "completed",
        false => "succeeded",
    };
    let body = operation_body(order, id, "exportSuccessOperation", status);
    let address = format!(
        "{origin}/{}/reports/partners/billing/manifests/{}",
        order.version, order.manifest
    );
    let body = if partner.has("inline-manifest") {
        body.with(
            "resourceLocation",
            manifest_body(partner, origin, order, files),
        )
    } else if partner.has("string-manifest") {
        body.with("resourceLocation", text(address))
    } else {
        body.with("resourceLocation@odata.navigationLink", text(address))
    };
    Answer::json(200, body.to_string())
}

fn manifest_body(partner: &Partner, origin: &str, order: &Ordered, files: &Files) -> Json {
    let blobs = files
        .blobs
        .iter()
        .map(|(name, _)| object([("name", text(name)), ("partitionValue", text("default"))]));
    object([
        ("id", text(&order.manifest)),
        ("schemaVersion", text("1")),
        ("dataFormat", text("compressedJSON")),
        ("createdDateTime", text(pace::instant(order.created))),
        ("eTag", text(&files.etag)),
        ("partnerTenantId", text(&partner.id)),
        ("rootDirectory", text(format!("{origin}{}", files.root))),
        ("sasToken", text(storage::signature(partner, &files.root))),
        ("partitionType", text("Default")),
        ("blobCount", count(files.blobs.len())),
        ("blobs", Json::List(blobs.collect())),
    ])
}
