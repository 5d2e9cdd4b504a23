//! The kill sweep: the program is killed at, or refused, each call that touches a file. Whatever
//! happens, a reader finds the old run or the new one whole, the exit code is that of local storage,
//! and the next run gives the tables of one that was not disturbed, and leaves nothing behind.
//!
//! A few calls are swept in each test run; all of them, with every fault, with
//! `TIEOUT_SLOW_TESTS=1`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tieout::pipeline::failure::RunError;
use tieout::pipeline::options::Options;
use tieout::pipeline::run::run;
use tieout::progress::reporting::Progress;
use tieout::reports::failure::PublishError;

use crate::program::{PACKAGE, program, stderr};
use crate::runs::{is_quick, plan};
use crate::served::{House, serve, settings};
use crate::traced::{FAULTS, Fault, Site, Traced, has_strace, run_with, sites};
use crate::worlds::{copy, current, names, tables, whole};

/// Sweeps that may run at the same time: two, for each keeps a core busy.
static TURNS: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];

/// Calls that decide what a reader sees, and the end of the path that they are about.
const TELLING: [(&str, &str, &str); 14] = [
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
];

/// A command whose calls are swept. Each try starts from the same folders, at the same paths.
struct Sweep {
    name: &'static str,
    folder: TempDir,
    command: Box<dyn Fn(&Path) -> Command>,
    /// Run that `current` points at before, and after a run that is not disturbed.
    runs: [String; 2],
    /// Names of all files after a run that is not disturbed, and the bytes of its tables.
    reference: (Vec<String>, BTreeMap<String, Vec<u8>>),
}

impl Sweep {
    /// A sweep of a command that works in the folder it is given; `prepare` makes what is there
    /// before.
    fn new(
        name: &'static str,
        prepare: impl FnOnce(&Path),
        command: impl Fn(&Path) -> Command + 'static,
    ) -> Self {
        // Not `.tmp`: that is how the program's own temporary files begin.
        let folder = tempfile::Builder::new().prefix("sweep-").tempdir().unwrap();
        let world = folder.path().join("world");
        fs::create_dir(&world).unwrap();
        prepare(&world);
        copy(&world, &folder.path().join("before"));
        let old = current(&world);
        let output = command(&world).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        Self {
            name,
            reference: (names(&world), tables(&world)),
            runs: [old, current(&world)],
            command: Box::new(command),
            folder,
        }
    }

