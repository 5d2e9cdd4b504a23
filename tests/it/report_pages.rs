//! The page of a run: its figures are those of the tables, hostile names are text, it stands alone, and
//! the same run gives the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tieout::model::decimal;

use crate::closing_house::{House, assert_ended};
use crate::page_reader::{amounts, between, parts, text, verdicts};
use crate::program::{printed, tieout};

/// Units of 10^-10 of a published amount.
fn units(text: &str) -> i128 {
    decimal::parse(text.as_bytes(), 10).unwrap().value
}

/// Rows of a published CSV table by the names of its columns.
pub(crate) fn table(run: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(run.join(format!("{name}.csv"))).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// The sample month in a folder of its own, published; the outcome in JSON.
pub(crate) fn sample() -> (TempDir, Value) {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let arguments = [
        "--json",
        "-q",
        "run",
        "pipelines/sample.toml",
        "--out",
        folder,
    ];
    let done = tieout(&arguments);
    assert!(done.status.success(), "{}", printed(&done));
    (out, serde_json::from_slice(&done.stdout).unwrap())
}

fn page_of(out: &Path) -> String {
    fs::read_to_string(out.join("current/report.html")).unwrap()
}

/// The engine's own figures, which the page never saw: it has the tables and the manifest only.
#[test]
fn verdicts_are_those_of_the_summary() {
    let (out, outcome) = sample();
    let found = verdicts(&page_of(out.path()));
    let invoices = outcome["invoices"].as_array().unwrap();
    assert_eq!(found.len(), invoices.len());
    for invoice in invoices {
        let name = |key: &str| invoice[key].as_str().unwrap().to_owned();
        let lines = &found[&(name("invoice_number"), name("currency"))];
        let mut wanted = vec![("checked against usage", name("checked_amount"))];
        let mut counted = |words, key: &str| {
            if invoice[key]["count"].as_u64() > Some(0) {
                let amount = invoice[key]["amount"].as_str().unwrap();
                wanted.push((words, amount.to_owned()));
            }
        };
        counted("over-billed", "over_billed");
        counted("under-billed", "under_billed");
        counted("off rule", "off_rule_lines");
        counted("at another rate", "other_rate_lines");
        counted("wrong in total", "wrong_total_lines");
        counted("awaited", "awaited");
        counted("copies in usage", "usage_copies");
        counted("copies in the invoice", "line_copies");
        wanted.push(("rounding", name("rounding_amount")));
        if lines.iter().any(|(words, _)| words == "over-billed") {
            wanted.push(("without a cause", name("without_cause_amount")));
        }
        for apart in invoice["not_checkable"].as_array().unwrap() {
            let amount = apart["amount"].as_str().unwrap();
            wanted.push(("not checkable here", amount.to_owned()));
        }
        let sorted = |lines: Vec<(String, String)>| {
            let mut lines = lines;
            lines.sort();
            lines
        };
        let wanted = wanted
            .into_iter()
            .map(|(words, amount)| (words.to_owned(), amount));
        assert_eq!(sorted(lines.clone()), sorted(wanted.collect()));
    }
    // Something of each kind that matters stands in the sample.
    let all: Vec<&String> = found.values().flatten().map(|(words, _)| words).collect();
    for words in [
        "over-billed",
        "under-billed",
        "copies in usage",
        "not checkable here",
    ] {
        assert!(all.iter().any(|one| *one == words), "{words} in {all:?}");
    }
}

#[test]
fn bridges_totals_and_breaks_foot_to_the_tables() {
    let (out, _) = sample();
    let page = page_of(out.path());
    let run = out.path().join("current");
    let variances = table(&run, "variances");
    let sum = |rows: &[&BTreeMap<String, String>], column: &str| -> i128 {
        rows.iter().map(|row| units(&row[column])).sum()
    };
    // Usage, each cause, invoice: and the ends are those of the table.
    let bridges = parts(&page, "<table class=\"bridge\"", "</table>");
    assert!(!bridges.is_empty());
    for bridge in bridges {
        let currency = between(bridge, "data-currency=\"", "\"").unwrap();
        let rows: Vec<_> = variances
            .iter()
            .filter(|row| row["tie_out"] == "usage-to-invoice" && row["currency"] == currency)
            .filter(|row| row["status"] != "out_of_scope")
            .collect();
        let amounts: Vec<i128> = amounts(bridge).iter().map(|text| units(text)).collect();
        let (usage, rest) = amounts.split_first().unwrap();
        let (invoiced, steps) = rest.split_last().unwrap();
        assert_eq!(*usage, sum(&rows, "expected_amount"));
        assert_eq!(*invoiced, sum(&rows, "invoiced_amount"));
        assert_eq!(usage + steps.iter().sum::<i128>(), *invoiced);
        assert!(steps.len() > 3, "{steps:?}");
    }
    let breaks = between(&page, "<section id=\"breaks\">", "</section>").unwrap();
    let mut shown = 0;
    for row in parts(breaks, "<tr data-break=\"", "</tr>") {
        let id = row.split('"').next().unwrap();
        let wanted = variances.iter().find(|row| row["break_id"] == id).unwrap();
        let found = amounts(row);
        assert_eq!(
            found,
            ["expected_amount", "invoiced_amount", "variance_amount"]
                .map(|name| wanted[name].clone())
        );
        assert_eq!(wanted["status"], "break");
        assert!(row.contains(&format!("tieout explain {id} --run ")));
        shown += 1;
    }
    let all = variances
        .iter()
        .filter(|row| row["status"] == "break")
        .count();
    assert_eq!(
        shown, all,
        "a small month has all of its breaks on the page"
    );
}

#[test]
fn customers_foot_to_the_summary() {
    let (out, _) = sample();
    let page = page_of(out.path());
    let run = out.path().join("current");
    let sum = |rows: &[&BTreeMap<String, String>], column: &str| -> i128 {
        rows.iter().map(|row| units(&row[column])).sum()
    };
    let customers = between(&page, "<section id=\"customers\">", "</section>").unwrap();
    let summary = table(&run, "summary");
    let rows = parts(customers, "<tr data-customer=\"", "</tr>");
    assert!(!rows.is_empty());
    for row in rows {
        let id = row.split('"').next().unwrap();
        let found = amounts(row);
        // A customer has a row for each invoice in the table.
        let wanted: Vec<_> = summary
            .iter()
            .filter(|row| row["tie_out"] == "usage-to-invoice" && row["level"] == "customer")
            .filter(|row| row["customer_id"] == id)
            .collect();
        for (at, column) in [
            (0, "expected_amount"),
            (1, "invoiced_amount"),
            (2, "over_billed_amount"),
            (3, "under_billed_amount"),
        ] {
            assert_eq!(units(&found[at]), sum(&wanted, column), "{id} {column}");
        }
    }
}

#[test]
fn the_page_stands_alone_and_says_what_it_leaves_to_the_ledger() {
    let (out, _) = sample();
    let page = page_of(out.path());
    assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    assert_eq!(page.matches("<script").count(), 1);
    for word in [
        "http:", "https:", "src=", "url(", "@import", "onclick", "style=\"",
    ] {
        assert!(!page.contains(word), "{word}");
    }
    let changes = between(&page, "<section id=\"changes\">", "</section>").unwrap();
    assert!(text(changes).contains("tieout report writes it with what the ledger knows"));
    // No path of this machine beyond the inputs', which the manifest has, too.
    assert!(!page.contains(out.path().to_str().unwrap()));
    assert!(page.len() < 1_000_000, "{}", page.len());
}

/// The sample with names that somebody thought out.
pub(crate) fn hostile() -> House {
    let house = House::new();
    let long = "Ä".repeat(4_096);
    let names = [
        "<script>alert(1)</script>",
        "{{ 7 * 7 }}{% raw %}",
        "=1+1",
        "\u{202E}gnihton",
        "\"><img src=x onerror=alert(1)>",
        long.as_str(),
    ];
    let mut seen: Vec<String> = Vec::new();
    for file in ["usage.csv", "invoice-lines.csv"] {
        let path = house.path(file);
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let header = reader.headers().unwrap().clone();
        let name_at = header
            .iter()
            .position(|name| name == "CustomerName")
            .unwrap();
        let id_at = header.iter().position(|name| name == "CustomerId").unwrap();
        let mut out = csv::Writer::from_writer(Vec::new());
        out.write_record(&header).unwrap();
        for row in reader.records().map(Result::unwrap) {
            let id = row[id_at].to_lowercase();
            let at = seen
                .iter()
                .position(|known| *known == id)
                .unwrap_or_else(|| {
                    seen.push(id);
                    seen.len() - 1
                });
            let cells = row.iter().enumerate();
            let cells = cells.map(|(column, cell)| match column == name_at {
                true => names[at % names.len()],
                false => cell,
            });
            out.write_record(cells).unwrap();
        }
        fs::write(&path, out.into_inner().unwrap()).unwrap();
    }
    house.run("month", "2026-11-20");
    house
}

#[test]
fn names_that_somebody_thought_out_are_text() {
    let house = hostile();
    let page = fs::read_to_string(house.path("out/current/report.html")).unwrap();
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains("<img") && !page.contains("49{%"));
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"));
    assert!(page.contains("{{ 7 * 7 }}{% raw %}"));
    assert!(page.contains("Ä…</bdi>") && !page.contains(&"Ä".repeat(300)));
    assert!(!page.contains('\u{202E}') && page.contains("\u{FFFD}gnihton"));
    for name in ["&#60;script", "{{ 7", "\u{FFFD}gnihton"] {
        let at = page.find(name).unwrap();
        assert!(page[..at].ends_with("<bdi>"), "{name} is isolated");
    }
    assert!(page.len() < 1_000_000, "{}", page.len());
}

