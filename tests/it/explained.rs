//! Fixture: runs over files made by hand, and what `explain` says of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use rust_decimal::Decimal;
use serde_json::Value;
use tempfile::TempDir;
use tieout::pipeline;
use tieout::pipeline::explain::{Request, Target};

use crate::fixtures::Changes;
use crate::program::{printed, stderr, tieout};
use crate::runs::Published;

/// A header of an invoice, in euros.
pub(crate) const HEADER: Changes<'static> = &[
    ("Id", "G1"),
    ("CurrencyCode", "EUR"),
    ("TotalCharges", "1"),
    ("BillingPeriodStartDate", "10/01/2026"),
];

/// Files and runs of a test, in a folder of its own.
pub(crate) struct Case(pub(crate) TempDir);

impl Case {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.path("out")
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    /// Runs a pipeline over the files `u*`, `l*` and `h*`, as far as there are any; `settings` is
    /// added to its text.
    pub(crate) fn run_with(&self, settings: &str, flags: &[&str]) -> Output {
        let mut text = String::from("out = \"out\"\n");
        for (source, glob) in [("usage", "u"), ("invoice_lines", "l"), ("invoices", "h")] {
            let has = fs::read_dir(self.0.path()).unwrap().any(|entry| {
                entry
                    .unwrap()
                    .file_name()
                    .to_str()
                    .unwrap()
                    .starts_with(glob)
            });
            if has {
                text += &format!("[source.{source}.files]\npaths = [\"{glob}*\"]\n");
            }
        }
        self.write("pipeline.toml", text + settings);
        let path = self.path("pipeline.toml");
        let mut arguments = vec!["-q", "run", path.to_str().unwrap()];
        arguments.extend(flags);
        tieout(&arguments)
    }

    pub(crate) fn run(&self) -> Output {
        self.run_with("", &[])
    }

    /// The only group of a tie-out with these cells, as `column=value`.
    pub(crate) fn id(&self, wanted: &[(&str, &str)]) -> String {
        let ids = self.ids(wanted);
        assert_eq!(ids.len(), 1, "{wanted:?}");
        ids.into_iter().next().unwrap()
    }

    pub(crate) fn ids(&self, wanted: &[(&str, &str)]) -> Vec<String> {
        ids(&self.path("out/current"), wanted)
    }

    pub(crate) fn explain(&self, arguments: &[&str]) -> Output {
        explain(&self.out(), arguments)
    }

    /// The answer to an `explain` that succeeds.
    pub(crate) fn answer(&self, arguments: &[&str]) -> Value {
        let output = self.explain(&[arguments, &["--json", "--limit", "100000"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Ids of the variances of a run that have these cells.
pub(crate) fn ids(run: &Path, wanted: &[(&str, &str)]) -> Vec<String> {
    let table = Published::read(run, "variances");
    let fits = |row: &&Vec<String>| {
        wanted
            .iter()
            .all(|(name, value)| table.cell(row, name) == *value)
    };
    let rows = table.rows.iter().filter(fits);
    rows.map(|row| table.cell(row, "break_id").to_owned())
        .collect()
}

pub(crate) fn explain(out: &Path, arguments: &[&str]) -> Output {
    let mut all = vec!["explain", "--out", out.to_str().unwrap()];
    all.extend(arguments);
    tieout(&all)
}

/// Checks that a command ended with a code, and said all of these.
pub(crate) fn assert_says(output: &Output, code: i32, words: &[&str]) {
    let said = printed(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` in {said}");
    }
    assert!(code == 1 || !said.contains("bug"), "{said}");
}

pub(crate) fn number(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

/// Explains every group of the newest run, of a large one every tenth or so, and holds sums, rows,
/// parts and findings against the tables; returns how many groups there are.
pub(crate) fn walk(out: &Path) -> usize {
    let folder = out.join("current");
    let table = Published::read(&folder, "variances");
    let findings = Published::read(&folder, "findings");
    for row in table.rows.iter().step_by(table.rows.len() / 200 + 1) {
        let cell = |name: &str| table.cell(row, name);
        let id = cell("break_id");
        // Not as a program: hundreds of groups are explained.
        let request = Request {
            target: Target::Break(id.to_owned()),
            out: out.to_owned(),
            run: None,
            limit: 1_000_000,
        };
        let found = pipeline::explain::explain(&request);
        let found = found.unwrap_or_else(|error| panic!("{row:?} {error}"));
        let answer = serde_json::to_value(found).unwrap();
        let group = &answer["groups"][0];
        assert_eq!(group["break_id"], id, "{row:?}");
        assert_eq!(group["status"], cell("status"));
        assert_eq!(group["matched_on"], cell("matched_on"));
        assert_eq!(group["tolerance_amount"], cell("tolerance_amount"));
        let shows_rows = group["units"].as_array().unwrap().is_empty();
        if shows_rows {
            assert_eq!(group["variance_amount"], cell("variance_amount"));
        }
        for part in group["parts"].as_array().unwrap() {
            let name = format!("{}_amount", part[0].as_str().unwrap());
            assert_eq!(part[1], cell(&name), "{row:?}");
        }
        let of_lines = cell("tie_out") == "lines-to-invoice";
        for (side, rows) in [("expected", "usage_rows"), ("invoiced", "invoice_lines")] {
            // Expected are the lines there, and headers have no column.
            let rows = match (of_lines, side) {
                (true, "invoiced") => continue,
                (true, _) => "invoice_lines",
                (false, _) => rows,
            };
            let side_of = &group[side];
            assert_eq!(side_of["rows"].to_string(), cell(rows), "{side} {row:?}");
            if !shows_rows {
                continue;
            }
            assert_eq!(side_of["published"], cell(&format!("{side}_amount")));
            let lines = side_of["lines"].as_array().unwrap();
            assert_eq!(lines.len().to_string(), cell(rows), "{row:?}");
            let sum: Decimal = lines.iter().map(|line| number(&line["amount"])).sum();
            assert_eq!(sum, number(&side_of["exact_sum"]));
        }
        let of_id = |found: &&Vec<String>| findings.cell(found, "break_id") == id;
        if let Some(found) = findings.rows.iter().find(of_id)
            && shows_rows
        {
            let level = findings.cell(found, "narrowest_level");
            let narrowest = group["narrowest"].as_str().unwrap();
            assert!(narrowest.starts_with(level), "{narrowest}, wanted {level}");
        }
    }
    table.rows.len()
}
