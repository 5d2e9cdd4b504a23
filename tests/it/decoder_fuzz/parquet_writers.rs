//! Parquet of three other writers: pyarrow, DuckDB and polars write one table in every codec,
//! encoding, type and version that they know, and every file must give the rows of the first.
//!
//! The files are made as the test runs, by `write_parquet.py` beside this file, and only where
//! Python has the packages.

use std::path::PathBuf;
use std::process::Command;

use super::read;
use crate::runs::is_quick;

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn every_writer_s_parquet_is_one_table() {
    if is_quick("Parquet of pyarrow, DuckDB and polars") {
        return;
    }
    let python = std::env::var("TIEOUT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let script = "tests/it/decoder_fuzz/write_parquet.py";
    let done = Command::new(&python)
        .arg(script)
        .arg(folder.path())
        .output();
    let done = match done {
        Ok(done) if done.status.code() == Some(77) => {
            Err("it has no pyarrow, DuckDB or polars".to_owned())
        }
        Ok(done) => Ok(done),
        Err(error) => Err(error.to_string()),
    };
    let done = match done {
        Ok(done) => done,
        Err(why) => return eprintln!("skipped: `{python}`: {why}; set TIEOUT_PYTHON"),
    };
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 100, "{files:?}");
    let first = read(&files[0]).unwrap();
    assert_eq!(first.rows.len(), 3_000);
    for file in &files {
        let found = read(file).unwrap_or_else(|error| unreachable!("{}: {error}", file.display()));
        assert!(found.rows == first.rows, "{}: the rows", file.display());
        let same = found.fingerprints == first.fingerprints;
        assert!(same, "{}: the fingerprints", file.display());
    }
}
