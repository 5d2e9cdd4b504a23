//! Closing a period and proving it: what keeps it from being closed, the pack, the reopening, `verify`
//! against every kind of tampering, a run made again, and `prune`, which spares what was closed.

use std::fs;
use std::path::Path;
use std::process::Output;

use rusqlite::Connection;

use crate::closing_house::{FINAL, House, assert_ended, assign_all};
use crate::program::{program, stderr};
use crate::served::{self, TODAY, serve, settings};

/// Fails unless a command was refused with a sentence that has these words, and closed nothing.
fn assert_refused(house: &House, output: &Output, words: &[&str]) {
    assert_ended(output, 2);
    let text = stderr(output);
    for word in words {
        assert!(text.contains(word), "`{word}` in {text}");
    }
    assert!(text.contains("hint: "), "{text}");
    assert_eq!(house.number("SELECT count(*) FROM closes"), 0);
    assert!(!house.path("out/closed").exists());
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
#[test]
fn a_period_is_closed_on_nothing_but_its_final_complete_run() {
    let house = House::new();
    // Another folder is not created by asking for it.
    let none = house.close(&[]);
    assert_ended(&none, 2);
    assert!(
        stderr(&none).contains("found no ledger"),
        "{}",
        stderr(&none)
    );
    assert!(!house.path("out").exists());
    house.run("month", "2026-11-10");
    let september = house.tieout(&["close", "2026-09", "--by", "anna"]);
    assert_refused(
        &house,
        &september,
        &["The period 2026-09: found no run of it"],
    );
    let early = house.close(&[]);
    let words = [
        "found it provisional as of 2026-11-10",
        "on or after 2026-11-16",
    ];
    assert_refused(&house, &early, &words);
    house.run("month", FINAL);
    let unclaimed = house.close(&[]);
    let words = [
        "open breaks that nobody has, the largest `B",
        "wanted an owner",
    ];
    assert_refused(&house, &unclaimed, &words);
    assign_all(&house.path("out"), "month");
    // The last run must be a complete one.
    let usage = fs::read(house.path("usage.csv")).unwrap();
    fs::write(house.path("usage.csv"), "no usage\n1\n").unwrap();
    let failed = house.tieout(&["-q", "run", "month.toml", "--as-of", FINAL]);
    assert_ne!(failed.status.code(), Some(0));
    let refused = house.close(&[]);
    assert_refused(&house, &refused, &["its last run, number 3, failed"]);
    fs::write(house.path("usage.csv"), usage).unwrap();
    house.run("month", FINAL);
    // Held by a run.
    let lock = fs::File::create(house.path("out/.lock")).unwrap();
    lock.try_lock().unwrap();
    assert_ended(&house.close(&[]), 23);
    drop(lock);
    // Two pipelines have the period.
    fs::copy(house.path("month.toml"), house.path("other.toml")).unwrap();
    house.run("other", FINAL);
    let refused = house.close(&[]);
    assert_refused(
        &house,
        &refused,
        &["`month` and `other`", "--pipeline-name"],
    );
    let refused = house.close(&["--pipeline-name", "third"]);
    assert_refused(&house, &refused, &["no run of pipeline `third`"]);
    assert_ended(&house.close(&["--pipeline-name", "month"]), 0);
    let again = house.close(&["--pipeline-name", "month"]);
    assert_ended(&again, 2);
    assert!(stderr(&again).contains("found it closed by anna on"));
    // The pack of the other has a name of its own.
    assign_all(&house.path("out"), "other");
    assert_ended(&house.close(&["--pipeline-name", "other"]), 0);
    assert!(house.path("out/closed/2026-10-2/cover.txt").is_file());
}

#[test]
fn a_damaged_run_or_ledger_is_not_closed() {
    let house = House::ready();
    let table = house.path("out/current/summary.csv");
    let whole = fs::read(&table).unwrap();
    fs::write(&table, [&whole[..], b"x"].concat()).unwrap();
    let refused = house.close(&[]);
    assert_refused(&house, &refused, &["summary.csv`: found other bytes"]);
    fs::write(&table, whole).unwrap();
    house.tamper("UPDATE roll_forward SET closing = '1.0000000000'");
    let refused = house.close(&[]);
    assert_refused(
        &house,
        &refused,
        &["The roll-forward of run 1: found a difference of"],
    );
    let house = House::ready();
    house.tamper("UPDATE break_events SET reason = 'it was me' WHERE event_no = 1");
    let refused = house.close(&[]);
    assert_refused(
        &house,
        &refused,
        &["ledger.db", "event 1 (new of `B", "changed after"],
    );
}

#[test]
fn a_pack_stands_alone() {
    let house = House::ready();
    // Of a close that was killed before its row.
    fs::create_dir_all(house.path("out/closed/2026-10")).unwrap();
    fs::write(house.path("out/closed/2026-10/half"), "a pack").unwrap();
    let closed = house.close(&[]);
    assert_ended(&closed, 0);
    assert!(stdout(&closed).contains("Closed 2026-10 of `month` on run 1"));
    let pack = house.path("out/closed/2026-10");
    assert!(!pack.join("half").exists());
    let cover = fs::read_to_string(pack.join("cover.txt")).unwrap();
    for line in cover.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for words in [
        "Closing pack 2026-10",
        "usage-to-invoice EUR",
        "owner: anna",
        "Accepted items: 0",
        "Restatements: 0",
        "Approved by",
    ] {
        assert!(cover.contains(words), "{words} in\n{cover}");
    }
    // Every file of the pack but the list itself, and every input, is in the list.
    let hashes = fs::read_to_string(pack.join("hashes.txt")).unwrap();
    let mut listed = 0;
    for line in hashes.lines() {
        let (hash, name) = line.split_once("  ").unwrap();
        let bytes = fs::read(pack.join(name)).unwrap();
        assert_eq!(blake3::hash(&bytes).to_hex().as_str(), hash, "{name}");
        listed += 1;
    }
    let there = crate::program::files_below(&pack).len();
    assert_eq!(listed, there - 1 + 3);
    for name in [
        "run/manifest.json",
        "run/variances.parquet",
        "ledger/breaks.csv",
    ] {
        assert!(hashes.contains(name), "{name}");
    }
    // The tables of the ledger beside the runs follow.
    let closes = fs::read_to_string(house.path("out/ledger/closes.csv")).unwrap();
    assert!(closes.contains("closed/2026-10"), "{closes}");
}

#[test]
fn tampering_is_named_wherever_it_was() {
    let house = House::closed();
    let whole = house.verify(&[]);
    assert_ended(&whole, 0);
    assert!(stdout(&whole).contains("Verified: nothing has moved in 1 run"));
    for path in [
        "out/current/variances.parquet",
        "out/current/manifest.json",
        "usage.csv",
        "out/closed/2026-10/ledger/breaks.csv",
        "out/closed/2026-10/run/summary.csv",
        "out/closed/2026-10/hashes.txt",
        "out/ledger/break_events.csv",
        "out/ledger/breaks.parquet",
    ] {
        let bytes = fs::read(house.path(path)).unwrap();
        let mut flipped = bytes.clone();
        // In a number of the manifest, so that it can still be read.
        let at = flipped.iter().rposition(u8::is_ascii_digit).unwrap();
        flipped[at] = if flipped[at] == b'0' { b'1' } else { b'0' };
        fs::write(house.path(path), flipped).unwrap();
        let found = house.verify(&[]);
        assert_ended(&found, 24);
        let name = path.rsplit('/').next().unwrap();
        let text = stdout(&found);
        assert!(text.contains(name), "{name} in {text}");
        assert!(
            text.lines().last().unwrap().starts_with("Not verified: "),
            "{text}"
        );
        fs::write(house.path(path), bytes).unwrap();
    }
    fs::rename(house.path("invoices.json"), house.path("away.json")).unwrap();
    let found = house.verify(&["2026-10"]);
    assert_ended(&found, 24);
    assert!(
        stdout(&found).contains("`invoices.json`: found no such file"),
        "{}",
        stdout(&found)
    );
    fs::rename(house.path("away.json"), house.path("invoices.json")).unwrap();
    assert_ended(&house.verify(&["--all"]), 0);
    assert_ended(&house.verify(&["1"]), 0);
    assert_ended(&house.verify(&["2026-09"]), 2);
    // A pointer that a hand has moved.
    let pointer = house.path("out/current");
    let target = fs::read_link(&pointer).unwrap();
    fs::remove_file(&pointer).unwrap();
    let found = house.verify(&[]);
    assert_ended(&found, 24);
    assert!(
        stdout(&found).contains("current`: found no pointer"),
        "{}",
        stdout(&found)
    );
    std::os::unix::fs::symlink(target, &pointer).unwrap();
    // The ledger last: its faults stay.
    house.tamper("UPDATE closes SET by = 'somebody'");
    assert!(stdout(&house.verify(&[])).contains("close 1 (closed of 2026-10): changed"));
    house.tamper("UPDATE break_events SET reason = 'it was me' WHERE event_no = 2");
    assert!(stdout(&house.verify(&[])).contains("event 2 (new of `B"));
    house.tamper("DELETE FROM break_events WHERE event_no = 1");
    let found = house.verify(&[]);
    assert_ended(&found, 24);
    assert!(
        stdout(&found).contains("event 1: removed"),
        "{}",
        stdout(&found)
    );
}

#[test]
fn a_reopened_period_takes_its_restatements_back() {
    let house = House::closed();
    let open = house.number("SELECT count(*) FROM breaks WHERE state <> 'resolved'");
    house.change_usage(7);
    house.run("month", FINAL);
    let posted = "SELECT count(*) FROM restatements WHERE posted_in = '2026-11'";
    assert!(house.number(posted) > 0);
    let before = house.number(posted);
    assert_eq!(
        house.number("SELECT count(*) FROM breaks WHERE state <> 'resolved'"),
        open
    );
    let reopened = house.reopen();
    assert_ended(&reopened, 0);
    assert!(
        stdout(&reopened).contains("by bo: came late"),
        "{}",
        stdout(&reopened)
    );
    assert_eq!(house.number(posted), 2 * before);
    let database = Connection::open(house.path("out/ledger.db")).unwrap();
    let mut statement = database.prepare("SELECT delta FROM restatements").unwrap();
    let deltas = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    let sum: rust_decimal::Decimal = deltas
        .map(|delta| delta.unwrap().parse::<rust_decimal::Decimal>().unwrap())
        .sum();
    assert!(sum.is_zero(), "{sum}");
    drop(statement);
    drop(database);
    // The pack stays, and so does the proof of it; only the usage has changed since.
    let found = stdout(&house.verify(&[]));
    let faults: Vec<&str> = found
        .lines()
        .filter(|line| line.starts_with("FAULT"))
        .collect();
    assert!(
        faults.iter().all(|fault| fault.contains("usage.csv")) && !faults.is_empty(),
        "{found}"
    );
    assert_ended(&house.reopen(), 2);
    // The last run was made under the close.
    let refused = house.close(&[]);
    assert_ended(&refused, 2);
    assert!(stderr(&refused).contains("made while the period was closed"));
    house.run("month", FINAL);
    assign_all(&house.path("out"), "month");
    assert_ended(&house.close(&[]), 0);
    assert!(house.path("out/closed/2026-10/cover.txt").is_file());
    assert!(house.path("out/closed/2026-10-2/cover.txt").is_file());
    // Nothing was posted under the second close.
    let reopened = house.reopen();
    assert_ended(&reopened, 0);
    assert!(stdout(&reopened).contains("0 restatements taken back"));
    house.tamper("DELETE FROM restatements WHERE run_no = 0");
    assert!(stdout(&house.verify(&[])).contains("the reversals of reopened periods"));
}

#[test]
fn a_run_made_again_has_the_same_bytes() {
    let house = House::closed();
    let again = ["2026-10", "--recompute", "--pipeline", "month.toml"];
    // A newer file that the pipeline would read is none of the run's.
    fs::copy(house.path("usage.csv"), house.path("usage-2.csv")).unwrap();
    let found = house.verify(&again);
    assert_ended(&found, 0);
    assert!(
        stdout(&found).contains("made again with the same bytes"),
        "{}",
        stdout(&found)
    );
    assert!(!house.path("out/.staging").exists());
    let set = "tie_out.usage-to-invoice.tolerance.absolute=\"1\"";
    let other = house.verify(&[&again[..], &["--set", set]].concat());
    assert_ended(&other, 2);
    let text = stderr(&other);
    assert!(
        text.contains("The settings of pipeline `month`: found"),
        "{text}"
    );
    assert!(text.contains("absolute"), "{text}");
}

/// A command that takes the settings of a fetched month, but no period of its own.
fn on_fetched(house: &served::House, arguments: &[&str], day: &str) -> Output {
    let mut command = program(arguments);
    for setting in [
        format!("partner_center.sandbox=http://{}", house.address),
        format!("state={}", house.path("state").display()),
        format!("out={}", house.path("out").display()),
    ] {
        command.args(["--set", &setting]);
    }
    command.env("TIEOUT_TODAY", day).output().unwrap()
}

#[test]
fn what_was_fetched_for_a_closed_period_stays_and_gives_the_same_bytes() {
    let house = served::House::new(serve(settings()));
    let run = house.run("run", &["-q"]);
    assert_ended(&run, 0);
    let out = house.path("out");
    assign_all(&out, "nightly");
    let close = ["close", "2026-10", "--by", "anna", "--out"];
    let closed = program(&[&close[..], &[out.to_str().unwrap()]].concat())
        .env("TIEOUT_TODAY", TODAY)
        .output()
        .unwrap();
    assert_ended(&closed, 0);
    let pipeline = "pipelines/nightly.toml";
    let again = ["verify", "2026-10", "--recompute", "--pipeline", pipeline];
    let found = on_fetched(&house, &again, TODAY);
    assert_ended(&found, 0);
    assert!(stdout(&found).contains("made again with the same bytes"));
    // Even where the run itself is gone by hand, what the pack was made of is spared.
    let fetched = house.run("fetch", &["-q", "--refresh"]);
    assert_ended(&fetched, 0);
    let manifest = fs::read(out.join("closed/2026-10/run/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    fs::remove_dir_all(out.join("runs").join(manifest["run_id"].as_str().unwrap())).unwrap();
    // None of the journal's lines is current any more: all that is kept is kept for the pack.
    fs::write(house.path("state/journal.jsonl"), "").unwrap();
    let prune = [
        "prune",
        pipeline,
        "--json",
        "--keep-days",
        "0",
        "--keep-daily",
        "1",
    ];
    let pruned = on_fetched(&house, &prune, "2027-03-01");
    assert_ended(&pruned, 0);
    let report: serde_json::Value = serde_json::from_slice(&pruned.stdout).unwrap();
    assert!(report["kinds"].to_string().contains("closed"), "{report}");
    assert!(report["removed_files"].as_u64().unwrap() > 0, "{report}");
    for input in manifest["inputs"].as_array().unwrap() {
        let path = input["unit"].as_str().unwrap();
        assert!(Path::new(path).is_file(), "{path}");
    }
    let found = on_fetched(&house, &["verify", "--pipeline", pipeline], TODAY);
    assert_ended(&found, 24);
    let text = stdout(&found);
    assert!(
        text.contains("manifest.json`: found no such file"),
        "{text}"
    );
    assert!(!text.contains("landing/"), "{text}");
}

#[test]
fn prune_spares_what_was_closed() {
    let house = House::closed();
    let current = |house: &House| {
        let target = fs::read_link(house.path("out/current")).unwrap();
        target.file_name().unwrap().to_str().unwrap().to_owned()
    };
    let closed = current(&house);
    assert_ended(&house.reopen(), 0);
    let mut ids = vec![closed.clone()];
    for number in 1..4 {
        house.change_usage(number);
        house.run("month", FINAL);
        ids.push(current(&house));
    }
    fs::create_dir_all(house.path("out/runs/strange")).unwrap();
    let there = |id: &str| house.path("out/runs").join(id).is_dir();
    let flags = [
        "prune",
        "month.toml",
        "--keep-daily",
        "0",
        "--keep-monthly",
        "0",
    ];
    let dry = house.tieout(&[&flags[..], &["--dry-run"]].concat());
    assert_ended(&dry, 0);
    assert!(
        stdout(&dry).contains("Would remove 2 runs, kept 3"),
        "{}",
        stdout(&dry)
    );
    assert!(
        stderr(&dry).contains("run `strange` is not in the ledger"),
        "{}",
        stderr(&dry)
    );
    assert!(ids.iter().all(|id| there(id)));
    // The newest of the day is the newest of all here.
    let kept = house.tieout(&flags);
    assert_ended(&kept, 0);
    let stay: Vec<bool> = ids.iter().map(|id| there(id)).collect();
    assert_eq!(stay, [true, false, false, true]);
    assert!(there("strange"));
    assert!(!house.path("out/.staging").exists());
    let all = house.verify(&["--all"]);
    assert!(
        stderr(&all).contains("not there any more; nothing needs it"),
        "{}",
        stderr(&all)
    );
    // Without numbers a pipeline of files has nothing to prune.
    assert_ended(&house.tieout(&["prune", "month.toml"]), 2);
}
