//! Paths and globs of a pipeline: from the text in the file to the files on disk. Lists folders,
//! and opens no data file.
//!
//! Patterns of record sources may hold names in braces, such as `usage-{customer_id}.json`. A name
//! stands for any text within one step of a path; `captured` tells which text that is.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use glob::Pattern;

use super::listing::{GlobFault, SHELL, list, literal, shown};
use crate::pipeline::failure::RunError;

/// Files that a path or glob matches, in the order of their names. `*` matches no hidden file.
///
/// # Errors
/// A fault for each thing that it names and that cannot be read as a file; one fault if it names
/// nothing.
pub fn find(pattern: &str) -> Result<Vec<PathBuf>, Vec<GlobFault>> {
    let files = list(pattern)?;
    // Nothing found is a mistake: a misspelt path would leave its rows out in silence.
    if files.is_empty() {
        return Err(vec![GlobFault {
            found: format!("no file for `{pattern}`"),
            wanted: "a path or glob that matches a file".to_owned(),
            hint: hint(pattern),
        }]);
    }
    Ok(files)
}

/// Files that a path or glob of a dataset matches, as [`find`] lists them.
///
/// # Errors
/// [`RunError::NoInput`] of the first fault.
pub(crate) fn find_input(dataset: &'static str, pattern: &str) -> Result<Vec<PathBuf>, RunError> {
    find(pattern).map_err(|faults| {
        let more = faults.len().saturating_sub(1);
        let first = faults.into_iter().next().expect("a reason for the error");
        let mut error = no_input(dataset, first);
        if let RunError::NoInput { found, .. } = &mut error
            && more > 0
        {
            *found += &format!(" (the first of {} such things)", more + 1);
        }
        error
    })
}

/// The error of a run for a fault of a dataset's files.
pub(crate) fn no_input(dataset: &'static str, fault: GlobFault) -> RunError {
    let GlobFault {
        found,
        wanted,
        hint,
    } = fault;
    RunError::NoInput {
        dataset,
        found,
        wanted,
        hint,
    }
}

/// Advice where `pattern` matches no file: names the first step of the path that goes wrong.
fn hint(pattern: &str) -> String {
    if pattern == "-" {
        return "standard input is not read: write it to a file, and name that file".to_owned();
    }
    let mut folder = PathBuf::new();
    for component in Path::new(pattern).components() {
        let name = component.as_os_str().to_string_lossy();
        let at = if folder.as_os_str().is_empty() {
            ".".into()
        } else {
            folder.display().to_string()
        };
        let Some(literal) = literal(&name) else {
            // A file of that very name is there: the user meant its characters literally.
            if folder.join(component).exists() {
                return format!(
                    "`[` starts a set of characters: write `{}` for the file `{name}`",
                    Pattern::escape(&name)
                );
            }
            return format!("no file in `{at}` matches `{name}`");
        };
        // The advice is about the first step that is not a folder: all steps before it are right.
        let next = folder.join(&literal);
        if !next.exists() {
            return format!("there is no `{literal}` in `{at}`");
        }
        if !next.is_dir() {
            return format!("`{}` is a file, and has no files in it", next.display());
        }
        folder = next;
    }
    format!("`{pattern}` is a folder: add `/*.csv` for the files in it")
}

/// Glob of a pipeline file in `folder`, as seen from the current folder. A `*`, `?`, `[` or `{` in
/// the name of the folder itself stands for itself.
pub(crate) fn join(folder: &Path, glob: &str) -> String {
    // The folder was given on the command line, where nobody meant it as a glob.
    let escaped = Pattern::escape(&folder.to_string_lossy()).replace('{', "[{]");
    let folder = PathBuf::from(escaped);
    normalise(&folder.join(glob)).to_string_lossy().into_owned()
}

