//! Graph exports: an operation for each POST, manifests in all three shapes, blobs behind a
//! signature that expires.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{Class, Fault};
use super::http::{Answer, Body, Request};
use super::routes::{Tenant, error, foreign};

/// Where the Graph reports of partners' billing are.
pub(super) const ROOT: &str = "/v1.0/reports/partners/billing";

/// The exports that were asked for; an export's number is its place, from 1.
#[derive(Debug, Default)]
pub(super) struct Exports(Mutex<Vec<Export>>);

#[derive(Clone, Debug)]
struct Export {
    data: Result<Source, String>,
    polls: u32,
    /// Signature and end of the newest manifest.
    signature: String,
    until: Option<Instant>,
    /// Counts the versions of the data.
    version: u32,
}

/// Where an export's blobs come from.
#[derive(Clone, Debug)]
enum Source {
    /// A folder of `synth`.
    Folder(PathBuf),
    /// Lines of a kind and key, made into one blob.
    Lines(&'static str, String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    invoice_id: Option<String>,
    currency_code: Option<String>,
    billing_period: Option<String>,
}

/// The number at the end of an id made here.
pub(super) fn number_in(path: &str) -> &str {
    path.rsplit(['/', '-'])
        .next()
        .unwrap_or_default()
        .trim_start_matches('0')
}

impl Exports {
    /// Answers a request for an export, its operation or its manifest.
    pub(super) fn answer(
        &self,
        tenant: &Tenant,
        request: &Request,
        class: Class,
        fault: Option<Fault>,
        hit: &mut bool,
    ) -> Answer {
        match class {
            Class::Export => self.post(tenant, request, fault, hit),
            Class::Operation => self.operation(tenant, request, fault, hit),
            _ => match self.number(request) {
                Some(number) => self.manifest_answer(tenant, number, fault, hit),
                None => graph_error(404, "NotFound", "The manifest was not found."),
            },
        }
    }

    fn number(&self, request: &Request) -> Option<usize> {
        let number: usize = number_in(&request.path).parse().ok()?;
        let exports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (1..=exports.len()).contains(&number).then_some(number)
    }

    fn with<T>(&self, number: usize, work: impl FnOnce(&mut Export) -> T) -> Option<T> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(number - 1)
            .map(work)
    }

    fn post(
        &self,
        tenant: &Tenant,
        request: &Request,
        fault: Option<Fault>,
        hit: &mut bool,
    ) -> Answer {
        let Ok(order) = serde_json::from_slice::<Order>(&request.body) else {
            return graph_error(400, "BadRequest", "The body is not valid.");
        };
        let data = source_of(tenant, &request.path, &order);
        let mut exports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        exports.push(Export {
            data,
            polls: tenant.settings.polls,
            signature: String::new(),
            until: None,
            version: 1,
        });
        let number = exports.len();
        drop(exports);
        let is_foreign = fault == Some(Fault::ForeignLocation);
        *hit |= is_foreign;
        let host = if is_foreign {
            foreign(&tenant.settings)
        } else {
            &tenant.origin
        };
        Answer::empty(202).with(
            "Location",
            format!("{host}{ROOT}/operations/{}", id("0", number)),
        )
    }

    fn operation(
        &self,
        tenant: &Tenant,
        request: &Request,
        fault: Option<Fault>,
        hit: &mut bool,
    ) -> Answer {
        let Some(number) = self.number(request) else {
            return graph_error(404, "NotFound", "The operation was not found.");
        };
        let running = |status: &str| {
            let body = json!({"@odata.type": "#microsoft.graph.partners.billing.runningOperation", "id": id("0", number),
                "createdDateTime": "2026-11-08T08:12:53", "lastActionDateTime": "2026-11-08T08:37:48.5046691Z", "status": status});
            Answer::json(200, body.to_string()).with("Retry-After", "0.01")
        };
        *hit |= matches!(
            fault,
            Some(
                Fault::OperationUnknown
                    | Fault::OperationStatus
                    | Fault::OperationEndless
                    | Fault::OperationFailed
            )
        );
        match fault {
            Some(Fault::OperationUnknown) => {
                return graph_error(404, "NotFound", "The operation was not found.");
            }
            Some(Fault::OperationStatus) => return running("hibernating"),
            Some(Fault::OperationEndless) => return running("running"),
            Some(Fault::OperationFailed) => return failed(number, "No data available"),
            _ => {}
        }
        let state = self.with(number, |export| {
            let left = export.polls;
            export.polls = left.saturating_sub(1);
            (left, export.data.clone())
        });
        match state {
            Some((0, Err(reason))) => failed(number, &reason),
            Some((0, Ok(_))) => self.succeeded(tenant, number),
            Some((left, _)) => running(if left % 2 == 0 {
                "notStarted"
            } else {
                "running"
            }),
            None => graph_error(404, "NotFound", "The operation was not found."),
        }
    }

