//! The kill sweep: the program is killed at, or refused, each call that touches a file. Whatever
//! happens, a reader finds the old run or the new one whole, the exit code is that of local storage,
//! and the next run gives the tables of one that was not disturbed, and leaves nothing behind.
//!
//! A few calls are swept in each test run; all of them, with every fault, with
//! `TIEOUT_SLOW_TESTS=1`, or those of one path, as `TIEOUT_SWEEP=/out/cache/kept`.

mod sweep;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tieout::ledger::failure::LedgerError;
use tieout::pipeline::failure::RunError;
use tieout::pipeline::options::Options;
use tieout::pipeline::run::run;
use tieout::progress::reporting::Progress;
use tieout::reports::failure::PublishError;

use self::sweep::{Sweep, turn};
use crate::closing_house::{FINAL, assign_all};
use crate::program::{PACKAGE, program, stderr};
use crate::runs::{is_quick, plan};
use crate::served::{House, serve, settings};
use crate::traced::has_strace;

/// Calls that decide what a reader sees, and the end of the path that they are about.
const TELLING: [(&str, &str, &str); 18] = [
    ("rename", "/runs/NEW", "KILL"),
    ("rename", "/runs/NEW", "EIO"),
    ("rename", "/current", "KILL"),
    ("rename", "/current", "EIO"),
    ("symlink", "/.current.new", "KILL"),
    ("symlink", "/.current.new", "ENOSPC"),
    ("fsync", "/.staging", "KILL"),
    ("fsync", "/runs", "KILL"),
    ("fsync", "/runs", "EIO"),
    ("fsync", "/out", "KILL"),
    ("fsync", "/out", "EIO"),
    ("openat", "/.staging/manifest.json", "EMFILE"),
    ("write", "/.staging/manifest.json", "ENOSPC"),
    ("fsync", "/.staging/variances.csv", "EDQUOT"),
    ("fsync", "/ledger.db", "KILL"),
    ("pwrite64", "/ledger.db", "EIO"),
    ("unlink", "/ledger.db-journal", "KILL"),
    ("rename", "/periods/2026-10", "KILL"),
];

/// Flags of a run over the month of `samples/`, whose usage has one of two names.
fn arguments(world: &Path, usage: &str) -> Vec<String> {
    let flags = [
        ("--usage", world.with_file_name(usage)),
        ("--invoice-lines", world.with_file_name("invoice-lines.csv")),
        ("--invoices", world.with_file_name("invoices.json")),
        ("--out", world.join("out")),
    ];
    let flags = flags.map(|(flag, path)| [flag.to_owned(), path.display().to_string()]);
    let first = ["-q", "reconcile", "--threads", "1"].map(str::to_owned);
    first
        .into_iter()
        .chain(flags.into_iter().flatten())
        .collect()
}

/// Publishes the run of an earlier day, with half of the usage.
fn earlier_run(world: &Path) {
    // Copies, for a call is ours if its path is in the folder of the sweep.
    for name in ["usage.csv", "invoice-lines.csv", "invoices.json"] {
        let sample = Path::new(PACKAGE).join("samples/month").join(name);
        fs::copy(sample, world.with_file_name(name)).unwrap();
    }
    let whole = fs::read_to_string(world.with_file_name("usage.csv")).unwrap();
    let half: Vec<&str> = whole.lines().take(501).collect();
    fs::write(world.with_file_name("half.csv"), half.join("\n")).unwrap();
    // The cache trusts no file that changed a moment ago.
    std::thread::sleep(Duration::from_millis(250));
    succeeds(program(&arguments(world, "half.csv")));
    // Words of people, none of which may be lost.
    assign_all(&world.join("out"), "reconcile");
}

