//! Listing of the files that a path or glob names. Whatever it names is a file or a fault: a
//! dangling link, a folder, a pipe or an entry that cannot be examined would else leave its rows
//! out in silence.
//!
//! The glob crate matches single names here, but does not walk: it passes over names that are not
//! UTF-8, and over folders that it cannot enter.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, PatternError};

use crate::sources::files::special_kind;

/// Rules of a shell: `*` stays within one folder, and matches no name that begins with a point.
pub(crate) const SHELL: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// A thing that a path or glob names and that is no file to be read, or a path or glob that names
/// nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobFault {
    /// Description of what was found, with its path.
    pub found: String,
    /// Description of what should be there.
    pub wanted: String,
    /// Advice for the user.
    pub hint: String,
}

/// One step of a path or glob.
#[derive(Debug)]
enum Step {
    /// A name, or `.`, `..` and the root.
    Literal(OsString),
    /// A name with `*`, `?` or `[…]`.
    Names(Pattern),
    /// `**`: the folder itself and all folders in it.
    Below,
}

/// Result of a listing so far.
#[derive(Debug)]
struct Listing<'p> {
    /// Path or glob, for the texts of faults.
    pattern: &'p str,
    files: Vec<PathBuf>,
    /// Faults by path: a folder may be reached in two ways.
    faults: BTreeMap<PathBuf, GlobFault>,
}

/// A thing in a folder that can be examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    File,
    Folder,
    /// Neither; what it is, in words.
    Other(&'static str),
}

/// Files that a path or glob names, in the order of their names; empty where it names nothing.
///
/// # Errors
/// A fault for each thing that it names and that cannot be read as a file, in the order of their
/// names.
pub(crate) fn list(pattern: &str) -> Result<Vec<PathBuf>, Vec<GlobFault>> {
    let steps = steps_of(pattern).map_err(|error| {
        vec![GlobFault {
            found: format!("`{pattern}`, which is not a valid glob: {}", error.msg),
            wanted: "a path or glob".to_owned(),
            hint: "`[[]` stands for `[`, `[*]` for `*`, `[?]` for `?`".to_owned(),
        }]
    })?;
    let mut listing = Listing {
        pattern,
        files: Vec::new(),
        faults: BTreeMap::new(),
    };
    listing.walk(Path::new(""), &steps, false);
    if !listing.faults.is_empty() {
        return Err(listing.faults.into_values().collect());
    }
    // The order of a listing depends on the file system, which must not reach any output.
    listing.files.sort();
    listing.files.dedup();
    Ok(listing.files)
}

fn steps_of(pattern: &str) -> Result<Vec<Step>, PatternError> {
    let mut steps: Vec<Step> = Vec::new();
    for component in Path::new(pattern).components() {
        let name = component.as_os_str();
        let step = match name.to_str().map(|text| (text, literal(text))) {
            Some(("**", _)) if matches!(steps.last(), Some(Step::Below)) => continue,
            Some(("**", _)) => Step::Below,
            Some((text, None)) => Step::Names(Pattern::new(text)?),
            Some((_, Some(text))) => Step::Literal(text.into()),
            None => Step::Literal(name.to_owned()),
        };
        steps.push(step);
    }
    // As in a shell, `a/**` names what `a/**/*` does.
    if matches!(steps.last(), Some(Step::Below)) {
        steps.push(Step::Names(Pattern::new("*")?));
    }
    Ok(steps)
}

/// Name that a step of a glob stands for, if that is only one: `a[[]b` stands for `a[b`. A name is
/// looked at directly, and its folder need not be listed.
pub(crate) fn literal(step: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = step.chars();
    while let Some(next) = rest.next() {
        match next {
            '*' | '?' => return None,
            '[' => {
                let only = rest.next().filter(|only| *only != '!')?;
                rest.next().filter(|end| *end == ']')?;
                name.push(only);
            }
            other => name.push(other),
        }
    }
    Some(name)
}

