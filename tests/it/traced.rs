//! Fixture: the program under `strace`, which lists the system calls that touch files, and kills
//! the program at one of them or lets the call fail.
//!
//! strace counts the calls of each thread by themselves. A call on a path that is the same in every
//! run is therefore aimed at by that path; the others, on temporary files, by their number, and the
//! log tells what was hit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Calls that create, change, sync, name or remove files, or open them. Those that the program does
/// not make cost nothing.
const CALLS: &str = "write,pwrite64,writev,pwritev,rename,renameat,renameat2,fsync,fdatasync,open,\
                     openat,creat,symlink,symlinkat,link,linkat,mkdir,mkdirat,unlink,unlinkat,\
                     rmdir,ftruncate,fallocate,copy_file_range,sendfile,flock";

/// Seconds after which a run counts as one that hangs.
const LIMIT: u64 = 90;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The process is killed before the call is made.
    Kill,
    /// The call fails with the error of this name.
    Error(&'static str),
}

/// Every fault of the sweep.
pub(crate) const FAULTS: [Fault; 5] = [
    Fault::Kill,
    Fault::Error("EIO"),
    Fault::Error("ENOSPC"),
    Fault::Error("EDQUOT"),
    Fault::Error("EMFILE"),
];

impl Fault {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Error(name) => name,
        }
    }
}

/// A call of the program, as it can be aimed at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Site {
    /// Name of the system call.
    pub(crate) call: String,
    /// Path that the call names or writes to; of a rename the new one.
    pub(crate) path: String,
    /// Path by which the call is aimed at; of a rename the old one, as strace looks at that.
    aim: String,
    /// Number of the call: on the path, or in its thread if the path is a temporary one.
    pub(crate) number: usize,
}

impl Site {
    /// True if the path is another one in each run, or none that strace can tell apart.
    fn is_by_number(&self) -> bool {
        !self.aim.starts_with('/') || self.aim.contains("/.tmp") || self.aim.contains("deleted")
    }
}

/// A run under strace.
pub(crate) struct Traced {
    pub(crate) output: Output,
    /// Paths of the calls that were made to fail.
    pub(crate) hit: Vec<String>,
    /// True if the run had to be ended.
    pub(crate) hung: bool,
}

/// True if strace is there and may trace; if not, this is printed.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn has_strace() -> bool {
    let tried = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output();
    let works = tried.is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("skipped: strace is not installed, or may not trace");
    }
    works
}

/// The command under strace, which writes its log to `log`.
fn under_strace(command: &Command, log: &Path, options: &[String]) -> Command {
    let mut traced = Command::new("timeout");
    traced.args(["-s", "KILL", &LIMIT.to_string()]);
    traced.args(["strace", "-f", "-y", "--quiet=all", "-o"]);
    traced.arg(log).args(options);
    traced
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap_or(Path::new(".")));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    traced
}

/// Every call of a run that succeeds, once for each way in which it can be aimed at.
pub(crate) fn sites(command: &Command, log: &Path) -> BTreeSet<Site> {
    let options = ["-e".to_owned(), format!("trace={CALLS}")];
    let output = under_strace(command, log, &options).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut of_thread: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut of_path: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    let mut sites = BTreeSet::new();
    for (thread, call, [aim, path]) in fs::read_to_string(log).unwrap().lines().filter_map(entered)
    {
        let in_thread = of_thread.entry((thread.clone(), call.clone())).or_default();
        *in_thread += 1;
        let on_path = of_path
            .entry((thread, call.clone(), aim.clone()))
            .or_default();
        *on_path += 1;
        let mut site = Site {
            call,
            path,
            aim,
            number: *on_path,
        };
        if site.is_by_number() {
            site.number = *in_thread;
        }
        sites.insert(site);
    }
    sites
}

/// Runs the command with a fault at one call.
pub(crate) fn run_with(command: &Command, log: &Path, site: &Site, fault: Fault) -> Traced {
    let what = match fault {
        Fault::Kill => "signal=KILL".to_owned(),
        Fault::Error(name) => format!("error={name}"),
    };
    let mut options = vec!["-e".to_owned(), format!("trace={}", site.call)];
    options.push("-e".to_owned());
    options.push(format!("inject={}:{what}:when={}", site.call, site.number));
    if !site.is_by_number() {
        options.extend(["-P".to_owned(), site.aim.clone()]);
    }
    let began = Instant::now();
    let output = under_strace(command, log, &options).output().unwrap();
    let mut last_of: BTreeMap<String, String> = BTreeMap::new();
    let mut hit = Vec::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let thread = line.split(' ').next().unwrap().to_owned();
        if let Some((_, _, [_, path])) = entered(line) {
            last_of.insert(thread.clone(), path);
        }
        if line.contains("(INJECTED)") || line.contains("killed by SIGKILL") {
            hit.extend(last_of.get(&thread).cloned());
        }
    }
    Traced {
        output,
        hit,
        hung: began.elapsed() >= Duration::from_secs(LIMIT),
    }
}

/// Thread, call and paths of a line of the log that tells of the begin of a call.
fn entered(line: &str) -> Option<(String, String, [String; 2])> {
    let (thread, rest) = line.split_once(' ')?;
    let (call, arguments) = rest.trim_start().split_once('(')?;
    if !call.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    Some((thread.to_owned(), call.to_owned(), paths_in(arguments)))
}

/// The first and the last path in a call's arguments; that of its open file, if it has one.
fn paths_in(arguments: &str) -> [String; 2] {
    if arguments.starts_with(|first: char| first.is_ascii_digit()) {
        let (_, rest) = arguments.split_once('<').unwrap_or_default();
        // Of a file without a name, strace writes `</folder/#12>(deleted)`.
        let (path, behind) = rest.split_once('>').unwrap_or_default();
        let gone = if behind.starts_with("(deleted)") {
            " (deleted)"
        } else {
            ""
        };
        let path = format!("{path}{gone}");
        return [path.clone(), path];
    }
    let named = arguments.split('"').skip(1).step_by(2);
    let paths: Vec<&str> = named.filter(|path| path.starts_with('/')).collect();
    let path = |found: Option<&&str>| found.map_or_else(String::new, |path| (*path).to_owned());
    [path(paths.first()), path(paths.last())]
}
