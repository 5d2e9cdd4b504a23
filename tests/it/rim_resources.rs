//! A machine that gives too little: descriptors, threads, memory, disk, stack. Each ends with exit
//! code 22 and the thing that is missing, publishes nothing, and leaves nothing that the next run
//! does not remove.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use tieout::synth::Format;

use crate::program::{printed, stderr};
use crate::runs::{globs, month};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tieout");

/// A month, and the flags that reconcile it into `out`.
fn case(seed: u64) -> (TempDir, Vec<String>) {
    let folder = month(3_000, seed, &[Format::Csv]);
    let [usage, lines, invoices] = globs(folder.path(), Format::Csv);
    let flags = [
        "reconcile",
        "--usage",
        &usage[0],
        "--invoice-lines",
        &lines[0],
    ]
    .into_iter()
    .chain(["--invoices", &invoices[0], "--out", "out"])
    .map(str::to_owned)
    .collect();
    (folder, flags)
}

/// Runs the program in `folder`, in a shell that has set `limits`.
fn under(limits: &str, folder: &Path, arguments: &[String]) -> Output {
    Command::new("sh")
        .args(["-c", &format!("{limits} && exec \"$@\""), "sh", PROGRAM])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Checks that a run failed with 22 and said so, that nothing is published, and that the next run
/// succeeds and leaves nothing beside itself.
fn failed_for_want(output: &Output, words: &[&str], folder: &Path, arguments: &[String]) {
    let told = stderr(output);
    assert_eq!(output.status.code(), Some(22), "{told}");
    let is_told = words.iter().any(|words| told.contains(words));
    assert!(is_told, "wanted one of {words:?} in {told}");
    assert!(!told.contains("panicked"), "{told}");
    let out = folder.join("out");
    assert!(fs::symlink_metadata(out.join("current")).is_err(), "{told}");
    let next = under("true", folder, arguments);
    assert!(next.status.success(), "{}", stderr(&next));
    let mut left: Vec<String> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    left.retain(|name| name != "cache");
    let wanted = [
        ".lock",
        "current",
        "ledger",
        "ledger-tables",
        "ledger.db",
        "periods",
        "runs",
    ];
    assert_eq!(left, wanted);
    fs::remove_dir_all(&out).unwrap();
}

#[test]
fn too_few_descriptors_are_told_before_anything_is_done() {
    let (folder, flags) = case(41);
    for limit in [6, 7, 8, 10, 12, 13, 16, 20] {
        let output = under(&format!("ulimit -n {limit}"), folder.path(), &flags);
        assert!(!folder.path().join("out").exists(), "{limit}");
        let words = &["Too many open files"];
        failed_for_want(&output, words, folder.path(), &flags);
        assert!(stderr(&output).contains("ulimit -n"), "{output:?}");
    }
    // A long list of files and many threads do with a limit that is still far below the usual one.
    let two: Vec<String> = flags
        .iter()
        .cloned()
        .chain(["--threads", "2"].map(str::to_owned))
        .collect();
    let enough = under("ulimit -n 64", folder.path(), &two);
    assert!(enough.status.success(), "{}", stderr(&enough));
}

/// The bytes of a run's tables need more than the limit: each write that exceeds it fails, and no
/// signal ends the process.
#[test]
fn a_limit_on_the_size_of_files_is_an_error_with_its_path() {
    let (folder, flags) = case(42);
    // SQLite has words of its own for a write that the system refuses.
    let refused = ["File too large", "disk I/O error"];
    for (blocks, words) in [
        (0, "out/.lock"),
        (1, "out/ledger.db"),
        (64, "out/ledger.db"),
    ] {
        // dash counts blocks of 512 bytes, bash of 1,024: neither is enough here.
        let output = under(&format!("ulimit -f {blocks}"), folder.path(), &flags);
        assert!(stderr(&output).contains(words), "{output:?}");
        failed_for_want(&output, &refused, folder.path(), &flags);
    }

    let spilled: Vec<String> = flags
        .iter()
        .cloned()
        .chain(["--memory", "256MiB"].map(str::to_owned))
        .collect();
    let output = under("ulimit -f 8", folder.path(), &spilled);
    failed_for_want(&output, &refused, folder.path(), &flags);
    // Stdout that leads to a file is such a file, too.
    let limited = "ulimit -f 0 && exec >to";
    let output = under(limited, folder.path(), &["schema".to_owned()]);
    assert_eq!(output.status.code(), Some(22), "{}", printed(&output));
    assert!(stderr(&output).contains("stdout"), "{output:?}");
}

#[test]
fn the_stack_of_the_shell_does_not_matter() {
    let (folder, flags) = case(43);
    for kib in [64, 256] {
        let output = under(&format!("ulimit -s {kib}"), folder.path(), &flags);
        assert!(output.status.success(), "{kib}: {}", stderr(&output));
    }
}

/// Limits on threads do not hold for root: there the program runs as `nobody`.
#[test]
fn threads_that_cannot_start_are_told() {
    let (folder, flags) = case(44);
    let Some(words) = as_plain_user(folder.path()) else {
        return;
    };
    let run = |limit: &str| {
        Command::new(&words[0])
            .args(&words[1..])
            .args(["prlimit", &format!("--nproc={limit}"), PROGRAM])
            .args(&flags)
            .args(["--threads", "4"])
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    for limit in ["1", "2", "3", "4", "6", "8"] {
        let output = run(limit);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(22), "{limit}: {told}");
        assert!(told.contains("thread"), "{told}");
        assert!(!told.contains("panicked"), "{told}");
        assert!(!folder.path().join("out").exists(), "{limit}: {told}");
    }
    let output = run("10000");
    assert!(output.status.success(), "{}", stderr(&output));
}

/// Says why a test ends early, past the capture of the test harness.
fn skipped(reason: &str) {
    writeln!(std::io::stderr(), "skipped: {reason}").unwrap();
}

/// The words by which a command is run as a user that no process runs as; `None`, with a message,
/// where that is not to be had.
fn as_plain_user(folder: &Path) -> Option<Vec<String>> {
    let words: Vec<String> = ["setpriv", "--reuid", "59999", "--clear-groups"]
        .map(str::to_owned)
        .to_vec();
    // The folder is the test's own; whoever runs the program there has to write to it.
    let is_open = Command::new("chown")
        .args(["-R", "59999"])
        .arg(folder)
        .output()
        .is_ok_and(|output| output.status.success());
    let can_run = Command::new(&words[0])
        .args(&words[1..])
        .args(["prlimit", "--nproc=100", PROGRAM, "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !is_open || !can_run {
        skipped("no right to become another user, who can reach the program");
    }
    (is_open && can_run).then_some(words)
}

#[test]
fn address_space_that_cannot_do_is_told() {
    let (folder, flags) = case(45);
    for kib in [100_000, 200_000, 400_000] {
        let output = under(&format!("ulimit -v {kib}"), folder.path(), &flags);
        let words = &["memory"];
        failed_for_want(&output, words, folder.path(), &flags);
        assert!(stderr(&output).contains("ulimit -v"), "{output:?}");
    }
}

#[test]
fn threads_beyond_what_helps_are_capped_and_said() {
    let (folder, flags) = case(46);
    let with = |threads: &str| {
        let more = ["--threads", threads].map(str::to_owned);
        let all: Vec<String> = flags.iter().cloned().chain(more).collect();
        under("ulimit -n 1000", folder.path(), &all)
    };
    let output = with("50000");
    let told = stderr(&output);
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("`--threads 50000`").count(), 1, "{told}");
    let output = with("0");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("wanted 1 or more"), "{output:?}");
    assert!(!stderr(&with("3")).contains("threads"));
}

