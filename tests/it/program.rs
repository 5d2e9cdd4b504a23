//! Fixture: the program as a user runs it, and the folders of `samples/` that are cases.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder of the package, in which the program runs unless a test says otherwise.
pub(crate) const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// The program with some arguments, in the folder of the package.
pub(crate) fn program<A: AsRef<std::ffi::OsStr>>(arguments: &[A]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tieout"));
    command.args(arguments).current_dir(PACKAGE);
    command
}

/// Runs the program to its end.
pub(crate) fn tieout(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

/// Everything that a process wrote to stderr.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Everything that a process wrote to stdout, then to stderr.
pub(crate) fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(output)
}

/// Folders below `folder` that hold a `command`: the program's arguments, a line each.
pub(crate) fn cases(folder: &str) -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(Path::new(PACKAGE).join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("command").is_file())
        .collect();
    cases.sort();
    cases
}

/// Runs a case; `$OUT` in its arguments stands for the folder `out`.
pub(crate) fn run_case(case: &Path, out: &Path) -> Output {
    let command = fs::read_to_string(case.join("command")).unwrap();
    let arguments: Vec<String> = command
        .lines()
        .map(|line| line.replace("$OUT", out.to_str().unwrap()))
        .collect();
    set_modes(case);
    program(&arguments).output().unwrap()
}

/// Opens the `secret` of a case to others, and closes its `certificate.pem`: a checkout keeps no
/// modes.
fn set_modes(case: &Path) {
    #[cfg(unix)]
    for (name, mode) in [("secret", 0o644), ("certificate.pem", 0o600)] {
        let path = case.join(name);
        if path.is_file() {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(path, mode).unwrap();
        }
    }
}

/// True if expectations are to be rewritten: a person then reads the diff.
pub(crate) fn is_update() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// All files below a folder, in no order.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut open, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}
