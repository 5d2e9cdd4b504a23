//! The state folder over many nights: whose it is, what a damaged journal leaves, and what `prune`
//! removes. Damage at every byte is tested beside the journal itself.

use std::fs;
use std::path::Path;

use tieout::sources::failure::FetchError;
use tieout::sources::identity::account::{Account, RetryPolicy};
use tieout::sources::identity::cloud::{Addresses, CLOUDS};
use tieout::sources::landing::{Landing, StateOwner};

use crate::program::{files_below, program, stderr};
use crate::served::{House, TODAY, serve, settings};

/// A state folder of a sandbox's tenant.
pub(crate) fn open_state(folder: &Path) -> Result<Landing, FetchError> {
    let account = Account {
        tenant: "contoso".to_owned(),
        addresses: Addresses::of(&CLOUDS[0], Some("http://127.0.0.1:1")).unwrap(),
        app: None,
        user: None,
        patience: RetryPolicy::default(),
        sheets_audience: String::new(),
        requests_per_second: std::num::NonZeroU32::MIN,
        workers: 1,
        read_timeout_ms: 1,
        request_timeout_ms: 1,
    };
    Landing::open(folder, &StateOwner::of(&account)).map(|(landing, _)| landing)
}

/// A command on a day.
fn on(house: &House, day: &str, command: &str, more: &[&str]) -> std::process::Output {
    let mut command = house.command(command, more);
    command.env("TIEOUT_TODAY", day).output().unwrap()
}