#[test]
fn the_same_run_has_the_same_reports_however_it_was_made() {
    let house = House::new();
    house.run("month", "2026-11-10");
    fs::copy(house.path("month.toml"), house.path("other.toml")).unwrap();
    // Another name, folder and day, one thread, less memory: the id is the same, and so are all bytes.
    let other = ["-q", "--threads", "1", "run", "other.toml", "--out", "else"];
    let more = ["--memory", "256MiB", "--no-cache", "--as-of", "2026-12-24"];
    assert_ended(&house.tieout(&[&other[..], &more].concat()), 0);
    let id = |out: &str| fs::read_link(house.path(out).join("current")).unwrap();
    assert_eq!(id("out"), id("else"));
    for file in ["report.html", "report.xlsx"] {
        let bytes = |out: &str| fs::read(house.path(out).join("current").join(file)).unwrap();
        assert!(bytes("out") == bytes("else"), "{file}");
    }
    // Published again over itself by the other name, nothing is refused as changed.
    assert_ended(&house.tieout(&["-q", "run", "other.toml"]), 0);
}

#[test]
fn reports_can_be_left_out_and_are_listed_where_they_are() {
    let (out, _) = sample();
    let listed = |out: &Path| -> Vec<String> {
        let manifest = fs::read(out.join("current/manifest.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let outputs = manifest["outputs"].as_array().unwrap().iter();
        let files = outputs.map(|output| output["file"].as_str().unwrap().to_owned());
        files.filter(|file| file.starts_with("report.")).collect()
    };
    assert_eq!(listed(out.path()), ["report.html", "report.xlsx"]);
    let run = |more: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap().to_owned();
        let arguments = ["-q", "run", "pipelines/sample.toml", "--out", &place];
        let done = tieout(&[&arguments[..], more].concat());
        assert!(done.status.success(), "{}", printed(&done));
        (listed(folder.path()), folder)
    };
    let (files, folder) = run(&["--no-report"]);
    assert!(files.is_empty() && !folder.path().join("current/report.html").exists());
    let (files, _folder) = run(&["--set", "output.workbook=false"]);
    assert_eq!(files, ["report.html"]);
    // In one folder, the two are two runs: neither replaces the files of the other.
    let place = out.path().to_str().unwrap();
    let bare = tieout(&[
        "-q",
        "run",
        "pipelines/sample.toml",
        "--out",
        place,
        "--no-report",
    ]);
    assert!(bare.status.success(), "{}", printed(&bare));
    assert_eq!(fs::read_dir(out.path().join("runs")).unwrap().count(), 2);
    let wrong = tieout(&[
        "check",
        "pipelines/sample.toml",
        "--set",
        "output.report=\"no\"",
    ]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        printed(&wrong).contains("output.report"),
        "{}",
        printed(&wrong)
    );
}
