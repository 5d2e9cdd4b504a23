//! Responses of the API as typed rows: every published example, values in odd spellings, and
//! Parquet tables that read back exactly.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tieout::decode::DecodeError;
use tieout::decode::records::{RecordsRead, Value, read};
use tieout::model::record::RecordSet;

use crate::served::{House, serve, settings};

/// Published examples: file, dataset, number of rows.
const EXAMPLES: &[(&str, &str, u64)] = &[
    ("azure-utilizations.docs-en-2021.json", "utilization", 2),
    (
        "azureentitlements.docs-en-2021.json",
        "azure_entitlements",
        1,
    ),
    ("billed-dailyrated-page1.docs-en-2021.json", "usage", 2),
    ("billed-dailyrated-page2-last.docs-en-2021.json", "usage", 1),
    (
        "billed-recon-azure145p-billinglineitems.docs-en-2021.json",
        "azure_lines",
        2,
    ),
    (
        "billed-recon-azure145p-usagelineitems.docs-en-2021.json",
        "azure_usage_lines",
        2,
    ),
    (
        "billed-recon-office-billinglineitems.docs-en-2021.json",
        "office_lines",
        2,
    ),
    (
        "billed-recon-onetime-page1.docs-en-2021.json",
        "invoice_lines",
        3,
    ),
    (
        "billed-recon-onetime-page2-last.docs-en-2021.json",
        "invoice_lines",
        3,
    ),
    ("SYNTHETIC-v2-recon-billed.jsonl", "invoice_lines", 1),
    ("customer-usagebudget.docs-en-2021.json", "usage_budget", 1),
    (
        "customer-usagebudget-update.docs-en-2021.json",
        "usage_budget",
        1,
    ),
    (
        "customer-usagesummary-145p.docs-en-2021.json",
        "customer_usage_summary",
        1,
    ),
    (
        "customer-usagesummary-azureplan.docs-en-2021.json",
        "customer_usage_summary",
        1,
    ),
    ("customers-list.docs-en-2021.json", "customers", 2),
    ("customer-by-id.docs-en-2021.json", "customers", 1),
    (
        "customers-usagerecords.docs-en-2021.json",
        "customer_usage_records",
        4,
    ),
    ("invoice-by-id.docs-en-2021.json", "invoice", 1),
    (
        "invoice-estimate-links.docs-en-2021.json",
        "estimate_links",
        4,
    ),
    (
        "invoice-summaries.docs-en-2021.json",
        "invoice_summaries",
        7,
    ),
    ("invoice-summary.docs-en-2021.json", "invoice_summaries", 3),
    ("invoices-collection.docs-en-2021.json", "invoices", 3),
    (
        "meterusagerecords-azureplan.docs-en-2021.json",
        "meter_usage_records",
        4,
    ),
    (
        "partner-usagesummary.docs-en-2021.json",
        "partner_usage_summary",
        1,
    ),
    (
        "ratecard-azure-shared.docs-en-2021.json",
        "shared_rate_card",
        4,
    ),
    ("ratecard-azure.docs-en-2021.json", "rate_card", 4),
    (
        "resourceusagerecords-azureplan.docs-en-2021.json",
        "resource_usage_records",
        3,
    ),
    (
        "subscription-by-id-addon.docs-en-2021.json",
        "subscriptions",
        1,
    ),
    ("subscription-by-id.docs-en-2021.json", "subscriptions", 1),
    (
        "subscription-usagesummary-145p.docs-en-2021.json",
        "subscription_usage_summary",
        1,
    ),
    (
        "subscription-usagesummary-azureplan.docs-en-2021.json",
        "subscription_usage_summary",
        1,
    ),
    ("subscriptions-list.docs-en-2021.json", "subscriptions", 1),
    (
        "subscriptions-usagerecords-145p.docs-en-2021.json",
        "subscription_usage_records",
        1,
    ),
    (
        "subscriptions-usagerecords-azureplan.docs-en-2021.json",
        "subscription_usage_records",
        2,
    ),
    (
        "unbilled-dailyrated-page1.docs-en-2021.json",
        "unbilled_usage",
        2,
    ),
    (
        "unbilled-dailyrated-page2-last.docs-en-2021.json",
        "unbilled_usage",
        1,
    ),
    (
        "unbilled-recon-onetime-page1.docs-en-2021.json",
        "unbilled_lines",
        3,
    ),
    (
        "unbilled-recon-onetime-page2.docs-en-2021.json",
        "unbilled_lines",
        3,
    ),
    (
        "unbilled-recon-onetime-page3.docs-en-2021.json",
        "unbilled_lines",
        3,
    ),
    (
        "usagerecords-resources-145p.docs-en-2021.json",
        "classic_usage_records",
        2,
    ),
];

