//! What must not change a byte of the tables: the format, the order of rows and files, the number of
//! threads, a second run, and the ways in which real files spell the same thing.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;
use tieout::decode::{self, Input, Sink};
use tieout::model::dataset::{Dataset, Kind};
use tieout::model::reject::Rejection;
use tieout::model::row::Row;
use tieout::pipeline::publish::outcome::Outcome;
use tieout::synth::Format;

use crate::runs::{Globs, Published, assert_same_tables, globs, month, reconcile};

fn run(globs: &Globs, out: PathBuf, threads: Option<usize>) -> Outcome {
    let outcome = reconcile(globs, &out, threads).unwrap();
    assert_eq!(
        (outcome.rejected_rows, outcome.exit_code),
        (0, 0),
        "{:?}",
        outcome.rejected
    );
    outcome
}

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
fn threads_and_repetition_change_nothing() {
    let folder = month(8_000, 22, &[Format::V1]);
    // Pages are many files: whichever is read first must not matter, not even to the manifest.
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

/// A CSV file in parts that tests change before they are written again.
#[derive(Clone)]
struct Sheet {
    dataset: Dataset,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    line_end: &'static str,
    /// What stands before the header, and before the first row.
    marks: [&'static str; 2],
    /// Every cell is quoted.
    quoted: bool,
    /// The last line has its end.
    ended: bool,
}

impl Sheet {
    fn read(dataset: Dataset, path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let mut rows: Vec<Vec<String>> = reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect();
        Self {
            dataset,
            header: rows.remove(0),
            rows,
            line_end: "\r\n",
            marks: ["\u{feff}", ""],
            quoted: false,
            ended: true,
        }
    }

    fn text(&self) -> Vec<u8> {
        let mut out = self.marks[0].as_bytes().to_vec();
        for (number, row) in [&self.header].into_iter().chain(&self.rows).enumerate() {
            if number == 1 {
                out.extend(self.marks[1].as_bytes());
            }
            let cells: Vec<String> = row.iter().map(|cell| csv_cell(cell, self.quoted)).collect();
            out.extend(cells.join(",").as_bytes());
            out.extend(self.line_end.as_bytes());
        }
        if !self.ended {
            out.truncate(out.len() - self.line_end.len());
        }
        out
    }

    fn at(&self, name: &str) -> usize {
        self.header
            .iter()
            .position(|header| header == name)
            .unwrap()
    }

    fn kind(&self, at: usize) -> Kind {
        self.dataset.columns()[at].kind
    }

    /// Changes every cell of the columns of some kind.
    fn change(&mut self, is_changed: fn(Kind) -> bool, change: impl Fn(&str) -> String) {
        let columns: Vec<usize> = (0..self.header.len())
            .filter(|at| is_changed(self.kind(*at)))
            .collect();
        for row in &mut self.rows {
            for at in &columns {
                row[*at] = change(&row[*at]);
            }
        }
    }

    fn change_column(&mut self, name: &str, change: impl Fn(&str) -> String) {
        let at = self.at(name);
        self.rows
            .iter_mut()
            .for_each(|row| row[at] = change(&row[at]));
    }
}

fn csv_cell(cell: &str, quoted: bool) -> String {
    if quoted || cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A month, its sheets, and the run that all variants are held against.
struct Bench {
    folder: TempDir,
    usage: Sheet,
    lines: Sheet,
    plain: Outcome,
}

impl Bench {
    fn new(rows: u64, seed: u64) -> Self {
        let folder = month(rows, seed, &[Format::Csv]);
        let plain = run(
            &globs(folder.path(), Format::Csv),
            folder.path().join("out"),
            None,
        );
        let sheet = |dataset, path| Sheet::read(dataset, &folder.path().join("month").join(path));
        let (usage, lines) = (
            sheet(Dataset::Usage, "usage/csv/usage-0001.csv"),
            sheet(Dataset::InvoiceLines, "recon/csv/recon.csv"),
        );
        Self {
            usage,
            lines,
            plain,
            folder,
        }
    }

    /// Runs over other files with the same content.
    fn check(&self, what: &str, usage: &[Vec<u8>], lines: &[Vec<u8>]) -> Outcome {
        let folder = self.folder.path().join(what.replace(' ', "-"));
        std::fs::create_dir(&folder).unwrap();
        let write = |name: &str, files: &[Vec<u8>]| {
            for (number, bytes) in files.iter().enumerate() {
                std::fs::write(folder.join(format!("{name}-{number}")), bytes).unwrap();
            }
            vec![
                folder
                    .join(format!("{name}-*"))
                    .to_string_lossy()
                    .into_owned(),
            ]
        };
        let [.., invoices] = globs(self.folder.path(), Format::Csv);
        let outcome = run(
            &[write("usage", usage), write("lines", lines), invoices],
            folder.join("out"),
            None,
        );
        assert_same_tables(&self.plain, &outcome, what);
        outcome
    }

    /// Both sheets, changed alike.
    fn check_sheets(&self, what: &str, change: impl Fn(&mut Sheet)) -> Outcome {
        let (mut usage, mut lines) = (self.usage.clone(), self.lines.clone());
        change(&mut usage);
        change(&mut lines);
        self.check(what, &[usage.text()], &[lines.text()])
    }
}

/// Another order, the same each time.
fn shuffled<T: Clone>(rows: &[T]) -> Vec<T> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|at| (at.wrapping_mul(2_654_435_761) & 0xFFFF_FFFF, *at));
    order.into_iter().map(|at| rows[at].clone()).collect()
}

#[test]
fn the_order_of_rows_and_files_changes_nothing() {
    let bench = Bench::new(8_000, 23);
    bench.check_sheets("rows shuffled", |sheet| sheet.rows = shuffled(&sheet.rows));
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
    bench.check(
        "rows over several files",
        &parts(&bench.usage, 7),
        &parts(&bench.lines, 3),
    );
}

fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Decimal(_))
}

