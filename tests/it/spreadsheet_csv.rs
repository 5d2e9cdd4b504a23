//! CSV for spreadsheets, and runs without CSV. LibreOffice opens the files in two countries, where it
//! is installed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::explained::Case;
use crate::fixtures::{LINE, USAGE, sheet};
use crate::program::{stderr, tieout};

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A run over hostile ids, with the flags of its CSV.
fn hostile(flags: &[&str]) -> Case {
    let case = Case::new();
    let used = [
        ("CustomerId", "12345678901234567890"),
        ("CustomerName", "Müller; Söhne, \"Köln\""),
        ("SkuId", "0001"),
        ("ProductId", "123e4567"),
        ("MeterName", "Sep 2"),
        ("ProductName", "=1+1"),
        ("BillingPreTaxTotal", "1234.5"),
        ("Quantity", "1234.5"),
    ];
    let charged = [
        ("CustomerId", "12345678901234567890"),
        ("CustomerName", "Müller; Söhne, \"Köln\""),
        ("SkuId", "0001"),
        ("ProductId", "123e4567"),
        ("MeterDescription", "Sep 2"),
        ("ProductName", "=1+1"),
        ("Subtotal", "1000.25"),
        ("Total", "1000.25"),
    ];
    case.write("u.csv", sheet(USAGE, &[&used]))
        .write("l.csv", sheet(LINE, &[&charged]));
    let run = case.run_with("", flags);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    case
}

fn table(case: &Case, name: &str) -> String {
    fs::read_to_string(case.path("out/current").join(name)).unwrap()
}

/// Names of the files of the newest run, and those that its manifest lists.
fn files_of(case: &Case) -> [Vec<String>; 2] {
    let run = case.path("out/current");
    let entries = fs::read_dir(&run).unwrap();
    let mut there: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "manifest.json")
        .collect();
    there.sort();
    let manifest: Value = serde_json::from_str(&table(case, "manifest.json")).unwrap();
    let outputs = manifest["outputs"].as_array().unwrap().iter();
    let mut listed: Vec<String> = outputs
        .map(|file| file["file"].as_str().unwrap().to_owned())
        .collect();
    listed.sort();
    [there, listed]
}

fn run_id(case: &Case) -> String {
    let link = fs::read_link(case.path("out/current")).unwrap();
    link.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn each_form_has_an_id_of_its_own_and_the_plain_one_the_id_it_had() {
    let plain = hostile(&[]);
    let named = hostile(&["--csv", "plain"]);
    let excel = hostile(&["--csv", "excel"]);
    let american = hostile(&["--csv", "excel", "--csv-separator", ","]);
    let none = hostile(&["--csv", "none"]);
    // Runs in folders of their own read files of other names: only the settings are compared.
    let hash = |case: &Case| -> String {
        let manifest: Value = serde_json::from_str(&table(case, "manifest.json")).unwrap();
        manifest["configuration_hash"].as_str().unwrap().to_owned()
    };
    assert_eq!(hash(&plain), hash(&named));
    let mut hashes = [&plain, &excel, &american, &none].map(hash).to_vec();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 4);
    let manifest = table(&plain, "manifest.json");
    assert!(!manifest.contains("csv="), "{manifest}");
    // A flag changes the id of a run over the same files.
    let before = run_id(&plain);
    plain.run_with("", &["--csv", "none"]);
    assert_ne!(run_id(&plain), before);
    plain.run();
    assert_eq!(run_id(&plain), before);
}

#[test]
fn excel_csv_has_its_mark_its_signs_and_texts_that_stay_texts() {
    let german = table(&hostile(&["--csv", "excel"]), "variances.csv");
    let american = table(
        &hostile(&[
            "--csv",
            "excel",
            "--csv-separator",
            ",",
            "--csv-decimal",
            ".",
        ]),
        "variances.csv",
    );
    let tabs = table(
        &hostile(&["--csv", "excel", "--csv-separator", "tab"]),
        "variances.csv",
    );
    let plain = table(&hostile(&[]), "variances.csv");
    for (text, separator, amount) in [
        (&german, b';', "-234,2500000000"),
        (&american, b',', "-234.2500000000"),
        (&tabs, b'\t', "-234,2500000000"),
        (&plain, b',', "-234.2500000000"),
    ] {
        let is_plain = text == &plain;
        assert_eq!(text.starts_with(BYTE_ORDER_MARK), !is_plain);
        assert_eq!(text.contains("\r\n"), !is_plain);
        let text = text.trim_start_matches(BYTE_ORDER_MARK);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .from_reader(text.as_bytes());
        let headers = reader.headers().unwrap().clone();
        let row = reader.records().next().unwrap().unwrap();
        let cell = |name: &str| {
            let at = headers.iter().position(|header| header == name).unwrap();
            row[at].to_owned()
        };
        let mark = if is_plain { "" } else { "\t" };
        for (name, wanted) in [
            ("customer_id", "12345678901234567890"),
            ("sku_id", "0001"),
            ("product_id", "123e4567"),
            ("meter_description", "Sep 2"),
            ("billing_period", "2026-10"),
        ] {
            // Ids are published in upper or lower case, which is not the question here.
            assert_eq!(
                cell(name).to_lowercase(),
                format!("{wanted}{mark}").to_lowercase()
            );
        }
        assert_eq!(cell("customer_name"), "Müller; Söhne, \"Köln\"");
        assert_eq!(cell("invoice_number"), "G1");
        assert_eq!(cell("variance_amount"), amount);
    }
    assert!(!german.contains("=\""));
}

