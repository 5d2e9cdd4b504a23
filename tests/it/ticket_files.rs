//! Evidence of an explanation, and its formats.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::program::{stderr, tieout};
use crate::tickets::{decimal, explained, of_cause, sum, the_month};

#[test]
fn evidence_has_every_row_with_its_file_and_hash() {
    let truth = of_cause("timing", "usage-to-invoice")[0];
    let told = explained(truth);
    assert_eq!(told.usage.len() as u64, told.group["expected"]["rows"]);
    assert_eq!(told.lines.len() as u64, told.group["invoiced"]["rows"]);
    // Two of them are shown.
    assert_eq!(told.group["expected"]["lines"].as_array().unwrap().len(), 2);
    for row in told.usage.iter().chain(&told.lines) {
        let bytes = std::fs::read(&row["file"]).unwrap();
        assert_eq!(row["blake3"], blake3::hash(&bytes).to_hex().as_str());
        let text = String::from_utf8(bytes).unwrap();
        // No cell of these files has a line feed.
        let line: usize = row["line"].parse().unwrap();
        let source = text.lines().nth(line - 1).unwrap();
        assert!(source.contains(&row["PartnerId"]) && source.contains(&row["SubscriptionId"]));
    }
    assert!(!told.lines[0]["OrderId"].is_empty());
    assert_eq!(
        told.group["invoiced"]["lines"][0]["order_id"],
        told.lines[0]["OrderId"]
    );
    let used: Decimal = told.group["days"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| decimal(day["used_amount"].as_str().unwrap()))
        .sum();
    assert_eq!(used, sum(&told.usage, "BillingPreTaxTotal"));
}

#[test]
fn evidence_is_not_written_over_and_formats_do_not_mix() {
    let month = the_month();
    let id = &of_cause("price", "usage-to-invoice")[0]["break_id"];
    let folder = tempfile::tempdir().unwrap();
    let explain = |more: &[&str]| {
        let out = month.out();
        let mut arguments = vec!["explain", id, "--out", &out];
        arguments.extend(more);
        tieout(&arguments)
    };
    let at = folder.path().to_str().unwrap();
    assert!(explain(&["--evidence", at]).status.success());
    let before = std::fs::read(folder.path().join("usage.csv")).unwrap();
    let again = explain(&["--evidence", at]);
    assert_eq!(again.status.code(), Some(2), "{}", stderr(&again));
    assert!(stderr(&again).contains("wanted a folder without such files"));
    assert_eq!(
        std::fs::read(folder.path().join("usage.csv")).unwrap(),
        before
    );
    for mixed in [
        &["--json", "--format", "text"][..],
        &["-v", "--format", "markdown"],
    ] {
        assert_eq!(explain(mixed).status.code(), Some(2), "{mixed:?}");
    }
    let json = explain(&["--json"]).stdout;
    assert_eq!(explain(&["--format", "json"]).stdout, json);
    let answer: Value = serde_json::from_slice(&json).unwrap();
    let first = answer["groups"][0]["sentences"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let text = String::from_utf8(explain(&[]).stdout).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").starts_with(&first), "{text}");
    let ticket = String::from_utf8(explain(&["--format", "markdown"]).stdout).unwrap();
    assert!(
        ticket.starts_with(&first) && ticket.contains("BLAKE3 `"),
        "{ticket}"
    );
    let width = |line: &str| line.replace("\\|", "").matches('|').count();
    for table in ticket.split("\n\n").filter(|part| part.starts_with('|')) {
        let widths: BTreeSet<usize> = table
            .lines()
            .take_while(|line| line.starts_with('|'))
            .map(width)
            .collect();
        assert_eq!(widths.len(), 1, "{table}");
    }
}