fn succeeds(mut command: Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

/// A run that reads one new file, and moves `current` on.
fn next_day() -> Sweep {
    Sweep::new("next day", earlier_run, |world| {
        program(&arguments(world, "usage.csv"))
    })
}

#[test]
fn at_the_telling_calls_a_reader_finds_the_old_run_or_the_new_one() {
    if !has_strace() {
        return;
    }
    let sweep = next_day();
    sweep.run(|site, fault| {
        let path = sweep.shown(&site.path);
        let mut telling = TELLING.iter();
        telling.any(|(call, end, name)| {
            *call == site.call && path.ends_with(end) && *name == fault.name()
        })
    });
}

#[test]
fn at_every_call_of_a_run_that_moves_the_pointer() {
    if is_quick("a sweep of some 500 runs") || !has_strace() {
        return;
    }
    next_day().run_all(0);
}

#[test]
fn at_every_call_of_a_run_with_the_analyst_folder() {
    if is_quick("a sweep of some 900 runs") || !has_strace() {
        return;
    }
    let with_analyst = |world: &Path, usage: &str| {
        let mut command = program(&arguments(world, usage));
        command.arg("--analyst");
        command
    };
    let prepare = move |world: &Path| {
        earlier_run(world);
        succeeds(with_analyst(world, "half.csv"));
    };
    Sweep::new("analyst", prepare, move |world| {
        with_analyst(world, "usage.csv")
    })
    .run_all(0);
}

#[test]
fn at_every_call_of_the_same_run_again() {
    if is_quick("a sweep of some 500 runs") || !has_strace() {
        return;
    }
    let prepare = |world: &Path| {
        earlier_run(world);
        succeeds(program(&arguments(world, "usage.csv")));
    };
    Sweep::new("again", prepare, |world| {
        program(&arguments(world, "usage.csv"))
    })
    .run_all(1);
}

/// Name of the variable that has the folder of [`bound_run`].
const BOUND: &str = "TIEOUT_TEST_BOUND_RUN";

/// Memory of [`bound_run`], in bytes: so few that a small month goes to disk. The command line
/// refuses that little.
const LITTLE: u64 = 1 << 20;

/// The program of the next sweep, and nothing by itself: a run in little memory.
#[test]
fn bound_run() {
    let Some(world) = std::env::var_os(BOUND).map(PathBuf::from) else {
        return;
    };
    let globs = ["usage.csv", "invoice-lines.csv", "invoices.json"]
        .map(|name| vec![world.with_file_name(name).display().to_string()]);
    let options = Options {
        threads: Some(1),
        memory: Some(LITTLE),
        ..Options::default()
    };
    let progress = Progress::default();
    match run(&plan(&globs, &world.join("out")), &options, &progress) {
        Ok(_) => {
            let phases = progress.phases();
            assert!(
                phases
                    .iter()
                    .any(|phase| phase.name == "compare part by part")
            );
        }
        Err(error) => {
            let error = *error.reason;
            let code = match error {
                RunError::File(_)
                | RunError::Ledger(LedgerError::Storage { .. } | LedgerError::Late { .. })
                | RunError::Behind { .. }
                | RunError::Publish(PublishError::Storage { .. } | PublishError::Late { .. }) => 22,
                _ => 1,
            };
            let words = format!("{error}\nhint: {}\n", error.hint().unwrap_or_default());
            std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes()).unwrap();
            std::process::exit(code);
        }
    }
}

#[test]
fn at_every_call_of_a_run_in_little_memory() {
    if is_quick("a sweep of some 1,000 runs") || !has_strace() {
        return;
    }
    let command = |world: &Path| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "kill_sweep::bound_run", "--nocapture"])
            .args(["--test-threads", "1"])
            .env(BOUND, world);
        command
    };
    let sweep = Sweep::new("little memory", earlier_run, command);
    let _turn = turn(0);
    // The scratch file has no name, and all its writes leave the same on disk: a few are enough.
    sweep.run(|site, _| !site.path.contains("deleted") || site.number % 32 == 0);
}

