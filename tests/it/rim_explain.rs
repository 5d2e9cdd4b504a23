//! `explain` over hostile rows and damaged runs: it sees what the run saw, rejected rows included,
//! and says whose fault it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use rust_decimal::Decimal;
use serde_json::Value;
use tempfile::TempDir;
use tieout::pipeline;
use tieout::pipeline::explain::{Request, Target};
use tieout::synth::Format;

use crate::fixtures::{Changes, LINE, USAGE, sheet};
use crate::program::{cases, printed, program, run_case, stderr, tieout};
use crate::runs::{Published, is_quick, month};

/// A header of an invoice, in euros.
const HEADER: Changes<'static> = &[
    ("Id", "G1"),
    ("CurrencyCode", "EUR"),
    ("TotalCharges", "1"),
    ("BillingPeriodStartDate", "10/01/2026"),
];

/// Files and runs of a test, in a folder of its own.
struct Case(TempDir);

impl Case {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn out(&self) -> PathBuf {
        self.path("out")
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    /// Runs a pipeline over the files `u*`, `l*` and `h*`, as far as there are any; `settings` is
    /// added to its text.
    fn run_with(&self, settings: &str, flags: &[&str]) -> Output {
        let mut text = String::from("out = \"out\"\n");
        for (source, glob) in [("usage", "u"), ("invoice_lines", "l"), ("invoices", "h")] {
            let has = fs::read_dir(self.0.path()).unwrap().any(|entry| {
                entry
                    .unwrap()
                    .file_name()
                    .to_str()
                    .unwrap()
                    .starts_with(glob)
            });
            if has {
                text += &format!("[source.{source}.files]\npaths = [\"{glob}*\"]\n");
            }
        }
        self.write("pipeline.toml", text + settings);
        let path = self.path("pipeline.toml");
        let mut arguments = vec!["-q", "run", path.to_str().unwrap()];
        arguments.extend(flags);
        tieout(&arguments)
    }

    fn run(&self) -> Output {
        self.run_with("", &[])
    }

    /// The only group of a tie-out with these cells, as `column=value`.
    fn id(&self, wanted: &[(&str, &str)]) -> String {
        let ids = self.ids(wanted);
        assert_eq!(ids.len(), 1, "{wanted:?}");
        ids.into_iter().next().unwrap()
    }

    fn ids(&self, wanted: &[(&str, &str)]) -> Vec<String> {
        let table = Published::read(&self.path("out/current"), "variances");
        let fits = |row: &&Vec<String>| {
            wanted
                .iter()
                .all(|(name, value)| table.cell(row, name) == *value)
        };
        let rows = table.rows.iter().filter(fits);
        rows.map(|row| table.cell(row, "break_id").to_owned())
            .collect()
    }

    fn explain(&self, arguments: &[&str]) -> Output {
        explain(&self.out(), arguments)
    }

