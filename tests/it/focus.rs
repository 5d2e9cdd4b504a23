//! The export as FOCUS: known rows become known records, a month keeps the null rules of the
//! specification, and sums are those of what was read.

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use parquet::file::reader::FileReader as _;
use tieout::model::period::Period;
use tieout::pipeline::focus::export::{ExportFormat, FocusExport, FocusRequest, export};
use tieout::pipeline::options::Options;
use tieout::pipeline::plan::pipeline_plan::Plan;
use tieout::pipeline::run::run;
use tieout::progress::reporting::Progress;
use tieout::synth::Format;

use self::rows::{CELLS, CHARGES, LINES, USAGE};
use crate::program::{stderr, tieout};
use crate::runs::{Globs, globs, month, plan};

/// Rows of a CSV by the names of their columns.
type Records = Vec<BTreeMap<String, String>>;

/// CSV of rows, each like the first one but for what it says.
fn table(rows: &[&[(&str, &str)]]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut lines = vec![
        rows[0]
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(","),
    ];
    for row in rows {
        let cell = |(name, first): &(&str, &str)| {
            let own = row.iter().find(|(own, _)| own == name);
            quoted(own.map_or(*first, |(_, value)| *value))
        };
        let known = |name: &str| rows[0].iter().any(|(known, _)| *known == name);
        assert!(row.iter().all(|(name, _)| known(name)), "{row:?}");
        lines.push(rows[0].iter().map(cell).collect::<Vec<_>>().join(","));
    }
    lines.join("\n")
}

fn ran(globs: &Globs, out: &Path) {
    let mut plan = Plan {
        period: Period::parse("2026-10"),
        ..plan(globs, out)
    };
    plan.output.analyst = true;
    run(&plan, &Options::default(), &Progress::default()).unwrap();
}

fn request(out: &Path, to: &Path, format: ExportFormat) -> FocusRequest {
    FocusRequest {
        out: out.to_owned(),
        period: None,
        to: to.to_owned(),
        format,
        partner_name: None,
        issuer: "Microsoft".to_owned(),
    }
}

/// Records of both files of an export as CSV.
fn exported(out: &Path, to: &Path) -> (FocusExport, [Records; 2]) {
    let done = export(&request(out, to, ExportFormat::Csv)).unwrap();
    let records = [0, 1].map(|at| records(&done.files[at].path));
    (done, records)
}

fn records(path: &Path) -> Records {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// The known rows, read, kept and exported.
fn known() -> (tempfile::TempDir, FocusExport, [Records; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        vec![path.to_string_lossy().into_owned()]
    };
    let globs = [
        write("usage.csv", table(&USAGE)),
        write("lines.csv", table(&LINES)),
        Vec::new(),
    ];
    let out = folder.path().join("out");
    ran(&globs, &out);
    let (done, records) = exported(&out, &folder.path().join("focus"));
    (folder, done, records)
}

fn column<'r>(records: &'r Records, name: &str) -> Vec<&'r str> {
    records.iter().map(|row| row[name].as_str()).collect()
}

#[test]
fn known_usage_becomes_known_charges() {
    let (_folder, done, [usage, _]) = known();
    for (name, wanted) in CHARGES {
        assert_eq!(column(&usage, name), wanted, "{name}");
    }
    for (row, name, wanted) in CELLS {
        assert_eq!(usage[row][name], wanted, "{name} of row {row}");
    }
    assert_eq!(usage[4]["SubAccountName"], usage[4]["SubAccountId"]);
    // Tags that are none.
    assert_eq!(done.files[0].non_conforming_rows, 1);
    assert_eq!(done.files[0].billed_cost["EUR"], "1.82");
}

