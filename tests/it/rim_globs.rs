//! What a path or glob names is read or refused: dangling links, pipes, folders, names that are not
//! UTF-8, folders that cannot be listed. Nothing is passed over.

#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::fixtures::{LINE, USAGE, sheet};
use crate::program::{program, stderr};

/// A folder with usage in `in/a.csv`, and lines for it.
fn house() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::write(folder.path().join("in/a.csv"), usage("r-1")).unwrap();
    fs::write(folder.path().join("lines.csv"), sheet(LINE, &[&[]])).unwrap();
    folder
}

/// A file of usage, of a resource that tells it from others.
fn usage(resource: &str) -> String {
    sheet(USAGE, &[&[("ResourceURI", resource)]])
}

fn reconcile(folder: &Path, usage: impl AsRef<OsStr>) -> Output {
    let arguments = [
        OsStr::new("reconcile"),
        OsStr::new("--usage"),
        usage.as_ref(),
        OsStr::new("--invoice-lines"),
        OsStr::new("lines.csv"),
        OsStr::new("--out"),
        OsStr::new("out"),
    ];
    program(&arguments).current_dir(folder).output().unwrap()
}

/// Checks that a run over `usage` is refused, names `found`, has a hint and publishes nothing.
fn refused(folder: &Path, usage: impl AsRef<OsStr>, found: &str) {
    let current = || fs::read_link(folder.join("out/current")).ok();
    let before = current();
    let done = reconcile(folder, usage);
    let text = stderr(&done);
    assert_eq!(done.status.code(), Some(2), "{found}: {text}");
    assert!(text.contains(&format!("found {found}")), "{text}");
    assert!(
        text.contains("wanted ") && text.contains("\nhint: "),
        "{text}"
    );
    assert_eq!(current(), before);
}

