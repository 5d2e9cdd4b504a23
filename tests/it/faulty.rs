//! The error catalogue: each folder of `samples/faulty/` is a mistake, with the exit code and the
//! message that the user sees in its `expected`. `UPDATE=1` rewrites it; a person reads the diff.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::program::{cases, is_update, run_case};

/// Six times the longest record that is read.
const LONG_LINE_BYTES: usize = 100_000_000;

#[test]
fn every_mistake_has_its_message() {
    let cases = cases("samples/faulty");
    assert!(cases.len() >= 40, "the catalogue is there");
    let wrong: Vec<String> = cases.iter().filter_map(|case| differs(case)).collect();
    assert!(
        wrong.is_empty(),
        "UPDATE=1 rewrites them:\n{}",
        wrong.join("\n")
    );
}

/// Both messages, if a case does not end as it should.
fn differs(case: &Path) -> Option<String> {
    let out = tempfile::tempdir().unwrap();
    let out_text = out.path().to_str().unwrap();
    if case.ends_with("line-of-100-mb") {
        write_long_line(&out.path().join("long.csv"));
    }
    let done = run_case(case, out.path());
    let exit = done.status.code().unwrap();
    let stderr = String::from_utf8(done.stderr)
        .unwrap()
        .replace(out_text, "$OUT");
    check_rows(case, out.path(), &stderr);
    let findings = findings(&String::from_utf8(done.stdout).unwrap()).replace(out_text, "$OUT");
    let found = format!("exit {exit}\n{findings}{stderr}");
    let expected = case.join("expected");
    if is_update() {
        fs::write(&expected, &found).unwrap();
    }
    let wanted = fs::read_to_string(&expected).unwrap_or_default();
    (wanted != found).then(|| format!("{}: wanted\n{wanted}found\n{found}", case.display()))
}

/// The findings of `tieout doctor` in its stdout, each on a line of its own, as the length of a path
/// decides where lines end; without the free space of this machine. Empty for another command.
fn findings(stdout: &str) -> String {
    if !stdout.starts_with("ok    Results in") {
        return String::new();
    }
    let paragraphs = ["costs:", "hint:"].iter().fold(
        // A paragraph of a finding begins on a line of its own; other lines continue one.
        stdout.replace("\n      ", "\n+"),
        |text, label| text.replace(&format!("\n+{label}"), &format!("\n      {label}")),
    );
    let is_kept = |line: &&str| !line.contains("Space for");
    let lines = paragraphs.replace("\n+", " ");
    lines
        .lines()
        .filter(is_kept)
        .map(|line| format!("{line}\n"))
        .collect()
}

/// An error publishes nothing; a published run has lost no row.
fn check_rows(case: &Path, out: &Path, stderr: &str) {
    let current = out.join("current");
    let command = fs::read_to_string(case.join("command")).unwrap();
    if stderr.starts_with("error:") || command.starts_with("doctor\n") {
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

/// Writes a file with one line of 100 MB, too large to be kept in the repository.
fn write_long_line(path: &Path) {
    let mut file = std::io::BufWriter::new(fs::File::create(path).unwrap());
    writeln!(file, "CustomerId,SubscriptionId,ProductId,SkuId,UsageDate,Quantity,BillingPreTaxTotal,BillingCurrency").unwrap();
    file.write_all(&vec![b'x'; LONG_LINE_BYTES]).unwrap();
    file.flush().unwrap();
}
