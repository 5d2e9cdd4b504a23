//! The analyst folder: its rows are those that were compared, every period has those of one run, and its
//! tables join.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tieout::model::period::Period;
use tieout::model::tables::Table;
use tieout::model::tables::analyst::{
    ANALYST_TABLES, INVOICE_LINES, RESOURCES_OF_RUN, USAGE_DAILY, VARIANCES_OF_RUN,
};
use tieout::pipeline::options::Options;
use tieout::pipeline::plan::pipeline_plan::Plan;
use tieout::pipeline::publish::outcome::Outcome;
use tieout::pipeline::run::run;
use tieout::progress::reporting::Progress;
use tieout::reports::analyst_folder;
use tieout::synth::Format;

use crate::runs::{self, Published, globs, month, plan, rows_of, units};

fn with_analyst(mut plan: Plan) -> Plan {
    plan.output.analyst = true;
    plan
}

fn ran(plan: &Plan) -> Outcome {
    run(plan, &Options::default(), &Progress::default()).unwrap()
}

/// Rows of a table and period, by the names of their columns.
fn rows(out: &Path, table: &Table, period: &str) -> Vec<BTreeMap<&'static str, String>> {
    let files = analyst_folder::files_of(out, table, period).unwrap();
    assert!(!files.is_empty(), "{} has a file", table.name);
    let names = || table.columns.iter().map(|column| column.name);
    files
        .iter()
        .flat_map(|file| rows_of(file, table.columns))
        .map(|row| names().zip(row).collect())
        .collect()
}

fn sum(rows: &[BTreeMap<&str, String>], name: &str) -> i128 {
    rows.iter().map(|row| units(&row[name])).sum()
}

