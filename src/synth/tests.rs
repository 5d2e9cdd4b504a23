use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::model::dataset::{Column, Dataset, INVOICE_LINES, Kind, USAGE, position};
use crate::model::decimal::{self, Rounding};
use crate::model::ids::{Fold, fold};

fn make(out: &Path, rows: u64, seed: u64, formats: &[Format], planted: bool) -> Report {
    let period = Period::parse("2026-10").unwrap();
    generate(&Request {
        rows,
        seed,
        out: out.to_owned(),
        period,
        formats: formats.to_vec(),
        planted,
    })
    .unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found.sort();
    found
}

fn bytes(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(folder)
        .into_iter()
        .map(|path| {
            (
                path.strip_prefix(folder).unwrap().to_owned(),
                std::fs::read(&path).unwrap(),
            )
        })
        .collect()
}

fn csv_rows(folder: &Path) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for path in files(folder) {
        let text = std::fs::read(path).unwrap();
        let body = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text);
        let mut reader = ::csv::Reader::from_reader(body);
        rows.extend(
            reader
                .records()
                .map(|record| record.unwrap().iter().map(str::to_owned).collect()),
        );
    }
    rows
}

fn value(text: &str, scale: u32) -> i128 {
    if text.is_empty() {
        0
    } else {
        decimal::parse(text.as_bytes(), scale).unwrap().value
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let out = tempfile::tempdir().unwrap();
    let report = make(&out.path().join("a"), 2_000, 5, &Format::ALL, true);
    assert_eq!(
        make(&out.path().join("b"), 2_000, 5, &Format::ALL, true),
        report
    );
    make(&out.path().join("c"), 2_000, 6, &Format::ALL, true);
    let (a, b) = (bytes(&out.path().join("a")), bytes(&out.path().join("b")));
    assert!(a == b);
    assert!(a != bytes(&out.path().join("c")));
    assert_eq!(
        (report.files, report.bytes),
        (
            a.len() as u64,
            a.iter().map(|(_, bytes)| bytes.len() as u64).sum()
        )
    );
}

#[test]
fn every_cause_is_planted() {
    let out = tempfile::tempdir().unwrap();
    for seed in 0..24 {
        for (rows, least) in [(5_000, 1), (50_000, 2)] {
            if rows > 5_000 && seed > 2 {
                continue;
            }
            let report = make(
                &out.path().join(format!("{seed}-{rows}")),
                rows,
                seed,
                &[],
                true,
            );
            assert_eq!(report.rows, rows);
            for cause in Cause::ALL {
                let count = report
                    .planted
                    .iter()
                    .find(|(planted, _)| *planted == cause)
                    .map_or(0, |(_, count)| *count);
                // A header has one tax difference, and only one invoice has it.
                let least = if cause == Cause::Tax { 1 } else { least };
                assert!(
                    count >= least,
                    "seed {seed}, {rows} rows, {}: {count}",
                    cause.name()
                );
            }
        }
    }
}

#[test]
fn planted_deviations_are_far_beyond_rounding() {
    let out = tempfile::tempdir().unwrap();
    make(&out.path().join("x"), 20_000, 3, &[], true);
    let mut truth = ::csv::Reader::from_path(out.path().join("x/truth.csv")).unwrap();
    for record in truth.records().map(Result::unwrap) {
        let [expected, invoiced, amount, rounding] =
            [12, 13, 14, 15].map(|at| value(&record[at], 10));
        let parts: i128 = (15..28).map(|at| value(&record[at], 10)).sum();
        assert_eq!((invoiced - expected, parts), (amount, amount));
        assert!(rounding.abs() < 200_000_000, "{record:?}");
        assert!(
            (amount - rounding).abs() >= 500_000_000 || &record[0] == "rounding",
            "{record:?}"
        );
    }
}

/// Keys of a group: invoice, customer, plan, product, SKU, availability, meter, credit.
type Key = [String; 8];

fn usage_groups(rows: &[Vec<String>]) -> BTreeMap<Key, i128> {
    let mut groups = BTreeMap::new();
    let at = |name| position(USAGE, name);
    for row in rows {
        let cell = |name| fold(USAGE[at(name)].kind_fold(), &row[at(name)]);
        let earned = if row[at("PartnerEarnedCreditPercentage")].is_empty() {
            ""
        } else {
            "15"
        };
        let names = [
            "InvoiceNumber",
            "CustomerId",
            "SubscriptionId",
            "ProductId",
            "SkuId",
            "AvailabilityId",
            "MeterName",
        ];
        let [a, b, c, d, e, f, g] = names.map(cell);
        *groups
            .entry([a, b, c, d, e, f, g, earned.to_owned()])
            .or_insert(0) += value(&row[at("PricingPreTaxTotal")], 20);
    }
    groups
}

trait KindFold {
    fn kind_fold(&self) -> Fold;
}

impl KindFold for Column {
    fn kind_fold(&self) -> Fold {
        match self.kind {
            Kind::Text(fold) => fold,
            _ => panic!("{} is no key", self.name),
        }
    }
}

#[test]
fn usage_reproduces_every_line_of_a_clean_month() {
    let out = tempfile::tempdir().unwrap();
    let report = make(&out.path().join("x"), 6_000, 11, &[Format::Csv], false);
    let (usage, lines) = (
        csv_rows(&out.path().join("x/usage")),
        csv_rows(&out.path().join("x/recon")),
    );
    assert_eq!(
        (usage.len() as u64, lines.len() as u64),
        (report.rows, report.lines)
    );
    assert_eq!(report.rows, 6_000);
    assert_eq!(report.planted, []);
    let mut groups = usage_groups(&usage);
    assert_eq!(groups.len(), lines.len());
    let at = |name| position(INVOICE_LINES, name);
    for line in &lines {
        let cell = |name| fold(INVOICE_LINES[at(name)].kind_fold(), &line[at(name)]);
        let names = [
            "InvoiceNumber",
            "CustomerId",
            "SubscriptionId",
            "ProductId",
            "SkuId",
            "AvailabilityId",
            "MeterDescription",
        ];
        let [a, b, c, d, e, f, g] = names.map(cell);
        let earned = if line[at("PriceAdjustmentDescription")].is_empty() {
            ""
        } else {
            "15"
        };
        let pricing = groups
            .remove(&[a, b, c, d, e, f, g, earned.to_owned()])
            .unwrap();
        let number = |name, scale| value(&line[at(name)], scale);
        let rate = (number("PCToBCExchangeRate", 9), 9);
        let charge = decimal::rescale(pricing, 20, 2, Rounding::Down).unwrap();
        let subtotal = decimal::multiply((charge, 2), rate, 2, Rounding::Down).unwrap();
        assert_eq!(number("Subtotal", 2), subtotal);
        let price = (number("EffectiveUnitPrice", 22), 22);
        let product = decimal::multiply(
            price,
            (number("BillableQuantity", 20), 20),
            2,
            Rounding::Down,
        )
        .unwrap();
        assert_eq!(product, charge);
        assert_eq!(number("Total", 2), subtotal + number("TaxTotal", 2));
    }
    assert!(groups.is_empty());
}

#[test]
fn the_files_have_the_quirks() {
    let out = tempfile::tempdir().unwrap();
    make(&out.path().join("x"), 5_000, 2, &[Format::Csv], true);
    let text = std::fs::read_to_string(out.path().join("x/usage/csv/usage-0001.csv")).unwrap();
    assert!(text.starts_with("\u{feff}PartnerId,PartnerName,CustomerId"));
    assert_eq!(text.matches("\r\n").count(), 5_001);
    for quirk in [
        "/RESOURCEGROUPS/",
        "E-0",
        "$system",
        "{\"\"env",
        "株式会社",
        "10/05/2026",
        "09/01/2026",
        "\u{a0}",
        "Credit Not Applied",
    ] {
        assert!(text.contains(quirk), "{quirk}");
    }
    let rows = csv_rows(&out.path().join("x/usage"));
    let short = rows
        .iter()
        .filter(|row| row[position(USAGE, "SkuId")].len() < 4)
        .count();
    let upper = rows
        .iter()
        .filter(|row| {
            row[position(USAGE, "EntitlementId")].contains(|c: char| c.is_ascii_uppercase())
        })
        .count();
    assert!(short > 10 && upper > 10);
    let full = generate(&Request {
        rows: 1,
        seed: 1,
        out: out.path().join("x"),
        period: Period::parse("2026-10").unwrap(),
        formats: vec![Format::Csv],
        planted: false,
    });
    assert!(matches!(full, Err(SynthError::NotEmpty { .. })));
}

/// An object whose values are still text: a number read as a JSON value would pass through a float.
type Raw = BTreeMap<String, Box<serde_json::value::RawValue>>;

fn json_text(value: &serde_json::value::RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => serde_json::from_str(text).unwrap(),
        other => other.to_owned(),
    }
}

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