#[test]
fn deep_nesting_is_an_error_in_every_reader() {
    let (folder, flags) = case(47);
    let deep = "[".repeat(100_000);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let texts = [
        ("lines.json", format!("{{\"CustomerId\":{deep}\n")),
        ("page.json", format!("{{\"items\":{deep}")),
        (
            "other.json",
            format!("{{\"attributes\":{deep},\"items\":[]}}"),
        ),
        ("bare.json", deep.clone()),
        ("objects.json", "{\"a\":".repeat(100_000)),
    ];
    for (name, text) in texts {
        fs::write(path(name), text).unwrap();
        for place in [2, 4, 6] {
            let mut arguments = flags.clone();
            arguments[place] = path(name);
            let output = under("ulimit -s 64", folder.path(), &arguments);
            let told = stderr(&output);
            let code = output.status.code();
            assert!(
                matches!(code, Some(0 | 2 | 11)),
                "{name} {place}: {code:?} {told}"
            );
            assert!(!told.contains("overflow"), "{name} {place}: {told}");
        }
    }
    for toml in [
        format!("name = {deep}"),
        format!("name = {}", "{ a = ".repeat(100_000)),
        format!("[{}a]", "a.".repeat(100_000)),
        format!("{}a = 1", "a.".repeat(100_000)),
    ] {
        fs::write(path("deep.toml"), toml).unwrap();
        let arguments = ["run".to_owned(), path("deep.toml")];
        let output = under("ulimit -s 64", folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
}

#[test]
fn a_day_that_is_none_is_refused() {
    let (folder, flags) = case(48);
    let current = ["--period", "current"].map(str::to_owned);
    let flags: Vec<String> = flags.into_iter().chain(current).collect();
    for day in ["tomorrow", "2026-13-01", ""] {
        let output = under(
            &format!("export TIEOUT_TODAY='{day}'"),
            folder.path(),
            &flags,
        );
        assert_eq!(output.status.code(), Some(2), "{day}");
        assert!(stderr(&output).contains("TIEOUT_TODAY"), "{output:?}");
    }
}

#[test]
fn flags_that_would_have_no_effect_do_not_exist() {
    let (folder, flags) = case(49);
    for flag in ["--refresh", "--tables"] {
        let all: Vec<String> = flags.iter().cloned().chain([flag.to_owned()]).collect();
        let output = under("true", folder.path(), &all);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
}

#[test]
fn a_folder_that_is_not_empty_is_a_mistake_of_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine"), "").unwrap();
    let arguments = ["synth", "--rows", "10", "--seed", "1", "--out", "."].map(str::to_owned);
    let output = under("true", folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("not empty"), "{output:?}");
}

/// A disk that is full: a small file system, where this process may mount one.
#[test]
fn a_full_disk_is_told() {
    let (folder, flags) = case(50);
    let script = "mount -t tmpfs -o size=$0k none out && exec \"$@\"";
    for kib in [4, 16, 64, 256] {
        fs::create_dir_all(folder.path().join("out")).unwrap();
        // In a mount namespace of its own, which ends with the program.
        let output = Command::new("unshare")
            .args(["-m", "sh", "-c", script, &kib.to_string(), PROGRAM])
            .args(&flags)
            .current_dir(folder.path())
            .output();
        let told = output.as_ref().map(stderr).unwrap_or_default();
        if output.is_err() || told.contains("unshare") || told.contains("mount:") {
            skipped("no right to mount a small file system");
            return;
        }
        let words = &["No space left", "disk is full"];
        failed_for_want(&output.unwrap(), words, folder.path(), &flags);
    }
}