fn json(output: &std::process::Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

/// Names of the files in the landing.
fn landed(house: &House) -> Vec<std::path::PathBuf> {
    let mut files = files_below(&house.path("state/landing"));
    files.sort();
    files
}

/// The arguments of `prune` on the nightly pipeline of a house.
fn prune(house: &House, day: &str, more: &[&str]) -> std::process::Output {
    let set = [
        format!("partner_center.sandbox=http://{}", house.address),
        format!("state={}", house.path("state").display()),
        format!("out={}", house.path("out").display()),
    ];
    let mut command = program(&["prune", "pipelines/nightly.toml"]);
    for setting in &set {
        command.args(["--set", setting]);
    }
    let command = command.args(more).env("TIEOUT_TODAY", day);
    for name in ["TIEOUT_TENANT", "TIEOUT_CLIENT_ID"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

#[test]
fn a_state_folder_is_refused_to_another_tenant_and_cloud() {
    let house = House::new(serve(settings()));
    let first = house.run("fetch", &["-q"]);
    assert!(first.status.success(), "{}", stderr(&first));
    let journal = fs::read(house.path("state/journal.jsonl")).unwrap();
    for other in [
        "partner_center.tenant=fabrikam",
        "partner_center.cloud=21vianet",
    ] {
        for command in ["fetch", "run"] {
            let refused = house.run(command, &["--set", other]);
            let words = stderr(&refused);
            assert_eq!(refused.status.code(), Some(24), "{words}");
            assert!(
                words.contains("identity.json") && words.contains("hint: give each"),
                "{words}"
            );
        }
    }
    assert_eq!(
        fs::read(house.path("state/journal.jsonl")).unwrap(),
        journal
    );
    // Another port of this machine is the same sandbox.
    let again = House {
        address: serve(settings()),
        folder: house.folder,
    };
    assert_eq!(again.report(&[])["requests"], 0);
    // A folder of an older release is adopted, which is told.
    fs::remove_file(again.path("state/identity.json")).unwrap();
    let adopted = on(&again, "2026-11-22", "fetch", &[]);
    assert!(adopted.status.success());
    assert!(
        stderr(&adopted).contains("without an owner"),
        "{}",
        stderr(&adopted)
    );
    assert!(again.path("state/identity.json").exists());
}

#[test]
fn a_night_behind_a_damaged_line_is_as_the_others() {
    let house = House::new(serve(settings()));
    assert!(house.run("run", &["-q"]).status.success());
    let path = house.path("state/journal.jsonl");
    let journal = fs::read(&path).unwrap();
    let reference = house.tables();
    // A byte, which the checksum gives back, and a stretch, which nothing does.
    for length in [1, 200] {
        let mut damaged = journal.clone();
        let middle = journal.len() / 2;
        damaged[middle..middle + length].fill(b'?');
        fs::write(&path, &damaged).unwrap();
        let output = house.run("run", &[]);
        let words = stderr(&output);
        assert!(output.status.success(), "{words}");
        assert!(words.contains("set aside in `journal.damaged`"), "{words}");
        assert_eq!(house.tables(), reference);
        assert!(
            !stderr(&house.run("run", &[])).contains("set aside"),
            "told once"
        );
    }
    let copies = fs::read_to_string(house.path("state/journal.damaged")).unwrap();
    assert!(
        copies.contains("percent_encoded") && copies.contains("????"),
        "{copies}"
    );
}

#[test]
fn prune_removes_what_nothing_needs() {
    let house = House::new(serve(settings()));
    assert!(on(&house, TODAY, "run", &["-q"]).status.success());
    for day in ["2026-11-22", "2026-11-23"] {
        assert!(on(&house, day, "fetch", &["-q"]).status.success());
    }
    let foreign = house.path("state/landing/notes.txt");
    fs::write(&foreign, "mine").unwrap();
    let before = landed(&house);
    // Within the days that are kept, nothing is removed.
    let report = json(&prune(&house, "2026-11-23", &["--json"]));
    assert_eq!(
        (&report["removed_files"], landed(&house)),
        (&0.into(), before.clone())
    );
    let dry = json(&prune(
        &house,
        "2026-11-23",
        &["--json", "--keep-days", "0", "--dry-run"],
    ));
    assert_eq!(landed(&house), before, "a dry run removes nothing");
    let report = json(&prune(
        &house,
        "2026-11-23",
        &["--json", "--keep-days", "0"],
    ));
    let after = landed(&house);
    assert_eq!(dry["kinds"], report["kinds"]);
    let removed = report["removed_files"].as_u64().unwrap();
    assert!(
        removed > 20 && report["freed_bytes"].as_u64().unwrap() > 0,
        "{report}"
    );
    assert_eq!(removed as usize, before.len() - after.len());
    let is_old = |path: &&std::path::PathBuf| {
        let path = path.display().to_string();
        // The list of invoices has not changed: its bytes are those that the run was made of.
        path.contains("@2026-11-22") && !path.contains("unbilled") && !path.contains("/invoices/")
    };
    assert!(!after.iter().any(|path| is_old(&path)), "{after:?}");
    assert!(
        foreign.exists() && report["kinds"].to_string().contains("\"run\""),
        "{report}"
    );
    // What is current is there still: the next fetch of the day asks for nothing.
    let again = json(&on(&house, "2026-11-23", "fetch", &["--json"]));
    assert_eq!(again["requests"], 0);
    // And what the run of the first day was made of.
    let text = prune(&house, "2026-11-23", &["--keep-days", "0"]);
    let words = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(words.ends_with("Removed 0 files, 0 bytes\n"), "{words}");
    let manifest = fs::read_to_string(house.path("out/current/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    for input in manifest["inputs"].as_array().unwrap() {
        let path = input["unit"].as_str().unwrap();
        assert!(Path::new(path).exists(), "{path}");
    }
}

#[test]
fn prune_refuses_where_it_cannot_know() {
    let house = House::new(serve(settings()));
    let none = prune(&house, TODAY, &[]);
    assert_eq!(none.status.code(), Some(2), "{}", stderr(&none));
    assert!(on(&house, TODAY, "run", &["-q"]).status.success());
    let files = landed(&house);
    let manifest = house.path("out/current/manifest.json");
    let text = fs::read(&manifest).unwrap();
    fs::write(&manifest, &text[..text.len() / 2]).unwrap();
    let damaged = prune(&house, "2027-01-01", &["--keep-days", "0"]);
    assert_eq!(damaged.status.code(), Some(24), "{}", stderr(&damaged));
    fs::write(&manifest, &text).unwrap();
    // A second pipeline shared the folder, and its runs are nowhere to be found.
    let outputs = house.path("state/outputs");
    let known = fs::read_to_string(&outputs).unwrap();
    fs::write(&outputs, format!("{known}/nowhere/out\n")).unwrap();
    let missing = prune(&house, "2027-01-01", &["--keep-days", "0"]);
    assert_eq!(missing.status.code(), Some(2), "{}", stderr(&missing));
    assert_eq!(landed(&house), files);
    let set = "partner_center.tenant=fabrikam";
    let other = prune(&house, TODAY, &["--set", set]);
    assert_eq!(other.status.code(), Some(24), "{}", stderr(&other));
}
