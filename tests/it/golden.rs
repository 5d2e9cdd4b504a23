//! Each folder of `samples/` with a `command` is a case: the tables that it publishes are those in
//! its `expected/`. `UPDATE=1` rewrites them; a person reads the diff.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tables that are compared; lineage and manifest name the program's version or only files.
const TABLES: [&str; 6] = [
    "variances",
    "resources",
    "summary",
    "control_totals",
    "rejected_rows",
    "findings",
];

fn cases() -> Vec<PathBuf> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut cases: Vec<PathBuf> = fs::read_dir(samples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("command").is_file())
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_sample_publishes_what_it_should() {
    let cases = cases();
    assert!(cases.len() >= 10, "the samples are there");
    for case in cases {
        let out = tempfile::tempdir().unwrap();
        let command = fs::read_to_string(case.join("command")).unwrap();
        let arguments: Vec<String> = command
            .lines()
            .map(|line| line.replace("$OUT", out.path().to_str().unwrap()))
            .collect();
        let done = Command::new(env!("CARGO_BIN_EXE_tieout"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        compare(
            &case.join("expected/exit"),
            format!("{}\n", done.status.code().unwrap()).as_bytes(),
        );
        for table in TABLES {
            let published = fs::read(out.path().join(format!("current/{table}.csv"))).unwrap();
            compare(&case.join(format!("expected/{table}.csv")), &published);
        }
    }
}

fn compare(expected: &Path, found: &[u8]) {
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(expected.parent().unwrap()).unwrap();
        fs::write(expected, found).unwrap();
    }
    let wanted = fs::read(expected).unwrap_or_default();
    assert!(
        wanted == found,
        "`{}` differs; UPDATE=1 rewrites it",
        expected.display()
    );
}

#[test]
fn the_manifest_has_the_members_of_its_schema() {
    let out = tempfile::tempdir().unwrap();
    let arguments = [
        "-q",
        "run",
        "pipelines/sample.toml",
        "--out",
        out.path().to_str().unwrap(),
    ];
    let done = Command::new(env!("CARGO_BIN_EXE_tieout"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(done.status.success());
    let schema = Command::new(env!("CARGO_BIN_EXE_tieout"))
        .args(["schema", "manifest"])
        .output()
        .unwrap()
        .stdout;
    let schema: serde_json::Value = serde_json::from_slice(&schema).unwrap();
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(out.path().join("current/manifest.json")).unwrap())
            .unwrap();
    let members = |value: &serde_json::Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let items = |list: &str| schema["properties"][list]["items"]["properties"].clone();
    assert_eq!(members(&manifest), members(&schema["properties"]));
    for list in ["inputs", "control_totals", "outputs", "tie_outs"] {
        assert_eq!(members(&manifest[list][0]), members(&items(list)), "{list}");
    }
}