#[test]
fn a_pipeline_names_its_form_and_mistakes_are_told() {
    let case = Case::new();
    case.write("u.csv", sheet(USAGE, &[&[]]))
        .write("l.csv", sheet(LINE, &[&[]]));
    let set = |values: &[&str]| -> Output {
        let flags: Vec<&str> = values.iter().flat_map(|value| ["--set", *value]).collect();
        case.run_with("", &flags)
    };
    let run = set(&[
        "csv=\"excel\"",
        "csv_separator=\"tab\"",
        "csv_decimal=\".\"",
    ]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(
        table(&case, "summary.csv")
            .lines()
            .next()
            .unwrap()
            .contains('\t')
    );
    for (values, told) in [
        (&["csv=\"xls\""][..], "one of `plain`, `excel`, `none`"),
        (
            &["csv_decimal=\",\""],
            "no such key without `csv = \"excel\"`",
        ),
        (
            &["csv=\"none\"", "csv_separator=\";\""],
            "no such key without",
        ),
        (
            &["csv=\"excel\"", "csv_separator=\"|\""],
            "one of `;`, `,`, `tab`",
        ),
        (
            &["csv=\"excel\"", "csv_separator=\",\"", "csv_decimal=\",\""],
            "another sign than the separator",
        ),
    ] {
        let run = set(values);
        assert_eq!(run.status.code(), Some(2), "{values:?}");
        assert!(stderr(&run).contains(told), "{}", stderr(&run));
    }
    for flags in [
        &["--csv-separator", ";"][..],
        &["--csv", "none", "--csv-decimal", ","],
        &[
            "--csv",
            "excel",
            "--csv-separator",
            ",",
            "--csv-decimal",
            ",",
        ],
    ] {
        assert_eq!(case.run_with("", flags).status.code(), Some(2), "{flags:?}");
    }
}

#[test]
fn a_run_without_csv_is_explained_verified_closed_compared_and_made_again() {
    let case = hostile(&["--csv", "none"]);
    let [there, listed] = files_of(&case);
    assert_eq!(there, listed);
    assert!(
        there.iter().all(|name| !name.ends_with(".csv")),
        "{there:?}"
    );
    let with = hostile(&["--csv", "excel"]);
    let [both, _] = files_of(&with);
    let tables = there.iter().filter(|name| name.ends_with(".parquet"));
    assert_eq!(both.len(), there.len() + tables.count());
    let out = case.out();
    let out = out.to_str().unwrap();
    let pipeline = case.path("pipeline.toml");
    let pipeline = pipeline.to_str().unwrap();
    let listed = tieout(&["breaks", "list", "--json", "--out", out]).stdout;
    let id = String::from_utf8(listed).unwrap();
    let id = &id[id.find("\"B").expect("a break") + 1..][..17];
    assert!(!case.answer(&[id])["groups"][0]["sentences"][0].is_null());
    // Another run, to be compared with.
    case.write("l.csv", sheet(LINE, &[&[]]));
    let run = case.run_with("", &["--csv", "none"]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    for arguments in [
        &["verify", "--all", "--out", out][..],
        &["verify", "--recompute", "--pipeline", pipeline],
        &["diff", "previous", "last", "--out", out],
        &["breaks", "list", "--out", out],
        &["rollforward", "--out", out],
        &[
            "breaks",
            "accept",
            id,
            "--reason",
            "known",
            "--until",
            "2099-01-01",
            "--by",
            "anna",
            "--out",
            out,
        ],
        &["close", "2026-10", "--by", "anna", "--out", out],
        &["verify", "--all", "--out", out],
    ] {
        let done = tieout(arguments);
        // What is gone can no longer be accepted, and a break keeps a period from its close.
        let code = done.status.code();
        assert!(
            matches!(code, Some(0 | 2)),
            "{arguments:?} {}",
            stderr(&done)
        );
        assert!(
            code == Some(0) || ["breaks", "close"].contains(&arguments[0]),
            "{}",
            stderr(&done)
        );
    }
}

#[test]
fn a_period_without_csv_is_closed_on_a_pack_without_it() {
    let case = Case::new();
    case.write("u.csv", sheet(USAGE, &[&[]]))
        .write("l.csv", sheet(LINE, &[&[]]));
    let run = case.run_with("", &["--csv", "none", "--as-of", "2026-12-31"]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let out = case.out();
    let out = out.to_str().unwrap();
    let closed = tieout(&["close", "2026-10", "--by", "anna", "--out", out]);
    assert_eq!(closed.status.code(), Some(0), "{}", stderr(&closed));
    let pack = case.path("out/closed/2026-10");
    assert!(pack.is_dir());
    let verified = tieout(&["verify", "2026-10", "--out", out]);
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
}

/// Type and text of each cell of a row, by its heading, as LibreOffice opens the file in a country.
fn opened(file: &Path, separator: u32, locale: &str) -> Option<BTreeMap<String, (String, String)>> {
    // Separator, quote, UTF-8, first line; all else as a double click takes it.
    let filter = format!("--infilter=Text - txt - csv (StarCalc):{separator},34,UTF8,1");
    let text = flat_document(file, locale, &[&filter])?;
    let rows: Vec<Vec<(String, String)>> = text
        .split("<table:table-row")
        .skip(1)
        .map(cells_of)
        .collect();
    let headings = rows[0].iter().map(|(_, text)| text.clone());
    Some(headings.zip(rows[1].clone()).collect())
}

/// Flat ODF of a file as LibreOffice opens it in a country; `None` where this machine has none.
pub(crate) fn flat_document(file: &Path, locale: &str, more: &[&str]) -> Option<String> {
    let work = TempDir::new().unwrap();
    let profile = work.path().join("profile");
    fs::create_dir_all(profile.join("user")).unwrap();
    let settings = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>{locale}</value></prop></item>
</oor:items>"#
    );
    fs::write(profile.join("user/registrymodifications.xcu"), settings).unwrap();
    let started = Command::new("soffice")
        .arg(format!(
            "-env:UserInstallation=file://{}",
            profile.display()
        ))
        .args(["--headless", "--convert-to", "fods", "--outdir"])
        .arg(work.path())
        .args(more)
        .arg(file)
        .output();
    let output = match started {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("{error}"),
    };
    let name = PathBuf::from(file.file_name().unwrap()).with_extension("fods");
    let text = fs::read_to_string(work.path().join(name));
    Some(text.unwrap_or_else(|error| panic!("{error} {}", stderr(&output))))
}

/// Type and text of the cells of a row in flat ODF; a cell that is repeated comes as often.
pub(crate) fn cells_of(row: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| {
        let value = tag.split_once(&format!("{name}=\""))?.1;
        Some(value.split('"').next().unwrap().to_owned())
    };
    let mut cells = Vec::new();
    for cell in row.split("<table:table-cell").skip(1) {
        let tag = cell.split('>').next().unwrap();
        let kind = attribute(tag, "office:value-type").unwrap_or_default();
        let text = match cell.split_once("<text:p>") {
            Some((_, text)) => text.split("</text:p>").next().unwrap(),
            None => "",
        };
        let text = text
            .replace("<text:tab/>", "\t")
            .replace("<text:s/>", " ")
            .replace("&amp;", "&")
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">");
        let value = ["office:value", "office:date-value"]
            .iter()
            .find_map(|name| attribute(tag, name));
        let repeated = attribute(tag, "table:number-columns-repeated");
        let times = repeated.map_or(1, |text| text.parse().unwrap());
        // The empty end of a row is repeated to the last column.
        let times = if times > 1_000 { 1 } else { times };
        cells.extend(std::iter::repeat_n((kind, value.unwrap_or(text)), times));
    }
    cells
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn libreoffice_opens_texts_as_texts_and_numbers_as_numbers() {
    let german = hostile(&["--csv", "excel"]);
    let american = hostile(&["--csv", "excel", "--csv-separator", ","]);
    for (case, separator, locale) in [(&german, 59, "de-DE"), (&american, 44, "en-US")] {
        let file = case.path("out/current/variances.csv");
        let Some(cells) = opened(&file, separator, locale) else {
            eprintln!("skipped: there is no `soffice` on this machine");
            return;
        };
        for (name, wanted) in [
            ("customer_id", "12345678901234567890"),
            ("sku_id", "0001"),
            ("product_id", "123e4567"),
            ("meter_description", "Sep 2"),
            ("billing_period", "2026-10"),
            ("customer_name", "Müller; Söhne, \"Köln\""),
            ("product_name", "'=1+1"),
        ] {
            let (kind, text) = &cells[name];
            assert_eq!(kind, "string", "{locale} {name} {text:?}");
            let text = text.trim_end_matches('\t').to_lowercase();
            assert_eq!(text, wanted.to_lowercase(), "{locale} {name}");
        }
        for (name, wanted) in [
            ("expected_amount", "1234.5"),
            ("invoiced_amount", "1000.25"),
            ("variance_amount", "-234.25"),
        ] {
            assert_eq!(
                cells[name],
                ("float".to_owned(), wanted.to_owned()),
                "{locale} {name}"
            );
        }
        let findings = case.path("out/current/findings.csv");
        let cells = opened(&findings, separator, locale).expect("it was there before");
        let day = ("date".to_owned(), "2026-10-05".to_owned());
        assert_eq!(cells["first_usage_date"], day, "{locale}");
    }
}
