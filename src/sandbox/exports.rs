//! Graph exports: an operation for each order, manifests in all three shapes, and blobs behind a
//! signature that expires.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::blob_sources::{Order, Source, is_aggregated, source_of};
use super::blobs::{damaged, ranged};
use super::faults::{Class, Drawn, Fault};
use super::message::{Answer, Request};
use super::tenant::{BETA_ROOT, GRAPH_ROOT, Tenant, error};

/// The exports that were ordered; an export's number is its place in the list, from 1.
#[derive(Debug, Default)]
pub(super) struct Exports(Mutex<Vec<Export>>);

#[derive(Clone, Debug)]
struct Export {
    /// Source of the blobs; the message of the failure if there is none.
    data: Result<Source, String>,
    /// Polls that are still answered with `running`.
    polls: u32,
    /// Signature in the newest manifest, as it stands in an address.
    signature: String,
    /// End of the signature.
    until: Option<Instant>,
    /// Version of the data, from 1.
    version: u32,
    /// Path in the version of Graph by which it was ordered.
    root: &'static str,
}

/// The number at the end of an id that was made here, without leading zeros.
pub(super) fn number_in(path: &str) -> &str {
    let mut pieces = path.rsplit(['/', '-']);
    let last = pieces.next().expect("a split has at least one piece");
    last.trim_start_matches('0')
}

impl Exports {
    /// Answers a request for an export, its operation or its manifest.
    pub(super) fn answer(
        &self,
        tenant: &Tenant,
        request: &Request,
        class: Class,
        drawn: &mut Drawn,
    ) -> Answer {
        match class {
            Class::Export => self.post(tenant, request, drawn),
            Class::Operation => match self.number(request) {
                Some(number) => self.operation(tenant, number, drawn),
                None => not_found("operation"),
            },
            _ => match self.number(request) {
                Some(number) => self.manifest_answer(tenant, number, drawn),
                None => not_found("manifest"),
            },
        }
    }

    fn list(&self) -> MutexGuard<'_, Vec<Export>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the export in a request's path, if there is such an export.
    fn number(&self, request: &Request) -> Option<usize> {
        let number: usize = number_in(&request.path).parse().ok()?;
        (1..=self.list().len()).contains(&number).then_some(number)
    }

    /// Works on an export that exists. The lock is held meanwhile: `work` must be short.
    fn with<T>(&self, number: usize, work: impl FnOnce(&mut Export) -> T) -> T {
        work(&mut self.list()[number - 1])
    }

    fn post(&self, tenant: &Tenant, request: &Request, drawn: &mut Drawn) -> Answer {
        // Each order makes a new export, also a repeated one, as at Microsoft.
        let Ok(order) = serde_json::from_slice::<Order>(&request.body) else {
            return graph_error(400, "BadRequest", "The body is not valid.");
        };
        let is_beta = request.path.starts_with(BETA_ROOT);
        let is_aggregated = is_aggregated(&request.path);
        if is_beta != is_aggregated {
            let words = "Resource not found for the segment.";
            return graph_error(400, "BadRequest", words);
        }
        if is_aggregated && !order.attribute_set.is_empty() {
            let words = "The property 'attributeSet' does not exist.";
            return graph_error(400, "BadRequest", words);
        }
        let root = if is_beta { BETA_ROOT } else { GRAPH_ROOT };
        let export = Export {
            data: source_of(tenant, &request.path, &order),
            polls: tenant.settings.polls,
            signature: String::new(),
            until: None,
            version: 1,
            root,
        };
        let number = {
            let mut exports = self.list();
            exports.push(export);
            exports.len()
        };
        let host = if drawn.serves(Fault::ForeignLocation) {
            tenant.settings.foreign()
        } else {
            &tenant.origin
        };
        Answer::empty(202).with(
            "Location",
            format!("{host}{root}/operations/{}", id("0", number)),
        )
    }