/// Files that are no response of the dataset: file, dataset, part of the error.
const FOREIGN: &[(&str, &str, &str)] = &[
    (
        "meterusagerecords-145p.docs-en-2021.json",
        "meter_usage_records",
        "type `SubscriptionMonthlyUsageRecord`",
    ),
    (
        "error-429-throttled.docs-en-2021.json",
        "usage",
        "an error response (429: Rate limit is exceeded",
    ),
    (
        "graph-error-429.graph-docs.json",
        "usage",
        "an error response (TooManyRequests",
    ),
    (
        "graph-operation-failed.graph-docs.json",
        "usage",
        "an error response (5000: No data available",
    ),
    (
        "graph-operation-failed-legacy-invoice.techcommunity.json",
        "invoice_lines",
        "an error response (5000: No reconciliation",
    ),
    (
        "token-client-credentials.docs-en-2021.json",
        "customers",
        "none of its keys",
    ),
    (
        "graph-operation-running.graph-docs.json",
        "usage_budget",
        "none of its keys",
    ),
    (
        "graph-operation-succeeded.graph-docs.json",
        "usage_budget",
        "none of its keys",
    ),
    (
        "graph-manifest.graph-docs.json",
        "usage_budget",
        "none of its keys",
    ),
    (
        "graph-export-request-unbilled.graph-docs.json",
        "usage_budget",
        "none of its keys",
    ),
    (
        "graph-export-request-billed.graph-docs.json",
        "usage_budget",
        "none of its keys",
    ),
    (
        "service-costs-summary.docs-en-2021.json",
        "partner_usage_summary",
        "type `ServiceCostsSummary`",
    ),
];

/// The folder of published examples, which is no part of the repository; `None` skips a test.
fn examples() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/domain/examples");
    if folder.is_dir() {
        return Some(folder);
    }
    writeln!(
        std::io::stderr(),
        "skipped: `../shared/domain/examples` is not here"
    )
    .unwrap();
    None
}

/// The rows of a response, each as its values by column.
fn rows(
    path: &Path,
    dataset: &str,
) -> Result<(RecordsRead, Vec<BTreeMap<String, Value>>), DecodeError> {
    let set = RecordSet::named(dataset).unwrap();
    let names: Vec<String> = set
        .columns()
        .into_iter()
        .map(|column| column.name)
        .collect();
    let mut rows = Vec::new();
    let found = read(
        "answer",
        &std::fs::File::open(path).unwrap(),
        set,
        &mut |values| {
            rows.push(names.iter().cloned().zip(values.iter().cloned()).collect());
            Ok(())
        },
    )?;
    Ok((found, rows))
}

