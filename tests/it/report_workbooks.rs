//! The workbook of a run, read back by another library: its sheets, the types of its cells and its sums;
//! and what `tieout report` and the closing pack add from the ledger.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use calamine::{Data, Range, Reader, Xlsx, open_workbook};
use serde_json::Value;

use crate::closing_house::{FINAL, House, assert_ended};
use crate::page_reader::{amounts, between, parts, text};
use crate::program::{printed, stderr};
use crate::report_pages::table;
use crate::spreadsheet_csv::{cells_of, flat_document};

const SHEETS: [&str; 10] = [
    "Summary",
    "Dispute",
    "Breaks",
    "Customers",
    "Accruals",
    "Roll-forward",
    "Restatements",
    "Out of scope",
    "Controls",
    "Run",
];

fn sheets(path: &Path) -> BTreeMap<String, Range<Data>> {
    let mut book: Xlsx<_> = open_workbook(path).unwrap();
    let names = book.sheet_names();
    assert_eq!(names, SHEETS);
    // No text of the data has become a formula.
    for name in &names {
        let formulas = book.worksheet_formula(name).unwrap();
        assert!(
            formulas.cells().all(|(_, _, formula)| formula.is_empty()),
            "{name}"
        );
    }
    names
        .into_iter()
        .map(|name| {
            let cells = book.worksheet_range(&name).unwrap();
            (name, cells)
        })
        .collect()
}

/// Cells of a column below its heading, as long as the first column goes on.
fn column<'r>(sheet: &'r Range<Data>, name: &str) -> Vec<&'r Data> {
    let heads = sheet.rows().next().unwrap();
    let at = heads
        .iter()
        .position(|head| *head == Data::String(name.to_owned()));
    let at = at.expect(name);
    let rows = sheet.rows().skip(1).take_while(|row| row[0] != Data::Empty);
    rows.map(|row| &row[at]).collect()
}

/// Cents of a cell that is a number.
fn cents(cell: &Data) -> i64 {
    match cell {
        Data::Float(number) => cents_of(&format!("{number:.6}")),
        Data::Int(number) => number * 100,
        other => unreachable!("a number, not {other:?}"),
    }
}

/// Cents of a published amount, half up.
fn cents_of(text: &str) -> i64 {
    let number: rust_decimal::Decimal = text.parse().unwrap();
    let half_up = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
    let cents = number.round_dp_with_strategy(2, half_up) * rust_decimal::Decimal::from(100);
    cents.normalize().to_string().parse().unwrap()
}