/// Files below a folder, links left out, as they are named from there.
fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else if entry.file_type().unwrap().is_file() {
                let path = entry.path();
                found.insert(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn rows_are_those_that_were_compared_whatever_their_format() {
    let folder = month(
        3_000,
        11,
        &[Format::Csv, Format::V2, Format::V1, Format::Parquet],
    );
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for format in [Format::Csv, Format::V2, Format::V1, Format::Parquet] {
        let out = folder.path().join(format!("out-{}", format.name()));
        let outcome = ran(&with_analyst(plan(&globs(folder.path(), format), &out)));
        let usage = rows(&out, &USAGE_DAILY, "2026-10");
        assert_eq!(usage.len() as u64, outcome.usage_rows, "{}", format.name());
        let lines = rows(&out, &INVOICE_LINES, "2026-10");
        assert_eq!(lines.len() as u64, outcome.invoice_lines);
        // Rounded row by row, half up: a row is off by at most half of 10^-10.
        let resources = Published::read(&outcome.folder, "resources");
        let expected: i128 = resources
            .rows
            .iter()
            .filter(|row| resources.cell(row, "usage_rows") != "0")
            .map(|row| resources.amount(row, "quantity"))
            .sum();
        let apart = (sum(&usage, "quantity") - expected).unsigned_abs();
        assert!(apart <= usage.len() as u128, "{apart}");
        assert!(usage.iter().any(|row| row["tags"].contains("costCenter")));
        assert!(
            usage
                .iter()
                .all(|row| row["customer_id"] == row["customer_id"].to_lowercase())
        );
        for (table, rows) in [("usage", &usage), ("lines", &lines)] {
            let mut texts: Vec<String> = rows
                .iter()
                .map(|row| {
                    let told = row.iter().filter(|(name, _)| !is_of_format(name));
                    // Formats write a share of nothing as 0, or not at all.
                    format!("{:?}", told.collect::<Vec<_>>())
                        .replace("_percent\", \"0.0000000000\")", "_percent\", \"\")")
                })
                .collect();
            texts.sort();
            let known = seen
                .entry(table.to_owned())
                .or_insert_with(|| texts.clone());
            let apart = known
                .iter()
                .zip(&texts)
                .find(|(known, found)| known != found);
            assert_eq!(apart, None, "{} {table}", format.name());
        }
    }
}

/// Columns that not all formats have, or write alike: the last day of a charge, and a category that the
/// first API lacks.
fn is_of_format(name: &str) -> bool {
    ["charge_end_date", "product_category"].contains(&name)
}

#[test]
fn the_same_bytes_on_any_number_of_cores_and_from_the_cache() {
    // A month of the second API has several files.
    let formats = [Format::Csv, Format::V2, Format::Parquet];
    let folder = month(20_000, 3, &formats);
    for format in formats {
        let bytes = |threads: usize, out: &str, no_cache: bool| {
            let out = folder.path().join(format.name()).join(out);
            let plan = with_analyst(plan(&globs(folder.path(), format), &out));
            let options = Options {
                threads: Some(threads),
                no_cache,
                ..Options::default()
            };
            run(&plan, &options, &Progress::default()).unwrap();
            let analyst = out.join("analyst");
            let found = files_below(&fs::canonicalize(&analyst).unwrap());
            let read = |name: PathBuf| (fs::read(analyst.join(&name)).unwrap(), name);
            found.into_iter().map(read).collect::<Vec<_>>()
        };
        let one = bytes(1, "one", false);
        assert!(one.len() >= ANALYST_TABLES.len());
        assert!(one == bytes(2, "two", true), "two threads");
        // Of the same run the folder stays; with another tolerance it is made anew, from the cache.
        assert!(one == bytes(2, "one", false), "again");
    }
}

#[test]
fn resources_join_groups_without_a_row_twice() {
    let folder = month(5_000, 5, &[Format::Csv]);
    let out = folder.path().join("out");
    ran(&with_analyst(plan(
        &globs(folder.path(), Format::Csv),
        &out,
    )));
    let groups = rows(&out, &VARIANCES_OF_RUN, "2026-10");
    let mut wanted: BTreeMap<&str, [i128; 3]> = BTreeMap::new();
    for group in groups
        .iter()
        .filter(|group| group["tie_out"] == "usage-to-invoice")
    {
        let figures = ["expected_amount", "invoiced_amount", "variance_amount"];
        let before = wanted.insert(&group["break_id"], figures.map(|name| units(&group[name])));
        assert_eq!(before, None, "{} is one group", group["break_id"]);
    }
    let mut found: BTreeMap<&str, [i128; 3]> = BTreeMap::new();
    let resources = rows(&out, &RESOURCES_OF_RUN, "2026-10");
    for resource in &resources {
        let sums = found.entry(&resource["break_id"]).or_default();
        for (sum, name) in
            sums.iter_mut()
                .zip(["expected_amount", "invoiced_amount", "variance_amount"])
        {
            *sum += units(&resource[name]);
        }
    }
    assert_eq!(found, wanted);
    // Ids are equal where they mean the same, and every row of usage has its resource.
    let keys = |rows: &[BTreeMap<&str, String>]| -> BTreeSet<[String; 4]> {
        let names = ["customer_id", "subscription_id", "meter_id", "resource_uri"];
        rows.iter()
            .map(|row| names.map(|name| row[name].clone()))
            .collect()
    };
    let of_usage = keys(&rows(&out, &USAGE_DAILY, "2026-10"));
    assert!(of_usage.is_subset(&keys(&resources)));
}

const USAGE_OF_MONTH: &str = "\
c1,GMM,P1,0001,s1,2026-MM-03,m1,/r/A,2,1.5,3.00,EUR,\"{\"\"a\"\":\"\"1\"\"}\"
c1,GMM,P1,0001,s1,2026-MM-04,m1,/r/A,1,1.5,1.50,EUR,
";
const LINE_OF_MONTH: &str = "c1,GMM,P1,0001,s1,2026-MM-01,2026-MM-28,4.50,EUR,3,1.5,\n";

/// Two months in one file of usage and one of lines, as an analyst keeps them.
fn two_months(folder: &Path) -> [Vec<String>; 3] {
    let files = [
        (
            "usage",
            "CustomerId,InvoiceNumber,ProductId,SkuId,SubscriptionId,UsageDate,MeterId,ResourceURI,\
             Quantity,UnitPrice,BillingPreTaxTotal,BillingCurrency,Tags\n",
            USAGE_OF_MONTH,
        ),
        (
            "lines",
            "CustomerId,InvoiceNumber,ProductId,SkuId,SubscriptionId,ChargeStartDate,ChargeEndDate,\
             Subtotal,Currency,BillableQuantity,EffectiveUnitPrice,MeterDescription\n",
            LINE_OF_MONTH,
        ),
    ];
    let [usage, lines] = files.map(|(name, heads, rows)| {
        let path = folder.join(format!("{name}.csv"));
        let months = ["09", "10"].map(|month| rows.replace("MM", month));
        fs::write(&path, heads.to_owned() + &months.concat()).unwrap();
        vec![path.to_string_lossy().into_owned()]
    });
    [usage, lines, Vec::new()]
}

#[test]
fn a_period_has_the_rows_of_its_own_invoices_and_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let files = two_months(folder.path());
    let of_period = |period: &str| Plan {
        period: Period::parse(period),
        ..with_analyst(plan(&files, &out))
    };
    ran(&of_period("2026-09"));
    let first = ran(&of_period("2026-10"));
    let usage_of = |period: &str| rows(&out, &USAGE_DAILY, period);
    for period in ["2026-09", "2026-10"] {
        assert_eq!(sum(&usage_of(period), "amount"), units("4.5"), "{period}");
        let lines = rows(&out, &INVOICE_LINES, period);
        assert_eq!(sum(&lines, "subtotal"), units("4.5"));
        let days = usage_of(period);
        assert!(days.iter().all(|row| row["usage_date"].starts_with(period)));
    }
    assert_eq!(usage_of("2026-10")[0]["tags"], "{\"a\":\"1\"}");
    let periods = analyst_folder::periods(&out).unwrap();
    assert_eq!(periods, ["2026-09", "2026-10"]);
    // A new version of a month takes the place of the one before it.
    let path = folder.path().join("usage.csv");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(",1.50,EUR", ",1.25,EUR")).unwrap();
    let second = ran(&of_period("2026-10"));
    assert_ne!(first.run_id, second.run_id);
    let there = analyst_folder::run_of_period(&out, "2026-10");
    assert_eq!(there, Some(second.run_id));
    assert_eq!(sum(&usage_of("2026-10"), "amount"), units("4.25"));
    assert_eq!(sum(&usage_of("2026-09"), "amount"), units("4.5"));
    let files = files_below(&fs::canonicalize(out.join("analyst")).unwrap());
    let of_october = files
        .iter()
        .filter(|path| path.to_string_lossy().contains("2026-10"));
    let runs: BTreeSet<_> = of_october
        .map(|path| path.iter().nth(2).unwrap().to_owned())
        .collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    // What no copy has is gone: rows of the first version stay as long as the copy before does.
    let kept = fs::read_dir(out.join("cache/rows")).unwrap().count();
    assert!(kept <= 4, "{kept} files of rows");
}