    /// The answer to an `explain` that succeeds.
    fn answer(&self, arguments: &[&str]) -> Value {
        let output = self.explain(&[arguments, &["--json", "--limit", "100000"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn explain(out: &Path, arguments: &[&str]) -> Output {
    let mut all = vec!["explain", "--out", out.to_str().unwrap()];
    all.extend(arguments);
    tieout(&all)
}

/// Checks that a command ended with a code, and said all of these.
fn assert_says(output: &Output, code: i32, words: &[&str]) {
    let said = printed(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` in {said}");
    }
    assert!(code == 1 || !said.contains("bug"), "{said}");
}

fn number(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

/// Explains every group of the newest run, of a large one every tenth or so, and holds sums, rows,
/// parts and findings against the tables; returns how many groups there are.
fn walk(out: &Path) -> usize {
    let folder = out.join("current");
    let table = Published::read(&folder, "variances");
    let findings = Published::read(&folder, "findings");
    for row in table.rows.iter().step_by(table.rows.len() / 200 + 1) {
        let cell = |name: &str| table.cell(row, name);
        let id = cell("break_id");
        // Not as a program: hundreds of groups are explained.
        let request = Request {
            target: Target::Break(id.to_owned()),
            out: out.to_owned(),
            run: None,
            limit: 1_000_000,
        };
        let found = pipeline::explain::explain(&request);
        let found = found.unwrap_or_else(|error| panic!("{row:?} {error}"));
        let answer = serde_json::to_value(found).unwrap();
        let group = &answer["groups"][0];
        assert_eq!(group["break_id"], id, "{row:?}");
        assert_eq!(group["status"], cell("status"));
        assert_eq!(group["matched_on"], cell("matched_on"));
        assert_eq!(group["tolerance_amount"], cell("tolerance_amount"));
        let shows_rows = group["units"].as_array().unwrap().is_empty();
        if shows_rows {
            assert_eq!(group["variance_amount"], cell("variance_amount"));
        }
        for part in group["parts"].as_array().unwrap() {
            let name = format!("{}_amount", part[0].as_str().unwrap());
            assert_eq!(part[1], cell(&name), "{row:?}");
        }
        let of_lines = cell("tie_out") == "lines-to-invoice";
        for (side, rows) in [("expected", "usage_rows"), ("invoiced", "invoice_lines")] {
            // Expected are the lines there, and headers have no column.
            let rows = match (of_lines, side) {
                (true, "invoiced") => continue,
                (true, _) => "invoice_lines",
                (false, _) => rows,
            };
            let side_of = &group[side];
            assert_eq!(side_of["rows"].to_string(), cell(rows), "{side} {row:?}");
            if !shows_rows {
                continue;
            }
            assert_eq!(side_of["published"], cell(&format!("{side}_amount")));
            let lines = side_of["lines"].as_array().unwrap();
            assert_eq!(lines.len().to_string(), cell(rows), "{row:?}");
            let sum: Decimal = lines.iter().map(|line| number(&line["amount"])).sum();
            assert_eq!(sum, number(&side_of["exact_sum"]));
        }
        let of_id = |found: &&Vec<String>| findings.cell(found, "break_id") == id;
        if let Some(found) = findings.rows.iter().find(of_id)
            && shows_rows
        {
            let level = findings.cell(found, "narrowest_level");
            let narrowest = group["narrowest"].as_str().unwrap();
            assert!(narrowest.starts_with(level), "{narrowest}, wanted {level}");
        }
    }
    table.rows.len()
}

#[test]
fn rejected_rows_of_the_account_are_shown_and_counted_on_neither_side() {
    let case = Case::new();
    let mut usage = sheet(
        USAGE,
        &[
            &[],
            &[("BillingPreTaxTotal", "x1")],
            &[("CustomerId", "c-2"), ("Quantity", "many")],
            &[("ProductName", "\u{1}bad")],
        ],
    )
    .into_bytes();
    // A key that is no UTF-8 is rejected after its numbers were read.
    let at = usage
        .windows(4)
        .position(|bytes| bytes == b"\x01bad")
        .unwrap();
    usage[at] = 0xff;
    usage.extend(b"ragged,row\r\n");
    case.write("u1.csv", &usage)
        // All rows of the account in this file are rejected: lineage knows nothing of them.
        .write(
            "u2.csv",
            sheet(
                USAGE,
                &[&[("UsageDate", "yesterday")], &[("CustomerId", "c-2")]],
            ),
        )
        .write(
            "l.csv",
            sheet(
                LINE,
                &[
                    &[],
                    &[("Subtotal", "2,2,"), ("Total", "2")],
                    &[("Total", "one")],
                ],
            ),
        )
        .write("h.csv", sheet(HEADER, &[&[]]));
    assert_eq!(case.run().status.code(), Some(11));
    let id = case.id(&[("tie_out", "usage-to-invoice"), ("customer_id", "c-1")]);
    let answer = case.answer(&[&id]);
    assert_eq!(answer["groups"][0]["expected"]["rows"], 1, "{answer}");
    assert_eq!(answer["groups"][0]["invoiced"]["rows"], 1);
    let places = |answer: &Value| -> Vec<String> {
        let rows = answer["rejected"].as_array().unwrap().iter();
        rows.map(|row| {
            let unit = row["unit"].as_str().unwrap().rsplit('/').next().unwrap();
            format!("{unit}:{} {}", row["line"], row["column"].as_str().unwrap())
        })
        .collect()
    };
    assert_eq!(
        places(&answer),
        [
            "u1.csv:3 BillingPreTaxTotal",
            "u1.csv:5 ProductName",
            "u1.csv:6 ",
            "u2.csv:2 UsageDate",
            "l.csv:3 Subtotal",
            "l.csv:4 Total",
        ]
    );
    let text = case.explain(&[&id]);
    assert_says(&text, 0, &["rejected", "found `x1`, wanted"]);
    let invoice = case.id(&[("tie_out", "lines-to-invoice")]);
    assert_eq!(
        places(&case.answer(&[&invoice])),
        ["l.csv:3 Subtotal", "l.csv:4 Total"]
    );
    walk(&case.out());
}

#[test]
fn duplicates_beyond_the_candidates_of_one_reading_are_counted() {
    let case = Case::new();
    let numbers: Vec<String> = (1..=50_000).map(|number| number.to_string()).collect();
    let rows: Vec<[(&str, &str); 1]> = numbers
        .iter()
        .map(|text| [("Quantity", text.as_str())])
        .collect();
    let thrice: Vec<Changes<'_>> = rows
        .iter()
        .chain(&rows)
        .chain(&rows)
        .map(|row| &row[..])
        .collect();
    case.write("u.csv", sheet(USAGE, &[&[("BillingPreTaxTotal", "50000")]]))
        .write("l.csv", sheet(LINE, &thrice));
    assert_eq!(case.run().status.code(), Some(0));
    let table = Published::read(&case.path("out/current"), "variances");
    let [row] = &table.rows[..] else {
        panic!("{:?}", table.rows)
    };
    assert_eq!(table.cell(row, "invoice_lines"), "150000");
    assert_eq!(table.cell(row, "duplicate_amount"), "100000.0000000000");
    let id = table.cell(row, "break_id");
    let output = case.explain(&[id, "--limit", "0", "--threads", "1"]);
    assert_says(&output, 0, &["part duplicate: 100000.0000000000"]);
}

#[test]
fn a_meter_given_as_key_picks_rows_within_a_group() {
    let case = Case::new();
    case.write(
        "u.csv",
        sheet(
            USAGE,
            &[
                &[("MeterName", "One")],
                &[("MeterName", "Two")],
                &[("MeterName", "Two")],
            ],
        ),
    )
    .write(
        "l.csv",
        sheet(
            LINE,
            &[
                &[
                    ("MeterDescription", "One"),
                    ("Subtotal", "2"),
                    ("Total", "2"),
                ],
                &[("MeterDescription", "Three")],
            ],
        ),
    );
    let settings = "[tie_out.usage-to-invoice]\n[[tie_out.usage-to-invoice.pass]]\nname = \"wide\"\n\
                    keys = [\"customer_id\", \"subscription_id\", \"currency\"]\nbefore = \"meter_and_price\"\n";
    let run = case.run_with(settings, &[]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let answer = case.answer(&["--key", "meter_description=two"]);
    let group = &answer["groups"][0];
    assert_eq!(group["expected"]["rows"], 3);
    assert_eq!(group["expected"]["picked_rows"], 2);
    assert_eq!(group["invoiced"]["picked_rows"], 0);
    let answer = case.answer(&["--key", "meter_description=THREE"]);
    assert_eq!(answer["groups"][0]["invoiced"]["picked_rows"], 1);
    assert_eq!(answer["groups"][0]["expected"]["picked_rows"], 0);
}

#[test]
fn groups_with_equal_keys_and_keys_that_a_pass_leaves_out_are_found() {
    let case = Case::new();
    // One group has no availability, the other has two: both show none.
    case.write(
        "u.csv",
        sheet(
            USAGE,
            &[&[("AvailabilityId", "")], &[("BillingPreTaxTotal", "3")]],
        ),
    )
    .write(
        "l.csv",
        sheet(
            LINE,
            &[&[("AvailabilityId", "")], &[("AvailabilityId", "A2")]],
        ),
    );
    assert_eq!(case.run().status.code(), Some(0));
    assert_eq!(case.ids(&[]).len(), 2);
    walk(&case.out());

    // A pass without the account: its groups have no customer, and hold several.
    let wide = Case::new();
    wide.write(
        "u.csv",
        sheet(
            USAGE,
            &[
                &[("CustomerId", "c-1")],
                &[("CustomerId", "c-2")],
                &[("BillingCurrency", "")],
                &[("CustomerId", ""), ("ProductId", "P9")],
            ],
        ),
    )
    .write(
        "l.csv",
        sheet(
            LINE,
            &[
                &[("CustomerId", "c-3"), ("Subtotal", "7"), ("Total", "7")],
                &[("Currency", ""), ("CustomerId", "c-1")],
            ],
        ),
    )
    .write(
        "h.csv",
        sheet(
            HEADER,
            &[
                &[("Id", "G7"), ("TotalCharges", "5")],
                &[("Id", "G8"), ("TotalCharges", "4")],
            ],
        ),
    );
    let settings = "[tie_out.usage-to-invoice]\n[[tie_out.usage-to-invoice.pass]]\nname = \"wide\"\n\
                    keys = [\"currency\"]\n\
                    [tie_out.lines-to-invoice]\n[[tie_out.lines-to-invoice.pass]]\nname = \"wide\"\n\
                    keys = [\"currency\"]\n";
    let run = wide.run_with(settings, &[]);
    assert!(
        matches!(run.status.code(), Some(0 | 11)),
        "{}",
        stderr(&run)
    );
    assert!(
        !wide
            .ids(&[("matched_on", "wide"), ("tie_out", "usage-to-invoice")])
            .is_empty()
    );
    assert!(
        !wide
            .ids(&[("matched_on", "wide"), ("tie_out", "lines-to-invoice")])
            .is_empty()
    );
    walk(&wide.out());
    wide.answer(&["--key", "customer_id=c-2"]);
}

#[test]
fn of_two_headers_the_first_counts_and_the_other_is_shown() {
    let case = Case::new();
    case.write("u.csv", sheet(USAGE, &[&[]]))
        .write("l.csv", sheet(LINE, &[&[]]))
        .write(
            "h1.csv",
            sheet(
                HEADER,
                &[
                    &[("TotalCharges", "x")],
                    &[],
                    &[("Id", " g1 "), ("TotalCharges", "2")],
                ],
            ),
        )
        .write(
            "h2.csv",
            sheet(HEADER, &[&[("TotalCharges", "3"), ("CurrencyCode", "eur")]]),
        );
    assert_eq!(case.run().status.code(), Some(11));
    let id = case.id(&[("tie_out", "lines-to-invoice")]);
    let answer = case.answer(&[&id]);
    let group = &answer["groups"][0];
    assert_eq!(number(&group["invoiced"]["exact_sum"]), Decimal::ONE);
    let rejected = answer["rejected"].as_array().unwrap();
    assert_eq!(rejected.len(), 3, "{answer}");
    walk(&case.out());
}

#[test]
fn a_run_of_one_period_is_explained_without_the_others() {
    let case = Case::new();
    let november: Changes<'_> = &[
        ("InvoiceNumber", "G2"),
        ("UsageDate", "11/05/2026"),
        ("ProductId", "P2"),
        ("CustomerId", "c-1"),
    ];
    // The usage of P2 is of another period: it decides the scope of a line of this one all the
    // same.
    case.write("u.csv", sheet(USAGE, &[&[], november])).write(
        "l.csv",
        sheet(
            LINE,
            &[
                &[],
                &[
                    ("CustomerId", "c-9"),
                    ("ProductId", "P2"),
                    ("MeterDescription", ""),
                    ("SubscriptionDescription", "Seats"),
                    ("TermAndBillingCycle", "One-Year commitment"),
                ],
                &[
                    ("InvoiceNumber", "G2"),
                    ("ChargeStartDate", "11/01/2026"),
                    ("ProductId", "P2"),
                ],
            ],
        ),
    );
    let run = case.run_with("", &["--period", "2026-10"]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert_eq!(walk(&case.out()), 2);
    let answer = case.answer(&["--key", "customer_id=c-1"]);
    assert_eq!(answer["groups"].as_array().unwrap().len(), 1);
}

#[test]
fn the_rules_of_the_pipeline_are_those_of_the_explanation() {
    let case = Case::new();
    case.write(
        "u.csv",
        sheet(USAGE, &[&[("BillingPreTaxTotal", "1.23456")]]),
    )
    .write(
        "l.csv",
        sheet(
            LINE,
            &[&[
                ("EffectiveUnitPrice", "1.23456"),
                ("BillableQuantity", "1"),
                ("Subtotal", "1.2345"),
                ("Total", "1.2345"),
            ]],
        ),
    );
    let settings = "[tie_out.usage-to-invoice.tolerance]\nabsolute = \"0.5\"\n\
                    [tie_out.usage-to-invoice.rounding.four_down]\norder = \"at_once\"\n\
                    mode = \"down\"\nbilling_digits = 4\n";
    let run = case.run_with(settings, &[]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    walk(&case.out());
    let text = case.explain(&[&case.id(&[])]);
    assert_says(&text, 0, &["rule four_down"]);
}

#[test]
fn of_several_files_that_cannot_be_explained_the_first_is_named() {
    let case = Case::new();
    for number in 0..8 {
        let quantity = format!("{number}");
        case.write(
            &format!("u{number}.csv"),
            sheet(USAGE, &[&[("Quantity", &quantity)]]),
        );
    }
    case.write("l.csv", sheet(LINE, &[&[]]));
    assert_eq!(case.run().status.code(), Some(0));
    let id = case.id(&[]);
    for number in [2, 5, 7] {
        fs::remove_file(case.path(&format!("u{number}.csv"))).unwrap();
    }
    for _ in 0..5 {
        assert_says(
            &case.explain(&[&id]),
            2,
            &["u2.csv", "no such file", "hint:"],
        );
    }
}

#[test]
fn a_file_that_moved_is_told_from_one_that_changed() {
    let case = Case::new();
    case.write("u.csv", sheet(USAGE, &[&[]]))
        .write("l.csv", sheet(LINE, &[&[]]));
    let run = |folder: &Path| {
        let arguments = [
            "-q",
            "reconcile",
            "--usage",
            "u.csv",
            "--invoice-lines",
            "l.csv",
            "--out",
            "out",
        ];
        program(&arguments).current_dir(folder).output().unwrap()
    };
    assert_eq!(run(case.0.path()).status.code(), Some(0));
    // Paths are relative to the folder in which the run was started.
    let id = case.id(&[]);
    assert_says(
        &case.explain(&[&id]),
        2,
        &["`u.csv`", "no such file", "folder"],
    );
    let at_home = |arguments: &[&str]| {
        let all = [&["explain"], arguments].concat();
        program(&all).current_dir(case.0.path()).output().unwrap()
    };
    assert_eq!(at_home(&[&id]).status.code(), Some(0));
    let text = fs::read_to_string(case.path("u.csv")).unwrap();
    for changed in [
        text.replace("Contoso", "Fabrikam"),
        String::new(),
        text.clone() + &text,
    ] {
        fs::write(case.path("u.csv"), changed).unwrap();
        assert_says(&at_home(&[&id]), 24, &["`u.csv`", "different content"]);
    }
}

#[test]
fn a_damaged_run_is_named_with_place_found_wanted_and_hint() {
    let case = Case::new();
    case.write("u.csv", sheet(USAGE, &[&[]]))
        .write(
            "l.csv",
            sheet(LINE, &[&[("Subtotal", "2"), ("Total", "2")]]),
        )
        .write("h.csv", sheet(HEADER, &[&[]]));
    assert_says(&case.explain(&["00"]), 2, &["no published run"]);
    assert_eq!(case.run().status.code(), Some(0));
    let ids = case.ids(&[]);
    assert_eq!(ids.len(), 2);
    let folder = fs::canonicalize(case.path("out/current")).unwrap();
    let manifest = fs::read_to_string(folder.join("manifest.json")).unwrap();
    let refused = |what: &str| {
        for arguments in [
            vec![ids[0].as_str()],
            vec![&ids[1]],
            vec!["--key", "customer_id=c-1"],
        ] {
            assert_says(
                &case.explain(&arguments),
                24,
                &[what, "found", "wanted", "hint:"],
            );
        }
    };
    let damage = |file: &str, bytes: &[u8]| {
        let path = folder.join(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        refused(file);
        fs::write(&path, whole).unwrap();
    };
    let other_version = manifest.replace("\"version\": 1,", "\"version\": 2,");
    let unknown_column = manifest.replace(
        "\"meter_description_is\": \"meter_name\"",
        "\"meter_description_is\": \"x\"",
    );
    for text in [other_version, unknown_column] {
        assert_ne!(text, manifest);
        damage("manifest.json", text.as_bytes());
    }
    for text in [
        "",
        "{",
        "[]",
        "{}",
        "\u{0}",
        &manifest[..manifest.len() / 2],
    ] {
        damage("manifest.json", text.as_bytes());
    }
    damage("manifest.json", b"\xff\xfe");
    for table in [
        "variances",
        "resources",
        "lineage",
        "findings",
        "rejected_rows",
    ] {
        let file = format!("{table}.parquet");
        let whole = fs::read(folder.join(&file)).unwrap();
        damage(&file, b"");
        damage(&file, &whole[..whole.len() / 2]);
        for at in [0, whole.len() / 3, whole.len() - 5] {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            damage(&file, &flipped);
        }
        fs::rename(folder.join(&file), case.path("aside")).unwrap();
        refused(&file);
        fs::create_dir(folder.join(&file)).unwrap();
        refused(&file);
        fs::remove_dir(folder.join(&file)).unwrap();
        fs::rename(case.path("aside"), folder.join(&file)).unwrap();
    }
    fs::remove_file(folder.join("manifest.json")).unwrap();
    refused("manifest.json");
    fs::write(folder.join("manifest.json"), &manifest).unwrap();
    for id in &ids {
        assert_eq!(case.explain(&[id]).status.code(), Some(0));
    }
    // Not a run at all, as the user named it.
    assert_says(
        &case.explain(&["--run", "none", &ids[0]]),
        2,
        &["no run `none`"],
    );
    // The pointer.
    let pointer = case.path("out/current");
    fs::remove_file(&pointer).unwrap();
    refused("current");
    std::os::unix::fs::symlink("runs/gone", &pointer).unwrap();
    refused("current");
    fs::remove_file(&pointer).unwrap();
    fs::create_dir(&pointer).unwrap();
    refused("current");
    let id = folder.file_name().unwrap().to_str().unwrap();
    assert_eq!(case.explain(&["--run", id, &ids[0]]).status.code(), Some(0));
}

/// Puts hostile rows in a CSV file: every 50th row again, every 70th with a broken number.
fn make_hostile(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut more = Vec::new();
    for (number, line) in lines.iter().enumerate().skip(1) {
        if number % 50 == 0 {
            more.push(line.clone());
        }
        if number % 70 == 0 {
            more.push(line.replace(".", ".x"));
        }
        if number % 400 == 0 {
            more.push(line.chars().take(line.len() / 2).collect());
        }
    }
    lines.extend(more);
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

fn files_of(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = crate::program::files_below(folder);
    files.retain(|path| path.to_str().unwrap().ends_with(ending));
    files.sort();
    files
}

/// Runs a synthetic month into `out`.
fn run_month(folder: &Path, format: Format, out: &Path, flags: &[&str]) {
    let globs = crate::runs::globs(folder, format);
    let mut arguments = vec!["-q".to_owned(), "reconcile".to_owned()];
    for (flag, globs) in ["--usage", "--invoice-lines", "--invoices"]
        .iter()
        .zip(globs)
    {
        arguments.extend([(*flag).to_owned(), globs[0].clone()]);
    }
    arguments.extend(["--out".to_owned(), out.display().to_string()]);
    arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
    let output = program(&arguments).output().unwrap();
    assert!(
        matches!(output.status.code(), Some(0 | 11)),
        "{}",
        stderr(&output)
    );
}

#[test]
fn every_group_of_a_month_with_hostile_rows_is_explained() {
    let folder = month(1_500, 31, &[Format::Csv]);
    for dataset in ["usage", "recon"] {
        for path in files_of(&folder.path().join("month").join(dataset), ".csv") {
            make_hostile(&path);
        }
    }
    let out = folder.path().join("out");
    run_month(folder.path(), Format::Csv, &out, &[]);
    assert!(walk(&out) > 30);
}

#[test]
fn every_group_of_every_format_and_sample_is_explained() {
    if is_quick("explain of every group of months of 20,000 rows, and of all samples") {
        return;
    }
    for (seed, format) in [
        (1, Format::Csv),
        (2, Format::V2),
        (3, Format::V1),
        (4, Format::Parquet),
    ] {
        let folder = month(20_000, seed, &[format]);
        if format == Format::Csv {
            for path in files_of(&folder.path().join("month"), ".csv") {
                make_hostile(&path);
            }
        }
        let out = folder.path().join("out");
        run_month(folder.path(), format, &out, &[]);
        walk(&out);
        // Again from the cache, and in little memory: the same run.
        run_month(folder.path(), format, &out, &["--memory", "1MB"]);
        walk(&out);
    }
}

#[test]
fn every_group_of_the_samples_is_explained() {
    let mut walked = 0;
    for case in [cases("samples"), cases("samples/faulty")].concat() {
        let out = tempfile::tempdir().unwrap();
        let output = run_case(&case, out.path());
        assert!(output.status.code() != Some(1), "{}", case.display());
        if out.path().join("current").exists() {
            walked += walk(out.path());
        }
    }
    assert!(walked > 50, "{walked}");
}