#[test]
fn known_lines_become_amounts_and_taxes() {
    let (_folder, done, [_, lines]) = known();
    let amounts = [
        "48.76", "9.26", "48.76", "9.26", "-1.94", "-186.0", "-35.34", "423.1", "80.38",
    ];
    assert_eq!(column(&lines, "BilledCost"), amounts);
    assert_eq!(
        column(&lines, "ChargeCategory"),
        [
            "Usage", "Tax", "Usage", "Tax", "Credit", "Purchase", "Tax", "Purchase", "Tax"
        ]
    );
    let ids = column(&lines, "InvoiceDetailId");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert_eq!(ids[0].len(), 16);
    assert_eq!(ids[1], format!("{}:tax", ids[0]));
    assert_eq!(ids[2], format!("{}-2", ids[0]));
    assert_eq!(ids[3], format!("{}-2:tax", ids[0]));
    assert_eq!(lines[1]["x_PricingQuantity"], "");
    assert_eq!(lines[0]["x_PricingQuantity"], "706.32");
    assert_eq!(lines[5]["x_ChargePeriodEnd"], "");
    assert!(lines[1]["InvoiceDetailDescription"].starts_with("Tax: Virtual Machines"));
    assert_eq!(
        lines[4]["InvoiceDetailGrain"],
        "{\"SkuId\":\"DZH318Z0BQ4B_01K2\",\"x_AvailabilityId\":\"DZH318Z0C1KX\",\
         \"x_ChargePeriodEnd\":\"2026-11-01T00:00:00Z\",\"x_ChargePeriodStart\":\"2026-10-01T00:00:00Z\",\
         \"x_ChargeType\":\"customerCredit\",\"x_CustomerId\":\"196e2273-9651-43a3-ba7e-7cbcd918fc40\",\
         \"x_MeterDescription\":\"D2s v5 - EU West\",\"x_OrderId\":\"94e858b6d855\",\
         \"x_SubscriptionId\":\"307628f1-d9d2-f09c-ea1f-4183f0cae308\"}"
    );
    // One is of amount 0, and one is not billed.
    assert_eq!(done.files[1].left_out_rows, 2);
    assert_eq!(done.files[1].billed_cost["EUR"], "396.24");
}

/// Columns that are null together: if the first one is, so is the second; the third says whether it
/// holds the other way round, too.
const TOGETHER: [(&str, &str, bool); 14] = [
    ("ConsumedQuantity", "ConsumedUnit", true),
    ("PricingQuantity", "PricingUnit", true),
    ("RegionId", "RegionName", true),
    ("SubAccountId", "SubAccountName", true),
    ("SubAccountId", "SubAccountType", true),
    ("ResourceId", "ResourceType", true),
    ("ResourceId", "ResourceName", false),
    ("SkuId", "SkuMeter", false),
    ("SkuId", "SkuPriceId", false),
    ("SkuPriceId", "SkuPriceDetails", false),
    ("CommitmentDiscountId", "CommitmentDiscountCategory", true),
    ("CommitmentDiscountId", "CommitmentDiscountStatus", true),
    ("CommitmentDiscountQuantity", "CommitmentDiscountUnit", true),
    ("CapacityReservationId", "CapacityReservationStatus", false),
];