    /// Success, in the shapes that were seen: a link, a URL, and the manifest itself.
    fn succeeded(&self, tenant: &Tenant, number: usize) -> Answer {
        let mut body = json!({"@odata.type": "#microsoft.graph.partners.billing.exportSuccessOperation", "id": id("0", number),
            "createdDateTime": "2026-11-08T08:12:53", "lastActionDateTime": "2026-11-08T08:37:48.5046691Z",
            "status": if number.is_multiple_of(2) { "completed" } else { "succeeded" }});
        let url = format!("{}{ROOT}/manifests/{}", tenant.origin, id("1", number));
        match number % 3 {
            1 => body["resourceLocation@odata.navigationLink"] = url.into(),
            2 => body["resourceLocation"] = url.into(),
            _ => match self.manifest(tenant, number) {
                Ok(manifest) => body["resourceLocation"] = pascal(manifest),
                Err(answer) => return answer,
            },
        }
        Answer::json(200, body.to_string())
    }

    fn manifest_answer(
        &self,
        tenant: &Tenant,
        number: usize,
        fault: Option<Fault>,
        hit: &mut bool,
    ) -> Answer {
        let mut manifest = match self.manifest(tenant, number) {
            Ok(manifest) => manifest,
            Err(answer) => return answer,
        };
        let first = manifest["blobs"].get(0).cloned();
        *hit |= matches!(
            fault,
            Some(
                Fault::ForeignBlobs
                    | Fault::ManifestEmpty
                    | Fault::ManifestCount
                    | Fault::ManifestTwice
                    | Fault::ManifestAbove
                    | Fault::ManifestFormat
            )
        );
        match (fault, first) {
            (Some(Fault::ForeignBlobs), _) => {
                manifest["rootDirectory"] =
                    format!("{}/blobs/{number}", foreign(&tenant.settings)).into()
            }
            (Some(Fault::ManifestEmpty), _) => {
                (manifest["blobs"], manifest["blobCount"]) = (json!([]), 0.into())
            }
            (Some(Fault::ManifestCount), _) => manifest["blobCount"] = 77.into(),
            (Some(Fault::ManifestTwice), Some(first)) => {
                if let Some(blobs) = manifest["blobs"].as_array_mut() {
                    blobs.push(first);
                    manifest["blobCount"] = blobs.len().into();
                }
            }
            (Some(Fault::ManifestAbove), Some(_)) => {
                manifest["blobs"][0]["name"] = "../../secret.json.gz".into()
            }
            (Some(Fault::ManifestFormat), _) => manifest["dataFormat"] = "avro".into(),
            _ => {}
        }
        Answer::json(200, manifest.to_string())
    }

    fn manifest(&self, tenant: &Tenant, number: usize) -> Result<Value, Answer> {
        let until = Instant::now() + Duration::from_secs(tenant.settings.sas_seconds);
        let state = self.with(number, |export| {
            export.signature = format!(
                "sandbox%2Fsignature%2B{number}-{}",
                until.elapsed().as_nanos() + u128::from(export.version)
            );
            export.until = Some(until);
            (
                export.signature.clone(),
                export.data.clone(),
                export.version,
            )
        });
        let Some((signature, Ok(source), version)) = state else {
            return Err(graph_error(404, "NotFound", "The manifest was not found."));
        };
        let end = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
            + chrono::TimeDelta::seconds(
                i64::try_from(tenant.settings.sas_seconds).unwrap_or(i64::MAX / 1_000_000),
            );
        let mut manifest = source
            .manifest(tenant)
            .ok_or_else(|| graph_error(404, "NotFound", "The manifest was not found."))?;
        if version > 1 {
            manifest["eTag"] = format!(
                "{}-{version}",
                manifest["eTag"].as_str().unwrap_or_default()
            )
            .into();
        }
        manifest["rootDirectory"] = format!("{}/blobs/{}", tenant.origin, id("2", number)).into();
        manifest["sasToken"] = format!(
            "sv=2021-08-06&se={}&sr=d&sp=rl&sdd=7&sig={signature}",
            end.format("%Y-%m-%dT%H%%3A%M%%3A%SZ")
        )
        .into();
        Ok(manifest)
    }