/// A charge that a second invoice voids or bills again is one group with what was voided: the sums of
/// groups are not those of the invoices, and the difference is told.
#[test]
fn an_invoice_comes_to_its_own_lines() {
    let folder = month(5_000, 5, &[Format::Csv]);
    let out = folder.path().join("out");
    let outcome = ran(&with_analyst(plan(
        &globs(folder.path(), Format::Csv),
        &out,
    )));
    let mut own: BTreeMap<[String; 2], i128> = BTreeMap::new();
    for line in rows(&out, &INVOICE_LINES, "2026-10") {
        let key = ["invoice_number", "currency"].map(|name| line[name].clone());
        *own.entry(key).or_default() += units(&line["subtotal"]);
    }
    let (mut settled, mut apart) = (0, 0);
    for figures in &outcome.invoices {
        let key = [
            figures.invoice_number.to_lowercase(),
            figures.currency.clone(),
        ];
        let [lines, elsewhere, groups] = [
            &figures.lines_amount,
            &figures.settled_elsewhere_amount,
            &figures.invoiced_amount,
        ]
        .map(|amount| units(amount));
        assert_eq!(own.remove(&key).unwrap_or(0), lines, "{key:?}");
        assert_eq!(lines, groups + elsewhere, "{key:?}");
        settled += elsewhere;
        apart += u32::from(elsewhere != 0);
    }
    assert!(own.is_empty(), "{own:?}");
    assert!(apart >= 2 && settled == 0, "{apart} invoices, {settled}");
}

#[test]
fn a_damaged_file_of_rows_is_made_again() {
    let folder = month(1_000, 2, &[Format::Csv]);
    let out = folder.path().join("out");
    let plan = with_analyst(plan(&globs(folder.path(), Format::Csv), &out));
    ran(&plan);
    let before = rows(&out, &USAGE_DAILY, "2026-10");
    for entry in fs::read_dir(out.join("cache/rows")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        // Not in place: the file has another name in the folder.
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    fs::remove_file(out.join("analyst")).unwrap();
    ran(&plan);
    assert_eq!(rows(&out, &USAGE_DAILY, "2026-10"), before);
}

#[test]
fn the_ledger_is_beside_and_descriptions_are_in_the_files() {
    let folder = month(1_000, 2, &[Format::Csv]);
    let out = folder.path().join("out");
    ran(&with_analyst(plan(
        &globs(folder.path(), Format::Csv),
        &out,
    )));
    for name in ["breaks", "runs", "roll_forward", "accruals"] {
        let linked = fs::read(out.join(format!("analyst/{name}.parquet"))).unwrap();
        assert_eq!(
            linked,
            fs::read(out.join(format!("ledger/{name}.parquet"))).unwrap()
        );
    }
    for table in ANALYST_TABLES {
        let files = analyst_folder::files_of(&out, table, "2026-10").unwrap();
        let file = fs::File::open(&files[0]).unwrap();
        let reader = parquet::file::serialized_reader::SerializedFileReader::new(file).unwrap();
        let metadata = parquet::file::reader::FileReader::metadata(&reader);
        let facts = metadata.file_metadata().key_value_metadata().unwrap();
        for column in table.columns {
            let key = format!("column.{}", column.name);
            let fact = facts.iter().find(|fact| fact.key == key);
            let meaning = fact.and_then(|fact| fact.value.as_deref());
            assert_eq!(meaning, Some(column.meaning), "{}", table.name);
        }
    }
    assert!(
        fs::read_to_string(out.join("analyst/views.sql"))
            .unwrap()
            .contains("credit_lost")
    );
}

#[test]
fn runs_without_the_setting_leave_no_folder() {
    let folder = month(1_000, 2, &[Format::Csv]);
    let out = folder.path().join("out");
    let outcome = runs::reconcile(&globs(folder.path(), Format::Csv), &out, None).unwrap();
    assert_eq!(outcome.exit_code, 0);
    assert!(!out.join("analyst").exists() && !out.join("cache/rows").exists());
}