#[test]
fn spellings_of_a_csv_file_change_nothing() {
    let bench = Bench::new(1_500, 24);
    bench.check_sheets("line feeds only", |sheet| sheet.line_end = "\n");
    bench.check_sheets("no byte order mark", |sheet| sheet.marks = ["", ""]);
    bench.check_sheets("two byte order marks", |sheet| {
        sheet.marks = ["\u{feff}", "\u{feff}"]
    });
    bench.check_sheets("no line end at the end", |sheet| sheet.ended = false);
    bench.check_sheets("quotes around every cell", |sheet| sheet.quoted = true);
    bench.check_sheets("header in lower case", |sheet| {
        sheet
            .header
            .iter_mut()
            .for_each(|name| *name = name.to_lowercase())
    });
    bench.check_sheets("header in camel case", |sheet| {
        sheet
            .header
            .iter_mut()
            .for_each(|name| *name = name[..1].to_lowercase() + &name[1..]);
    });
    bench.check_sheets("header localised", |sheet| {
        sheet
            .header
            .iter_mut()
            .for_each(|name| *name = format!("Spalte ({name})"))
    });
    bench.check_sheets("columns in another order", |sheet| {
        sheet.header = shuffled(&sheet.header);
        sheet.rows.iter_mut().for_each(|row| *row = shuffled(row));
    });
    bench.check_sheets("blank lines", |sheet| sheet.line_end = "\r\n\r\n");
    let damaged = bench.check_sheets("first header damaged", |sheet| {
        sheet.header[0] = "ss".to_owned()
    });
    assert!(
        damaged
            .warnings
            .iter()
            .any(|warning| warning.contains("`ss`")),
        "{:?}",
        damaged.warnings
    );
    let wider = bench.check_sheets("a 49th column", |sheet| {
        sheet.header.push("SomethingNew".to_owned());
        sheet
            .rows
            .iter_mut()
            .for_each(|row| row.push("1,5".to_owned()));
    });
    assert!(
        wider
            .warnings
            .iter()
            .any(|warning| warning.contains("`SomethingNew`")),
        "{:?}",
        wider.warnings
    );
}

#[test]
fn spellings_of_cells_change_nothing() {
    let bench = Bench::new(1_500, 25);
    let guarded = |cell: &str, guard: &str| {
        if cell.is_empty() {
            String::new()
        } else {
            format!("{guard}{cell}")
        }
    };
    bench.check_sheets("guard apostrophes", |sheet| {
        sheet.change(is_number, |cell| guarded(cell, "'"))
    });
    bench.check_sheets("doubled guard apostrophes", |sheet| {
        sheet.change(is_number, |cell| guarded(cell, "''"))
    });
    bench.check_sheets("exponents", |sheet| sheet.change(is_number, exponent));
    bench.check_sheets("trailing zeros", |sheet| {
        sheet.change(is_number, |cell| {
            match cell.contains('.') && !cell.contains('E') {
                true => format!("{cell}000000"),
                false => cell.to_owned(),
            }
        })
    });
    bench.check_sheets("literal nulls", |sheet| {
        sheet.change(
            |_| true,
            |cell| {
                if cell.is_empty() {
                    "NULL".to_owned()
                } else {
                    cell.to_owned()
                }
            },
        );
    });
    bench.check_sheets("org customers", |sheet| {
        sheet.change_column("CustomerId", |id| {
            format!("org:{}", id.trim_start_matches("org:"))
        })
    });
    bench.check_sheets("iso dates", |sheet| {
        sheet.change(
            |kind| kind == Kind::Date,
            |date| match date.split('/').collect::<Vec<_>>()[..] {
                [month, day, year] => format!("{year}-{month}-{day}T00:00:00.0000000Z"),
                _ => date.to_owned(),
            },
        )
    });
    let mut fraction = bench.usage.clone();
    assert!(
        fraction
            .rows
            .iter()
            .any(|row| row[fraction.at("PartnerEarnedCreditPercentage")] == "15")
    );
    fraction.change_column("PartnerEarnedCreditPercentage", |cell| {
        if cell == "15" {
            "0.15".to_owned()
        } else {
            "0".to_owned()
        }
    });
    let at = fraction.at("PartnerEarnedCreditPercentage");
    fraction.header[at] = "rateOfPartnerEarnedCredit".to_owned();
    bench.check(
        "earned credit as a rate",
        &[fraction.text()],
        &[bench.lines.text()],
    );
}

