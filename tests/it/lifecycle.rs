//! The output folder over its life: lock, pointer to the newest run, litter of a killed run,
//! tampering, exit codes; and `explain`, from a published figure back to its source lines.

use std::fs;
use std::path::Path;
use std::process::Output;

use rust_decimal::Decimal;

use crate::explained::{Case, ids};
use crate::fixtures::{LINE, USAGE, sheet};
use crate::program::{PACKAGE, stderr, tieout};

/// Runs `pipelines/sample.toml` into `out`.
fn run_sample(out: &Path, more: &[&str]) -> Output {
    let mut arguments = vec![
        "-q",
        "run",
        "pipelines/sample.toml",
        "--out",
        out.to_str().unwrap(),
    ];
    arguments.extend(more);
    tieout(&arguments)
}

/// The rows of a table of the newest run.
fn rows(out: &Path, table: &str) -> Vec<csv::StringRecord> {
    let path = out.join(format!("current/{table}.csv"));
    csv::Reader::from_path(path)
        .unwrap()
        .records()
        .map(Result::unwrap)
        .collect()
}

/// Position of a column in a published table.
fn column(table: &str, name: &str) -> usize {
    let tables = tieout::model::tables::TABLES;
    let table = tables
        .iter()
        .find(|candidate| candidate.name == table)
        .unwrap();
    table
        .columns
        .iter()
        .position(|column| column.name == name)
        .unwrap()
}

/// The answer of a command that succeeds and prints JSON.
fn json(output: &Output) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_locked_folder_is_left_alone() {
    let out = tempfile::tempdir().unwrap();
    let lock = fs::File::create(out.path().join(".lock")).unwrap();
    lock.try_lock().unwrap();
    fs::write(out.path().join(".lock"), "process 4711\n").unwrap();
    let refused = run_sample(out.path(), &[]);
    assert_eq!(refused.status.code(), Some(23));
    assert!(stderr(&refused).contains("process 4711"));
    drop(lock);
    // A lock file whose process is gone locks nothing.
    assert_eq!(run_sample(out.path(), &[]).status.code(), Some(0));
}

#[test]
fn the_next_run_removes_the_litter_of_a_killed_one() {
    let out = tempfile::tempdir().unwrap();
    fs::create_dir_all(out.path().join(".staging")).unwrap();
    fs::write(out.path().join(".staging/variances.csv"), "half a").unwrap();
    assert_eq!(run_sample(out.path(), &[]).status.code(), Some(0));
    let mut names: Vec<String> = fs::read_dir(out.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            ".lock",
            "analyst",
            "analyst-tables",
            "cache",
            "current",
            "ledger",
            "ledger-tables",
            "ledger.db",
            "periods",
            "runs"
        ]
    );
}

#[test]
fn a_published_run_that_was_changed_is_refused() {
    let out = tempfile::tempdir().unwrap();
    assert_eq!(run_sample(out.path(), &[]).status.code(), Some(0));
    let path = out.path().join("current/summary.csv");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert_eq!(run_sample(out.path(), &[]).status.code(), Some(24));
    fs::write(&path, whole).unwrap();
    assert_eq!(run_sample(out.path(), &[]).status.code(), Some(0));
}

#[test]
fn breaks_and_rejects_have_their_exit_codes() {
    let out = tempfile::tempdir().unwrap();
    assert_eq!(
        run_sample(out.path(), &["--fail-on-breaks"]).status.code(),
        Some(10)
    );
    let rejects = |allowed: &str| {
        let out = out.path().join("rejects");
        let files = [
            "--usage",
            "samples/rejects/usage.csv",
            "--invoice-lines",
            "samples/rejects/invoice-lines.csv",
        ];
        let mut arguments = vec![
            "-q",
            "reconcile",
            "--out",
            out.to_str().unwrap(),
            "--allow-rejects",
            allowed,
        ];
        arguments.extend(files);
        tieout(&arguments).status.code()
    };
    assert_eq!((rejects("4"), rejects("5")), (Some(11), Some(0)));
}

/// Manifest of the newest run.
fn manifest(run: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(run.join("manifest.json")).unwrap()).unwrap()
}

