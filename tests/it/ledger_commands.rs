//! Commands that ask the ledger, and those that say a person's word: their texts in
//! `ledger_commands/`, their exit codes, what they add up to.

use std::fs;
use std::path::Path;
use std::process::Output;

use rust_decimal::Decimal;
use serde_json::Value;
use tempfile::TempDir;
use tieout::ledger::accruals::Accrual;
use tieout::ledger::breaks::FoundBreak;
use tieout::ledger::people::{Saying, Word};
use tieout::ledger::record::RunFigures;
use tieout::ledger::restatements::Figure;
use tieout::ledger::runs::{RunRow, RunningRun};
use tieout::ledger::store::Ledger;

use crate::program::{PACKAGE, is_update, program, stderr};
use crate::runs::{Published, units};

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

fn amount(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

/// A break by the last digit of its id.
fn found(digit: u8, tie_out: &str, currency: &str, cause: &str, now: &str) -> FoundBreak {
    FoundBreak {
        break_id: format!("B000000000000000{digit}"),
        tie_out: tie_out.to_owned(),
        billing_period: "2026-10".to_owned(),
        invoice_number: "G012345678".to_owned(),
        customer_id: format!("0000000{digit}-aaaa-bbbb-cccc-000000000000"),
        customer_name: format!("Contoso {digit}"),
        subscription_id: String::new(),
        product_id: "DZH318Z0410V".to_owned(),
        product_name: "Container Registry".to_owned(),
        sku_id: "0012".to_owned(),
        sku_name: String::new(),
        meter_description: "Premium Registry Unit".to_owned(),
        currency: currency.to_owned(),
        informs: false,
        cause: cause.to_owned(),
        amount: amount(now),
    }
}

/// A complete run of a day; `period` of `nightly`.
fn run_of(period: &str, as_of: &str) -> RunRow {
    RunRow {
        run_id: format!("run-of-{as_of}"),
        pipeline: "nightly".to_owned(),
        source: "files".to_owned(),
        period: period.to_owned(),
        started_at: format!("{as_of}T02:00:00Z"),
        finished_at: format!("{as_of}T02:10:00Z"),
        as_of: as_of.to_owned(),
        published: true,
        is_new: true,
        is_complete: true,
        finality: "final".to_owned(),
        version: "0.1.0".to_owned(),
        ..RunRow::default()
    }
}

fn record(ledger: &mut Ledger, row: RunRow, breaks: Vec<FoundBreak>, usage: &str) {
    let key = ["usage", "G012345678", "EUR"].map(str::to_owned);
    let figure = Figure {
        etag: String::new(),
        rows: 10,
        amount: amount(usage),
    };
    let accrual = Accrual {
        customer_id: "00000001-aaaa-bbbb-cccc-000000000000".to_owned(),
        customer_name: "Contoso 1".to_owned(),
        currency: "EUR".to_owned(),
        usage_without_line: amount("12.3456789"),
        unbilled_usage: amount("0"),
        credits_due: amount("1234567.5"),
    };
    let figures = RunFigures {
        breaks,
        figures: [(key, figure)].into(),
        accruals: vec![accrual],
    };
    ledger.record(row, figures, &[], &mut |_| 0).unwrap();
}

fn say(ledger: &mut Ledger, digit: u8, word: Word, reason: &str) {
    let saying = Saying {
        break_ids: vec![format!("B000000000000000{digit}")],
        pipeline: None,
        period: None,
        word,
        by: "anna".to_owned(),
        reason: reason.to_owned(),
        at: "2026-11-09T08:00:00Z".to_owned(),
        today: "2026-11-09".to_owned(),
    };
    ledger.say(&saying).unwrap();
}

/// Three complete runs of October with words of people between them, a failed one, and one of November.
fn october() -> TempDir {
    let out = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(out.path()).unwrap();
    let invoice = "usage-to-invoice";
    let first = vec![
        found(1, invoice, "EUR", "price", "120.1234567891"),
        found(2, invoice, "EUR", "quantity", "-30.25"),
        found(3, "lines-to-invoice", "USD", "unexplained", "1234.5"),
        found(4, "utilization-to-usage", "EUR", "quantity", "5.5"),
    ];
    record(&mut ledger, run_of("2026-10", "2026-11-08"), first, "100");
    say(&mut ledger, 1, Word::Assign("anna".to_owned()), "");
    say(
        &mut ledger,
        3,
        Word::Dispute("2611080040001234".to_owned()),
        "",
    );
    let second = vec![
        found(1, invoice, "EUR", "price", "150"),
        found(3, "lines-to-invoice", "USD", "unexplained", "1234.5"),
        found(4, "utilization-to-usage", "EUR", "quantity", "5.5"),
        found(5, invoice, "EUR", "partner_earned_credit", "-9.99"),
    ];
    record(
        &mut ledger,
        run_of("2026-10", "2026-11-09"),
        second,
        "101.5",
    );
    let accept = Word::Accept {
        until: "2026-12-31".to_owned(),
        cap: None,
    };
    say(&mut ledger, 5, accept, "the credit is on its way");
    let failed = RunRow {
        run_id: String::new(),
        exit_code: 20,
        reason: "no permission".to_owned(),
        published: false,
        is_new: false,
        is_complete: false,
        finality: String::new(),
        ..run_of("2026-10", "2026-11-10")
    };
    ledger.end_failed(failed, true).unwrap();
    let third = vec![
        found(1, invoice, "EUR", "quantity", "150"),
        found(3, "lines-to-invoice", "USD", "unexplained", "1234.5"),
        found(5, invoice, "EUR", "partner_earned_credit", "-9.99"),
        found(6, invoice, "EUR", "", "0.01"),
    ];
    record(&mut ledger, run_of("2026-10", "2026-11-20"), third, "101.5");
    let later = vec![found(7, invoice, "EUR", "price", "7")];
    record(&mut ledger, run_of("2026-11", "2026-12-08"), later, "5");
    out
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
            "150.00 EUR: accepted to 2026-12-31, label `ask again`",
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
    let out = tempfile::tempdir().unwrap();
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

/// Publishes the sample month, with one more change to its lines; the id of the run.
fn publish(out: &Path, lines: &str) -> String {
    let inputs = tempfile::tempdir().unwrap();
    let month = Path::new(PACKAGE).join("samples/month");
    let path = inputs.path().join("lines.csv");
    fs::write(&path, lines).unwrap();
    let done = program(&[
        "reconcile",
        "--usage",
        month.join("usage.csv").to_str().unwrap(),
        "--invoice-lines",
        path.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--json",
    ])
    .output()
    .unwrap();
    let outcome: Value = serde_json::from_slice(&done.stdout).unwrap();
    outcome["run_id"].as_str().unwrap().to_owned()
}

/// Breaks of a run by measure and currency, in units of 10^-10.
fn total_of(out: &Path, run_id: &str, currency: &str) -> i128 {
    let table = Published::read(&out.join("runs").join(run_id), "variances");
    let of_breaks = table.rows.iter().filter(|row| {
        table.cell(row, "status") == "break" && table.cell(row, "currency") == currency
    });
    of_breaks
        .map(|row| table.amount(row, "variance_amount"))
        .sum()
}

#[test]
fn the_difference_of_two_runs_foots() {
    let out = tempfile::tempdir().unwrap();
    let lines = Path::new(PACKAGE).join("samples/month/invoice-lines.csv");
    let lines = fs::read_to_string(lines).unwrap();
    let changed = lines.replacen(",319.78,60.76,380.54,", ",329.78,60.76,390.54,", 1);
    assert_ne!(lines, changed);
    let ids = [publish(out.path(), &lines), publish(out.path(), &changed)];
    let mut ledger = Ledger::open(out.path()).unwrap();
    for (id, day) in ids.iter().zip(["2026-11-08", "2026-11-09"]) {
        let row = RunRow {
            run_id: id.clone(),
            pipeline: "by-hand".to_owned(),
            ..run_of("2026-10", day)
        };
        ledger.end_failed(row, true).unwrap();
    }
    let arguments = ["diff", "previous", "last", "--pipeline-name", "by-hand"];
    let found = json(out.path(), &arguments);
    let same = json(out.path(), &["diff", &ids[0], &ids[1]]);
    assert_eq!(found["totals"], same["totals"], "by name as by id");
    for total in found["totals"].as_array().unwrap() {
        let of = |name: &str| units(total[name].as_str().unwrap());
        assert_eq!(
            of("before") + of("new") + of("moved") - of("gone"),
            of("after"),
            "{total}"
        );
        let currency = total["currency"].as_str().unwrap();
        assert_eq!(of("before"), total_of(out.path(), &ids[0], currency));
        assert_eq!(of("after"), total_of(out.path(), &ids[1], currency));
    }
    let count = |name: &str| found[name].as_array().unwrap().len();
    assert!(count("new") + count("moved") > 0, "{found}");
    let text = text(out.path(), &arguments);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(
        text.contains("= after") && text.contains(" as before)"),
        "{text}"
    );
    let backward = json(out.path(), &["diff", &ids[1], &ids[0]]);
    assert_eq!(backward["gone"].as_array().unwrap().len(), count("new"));
    let nothing = json(out.path(), &["diff", "last", "last"]);
    assert_eq!(nothing["new"], Value::Array(Vec::new()));
    for name in ["99999", "no-such-run"] {
        let done = ask(out.path(), &["diff", name, "last"]);
        assert_eq!(done.status.code(), Some(2));
        assert!(stderr(&done).contains(&format!("error: Run `{name}`: found no such run")));
    }
}
