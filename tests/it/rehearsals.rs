//! The rehearsal of the month-end: every night is as the truth says, and a truth that is not what
//! happened is told.

use std::fs;
use std::path::Path;

use tieout::rehearsal::{self, Night, Report, Request};

use crate::program::{printed, tieout};

fn request(out: &Path, months: u64) -> Request {
    Request {
        out: out.to_owned(),
        months,
        rows: 1_500,
        seed: 7,
        threads: Some(2),
    }
}

fn play(request: &Request) -> (Vec<Night>, Report) {
    let mut nights = Vec::new();
    let mut report = Report::default();
    let mut tell = |night: &Night| {
        nights.push(night.clone());
        Ok(())
    };
    rehearsal::play(request, &mut report, &mut tell).unwrap();
    (nights, report)
}

#[test]
fn three_months_of_nights_are_as_the_truth_says() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("rehearsal");
    let output = tieout(&[
        "rehearse",
        "--months",
        "3",
        "--rows",
        "1500",
        "--out",
        out.to_str().unwrap(),
    ]);
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("Every night is as the truth says."), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    // Nothing is out, then lines without usage, then all of it.
    for start in [
        "2026-11-05 2026-10   12\n",
        "2026-11-07 2026-10   11\n",
        "2026-11-08 2026-10   10 ",
        "2026-11-09 2026-10    0 ",
        "2026-11-24 2026-10    0  closed\n",
    ] {
        assert!(text.contains(start), "{start}\n{text}");
    }
    // It is never played in a folder that has a ledger of before.
    let again = tieout(&["rehearse", "--out", out.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2), "{}", printed(&again));
}

/// Lines that a second invoice bills again are settled in groups of the first one; the ledger took their
/// sums from groups, and said that the first invoice was restated.
#[test]
fn lines_are_restated_under_the_invoice_whose_export_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let request = Request {
        rows: 6_000,
        ..request(&folder.path().join("rehearsal"), 1)
    };
    rehearsal::make(&request).unwrap();
    let stories = fs::read_to_string(request.out.join("months/truth/events.csv")).unwrap();
    assert!(
        stories.contains("rebilled"),
        "the month has no second invoice"
    );
    let (nights, report) = play(&request);
    assert_eq!(report.differences, 0, "{nights:?}");
    let table = fs::read_to_string(request.out.join("out/ledger/restatements.csv")).unwrap();
    let lines = table.lines().filter(|row| row.contains("invoice_lines"));
    assert!(lines.count() > 0, "{table}");
}

/// Truths that are not what happened, each of another table, with words of the difference.
#[test]
fn a_truth_that_is_not_what_happened_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let months = request(&folder.path().join("made"), 1);
    rehearsal::make(&months).unwrap();
    for (table, words) in [
        ("events", "is not in the truth"),
        ("totals", "closing and accepted"),
    ] {
        let out = folder.path().join(table);
        let truth = out.join("months/truth");
        copy(&months.out.join("months"), &out.join("months"));
        let path = truth.join(format!("{table}.csv"));
        let text = fs::read_to_string(&path).unwrap();
        let row = text.lines().nth(1).unwrap();
        fs::write(&path, text.replacen(&format!("{row}\n"), "", 1)).unwrap();
        let (nights, report) = play(&request(&out, 1));
        let told: Vec<&String> = nights.iter().flat_map(|night| &night.differences).collect();
        assert!(report.differences > 0);
        assert!(told.iter().any(|line| line.contains(words)), "{told:?}");
    }
    let (nights, report) = play(&months);
    assert_eq!(report.differences, 0, "{nights:?}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}
