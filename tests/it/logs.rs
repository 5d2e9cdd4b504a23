//! The log in JSON: whatever goes to stderr is an object a line, and stdout stays as it is.

use std::process::Output;

use serde_json::Value;

use crate::program::{program, stderr};

fn tieout(arguments: &[&str]) -> Output {
    let mut command = program(arguments);
    command.env_remove("TIEOUT_LOG").output().unwrap()
}

/// The lines of a log, each of which must be an object with time, level and message.
fn events(output: &Output) -> Vec<Value> {
    let events: Vec<Value> = stderr(output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    for event in &events {
        let text = |name: &str| event[name].as_str().unwrap_or_else(|| panic!("{event}"));
        let time = text("time");
        assert!(time.len() == "2026-11-21T04:15:00.000Z".len() && time.ends_with('Z'));
        assert!(["debug", "info", "warning", "error"].contains(&text("level")));
        assert!(!text("message").is_empty());
    }
    events
}

#[test]
fn a_run_tells_in_json_what_it_tells_in_text() {
    let out = tempfile::tempdir().unwrap();
    let folder = |name: &str| out.path().join(name).to_str().unwrap().to_owned();
    let (text, json) = (folder("text"), folder("json"));
    let run = |out: &str, more: &[&str]| {
        let run = ["run", "pipelines/sample.toml", "--profile", "--out", out];
        tieout(&[&run[..], more].concat())
    };
    let as_text = run(&text, &[]);
    let as_json = run(&json, &["--log", "json"]);
    assert_eq!(as_text.status.code(), as_json.status.code());
    let stdout =
        |output: &Output, out: &str| String::from_utf8_lossy(&output.stdout).replace(out, "OUT");
    assert_eq!(stdout(&as_text, &text), stdout(&as_json, &json));
    let events = events(&as_json);
    let profile = events
        .iter()
        .find(|event| event["phase"] == "publish")
        .expect("a phase");
    assert!(profile["wall_seconds"].is_string() && profile["level"] == "info");
}

#[test]
fn failures_are_one_event_with_code_causes_and_hint() {
    let missing = tieout(&["--log", "json", "run", "no/such.toml"]);
    let found = events(&missing);
    assert_eq!((missing.status.code(), found.len()), (Some(2), 1));
    assert!(found[0]["level"] == "error" && found[0]["exit_code"] == 2);
    let message = found[0]["message"].as_str().unwrap();
    assert!(!message.starts_with("error") && message.contains("no/such.toml"));
    assert!(!message.contains("hint") && found[0]["hint"].is_string());
    // A wrong command line, before anything of it is known.
    let wrong = tieout(&["--log=json", "schema", "--nonsense"]);
    let found = events(&wrong);
    assert_eq!((wrong.status.code(), found.len()), (Some(2), 1));
    let hinted = tieout(&["--log", "json", "schema", "varainces"]);
    let found = events(&hinted);
    assert_eq!(found[0]["hint"], "did you mean `variances`?");
    let by_variable = program(&["schema", "varainces"])
        .env("TIEOUT_LOG", "json")
        .output()
        .unwrap();
    assert_eq!(events(&by_variable)[0]["hint"], "did you mean `variances`?");
}

#[test]
fn warnings_and_rejected_rows_are_events() {
    let out = tempfile::tempdir().unwrap();
    let done = tieout(&[
        "reconcile",
        "--log",
        "json",
        "--usage",
        "samples/faulty/amount-nan/usage.csv",
        "--invoice-lines",
        "samples/month/invoice-lines.csv",
        "--period",
        "2020-01",
        "--out",
        out.path().to_str().unwrap(),
    ]);
    let found = events(&done);
    assert!(
        found.iter().any(|event| event["level"] == "warning"),
        "{}",
        stderr(&done)
    );
}