#[test]
fn cells_have_their_types_and_foot_to_the_tables() {
    let house = House::new();
    house.run("month", FINAL);
    let run = house.path("out/current");
    let book = sheets(&run.join("report.xlsx"));
    let breaks: Vec<_> = table(&run, "variances")
        .into_iter()
        .filter(|row| row["status"] == "break")
        .collect();
    let sheet = &book["Breaks"];
    let ids = column(sheet, "Break");
    assert_eq!(ids.len(), breaks.len());
    let by_id: BTreeMap<&str, &BTreeMap<String, String>> = breaks
        .iter()
        .map(|row| (row["break_id"].as_str(), row))
        .collect();
    let differences = column(sheet, "Difference");
    let days = column(sheet, "First day");
    let products = column(sheet, "SKU id");
    for at in 0..ids.len() {
        let Data::String(id) = ids[at] else {
            unreachable!("an id is text");
        };
        let wanted = by_id[id.as_str()];
        assert!((cents(differences[at]) - cents_of(&wanted["variance_amount"])).abs() <= 1);
        assert!(
            matches!(days[at], Data::DateTime(_) | Data::Empty),
            "{:?}",
            days[at]
        );
        // `0002` stays what it is.
        match products[at] {
            Data::String(sku) => assert_eq!(*sku, wanted["sku_id"]),
            other => assert!(
                *other == Data::Empty && wanted["sku_id"].is_empty(),
                "{other:?}"
            ),
        }
    }
    assert!(days.iter().any(|day| matches!(day, Data::DateTime(_))));
    // Claims are what usage does not bear out, and nothing twice.
    let claims = column(&book["Dispute"], "Break");
    let wanted = breaks.iter().filter(|row| {
        row["tie_out"] == "usage-to-invoice" && !row["variance_amount"].starts_with('-')
    });
    assert_eq!(claims.len(), wanted.count());
    assert!(
        column(&book["Dispute"], "Difference")
            .into_iter()
            .all(|cell| cents(cell) >= 0)
    );
    // An amount that fifteen digits cannot hold has its text beside it.
    let manifest = fs::read(run.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let laws = manifest["control_totals"].as_array().unwrap();
    let amounts = column(&book["Controls"], "Amount in, exact");
    assert_eq!(amounts.len(), laws.len());
    for (cell, law) in amounts.into_iter().zip(laws) {
        assert_eq!(
            *cell,
            Data::String(law["amount_in"].as_str().unwrap().to_owned())
        );
    }
    let text = book["Roll-forward"].get_value((0, 0)).unwrap().to_string();
    assert!(text.contains("tieout report"), "{text}");
}

#[test]
fn the_report_of_the_ledger_has_what_the_run_alone_cannot_know() {
    let house = House::new();
    house.run("month", "2026-11-10");
    house.change_usage(7);
    house.run("month", FINAL);
    let done = house.tieout(&["--json", "report", "2026-10"]);
    assert_ended(&done, 0);
    let written: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(written["run_no"], 2);
    let page = fs::read_to_string(house.path("out/reports/2026-10.html")).unwrap();
    let changes = between(&page, "<section id=\"changes\">", "</section>").unwrap();
    assert!(
        text(changes).contains("Changes of run 2 since run 1."),
        "{}",
        text(changes)
    );
    assert!(text(changes).contains("new") || text(changes).contains("moved"));
    // The roll-forward of the page is that of the ledger.
    let rolled = house.tieout(&["--json", "rollforward"]);
    let rolled: Value = serde_json::from_slice(&rolled.stdout).unwrap();
    let rows = rolled[0]["rows"].as_array().unwrap();
    let section = between(&page, "<section id=\"rollforward\">", "</section>").unwrap();
    let shown = parts(section, "<tr>", "</tr>");
    let shown: Vec<Vec<String>> = shown
        .into_iter()
        .map(amounts)
        .filter(|amounts| amounts.len() == 6)
        .collect();
    assert_eq!(shown.len(), rows.len());
    for (shown, row) in shown.iter().zip(rows) {
        for (at, name, sign) in [
            (0, "opening", ""),
            (1, "new", ""),
            (3, "resolved", "-"),
            (5, "closing", ""),
        ] {
            let wanted = row[name].as_str().unwrap();
            let signed = match (sign, wanted.strip_prefix('-')) {
                ("", _) => wanted.to_owned(),
                (_, Some(rest)) => rest.to_owned(),
                _ if wanted.chars().all(|c| matches!(c, '0' | '.')) => wanted.to_owned(),
                _ => format!("-{wanted}"),
            };
            assert_eq!(shown[at], signed, "{name}");
        }
    }
    let book = sheets(&house.path("out/reports/2026-10.xlsx"));
    assert_eq!(column(&book["Roll-forward"], "Tie-out").len(), rows.len());
    assert!(!column(&book["Accruals"], "Credits due").is_empty());
    // A file of one's own, of the run before; nothing else is written.
    let named = house.tieout(&["report", "1", "--html", "mine.html"]);
    assert_ended(&named, 0);
    let mine = fs::read_to_string(house.path("mine.html")).unwrap();
    assert!(mine.contains("is the first complete one of its period"));
    assert!(!house.path("mine.xlsx").exists());
    // Again, of the same ledger: the same bytes.
    let before = fs::read(house.path("out/reports/2026-10.xlsx")).unwrap();
    assert_ended(&house.tieout(&["report"]), 0);
    assert!(before == fs::read(house.path("out/reports/2026-10.xlsx")).unwrap());
    let none = house.tieout(&["report", "2026-09"]);
    assert_ended(&none, 2);
    assert!(stderr(&none).contains("hint: "), "{}", printed(&none));
}

#[test]
fn a_closing_pack_has_both_reports_and_a_run_is_proved_with_them() {
    let house = House::closed();
    let pack = house.path("out/closed/2026-10");
    let page = fs::read_to_string(pack.join("report.html")).unwrap();
    let sign_off = between(&page, "<section id=\"signoff\">", "</section>").unwrap();
    assert!(
        text(sign_off).contains("Closed by anna at "),
        "{}",
        text(sign_off)
    );
    assert!(text(&page).contains("assigned anna, "));
    sheets(&pack.join("report.xlsx"));
    let hashes = fs::read_to_string(pack.join("hashes.txt")).unwrap();
    for name in ["report.html", "report.xlsx", "run/report.html"] {
        assert!(
            hashes
                .lines()
                .any(|line| line.ends_with(&format!("  {name}"))),
            "{name}"
        );
    }
    assert_ended(
        &house.verify(&["2026-10", "--recompute", "--pipeline", "month.toml"]),
        0,
    );
    // One figure of the page, changed by hand.
    fs::write(pack.join("report.html"), page.replacen("0.", "1.", 1)).unwrap();
    let found = house.verify(&[]);
    assert_ended(&found, 24);
    assert!(
        printed(&found).contains("report.html"),
        "{}",
        printed(&found)
    );
}

/// Type and text of each cell of a sheet, row by row.
type FlatRows = Vec<Vec<(String, String)>>;

/// Sheets of a workbook by their names, as LibreOffice has them.
fn sheets_in_libreoffice(file: &Path) -> Option<BTreeMap<String, FlatRows>> {
    let document = flat_document(file, "de-DE", &[])?;
    let sheets = parts(&document, "<table:table table:name=\"", "</table:table>");
    let sheets = sheets.into_iter().map(|sheet| {
        let name = sheet.split('"').next().unwrap().to_owned();
        let rows = sheet.split("<table:table-row").skip(1).map(cells_of);
        (name, rows.collect())
    });
    Some(sheets.collect())
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn libreoffice_finds_ids_names_and_sums_as_they_were() {
    let house = House::new();
    house.run("month", FINAL);
    let run = house.path("out/current");
    let Some(found) = sheets_in_libreoffice(&run.join("report.xlsx")) else {
        eprintln!("skipped: there is no `soffice` on this machine");
        return;
    };
    assert!(found.keys().all(|name| SHEETS.contains(&name.as_str())));
    assert_eq!(found.len(), SHEETS.len());
    let wanted = table(&run, "variances");
    let mut wanted: BTreeMap<&str, &BTreeMap<String, String>> = wanted
        .iter()
        .filter(|row| row["status"] == "break")
        .map(|row| (row["break_id"].as_str(), row))
        .collect();
    let (heads, rows) = found["Breaks"].split_first().unwrap();
    let mut names = String::new();
    let mut sums: BTreeMap<&str, [rust_decimal::Decimal; 2]> = BTreeMap::new();
    for row in rows {
        let cell = |name: &str| {
            let at = heads.iter().position(|(_, head)| head == name);
            let at = at.unwrap_or_else(|| unreachable!("no column {name}"));
            row.get(at)
                .map_or(("", ""), |(kind, text)| (kind.as_str(), text.as_str()))
        };
        // Rows behind the last break are empty.
        let Some(of) = wanted.remove(cell("Break").1) else {
            assert_eq!(cell("Break").1, "");
            continue;
        };
        for (head, column) in [
            ("Customer id", "customer_id"),
            ("Customer", "customer_name"),
            ("SKU id", "sku_id"),
            ("Subscription id", "subscription_id"),
        ] {
            let kind = if of[column].is_empty() { "" } else { "string" };
            assert_eq!(cell(head), (kind, of[column].as_str()), "{head}");
        }
        names.push_str(cell("Customer").1);
        let (kind, difference) = cell("Difference");
        assert_eq!(kind, "float");
        let sum = sums.entry(of["currency"].as_str()).or_default();
        let exact = rust_decimal::Decimal::from_scientific;
        let found = difference.parse().or_else(|_| exact(difference)).unwrap();
        let published: rust_decimal::Decimal = of["variance_amount"].parse().unwrap();
        *sum = [sum[0] + found, sum[1] + published];
    }
    assert!(wanted.is_empty(), "{wanted:?}");
    assert!(
        names.contains("Müller") && names.contains("Söhne"),
        "{names}"
    );
    assert_eq!(sums.len(), 2);
    for (currency, [found, published]) in sums {
        assert_eq!(found, published, "{currency}");
    }
}
