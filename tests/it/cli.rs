//! Commands as a user sees them: exit code, stdout and stderr together.

use std::path::Path;
use std::process::Stdio;

use crate::program::program;

const COMMANDS: [&str; 23] = [
    "run",
    "fetch",
    "reconcile",
    "check",
    "doctor",
    "prune",
    "close",
    "reopen",
    "verify",
    "explain",
    "status",
    "runs",
    "diff",
    "breaks",
    "rollforward",
    "restatements",
    "accruals",
    "synth",
    "sandbox",
    "rehearse",
    "schema",
    "completions",
    "man",
];

/// A pipeline without mistakes, for the files of [`house`].
const GOOD: &str = r#"period = "2026-10"
out = "../out/sample"
[source.usage.files]
paths = ["../usage/*.csv"]
[source.invoice_lines.files]
paths = ["../lines.csv"]
[tie_out.usage-to-invoice.tolerance]
absolute = "0.05"
[tie_out.usage-to-invoice.tolerance.currency.EUR]
relative = "0.01"
"#;

/// Exit code, stdout and stderr of a command in a folder.
fn tieout(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = program(arguments)
        .current_dir(folder)
        .env_remove("TIEOUT_THREADS")
        .output()
        .expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
    (
        output.status.code().expect("the program exits"),
        text(output.stdout),
        text(output.stderr),
    )
}

fn check(folder: &Path, arguments: &[&str], expect: (i32, &str, &str)) {
    let (exit, stdout, stderr) = tieout(folder, arguments);
    assert_eq!(
        (exit, stdout.as_str(), stderr.as_str()),
        expect,
        "{arguments:?}"
    );
}

