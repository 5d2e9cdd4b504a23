//! The error catalogue: each folder of `samples/faulty/` is a mistake, with the exit code and the
//! message that its user sees. `UPDATE=1` rewrites what is expected; a person reads the diff.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const LONG_LINE_BYTES: usize = 100_000_000;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/faulty");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("command").is_file())
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_mistake_has_its_message() {
    let cases = cases();
    assert!(cases.len() >= 40, "the catalogue is there");
    let wrong: Vec<String> = cases.iter().filter_map(|case| differs(case)).collect();
    assert!(
        wrong.is_empty(),
        "UPDATE=1 rewrites them:\n{}",
        wrong.join("\n")
    );
}

fn differs(case: &Path) -> Option<String> {
    let out = tempfile::tempdir().unwrap();
    let out_text = out.path().to_str().unwrap();
    let command = fs::read_to_string(case.join("command")).unwrap();
    if command.contains("$OUT/long.csv") {
        write_long_line(&out.path().join("long.csv"));
    }
    let arguments: Vec<String> = command
        .lines()
        .map(|line| line.replace("$OUT", out_text))
        .collect();
    let done = Command::new(env!("CARGO_BIN_EXE_tieout"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let exit = done.status.code().unwrap();
    let stderr = String::from_utf8(done.stderr)
        .unwrap()
        .replace(out_text, "$OUT");
    check_rows(case, out.path(), &stderr);
    let found = format!("exit {exit}\n{stderr}");
    let expected = case.join("expected");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&expected, &found).unwrap();
    }
    let wanted = fs::read_to_string(&expected).unwrap_or_default();
    (wanted != found).then(|| format!("{}: wanted\n{wanted}found\n{found}", case.display()))
}

/// An error publishes nothing; and what is published has lost no row.
fn check_rows(case: &Path, out: &Path, stderr: &str) {
    let current = out.join("current");
    if stderr.starts_with("error:") {
        let runs = fs::read_dir(out.join("runs")).map_or(0, Iterator::count);
        assert!(
            runs == 0 && !current.exists(),
            "{} published something",
            case.display()
        );
        return;
    }
    let mut controls = csv::Reader::from_path(current.join("control_totals.csv")).unwrap();
    for row in controls
        .records()
        .map(Result::unwrap)
        .filter(|row| &row[0] == "decode")
    {
        let count = |at: usize| row[at].parse::<u64>().unwrap();
        assert_eq!(
            count(3),
            count(4) + count(5),
            "{}: rows in are rows out and rejected",
            case.display()
        );
    }
}

/// Too large to be kept in the repository.
fn write_long_line(path: &Path) {
    let mut file = std::io::BufWriter::new(fs::File::create(path).unwrap());
    writeln!(file, "CustomerId,SubscriptionId,ProductId,SkuId,UsageDate,Quantity,BillingPreTaxTotal,BillingCurrency").unwrap();
    file.write_all(&vec![b'x'; LONG_LINE_BYTES]).unwrap();
    file.flush().unwrap();
}
