//! Several months of one partner: the truth about what is new, moved, resolved and restated is what
//! reconciling each version of each month finds, and the sandbox serves what a day has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;
use tieout::model::period::Period;
use tieout::sandbox::Settings;
use tieout::synth::{self, Format, Months, Request};

use crate::program::stderr;
use crate::runs::{Published, reconcile_lines_too, units};
use crate::served::{House, serve, settings};

const KEYS: [&str; 9] = [
    "tie_out",
    "billing_period",
    "invoice_number",
    "customer_id",
    "subscription_id",
    "product_id",
    "sku_id",
    "meter_description",
    "currency",
];

type Breaks = BTreeMap<Vec<String>, i128>;

fn make(out: &Path, rows: u64, seed: u64, formats: &[Format]) {
    let first = Request {
        rows,
        seed,
        out: out.to_owned(),
        period: Period::parse("2026-10").unwrap(),
        formats: formats.to_vec(),
        planted: true,
    };
    let request = Months {
        first,
        count: 6,
        restate: true,
    };
    synth::generate_months(&request).unwrap();
}

/// Six months that all tests share.
fn months() -> &'static Path {
    static MONTHS: OnceLock<TempDir> = OnceLock::new();
    let folder = MONTHS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("months");
        make(&path, 20_000, 5, &[Format::Csv, Format::V2]);
        folder
    });
    Box::leak(folder.path().join("months").into_boxed_path())
}

fn rows(folder: &Path, table: &str) -> Vec<BTreeMap<String, String>> {
    let path = folder.join("truth").join(format!("{table}.csv"));
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

fn key(row: &BTreeMap<String, String>) -> Vec<String> {
    KEYS.iter().map(|name| row[*name].clone()).collect()
}

/// Breaks that reconciling the files of a version finds.
fn found(folder: &Path) -> Breaks {
    let glob = |tail: &str| vec![folder.join(tail).display().to_string()];
    let globs = [
        glob("usage/csv/*.csv"),
        glob("recon/csv/*.csv"),
        glob("invoices/invoices.json"),
    ];
    let out = tempfile::tempdir().unwrap();
    let outcome = reconcile_lines_too(&globs, &out.path().join("out"));
    let variances = Published::read(&outcome.folder, "variances");
    let columns: Vec<&str> = KEYS
        .into_iter()
        .chain(["variance_amount", "status"])
        .collect();
    let mut breaks = Breaks::new();
    for row in variances.columns(&columns) {
        if row[10] == "break" {
            *breaks.entry(row[..9].to_vec()).or_default() += units(&row[9]);
        }
    }
    breaks
}

/// Folders of the versions of all months, by period and version.
fn versions(folder: &Path) -> BTreeMap<(String, String), PathBuf> {
    let places = rows(folder, "breaks");
    let place = |row: &BTreeMap<String, String>| (row["period"].clone(), row["version"].clone());
    let folder = |place: &(String, String)| folder.join(&place.0).join(&place.1);
    let places = places.iter().map(place);
    places
        .map(|place| (place.clone(), folder(&place)))
        .collect()
}

#[test]
fn reconciling_each_version_finds_the_breaks_and_the_events_of_the_truth() {
    truth_is_found(months());
}

#[test]
fn the_truth_is_found_with_many_seeds() {
    if crate::runs::is_quick("months of many seeds") {
        return;
    }
    for seed in 6..10 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("months");
        make(&path, 20_000, seed, &[Format::Csv]);
        truth_is_found(&path);
    }
}

