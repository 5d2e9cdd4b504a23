//! Fetching over HTTP, against the sandbox: every endpoint, resumption, restatement, locks, and who
//! is given a token.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use crate::served::{House, reference, serve, served, settings, stderr};
use tieout::sandbox::faults::{Fault, Faults};

fn report(house: &House, more: &[&str]) -> serde_json::Value {
    let output = house.run("fetch", &[&["--json"], more].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Rows and parts of a dataset.
fn counts(report: &serde_json::Value) -> BTreeMap<String, (u64, u64)> {
    let rows = report["datasets"].as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["dataset"].as_str().unwrap().to_owned(),
            (
                row["parts"].as_u64().unwrap(),
                row["rows"].as_u64().unwrap(),
            ),
        )
    })
    .collect()
}

#[test]
fn a_nightly_run_publishes_what_reconcile_makes_of_the_files() {
    let house = House::new(serve(settings()));
    let output = house.run("run", &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(house.tables().unwrap(), reference());
}

#[test]
fn a_month_end_publishes_the_same() {
    let house = House::new(serve(settings()));
    let close = house.command("run", &["--fail-on-breaks"]);
    // The same arguments, on the other pipeline.
    let arguments: Vec<_> = close.get_args().map(std::ffi::OsStr::to_owned).collect();
    let mut process = std::process::Command::new(close.get_program());
    process.args(arguments.into_iter().map(|text| {
        if text == "pipelines/nightly.toml" {
            "pipelines/month-end.toml".into()
        } else {
            text
        }
    }));
    let output = process
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TIEOUT_TODAY", crate::served::TODAY)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(10), "{}", stderr(&output));
    assert_eq!(house.tables().unwrap(), reference());
}

#[test]
fn a_month_without_an_invoice_is_not_published() {
    let house = House::new(serve(settings()));
    let mut early = std::process::Command::new(env!("CARGO_BIN_EXE_tieout"));
    early.args([
        "run",
        "pipelines/month-end.toml",
        "--period",
        "current",
        "--set",
    ]);
    early.arg(format!("partner_center.sandbox=http://{}", house.address));
    for (key, folder) in [("state", "state"), ("out", "out")] {
        early.args(["--set", &format!("{key}={}", house.path(folder).display())]);
    }
    let output = early
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TIEOUT_TODAY", crate::served::TODAY)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(11), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("The invoices of 2026-11: found none yet"),
        "{}",
        stderr(&output)
    );
    assert!(house.tables().is_none());
}