#[test]
fn a_month_keeps_the_null_rules_and_its_sums() {
    let folder = month(3_000, 11, &[Format::Csv]);
    let out = folder.path().join("out");
    ran(&globs(folder.path(), Format::Csv), &out);
    let to = folder.path().join("focus");
    let (done, [usage, lines]) = exported(&out, &to);
    assert_eq!(usage.len(), 3_000);
    for row in &usage {
        for (left, right, both) in TOGETHER {
            let [left_null, right_null] = [left, right].map(|name| row[name].is_empty());
            assert!(!left_null || right_null, "{right} without {left}: {row:?}");
            assert!(
                !both || left_null == right_null,
                "{left} without {right}: {row:?}"
            );
        }
        let is_charge = row["ChargeCategory"] == "Usage" && row["ChargeClass"].is_empty();
        let needed = [
            "PricingQuantity",
            "PricingCategory",
            "ListUnitPrice",
            "SkuId",
            "SkuPriceId",
        ];
        for name in needed.iter().filter(|_| is_charge) {
            assert!(!row[*name].is_empty(), "{name}: {row:?}");
        }
        let never = [
            "BilledCost",
            "ListCost",
            "ServiceName",
            "ServiceCategory",
            "ChargePeriodEnd",
        ];
        assert!(never.iter().all(|name| !row[*name].is_empty()), "{row:?}");
        assert_eq!(row["x_RunId"], done.files[0].run_id);
    }
    assert!(
        lines
            .iter()
            .all(|row| row["BilledCost"] != "0.0" && !row["InvoiceId"].is_empty())
    );
    for (file, rows) in done.files.iter().zip([&usage, &lines]) {
        let mut sums: BTreeMap<&str, rust_decimal::Decimal> = BTreeMap::new();
        for row in rows {
            *sums.entry(&row["BillingCurrency"]).or_default() +=
                row["BilledCost"].parse::<rust_decimal::Decimal>().unwrap();
        }
        let told = file.billed_cost.iter();
        let told: BTreeMap<&str, rust_decimal::Decimal> = told
            .map(|(currency, sum)| (&**currency, sum.parse().unwrap()))
            .collect();
        assert_eq!(sums, told);
    }
    parquet_has_the_same(&out, &to, [&usage, &lines]);
}

/// Parquet has the same rows, says what its columns mean, and is the same when it is made again.
fn parquet_has_the_same(out: &Path, to: &Path, records: [&Records; 2]) {
    let bytes = || {
        let done = export(&request(out, to, ExportFormat::Parquet)).unwrap();
        done.files
            .into_iter()
            .map(|file| (fs::read(&file.path).unwrap(), file))
            .collect::<Vec<_>>()
    };
    let first = bytes();
    assert!(first == bytes());
    for ((_, file), rows) in first.iter().zip(records) {
        let reader = parquet::file::serialized_reader::SerializedFileReader::new(
            fs::File::open(&file.path).unwrap(),
        )
        .unwrap();
        let metadata = reader.metadata().file_metadata();
        assert_eq!(metadata.num_rows(), rows.len() as i64);
        let facts = metadata.key_value_metadata().unwrap();
        assert!(rows[0].keys().all(|name| {
            facts
                .iter()
                .any(|fact| fact.key == format!("column.{name}"))
        }));
    }
}

#[test]
fn what_is_not_there_is_said_and_nothing_is_left() {
    let folder = month(1_000, 2, &[Format::Csv]);
    let out = folder.path().join("out");
    let to = folder.path().join("focus");
    let export = |more: &[&str]| {
        let flags = [
            "export",
            "focus",
            "--out",
            out.to_str().unwrap(),
            "--to",
            to.to_str().unwrap(),
        ];
        tieout(&[&flags[..], more].concat())
    };
    let done = export(&[]);
    assert_eq!(done.status.code(), Some(2));
    assert!(
        stderr(&done).contains("hint: set `analyst = true` under `[output]`"),
        "{}",
        stderr(&done)
    );
    ran(&globs(folder.path(), Format::Csv), &out);
    let done = export(&["--period", "2026-09"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(
        stderr(&done).contains("found 2026-10, wanted 2026-09"),
        "{}",
        stderr(&done)
    );
    assert!(!to.exists());
    // A table that was damaged: the file before stays, and no other is beside it.
    assert_eq!(export(&["--format", "csv"]).status.code(), Some(0));
    let names = || -> BTreeSet<PathBuf> {
        fs::read_dir(&to)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    };
    let before = names();
    assert_eq!(before.len(), 2);
    let files = tieout::reports::analyst_folder::files_of(
        &out,
        &tieout::model::tables::analyst::USAGE_DAILY,
        "2026-10",
    );
    let path = &files.unwrap()[0];
    fs::remove_file(path).unwrap();
    fs::write(path, "no table").unwrap();
    let done = export(&[]);
    assert_eq!(done.status.code(), Some(24), "{}", stderr(&done));
    assert_eq!(names(), before);
}