#[test]
fn every_format_holds_the_same_values() {
    let out = tempfile::tempdir().unwrap();
    let report = make(&out.path().join("x"), 4_500, 4, &Format::ALL, true);
    for (name, columns, count) in [
        ("usage", USAGE, report.rows),
        ("recon", INVOICE_LINES, report.lines),
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
        assert_eq!(invoices.len(), 2);
        let mut versions = std::collections::BTreeSet::new();
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
            let manifest =
                std::fs::read(folder.join("v2").join(invoice).join("manifest.json")).unwrap();
            let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
            assert_eq!(
                manifest["blobCount"],
                manifest["blobs"].as_array().unwrap().len()
            );
            assert_eq!(manifest["blobs"][0]["itemCount"], csv.len());
            assert!(
                versions.insert(manifest["eTag"].to_string()),
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
    assert_eq!(invoices["items"].as_array().unwrap().len(), 2);
}

/// A number of at most 21 decimals, in units of 10^-21.
fn exact(text: &str) -> i128 {
    value(text.trim_matches('"'), 21)
}

/// Sums of a number by key, over the items of a kind.
fn sums(folder: &Path, kind: &str, field: &str) -> std::collections::BTreeMap<String, i128> {
    let mut sums = std::collections::BTreeMap::new();
    for line in std::fs::read_to_string(folder.join(format!("{kind}.jsonl")))
        .unwrap()
        .lines()
    {
        let line: Raw = serde_json::from_str(line).unwrap();
        let item: Raw = serde_json::from_str(line["item"].get()).unwrap();
        *sums
            .entry(line["key"].get().trim_matches('"').to_owned())
            .or_default() += exact(item[field].get());
    }
    sums
}

#[test]
fn records_and_summaries_are_sums_of_the_usage() {
    let out = tempfile::tempdir().unwrap();
    make(
        &out.path().join("x"),
        4_500,
        4,
        &[Format::Csv, Format::V1],
        true,
    );
    let folder = out.path().join("x/partner_center");
    let mut usage = std::collections::BTreeMap::new();
    let at = |name: &str| USAGE.iter().position(|column| column.name == name).unwrap();
    for row in csv_rows(&out.path().join("x/usage/csv")) {
        *usage
            .entry(row[at("SubscriptionId")].to_lowercase())
            .or_default() += exact(&row[at("BillingPreTaxTotal")]);
    }
    for kind in ["meter_usage_records", "resource_usage_records"] {
        let by_plan: std::collections::BTreeMap<String, i128> = sums(&folder, kind, "totalCost")
            .into_iter()
            .map(|(key, sum)| (key.split('/').nth(1).unwrap().to_owned(), sum))
            .collect();
        assert_eq!(by_plan, usage, "{kind}");
    }
    let by_customer = sums(&folder, "subscription_usage_records", "totalCost");
    assert_eq!(
        by_customer,
        sums(&folder, "customer_usage_summary", "totalCost")
    );
    assert_eq!(
        by_customer.values().sum::<i128>(),
        usage.values().sum::<i128>()
    );
    assert_eq!(
        sums(&folder, "customer_usage_records", "totalCost")[""],
        usage.values().sum::<i128>()
    );
}