    fn operation(&self, tenant: &Tenant, number: usize, drawn: &mut Drawn) -> Answer {
        if drawn.serves(Fault::OperationUnknown) {
            return not_found("operation");
        }
        if drawn.serves(Fault::OperationStatus) {
            return running(number, "hibernating");
        }
        if drawn.serves(Fault::OperationEndless) {
            return running(number, "running");
        }
        if drawn.serves(Fault::OperationFailed) {
            return failed(number, "No data available");
        }
        // The number of polls depends on the export alone, so that a test knows it beforehand.
        let (left, data) = self.with(number, |export| {
            let left = export.polls;
            export.polls = left.saturating_sub(1);
            (left, export.data.clone())
        });
        match data {
            // Both words of an operation that is not finished are served.
            _ if left > 0 && left % 2 == 0 => running(number, "notStarted"),
            _ if left > 0 => running(number, "running"),
            Err(reason) => failed(number, &reason),
            Ok(_) => self.succeeded(tenant, number),
        }
    }

    /// Success, in turn in the shapes that were seen: a link, an address, and the manifest itself.
    fn succeeded(&self, tenant: &Tenant, number: usize) -> Answer {
        let status = if number.is_multiple_of(2) {
            "completed"
        } else {
            "succeeded"
        };
        let mut body = operation_body("exportSuccessOperation", number, status);
        let root = self.with(number, |export| export.root);
        let url = format!("{}{root}/manifests/{}", tenant.origin, id("1", number));
        match number % 3 {
            1 => body["resourceLocation@odata.navigationLink"] = url.into(),
            2 => body["resourceLocation"] = url.into(),
            // Inline, as Microsoft's C# sample has it.
            _ => match self.manifest(tenant, number) {
                Some(manifest) => body["resourceLocation"] = pascal(manifest),
                None => return not_found("manifest"),
            },
        }
        Answer::json(200, body.to_string())
    }

    fn manifest_answer(&self, tenant: &Tenant, number: usize, drawn: &mut Drawn) -> Answer {
        let Some(mut manifest) = self.manifest(tenant, number) else {
            return not_found("manifest");
        };
        if drawn.serves(Fault::ForeignBlobs) {
            manifest["rootDirectory"] =
                format!("{}/blobs/{number}", tenant.settings.foreign()).into();
        }
        if drawn.serves(Fault::ManifestEmpty) {
            (manifest["blobs"], manifest["blobCount"]) = (json!([]), 0.into());
        }
        // More blobs than are listed.
        if drawn.serves(Fault::ManifestCount) {
            manifest["blobCount"] = 77.into();
        }
        if drawn.serves(Fault::ManifestFormat) {
            manifest["dataFormat"] = "avro".into();
        }
        let is_twice = drawn.serves(Fault::ManifestTwice);
        let is_above = drawn.serves(Fault::ManifestAbove);
        if let Some(blobs) = manifest["blobs"].as_array_mut()
            && let Some(first) = blobs.first().cloned()
        {
            if is_twice {
                // With the right count, so that only the repetition is wrong.
                blobs.push(first);
                manifest["blobCount"] = blobs.len().into();
            } else if is_above {
                blobs[0]["name"] = "../../secret.json.gz".into();
            }
        }
        Answer::json(200, manifest.to_string())
    }

    /// The manifest of an export, with a new signature; `None` if the export has no data.
    fn manifest(&self, tenant: &Tenant, number: usize) -> Option<Value> {
        let seconds = tenant.settings.sas_seconds;
        let until = Instant::now() + Duration::from_secs(seconds);
        let (signature, data, version) = self.with(number, |export| {
            // Characters that must be escaped in an address; another version voids the signature.
            export.signature = format!("sandbox%2Fsignature%2B{number}-{}", export.version);
            export.until = Some(until);
            (
                export.signature.clone(),
                export.data.clone(),
                export.version,
            )
        });
        let mut manifest = data.ok()?.manifest(tenant)?;
        // The version is part of the eTag, as it changes with the data.
        if version > 1
            && let Some(etag) = manifest["eTag"].as_str()
        {
            manifest["eTag"] = format!("{etag}-{version}").into();
        }
        let seconds = i64::try_from(seconds).expect("fewer than 300 billion years");
        let end = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
            + chrono::TimeDelta::seconds(seconds);
        manifest["rootDirectory"] = format!("{}/blobs/{}", tenant.origin, id("2", number)).into();
        manifest["sasToken"] = format!(
            "sv=2021-08-06&se={}&sr=d&sp=rl&sdd=7&sig={signature}",
            end.format("%Y-%m-%dT%H%%3A%M%%3A%SZ")
        )
        .into();
        Some(manifest)
    }

