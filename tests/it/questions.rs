//! The questions of `samples/questions`, asked of six rehearsed months: by DuckDB, with pandas and polars
//! reading the same folder. Skipped, and said so, where Python has none of the three.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::{PACKAGE, printed, stderr, tieout};

/// Python with the packages, as `.ci/run` sets it up; `python3` where it is not set.
fn python() -> Command {
    Command::new(std::env::var_os("TIEOUT_PYTHON").unwrap_or_else(|| "python3".into()))
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn has(packages: &str) -> bool {
    let found = python()
        .args(["-c", &format!("import {packages}")])
        .output();
    let has = found.is_ok_and(|found| found.status.success());
    if !has {
        eprintln!("skipped: Python without {packages}; set TIEOUT_PYTHON to one with them");
    }
    has
}

/// Reads each table of a folder with three libraries, as a folder and by a glob, and compares the rows.
const READ: &str = r#"
import glob, sys
import duckdb, pandas, polars
for table in ["usage_daily", "invoice_lines", "variances", "resources", "invoices"]:
    folder = sys.argv[1] + "/" + table
    files = glob.glob(folder + "/**/*.parquet", recursive=True)
    months = {file.split("billing_period=")[1][:7] for file in files}
    runs = {file.split("run_id=")[1].split("/")[0] for file in files}
    assert len(months) == len(runs) == 6, (table, months, runs)
    one = polars.scan_parquet(folder, hive_partitioning=True).collect()
    two = pandas.read_parquet(folder)
    glob_of = "read_parquet('" + folder + "/**/*.parquet', hive_partitioning = true)"
    three = duckdb.execute("SELECT count(*), count(DISTINCT run_id) FROM " + glob_of).fetchone()
    assert (one.height, 6) == (len(two), 6) == three, (table, one.height, len(two), three)
    assert list(one.columns) == list(two.columns), table
    for name in one.columns:
        if name.endswith("amount") or name in ("quantity", "subtotal", "total"):
            sums = [
                one[name].sum(),
                two[name].dropna().sum(),
                duckdb.execute("SELECT sum(" + name + ") FROM " + glob_of).fetchone()[0],
            ]
            assert sums[0] == sums[1] == sums[2], (table, name, sums)
    print(table, one.height)
"#;

#[test]
fn every_question_has_its_answer() {
    if !has("duckdb, pandas, polars, pyarrow") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    let rehearsed = tieout(&["rehearse", "--out", demo.to_str().unwrap()]);
    assert!(rehearsed.status.success(), "{}", printed(&rehearsed));
    let analyst = demo.join("out/analyst");
    let questions = Path::new(PACKAGE).join("samples/questions");
    let answered = python()
        .arg(questions.join("answer.py"))
        .arg(&analyst)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&answered.stdout);
    assert!(answered.status.success(), "{told}\n{answered:?}");
    assert!(told.lines().count() >= 15, "{told}");
    let read = python().args(["-c", READ]).arg(&analyst).output().unwrap();
    assert!(read.status.success(), "{}", stderr(&read));
}

#[test]
fn a_question_is_short() {
    let mut count = 0;
    for entry in fs::read_dir(Path::new(PACKAGE).join("samples/questions")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "sql") {
            let text = fs::read_to_string(&path).unwrap();
            let (asked, sql) = text.split_once('\n').unwrap();
            assert!(
                asked.starts_with("-- ") && sql.lines().count() <= 10,
                "{path:?}"
            );
            assert!(
                path.with_extension("csv").is_file(),
                "{path:?} has an answer"
            );
            count += 1;
        }
    }
    assert!(count >= 15, "{count} questions");
}