    fn world(&self) -> PathBuf {
        self.folder.path().join("world")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Puts everything back to where it was before.
    fn restore(&self) {
        fs::remove_dir_all(self.world()).unwrap();
        copy(&self.folder.path().join("before"), &self.world());
    }

    /// All calls that are ours: not those of the loader and of the network.
    fn sites(&self) -> BTreeSet<Site> {
        self.restore();
        let all = sites(&(self.command)(&self.world()), &self.log());
        all.into_iter()
            .filter(|site| self.is_ours(&site.path))
            .collect()
    }

    fn is_ours(&self, path: &str) -> bool {
        path.starts_with(self.folder.path().to_str().unwrap())
    }

    /// A path as it is told: without what differs from one sweep to the next.
    fn shown(&self, path: &str) -> String {
        let shown = path.replace(self.folder.path().to_str().unwrap(), "");
        let shown = shown.replace("/world", "").replace(&self.runs[1], "NEW");
        let shown = shown.replace(&self.runs[0], "OLD");
        match shown.find("/.tmp") {
            Some(at) => format!("{}/.tmp", &shown[..at]),
            None if shown.contains("deleted") => "scratch".to_owned(),
            None => shown,
        }
    }

    /// Tries one fault at one call; what is wrong afterwards.
    fn try_fault(&self, site: &Site, fault: Fault) -> Vec<String> {
        self.restore();
        let world = self.world();
        let traced = run_with(&(self.command)(&world), &self.log(), site, fault);
        if traced.hit.is_empty() && traced.output.status.success() {
            return vec!["(not reached)".to_owned()];
        }
        let mut wrong = self.of_readers(&world);
        wrong.extend(self.of_exit(&traced, fault, &world));
        let next = (self.command)(&world).output().unwrap();
        if !next.status.success() {
            wrong.push(format!("the next run: {}", told(&next)));
        } else if tables(&world) != self.reference.1 || current(&world) != self.runs[1] {
            wrong.push("the next run: other tables".to_owned());
        }
        let (found, wanted) = (names(&world), &self.reference.0);
        let litter = found.iter().filter(|name| !wanted.contains(name));
        let lost = wanted.iter().filter(|name| !found.contains(name));
        wrong.extend(litter.map(|name| format!("litter after the next run: {}", self.shown(name))));
        wrong.extend(lost.map(|name| format!("lost after the next run: {}", self.shown(name))));
        wrong
    }

    /// What a reader finds wrong: `current` leads to a whole run, and every run is whole.
    fn of_readers(&self, world: &Path) -> Vec<String> {
        let mut wrong = Vec::new();
        if !self.runs.contains(&current(world)) {
            wrong.push(format!("`current` leads to `{}`", current(world)));
        }
        for run in fs::read_dir(world.join("out/runs")).unwrap() {
            let run = run.unwrap().path();
            if let Err(what) = whole(&run) {
                wrong.push(format!("{}: {what}", self.shown(run.to_str().unwrap())));
            }
        }
        wrong
    }

    /// What is wrong with the exit code and the words.
    fn of_exit(&self, traced: &Traced, fault: Fault, world: &Path) -> Option<String> {
        if traced.hung {
            return Some("hangs".to_owned());
        }
        let Fault::Error(_) = fault else {
            let killed = traced.output.status.signal() == Some(9)
                || traced.output.status.code() == Some(128 + 9);
            return (!killed).then(|| format!("not killed: {}", told(&traced.output)));
        };
        if traced.hit.iter().any(|path| !self.is_ours(path)) {
            // Aimed at by number, the call of another thread was hit as well, such as one of the
            // loader: the exit is then not ours.
            return None;
        }
        let is_published = current(world) == self.runs[1];
        match traced.output.status.code() {
            Some(0) if !is_published => Some("exit 0, and nothing is published".to_owned()),
            Some(0) if traced.hit.iter().all(|path| self.is_harmless(path)) => None,
            Some(0) => Some("exit 0".to_owned()),
            Some(22) => {
                let words = stderr(&traced.output);
                let has_moved = is_published && self.runs[0] != self.runs[1];
                let says_so = words.contains("published") || words.contains("points at it");
                let denies = words.contains("othing was published");
                (has_moved && (denies || !says_so)).then(|| format!("published, but says: {words}"))
            }
            _ => Some(told(&traced.output)),
        }
    }

    /// True for a file that a run can do without: an entry of the cache, and the copies of a run
    /// that is published already.
    fn is_harmless(&self, path: &str) -> bool {
        let is_again = self.runs[0] == self.runs[1];
        path.contains("/out/cache") || (is_again && path.ends_with("/out/.staging"))
    }

    /// Sweeps the calls that `wanted` takes, and fails with all that is wrong.
    #[expect(
        clippy::print_stderr,
        reason = "the numbers of a sweep belong to its result"
    )]
    fn run(&self, wanted: impl Fn(&Site, Fault) -> bool) {
        let (mut tried, mut wrong) = (BTreeMap::new(), BTreeMap::<_, Vec<String>>::new());
        let sites = self.sites();
        // Fault by fault, so that what is found first is of all calls.
        for (fault, site) in FAULTS
            .into_iter()
            .flat_map(|fault| sites.iter().map(move |site| (fault, site)))
            .filter(|(fault, site)| wanted(site, *fault))
        {
            *tried.entry((site.call.clone(), fault.name())).or_insert(0) += 1;
            for what in self.try_fault(site, fault) {
                let place = format!("{} {}", site.call, self.shown(&site.path));
                eprintln!(
                    "{}: {place} {} {}: {what}",
                    self.name,
                    fault.name(),
                    site.number
                );
                let kinds: &mut Vec<String> = wrong.entry((what, place)).or_default();
                kinds.push(format!("{}@{}", fault.name(), site.number));
            }
        }
        let table: Vec<String> = tried
            .iter()
            .map(|((call, fault), count)| format!("{call} {fault} {count}"))
            .collect();
        eprintln!("{}: {}", self.name, table.join(", "));
        let lines: Vec<String> = wrong
            .iter()
            .map(|((what, place), kinds)| format!("{place}: {}: {what}", kinds.join(" ")))
            .collect();
        let (missed, bad): (Vec<_>, Vec<_>) = lines
            .iter()
            .partition(|line| line.ends_with("(not reached)"));
        eprintln!("{}: not reached: {missed:#?}", self.name);
        assert!(bad.is_empty(), "{}: {bad:#?}", self.name);
    }

    /// Sweeps everything.
    fn run_all(&self, turn: usize) {
        let _turn = TURNS[turn].lock().unwrap_or_else(PoisonError::into_inner);
        self.run(|_, _| true);
    }
}

/// The exit code and the first line of stderr.
fn told(output: &Output) -> String {
    let words = stderr(output);
    let line = words.lines().next().unwrap_or_default();
    format!("exit {:?}: {line}", output.status.code())
}

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
    let output = program(&arguments(world, "half.csv")).output().unwrap();
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
fn at_every_call_of_the_same_run_again() {
    if is_quick("a sweep of some 500 runs") || !has_strace() {
        return;
    }
    let prepare = |world: &Path| {
        earlier_run(world);
        let output = program(&arguments(world, "usage.csv")).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
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
    let _turn = TURNS[0].lock().unwrap_or_else(PoisonError::into_inner);
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
        let output = nightly(world, address, &more).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        fs::remove_dir_all(world.join("state")).unwrap();
    };
    Sweep::new("night", prepare, move |world| nightly(world, address, &[])).run_all(1);
}