/// The same number with a mantissa and an exponent, as a spreadsheet writes it.
fn exponent(cell: &str) -> String {
    let (sign, digits) = cell
        .strip_prefix('-')
        .map_or(("", cell), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    match digits {
        "" => String::new(),
        _ if digits.contains('E') => cell.to_owned(),
        _ => format!("{sign}{whole}{fraction}E-{:02}", fraction.len()),
    }
}

#[test]
fn gzip_members_with_the_header_again_change_nothing() {
    let bench = Bench::new(1_500, 26);
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
    let outcome = bench.check(
        "gzip members",
        &[members(&bench.usage)],
        &[members(&bench.lines)],
    );
    assert_eq!(outcome.usage_rows, 1_500);
    let split = |sheet: &Sheet| -> Vec<u8> {
        // Members end wherever the writer flushed: in the middle of a cell.
        let text = sheet.text();
        text.chunks(text.len() / 5 + 1).flat_map(gzip).collect()
    };
    bench.check(
        "gzip members cut anywhere",
        &[split(&bench.usage)],
        &[split(&bench.lines)],
    );
}

/// Rows as JSON lines, all values as text, keys as `spell` spells them.
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
fn json_keys_in_any_case_change_nothing() {
    let bench = Bench::new(1_500, 27);
    let check = |what: &str, spell: fn(&str) -> String| {
        bench.check(
            what,
            &[json_lines(&bench.usage, spell)],
            &[gzip(&json_lines(&bench.lines, spell))],
        );
    };
    check("pascal", str::to_owned);
    check("camel", |name| name[..1].to_lowercase() + &name[1..]);
    check("lower", str::to_lowercase);
}

#[test]
fn rejected_rows_are_told_in_the_order_of_files_and_lines() {
    let bench = Bench::new(1_500, 28);
    let mut usage = bench.usage.clone();
    let at = usage.at("Quantity");
    for row in usage.rows.iter_mut().step_by(100) {
        row[at] = "12,5O".to_owned();
    }
    let folder = bench.folder.path().join("rejects");
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
    let [_, lines, invoices] = globs(bench.folder.path(), Format::Csv);
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

/// The parquet crate panics on some flipped bits; that is the file's fault, not ours.
#[test]
fn a_flipped_parquet_is_an_error_and_never_a_panic() {
    let folder = month(300, 5, &[Format::Parquet]);
    let data = folder.path().join("month");
    let whole = std::fs::read(data.join("usage/parquet/usage-0001.parquet")).unwrap();
    let mut random = 7_u64;
    for turn in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from(random >> 33).unwrap() % bytes.len();
            bytes[at] ^= 1 << (random % 8);
        }
        let path = folder.path().join("flipped.parquet");
        std::fs::write(&path, bytes).unwrap();
        let out = folder.path().join(format!("out{turn}"));
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_tieout"))
            .args([
                "-q",
                "reconcile",
                "--usage",
                path.to_str().unwrap(),
                "--invoice-lines",
            ])
            .arg(data.join("recon/parquet/recon.parquet"))
            .arg("--out")
            .arg(out)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert!(
            matches!(done.status.code(), Some(0 | 2 | 11)) && !stderr.contains("panicked"),
            "{:?} {stderr}",
            done.status
        );
    }
}

/// Rows, and the meter names that hold a quote.
struct Quoted(u64, Vec<String>);

impl Sink for Quoted {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        self.0 += 1;
        let name = row.cells[Dataset::Usage.position_of("MeterName").unwrap()]
            .bytes()
            .into_owned();
        self.1.extend(
            name.contains(&b'"')
                .then(|| String::from_utf8(name).unwrap()),
        );
        Ok(())
    }
}

#[test]
fn a_stray_quote_costs_nothing_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.csv");
    let rows = 20_000;
    let row = |meter: &str| {
        format!(
            "c,s,p,0001,2026-10-05,{meter},1,0.25,EUR,{}\n",
            "x".repeat(80)
        )
    };
    for stray in [0, 100, rows / 2, rows - 1] {
        let mut text =
            "CustomerId,SubscriptionId,ProductId,SkuId,UsageDate,MeterName,Quantity,BillingPreTaxTotal,BillingCurrency,Tags\n".to_owned();
        (0..rows).for_each(|at| text += &row(if at == stray { "24\" screen" } else { "disk" }));
        std::fs::write(&path, &text).unwrap();
        for threads in [1, 4] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let input = Input {
                unit: "usage.csv",
                path: &path,
                dataset: Dataset::Usage,
            };
            let (decoded, sinks) = pool
                .install(|| decode::decode(input, || Quoted(0, Vec::new())))
                .unwrap();
            assert_eq!((decoded.rows, decoded.rejected.len()), (rows, 0), "{stray}");
            assert_eq!(sinks.iter().map(|sink| sink.0).sum::<u64>(), rows);
            assert_eq!(
                sinks
                    .into_iter()
                    .flat_map(|sink| sink.1)
                    .collect::<Vec<String>>(),
                ["24\" screen"]
            );
        }
    }
}
