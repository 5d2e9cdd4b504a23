//! Commands that ask the ledger, and those that say a person's word: their texts in
//! `ledger_commands/`, their exit codes, what they add up to.

mod differences;
mod fixture;

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tieout::ledger::people::Word;
use tieout::ledger::runs::{RunRow, RunningRun};
use tieout::ledger::store::Ledger;

use self::fixture::{found, october, record, run_of, say};
use crate::program::{PACKAGE, is_update, program, stderr};
use crate::runs::units;

/// Runs the program on a ledger, without a name or folder in its environment.
fn ask(out: &Path, arguments: &[&str]) -> Output {
    let mut command = program(arguments);
    for name in [
        "TIEOUT_ACTOR",
        "TIEOUT_OUT",
        "TIEOUT_TODAY",
        "USER",
        "LOGNAME",
    ] {
        command.env_remove(name);
    }
    command.env("TIEOUT_TODAY", "2026-11-21");
    command.arg("--out").arg(out).output().unwrap()
}

fn text(out: &Path, arguments: &[&str]) -> String {
    let done = ask(out, arguments);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    String::from_utf8(done.stdout).unwrap()
}

fn json(out: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&text(out, &[arguments, &["--json"]].concat())).unwrap()
}

/// Holds a text against its file; `UPDATE=1` rewrites it, and a person reads the diff.
fn assert_text(name: &str, found: &str) {
    let path = Path::new(PACKAGE)
        .join("tests/it/ledger_commands")
        .join(name);
    if is_update() {
        fs::write(&path, found).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert!(wanted == found, "{name}: wanted\n{wanted}found\n{found}");
}

#[test]
fn texts_are_as_they_were() {
    let out = october();
    let cases: [(&str, &[&str]); 13] = [
        ("runs", &["runs"]),
        (
            "runs-of-a-period",
            &["runs", "--period", "2026-10", "--limit", "2"],
        ),
        ("list", &["breaks", "list"]),
        (
            "list-new",
            &["breaks", "list", "--new", "--period", "2026-10"],
        ),
        (
            "list-anna",
            &[
                "breaks", "list", "--open", "--owner", "Anna", "--over", "100",
            ],
        ),
        (
            "list-resolved",
            &["breaks", "list", "--resolved", "--customer", "contoso 2"],
        ),
        ("list-none", &["breaks", "list", "--cause", "fx"]),
        ("show", &["breaks", "show", "B0000000000000001"]),
        ("show-accepted", &["breaks", "show", "B0000000000000005.2"]),
        ("rollforward", &["rollforward"]),
        ("rollforward-of-a-period", &["rollforward", "2026-10"]),
        ("restatements", &["restatements", "2026-10"]),
        ("accruals", &["accruals", "2026-10"]),
    ];
    for (name, arguments) in cases {
        let found = text(out.path(), arguments);
        assert_text(name, &found);
        for line in found.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
}

#[test]
fn a_list_of_long_names_fits_80_columns() {
    let out = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(out.path()).unwrap();
    let long = |digit, period: &str, pipeline: &str| {
        let mut one = found(
            digit,
            "unbilled-to-billed",
            "EUR",
            "partner_earned_credit",
            "-98765432109.87",
        );
        one.customer_name =
            "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk GmbH & Co. KG".to_owned();
        one.meter_description = "Virtual_Machines_Dadsv5_Series_D96ads_v5_Spot_EU_West".to_owned();
        one.informs = true;
        let row = RunRow {
            pipeline: pipeline.to_owned(),
            ..run_of(period, "2026-11-08")
        };
        (row, one)
    };
    for (row, one) in [
        long(1, "2026-09..2026-10", "a-pipeline-with-quite-a-long-name"),
        long(2, "2026-10", "another-pipeline-with-a-name"),
    ] {
        record(&mut ledger, row, vec![one], "1");
    }
    let name = "annemarie.von-und-zu-langenfeld@contoso.example".to_owned();
    say(&mut ledger, 1, Word::Assign(name), "");
    say(
        &mut ledger,
        2,
        Word::Label("ask Microsoft once more, and then again".to_owned()),
        "",
    );
    let found = text(out.path(), &["breaks", "list"]);
    for line in found.lines() {
        assert!(line.chars().count() <= 80, "{line}\n{found}");
    }
    // What a person copies stands in one piece.
    for whole in [
        "B0000000000000001",
        "B0000000000000002",
        "-98,765,432,109.87",
    ] {
        assert!(found.contains(whole), "{found}");
    }
}

#[test]
fn json_has_amounts_as_text_and_foots() {
    let out = october();
    for arguments in [&["rollforward"][..], &["rollforward", "2026-10"]] {
        let balances = json(out.path(), arguments);
        let streams = balances.as_array().unwrap();
        assert_eq!(streams.len(), 1);
        for row in ["rows", "totals"]
            .iter()
            .flat_map(|name| streams[0][name].as_array().unwrap())
        {
            let of = |name: &str| units(row[name].as_str().unwrap());
            let closing = of("opening") + of("new") + of("moved") - of("resolved") - of("accepted");
            assert_eq!(closing, of("closing"), "{row}");
            assert_eq!(of("difference"), 0);
        }
    }
    let list = json(
        out.path(),
        &["breaks", "list", "--resolved", "--open", "--accepted"],
    );
    assert_eq!(list["breaks"].as_array().unwrap().len(), 7);
    let sizes: Vec<i128> = list["breaks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["currency"] == "EUR" && row["tie_out"] == "usage-to-invoice")
        .map(|row| units(row["amount_now"].as_str().unwrap()).abs())
        .collect();
    assert!(sizes.is_sorted_by(|one, next| one >= next), "{sizes:?}");
    let net: i128 = list["breaks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["currency"] == "USD")
        .map(|row| units(row["amount_now"].as_str().unwrap()))
        .sum();
    let of_usd = list["sums"]
        .as_array()
        .unwrap()
        .iter()
        .find(|sum| sum["currency"] == "USD");
    assert_eq!(units(of_usd.unwrap()["net"].as_str().unwrap()), net);
    assert_eq!(json(out.path(), &["accruals"]).as_array().unwrap().len(), 2);
    assert_eq!(
        json(out.path(), &["restatements", "2026-11"]),
        Value::Array(Vec::new())
    );
    assert_eq!(
        json(out.path(), &["runs", "--limit", "1"])[0]["period"],
        "2026-11"
    );
}

#[test]
fn a_person_says_a_word() {
    let out = october();
    let id = "B0000000000000001";
    let done = ask(out.path(), &["breaks", "assign", id, "--to", "bert"]);
    assert_eq!(done.status.code(), Some(2), "nobody said so");
    assert_eq!(
        stderr(&done),
        "error: `--by`: found no name and no login name, wanted the person who says so\n\
         hint: name yourself with `--by`, or in the environment as TIEOUT_ACTOR\n"
    );
    // One break, twice and as a group of it, is one event.
    let group = format!("{id}.2");
    let arguments = [
        "breaks", "assign", id, id, &group, "--to", "bert", "--by", "anna",
    ];
    assert_eq!(
        text(out.path(), &arguments),
        "B0000000000000001 of 2026-10, 150.00 EUR: assigned bert\n"
    );
    let cases: [(&[&str], &str); 4] = [
        (
            &["label", id, "--label", "ask again"],
            "150.00 EUR: assigned bert, label `ask again`",
        ),
        (
            &["dispute", id, "--ticket", "42"],
            "150.00 EUR: disputed 42, label `ask again`",
        ),
        (
            &[
                "accept",
                id,
                "--reason",
                "paid",
                "--until",
                "2026-12-31",
                "--cap",
                "200",
            ],
            "150.00 EUR: accepted to 2026-12-31, up to 200.00, label `ask again`",
        ),
        (
            &["reopen", id, "--reason", "not paid"],
            "150.00 EUR: assigned bert, label `ask again`",
        ),
    ];
    for (arguments, wanted) in cases {
        let arguments = [&["breaks"], arguments, &["--by", "anna"]].concat();
        let found = text(out.path(), &arguments);
        assert_eq!(found, format!("{id} of 2026-10, {wanted}\n"));
    }
    let history = json(out.path(), &["breaks", "show", id]);
    let events = history[0]["events"].as_array().unwrap();
    let words: Vec<&str> = events
        .iter()
        .filter(|event| event["actor"] == "anna")
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        words,
        [
            "assigned", "assigned", "labelled", "disputed", "accepted", "reopened"
        ]
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let out = october();
    let by = ["--by", "anna"];
    let until = ["--reason", "r", "--until", "2026-12-31"];
    let cases: [(Vec<&str>, &str); 7] = [
        (
            [&["breaks", "accept", "B9"][..], &until, &by].concat(),
            "error: Break `B9`: found no such break in the ledger, wanted a `break_id` of a complete run",
        ),
        (
            [&["breaks", "accept", "B0000000000000002"][..], &until, &by].concat(),
            "error: Break `B0000000000000002`: found it resolved in run 2, wanted one that is there",
        ),
        (
            [
                &["breaks", "accept", "B0000000000000001", "--cap", "1"][..],
                &until,
                &by,
            ]
            .concat(),
            "found a cap of 1.0000000000, wanted 150.0000000000 or more",
        ),
        (
            vec!["breaks", "accept", "B0000000000000001", "--reason", "r"],
            "--until <YYYY-MM-DD>",
        ),
        (
            vec!["breaks", "reopen", "B0000000000000001", "--reason", " "],
            "wanted a text that is not empty",
        ),
        (
            vec!["breaks", "list", "--cause", "prices"],
            "did you mean `price`?",
        ),
        (
            vec!["rollforward", "2026-09"],
            "error: The roll-forward: found none of period 2026-09, wanted a complete run",
        ),
    ];
    for (arguments, wanted) in cases {
        let done = ask(out.path(), &arguments);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&done).contains(wanted), "{}", stderr(&done));
    }
}

#[test]
fn a_ledger_that_is_not_there_or_damaged_is_told() {
    let out = tempfile::tempdir().unwrap();
    let all: [&[&str]; 8] = [
        &["status"],
        &["runs"],
        &["diff", "1", "2"],
        &["breaks", "list"],
        &["breaks", "label", "B1", "--label", "x", "--by", "anna"],
        &["rollforward"],
        &["restatements"],
        &["accruals"],
    ];
    for arguments in all {
        let done = ask(out.path(), arguments);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&done).contains("found no `ledger.db`, wanted the ledger of its runs"));
    }
    assert!(
        fs::read_dir(out.path()).unwrap().next().is_none(),
        "nothing was made"
    );
    fs::write(out.path().join("ledger.db"), [b'x'; 9_000]).unwrap();
    for arguments in all {
        let done = ask(out.path(), arguments);
        assert_eq!(
            done.status.code(),
            Some(24),
            "{arguments:?}: {}",
            stderr(&done)
        );
    }
}

