//! A fetch that is stopped, repeated, locked out, or meets other data than before: nothing complete
//! is fetched again, versions are never mixed, and the next fetch continues where the last one
//! stopped.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;
use tieout::sandbox::Settings;

use crate::program::{files_below, stderr};
use crate::served::{House, counts, dataset, reference, serve, settings, tenant};
use crate::sheets::gzip;

#[test]
fn complete_units_are_not_fetched_again() {
    let house = House::new(serve(settings()));
    let first = house.report(&[]);
    let second = house.report(&[]);
    assert!(first["requests"].as_u64().unwrap() > 100);
    assert_eq!(
        (second["requests"].as_u64(), second["bytes"].as_u64()),
        (Some(0), Some(0))
    );
    assert_eq!(counts(&first), counts(&second));
    // The day after, snapshots are taken again, and exports are only asked for their version.
    let mut tomorrow = house.command("fetch", &["--json"]);
    let third: serde_json::Value = serde_json::from_slice(
        &tomorrow
            .env("TIEOUT_TODAY", "2026-11-22")
            .output()
            .unwrap()
            .stdout,
    )
    .unwrap();
    let unchanged = |name: &str| dataset(&third, name)["unchanged"].as_u64();
    assert_eq!(
        (unchanged("usage"), unchanged("customers")),
        (Some(6), Some(0))
    );
    assert!(third["bytes"].as_u64() < first["bytes"].as_u64());
}

#[test]
fn a_restated_export_lies_beside_the_version_before() {
    let house = House::new(serve(settings()));
    // As long as the period is provisional, Microsoft is asked each day.
    let mut first = house.command("run", &["-q"]);
    assert!(
        first
            .env("TIEOUT_TODAY", "2026-11-10")
            .status()
            .unwrap()
            .success()
    );
    let other = tempfile::tempdir().unwrap();
    let restated = copy_of_tenant(&other);
    restate_an_export(&restated);
    let address = serve(Settings {
        data: restated,
        ..settings()
    });
    let house = House {
        folder: house.folder,
        address,
    };
    // The export is not asked for on the same day; on the next day it is, and has another version.
    let mut again = house.command("fetch", &["--json"]);
    let same_day = again.env("TIEOUT_TODAY", "2026-11-10").output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&same_day.stdout).unwrap();
    assert_eq!(report["finality"], "provisional");
    // But for an amendment of which there was nothing, which is no proof as long as it is provisional: it is
    // asked for as often as patience allows.
    assert!(report["requests"].as_u64().unwrap() < 20, "{report}");
    assert_eq!(dataset(&report, "usage")["unchanged"], 6);
    let mut tomorrow = house.command("run", &["--json"]);
    let output = tomorrow.env("TIEOUT_TODAY", "2026-11-11").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("restated: version `restated`"),
        "{}",
        stderr(&output)
    );
    let outcome: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcome["usage_rows"], 4_999);
    let usage = dataset(&outcome["fetched"], "usage");
    assert_eq!(
        (usage["restated"].as_u64(), usage["unchanged"].as_u64()),
        (Some(1), Some(2)),
        "{usage}"
    );
    // The bytes of both versions are kept.
    let blobs = files_below(&house.path("state/landing/usage"));
    assert_eq!(blobs.len(), 4);
}

#[test]
fn pages_of_two_versions_are_never_mixed() {
    let house = House::new(serve(Settings {
        latency_ms: 80,
        ..settings()
    }));
    let journal = house.path("state/journal.jsonl");
    let mut first = house
        .command("fetch", &["-q", "--set", "partner_center.api=v1"])
        .spawn()
        .unwrap();
    // The fetch is killed as soon as one page of several is journalled.
    let has_page = || {
        fs::read_to_string(&journal)
            .unwrap_or_default()
            .lines()
            .any(|line| line.contains("\"unit\":\"usage/v1") && line.contains("\"next\":\""))
    };
    while !has_page() {
        sleep(Duration::from_millis(2));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let other = tempfile::tempdir().unwrap();
    let folder = copy_of_tenant(&other);
    for invoice in fs::read_dir(folder.join("usage/v1"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        let page = invoice.join("page-00001.json");
        let text = fs::read_to_string(&page).unwrap();
        fs::write(
            &page,
            text.replacen("\"usage_line_items\"", "\"restated_items\"", 1),
        )
        .unwrap();
    }
    let address = serve(Settings {
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
    let house = House::new(serve(Settings {
        latency_ms: 200,
        ..settings()
    }));
    let mut first = house
        .command("fetch", &["-q"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let lock = house.path("state/.lock");
    while fs::read_to_string(&lock).unwrap_or_default().is_empty() {
        sleep(Duration::from_millis(5));
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
fn a_signal_ends_a_fetch_and_the_next_one_continues() {
    let house = House::new(serve(Settings {
        latency_ms: 20,
        ..settings()
    }));
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut process = house
            .command("run", &["-q"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(250));
        Command::new("kill")
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
fn landed_bytes_that_changed_are_refused() {
    let house = House::new(serve(settings()));
    assert!(house.run("run", &["-q"]).status.success());
    let blob = files_below(&house.path("state/landing/usage")).remove(0);
    let mut bytes = fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&blob, &bytes).unwrap();
    let output = house.run("run", &["-q"]);
    assert_eq!(output.status.code(), Some(24), "{}", stderr(&output));
    // A blob that is cut counts as missing, and is fetched again.
    fs::write(&blob, &bytes[..middle]).unwrap();
    assert!(house.run("run", &["-q"]).status.success());
    assert_eq!(house.tables().unwrap(), reference());
}

/// A copy of the tenant's data, to be changed.
fn copy_of_tenant(folder: &TempDir) -> PathBuf {
    let copy = folder.path().join("tenant");
    let status = Command::new("cp")
        .arg("-r")
        .arg(tenant())
        .arg(&copy)
        .status()
        .unwrap();
    assert!(status.success());
    copy
}

/// Takes one usage row out of an export, and gives the export a new version.
fn restate_an_export(folder: &Path) {
    let export = fs::read_dir(folder.join("usage/v2"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .min()
        .unwrap();
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(export.join("manifest.json")).unwrap()).unwrap();
    let blob = export.join(manifest["blobs"][0]["name"].as_str().unwrap());
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(&blob).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    let bytes = gzip(rest.as_bytes());
    manifest["eTag"] = "restated".into();
    manifest["blobs"][0]["itemCount"] = rest.lines().count().into();
    manifest["blobs"][0]["sizeInBytes"] = bytes.len().into();
    fs::write(&blob, bytes).unwrap();
    fs::write(export.join("manifest.json"), manifest.to_string()).unwrap();
}
