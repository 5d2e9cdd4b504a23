//! A month-end among people: at once, in an order, in copies of the folder, and in answers that a
//! finance person asks for.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::closing_house::{FINAL, House, assert_ended};
use crate::program::{PACKAGE, is_update, program, stderr};
use crate::worlds::copy;

/// A command on the ledger of an output folder, as somebody says it.
fn asked(out: &Path, arguments: &[&str], by: &str) -> Command {
    let mut command = program(arguments);
    command.arg("--out").arg(out);
    // Inputs of files are looked for from where the run was started.
    command.current_dir(out.parent().unwrap());
    command.env("TIEOUT_TODAY", FINAL).env("TIEOUT_ACTOR", by);
    command
}

fn json(out: &Path, arguments: &[&str]) -> Value {
    let done = asked(out, &[arguments, &["--json"]].concat(), "anna")
        .output()
        .unwrap();
    assert_ended(&done, 0);
    serde_json::from_slice(&done.stdout).unwrap()
}

fn ids_of(out: &Path) -> Vec<String> {
    let listed = json(out, &["breaks", "list"]);
    let rows = listed["breaks"].as_array().unwrap().iter();
    rows.map(|row| row["break_id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn of_people_at_once_each_waits_and_none_is_lost() {
    let house = House::new();
    house.run("month", FINAL);
    let out = house.path("out");
    let ids = ids_of(&out);
    assert!(ids.len() >= 8);
    let names: Vec<String> = (0..8).map(|number| format!("person {number}")).collect();
    std::thread::scope(|scope| {
        // A run, which has the folder to itself, among people who have the ledger in turn.
        scope.spawn(|| house.run("month", FINAL));
        for (name, id) in names.iter().zip(&ids) {
            let out = &out;
            scope.spawn(move || {
                let arguments = ["breaks", "assign", id, "--to", name];
                assert_ended(&asked(out, &arguments, name).output().unwrap(), 0);
                let arguments = ["breaks", "label", id, "--label", "seen"];
                assert_ended(&asked(out, &arguments, name).output().unwrap(), 0);
            });
        }
    });
    let listed = json(&out, &["breaks", "list"]);
    for (name, id) in names.iter().zip(&ids) {
        let rows = listed["breaks"].as_array().unwrap();
        let row = rows.iter().find(|row| row["break_id"] == id.as_str());
        let row = row.unwrap();
        assert_eq!(
            (&row["owner"], &row["label"]),
            (&Value::from(name.as_str()), &"seen".into())
        );
    }
    assert_ended(&house.verify(&["--all"]), 0);
    // What analysts read is what the ledger has.
    let read = csv::Reader::from_path(out.join("ledger/break_events.csv"));
    let words = read.unwrap().into_records().map(Result::unwrap);
    let words = words.filter(|row| row.iter().any(|cell| cell.starts_with("person")));
    assert_eq!(words.count(), 16);
}

#[test]
fn the_order_of_the_runs_is_what_happened() {
    let house = House::new();
    let usage = house.path("usage.csv");
    let first = fs::read(&usage).unwrap();
    let second = House::new();
    house.run("month", FINAL);
    house.change_usage(7);
    house.run("month", FINAL);
    fs::write(&usage, &first).unwrap();
    house.run("month", FINAL);
    second.run("month", FINAL);
    let log = |house: &House| -> Vec<(i64, String, bool, u64)> {
        let runs = json(&house.path("out"), &["runs"]);
        let mut rows: Vec<_> = runs
            .as_array()
            .unwrap()
            .iter()
            .map(|run| {
                (
                    run["run_no"].as_i64().unwrap(),
                    run["run_id"].as_str().unwrap().to_owned(),
                    run["is_new"].as_bool().unwrap(),
                    run["moved_breaks"].as_u64().unwrap() + run["new_breaks"].as_u64().unwrap(),
                )
            })
            .collect();
        rows.sort();
        rows
    };
    let runs = log(&house);
    let [(1, a, true, _), (2, b, true, to_b), (3, again, false, back)] = &runs[..] else {
        panic!("{runs:?}");
    };
    assert_eq!(a, again);
    assert_ne!(a, b);
    assert!(*to_b > 0 && to_b == back, "what moved there moved back");
    let current = fs::read_link(house.path("out/current")).unwrap();
    assert!(current.ends_with(a));
    // A folder has an order of its own, and the same inputs the same run.
    let other = log(&second);
    assert_eq!(other.len(), 1);
    assert_eq!((other[0].0, &other[0].1), (1, a));
    // What moved is in the events, there and back: the amounts of the first run are those of now.
    let now = json(&house.path("out"), &["diff", "1", "3"]);
    assert!(now["new"].as_array().is_none_or(Vec::is_empty), "{now}");
    assert!(now["moved"].as_array().is_none_or(Vec::is_empty), "{now}");
}

#[test]
fn a_closed_month_survives_copies_and_other_months() {
    let house = House::closed();
    let out = house.path("out");
    let pack = |out: &Path| {
        let read = |name: &str| fs::read(out.join("closed/2026-10").join(name)).unwrap();
        (read("cover.txt"), read("hashes.txt"))
    };
    let (before, pointed) = (
        pack(&out),
        fs::read_link(out.join("periods/2026-10")).unwrap(),
    );
    // A copy on another machine keeps everything, and goes on by itself.
    let copied = tempfile::tempdir().unwrap();
    copy(house.folder.path(), &copied.path().join("house"));
    let moved = copied.path().join("house/out");
    assert_ended(
        &asked(&moved, &["verify", "--all"], "bo").output().unwrap(),
        0,
    );
    assert_eq!(ids_of(&moved), ids_of(&out));
    // A changed sample, a rerun and a prune.
    house.run("month", FINAL);
    house.change_usage(9);
    house.run("month", FINAL);
    let pruned = [
        "prune",
        "month.toml",
        "--keep-daily",
        "0",
        "--keep-monthly",
        "0",
    ];
    assert_ended(&house.tieout(&pruned), 0);
    assert_eq!(pack(&out), before);
    assert_eq!(fs::read_link(out.join("periods/2026-10")).unwrap(), pointed);
    let found = house.verify(&["2026-10"]);
    let text = String::from_utf8(found.stdout).unwrap();
    let faults: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("FAULT"))
        .collect();
    // Only what the closer changed is told: the usage that the month was made of.
    assert!(
        !faults.is_empty() && faults.iter().all(|fault| fault.contains("usage.csv")),
        "{text}"
    );
    // The copy was not touched by any of it.
    assert_ended(
        &asked(&moved, &["verify", "--all"], "bo").output().unwrap(),
        0,
    );
}

#[test]
fn the_days_of_a_month_end_are_settings_and_each_invoice_has_a_stage() {
    let house = House::new();
    let pipeline = fs::read_to_string(house.path("month.toml")).unwrap();
    let late = pipeline + "[month_end]\nprovisional_until = 20\n";
    fs::write(house.path("month.toml"), late).unwrap();
    let stage = |day: &str| {
        house.run("month", day);
        let found = json(&house.path("out"), &["status"]);
        let stream = &found["streams"][0];
        for invoice in stream["invoices"].as_array().unwrap() {
            assert_eq!(invoice["finality"], stream["finality"], "{found}");
        }
        assert!(stream["invoices"].as_array().unwrap().len() >= 2);
        stream["finality"].as_str().unwrap().to_owned()
    };
    assert_eq!(stage("2026-11-20"), "provisional");
    let refused = house.close(&[]);
    assert_ended(&refused, 2);
    assert!(stderr(&refused).contains("month_end.provisional_until"));
    assert_eq!(stage("2026-11-21"), "final");
    // The lines of one invoice are lost: it is awaited, and the other is final.
    let lines = house.path("invoice-lines.csv");
    let text = fs::read_to_string(&lines).unwrap();
    let kept: Vec<&str> = text
        .lines()
        .filter(|row| !row.contains("G086285317"))
        .collect();
    fs::write(&lines, kept.join("\n") + "\n").unwrap();
    assert_ended(
        &house.tieout(&["-q", "run", "month.toml", "--as-of", "2026-11-22"]),
        11,
    );
    let shown = asked(&house.path("out"), &["status"], "anna")
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    for note in ["awaited: G086285317", "final: G011974950"] {
        assert!(shown.contains(note), "{shown}");
    }
}

#[test]
fn a_ledger_that_lost_a_page_or_is_gone_is_told_and_never_replaced() {
    let house = House::new();
    house.run("month", FINAL);
    let (out, path) = (house.path("out"), house.path("out/ledger.db"));
    let whole = fs::read(&path).unwrap();
    let noise: Vec<u8> = (0..4_096_u32).map(|at| (at * 31 % 251) as u8).collect();
    // A page in the middle that few commands come to.
    let mut torn = whole.clone();
    let at = whole.len() / 4_096 / 2 * 4_096;
    torn[at..at + 4_096].copy_from_slice(&noise);
    for damage in [Some(torn), Some(Vec::new()), None] {
        match &damage {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let commands: [&[&str]; 5] = [
            &["status"],
            &["breaks", "list"],
            &["breaks", "label", "B1", "--label", "x"],
            &["verify", "--all"],
            &["rollforward"],
        ];
        for arguments in commands {
            let done = asked(&out, arguments, "anna").output().unwrap();
            assert_ended(&done, 24);
            assert!(stderr(&done).contains("ledger.db`"), "{}", stderr(&done));
        }
        let run = house.tieout(&["-q", "run", "month.toml", "--as-of", FINAL]);
        assert_ended(&run, 24);
        assert_eq!(fs::read(&path).ok(), damage);
        fs::write(&path, &whole).unwrap();
    }
    house.run("month", FINAL);
}

#[test]
fn a_closed_month_that_moved_within_itself_is_told() {
    let house = House::closed();
    // Two rows exchange their quantities and amounts: all sums are as before.
    let usage = house.path("usage.csv");
    let text = fs::read_to_string(&usage).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let mut rows: Vec<Vec<String>> = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect();
    let columns = ["Quantity", "BillingPreTaxTotal", "PricingPreTaxTotal"].map(at);
    let invoice = at("InvoiceNumber");
    let (sku, first) = (at("SkuId"), rows[0].clone());
    let other = rows
        .iter()
        .position(|row| {
            row[invoice] == first[invoice]
                && row[sku] != first[sku]
                && row[columns[0]] != first[columns[0]]
        })
        .unwrap();
    for column in columns {
        let kept = rows[0][column].clone();
        rows[0][column] = rows[other][column].clone();
        rows[other][column] = kept;
    }
    let mut writer = csv::Writer::from_path(&usage).unwrap();
    writer.write_record(&header).unwrap();
    rows.iter()
        .for_each(|row| writer.write_record(row).unwrap());
    drop(writer);
    let run = [
        "-q",
        "run",
        "month.toml",
        "--as-of",
        FINAL,
        "--fail-on-breaks=new",
    ];
    assert_ended(&house.tieout(&run), 10);
    let restated = json(&house.path("out"), &["restatements"]);
    let rows = restated.as_array().unwrap();
    assert_eq!(rows.len(), 1, "{restated}");
    assert_eq!(rows[0]["delta"], "0.0000000000");
    assert_ne!(rows[0]["etag_before"], rows[0]["etag_after"]);
    // It is told once.
    assert_ended(&house.tieout(&run), 0);
}

/// What a finance person asks, and the command that answers.
const QUESTIONS: [(&str, &str, &[&str]); 12] = [
    (
        "new",
        "What is new since yesterday?",
        &["breaks", "list", "--new"],
    ),
    ("gone", "What has gone, and why?", &["diff", "1", "2"]),
    (
        "whose",
        "Who has it, and since when?",
        &["breaks", "list", "--owner", "anna"],
    ),
    (
        "accepted",
        "What did we accept, until when, up to how much?",
        &["breaks", "list", "--accepted"],
    ),
    (
        "may-i-close",
        "May I close October?",
        &["close", "2026-10", "--by", "anna"],
    ),
    ("moved", "Has October moved since?", &["restatements"]),
    ("accrue", "What do I accrue?", &["accruals"]),
    (
        "dispute",
        "What do I dispute, with which evidence?",
        &["breaks", "show"],
    ),
    (
        "roll-forward",
        "How did the balance get here?",
        &["rollforward", "2026-10"],
    ),
    (
        "largest",
        "What is above 50, and of which cause?",
        &["breaks", "list", "--open", "--over", "50"],
    ),
    (
        "last-night",
        "Did last night run, and how did it end?",
        &["status"],
    ),
    ("log", "Which runs were there?", &["runs"]),
];

/// A text without times of the clock, which differ from test to test.
fn without_times(text: &str) -> String {
    let today = tieout::pipeline::month_end::log::now()[..10].to_owned();
    let mut lines = Vec::new();
    for line in text.lines() {
        let words = line.split(' ').map(|word| {
            let is_clock = word.len() >= 5 && word.as_bytes()[2] == b':';
            match word.starts_with(&today) || is_clock {
                true => "TIME",
                false => word,
            }
        });
        lines.push(words.collect::<Vec<_>>().join(" "));
    }
    lines.join("\n") + "\n"
}

/// Takes a row out of a file, by its number.
fn drop_row(path: &Path, number: usize) {
    let text = fs::read_to_string(path).unwrap();
    let mut rows: Vec<&str> = text.lines().collect();
    rows.remove(number);
    fs::write(path, rows.join("\n") + "\n").unwrap();
}

#[test]
fn a_finance_persons_questions_are_answered_on_the_terminal() {
    let house = House::new();
    let lines = house.path("invoice-lines.csv");
    let whole = fs::read(&lines).unwrap();
    drop_row(&lines, 50);
    house.run("month", "2026-11-19");
    // The next day has the line, lacks a row of usage, and has another one more.
    fs::write(&lines, whole).unwrap();
    drop_row(&house.path("usage.csv"), 40);
    house.change_usage(7);
    let out = house.path("out");
    let ids = ids_of(&out);
    let says = |arguments: &[&str]| {
        assert_ended(&asked(&out, arguments, "anna").output().unwrap(), 0);
    };
    says(&["breaks", "assign", &ids[0], "--to", "anna"]);
    says(&["breaks", "dispute", &ids[0], "--ticket", "MS-2611-1"]);
    says(&[
        "breaks",
        "accept",
        &ids[1],
        "--reason",
        "credit is on its way",
        "--until",
        "2026-12-31",
        "--cap",
        "500.00",
    ]);
    house.run("month", FINAL);
    for (name, question, arguments) in QUESTIONS {
        let mut arguments = arguments.to_vec();
        if arguments == ["breaks", "show"] {
            arguments.push(&ids[0]);
        }
        let done = asked(&out, &arguments, "anna").output().unwrap();
        let text = String::from_utf8(done.stdout.clone()).unwrap() + &stderr(&done);
        assert!(!text.is_empty(), "{name}");
        let wide = text.lines().find(|line| {
            !line.starts_with("hint: ") && !line.starts_with("error: ") && line.chars().count() > 80
        });
        assert_eq!(wide, None, "{name}");
        let asked = arguments.join(" ");
        let text = format!("{question}\n$ tieout {asked}\n\n{}", without_times(&text));
        let path = Path::new(PACKAGE).join("tests/it/month_end").join(name);
        if is_update() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let wanted = fs::read_to_string(&path).unwrap_or_default();
        assert!(wanted == text, "{name}: wanted\n{wanted}found\n{text}");
    }
}