fn truth_is_found(folder: &Path) {
    let versions = versions(folder);
    assert_eq!(versions.len(), 15);
    let breaks = rows(folder, "breaks");
    let events = rows(folder, "events");
    let mut before = (String::new(), Breaks::new());
    for ((period, version), path) in &versions {
        if before.0 != *period {
            before = (period.clone(), Breaks::new());
        }
        let of_version = |row: &&BTreeMap<String, String>| {
            row["period"] == *period && row["version"] == *version
        };
        let found = found(path);
        let wanted = breaks.iter().filter(of_version);
        let wanted: Breaks = wanted
            .map(|row| (key(row), units(&row["amount"])))
            .collect();
        for (key, amount) in &wanted {
            assert_eq!(found.get(key), Some(amount), "{path:?}: {key:?}");
        }
        assert_eq!(found, wanted, "{path:?}");
        // From the breaks before, the events lead to those that are found, and each changes one.
        let mut now = std::mem::take(&mut before.1);
        for row in events.iter().filter(of_version) {
            let amount = |name: &str| (!row[name].is_empty()).then(|| units(&row[name]));
            assert_eq!(now.get(&key(row)).copied(), amount("amount_before"));
            let name = row["event"].as_str();
            match amount("amount_after") {
                Some(after) => {
                    assert_eq!(now.contains_key(&key(row)), name == "moved", "{row:?}");
                    now.insert(key(row), after);
                }
                None => {
                    assert_eq!(name, "resolved");
                    now.remove(&key(row));
                }
            }
        }
        assert_eq!(now, found, "{path:?}");
        before.1 = now;
    }
}

