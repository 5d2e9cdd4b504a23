//! `tieout diff` on two runs that are published.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tieout::ledger::runs::RunRow;
use tieout::ledger::store::Ledger;

use super::fixture::run_of;
use super::{ask, json, text};
use crate::program::{PACKAGE, program, stderr};
use crate::runs::{Published, units};

/// Publishes the sample month, with one more change to its lines; the id of the run.
fn publish(out: &Path, lines: &str) -> String {
    let inputs = tempfile::tempdir().unwrap();
    let month = Path::new(PACKAGE).join("samples/month");
    let path = inputs.path().join("lines.csv");
    fs::write(&path, lines).unwrap();
    let done = program(&[
        "reconcile",
        "--usage",
        month.join("usage.csv").to_str().unwrap(),
        "--invoice-lines",
        path.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--json",
    ])
    .output()
    .unwrap();
    let outcome: Value = serde_json::from_slice(&done.stdout).unwrap();
    outcome["run_id"].as_str().unwrap().to_owned()
}

/// Breaks of a run by measure and currency, in units of 10^-10.
fn total_of(out: &Path, run_id: &str, currency: &str) -> i128 {
    let table = Published::read(&out.join("runs").join(run_id), "variances");
    let of_breaks = table.rows.iter().filter(|row| {
        table.cell(row, "status") == "break" && table.cell(row, "currency") == currency
    });
    of_breaks
        .map(|row| table.amount(row, "variance_amount"))
        .sum()
}

#[test]
fn the_difference_of_two_runs_foots() {
    let out = tempfile::tempdir().unwrap();
    let lines = Path::new(PACKAGE).join("samples/month/invoice-lines.csv");
    let lines = fs::read_to_string(lines).unwrap();
    let changed = lines.replacen(",319.78,60.76,380.54,", ",329.78,60.76,390.54,", 1);
    assert_ne!(lines, changed);
    let ids = [publish(out.path(), &lines), publish(out.path(), &changed)];
    let mut ledger = Ledger::open(out.path()).unwrap();
    for (id, day) in ids.iter().zip(["2026-11-08", "2026-11-09"]) {
        let row = RunRow {
            run_id: id.clone(),
            pipeline: "by-hand".to_owned(),
            ..run_of("2026-10", day)
        };
        ledger.end_failed(row, true).unwrap();
    }
    let arguments = ["diff", "previous", "last", "--pipeline-name", "by-hand"];
    let found = json(out.path(), &arguments);
    let same = json(out.path(), &["diff", &ids[0], &ids[1]]);
    assert_eq!(found["totals"], same["totals"], "by name as by id");
    for total in found["totals"].as_array().unwrap() {
        let of = |name: &str| units(total[name].as_str().unwrap());
        assert_eq!(
            of("before") + of("new") + of("moved") - of("gone"),
            of("after"),
            "{total}"
        );
        let currency = total["currency"].as_str().unwrap();
        assert_eq!(of("before"), total_of(out.path(), &ids[0], currency));
        assert_eq!(of("after"), total_of(out.path(), &ids[1], currency));
    }
    let count = |name: &str| found[name].as_array().unwrap().len();
    assert!(count("new") + count("moved") > 0, "{found}");
    let text = text(out.path(), &arguments);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(
        text.contains("= after") && text.contains(" as before)"),
        "{text}"
    );
    let backward = json(out.path(), &["diff", &ids[1], &ids[0]]);
    assert_eq!(backward["gone"].as_array().unwrap().len(), count("new"));
    let nothing = json(out.path(), &["diff", "last", "last"]);
    assert_eq!(nothing["new"], Value::Array(Vec::new()));
    for name in ["99999", "no-such-run"] {
        let done = ask(out.path(), &["diff", name, "last"]);
        assert_eq!(done.status.code(), Some(2));
        assert!(stderr(&done).contains(&format!("error: Run `{name}`: found no such run")));
    }
    fs::rename(
        out.path().join("runs").join(&ids[0]),
        out.path().join("away"),
    )
    .unwrap();
    let done = ask(out.path(), &["diff", &ids[0], "last"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(
        stderr(&done).contains("found no folder of it any more"),
        "{}",
        stderr(&done)
    );
}
