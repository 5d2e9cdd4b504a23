//! A command whose calls are killed or refused one by one, and what must hold after each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::program::stderr;
use crate::traced::{FAULTS, Fault, Site, Traced, run_with, sites};
use crate::worlds::{copy, current, ledger, names, tables, whole};

/// Sweeps that may run at the same time: two, for each keeps a core busy.
static TURNS: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];

pub(super) fn turn(number: usize) -> MutexGuard<'static, ()> {
    TURNS[number].lock().unwrap_or_else(PoisonError::into_inner)
}

/// A command whose calls are swept. Each try starts from the same folders, at the same paths.
pub(super) struct Sweep {
    name: &'static str,
    folder: TempDir,
    command: Box<dyn Fn(&Path) -> Command>,
    /// What is asked afterwards where the command would be refused a second time.
    pub(super) asked: Option<fn(&Path) -> Command>,
    /// Run that `current` points at before, and after a run that is not disturbed.
    runs: [String; 2],
    /// Names of all files after a run that is not disturbed, and the bytes of its tables.
    reference: (Vec<String>, BTreeMap<String, Vec<u8>>),
    /// What the ledger says before, and after a run that is not disturbed.
    ledgers: [Vec<String>; 2],
}

impl Sweep {
    /// A sweep of a command that works in the folder it is given; `prepare` makes what is there
    /// before.
    pub(super) fn new(
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
        let (old, said) = (current(&world), ledger(&world).unwrap());
        let output = command(&world).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let ledgers = [said, ledger(&world).unwrap()];
        Self {
            name,
            reference: (names(&world), tables(&world)),
            runs: [old, current(&world)],
            ledgers,
            command: Box::new(command),
            asked: None,
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
    pub(super) fn sites(&self) -> BTreeSet<Site> {
        self.restore();
        let all = sites(&(self.command)(&self.world()), &self.log());
        all.into_iter()
            .filter(|site| self.is_ours(&site.path))
            .collect()
    }

    fn is_ours(&self, path: &str) -> bool {
        // A pipeline file that cannot be read is a mistake of the command line, before anything begins.
        path.starts_with(self.folder.path().to_str().unwrap()) && !path.ends_with(".toml")
    }

    /// A path as it is told: without what differs from one sweep to the next.
    pub(super) fn shown(&self, path: &str) -> String {
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
        wrong.extend(self.of_exit(&traced, (site, fault), &world));
        wrong.extend(self.of_next(&world));
        let (found, wanted) = (names(&world), &self.reference.0);
        let litter = found.iter().filter(|name| !wanted.contains(name));
        let lost = wanted.iter().filter(|name| !found.contains(name));
        wrong.extend(litter.map(|name| format!("litter after the next run: {}", self.shown(name))));
        wrong.extend(lost.map(|name| format!("lost after the next run: {}", self.shown(name))));
        wrong
    }

    /// What the next command finds wrong, or leaves so: the same again, or one that asks what is
    /// there where the first was done and would be refused a second time.
    fn of_next(&self, world: &Path) -> Option<String> {
        let is_done = ledger(world).is_ok_and(|said| said == self.ledgers[1]);
        let next = match &self.asked {
            Some(asked) if is_done => asked(world).output().unwrap(),
            _ => (self.command)(world).output().unwrap(),
        };
        if !next.status.success() {
            return Some(format!("the next command: {}", told(&next)));
        }
        if tables(world) != self.reference.1 || current(world) != self.runs[1] {
            return Some("the next command: other tables".to_owned());
        }
        match ledger(world) {
            Ok(said) if said == self.ledgers[1] => None,
            Ok(said) => Some(format!(
                "the next command: the ledger says otherwise: {:?}",
                said.iter()
                    .filter(|line| !self.ledgers[1].contains(line))
                    .collect::<Vec<_>>()
            )),
            Err(what) => Some(format!("the next command: {what}")),
        }
    }

    /// What a reader finds wrong: `current` leads to a whole run, and every run is whole.
    fn of_readers(&self, world: &Path) -> Vec<String> {
        let mut wrong = Vec::new();
        if !self.runs.contains(&current(world)) {
            wrong.push(format!("`current` leads to `{}`", current(world)));
        }
        match ledger(world) {
            Err(what) => wrong.push(what),
            Ok(said) if !self.ledgers.contains(&said) => {
                wrong.push("the ledger is between two states".to_owned());
            }
            Ok(said) if said == self.ledgers[0] && self.ledgers[0] != self.ledgers[1] => {
                // The pointer follows the ledger, never the other way round.
                if self.runs[0] != self.runs[1] && current(world) == self.runs[1] {
                    wrong.push("`current` is ahead of the ledger".to_owned());
                }
            }
            Ok(_) => {}
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
    fn of_exit(
        &self,
        traced: &Traced,
        (site, fault): (&Site, Fault),
        world: &Path,
    ) -> Option<String> {
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
        let is_published = current(world) == self.runs[1]
            && ledger(world).is_ok_and(|said| said == self.ledgers[1]);
        match traced.output.status.code() {
            Some(0) if !is_published => Some("exit 0, and nothing is published".to_owned()),
            // A file that cannot be linked is copied.
            Some(0) if site.call == "linkat" => None,
            Some(0) if traced.hit.iter().all(|path| self.is_harmless(path)) => None,
            Some(0) => Some("exit 0".to_owned()),
            Some(22) => {
                let words = stderr(&traced.output);
                let has_moved = is_published && self.ledgers[0] != self.ledgers[1];
                let says_so = ["published", "points at it", "has the change"]
                    .iter()
                    .any(|said| words.contains(said));
                let denies = words.contains("othing was published");
                (has_moved && (denies || !says_so)).then(|| format!("published, but says: {words}"))
            }
            // A file that cannot be read is one that a close is refused for.
            Some(2) if !is_published && stderr(&traced.output).contains("cannot be read") => None,
            _ => Some(told(&traced.output)),
        }
    }

    /// True for a file that a run can do without: an entry of the cache, the copies of a run that is
    /// published already, and the folder, which SQLite syncs as well as it can.
    fn is_harmless(&self, path: &str) -> bool {
        let is_again = self.runs[0] == self.runs[1];
        path.contains("/out/cache")
            || path.ends_with("/out")
            || path.ends_with("/out/.ledger.new")
            // What the folder has of a period is looked up, and made again where it cannot be.
            || path.ends_with("/out/.analyst.new")
            || path.contains("/out/analyst/")
            || (is_again && path.ends_with("/out/.staging"))
    }

    /// Sweeps the calls that `wanted` takes, and fails with all that is wrong.
    #[expect(
        clippy::print_stderr,
        reason = "the numbers of a sweep belong to its result"
    )]
    pub(super) fn run(&self, wanted: impl Fn(&Site, Fault) -> bool) {
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

    /// Runs the command on a disk that has room for so many KiB beyond what is there, and what is wrong
    /// afterwards; `None` where no small file system may be mounted.
    pub(super) fn try_full(&self, room: u64) -> Option<Vec<String>> {
        self.restore();
        let world = self.world();
        let command = (self.command)(&world);
        // In a mount namespace of its own: what is left is copied out before that ends.
        let script = "mount -t tmpfs -o size=$(( $(du -sk \"$1\" | cut -f1) + $2 ))k none \"$0\" || exit 99\n\
                      cp -a \"$1/.\" \"$0\"; out=$0; left=$1.left; shift 2\n\
                      \"$@\"; code=$?; rm -rf \"$left\"; cp -a \"$out\" \"$left\"; exit $code";
        let out = world.join("out");
        let before = self.folder.path().join("before/out");
        let mut full = Command::new("unshare");
        full.args(["-m", "sh", "-c", script]);
        full.arg(&out).arg(&before).arg(room.to_string());
        full.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            full.env(name, value.unwrap_or_default());
        }
        full.current_dir(command.get_current_dir().unwrap_or(Path::new(".")));
        let output = full.output().ok()?;
        if output.status.code() == Some(99) || stderr(&output).contains("unshare") {
            return None;
        }
        fs::remove_dir_all(&out).unwrap();
        fs::rename(before.with_extension("left"), &out).unwrap();
        let mut wrong = self.of_readers(&world);
        let is_done = ledger(&world).is_ok_and(|said| said == self.ledgers[1]);
        match output.status.code() {
            Some(0) if is_done && current(&world) == self.runs[1] => {}
            Some(22) => {}
            _ => wrong.push(told(&output)),
        }
        wrong.extend(self.of_next(&world));
        let (found, wanted) = (names(&world), &self.reference.0);
        let litter = found.iter().filter(|name| !wanted.contains(name));
        wrong.extend(litter.map(|name| format!("litter after the next run: {}", self.shown(name))));
        Some(wrong)
    }

    /// Sweeps everything; with `TIEOUT_SWEEP`, the calls alone whose path contains it.
    pub(super) fn run_all(&self, turn: usize) {
        let _turn = self::turn(turn);
        let only = std::env::var("TIEOUT_SWEEP").unwrap_or_default();
        self.run(|site, _| self.shown(&site.path).contains(&only));
    }
}

/// The exit code and the first line of stderr.
fn told(output: &Output) -> String {
    let words = stderr(output);
    let line = words.lines().next().unwrap_or_default();
    format!("exit {:?}: {line}", output.status.code())
}