/// A run ended with 24, "the published run was changed afterwards", where the same input had been
/// read before without the flag: its rows were tolerated, and its run was not another.
#[test]
fn rejects_that_are_tolerated_make_a_run_of_their_own() {
    let case = Case::new();
    case.write(
        "u.csv",
        sheet(
            USAGE,
            &[&[], &[("Quantity", "many"), ("UsageDate", "10/06/2026")]],
        ),
    )
    .write(
        "l.csv",
        sheet(LINE, &[&[("Subtotal", "2"), ("Total", "2")]]),
    );
    // The run's own folder: an incomplete run does not become the current one of a complete one.
    let run = |flags: &[&str], code: i32, status: &str| {
        let output = case.run_with("", &[flags, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let run_id = told["run_id"].as_str().unwrap().to_owned();
        let folder = case.out().join("runs").join(&run_id);
        assert_eq!(manifest(&folder)["exit_code"], code);
        let wanted = [("tie_out", "usage-to-invoice"), ("status", status)];
        assert_eq!(ids(&folder, &wanted).len(), 1, "{status}");
        run_id
    };
    let awaited = run(&[], 11, "awaited");
    let tolerated = run(&["--allow-rejects", "1"], 0, "break");
    assert_ne!(awaited, tolerated);
    assert_eq!(run(&["--allow-rejects", "0"], 11, "awaited"), awaited);
    // That they are tolerated is the fact, not how many more would be.
    assert_eq!(run(&["--allow-rejects", "9"], 0, "break"), tolerated);
    assert_eq!(run(&[], 11, "awaited"), awaited);
    // Without rejected rows there is nothing to tolerate.
    case.write("u.csv", sheet(USAGE, &[&[]]));
    let clean = run(&[], 0, "break");
    assert_eq!(run(&["--allow-rejects", "1"], 0, "break"), clean);
}

/// Whichever came first of two runs of the same input, one with and one without the flag, its code
/// stood in the manifest of both.
#[test]
fn an_exit_code_for_breaks_is_no_fact_of_the_run() {
    let (told, untold): (&[&str], &[&str]) = (&["--fail-on-breaks"], &[]);
    let manifests = [[(told, 10), (untold, 0)], [(untold, 0), (told, 10)]].map(|order| {
        let out = tempfile::tempdir().unwrap();
        for (flags, code) in order {
            let output = run_sample(out.path(), flags);
            assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        }
        let runs = fs::read_dir(out.path().join("runs")).unwrap().count();
        assert_eq!(runs, 1, "one run, published twice");
        manifest(&out.path().join("current"))
    });
    assert_eq!(manifests[0], manifests[1]);
    assert_eq!(manifests[0]["exit_code"], 0);
}

#[test]
fn explain_adds_up_to_every_published_variance() {
    let out = tempfile::tempdir().unwrap();
    assert_eq!(run_sample(out.path(), &[]).status.code(), Some(0));
    let at = |name: &str| column("variances", name);
    let variances = rows(out.path(), "variances");
    assert!(variances.len() > 60);
    for row in variances
        .iter()
        .filter(|row| &row[at("status")] != "within_tolerance")
    {
        let answer = tieout(&[
            "explain",
            &row[at("break_id")],
            "--out",
            out.path().to_str().unwrap(),
            "--json",
            "--limit",
            "1000000",
        ]);
        let answer = json(&answer);
        let group = &answer["groups"][0];
        assert_eq!(group["variance_amount"], row[at("variance_amount")]);
        for (side, rows) in [("expected", "usage_rows"), ("invoiced", "invoice_lines")] {
            assert_eq!(group[side]["published"], row[at(&format!("{side}_amount"))]);
            let lines = group[side]["lines"].as_array().unwrap();
            let number =
                |text: &serde_json::Value| text.as_str().unwrap().parse::<Decimal>().unwrap();
            let sum: Decimal = lines.iter().map(|line| number(&line["amount"])).sum();
            // What a line should come to is in no file; and the group of the lines that are right
            // shows all lines of its invoice.
            if &row[at("tie_out")] == "line-arithmetic" {
                assert!(!lines.is_empty(), "{row:?}");
                continue;
            }
            assert_eq!(sum, number(&group[side]["exact_sum"]), "the lines add up");
            if &row[at("tie_out")] == "usage-to-invoice" {
                assert_eq!(lines.len().to_string(), row[at(rows)]);
            }
        }
    }
}

#[test]
fn explain_by_keys_adds_up_to_the_resources() {
    let out = tempfile::tempdir().unwrap();
    assert_eq!(run_sample(out.path(), &[]).status.code(), Some(0));
    let at = |name: &str| column("resources", name);
    for row in rows(out.path(), "resources")
        .iter()
        .filter(|row| &row[at("usage_rows")] != "0")
        .step_by(40)
    {
        let mut arguments = vec![
            "explain".to_owned(),
            "--json".to_owned(),
            "--out".to_owned(),
            out.path().display().to_string(),
        ];
        for key in [
            "invoice_number",
            "customer_id",
            "subscription_id",
            "entitlement_id",
            "product_id",
            "sku_id",
            "meter_id",
            "resource_uri",
        ] {
            arguments.extend(["--key".to_owned(), format!("{key}={}", &row[at(key)])]);
        }
        let answer = tieout(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let answer = json(&answer);
        assert_eq!(answer["resources"]["rows"], 1);
        for amount in ["expected_amount", "invoiced_amount", "variance_amount"] {
            assert_eq!(answer["resources"][amount], row[at(amount)], "{amount}");
        }
    }
}

#[test]
fn explain_refuses_a_source_that_changed() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &str| {
        let path = folder.path().join(name);
        fs::copy(
            Path::new(PACKAGE).join("samples/worked-example").join(name),
            &path,
        )
        .unwrap();
        path.display().to_string()
    };
    let (usage, lines, out) = (
        copy("usage.csv"),
        copy("invoice-lines.csv"),
        folder.path().join("out").display().to_string(),
    );
    assert_eq!(
        tieout(&[
            "-q",
            "reconcile",
            "--usage",
            &usage,
            "--invoice-lines",
            &lines,
            "--out",
            &out
        ])
        .status
        .code(),
        Some(0)
    );
    let explain = || {
        tieout(&[
            "explain",
            "--key",
            "customer_id=196E2273-9651-43a3-ba7e-7cbcd918fc40",
            "--out",
            &out,
        ])
    };
    assert_eq!(explain().status.code(), Some(0));
    let text = fs::read_to_string(&usage).unwrap();
    fs::write(&usage, text.replace("10.950039", "10.950038")).unwrap();
    let refused = explain();
    assert_eq!(refused.status.code(), Some(24));
    assert!(stderr(&refused).contains("usage.csv"));
}
