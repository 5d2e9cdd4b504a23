//! Inputs that change while a run reads them: replaced by rename, rewritten in place, grown, cut,
//! touched. The run fails with 24 and publishes nothing, or publishes one content whole, under its
//! hash; the next run is right, whatever the cache holds.
//!
//! strace stops the program at its Nth look at the file, so that every point is reached for sure.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tieout::sources::files::{FileError, HeldFile};

use crate::changing_inputs::{Published, World, published};
use crate::program::{stderr, tieout};
use crate::runs::is_quick;

/// Formats whose files are changed.
const KINDS: [&str; 6] = ["csv", "gzip", "jsonl", "page", "parquet", "headers"];
/// Ways in which files are changed.
const CHANGES: [&str; 8] = [
    "rename",
    "rename, same size",
    "rewrite",
    "same size",
    "date put back",
    "grow",
    "cut",
    "touch",
];

/// A point of a run: the Nth call by this name of a thread that concerns the file. strace counts the
/// calls of each name for themselves.
type Point = (String, u32);

/// The program under strace, which stops it at a point, if any.
fn stopped_at(point: Option<&Point>, world: &World, log: &Path) -> Child {
    let path = fs::canonicalize(world.path()).unwrap();
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-o"])
        .arg(log)
        .arg("-P")
        .arg(path);
    if let Some((name, nth)) = point {
        command.args(["-e", &format!("inject={name}:signal=SIGSTOP:when={nth}")]);
    }
    command.arg(env!("CARGO_BIN_EXE_tieout"));
    command
        .args(world.arguments())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Calls of the busiest thread that concern the file, in their order, but the first.
fn points(world: &World) -> Vec<Point> {
    world.reset(false);
    let log = world.folder.path().join("log");
    stopped_at(None, world, &log).wait().unwrap();
    drop(fs::remove_dir_all(world.out()));
    let mut calls: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let Some((name, _)) = call.trim_start().split_once('(') else {
            continue;
        };
        if name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            continue;
        }
        let of_thread = calls.entry(thread.to_owned()).or_default();
        let before = of_thread.iter().filter(|(known, _)| known == name).count();
        of_thread.push((name.to_owned(), u32::try_from(before).unwrap() + 1));
    }
    let mut busiest = calls.into_values().max_by_key(Vec::len).unwrap();
    // More than one thread makes the first call.
    busiest.remove(0);
    busiest
}