/// Number of usage rows of a run that succeeds.
fn rows(folder: &Path, usage: &str) -> u64 {
    let done = reconcile(folder, usage);
    assert_eq!(done.status.code(), Some(0), "{usage}: {}", stderr(&done));
    let text = String::from_utf8(done.stdout).unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn what_is_no_file_is_named() {
    let house = house();
    let path = |name: &str| house.path().join(name);
    let refused_here = |make: &dyn Fn(&Path), found: &str| {
        make(&path("in/x.csv"));
        refused(house.path(), "in/*.csv", found);
        refused(house.path(), "in/x.csv", found);
        refused(house.path(), "**/*.csv", found);
        if path("in/x.csv").is_dir() {
            fs::remove_dir(path("in/x.csv")).unwrap();
        } else {
            fs::remove_file(path("in/x.csv")).unwrap();
        }
    };
    refused_here(
        &|at| symlink("gone.csv", at).unwrap(),
        "`in/x.csv`, a link to `gone.csv`, which is not there",
    );
    refused_here(
        &|at| symlink("x.csv", at).unwrap(),
        "`in/x.csv`, which cannot be examined (Too many levels of symbolic links",
    );
    refused_here(&|at| fifo(at), "`in/x.csv`, which is a pipe (FIFO)");
    refused_here(
        &|at| drop(UnixListener::bind(at).unwrap()),
        "`in/x.csv`, which is a socket",
    );
    refused_here(
        &|at| symlink("/dev/null", at).unwrap(),
        "`in/x.csv`, which is a device",
    );
    refused_here(
        &|at| fs::create_dir(at).unwrap(),
        "`in/x.csv`, which is a folder",
    );
    assert_eq!(rows(house.path(), "in/*.csv"), 1);
}

#[test]
fn a_folder_that_may_hold_files_is_never_passed_over() {
    let house = house();
    let here = house.path();
    // A link to a share that is not mounted: its files would be missing in silence.
    symlink("gone", here.join("in/share")).unwrap();
    let found = "`in/share`, a link to `gone`, which is not there";
    for pattern in ["in/*/*.csv", "in/**/*.csv", "in/share/a.csv", "in/**"] {
        refused(here, pattern, found);
    }
    // A pattern that does not name it reads on.
    assert_eq!(rows(here, "in/*.csv"), 1);
    fs::remove_file(here.join("in/share")).unwrap();
    // `*` names a folder, and reads nothing of it: an error. `**/*` names one, and reads it.
    fs::create_dir(here.join("in/b")).unwrap();
    fs::write(here.join("in/b/b.csv"), usage("r-2")).unwrap();
    refused(here, "in/*", "`in/b`, which is a folder");
    refused(here, "in/**/b*", "`in/b`, which is a folder");
    for pattern in ["in/**/*", "in/**", "in/**/*.csv", "**/in/**/*.csv"] {
        assert_eq!(rows(here, pattern), 2, "{pattern}");
    }
}

#[test]
fn links_between_folders_end_and_each_file_is_read_once() {
    let house = house();
    let here = house.path();
    fs::create_dir_all(here.join("in/b/c")).unwrap();
    fs::create_dir(here.join("other")).unwrap();
    fs::write(here.join("in/b/c/c.csv"), usage("r-2")).unwrap();
    fs::write(here.join("other/o.csv"), usage("r-3")).unwrap();
    // Up, down, to each other, and out of the tree.
    symlink("../..", here.join("in/b/c/up")).unwrap();
    symlink("b/c", here.join("in/0-down")).unwrap();
    symlink("../other", here.join("in/out")).unwrap();
    symlink("../in", here.join("other/back")).unwrap();
    let done = reconcile(here, "in/**/*.csv");
    let text = stderr(&done);
    assert_eq!(done.status.code(), Some(0), "{text}");
    assert!(!text.contains("same content"), "{text}");
    assert!(done.stdout.starts_with(b"3 usage rows"), "{done:?}");
    let manifest = fs::read_to_string(here.join("out/current/manifest.json")).unwrap();
    // A folder keeps its own path.
    for unit in ["in/a.csv", "in/b/c/c.csv", "in/out/o.csv"] {
        assert!(
            manifest.contains(&format!("\"unit\": \"{unit}\"")),
            "{unit}"
        );
    }
}

#[test]
fn names_that_are_not_utf8_are_named_if_the_pattern_means_them() {
    let house = house();
    let here = house.path();
    let latin = OsStr::from_bytes(b"in/b\xE4r.csv");
    fs::write(here.join(latin), usage("r-2")).unwrap();
    let found = "`in/b\\xE4r.csv`, whose name is not UTF-8";
    for pattern in ["in/*.csv", "in/b?r.csv", "in/bär*", "**/*.csv"] {
        refused(here, pattern, found);
    }
    // As a shell hands it over.
    refused(here, latin, found);
    assert_eq!(rows(here, "in/a*.csv"), 1);
    // A folder of such a name concerns only patterns that name files in it.
    let folder = OsStr::from_bytes(b"in/\xFF");
    fs::remove_file(here.join(latin)).unwrap();
    fs::create_dir(here.join(folder)).unwrap();
    fs::write(here.join(folder).join("a.csv"), usage("r-3")).unwrap();
    assert_eq!(rows(here, "in/*.csv"), 1);
    refused(
        here,
        "in/*/*.csv",
        "`in/\\xFF/a.csv`, whose name is not UTF-8",
    );
    refused(here, "in/**", "`in/\\xFF/a.csv`, whose name is not UTF-8");
}

#[test]
fn a_folder_that_cannot_be_listed_is_named() {
    let house = house();
    let here = house.path();
    fs::create_dir(here.join("in/closed")).unwrap();
    fs::set_permissions(here.join("in/closed"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(here, fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = if fs::read_dir(here.join("in/closed")).is_ok() {
        // The superuser may list everything: the run is another user's.
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(env!("CARGO_BIN_EXE_tieout"));
        command
    } else {
        Command::new(env!("CARGO_BIN_EXE_tieout"))
    };
    command.args(["reconcile", "--usage", "in/*/*.csv", "in/closed/x.csv"]);
    command.args(["--invoice-lines", "lines.csv", "--out", "out"]);
    let done = command.current_dir(here).output().unwrap();
    let text = stderr(&done);
    fs::set_permissions(here.join("in/closed"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(done.status.code(), Some(2), "{text}");
    assert!(
        text.contains("found `in/closed`, which cannot be listed (Permission denied"),
        "{text}"
    );
}

#[test]
fn standard_input_is_named_as_not_read() {
    let house = house();
    refused(house.path(), "-", "no file for `-`");
    let text = stderr(&reconcile(house.path(), "-"));
    assert!(text.contains("hint: standard input is not read"), "{text}");
    fs::write(house.path().join("-"), usage("r-1")).unwrap();
    assert_eq!(rows(house.path(), "-"), 1, "a file may have that name");
}

#[test]
fn a_name_that_is_there_is_no_glob() {
    let house = house();
    let here = house.path();
    fs::rename(here.join("in/a.csv"), here.join("in/a[1].csv")).unwrap();
    assert_eq!(rows(here, "in/a[1].csv"), 1);
    symlink("gone", here.join("in/b[1].csv")).unwrap();
    refused(
        here,
        "in/b[1].csv",
        "`in/b[1].csv`, a link to `gone`, which is not there",
    );
}

#[test]
fn check_lists_every_thing_that_a_pipeline_cannot_read() {
    let house = house();
    let here = house.path();
    // Characters that mean something in a glob mean nothing in the name of the pipeline's folder.
    let own = here.join("p[1]{customer_id}*");
    fs::create_dir(&own).unwrap();
    let usage = "[source.usage.files]\npaths = [\"../in/*\"]\n";
    let lines = "[source.invoice_lines.files]\npaths = [\"lines.csv\"]\n";
    fs::write(
        own.join("x.toml"),
        format!("out = \"../out\"\n{usage}{lines}"),
    )
    .unwrap();
    fs::rename(here.join("lines.csv"), own.join("lines.csv")).unwrap();
    let pipeline = own.join("x.toml");
    let run = |command: &str| {
        program(&[OsStr::new(command), pipeline.as_os_str()])
            .output()
            .unwrap()
    };
    assert_eq!(run("run").status.code(), Some(0), "{}", stderr(&run("run")));
    fs::create_dir(here.join("in/sub")).unwrap();
    fifo(&here.join("in/pipe"));
    let done = run("check");
    let text = stderr(&done);
    assert_eq!(done.status.code(), Some(2), "{text}");
    assert!(text.contains("in/pipe`, which is a pipe (FIFO)"), "{text}");
    assert!(text.contains("in/sub`, which is a folder"), "{text}");
    let text = stderr(&run("run"));
    assert!(text.contains("(the first of 2 such things)"), "{text}");
}

#[test]
fn a_record_file_whose_name_tells_two_customers_is_refused() {
    let house = house();
    let here = house.path();
    fs::create_dir(here.join("r")).unwrap();
    let sample = Path::new(crate::program::PACKAGE).join("samples/usage-to-summary");
    let pipeline = fs::read_to_string(sample.join("pipeline.toml")).unwrap();
    let (_, after) = pipeline
        .split_once("[source.subscription_usage_summary.files]")
        .unwrap();
    let paths = after
        .lines()
        .find(|line| line.starts_with("paths"))
        .unwrap();
    let with = |patterns: &str| {
        let own = pipeline.replace(paths, &format!("paths = [{patterns}]"));
        fs::write(here.join("x.toml"), own).unwrap();
        let done = program(&["run", "x.toml", "--out", "out"])
            .current_dir(here)
            .output()
            .unwrap();
        (done.status.code(), stderr(&done))
    };
    for entry in fs::read_dir(&sample).unwrap().map(Result::unwrap) {
        if entry.path().is_file() {
            fs::copy(entry.path(), here.join(entry.file_name())).unwrap();
        }
    }
    fs::write(here.join("r/a-b-c.json"), "{\"totalCount\":0,\"items\":[]}").unwrap();
    let (exit, text) = with("\"r/{customer_id}-{subscription_id}.json\"");
    assert_eq!(exit, Some(2), "{text}");
    assert!(
        text.contains("r/a-b-c.json`, in which `{customer_id}` may be several texts"),
        "{text}"
    );
    // Two patterns that tell different customers of one file would count its rows twice.
    let (exit, text) = with("\"r/{customer_id}-b-c.json\", \"r/a-b-{customer_id}.json\"");
    assert_eq!(exit, Some(2), "{text}");
    assert!(
        text.contains("under two patterns that tell different names"),
        "{text}"
    );
}
