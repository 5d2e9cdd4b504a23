//! `tieout doctor`: what it says of certificates, the store of tokens, space, the clock and today,
//! and which of it makes it fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::program::{printed, program, stderr};
use crate::served::{House, TODAY, serve, settings};

const KEY: &str = include_str!("key.pem");
const LASTING: &str = include_str!("certificates/lasting.pem");
const ENDED: &str = include_str!("certificates/ended.pem");
const STRANGE: &str = include_str!("certificates/strange.pem");

/// A file with a mode.
fn file(house: &House, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = house.path(name);
    fs::write(&path, text).unwrap();
    set_mode(&path, mode);
    path
}

fn set_mode(path: &Path, mode: u32) {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

/// A pipeline with a certificate for the application, with and without a user.
fn house() -> (House, PathBuf) {
    let house = House::new(serve(settings()));
    file(&house, "certificate", &format!("{KEY}{LASTING}"), 0o600);
    file(&house, "refresh", "a person signed in", 0o600);
    let text = format!(
        "period = \"2026-10\"\nout = \"out\"\nstate = \"state\"\n[source.usage.partner_center]\n[source.invoice_lines.partner_center]\n\
         [source.invoices.partner_center]\n[partner_center]\ntenant = \"contoso\"\nfetch = [\"invoice_summaries\"]\nsandbox = \"http://{}\"\n\
         [partner_center.app.certificate]\nclient_id = \"app\"\ncertificate = {{ file = \"certificate\" }}\n\
         [partner_center.user]\nclient_id = \"app\"\ncertificate = {{ file = \"certificate\" }}\nrefresh_token = {{ file = \"refresh\" }}\n",
        house.address
    );
    let pipeline = file(&house, "p.toml", &text, 0o644);
    (house, pipeline)
}

fn doctor(pipeline: &Path, more: &[&str], today: Option<&str>) -> Output {
    let mut process = program(&["doctor"]);
    process.arg(pipeline).args(more).env_remove("TIEOUT_TODAY");
    process.envs(today.map(|today| ("TIEOUT_TODAY", today)));
    process.output().unwrap()
}

/// The findings of a doctor by the beginning of their names, with the exit code.
fn findings(pipeline: &Path) -> (i32, Vec<Value>) {
    let output = doctor(pipeline, &["--json"], None);
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    (output.status.code().unwrap(), found)
}

/// The finding whose name begins with `name`, as `gravity: words`.
fn of(found: &[Value], name: &str) -> String {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
    let mut all = found
        .iter()
        .filter(|value| text(value, "what").starts_with(name));
    let value = all.next().unwrap_or_else(|| panic!("{name}: {found:#?}"));
    assert!(all.next().is_none(), "{name} twice: {found:#?}");
    assert!(
        value["hint"].is_string() || value["gravity"] == "good",
        "{value}"
    );
    format!("{}: {}", text(value, "gravity"), text(value, "found"))
}

#[test]
fn all_is_well_is_said_of_each_thing() {
    let (_house, pipeline) = house();
    let (exit, found) = findings(&pipeline);
    assert_eq!(exit, 0, "{found:#?}");
    assert_eq!(of(&found, "Certificate"), "good: good until 2096-10-11");
    assert!(of(&found, "Refresh token").starts_with("good: not used yet; written on"));
    assert_eq!(
        of(&found, "Clock"),
        "good: within a minute of the service's"
    );
    for name in [
        "Results in",
        "State in",
        "App-only: c",
        "App-only: b",
        "App+User",
    ] {
        assert!(of(&found, name).starts_with("good: "), "{found:#?}");
    }
    for name in ["Space for results", "Space for fetched data"] {
        assert!(of(&found, name).contains(" free"), "{found:#?}");
    }
    // The first doctor has renewed the token.
    let (exit, found) = findings(&pipeline);
    assert_eq!(exit, 0, "{found:#?}");
    assert!(of(&found, "Refresh token").starts_with("good: renewed on"));
}

#[test]
fn certificates_are_looked_into() {
    let (house, pipeline) = house();
    let nonsense = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n";
    let cases = [
        (ENDED, "bad: ended on 2020-02-29"),
        (STRANGE, "bad: found the private key of another certificate"),
        (nonsense, "bad: found bytes that are no X.509 certificate"),
    ];
    for (certificate, words) in cases {
        file(&house, "certificate", &format!("{KEY}{certificate}"), 0o600);
        let (exit, found) = findings(&pipeline);
        assert_eq!(exit, 20, "{found:#?}");
        assert_eq!(of(&found, "Certificate"), words);
    }
}

#[cfg(unix)]
#[test]
fn the_store_of_tokens_is_closed_to_others_and_young() {
    let (house, pipeline) = house();
    assert_eq!(findings(&pipeline).0, 0);
    let mut stored = fs::read_dir(house.path("state/credentials")).unwrap();
    let stored = stored.next().unwrap().unwrap().path();
    let written_before = |days: u64| {
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(days * 86_400);
        let file = fs::File::options().write(true).open(&stored).unwrap();
        file.set_modified(then).unwrap();
        let (exit, found) = findings(&pipeline);
        assert_eq!(exit, 0, "{found:#?}");
        of(&found, "Refresh token")
    };
    assert!(written_before(59).starts_with("good: renewed on"));
    assert!(written_before(61).starts_with("warning: renewed on"));
    assert!(written_before(91).contains("unused for 90 days, it ended on"));
    set_mode(&stored, 0o644);
    let (exit, found) = findings(&pipeline);
    assert_eq!(exit, 20, "{found:#?}");
    let words = of(&found, "Refresh token");
    assert_eq!(words, "bad: found a file that others can read (mode 644)");
    // Whoever signs in again makes the stored one void.
    set_mode(&stored, 0o600);
    file(&house, "refresh", "signed in once more", 0o600);
    let (exit, found) = findings(&pipeline);
    assert_eq!(exit, 0, "{found:#?}");
    assert!(of(&found, "Refresh token").starts_with("good: not used yet"));
}

#[test]
fn a_user_that_no_tie_out_needs_is_a_warning_with_what_it_costs() {
    let (house, pipeline) = house();
    file(&house, "refresh", "sandbox-refresh-never-issued", 0o600);
    let (exit, found) = findings(&pipeline);
    assert_eq!(exit, 0, "{found:#?}");
    assert!(of(&found, "App+User").starts_with("warning: "));
    let user = found
        .iter()
        .find(|value| value["what"] == "App+User: balances of Partner Center");
    let costs = serde_json::json!({"tie_outs": [], "datasets": ["invoice_summaries"]});
    assert_eq!(user.unwrap()["costs"], costs);
}

#[test]
fn a_service_that_is_away_is_no_credential() {
    let (_house, pipeline) = house();
    let away = [
        "partner_center.sandbox=http://127.0.0.1:9",
        "partner_center.patience.attempts=1",
        "partner_center.patience.backoff_ms=1",
    ];
    let flags: Vec<&str> = away.iter().flat_map(|set| ["--set", *set]).collect();
    let output = doctor(&pipeline, &flags, None);
    let words = printed(&output);
    assert_eq!(output.status.code(), Some(21), "{words}");
    assert!(
        words.contains("warn  Clock: not compared") && !words.contains("costs:"),
        "{words}"
    );
}

#[test]
fn a_rehearsed_day_is_told_and_nonsense_is_refused() {
    let (_house, pipeline) = house();
    let output = doctor(&pipeline, &[], Some(TODAY));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let words = printed(&output);
    assert!(
        words.contains("warn  Today: 2026-11-21, by `TIEOUT_TODAY`"),
        "{words}"
    );
    for day in ["2026-02-30", "11/21/2026", "soon", ""] {
        for command in ["doctor", "fetch", "run"] {
            let output = program(&[command])
                .arg(&pipeline)
                .env("TIEOUT_TODAY", day)
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(2), "{command} {day}");
            assert_eq!(
                stderr(&output),
                format!(
                    "error: The environment variable `TIEOUT_TODAY`: found `{day}`, wanted a day, such as `2026-11-21`\n\
                     hint: unset it, unless this is a rehearsal of another day\n"
                )
            );
        }
    }
}

#[test]
fn what_is_printed_keeps_to_80_columns() {
    let (house, pipeline) = house();
    file(&house, "certificate", &format!("{KEY}{STRANGE}"), 0o644);
    let output = doctor(&pipeline, &[], None);
    assert_eq!(output.status.code(), Some(20), "{output:?}");
    for line in printed(&output).lines() {
        let is_path = line.contains(house.folder.path().to_str().unwrap());
        assert!(line.chars().count() <= 80 || is_path, "{line}");
    }
}