/// Runs the program, changes the file at a point, and lets it go on; its exit code, and whether it
/// came to that point: how many calls a thread makes differs from run to run.
fn run_changed(world: &World, point: &Point, change: &str) -> (i32, bool) {
    let log = world.folder.path().join("log");
    drop(fs::remove_file(&log));
    let mut child = stopped_at(Some(point), world, &log);
    let (mut stops, mut is_changed) = (0, false);
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code().unwrap(), is_changed);
        }
        assert!(started.elapsed() < Duration::from_secs(60), "it hangs");
        let text = fs::read_to_string(&log).unwrap_or_default();
        let now = text.matches("--- stopped by SIGSTOP").count();
        if now > 0 && !is_changed {
            world.change(change);
            is_changed = true;
        }
        if now > stops || is_changed {
            stops = now;
            // Each thread comes to its own Nth call, and stops all of them again.
            let process = text.split(' ').next().unwrap_or_default();
            drop(Command::new("kill").args(["-CONT", process]).output());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn has_strace() -> bool {
    Command::new("strace").arg("-V").output().is_ok()
}

/// Changes the file of a kind in one way at one point; a failure as text.
fn check(
    world: &World,
    point: &Point,
    change: &str,
    references: &[(i32, Option<Published>)],
    is_fresh: bool,
) -> Result<bool, String> {
    let (name, nth) = point;
    let what = format!("{} {change} at {name} {nth}, fresh: {is_fresh}", world.kind);
    // With the cache of the point before nothing would be read, and hardly a point be reached.
    drop(fs::remove_dir_all(world.out()));
    world.reset(is_fresh);
    let (code, is_changed) = run_changed(world, point, change);
    let found = published(&world.out());
    let is_whole = references
        .iter()
        .any(|reference| *reference == (code, found.clone()));
    if !(is_whole || code == 24 && found.is_none()) {
        return Err(format!(
            "{what}: exit {code}, published: {}",
            found.is_some()
        ));
    }
    // The next run has the cache of the first.
    if !is_next_right(world, (code, found)) {
        return Err(format!("{what}: the next run is wrong"));
    }
    Ok(is_changed)
}

/// True if the next run, which has the cache of the first, comes to what the file holds now. One
/// that publishes nothing leaves `current` at what the first had published, and so does one that is
/// incomplete if the first was complete.
fn is_next_right(world: &World, (first_code, first): (i32, Option<Published>)) -> bool {
    let next = (world.run(), published(&world.out()));
    let (code, alone) = world.alone();
    let shown = match (first_code, code) {
        (0, 11) => first.or(alone),
        _ => alone.or(first),
    };
    next == (code, shown)
}

/// The references of a kind and a change: the file before and after it, each read alone.
fn references(world: &World, change: &str) -> Vec<(i32, Option<Published>)> {
    world.reset(false);
    let before = world.alone();
    world.change(change);
    vec![before, world.alone()]
}

/// Sweeps over the changes of one kind, at `count` points of each.
fn sweep(kind: &'static str, count: usize, changes: &[&str]) -> Vec<String> {
    let world = World::new(kind);
    let points = points(&world);
    let (mut failed, mut reached, mut all) = (Vec::new(), 0, 0);
    for (number, change) in changes.iter().enumerate() {
        let references = references(&world, change);
        let count = count.min(points.len());
        for at in 0..count {
            let shift = number % points.len().div_ceil(count);
            let point = &points[(at * points.len() / count + shift).min(points.len() - 1)];
            // Of a few points each is tried in one way, of many in both.
            let both = [at % 2 == 1, at % 2 == 0];
            for is_fresh in both.into_iter().take(if count > 10 { 2 } else { 1 }) {
                all += 1;
                match check(&world, point, change, &references, is_fresh) {
                    Ok(is_changed) => reached += u32::from(is_changed),
                    Err(error) => failed.push(error),
                }
            }
        }
    }
    // How many calls a thread makes differs a little from run to run.
    if reached * 4 < all * 3 {
        failed.push(format!("{kind}: {reached} of {all} points were reached"));
    }
    failed
}

fn sweep_all(count: usize, changes: impl Fn(usize) -> Vec<&'static str> + Sync) {
    let failed: Vec<String> = std::thread::scope(|scope| {
        let changes = &changes;
        let sweeps: Vec<_> = KINDS
            .into_iter()
            .enumerate()
            .map(|(number, kind)| scope.spawn(move || sweep(kind, count, &changes(number))))
            .collect();
        sweeps
            .into_iter()
            .flat_map(|sweep| sweep.join().unwrap())
            .collect()
    });
    assert!(
        failed.is_empty(),
        "{}:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn a_file_that_changes_is_one_content_or_none() {
    if !has_strace() {
        eprintln!("skipped: strace is not installed");
        return;
    }
    // Each kind replaced in one way, and changed in place in another.
    sweep_all(4, |number| vec![CHANGES[number % 2], CHANGES[2 + number]]);
}

#[test]
fn a_file_that_changes_at_any_point_is_one_content_or_none() {
    if !has_strace() || is_quick("twenty points of each change of each format") {
        return;
    }
    sweep_all(20, |_| CHANGES.to_vec());
}

#[test]
fn a_file_that_changes_at_random_times_is_one_content_or_none() {
    if is_quick("500 random times") {
        return;
    }
    let mut failed = Vec::new();
    for kind in KINDS {
        let world = World::new(kind);
        world.reset(false);
        let started = Instant::now();
        world.alone();
        let usual = started.elapsed();
        for (number, change) in (0_u32..84).zip(CHANGES.into_iter().cycle()) {
            let references = references(&world, change);
            world.reset(number % 2 == 0);
            let mut child = Command::new(env!("CARGO_BIN_EXE_tieout"))
                .args(world.arguments())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // A step that shares no factor with the number of times: every part of the run is hit.
            std::thread::sleep(usual * (number * 37 % 84) / 84);
            world.change(change);
            let code = child.wait().unwrap().code().unwrap();
            let found = published(&world.out());
            let is_whole = references.contains(&(code, found.clone()));
            if !(is_whole || code == 24 && found.is_none()) {
                failed.push(format!("{kind} {change} {number}: exit {code}"));
            }
            if !is_next_right(&world, (code, found)) {
                failed.push(format!("{kind} {change} {number}: the next run is wrong"));
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{}:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
fn what_is_no_file_is_named_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    for (path, wanted) in [
        (fifo.as_path(), "found a pipe (FIFO), wanted a file"),
        (folder.path(), "found a folder, wanted a file"),
        (Path::new("/dev/null"), "found a device, wanted a file"),
    ] {
        let error = HeldFile::open(path).unwrap_err();
        assert!(error.to_string().ends_with(wanted), "{error}");
    }
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("nothing", &link).unwrap();
    let error = HeldFile::open(&link).unwrap_err();
    assert!(matches!(error, FileError::Unreadable { .. }), "{error}");
}

#[test]
fn explain_names_what_took_the_place_of_an_input() {
    let world = World::new("csv");
    world.reset(false);
    assert_eq!(world.run(), 0);
    let out = world.out();
    let variances = crate::runs::Published::read(&out.join("current"), "variances");
    let is_usage = |row: &&Vec<String>| variances.cell(row, "tie_out") == "usage-to-invoice";
    let row = variances.rows.iter().find(is_usage).unwrap();
    let id = variances.cell(row, "break_id");
    let explain = || tieout(&["explain", id, "--out", out.to_str().unwrap()]);
    assert_eq!(explain().status.code(), Some(0), "{}", stderr(&explain()));
    world.change("date put back");
    let told = explain();
    assert_eq!(told.status.code(), Some(24), "{}", stderr(&told));
    fs::remove_file(world.path()).unwrap();
    let made = Command::new("mkfifo").arg(world.path()).status().unwrap();
    assert!(made.success());
    let told = explain();
    // Whatever stands there now is not what the run read.
    assert_eq!(told.status.code(), Some(24), "{}", stderr(&told));
}