/// The nightly pipeline, with two of its other datasets.
fn small_pipeline(folder: &Path) -> PathBuf {
    let nightly = fs::read_to_string(Path::new(PACKAGE).join("pipelines/nightly.toml")).unwrap();
    let (before, rest) = nightly.split_once("fetch = [").unwrap();
    let (_, after) = rest.split_once(']').unwrap();
    let path = folder.join("small.toml");
    let fetch = "fetch = [\"customers\", \"invoice_summary\"]";
    fs::write(&path, format!("{before}{fetch}{after}")).unwrap();
    path
}

/// A command of the nightly pipeline, in a folder of its own.
fn nightly(world: &Path, address: SocketAddr, more: &[&str]) -> Command {
    let pipeline = small_pipeline(world.parent().unwrap());
    let house = House {
        folder: tempfile::tempdir().unwrap(),
        address,
    };
    let mut command = house.command_on(pipeline.to_str().unwrap(), "run", &["-q", "--tables"]);
    for name in ["state", "out"] {
        let setting = format!("{name}={}", world.join(name).display());
        command.args(["--set", &setting]);
    }
    command.args(["--threads", "1"]).args(more);
    command
}

#[test]
fn at_every_call_of_a_night() {
    if is_quick("a sweep of some 1,000 runs") || !has_strace() {
        return;
    }
    let address = serve(settings());
    let prepare = |world: &Path| {
        let more = [
            "--set",
            "tie_out.usage-to-invoice.tolerance.materiality=1.00",
        ];
        succeeds(nightly(world, address, &more));
        fs::remove_dir_all(world.join("state")).unwrap();
    };
    Sweep::new("night", prepare, move |world| nightly(world, address, &[])).run_all(1);
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn on_a_disk_that_is_full_at_any_size() {
    // Of each size in the slow run, of a few in each.
    let step = if is_quick("a disk that is full at each of 170 sizes") {
        160
    } else {
        4
    };
    let sweep = next_day();
    let mut wrong = Vec::new();
    for room in (0..680).step_by(step) {
        let Some(found) = sweep.try_full(room) else {
            eprintln!("skipped: no right to mount a small file system");
            return;
        };
        wrong.extend(found.iter().map(|what| format!("{room} KiB: {what}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A command on the ledger of a world, on a day on which October is final.
fn on_ledger(world: &Path, arguments: &[&str]) -> Command {
    let mut command = program(arguments);
    command.arg("--out").arg(world.join("out"));
    command.env("TIEOUT_TODAY", FINAL).env("TIEOUT_ACTOR", "bo");
    command
}

/// A month with its whole usage, whose breaks all have an owner.
fn settled(world: &Path) {
    earlier_run(world);
    let mut command = program(&arguments(world, "usage.csv"));
    command.args(["--as-of", FINAL]);
    succeeds(command);
    assign_all(&world.join("out"), "reconcile");
    // Words of the library leave the tables behind; the command that is swept must find them as a
    // command leaves them, or it writes them twice, and survives what the first time is refused.
    succeeds(on_ledger(world, &["verify", "--all"]));
}

#[test]
fn at_every_call_of_a_word() {
    if is_quick("a sweep of some 300 commands") || !has_strace() {
        return;
    }
    let mut sweep = Sweep::new("word", settled, |world| {
        let listed = on_ledger(world, &["breaks", "list", "--json"]).output();
        let listed: serde_json::Value = serde_json::from_slice(&listed.unwrap().stdout).unwrap();
        let id = listed["breaks"][0]["break_id"].as_str().unwrap().to_owned();
        let until = ["--reason", "on its way", "--until", "2026-12-31"];
        on_ledger(world, &[&["breaks", "accept", &id][..], &until].concat())
    });
    sweep.asked = Some(|world| on_ledger(world, &["breaks", "list"]));
    sweep.run_all(0);
}

#[test]
fn at_every_call_of_a_close() {
    if is_quick("a sweep of some 500 commands") || !has_strace() {
        return;
    }
    let mut sweep = Sweep::new("close", settled, |world| {
        on_ledger(world, &["close", "2026-10"])
    });
    sweep.asked = Some(|world| on_ledger(world, &["verify", "--all"]));
    sweep.run_all(1);
}
