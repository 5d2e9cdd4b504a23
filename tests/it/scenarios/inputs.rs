//! Writer of a month's input files: usage and lines as CSV with all documented headings, the other
//! datasets as the answers of the API that they come from.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tieout::model::dataset::Dataset;

use super::defaults::{self, Defaults, Text};
use super::month::{Month, Table};

/// Writes the files of a month, and returns the sources of the pipeline: dataset and paths.
pub(super) fn write(month: &Month, folder: &Path) -> Vec<(&'static str, &'static str)> {
    let mut sources = Vec::new();
    let mut add = |source: &'static str, glob: &'static str, files: Vec<(String, String)>| {
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        sources.push((source, glob));
    };
    let one = |name: &str, text: String| vec![(name.to_owned(), text)];
    // A pipeline must name usage to compare it: nothing used is a file of headings.
    let nothing = Table::default();
    let is_compared = month.tie_outs().contains(&"usage-to-invoice");
    let usage = month.table("usage");
    if let Some(table) = usage.or(is_compared.then_some(&nothing)) {
        let text = sheet(Dataset::Usage, table, defaults::USAGE);
        add("usage", "usage.csv", one("usage.csv", text));
    }
    if let Some(table) = month.table("unbilled") {
        let day = month.setting("snapshot_date").unwrap();
        let text = sheet(Dataset::UnbilledUsage, table, defaults::USAGE);
        let file = one(&format!("unbilled-{day}.csv"), text);
        add("unbilled_usage", "unbilled-*.csv", file);
    }
    if let Some(table) = month.table("lines") {
        let text = sheet(Dataset::InvoiceLines, table, defaults::LINES);
        add("invoice_lines", "lines.csv", one("lines.csv", text));
    }
    if let Some(table) = month.table("invoices") {
        add("invoices", "invoices-*.json", invoices(table));
    }
    if let Some(table) = month.table("utilization") {
        let glob = "utilization/{customer_id}/{subscription_id}.json";
        add("utilization", glob, utilization(table));
    }
    if let Some(table) = month.table("rate-card") {
        add("rate_card", "card.json", one("card.json", rate_card(table)));
    }
    if let Some(table) = month.table("customer-records") {
        let text = collection(&items(table, estimate));
        add(
            "customer_usage_records",
            "records.json",
            one("records.json", text),
        );
    }
    if let Some(table) = month.table("partner-summary") {
        let text = estimate(table, &table.rows[0]);
        add(
            "partner_usage_summary",
            "summary.json",
            one("summary.json", text),
        );
    }
    if let Some(table) = month.table("classic-lines") {
        let text = collection(&items(table, classic_line));
        add("azure_lines", "classic.json", one("classic.json", text));
    }
    sources
}

/// Cell of a row with its default; empty where there is neither.
fn cell(table: &Table, row: &[String], name: &str, defaults: Defaults) -> String {
    if let Some(text) = table.cell(row, name) {
        return text.to_owned();
    }
    let Some((_, default)) = defaults.iter().find(|(column, _)| *column == name) else {
        return String::new();
    };
    let of = |column: &str| cell(table, row, column, defaults);
    match *default {
        Text::Always(text) => text.to_owned(),
        Text::Same(column) => of(column),
        Text::Named(prefix, column) => {
            let text = of(column);
            if text.is_empty() {
                text
            } else {
                prefix.to_owned() + &text
            }
        }
        Text::Whole(column) => {
            let text = of(column);
            if text.contains('.') {
                "1".to_owned()
            } else {
                text
            }
        }
    }
}

