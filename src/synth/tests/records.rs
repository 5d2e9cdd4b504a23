//! Records and summaries of Partner Center's other endpoints are sums of the usage.

use std::collections::BTreeMap;
use std::path::Path;

use super::support::{Raw, csv_rows, make, value};
use crate::model::dataset::USAGE;
use crate::synth::Format;

/// A number of at most 21 decimals, in units of 10^-21.
fn exact(text: &str) -> i128 {
    value(text.trim_matches('"'), 21)
}

/// Sums of a number by key, over the items of a kind.
fn sums(folder: &Path, kind: &str, field: &str) -> BTreeMap<String, i128> {
    let mut sums = BTreeMap::new();
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
    let mut usage = BTreeMap::new();
    let at = |name: &str| USAGE.iter().position(|column| column.name == name).unwrap();
    for row in csv_rows(&out.path().join("x/usage/csv")) {
        *usage
            .entry(row[at("SubscriptionId")].to_lowercase())
            .or_default() += exact(&row[at("BillingPreTaxTotal")]);
    }
    for kind in ["meter_usage_records", "resource_usage_records"] {
        let by_plan: BTreeMap<String, i128> = sums(&folder, kind, "totalCost")
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