    /// Answers a request for a blob, or a range of it.
    pub(super) fn blob(
        &self,
        tenant: &Tenant,
        request: &Request,
        fault: Option<Fault>,
        hit: &mut bool,
    ) -> Answer {
        let mut parts = request.path.trim_start_matches("/blobs/").split('/');
        let (export, name) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let number = number_in(export).parse::<usize>().unwrap_or(0).max(1);
        let given = request.parameter("sig").unwrap_or_default().to_owned();
        if request.header("authorization").is_some() {
            return error(
                400,
                "AuthenticationFailed",
                "A blob is asked for with its signature alone.",
            );
        }
        let state = self.with(number, |export| {
            if fault == Some(Fault::EtagChanged) && export.version == 1 {
                *hit = true;
                export.version = 2;
                export.signature = String::new();
            }
            let signature = percent_encoding::percent_decode_str(&export.signature)
                .decode_utf8_lossy()
                .into_owned();
            let good =
                signature == given && export.until.is_some_and(|until| until > Instant::now());
            (good, export.data.clone(), export.version)
        });
        let Some((true, Ok(source), version)) = state else {
            return error(
                403,
                "AuthenticationFailed",
                "Signature not valid in the specified time frame.",
            );
        };
        if fault == Some(Fault::SasExpired) {
            *hit = true;
            self.with(number, |export| export.until = Some(Instant::now()));
            return error(
                403,
                "AuthenticationFailed",
                "Signature not valid in the specified time frame.",
            );
        }
        let Some(body) = source.blob(tenant, name) else {
            return error(404, "BlobNotFound", "The blob does not exist.");
        };
        let body = match fault {
            Some(
                fault
                @ (Fault::GzipCut | Fault::GzipFlipped | Fault::GzipGarbage | Fault::GzipBomb),
            ) => {
                *hit = true;
                damaged(&body, fault)
            }
            _ => body,
        };
        ranged(request, body, &format!("\"0x{number:X}{version:X}\""))
    }
}

impl Source {
    fn manifest(&self, tenant: &Tenant) -> Option<Value> {
        match self {
            Self::Folder(folder) => {
                serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).ok()?).ok()
            }
            Self::Lines(kind, key) => {
                let items = tenant.data.items(kind, key)?;
                let blobs = json!([{"name": "part-00000.c000.json.gz", "partitionValue": "default", "itemCount": items.len()}]);
                Some(
                    json!({"id": format!("{kind}-{key}"), "schemaVersion": "1", "dataFormat": "compressedJSONLines",
                    "createdDateTime": "2026-11-08T06:34:34.87Z", "eTag": format!("{kind}-{key}"), "partitionType": "Default",
                    "partnerTenantId": "sandbox", "blobCount": 1, "blobs": blobs}),
                )
            }
        }
    }

    fn blob(&self, tenant: &Tenant, name: &str) -> Option<Body> {
        match self {
            Self::Folder(folder) => {
                // Names are looked up, never joined.
                let entry = std::fs::read_dir(folder)
                    .ok()?
                    .flatten()
                    .find(|entry| entry.file_name().to_str() == Some(name))?;
                let length = entry.metadata().ok()?.len();
                Some(Body::File {
                    path: entry.path(),
                    start: 0,
                    length,
                })
            }
            Self::Lines(kind, key) => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
                for item in tenant.data.items(kind, key)? {
                    std::io::Write::write_all(&mut encoder, item.get().as_bytes()).ok()?;
                    std::io::Write::write_all(&mut encoder, b"\n").ok()?;
                }
                encoder.finish().ok().map(Body::Bytes)
            }
        }
    }
}