impl Listing<'_> {
    /// Follows `steps` from `folder`. `is_below` is true right behind a `**`.
    fn walk(&mut self, folder: &Path, steps: &[Step], is_below: bool) {
        let Some((step, rest)) = steps.split_first() else {
            return;
        };
        match step {
            Step::Literal(name) => self.enter(folder.join(name), rest, false),
            Step::Names(pattern) => {
                // What `**/*` matches in a folder it matches in each folder below: nothing of a
                // folder that it names is left out.
                let is_read_anyway = is_below && pattern.as_str() == "*";
                for (name, _) in self.entries(folder) {
                    if matches(pattern, &name) {
                        self.enter(folder.join(name), rest, is_read_anyway);
                    }
                }
            }
            Step::Below => {
                for folder in self.folders_below(folder) {
                    self.walk(&folder, rest, true);
                }
            }
        }
    }

    /// Goes on at `path`, which the steps so far name.
    fn enter(&mut self, path: PathBuf, rest: &[Step], is_read_anyway: bool) {
        let Some(thing) = self.examine(&path) else {
            return;
        };
        match (thing, rest.is_empty()) {
            (Thing::Folder, false) => self.walk(&path, rest, false),
            // Only a folder has files in it: what is none is not named.
            (Thing::File | Thing::Other(_), false) => {}
            (Thing::Folder, true) if is_read_anyway => {}
            (_, true) if path.to_str().is_none() => self.fault(
                &path,
                "whose name is not UTF-8".to_owned(),
                "a name that the manifest can hold",
                "rename it: the manifest names every file that was read".to_owned(),
            ),
            (Thing::File, true) => self.files.push(path),
            (Thing::Folder, true) => {
                let hint = self.hint_for_folder(&path);
                self.fault(&path, "which is a folder".to_owned(), "a file", hint);
            }
            (Thing::Other(what), true) => self.fault(
                &path,
                format!("which is {what}"),
                "a regular file",
                "write what it gives to a file, and name that file".to_owned(),
            ),
        }
    }

    /// The thing at `path`, links followed; `None` if there is nothing, or after a fault.
    fn examine(&mut self, path: &Path) -> Option<Thing> {
        match fs::metadata(path) {
            Ok(found) if found.is_file() => Some(Thing::File),
            Ok(found) if found.is_dir() => Some(Thing::Folder),
            Ok(found) => Some(Thing::Other(special_kind(found.file_type()))),
            Err(error) if is_absent(&error) => {
                // Not there, or a link to what is not there.
                let target = fs::read_link(path).ok()?;
                self.fault(
                    path,
                    format!("a link to `{}`, which is not there", shown(&target)),
                    "a file",
                    "put back what it leads to, or remove the link".to_owned(),
                );
                None
            }
            Err(error) => {
                self.fault(
                    path,
                    format!("which cannot be examined ({error})"),
                    "a file that can be read",
                    "allow this user to read it, or let the pattern leave it out".to_owned(),
                );
                None
            }
        }
    }

    /// Entries of a folder in the order of their names.
    fn entries(&mut self, folder: &Path) -> Vec<(OsString, Option<FileType>)> {
        let listed = fs::read_dir(or_here(folder)).and_then(|entries| {
            let entry = |entry: fs::DirEntry| (entry.file_name(), entry.file_type().ok());
            entries.map(|found| found.map(entry)).collect()
        });
        let mut listed: Vec<(OsString, Option<FileType>)> = match listed {
            Ok(listed) => listed,
            // `*.csv` in the current folder, which is gone, or a folder that went just now.
            Err(error) => {
                self.fault(
                    or_here(folder),
                    format!("which cannot be listed ({error})"),
                    "a folder that can be listed",
                    "allow this user to list it, or name its files one by one".to_owned(),
                );
                Vec::new()
            }
        };
        listed.sort_by(|left, right| left.0.cmp(&right.0));
        listed
    }

    /// The folder and all folders in it, each once, hidden ones left out. Links are followed, after
    /// everything that is reached without: a folder keeps its own path, and a link back to a folder
    /// above ends there.
    fn folders_below(&mut self, folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
        let mut starts = VecDeque::from([folder.to_owned()]);
        while let Some(start) = starts.pop_front() {
            let mut open = vec![start];
            while let Some(folder) = open.pop() {
                // A folder that cannot be resolved cannot be listed either, which is a fault.
                let is_new = fs::canonicalize(or_here(&folder)).map_or(true, |at| seen.insert(at));
                if !is_new {
                    continue;
                }
                for (name, kind) in self.entries(&folder).into_iter().rev() {
                    let is_hidden = name.as_encoded_bytes().starts_with(b".");
                    let path = folder.join(name);
                    match kind {
                        _ if is_hidden => {}
                        Some(kind) if kind.is_dir() => open.push(path),
                        Some(kind) if !kind.is_symlink() => {}
                        _ if self.examine(&path) == Some(Thing::Folder) => starts.push_back(path),
                        _ => {}
                    }
                }
                found.push(folder);
            }
        }
        found
    }

    fn hint_for_folder(&self, path: &Path) -> String {
        let path = shown(path);
        if path == self.pattern {
            format!("`{path}` is a folder: add `/*.csv` for the files in it")
        } else {
            let pattern = self.pattern.trim_end_matches("/*");
            format!(
                "`{}` names folders, too: narrow it to files, as `{pattern}/*.csv` does, \
                 or name the files in the folder, as `{path}/*` does",
                self.pattern
            )
        }
    }

    fn fault(&mut self, path: &Path, what: String, wanted: &str, hint: String) {
        let fault = GlobFault {
            found: format!("`{}`, {what}", shown(path)),
            wanted: wanted.to_owned(),
            hint,
        };
        self.faults.insert(path.to_owned(), fault);
    }
}

/// True if a pattern names an entry. A name that is not UTF-8 is tried as Latin-1, which it most
/// often is, and with each fault in it as one character.
fn matches(pattern: &Pattern, name: &OsStr) -> bool {
    if let Some(name) = name.to_str() {
        return pattern.matches_with(name, SHELL);
    }
    let latin: String = name
        .as_encoded_bytes()
        .iter()
        .copied()
        .map(char::from)
        .collect();
    let lossy = name.to_string_lossy();
    pattern.matches_with(&latin, SHELL) || pattern.matches_with(&lossy, SHELL)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The current folder, where a path is empty.
fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

/// A path as errors show it: bytes that are not UTF-8 as `\xFF`, so that no two paths look alike.
pub fn shown(path: &Path) -> String {
    let mut shown = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02X}"));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_stands_for_one_name_is_that_name() {
        assert_eq!(literal("a[[]b[]][*]").as_deref(), Some("a[b]*"));
        for pattern in ["a*", "?", "[ab]", "[!a]", "["] {
            assert_eq!(literal(pattern), None, "{pattern}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn paths_that_are_not_utf8_are_told_apart() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(OsStr::from_bytes(b"a\xE4\xC3\xA4\xFF"));
        assert_eq!(shown(path), "a\\xE4ä\\xFF");
    }
}
