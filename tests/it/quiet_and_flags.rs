//! First lines of a run, what `--quiet` leaves of them, and flags that do nothing.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::explained::Case;
use crate::fixtures::{Changes, LINE, USAGE, sheet};
use crate::program::{program, stderr, tieout};

/// The answer of a command that prints JSON and ends with a code.
fn json_of(arguments: &[&str], code: i32) -> Value {
    let output = tieout(arguments);
    assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The sample month, run into a folder with some flags before and after the command.
fn sample(out: &Path, before: &[&str], after: &[&str]) -> std::process::Output {
    let out = out.to_str().unwrap();
    let mut arguments = before.to_vec();
    arguments.extend(["run", "pipelines/sample.toml", "--out", out]);
    arguments.extend(after);
    tieout(&arguments)
}

/// An amount as it is printed, in cents.
fn cents(text: &str) -> i64 {
    text.replace([',', '.'], "").parse().unwrap()
}

#[test]
fn a_quiet_command_that_acts_prints_nothing_and_one_that_tells_prints_its_data() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let run = sample(&out, &["-q"], &[]);
    assert_eq!(
        (run.status.code(), run.stdout.len(), stderr(&run)),
        (Some(0), 0, String::new())
    );
    let out = out.to_str().unwrap();
    let tied = Case::new();
    // With a price, without which there is a warning.
    tied.write("u.csv", sheet(USAGE, &[&[]]))
        .write("l.csv", sheet(LINE, &[&[("EffectiveUnitPrice", "1")]]));
    let run = tied.run_with("", &["--as-of", "2026-12-31"]);
    assert_eq!((run.status.code(), stderr(&run)), (Some(0), String::new()));
    let closed = tied.out();
    let closed = closed.to_str().unwrap();
    for arguments in [
        &["-q", "verify", "--out", out][..],
        &["-q", "verify", "--out", closed],
        &["-q", "close", "2026-10", "--by", "anna", "--out", closed],
        &[
            "-q", "reopen", "2026-10", "--by", "anna", "--reason", "late", "--out", closed,
        ],
    ] {
        let done = tieout(arguments);
        let said = (done.status.code(), done.stdout.len(), stderr(&done));
        assert_eq!(said, (Some(0), 0, String::new()), "{arguments:?}");
    }
    for arguments in [
        &["-q", "status", "--out", out][..],
        &["-q", "runs", "--out", out],
        &["-q", "breaks", "list", "--out", out],
        &["-q", "schema", "variances"],
        &["-q", "check", "pipelines/sample.toml"],
    ] {
        let told = tieout(arguments);
        assert!(
            told.status.success() && !told.stdout.is_empty(),
            "{arguments:?}"
        );
    }
    let told = sample(Path::new(out), &["-q"], &["--json"]);
    assert!(serde_json::from_slice::<Value>(&told.stdout).is_ok());
}

#[test]
fn warnings_and_faults_are_told_to_who_is_quiet() {
    let case = Case::new();
    case.write("u.csv", sheet(USAGE, &[&[], &[("Quantity", "many")]]))
        .write("l.csv", sheet(LINE, &[&[]]));
    // `run` of a case is quiet.
    let run = case.run();
    assert_eq!((run.status.code(), run.stdout.len()), (Some(11), 0));
    let told = stderr(&run);
    assert!(
        told.contains("rejected: ") && told.contains("`many`"),
        "{told}"
    );
    assert!(
        told.contains("INCOMPLETE: rejected rows are missing"),
        "{told}"
    );
    let warned = Case::new();
    warned
        .write("u.csv", sheet(USAGE, &[&[("Surprise", "1")]]))
        .write("l.csv", sheet(LINE, &[&[]]));
    let run = warned.run();
    assert_eq!((run.status.code(), run.stdout.len()), (Some(0), 0));
    let told = stderr(&run);
    assert!(
        told.starts_with("warning: ") && told.contains("Surprise"),
        "{told}"
    );
    let table = warned.path("out/current/variances.csv");
    std::fs::write(table, "other").unwrap();
    let out = warned.out();
    let verified = tieout(&["-q", "verify", "--out", out.to_str().unwrap()]);
    assert_eq!(
        (verified.status.code(), verified.stdout.len()),
        (Some(24), 0)
    );
    assert!(
        stderr(&verified).contains("FAULT "),
        "{}",
        stderr(&verified)
    );
}

