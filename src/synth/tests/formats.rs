//! All formats of one partner hold equal values.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use super::support::{Raw, csv_rows, files, json_text, make, value};
use crate::model::dataset::{Column, Dataset, INVOICE_LINES, Kind, USAGE};
use crate::synth::Format;

fn json_lines(folder: &Path) -> Vec<Raw> {
    let mut rows = Vec::new();
    for path in files(folder)
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
    {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap())
            .read_to_string(&mut text)
            .unwrap();
        rows.extend(
            text.lines()
                .map(|line| serde_json::from_str::<Raw>(line).unwrap()),
        );
    }
    rows
}

fn json_pages(folder: &Path) -> Vec<Raw> {
    let mut rows = Vec::new();
    let pages = files(folder);
    for (at, path) in pages.iter().enumerate() {
        let text = std::fs::read_to_string(path).unwrap();
        let page: Raw = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        assert_eq!(page.contains_key("continuationToken"), at + 1 < pages.len());
        rows.extend(serde_json::from_str::<Vec<Raw>>(page["items"].get()).unwrap());
    }
    rows
}

/// Equal values, whatever the container: dates by their day, numbers by their value.
fn check_same(columns: &[Column], csv: &[Vec<String>], json: &[Raw], v1: bool) {
    let dataset = if columns.len() == 55 {
        Dataset::Usage
    } else {
        Dataset::InvoiceLines
    };
    assert_eq!(csv.len(), json.len());
    for (row, item) in csv.iter().zip(json) {
        let mut cells = vec![String::new(); columns.len()];
        for (key, value) in item {
            if let Some(at) = dataset.position_of(key) {
                cells[at] = json_text(value);
            }
        }
        for ((column, left), right) in columns.iter().zip(row).zip(&cells) {
            match column.kind {
                _ if v1 && column.name == "ProductCategory" => {}
                Kind::Date => {
                    let days = [left, right]
                        .map(|text| crate::model::period::parse_day(text.as_bytes()).unwrap());
                    let exclusive = i32::from(
                        v1 && dataset == Dataset::Usage && column.name == "ChargeEndDate",
                    );
                    assert_eq!(
                        days[0].map(|day| day + exclusive),
                        days[1],
                        "{}",
                        column.name
                    );
                }
                Kind::Decimal(scale) => {
                    let percent = v1
                        && ["PartnerEarnedCreditPercentage", "CreditPercentage"]
                            .contains(&column.name);
                    let left = value(left, scale) / if percent { 100 } else { 1 };
                    assert_eq!(left, value(right, scale), "{}", column.name);
                }
                Kind::Text(_) => assert_eq!(left, right, "{}", column.name),
            }
        }
    }
}

/// Holds the manifest of one export against its rows; its eTag.
fn check_manifest(folder: &Path, rows: usize) -> String {
    let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let blobs = manifest["blobs"].as_array().unwrap();
    assert_eq!(manifest["blobCount"], blobs.len());
    assert_eq!(blobs[0]["itemCount"], rows);
    manifest["eTag"].to_string()
}

#[test]
fn every_format_holds_the_same_values() {
    let out = tempfile::tempdir().unwrap();
    let report = make(&out.path().join("x"), 4_500, 4, &Format::ALL, true);
    for (name, columns, count, numbers) in [
        ("usage", USAGE, report.rows, 2),
        // An invoice that is voided, and the note which voids it, have lines alone.
        ("recon", INVOICE_LINES, report.lines, 4),
    ] {
        let folder = out.path().join("x").join(name);
        let csv = csv_rows(&folder.join("csv"));
        assert_eq!(csv.len() as u64, count);
        // The APIs serve one invoice at a time.
        let at = columns
            .iter()
            .position(|column| column.name == "InvoiceNumber")
            .unwrap();
        let mut invoices: Vec<&String> = csv.iter().map(|row| &row[at]).collect();
        invoices.sort();
        invoices.dedup();
        assert_eq!(invoices.len(), numbers);
        let mut versions = BTreeSet::new();
        for invoice in invoices {
            let csv: Vec<Vec<String>> = csv
                .iter()
                .filter(|row| row[at] == *invoice)
                .cloned()
                .collect();
            check_same(
                columns,
                &csv,
                &json_lines(&folder.join("v2").join(invoice)),
                false,
            );
            check_same(
                columns,
                &csv,
                &json_pages(&folder.join("v1").join(invoice)),
                true,
            );
            let version = check_manifest(&folder.join("v2").join(invoice), csv.len());
            assert!(
                versions.insert(version),
                "each export has a version of its own"
            );
        }
        let parquet = files(&folder.join("parquet"));
        let file = std::fs::File::open(&parquet[0]).unwrap();
        let reader =
            ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        assert_eq!(reader.schema().fields().len(), columns.len());
        assert_eq!(
            reader
                .build()
                .unwrap()
                .map(|batch| batch.unwrap().num_rows() as u64)
                .sum::<u64>(),
            count
        );
    }
    let invoices: serde_json::Value = serde_json::from_slice(
        &std::fs::read(out.path().join("x/invoices/invoices.json")).unwrap(),
    )
    .unwrap();
    // The note stands inside of the invoice that it voids.
    assert_eq!(invoices["items"].as_array().unwrap().len(), 3);
}