/// Pattern for a path or glob from the command line. The shell has expanded globs by then, so the
/// name of something that is there is taken literally, whatever `[` it holds.
///
/// # Errors
/// A fault for a name that is not UTF-8.
pub fn from_argument(path: &OsStr) -> Result<String, GlobFault> {
    let text = path.to_str().ok_or_else(|| GlobFault {
        found: format!("`{}`, whose name is not UTF-8", shown(Path::new(path))),
        wanted: "a name that the manifest can hold".to_owned(),
        hint: "rename it: the manifest names every file that was read".to_owned(),
    })?;
    // Not `exists`, which misses a link that leads nowhere.
    let is_there = Path::new(text).symlink_metadata().is_ok();
    if is_there && text.contains(['*', '?', '[']) {
        Ok(Pattern::escape(text))
    } else {
        Ok(text.to_owned())
    }
}

/// `path` without `.` and with each `x/..` removed. Works on the text alone: links are not
/// followed.
pub(crate) fn normalise(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => drop(out.pop()),
                // The parent of the root is the root.
                Some(Component::RootDir | Component::Prefix(_)) => {}
                Some(Component::ParentDir | Component::CurDir) | None => out.push(OsStr::new("..")),
            },
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => out.push(component),
        }
    }
    if out.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        out
    }
}

/// Glob of a pattern with names in braces: each of them becomes `*`.
pub(crate) fn glob_of(pattern: &str) -> String {
    let mut glob = String::new();
    let mut rest = pattern;
    while let Some((before, _, after)) = split_at_braces(rest) {
        glob.push_str(before);
        glob.push('*');
        rest = after;
    }
    glob.push_str(rest);
    glob
}

/// Names in the braces of a pattern, in their order.
pub(crate) fn names_in(pattern: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = pattern;
    while let Some((_, name, after)) = split_at_braces(rest) {
        names.push(name);
        rest = after;
    }
    names
}

/// Text before the first pair of braces, in it, and after it. `[{]` stands for a brace.
fn split_at_braces(text: &str) -> Option<(&str, &str, &str)> {
    let starts = text.match_indices('{').map(|(at, _)| at);
    let at = starts
        .into_iter()
        .find(|at| !(text[..*at].ends_with('[') && text[*at + 1..].starts_with(']')))?;
    let (name, after) = text[at + 1..].split_once('}')?;
    Some((&text[..at], name, after))
}

/// Text that `{name}` of a pattern stands for in a path that the pattern matches; `None` where the
/// pattern has no `{name}`.
///
/// # Errors
/// A fault where the path tells no text, or not which: an id that is guessed would put amounts on
/// another customer.
pub(crate) fn captured(
    pattern: &str,
    path: &Path,
    name: &str,
) -> Result<Option<String>, GlobFault> {
    let steps = |path: &Path| {
        path.iter()
            .map(|step| step.to_string_lossy().into_owned())
            .collect::<Vec<String>>()
    };
    let (wanted, found) = (steps(Path::new(pattern)), steps(path));
    let mut told: Option<BTreeSet<String>> = None;
    for (at, step) in wanted.iter().enumerate() {
        let mut rest = step.as_str();
        while let Some((_, braced, after)) = split_at_braces(rest) {
            let before = &step[..step.len() - after.len() - braced.len() - "{}".len()];
            rest = after;
            if braced != name {
                continue;
            }
            let here = texts_of((before, after), (&wanted, at), &found);
            // Where a name stands twice, both must tell the same text.
            told = Some(match told {
                Some(told) => told.intersection(&here).cloned().collect(),
                None => here,
            });
        }
    }
    let Some(mut told) = told else {
        return Ok(None);
    };
    match (told.pop_first(), told.pop_first()) {
        (Some(only), None) => Ok(Some(only)),
        (first, _) => Err(GlobFault {
            found: match first {
                Some(_) => format!(
                    "`{}`, in which `{{{name}}}` may be several texts",
                    shown(path)
                ),
                None => format!("`{}`, in which `{{{name}}}` is empty", shown(path)),
            },
            wanted: format!("a path that tells `{{{name}}}`"),
            hint: format!(
                "give `{{{name}}}` a step of its own, such as `{{{name}}}/usage.json`, \
                 or have characters around it that its text never holds"
            ),
        }),
    }
}