/// Each block of the sample: its lines, and the figures that must come to its title.
#[test]
fn blocks_fit_a_terminal_and_foot() {
    let folder = TempDir::new().unwrap();
    let run = sample(&folder.path().join("out"), &[], &[]);
    let text = String::from_utf8(run.stdout).unwrap();
    for line in text.lines().filter(|line| !line.contains("/out")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let blocks: Vec<&str> = text
        .split("\n\n")
        .filter(|block| block.starts_with("Invoice "))
        .collect();
    assert_eq!(blocks.len(), 4, "{text}");
    let amount_of = |block: &str, label: &str| {
        let line = block
            .lines()
            .find(|line| line.trim_start().starts_with(label));
        line.map_or(0, |line| {
            let rest = line.trim_start().strip_prefix(label).unwrap();
            cents(rest.split_whitespace().next().unwrap())
        })
    };
    for block in blocks {
        let title: Vec<&str> = block.lines().next().unwrap().split_whitespace().collect();
        let ["Invoice", _, _, invoiced, "final"] = title[..] else {
            panic!("{block}");
        };
        let checked = amount_of(block, "checked against usage");
        let apart = amount_of(block, "not checkable here");
        assert_eq!(checked + apart, cents(invoiced), "{block}");
        let kinds = block.split_once("%: ").map_or("", |(_, kinds)| kinds);
        let kinds = kinds.split("\n  since").next().unwrap().split_whitespace();
        let amounts = kinds.filter(|word| word.contains('.'));
        let sum: i64 = amounts
            .map(|amount| cents(amount.trim_end_matches(',')))
            .sum();
        assert_eq!(sum, apart, "{block}");
        assert!(block.contains("first run of the period: "), "{block}");
    }
    assert!(text.contains("proven; 2 lines off rule"), "{text}");
}

#[test]
fn an_invoice_counts_its_breaks_since_the_last_run() {
    let case = Case::new();
    let dear = |meter: &'static str, subtotal: &'static str| -> Vec<(&'static str, &'static str)> {
        vec![
            ("MeterDescription", meter),
            ("Subtotal", subtotal),
            ("Total", subtotal),
        ]
    };
    let used = |meter: &'static str| vec![("MeterName", meter), ("MeterId", meter)];
    let write = |lines: [(&'static str, &'static str); 3]| {
        let usage = ["A", "B", "C"].map(used);
        let usage: Vec<Changes<'_>> = usage.iter().map(Vec::as_slice).collect();
        let lines = lines.map(|(meter, subtotal)| dear(meter, subtotal));
        let lines: Vec<Changes<'_>> = lines.iter().map(Vec::as_slice).collect();
        case.write("u.csv", sheet(USAGE, &usage))
            .write("l.csv", sheet(LINE, &lines));
    };
    let said = || {
        let run = program(&["run", case.path("pipeline.toml").to_str().unwrap()])
            .output()
            .unwrap();
        let text = String::from_utf8(run.stdout).unwrap();
        let line = text
            .lines()
            .find(|line| line.contains("since the last run"));
        line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&run.stderr)))
            .split_once("run ")
            .unwrap()
            .1
            .trim()
            .to_owned()
    };
    write([("A", "5"), ("B", "7"), ("C", "1")]);
    case.run();
    // The case's run came first, with the same figures.
    assert_eq!(said(), "0 new, 2 open, 0 accepted, 0 resolved");
    // A is gone, B has moved, C is new.
    write([("A", "1"), ("B", "8"), ("C", "4")]);
    assert_eq!(said(), "1 new, 2 open, 0 accepted, 1 resolved");
}

#[test]
fn a_flag_that_does_nothing_is_refused_and_not_offered() {
    for (arguments, flag) in [
        (&["completions", "bash", "--json"][..], "--json"),
        (
            &[
                "--json", "synth", "--rows", "1", "--seed", "1", "--out", "x",
            ],
            "--json",
        ),
        (&["sandbox", "--json", "--data", "x"], "--json"),
        (&["status", "--threads", "2"], "--threads"),
        (
            &["check", "pipelines/sample.toml", "--threads", "2"],
            "--threads",
        ),
        (
            &["fetch", "pipelines/nightly.toml", "--threads", "2"],
            "--threads",
        ),
        (&["breaks", "list", "-v"], "--verbose"),
        (&["close", "2026-10", "-v"], "--verbose"),
        (&["diff", "1", "2", "--json", "--limit", "3"], "--limit"),
        (&["explain", "B1", "--json", "-v"], "--verbose"),
        (
            &["sandbox", "--tenant", "ordinary", "--fault-seed", "3"],
            "--fault-seed",
        ),
        (&["sandbox", "--data", "x", "--quirk", "none"], "--quirk"),
        (&["run", "pipelines/sample.toml", "--refresh"], "--refresh"),
        (&["run", "pipelines/sample.toml", "--tables"], "--tables"),
    ] {
        let output = tieout(arguments);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            told.starts_with(&format!("error: `{flag}` does nothing for ")),
            "{told}"
        );
        assert!(told.ends_with("hint: leave it out\n"), "{told}");
        if arguments.contains(&"--json") {
            let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(answer["exit_code"], 2, "{arguments:?}");
        }
    }
    // `reconcile` fetches nothing, and has no such flag.
    let reconcile = [
        "reconcile",
        "--usage",
        "u",
        "--invoice-lines",
        "l",
        "--out",
        "o",
        "--tables",
    ];
    assert!(stderr(&tieout(&reconcile)).contains("unexpected argument '--tables'"));
}

#[test]
fn the_help_of_a_command_has_the_flags_that_it_reads() {
    for (command, hidden) in [
        ("completions", &["--json", "--verbose", "--threads"][..]),
        ("status", &["--verbose", "--threads"]),
        ("fetch", &["--threads"]),
        ("run", &[]),
    ] {
        let help = String::from_utf8(tieout(&[command, "--help"]).stdout).unwrap();
        for flag in ["--json", "--verbose", "--threads"] {
            assert_eq!(
                help.contains(flag),
                !hidden.contains(&flag),
                "{command} {flag}"
            );
        }
    }
}

#[test]
fn what_the_environment_says_to_all_commands_is_refused_by_none() {
    let mut command = program(&["schema", "variances"]);
    let output = command.env("TIEOUT_THREADS", "2").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn one_format_is_asked_for() {
    for arguments in [
        &["schema", "--json", "--format", "sql"][..],
        &["schema", "manifest", "--format", "sql"],
    ] {
        assert_eq!(tieout(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let one = json_of(&["schema", "manifest", "--json"], 0);
    assert_eq!(one, json_of(&["schema", "manifest", "--format", "json"], 0));
}