/// A folder with a pipeline and the empty files that [`GOOD`] names.
fn house(pipeline: &str) -> tempfile::TempDir {
    let house = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in [
        ("pipelines/x.toml", pipeline),
        ("usage/b.csv", ""),
        ("usage/a.csv", ""),
        ("usage/.c.csv", ""),
        ("lines.csv", ""),
    ] {
        let path = house.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    house
}

#[test]
fn check_shows_what_a_run_would_do() {
    let expect = "\
pipeline  x
period    2026-10
out       out/sample

sources
  usage          usage/*.csv  2 files
  invoice_lines  lines.csv    1 file

tie-outs
  line-arithmetic      on   tolerance: rounding only
  lines-to-invoice     off  tolerance: rounding only
  usage-to-invoice     on   tolerance: absolute 0.05
    currency EUR: relative 0.01
";
    let house = house(GOOD);
    check(
        house.path(),
        &["check", "pipelines/x.toml"],
        (0, expect, ""),
    );
    let (exit, stdout, stderr) = tieout(house.path(), &["check", "pipelines/x.toml", "--json"]);
    assert_eq!((exit, stderr.as_str()), (0, ""));
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        json["sources"][0]["files"],
        serde_json::json!(["usage/a.csv", "usage/b.csv"])
    );
    let tie_outs = json["tie_outs"].as_array().unwrap();
    let usage = tie_outs
        .iter()
        .find(|tie_out| tie_out["name"] == "usage-to-invoice")
        .unwrap();
    assert_eq!(usage["tolerance"]["currency"]["EUR"]["relative"], "0.01");
}

#[test]
fn check_lists_every_mistake() {
    let bad = GOOD
        .replace("period", "perod")
        .replace("\"0.05\"", "0.05")
        .replace("usage/*.csv", "usage/*.tsv");
    let expect = "\
error: `pipelines/x.toml` line 1, key `perod`: found an unknown key, wanted one of `period`, `out`, `state`, `source`, `tie_out`, `partner_center`, `exclude`, `accept`, `month_end`, `csv`, `csv_separator`, `csv_decimal`, `output`, `metrics`, `notify`
hint: did you mean `period`?
error: `pipelines/x.toml` line 4, key `source.usage.files.paths`: found no file for `usage/*.tsv`, wanted a path or glob that matches a file
hint: no file in `usage` matches `*.tsv`
error: `pipelines/x.toml` line 8, key `tie_out.usage-to-invoice.tolerance.absolute`: found the float `0.05`, wanted a decimal number in quotes, not negative
hint: floats are not exact: write `absolute = \"0.05\"`
";
    let house = house(&bad);
    check(
        house.path(),
        &["check", "pipelines/x.toml"],
        (2, "", expect),
    );
    let (exit, stdout, stderr) = tieout(house.path(), &["check", "pipelines/x.toml", "--json"]);
    assert_eq!((exit, stderr.as_str()), (2, ""));
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["mistakes"].as_array().unwrap().len(), 3);
    let gone = "error: `gone.toml`: found no such file, wanted a pipeline file\n\
        hint: paths on the command line are relative to the current folder\n";
    check(house.path(), &["check", "gone.toml"], (2, "", gone));
}

#[test]
fn a_path_that_matches_nothing_has_a_hint_why() {
    let house = house(GOOD);
    for (path, hint) in [
        ("../nowhere/*.csv", "hint: there is no `nowhere` in `.`"),
        (
            "../usage",
            "hint: `usage` is a folder: add `/*.csv` for the files in it",
        ),
        ("../lines.CSV", "hint: there is no `lines.CSV` in `.`"),
    ] {
        let set = format!("source.usage.files.paths=[\"{path}\"]");
        let (exit, _, stderr) = tieout(house.path(), &["check", "pipelines/x.toml", "--set", &set]);
        assert_eq!(exit, 2);
        assert!(
            stderr.contains(hint) && stderr.contains("`--set source.usage.files.paths="),
            "{stderr}"
        );
    }
}

#[test]
fn schema_prints_published_tables_and_input_columns() {
    let here = Path::new(".");
    let expect = "\
-- published: one input row that could not be used
CREATE TABLE rejected_rows (
  \"source\" TEXT, -- dataset
  \"unit\" TEXT, -- file
  \"line\" BIGINT, -- line in the file, from 1; of Parquet the row
  \"column\" TEXT, -- column at fault; empty for the whole row
  \"found\" TEXT, -- what stands there, cut to 200 characters
  \"wanted\" TEXT, -- what should stand there
  \"text\" TEXT -- the row, cut to 200 characters
);
";
    check(
        here,
        &["schema", "rejected_rows", "--format", "sql"],
        (0, expect, ""),
    );
    let (_, text, _) = tieout(here, &["schema", "invoices"]);
    assert!(
        text.contains("  TotalCharges            DECIMAL(38,20)  needed\n"),
        "{text}"
    );
    let (_, markdown, _) = tieout(here, &["schema", "variances", "--format", "markdown"]);
    assert!(
        markdown
            .contains("| `charge_type` | TEXT | charge types in the group, separated by \\| |\n"),
        "{markdown}"
    );
}

#[test]
fn schema_knows_every_table() {
    let here = Path::new(".");
    let (exit, stdout, _) = tieout(here, &["schema", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let names: Vec<&str> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    let published = [
        "variances",
        "resources",
        "summary",
        "control_totals",
        "rejected_rows",
        "findings",
        "lineage",
        "breaks",
        "break_events",
        "roll_forward",
        "restatements",
        "closes",
        "accruals",
        "runs",
        "analyst/usage_daily",
        "analyst/invoice_lines",
        "analyst/variances",
        "analyst/resources",
        "analyst/invoices",
    ];
    let tables = [
        &published[..],
        &["usage", "invoice_lines", "invoices", "unbilled_usage"],
    ]
    .concat();
    assert_eq!((exit, names.get(..tables.len())), (0, Some(&tables[..])));
    // Datasets that are fetched but are no inputs come after them.
    let fetched = tieout::model::record::RECORD_SETS
        .iter()
        .map(|set| set.name)
        .filter(|name| !tables.contains(name));
    assert_eq!(names[tables.len()..], fetched.collect::<Vec<_>>());
    let list = names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let unknown = format!(
        "error: `TABLE`: found `varainces`, wanted one of {list}\nhint: did you mean `variances`?\n"
    );
    check(here, &["schema", "varainces"], (2, "", &unknown));
}

#[test]
fn completions_are_a_script() {
    let (exit, stdout, stderr) = tieout(Path::new("."), &["completions", "bash"]);
    assert_eq!((exit, stderr.as_str()), (0, ""));
    assert!(
        stdout.starts_with("_tieout() {")
            && COMMANDS.iter().all(|command| stdout.contains(command))
    );
}

#[test]
fn help_names_every_command_and_has_an_example() {
    let (exit, stdout, _) = tieout(Path::new("."), &["--help"]);
    assert_eq!(exit, 0);
    for command in COMMANDS {
        assert!(stdout.contains(&format!("\n  {command} ")), "{stdout}");
        let (exit, help, _) = tieout(Path::new("."), &[command, "--help"]);
        assert!(
            exit == 0 && help.contains(&format!("Example:\n  tieout {command}")),
            "{help}"
        );
    }
}

#[test]
fn wrong_usage_exits_with_2_and_prints_no_data() {
    for arguments in [
        &["frobnicate"][..],
        &[],
        &["run"],
        &["explain"],
        &["explain", "b", "--key", "meter_id=1"],
        &["explain", "--key", "metre_id=1"],
        &["reconcile", "--usage", "a.csv", "--out", "o"],
        &[
            "reconcile",
            "--usage",
            "a.csv",
            "b.csv",
            "--invoice-lines",
            "l.csv",
            "--out",
            "o",
            "--tolerance-absolute",
            "-1",
        ],
        &["check", "x.toml", "-q", "-v"],
        &["--threads", "0", "schema"],
        &[
            "synth", "--rows", "1", "--seed", "1", "--out", "o", "--period", "2026-13",
        ],
    ] {
        let (exit, stdout, stderr) = tieout(Path::new("."), arguments);
        assert_eq!(
            (exit, stdout.as_str(), stderr.is_empty()),
            (2, "", false),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child = program(&["schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}
