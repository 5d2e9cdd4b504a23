//! Golden tests: each folder of `samples/` with a `command` publishes the tables in its
//! `expected/`, byte for byte. `UPDATE=1` rewrites them; a person reads the diff.

use std::fs;
use std::path::Path;

use crate::program::{cases, is_update, run_case, tieout};

/// Tables that are compared. The manifest names the program's version, and `lineage` nothing but
/// files.
const TABLES: [&str; 6] = [
    "variances",
    "resources",
    "summary",
    "control_totals",
    "rejected_rows",
    "findings",
];

#[test]
fn every_sample_publishes_its_expected_tables() {
    let cases = cases("samples");
    assert!(cases.len() >= 10, "the samples are there");
    for case in cases {
        let out = tempfile::tempdir().unwrap();
        let done = run_case(&case, out.path());
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

/// Compares bytes with those in a file; with `UPDATE=1`, rewrites the file first.
fn compare(expected: &Path, found: &[u8]) {
    if is_update() {
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
    let done = tieout(&[
        "-q",
        "run",
        "pipelines/sample.toml",
        "--out",
        out.path().to_str().unwrap(),
    ]);
    assert!(done.status.success());
    let schema = tieout(&["schema", "manifest"]).stdout;
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