/// Time before now by some minutes, and half of one.
fn minutes_ago(minutes: i64) -> String {
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let then = now - chrono::TimeDelta::seconds(minutes * 60 + 30);
    then.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn ended(period: &str, exit_code: u8, minutes: i64) -> RunRow {
    RunRow {
        exit_code,
        finished_at: minutes_ago(minutes),
        is_complete: false,
        published: false,
        finality: String::new(),
        ..run_of(period, "2026-11-08")
    }
}

#[test]
fn status_tells_people_and_monitors() {
    let out = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(out.path()).unwrap();
    let status = |arguments: &[&str]| {
        let done = ask(out.path(), &[&["status"], arguments].concat());
        let text = String::from_utf8(done.stdout).unwrap();
        (done.status.code(), text)
    };
    assert_eq!(status(&[]), (Some(0), "No runs.\n".to_owned()));
    // That an older period failed is no fault of tonight.
    ledger
        .end_failed(ended("2026-09", 21, 50_000), true)
        .unwrap();
    let mut good = ended("2026-10", 11, 185);
    good.finality = "awaited".to_owned();
    ledger.end_failed(good, true).unwrap();
    let (exit, text) = status(&["--max-age", "26h"]);
    assert_text("status", &text);
    assert_eq!(exit, Some(0));
    let (exit, text) = status(&["--max-age", "3h"]);
    assert!(
        text.ends_with("FAIL  `nightly`, 2026-10, run 2: it ended 3 h 5 min ago\n"),
        "{text}"
    );
    assert_eq!(exit, Some(11));
    let running = RunningRun {
        started_at: minutes_ago(60),
        as_of: "2026-11-08".to_owned(),
        pipeline: "nightly".to_owned(),
        period: "2026-10".to_owned(),
        ..RunningRun::default()
    };
    ledger.begin(&running, None, &minutes_ago(60)).unwrap();
    let (exit, text) = status(&[]);
    assert!(
        text.contains("a run began 1 h 0 min ago and has not ended"),
        "{text}"
    );
    assert_eq!(
        (exit, status(&["--max-age", "30min"]).0),
        (Some(0), Some(11))
    );
    // Of a run that was killed the next one tells.
    ledger.begin(&running, None, &minutes_ago(30)).unwrap();
    let (exit, text) = status(&[]);
    assert!(
        text.contains("run 3: it did not end (it did not end: it was"),
        "{text}"
    );
    assert_eq!(exit, Some(11));
    ledger.end_failed(ended("2026-10", 0, 1), true).unwrap();
    assert_eq!(status(&[]).0, Some(0));
    // A failure before there is a period counts, too.
    ledger.end_failed(ended("", 20, 0), true).unwrap();
    let (exit, text) = status(&["--json"]);
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((exit, &found["is_good"]), (Some(11), &Value::Bool(false)));
    assert_eq!(
        found["streams"][0]["faults"][0],
        "it ended with exit code 20, no permission"
    );
}

#[test]
fn status_of_a_thousand_runs_takes_no_time() {
    // In memory where there is such a folder: each run is a commit to disk of its own.
    let memory = Path::new("/dev/shm");
    let out = match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    };
    let mut ledger = Ledger::open(out.path()).unwrap();
    for _ in 0..1_000 {
        ledger.end_failed(ended("2026-10", 0, 1), true).unwrap();
    }
    let times = (0..5).map(|_| {
        let start = std::time::Instant::now();
        text(out.path(), &["status"]);
        start.elapsed().as_millis()
    });
    let fastest = times.min().unwrap();
    assert!(fastest < 100, "{fastest} ms");
}