#[test]
fn v1_pages_come_to_the_same_tables() {
    let house = House::new(serve(settings()));
    let output = house.run("run", &["--set", "partner_center.api=v1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(house.tables().unwrap(), reference());
}

#[test]
fn every_endpoint_is_fetched_to_its_last_row() {
    let house = House::new(serve(settings()));
    let found = counts(&report(&house, &[]));
    let rows = |dataset: &str| found.get(dataset).unwrap_or_else(|| panic!("{dataset}")).1;
    assert_eq!(
        (
            rows("usage"),
            rows("office_lines"),
            rows("azure_lines"),
            rows("azure_usage_lines")
        ),
        (5_000, 2_500, 120, 599)
    );
    // Two classic subscriptions, 300 records by day and 1,100 by hour each.
    assert_eq!((rows("utilization"), found["utilization"].0), (2_800, 6));
    assert_eq!(
        (
            rows("customers"),
            rows("usage_budget"),
            rows("customer_usage_records")
        ),
        (8, 8, 8)
    );
    assert_eq!(
        (
            found["office_lines"].0,
            found["statements"].0,
            rows("invoice"),
            rows("estimate_links")
        ),
        (2, 3, 3, 8)
    );
    assert_eq!(
        (
            rows("rate_card"),
            rows("shared_rate_card"),
            rows("invoice_summaries"),
            rows("partner_usage_summary")
        ),
        (2, 2, 3, 1)
    );
    let other = [
        "subscriptions",
        "azure_entitlements",
        "customer_usage_summary",
        "subscription_usage_summary",
        "subscription_usage_records",
        "meter_usage_records",
        "resource_usage_records",
        "classic_usage_records",
        "invoices",
        "invoice_lines",
        "unbilled_usage",
        "unbilled_lines",
    ];
    assert!(other.into_iter().all(|dataset| rows(dataset) > 0));
    // The other generation has the same rows, in pages.
    let by_pages = counts(&report(
        &House::new(house.address),
        &["--set", "partner_center.api=v1"],
    ));
    for dataset in ["usage", "invoice_lines", "unbilled_usage", "unbilled_lines"] {
        assert_eq!(by_pages[dataset].1, found[dataset].1, "{dataset}");
    }
    assert!(
        by_pages["usage"].0 == 3 && by_pages["unbilled_usage"].0 == 3,
        "{by_pages:?}"
    );
}

#[test]
fn what_is_complete_is_not_fetched_again() {
    let house = House::new(serve(settings()));
    let first = report(&house, &[]);
    let second = report(&house, &[]);
    assert!(first["requests"].as_u64().unwrap() > 100);
    assert_eq!(
        (second["requests"].as_u64(), second["bytes"].as_u64()),
        (Some(0), Some(0))
    );
    assert_eq!(counts(&first), counts(&second));
    // The day after, snapshots are taken anew, and exports are asked for their version only.
    let mut tomorrow = house.command("fetch", &["--json"]);
    let third: serde_json::Value = serde_json::from_slice(
        &tomorrow
            .env("TIEOUT_TODAY", "2026-11-22")
            .output()
            .unwrap()
            .stdout,
    )
    .unwrap();
    let of = |dataset: &str| {
        third["datasets"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["dataset"] == dataset)
            .unwrap()
            .clone()
    };
    assert_eq!(
        (
            of("usage")["unchanged"].as_u64(),
            of("customers")["unchanged"].as_u64()
        ),
        (Some(2), Some(0))
    );
    assert!(third["bytes"].as_u64() < first["bytes"].as_u64());
}

/// The tenant, with one usage row less and a new version of that export.
fn restated_tenant(folder: &std::path::Path) {
    let status = std::process::Command::new("cp")
        .arg("-r")
        .arg(crate::served::tenant())
        .arg(folder)
        .status()
        .unwrap();
    assert!(status.success());
    let export = std::fs::read_dir(folder.join("usage/v2"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .min()
        .unwrap();
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(export.join("manifest.json")).unwrap()).unwrap();
    let blob = export.join(manifest["blobs"][0]["name"].as_str().unwrap());
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(&blob).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(rest.as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    manifest["eTag"] = "restated".into();
    manifest["blobs"][0]["itemCount"] = rest.lines().count().into();
    manifest["blobs"][0]["sizeInBytes"] = bytes.len().into();
    std::fs::write(&blob, bytes).unwrap();
    std::fs::write(export.join("manifest.json"), manifest.to_string()).unwrap();
}

#[test]
fn eight_workers_ask_for_a_token_once() {
    let house = House::new(serve(tieout::sandbox::Settings {
        latency_ms: 10,
        ..settings()
    }));
    let asked = |output: &std::process::Output| {
        stderr(output)
            .lines()
            .filter(|line| line.contains("/token: 200"))
            .count()
    };
    // One for the application, one for the user, one for Graph.
    let output = house.run("fetch", &["-v"]);
    assert_eq!((output.status.code(), asked(&output)), (Some(0), 3));
    // Revoked in the middle, for one path of each kind after the other, each is renewed, and not by all at once.
    let mut revoking = settings();
    revoking.faults = Faults::new(vec![Fault::Unauthorized], 2, 20);
    let other = House::new(serve(revoking));
    let output = other.run("fetch", &["-v"]);
    let revoked = served(other.address)
        .into_iter()
        .map(|(_, count)| count)
        .sum::<u64>();
    assert!(
        output.status.success() && revoked > 0,
        "{}",
        stderr(&output)
    );
    assert!(
        asked(&output) as u64 <= 3 + revoked,
        "{} for {revoked}",
        asked(&output)
    );
}

#[test]
fn a_restated_export_lies_beside_the_version_before() {
    let house = House::new(serve(settings()));
    assert!(house.run("run", &["-q"]).status.success());
    let other = tempfile::tempdir().unwrap();
    restated_tenant(&other.path().join("tenant"));
    let address = serve(tieout::sandbox::Settings {
        data: other.path().join("tenant"),
        ..settings()
    });
    let house = House {
        folder: house.folder,
        address,
    };
    // On the same day it is not asked again; on the next it is, and is found to be another version.
    assert_eq!(report(&house, &[])["requests"], 0);
    let mut tomorrow = house.command("run", &["--json"]);
    let output = tomorrow.env("TIEOUT_TODAY", "2026-11-22").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("restated: version `restated`"),
        "{}",
        stderr(&output)
    );
    let outcome: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcome["usage_rows"], 4_999);
    let usage = outcome["fetched"]["datasets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["dataset"] == "usage")
        .unwrap();
    assert_eq!(
        (usage["restated"].as_u64(), usage["unchanged"].as_u64()),
        (Some(1), Some(1)),
        "{usage}"
    );
    // The bytes of both versions are there.
    let mut blobs = 0;
    let mut open = vec![house.path("state/landing/usage")];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if entry.is_dir() {
                open.push(entry)
            } else {
                blobs += 1
            }
        }
    }
    assert_eq!(blobs, 3);
}

#[test]
fn pages_of_two_versions_are_never_mixed() {
    let house = House::new(serve(tieout::sandbox::Settings {
        latency_ms: 80,
        ..settings()
    }));
    let journal = house.path("state/journal.jsonl");
    let mut first = house
        .command("fetch", &["-q", "--set", "partner_center.api=v1"])
        .spawn()
        .unwrap();
    // Killed when one page of several is there.
    let has_page = || {
        std::fs::read_to_string(&journal)
            .unwrap_or_default()
            .lines()
            .any(|line| line.contains("\"unit\":\"usage/v1") && line.contains("\"next\":\""))
    };
    while !has_page() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let other = tempfile::tempdir().unwrap();
    let folder = other.path().join("tenant");
    assert!(
        std::process::Command::new("cp")
            .arg("-r")
            .arg(crate::served::tenant())
            .arg(&folder)
            .status()
            .unwrap()
            .success()
    );
    for invoice in std::fs::read_dir(folder.join("usage/v1"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        let page = invoice.join("page-00001.json");
        let text = std::fs::read_to_string(&page).unwrap();
        std::fs::write(
            &page,
            text.replacen("\"usage_line_items\"", "\"restated_items\"", 1),
        )
        .unwrap();
    }
    let address = serve(tieout::sandbox::Settings {
        data: folder,
        ..settings()
    });
    let house = House {
        folder: house.folder,
        address,
    };
    let output = house.run("run", &["--set", "partner_center.api=v1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("the first page has changed"),
        "{}",
        stderr(&output)
    );
    assert_eq!(house.tables().unwrap(), reference());
}

#[test]
fn a_second_fetch_on_the_same_folder_names_the_first() {
    let house = House::new(serve(tieout::sandbox::Settings {
        latency_ms: 200,
        ..settings()
    }));
    let mut first = house
        .command("fetch", &["-q"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let lock = house.path("state/.lock");
    while std::fs::read_to_string(&lock)
        .unwrap_or_default()
        .is_empty()
    {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let second = house.run("fetch", &[]);
    let id = first.id();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.status.code(), Some(23));
    assert!(
        stderr(&second).contains(&format!("process {id}")),
        "{}",
        stderr(&second)
    );
}

#[test]
fn a_signal_ends_a_fetch_and_the_next_goes_on() {
    let house = House::new(serve(tieout::sandbox::Settings {
        latency_ms: 20,
        ..settings()
    }));
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut process = house
            .command("run", &["-q"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(250));
        std::process::Command::new("kill")
            .args([signal, &process.id().to_string()])
            .status()
            .unwrap();
        assert_eq!(process.wait().unwrap().code(), Some(code));
        assert!(house.tables().is_none());
    }
    assert!(house.run("run", &["-q"]).status.success());
    assert_eq!(house.tables().unwrap(), reference());
}

#[test]
fn a_foreign_host_is_refused_before_it_is_asked() {
    for fault in [
        Fault::ForeignNext,
        Fault::ForeignLocation,
        Fault::ForeignBlobs,
        Fault::Redirect,
        Fault::ManifestAbove,
    ] {
        let foreign = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        foreign.set_nonblocking(true).unwrap();
        let mut settings = settings();
        settings.faults = Faults::new(vec![fault], 3, 1_000);
        settings.foreign = Some(format!("http://{}", foreign.local_addr().unwrap()));
        let house = House::new(serve(settings));
        let output = house.run("run", &["-v", "--set", "partner_center.api=auto"]);
        let api = if fault == Fault::ForeignNext {
            "v1"
        } else {
            "auto"
        };
        let output = if output.status.code() == Some(24) {
            output
        } else {
            house.run(
                "run",
                &["-v", "--set", &format!("partner_center.api={api}")],
            )
        };
        assert_eq!(
            output.status.code(),
            Some(24),
            "{}: {}",
            fault.name(),
            stderr(&output)
        );
        assert!(house.tables().is_none());
        // Nobody knocked.
        assert!(foreign.accept().is_err(), "{}", fault.name());
        assert!(
            served(house.address)
                .iter()
                .any(|(name, count)| name == fault.name() && *count > 0)
        );
    }
}

#[test]
fn a_wrong_secret_is_told_as_such() {
    let house = House::new(serve(tieout::sandbox::Settings {
        secret: Some("another".to_owned()),
        ..settings()
    }));
    let output = house.run("fetch", &[]);
    assert_eq!(output.status.code(), Some(20));
    assert!(
        stderr(&output).contains("AADSTS7000215"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn landed_bytes_that_changed_are_refused() {
    let house = House::new(serve(settings()));
    assert!(house.run("run", &["-q"]).status.success());
    let mut open = vec![house.path("state/landing/usage")];
    let mut blob = None;
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if entry.is_dir() {
                open.push(entry)
            } else {
                blob = Some(entry)
            }
        }
    }
    let blob = blob.unwrap();
    let mut bytes = std::fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&blob, &bytes).unwrap();
    let output = house.run("run", &["-q"]);
    assert_eq!(output.status.code(), Some(24), "{}", stderr(&output));
    // Cut, it is no longer believed to be there, and is fetched again.
    std::fs::write(&blob, &bytes[..middle]).unwrap();
    assert!(house.run("run", &["-q"]).status.success());
    assert_eq!(house.tables().unwrap(), reference());
}