    /// Answers a request for a blob, or a range of it.
    pub(super) fn blob(&self, tenant: &Tenant, request: &Request, drawn: &mut Drawn) -> Answer {
        if request.header("authorization").is_some() {
            return error(
                400,
                "AuthenticationFailed",
                "A blob is asked for with its signature alone.",
            );
        }
        let signed_out = || {
            error(
                403,
                "AuthenticationFailed",
                "Signature not valid in the specified time frame.",
            )
        };
        let not_there = || error(404, "BlobNotFound", "The blob does not exist.");
        // Two steps: the folder of the export, and the name of the blob in it.
        let path = request.path.trim_start_matches("/blobs/");
        let Some((export, name)) = path.split_once('/') else {
            return not_there();
        };
        let exists = |number: &usize| (1..=self.list().len()).contains(number);
        let Some(number) = number_in(export).parse().ok().filter(exists) else {
            return signed_out();
        };
        let (is_signed, data, version) = self.with(number, |export| {
            if export.version == 1 && drawn.serves(Fault::EtagChanged) {
                // Once for each export: the manifest that is asked for next holds.
                export.version = 2;
                export.signature = String::new();
            }
            let is_signed = export.accepts(request.parameter("sig"));
            if is_signed && drawn.serves(Fault::SasExpired) {
                export.until = Some(Instant::now());
                return (false, export.data.clone(), export.version);
            }
            (is_signed, export.data.clone(), export.version)
        });
        let (true, Ok(source)) = (is_signed, data) else {
            return signed_out();
        };
        let Some(mut body) = source.blob(tenant, name) else {
            return not_there();
        };
        if let Some(damaged) = drawn.fault().and_then(|fault| damaged(&body, fault)) {
            drawn.serve();
            body = damaged;
        }
        // A version of blob storage is a hexadecimal number in quotes.
        ranged(request, body, &format!("\"0x{number:X}{version:X}\""))
    }
}

impl Export {
    /// True if a signature is that of the newest manifest, and has not expired.
    fn accepts(&self, given: Option<&str>) -> bool {
        let signature = percent_encoding::percent_decode_str(&self.signature).decode_utf8_lossy();
        given == Some(&*signature) && self.until.is_some_and(|until| until > Instant::now())
    }
}

/// An id in Microsoft's form; `family` tells operations, manifests and folders of blobs apart.
fn id(family: &str, number: usize) -> String {
    format!("{family}fe687d7-1e0f-4bd6-9091-{number:012}")
}

fn operation_body(kind: &str, number: usize, status: &str) -> Value {
    json!({
        "@odata.type": format!("#microsoft.graph.partners.billing.{kind}"), "id": id("0", number),
        "createdDateTime": "2026-11-08T08:12:53",
        "lastActionDateTime": "2026-11-08T08:37:48.5046691Z", "status": status,
    })
}

fn running(number: usize, status: &str) -> Answer {
    let body = operation_body("runningOperation", number, status);
    Answer::json(200, body.to_string()).with("Retry-After", "0.01")
}

/// A failed operation, which Graph reports with status 200.
fn failed(number: usize, message: &str) -> Answer {
    let mut body = operation_body("failedOperation", number, "failed");
    body["error"] = json!({"code": "5000", "message": message});
    Answer::json(200, body.to_string())
}

fn not_found(what: &str) -> Answer {
    graph_error(404, "NotFound", &format!("The {what} was not found."))
}

fn graph_error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(
        status,
        json!({"error": {"code": code, "message": message, "innerError": {}}}).to_string(),
    )
    .with("request-id", "00000000-5a4d-4b0c-9000-000000000000")
}

/// The manifest with names in the case of Microsoft's own sample.
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
