//! Tables do not depend on the format of the files, the order of rows and files, the number of
//! threads or a run before.

use tieout::pipeline::publish::outcome::Outcome;
use tieout::synth::Format;

use crate::runs::{Published, assert_same_tables, globs, month, reconcile};
use crate::sheets::{Sheet, Variants, gzip, run, shuffled};

#[test]
fn every_format_gives_the_same_tables() {
    let folder = month(8_000, 21, &Format::ALL);
    let run = |format: Format| {
        run(
            &globs(folder.path(), format),
            folder.path().join(format!("out-{}", format.name())),
            None,
        )
    };
    let csv = run(Format::Csv);
    for format in [Format::V2, Format::V1, Format::Parquet] {
        assert_same_tables(&csv, &run(format), format.name());
    }
}

#[test]
fn threads_and_a_second_run_change_nothing() {
    let folder = month(8_000, 22, &[Format::V1]);
    // Pages are many files: which of them is read first must not reach even the manifest.
    let empty = folder.path().join("month/usage/v1/no-invoice");
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(
        empty.join("page-empty.json"),
        "{\"totalCount\":0,\"items\":[]}",
    )
    .unwrap();
    std::fs::write(
        empty.join("page-empty-too.json"),
        "{\"totalCount\":0,\"items\": []}",
    )
    .unwrap();
    let globs = globs(folder.path(), Format::V1);
    let manifest =
        |outcome: &Outcome| std::fs::read_to_string(outcome.folder.join("manifest.json")).unwrap();
    let first = run(&globs, folder.path().join("out"), None);
    for threads in [1, 2, 8] {
        let other = run(
            &globs,
            folder.path().join(format!("out-{threads}")),
            Some(threads),
        );
        assert_eq!(other.run_id, first.run_id);
        assert_same_tables(&first, &other, &format!("{threads} threads"));
        assert_eq!(manifest(&first), manifest(&other), "{threads} threads");
    }
    let before = manifest(&first);
    let again = run(&globs, folder.path().join("out"), None);
    assert_eq!(
        (again.run_id, again.folder),
        (first.run_id.clone(), first.folder.clone())
    );
    assert_eq!(manifest(&first), before);
    let runs: Vec<_> = std::fs::read_dir(folder.path().join("out/runs"))
        .unwrap()
        .collect();
    assert_eq!(runs.len(), 1);
}

#[test]
fn the_order_of_rows_and_files_changes_nothing() {
    let month = Variants::new(8_000, 23);
    month.check_sheets("rows shuffled", |sheet| sheet.rows = shuffled(&sheet.rows));
    let parts = |sheet: &Sheet, count: usize| -> Vec<Vec<u8>> {
        let rows = shuffled(&sheet.rows);
        let part = |number: usize| rows.iter().skip(number).step_by(count).cloned().collect();
        (0..count)
            .map(|number| {
                Sheet {
                    rows: part(number),
                    ..sheet.clone()
                }
                .text()
            })
            .collect()
    };
    month.check(
        "rows over several files",
        &parts(&month.usage, 7),
        &parts(&month.lines, 3),
    );
}

#[test]
fn gzip_members_may_repeat_the_header_or_end_anywhere() {
    let month = Variants::new(1_500, 26);
    let members = |sheet: &Sheet| -> Vec<u8> {
        let middle = sheet.rows.len() / 2;
        let part = |rows: &[Vec<String>]| {
            gzip(
                &Sheet {
                    rows: rows.to_vec(),
                    ..sheet.clone()
                }
                .text(),
            )
        };
        [
            part(&sheet.rows[..middle]),
            part(&[]),
            part(&sheet.rows[middle..]),
        ]
        .concat()
    };
    let outcome = month.check(
        "gzip members",
        &[members(&month.usage)],
        &[members(&month.lines)],
    );
    assert_eq!(outcome.usage_rows, 1_500);
    let split = |sheet: &Sheet| -> Vec<u8> {
        // A member ends wherever its writer flushed, even in the middle of a cell.
        let text = sheet.text();
        text.chunks(text.len() / 5 + 1).flat_map(gzip).collect()
    };
    month.check(
        "gzip members cut anywhere",
        &[split(&month.usage)],
        &[split(&month.lines)],
    );
}

/// The rows of a sheet as JSON lines: all values as text, keys as `spell` spells them.
fn json_lines(sheet: &Sheet, spell: impl Fn(&str) -> String) -> Vec<u8> {
    let mut out = Vec::new();
    for row in &sheet.rows {
        let object: serde_json::Map<String, serde_json::Value> = sheet
            .header
            .iter()
            .zip(row)
            .map(|(name, cell)| (spell(name), serde_json::Value::from(cell.as_str())))
            .collect();
        serde_json::to_writer(&mut out, &object).unwrap();
        out.push(b'\n');
    }
    out
}

#[test]
fn json_keys_may_be_in_any_case() {
    let month = Variants::new(1_500, 27);
    let check = |what: &str, spell: fn(&str) -> String| {
        month.check(
            what,
            &[json_lines(&month.usage, spell)],
            &[gzip(&json_lines(&month.lines, spell))],
        );
    };
    check("pascal", str::to_owned);
    check("camel", |name| name[..1].to_lowercase() + &name[1..]);
    check("lower", str::to_lowercase);
}

#[test]
fn rejected_rows_are_listed_in_the_order_of_files_and_lines() {
    let month = Variants::new(1_500, 28);
    let mut usage = month.usage.clone();
    let at = usage.at("Quantity");
    for row in usage.rows.iter_mut().step_by(100) {
        row[at] = "12,5O".to_owned();
    }
    let folder = month.folder.path().join("rejects");
    std::fs::create_dir(&folder).unwrap();
    for (number, rows) in usage.rows.chunks(500).enumerate() {
        std::fs::write(
            folder.join(format!("usage-{number}.csv")),
            Sheet {
                rows: rows.to_vec(),
                ..usage.clone()
            }
            .text(),
        )
        .unwrap();
    }
    let [_, lines, invoices] = globs(month.folder.path(), Format::Csv);
    let globs = [
        vec![folder.join("*.csv").to_string_lossy().into_owned()],
        lines,
        invoices,
    ];
    let one = reconcile(&globs, &folder.join("one"), Some(1)).unwrap();
    assert_eq!(
        (one.exit_code, one.rejected_rows, one.usage_rows),
        (11, 15, 1_485)
    );
    let rejected = Published::read(&one.folder, "rejected_rows");
    let places: Vec<(String, u64)> = rejected
        .rows
        .iter()
        .map(|row| {
            (
                rejected.cell(row, "unit").to_owned(),
                rejected.cell(row, "line").parse().unwrap(),
            )
        })
        .collect();
    assert!(
        places.is_sorted() && places[0].1 == 2 && places[1].1 == 102,
        "{places:?}"
    );
    assert!(
        rejected
            .columns(&["column", "found", "wanted"])
            .iter()
            .all(|row| row == &["Quantity", "12,5O", "a decimal number, as `1234.56`"])
    );
    assert_same_tables(
        &one,
        &reconcile(&globs, &folder.join("eight"), Some(8)).unwrap(),
        "8 threads",
    );
}