fn source_of(tenant: &Tenant, path: &str, order: &Order) -> Result<Source, String> {
    let usage = path.contains("/usage/");
    if path.contains("/unbilled/") {
        let period = if order.billing_period.as_deref() == Some("last") {
            "previous"
        } else {
            "current"
        };
        let key = format!(
            "{}/{period}",
            order
                .currency_code
                .as_deref()
                .unwrap_or_default()
                .to_ascii_lowercase()
        );
        return Ok(Source::Lines(
            if usage {
                "unbilled_usage_v2"
            } else {
                "unbilled_lines_v2"
            },
            key,
        ));
    }
    let invoice = order.invoice_id.as_deref().unwrap_or_default();
    let folder = tenant
        .data
        .part(if usage { "usage" } else { "recon" }, "v2", invoice);
    folder.map(Source::Folder).ok_or_else(|| {
        format!(
            "No reconciliation data available currently for Invoice {}. Please try again later.",
            invoice.escape_default()
        )
    })
}

fn ranged(request: &Request, body: Body, etag: &str) -> Answer {
    let length = match &body {
        Body::Bytes(bytes) => bytes.len() as u64,
        Body::File { length, .. } => *length,
    };
    let from = request.header("range").and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse::<u64>()
            .ok()
    });
    if request
        .header("if-match")
        .is_some_and(|wanted| wanted != etag)
    {
        return error(412, "ConditionNotMet", "The condition is not met.");
    }
    let (status, body) = match (from, body) {
        (Some(from), _) if from >= length => {
            return error(416, "InvalidRange", "The range is not valid.");
        }
        (Some(from), Body::File { path, start, .. }) => (
            206,
            Body::File {
                path,
                start: start + from,
                length: length - from,
            },
        ),
        (Some(from), Body::Bytes(mut bytes)) => (
            206,
            Body::Bytes(bytes.split_off(usize::try_from(from).unwrap_or(0))),
        ),
        (None, body) => (200, body),
    };
    let mut answer = Answer {
        status,
        headers: vec![("Content-Type", "application/octet-stream".to_owned())],
        body,
    };
    if let (206, Some(from)) = (status, from) {
        answer = answer.with(
            "Content-Range",
            format!("bytes {from}-{}/{length}", length - 1),
        );
    }
    answer.with("ETag", etag)
}

fn damaged(body: &Body, fault: Fault) -> Body {
    let mut bytes = match body {
        Body::Bytes(bytes) => bytes.clone(),
        Body::File { path, .. } => std::fs::read(path).unwrap_or_default(),
    };
    let middle = bytes.len() / 2;
    match fault {
        Fault::GzipCut => bytes.truncate(bytes.len() - bytes.len() / 3),
        Fault::GzipFlipped => bytes
            .iter_mut()
            .skip(middle)
            .take(1)
            .for_each(|byte| *byte ^= 0x10),
        Fault::GzipGarbage => bytes.extend_from_slice(b"<html>not part of it</html>"),
        _ => bytes = bomb().to_vec(),
    }
    Body::Bytes(bytes)
}

/// 400 MiB of nothing, made once.
pub(super) fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
        let blanks = vec![b' '; 1 << 20];
        for _ in 0..400 {
            // Writing to memory cannot fail.
            drop(std::io::Write::write_all(&mut encoder, &blanks));
        }
        encoder.finish().unwrap_or_default()
    })
}

fn id(family: &str, number: usize) -> String {
    format!("{family}fe687d7-1e0f-4bd6-9091-{number:012}")
}

fn failed(number: usize, message: &str) -> Answer {
    let body = json!({"@odata.type": "#microsoft.graph.partners.billing.failedOperation", "id": id("0", number), "status": "failed",
        "createdDateTime": "2026-11-08T08:12:53", "lastActionDateTime": "2026-11-08T08:37:48.5046691Z",
        "error": {"code": "5000", "message": message}});
    Answer::json(200, body.to_string())
}

fn graph_error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(
        status,
        json!({"error": {"code": code, "message": message, "innerError": {}}}).to_string(),
    )
    .with("request-id", "00000000-5a4d-4b0c-9000-000000000000")
}

/// Names in the case of Microsoft's own sample.
fn pascal(manifest: Value) -> Value {
    let Value::Object(fields) = manifest else {
        return manifest;
    };
    let renamed = fields.into_iter().map(|(key, value)| match key.as_str() {
        "sasToken" => ("SASToken".to_owned(), value),
        _ => (key[..1].to_ascii_uppercase() + &key[1..], value),
    });
    Value::Object(renamed.collect())
}