/// Texts that may stand between `before` and `after`, the two parts of step `at` of a pattern.
fn texts_of(
    (before, after): (&str, &str),
    (wanted, at): (&[String], usize),
    found: &[String],
) -> BTreeSet<String> {
    let part = |part: &str| Pattern::new(&glob_of(part)).ok();
    let (Some(before), Some(after)) = (part(before), part(after)) else {
        return BTreeSet::new();
    };
    let mut texts = BTreeSet::new();
    for (step, text) in found.iter().enumerate() {
        let is_here =
            fits(&wanted[..at], &found[..step]) && fits(&wanted[at + 1..], &found[step + 1..]);
        if !is_here {
            continue;
        }
        let places = || text.char_indices().map(|(at, _)| at).chain([text.len()]);
        for start in places().filter(|at| before.matches(&text[..*at])) {
            // A text is not empty: no id is.
            let ends = places().filter(|at| *at > start && after.matches(&text[*at..]));
            texts.extend(ends.map(|end| text[start..end].to_owned()));
        }
    }
    texts
}

/// True if steps of a pattern match steps of a path; `**` matches any number of them.
fn fits(wanted: &[String], found: &[String]) -> bool {
    match wanted.split_first() {
        None => found.is_empty(),
        Some((first, rest)) if first == "**" => {
            (0..=found.len()).any(|skipped| fits(rest, &found[skipped..]))
        }
        Some((first, rest)) => found.split_first().is_some_and(|(step, others)| {
            let pattern = Pattern::new(&glob_of(first));
            pattern.is_ok_and(|pattern| pattern.matches_with(step, SHELL)) && fits(rest, others)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_for_whom_they_are() {
        let pattern = "a/{customer_id}/usage-{subscription_id}.json";
        assert_eq!(glob_of(pattern), "a/*/usage-*.json");
        assert_eq!(names_in(pattern), ["customer_id", "subscription_id"]);
        let path = Path::new("a/C-1/usage-s2.json");
        let told = |name| captured(pattern, path, name).unwrap();
        assert_eq!(told("customer_id").as_deref(), Some("C-1"));
        assert_eq!(told("subscription_id").as_deref(), Some("s2"));
        assert_eq!(told("period"), None);
    }

    #[test]
    fn a_path_that_tells_no_name_for_sure_is_a_fault() {
        let told =
            |pattern, path| captured(pattern, Path::new(path), "c").map_err(|fault| fault.found);
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(told("{c}/**/u.json", "C/2026/10/u.json"), some("C"));
        assert_eq!(told("a/**/{c}/u.json", "a/x/y/C/u.json"), some("C"));
        assert_eq!(told("{s}_{c}.json", "a-b_C.json"), some("C"));
        assert_eq!(told("x-{c}-20??.json", "x-C-1-2026.json"), some("C-1"));
        assert_eq!(told("{c}/{c}.json", "C/C.json"), some("C"));
        assert_eq!(told("[{]c}/{c}.json", "{c}/C.json"), some("C"));
        for (pattern, path) in [
            ("{c}-{s}.json", "a-b-c.json"),
            ("x-{c}*.json", "x-CD.json"),
            ("**/{c}/**/u.json", "a/b/u.json"),
        ] {
            let wanted = format!("`{path}`, in which `{{c}}` may be several texts");
            assert_eq!(told(pattern, path), Err(wanted), "{pattern}");
        }
        for (pattern, path) in [("x-{c}.json", "x-.json"), ("{c}/{c}.json", "A/B.json")] {
            let wanted = format!("`{path}`, in which `{{c}}` is empty");
            assert_eq!(told(pattern, path), Err(wanted), "{pattern}");
        }
    }
}