#[test]
fn every_published_answer_decodes_into_its_dataset() {
    let Some(folder) = examples() else { return };
    let mut problems = Vec::new();
    for (file, dataset, wanted) in EXAMPLES {
        match rows(&folder.join(file), dataset) {
            Ok((found, _)) if found.rows == *wanted && found.rows_rejected == 0 => {}
            Ok((found, _)) => {
                problems.push(format!("{file}: {} rows, {:?}", found.rows, found.rejected))
            }
            Err(error) => problems.push(format!("{file}: {error}")),
        }
    }
    for (file, dataset, words) in FOREIGN {
        match rows(&folder.join(file), dataset) {
            Ok((found, _)) => problems.push(format!("{file} was taken: {} rows", found.rows)),
            Err(error) if error.to_string().contains(words) => {}
            Err(error) => problems.push(format!("{file}: {error}")),
        }
    }
    // This one has no mark of its type: its rows are rejected one by one.
    let costs = "service-costs-line-items.docs-en-2021.json";
    let (found, _) = rows(&folder.join(costs), "office_lines").unwrap();
    assert_eq!(
        (
            found.rows,
            found.rows_rejected,
            found.rejected[0].rejection.column.as_str()
        ),
        (2, 2, "amount")
    );
    let known: Vec<&str> = EXAMPLES
        .iter()
        .map(|(file, ..)| *file)
        .chain(FOREIGN.iter().map(|(file, ..)| *file))
        .chain([costs])
        .collect();
    for entry in std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
    {
        let is_answer = entry.ends_with(".json") || entry.ends_with(".jsonl");
        if is_answer && !known.contains(&entry.as_str()) {
            problems.push(format!("{entry} is not tried"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn published_numbers_keep_every_digit() {
    let Some(folder) = examples() else { return };
    let decimal = |file: &str, dataset: &str, row: usize, column: &str| match rows(
        &folder.join(file),
        dataset,
    )
    .unwrap()
    .1[row][column]
    {
        Value::Decimal(value) => value,
        ref other => panic!("{file} {column}: {other:?}"),
    };
    assert_eq!(
        decimal(
            "customer-usagesummary-azureplan.docs-en-2021.json",
            "customer_usage_summary",
            0,
            "total_cost"
        ),
        2_882_860_766_744_404_945_074
    );
    assert_eq!(
        decimal(
            "azure-utilizations.docs-en-2021.json",
            "utilization",
            0,
            "quantity"
        ),
        217_790_327_034_891 * 100_000
    );
    assert_eq!(
        decimal(
            "customer-usagesummary-145p.docs-en-2021.json",
            "customer_usage_summary",
            0,
            "budget_amount"
        ),
        300 * 10_i128.pow(20)
    );
}

/// The rows of a response with this text.
fn written(
    text: &str,
    dataset: &str,
) -> Result<(RecordsRead, Vec<BTreeMap<String, Value>>), DecodeError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answer.json");
    std::fs::write(&path, text).unwrap();
    rows(&path, dataset)
}

#[test]
fn values_in_odd_spellings_are_read_or_rejected_by_name() {
    let (found, rows) = written(
        "\u{feff}{\"items\":[\
         {\"Amount\":\"24.0\",\"usageSpendingBudget\":4.4E-7},\
         {\"ammount\":1e3,\"newKey\":{\"a\":1}},\
         {\"amount\":\"12,5O\"},\
         {\"amount\":99999999999999999999}]}",
        "usage_budget",
    )
    .unwrap();
    assert_eq!((found.rows, found.rows_rejected, rows.len()), (4, 2, 2));
    assert_eq!(rows[0]["amount"], Value::Decimal(24 * 10_i128.pow(20)));
    assert_eq!(
        rows[0]["usage_spending_budget"],
        Value::Decimal(44 * 10_i128.pow(12))
    );
    assert_eq!(rows[1]["amount"], Value::Decimal(1_000 * 10_i128.pow(20)));
    assert_eq!(
        (
            found.rejected[0].row,
            found.rejected[0].rejection.found.as_str()
        ),
        (3, "12,5O")
    );
    assert_eq!(found.unknown.keys().collect::<Vec<_>>(), ["newKey.a"]);
    let instants = |text: &str| {
        written(
            &format!("{{\"items\":[{{\"id\":\"s\",\"creationDate\":\"{text}\"}}]}}"),
            "subscriptions",
        )
        .unwrap()
        .1
    };
    let day = 1_448_433_672_000_000;
    assert_eq!(
        instants("2015-11-25T06: 41: 12Z")[0]["creation_date"],
        Value::Instant(day)
    );
    assert_eq!(
        instants("2015-11-24T22:41:12.0000000-08:00")[0]["creation_date"],
        Value::Instant(day)
    );
    assert_eq!(
        instants("2015-11-25T06:41:12")[0]["creation_date"],
        Value::Instant(day)
    );
    assert_eq!(
        instants("0001-01-01T00:00:00")[0]["creation_date"],
        Value::Missing
    );
    for (text, words) in [
        ("{\"items\":[{\"id\":\"x\"}", "invalid JSON"),
        ("<html><body>x</body></html>", "page"),
        ("", "empty"),
    ] {
        let error = written(text, "customers").unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn tables_of_fetched_data_read_back_exactly() {
    let house = House::new(serve(settings()));
    let report = house.report(&["--tables"]);
    let tables = report["records"]["tables"].as_array().unwrap();
    assert_eq!(tables.len(), 28);
    let sum = |dataset: &str, measure: &str| -> Vec<String> {
        let totals = report["records"]["totals"].as_array().unwrap().iter();
        let found =
            totals.filter(|total| total["dataset"] == dataset && total["measure"] == measure);
        found
            .map(|total| total["sum"].as_str().unwrap().to_owned())
            .collect()
    };
    // Records by meter and by resource add up to the usage, to the last digit.
    assert_eq!(
        sum("usage", "billing_pre_tax_total"),
        sum("meter_usage_records", "total_cost")
    );
    assert_eq!(
        sum("usage", "billing_pre_tax_total"),
        sum("resource_usage_records", "total_cost")
    );
    // The Parquet file adds up to the same.
    let path = house.path("state/tables/usage/2026-10.parquet");
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(
        std::fs::File::open(path).unwrap(),
    )
    .unwrap();
    let (mut total, mut count) = (0_i128, 0);
    for batch in reader.build().unwrap().map(Result::unwrap) {
        count += batch.num_rows();
        let column = batch.column_by_name("billing_pre_tax_total").unwrap();
        let column = column
            .as_any()
            .downcast_ref::<arrow_array::Decimal128Array>()
            .unwrap();
        assert_eq!((column.precision(), column.scale()), (38, 20));
        total += column.iter().flatten().sum::<i128>();
    }
    let sums: i128 = sum("usage", "billing_pre_tax_total")
        .iter()
        .map(|text| {
            tieout::model::decimal::parse(text.as_bytes(), 20)
                .unwrap()
                .value
        })
        .sum();
    assert_eq!((count, total), (5_000, sums));
}
