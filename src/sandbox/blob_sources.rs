//! Sources of the blobs of exports: folders that `synth` wrote, and items that are made into a blob.

use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::data::Data;
use super::message::Body;
use super::tenant::Tenant;

/// Source of an export's blobs.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A folder that `synth` wrote, with a manifest and its blobs.
    Folder(PathBuf),
    /// The items of a kind and key, made into a single blob.
    Lines(&'static str, String),
}

/// Order of an export, as its body has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    /// Id of an invoice; empty for unbilled data.
    #[serde(default)]
    pub(super) invoice_id: String,
    /// Currency code; empty for billed data.
    #[serde(default)]
    pub(super) currency_code: String,
    /// `current` or `last`; empty for billed data.
    #[serde(default)]
    pub(super) billing_period: String,
    /// Names of columns that are wanted; empty where the report has none.
    #[serde(default)]
    pub(super) attribute_set: String,
}

impl Source {
    /// The manifest without address and signature; `None` if there are no data.
    pub(super) fn manifest(&self, tenant: &Tenant) -> Option<Value> {
        match self {
            Self::Folder(folder) => {
                serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).ok()?).ok()
            }
            Self::Lines(kind, key) => {
                let items = tenant.data.items(kind, key)?;
                let name = format!("{kind}-{key}");
                Some(json!({
                    "id": name, "schemaVersion": "1", "dataFormat": "compressedJSONLines",
                    "createdDateTime": "2026-11-08T06:34:34.87Z", "eTag": name,
                    "partitionType": "Default", "partnerTenantId": "sandbox", "blobCount": 1,
                    "blobs": [{
                        "name": "part-00000.c000.json.gz", "partitionValue": "default",
                        "itemCount": items.len(),
                    }],
                }))
            }
        }
    }

    /// The bytes of a blob; `None` if there is no such blob.
    pub(super) fn blob(&self, tenant: &Tenant, name: &str) -> Option<Body> {
        match self {
            Self::Folder(folder) => {
                // Names are compared with those of files, never joined: none leaves the folder.
                let entry = std::fs::read_dir(folder)
                    .ok()?
                    .flatten()
                    .find(|entry| entry.file_name().to_str() == Some(name))?;
                Some(Body::File {
                    length: entry.metadata().ok()?.len(),
                    path: entry.path(),
                    start: 0,
                })
            }
            Self::Lines(kind, key) => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
                for item in tenant.data.items(kind, key)? {
                    encoder.write_all(item.get().as_bytes()).ok()?;
                    encoder.write_all(b"\n").ok()?;
                }
                encoder.finish().ok().map(Body::Bytes)
            }
        }
    }
}

/// The source of an order's blobs; the message of its failure if there are no data.
pub(super) fn source_of(tenant: &Tenant, path: &str, order: &Order) -> Result<Source, String> {
    let is_usage = path.contains("/usage/");
    if path.contains("/unbilled/") {
        let period = match order.billing_period.as_str() {
            "last" => "previous",
            _ => "current",
        };
        let kind = if is_usage {
            "unbilled_usage_v2"
        } else {
            "unbilled_lines_v2"
        };
        // Without a currency the key is not found, and the export has no manifest.
        let key = format!("{}/{period}", order.currency_code.to_ascii_lowercase());
        // Whether there are such items is seen when the manifest is made.
        return Ok(Source::Lines(kind, key));
    }
    let dataset = if is_usage { "usage" } else { "recon" };
    let invoice = order.invoice_id.as_str();
    if is_aggregated(path) {
        let kind = "aggregated_usage";
        let found = tenant.data.items(kind, invoice);
        let source = found.map(|_| Source::Lines(kind, invoice.to_owned()));
        return source.ok_or_else(|| no_data(&tenant.data, invoice));
    }
    let folder = tenant.data.part(dataset, "v2", invoice);
    let missing = || no_data(&tenant.data, invoice);
    folder.map(Source::Folder).ok_or_else(missing)
}

/// True of the path of billed aggregated usage.
pub(super) fn is_aggregated(path: &str) -> bool {
    path.contains("/aggregatedUsage/")
}

/// Message of an export that finds no data.
fn no_data(data: &Data, invoice: &str) -> String {
    // An invoice of licences has no usage, and a note may have no lines. Legacy invoices are never
    // served here, and have their own message: model::domain::endpoints §7.
    if data.is_of_new_commerce(invoice) {
        return "No data available".to_owned();
    }
    format!(
        "No reconciliation data available currently for Invoice {}. Please try again later.",
        invoice.escape_default()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn an_invoice_or_a_note_without_rows_has_no_data() {
        let folder = tempfile::tempdir().expect("a folder");
        let api = folder.path().join("partner_center");
        std::fs::create_dir(&api).expect("a new folder");
        for (kind, item) in [
            ("invoices", r#"{"id":"G1","amendments":[{"id":"G2"}]}"#),
            ("legacy_invoices", r#"{"id":"D1"}"#),
        ] {
            let line = format!("{{\"key\":\"\",\"item\":{item}}}\n");
            std::fs::write(api.join(format!("{kind}.jsonl")), line).expect("a new file");
        }
        let data = Data::load(folder.path(), None).expect("a folder of invoices");
        for (id, wanted) in [
            ("G1", "No data available"),
            ("g2", "No data available"),
            (
                "G3",
                "No reconciliation data available currently for Invoice G3.",
            ),
            (
                "D1",
                "No reconciliation data available currently for Invoice D1.",
            ),
        ] {
            let message = no_data(&data, id);
            assert!(message.starts_with(wanted), "{message}");
        }
        let note = data.invoice("G2").map(RawValue::get);
        assert_eq!(note, Some(r#"{"id":"G2"}"#));
    }
}