/// Rows as a CSV file with all columns of its dataset, in the documented order.
pub(crate) fn sheet(dataset: Dataset, table: &Table, defaults: Defaults) -> String {
    let names: Vec<&str> = dataset.columns().iter().map(|column| column.name).collect();
    let unknown = table
        .names
        .iter()
        .find(|name| !names.contains(&name.as_str()));
    assert_eq!(unknown, None, "no such column");
    let mut out = names.join(",") + "\r\n";
    for row in &table.rows {
        let text = |name: &&str| {
            let text = cell(table, row, name, defaults);
            if *name == "ResourceURI" {
                let entitlement = cell(table, row, "EntitlementId", defaults);
                return quoted(&defaults::resource(&text, &entitlement));
            }
            quoted(&text)
        };
        out += &(names.iter().map(text).collect::<Vec<_>>().join(",") + "\r\n");
    }
    out
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// An answer of the API: items in a collection.
fn collection(items: &[String]) -> String {
    format!(
        "{{\"totalCount\":{},\"items\":[\n{}\n],\"attributes\":{{\"objectType\":\"Collection\"}}}}\n",
        items.len(),
        items.join(",\n")
    )
}

fn items(table: &Table, item: impl Fn(&Table, &[String]) -> String) -> Vec<String> {
    table.rows.iter().map(|row| item(table, row)).collect()
}

/// A JSON object of pairs; each value is JSON already.
fn object(pairs: &[(String, String)]) -> String {
    let pair = |(key, value): &(String, String)| format!("{}:{value}", string(key));
    format!(
        "{{{}}}",
        pairs.iter().map(pair).collect::<Vec<_>>().join(",")
    )
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Name of a column as the API spells it.
fn camel(name: &str) -> String {
    name[..1].to_lowercase() + &name[1..]
}

/// Value of a column of the API: numbers keep their digits, days become instants.
fn value(name: &str, text: &str) -> String {
    const NUMBERS: [&str; 9] = [
        "totalCharges",
        "consumedQuantity",
        "includedQuantity",
        "overageQuantity",
        "listPrice",
        "pretaxCharges",
        "taxAmount",
        "postTaxTotal",
        "quantity",
    ];
    if NUMBERS.contains(&name) {
        text.to_owned()
    } else if name.ends_with("Date") {
        string(&format!("{text}T00:00:00Z"))
    } else {
        string(text)
    }
}

/// Pages of invoice headers: a header that stands twice is the header of another page. Amendments
/// stand inside the invoice that they name.
fn invoices(table: &Table) -> Vec<(String, String)> {
    let is_amendment =
        |row: &[String]| table.cell(row, "AmendsOf").is_some_and(|of| !of.is_empty());
    let mut pages: Vec<Vec<String>> = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for row in table.rows.iter().filter(|row| !is_amendment(row)) {
        let page = seen.entry(table.cell(row, "Id").unwrap()).or_default();
        if pages.len() == *page {
            pages.push(Vec::new());
        }
        pages[*page].push(document(table, row));
        *page += 1;
    }
    let text = |(number, page): (usize, &Vec<String>)| {
        // Blank lines tell pages of equal headers apart, which would be one file by their bytes.
        let text = collection(page) + &"\n".repeat(number);
        (format!("invoices-{number}.json"), text)
    };
    pages.iter().enumerate().map(text).collect()
}

/// An invoice or a note, with the notes that change it inside.
fn document(table: &Table, row: &[String]) -> String {
    let id = table.cell(row, "Id").unwrap();
    let amending = table
        .rows
        .iter()
        .filter(|other| table.cell(other, "AmendsOf") == Some(id));
    let amendments: Vec<String> = amending.map(|row| document(table, row)).collect();
    let mut pairs = invoice(table, row);
    pairs.push((
        "amendments".to_owned(),
        format!("[{}]", amendments.join(",")),
    ));
    object(&pairs)
}

fn invoice(table: &Table, row: &[String]) -> Vec<(String, String)> {
    let mut names: Vec<&str> = table.names.iter().map(String::as_str).collect();
    let left_out = defaults::INVOICES.iter().map(|(name, _)| *name);
    names.extend(left_out.filter(|name| table.names.iter().all(|known| known != name)));
    let pair = |name: &&str| {
        let text = cell(table, row, name, defaults::INVOICES);
        let name = camel(name);
        (!text.is_empty()).then(|| (name.clone(), value(&name, &text)))
    };
    names.iter().filter_map(pair).collect()
}

/// Utilization records, a file for each customer and subscription.
fn utilization(table: &Table) -> Vec<(String, String)> {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &table.rows {
        let of = |name: &str| table.cell(row, name).unwrap_or_default();
        let pair = |key: &str, column: &str| (key.to_owned(), value(key, of(column)));
        let uri = defaults::resource(of("instanceData.resourceUri"), "e1");
        let meter = [pair("id", "resource.id"), pair("name", "resource.name")];
        let instance = [("resourceUri".to_owned(), string(&uri))];
        let record = [
            pair("usageStartTime", "usageStartTime"),
            pair("usageEndTime", "usageEndTime"),
            ("resource".to_owned(), object(&meter)),
            pair("quantity", "quantity"),
            pair("unit", "unit"),
            ("instanceData".to_owned(), object(&instance)),
        ];
        let file = format!(
            "utilization/{}/{}.json",
            of("CustomerId"),
            of("SubscriptionId")
        );
        files.entry(file).or_default().push(object(&record));
    }
    let file = |(name, items): (String, Vec<String>)| (name, collection(&items));
    files.into_iter().map(file).collect()
}

/// The rate card of a partner: one currency, and a meter for each row.
fn rate_card(table: &Table) -> String {
    let meter = |table: &Table, row: &[String]| {
        let of = |name: &str| table.cell(row, name).unwrap_or_default();
        let pairs = [
            ("id", string(of("MeterId"))),
            ("name", string(of("MeterName"))),
            ("rates", of("Rates").to_owned()),
            ("tags", "[]".to_owned()),
            ("includedQuantity", of("IncludedQuantity").to_owned()),
            ("effectiveDate", string("2015-09-01T00:00:00Z")),
        ];
        object(&pairs.map(|(key, value)| (key.to_owned(), value)))
    };
    let meters = items(table, meter);
    let currency = table.cell(&table.rows[0], "Currency").unwrap();
    format!(
        "{{\"locale\":\"en-US\",\"currency\":{},\"isTaxIncluded\":false,\"meters\":[\n{}\n],\
         \"offerTerms\":[],\"attributes\":{{\"objectType\":\"AzureRateCard\"}}}}\n",
        string(currency),
        meters.join(",\n")
    )
}

/// A usage record or summary: an estimated cost.
fn estimate(table: &Table, row: &[String]) -> String {
    let pair = |name: &String| {
        let text = table.cell(row, name).unwrap();
        let is_text = ["ResourceId", "CurrencyCode", "CurrencyLocale"].contains(&name.as_str());
        let json = if is_text {
            string(text)
        } else {
            text.to_owned()
        };
        (!text.is_empty()).then(|| (camel(name), json))
    };
    let pairs: Vec<_> = table.names.iter().filter_map(pair).collect();
    object(&pairs)
}

fn classic_line(table: &Table, row: &[String]) -> String {
    let pair = |name: &String| {
        let text = table.cell(row, name).unwrap();
        let name = camel(name);
        (!text.is_empty()).then(|| (name.clone(), value(&name, text)))
    };
    let mut pairs: Vec<_> = table.names.iter().filter_map(pair).collect();
    let fixed = [
        ("invoiceLineItemType", "billing_line_items"),
        ("billingProvider", "azure"),
    ];
    pairs.extend(fixed.map(|(key, text)| (key.to_owned(), string(text))));
    object(&pairs)
}
