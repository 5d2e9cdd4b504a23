//! Formats of what outlives a release: a ledger, a state folder and a journal of a later one are
//! refused by name, and stay as they are; a journal of an older one is read.

use std::fs;

use rusqlite::Connection;

use crate::program::{program, stderr};
use crate::served::{House, serve, settings};

#[test]
fn a_ledger_of_a_later_release_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let run = ["run", "pipelines/sample.toml", "--out", out];
    assert!(program(&run).output().unwrap().status.success());
    let path = folder.path().join("ledger.db");
    let version = |set: Option<i64>| {
        let ledger = Connection::open(&path).unwrap();
        if let Some(version) = set {
            ledger.pragma_update(None, "user_version", version).unwrap();
        }
        ledger
            .query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let ours = version(None);
    version(Some(ours + 1));
    let bytes = fs::read(&path).unwrap();
    for command in [
        &run[..],
        &["status", "--out", out],
        &["verify", "--out", out],
    ] {
        let refused = program(command).output().unwrap();
        let words = stderr(&refused);
        assert_eq!(refused.status.code(), Some(2), "{words}");
        let found = format!(
            "found a ledger of format {}, wanted {ours} or earlier",
            ours + 1
        );
        assert!(
            words.contains(&found) && words.contains("hint: use the release that wrote it"),
            "{words}"
        );
    }
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_state_folder_of_a_later_release_is_refused() {
    let house = House::new(serve(settings()));
    assert!(house.run("fetch", &["-q"]).status.success());
    let owner = house.path("state/identity.json");
    let ours = fs::read_to_string(&owner).unwrap();
    let later = ours.replace("\"format\":1", "\"format\":2,\"more\":[]");
    assert_ne!(ours, later);
    fs::write(&owner, later).unwrap();
    let refused = house.run("fetch", &[]);
    let words = stderr(&refused);
    assert_eq!(refused.status.code(), Some(24), "{words}");
    assert!(
        words.contains("found a state folder of format 2, wanted format 1")
            && words.contains("hint: use the release of tieout that wrote it"),
        "{words}"
    );
}

#[test]
fn a_journal_with_steps_of_a_later_release_is_refused_and_an_older_one_is_read() {
    let house = House::new(serve(settings()));
    assert!(house.run("fetch", &["-q"]).status.success());
    let usual = house.report(&[])["requests"].clone();
    let path = house.path("state/journal.jsonl");
    let ours = fs::read_to_string(&path).unwrap();
    let sealed = |text: &str| {
        let check = blake3::hash(text.as_bytes()).to_hex();
        format!("{text}\t{}\n", &check[..16])
    };
    // A step that no release has yet, whole to the last byte: damage is told in other words.
    let step = sealed(r#"{"unit":"invoices","step":"superseded","by":"a later one"}"#);
    fs::write(&path, ours.clone() + &step).unwrap();
    let refused = house.run("fetch", &[]);
    let words = stderr(&refused);
    assert_eq!(refused.status.code(), Some(24), "{words}");
    assert!(
        words.contains("wanted a journal of this release or an older one")
            && words.contains("hint: use the release of tieout that wrote it"),
        "{words}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), ours.clone() + &step);
    // Older releases wrote completions without a proof: such a journal is read, and nothing that is
    // complete is asked for again.
    let older: String = ours
        .lines()
        .map(|line| {
            let (text, _) = line.split_once('\t').unwrap();
            let mut step: serde_json::Value = serde_json::from_str(text).unwrap();
            step.as_object_mut().unwrap().remove("proof");
            sealed(&step.to_string())
        })
        .collect();
    assert_ne!(ours, older);
    fs::write(&path, older).unwrap();
    assert_eq!(house.report(&[])["requests"], usual);
}