#[test]
fn every_story_is_told_and_the_totals_foot() {
    let folder = months();
    let events = rows(folder, "events");
    let told = |story: &str, event: &str| {
        let rows = events.iter();
        rows.filter(|row| row["story"] == story && row["event"] == event)
            .count()
    };
    for (story, event) in [
        ("restated_usage", "resolved"),
        ("delivered_usage", "resolved"),
        ("rebilled", "resolved"),
        ("grows", "moved"),
        ("comes_back", "reopened"),
        ("passing", "resolved"),
    ] {
        assert!(told(story, event) > 0, "{story} {event}");
    }
    let stories = rows(folder, "stories");
    for story in ["late_usage", "credit"] {
        assert!(stories.iter().any(|row| row["story"] == story), "{story}");
    }
    let customers = rows(folder, "customers");
    for event in ["comes", "leaves"] {
        assert!(customers.iter().any(|row| row["event"] == event), "{event}");
    }
    let mut closing = BTreeMap::new();
    for row in rows(folder, "totals") {
        let amount = |name: &str| units(&row[name]);
        let place = ["period", "tie_out", "currency"].map(|name| row[name].clone());
        let before = closing.insert(place, amount("closing")).unwrap_or_default();
        assert_eq!(amount("opening"), before, "{row:?}");
        let moved = amount("new") + amount("moved") - amount("resolved");
        assert_eq!(before + moved, amount("closing"), "{row:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let path = folder.path().join(name);
        make(&path, 2_000, 9, &[Format::Csv, Format::V1, Format::V2]);
        let mut files = BTreeMap::new();
        let mut folders = vec![path.clone()];
        while let Some(at) = folders.pop() {
            for entry in std::fs::read_dir(at).unwrap() {
                let entry = entry.unwrap().path();
                if entry.is_dir() {
                    folders.push(entry);
                } else {
                    let name = entry.strip_prefix(&path).unwrap().to_owned();
                    files.insert(name, std::fs::read(&entry).unwrap());
                }
            }
        }
        files
    };
    assert!(bytes("one") == bytes("two"));
}

/// Invoice numbers go on from month to month, and no two months share one.
#[test]
fn invoice_numbers_go_on() {
    let mut newest: BTreeMap<String, String> = BTreeMap::new();
    for row in rows(months(), "breaks") {
        let (period, number) = (row["period"].clone(), row["invoice_number"].clone());
        let known = newest.entry(period).or_insert_with(|| number.clone());
        if *known < number {
            known.clone_from(&number);
        }
    }
    assert_eq!(newest.len(), 6);
    assert!(newest.values().is_sorted(), "{newest:?}");
}

/// Etags in the truth are those of the manifests, and an export that is not in the truth is the very
/// one of the version before.
#[test]
fn restated_exports_have_another_etag_and_the_others_are_the_same_bytes() {
    let folder = months();
    let manifest = |version: &str, dataset: &str, invoice: &str| {
        let path = folder.join("2026-11").join(version).join(dataset);
        let path = path.join("v2").join(invoice).join("manifest.json");
        std::fs::read_to_string(path).unwrap()
    };
    let restated: Vec<_> = rows(folder, "restatements")
        .into_iter()
        .filter(|row| row["period"] == "2026-11" && row["version"] == "2")
        .collect();
    let mut kept = 0;
    for (dataset, name) in [("usage", "usage"), ("recon", "invoice_lines")] {
        let exports = folder.join("2026-11/1").join(dataset).join("v2");
        for entry in std::fs::read_dir(exports).unwrap() {
            let invoice = entry.unwrap().file_name().into_string().unwrap();
            let [old, new] = ["1", "2"].map(|version| manifest(version, dataset, &invoice));
            let row = restated
                .iter()
                .find(|row| row["dataset"] == name && row["invoice_number"] == invoice);
            let Some(row) = row else {
                assert_eq!(old, new);
                kept += 1;
                continue;
            };
            assert!(old.contains(&row["etag_before"]), "{row:?}");
            assert!(new.contains(&row["etag_after"]), "{row:?}");
            assert_ne!(row["etag_before"], row["etag_after"]);
        }
    }
    assert!(kept > 0 && restated.len() > 1, "{kept} {restated:?}");
}

/// A night on a day of the service: exit code, and number of breaks of usage and lines.
fn night(house: &House, day: &str) -> (Option<i32>, Option<Breaks>) {
    let server = serve(Settings {
        data: months().to_owned(),
        as_of: Some(day.parse().unwrap()),
        ..settings()
    });
    let mut command = house.command("run", &[]);
    command.env("TIEOUT_TODAY", day);
    let sandbox = format!("partner_center.sandbox=http://{server}");
    command.args(["--set", &sandbox]);
    let output = command.output().unwrap();
    let code = output.status.code();
    assert!(
        code.is_some_and(|code| code < 13),
        "{day}: {}",
        stderr(&output)
    );
    let current = house.path("out").join("current");
    let breaks = current.exists().then(|| {
        let variances = Published::read(&current, "variances");
        let columns: Vec<&str> = KEYS
            .into_iter()
            .chain(["variance_amount", "status"])
            .collect();
        let mut breaks = Breaks::new();
        for row in variances.columns(&columns) {
            if row[10] == "break" && row[0] == "usage-to-invoice" {
                *breaks.entry(row[..9].to_vec()).or_default() += units(&row[9]);
            }
        }
        breaks
    });
    (code, breaks)
}

#[test]
fn the_sandbox_serves_what_the_day_has() {
    let house = House::new(serve(Settings {
        data: months().to_owned(),
        as_of: Some("2026-11-05".parse().unwrap()),
        ..settings()
    }));
    let wanted = |version: &str| -> Breaks {
        let rows = rows(months(), "breaks").into_iter();
        let rows = rows.filter(|row| {
            row["period"] == "2026-10"
                && row["version"] == version
                && row["tie_out"] == "usage-to-invoice"
        });
        rows.map(|row| (key(&row), units(&row["amount"]))).collect()
    };
    assert_eq!(night(&house, "2026-11-05"), (Some(12), None));
    // Lines without usage.
    assert_eq!(night(&house, "2026-11-06").0, Some(11));
    let complete = night(&house, "2026-11-08");
    assert_eq!(complete.0, Some(0));
    assert_eq!(complete.1.unwrap(), wanted("1"));
    assert_eq!(night(&house, "2026-11-09").1.unwrap(), wanted("1"));
    assert_eq!(night(&house, "2026-11-10").1.unwrap(), wanted("2"));
    assert_ne!(wanted("1"), wanted("2"));
}
