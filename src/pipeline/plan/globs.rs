//! Paths and globs of a pipeline: from the text in the file to the files on disk. Lists folders,
//! and opens no data file.
//!
//! Patterns of record sources may hold names in braces, such as `usage-{customer_id}.json`. A name
//! stands for any text within one step of a path; `captured` tells which text that is.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

/// Files that a path or glob matches, in the order of their names. `*` matches no hidden file.
///
/// # Errors
/// Description of what was found instead of a file.
pub fn find(pattern: &str) -> Result<Vec<PathBuf>, String> {
    // As in a shell: `*` stays within one folder, and matches no name that begins with a point.
    let options = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let paths = glob::glob_with(pattern, options)
        .map_err(|error| format!("`{pattern}`, which is not a valid glob: {}", error.msg))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| {
            format!(
                "`{}`, which cannot be read: {}",
                error.path().display(),
                error.error()
            )
        })?;
        // A link to a file is a file; a folder that the pattern matches holds no data itself.
        if path.is_file() {
            files.push(path);
        }
    }
    // The order of a listing depends on the file system, which must not reach any output.
    files.sort();
    // Nothing found is a mistake: a misspelt path would leave its rows out in silence.
    if files.is_empty() {
        Err(format!("no file for `{pattern}`"))
    } else {
        Ok(files)
    }
}

/// Files that a path or glob matches, as [`find`] lists them.
///
/// # Errors
/// Description of what was found instead of a file, and a hint.
pub fn find_any(pattern: &str) -> Result<Vec<PathBuf>, (String, String)> {
    find(pattern).map_err(|found| (found, hint(pattern)))
}

/// Advice where `pattern` matches no file: names the first step of the path that goes wrong.
pub(crate) fn hint(pattern: &str) -> String {
    let mut folder = PathBuf::new();
    for component in Path::new(pattern).components() {
        let next = folder.join(component);
        let is_literal = !component
            .as_os_str()
            .to_string_lossy()
            .contains(['*', '?', '[']);
        // The advice is about the first step that is not a folder: all steps before it are right.
        if is_literal && next.is_dir() {
            folder = next;
            continue;
        }
        let shown = if folder.as_os_str().is_empty() {
            ".".into()
        } else {
            folder.display().to_string()
        };
        let name = component.as_os_str().to_string_lossy();
        if is_literal {
            return format!("there is no `{name}` in `{shown}`");
        }
        // A file of that very name is there: the user meant its characters literally.
        if next.exists() {
            return format!(
                "`[` starts a set of characters: write `{}` for the file `{name}`",
                Pattern::escape(&name)
            );
        }
        return format!("no file in `{shown}` matches `{name}`");
    }
    format!("`{pattern}` is a folder: add `/*.csv` for the files in it")
}

/// Glob of a pipeline file in `folder`, as seen from the current folder. A `*`, `?` or `[` in the
/// name of the folder itself stands for itself.
pub(crate) fn join(folder: &Path, glob: &str) -> String {
    // The folder was given on the command line, where nobody meant it as a glob.
    let folder = PathBuf::from(Pattern::escape(&folder.to_string_lossy()));
    normalise(&folder.join(glob)).to_string_lossy().into_owned()
}

/// Pattern for a path or glob from the command line. The shell has expanded globs by then, so the
/// name of an existing file is taken literally, whatever `[` it holds.
#[must_use]
pub fn from_argument(path: &str) -> String {
    let literal = Path::new(path).is_file() && path.contains(['*', '?', '[']);
    if literal {
        Pattern::escape(path)
    } else {
        path.to_owned()
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

/// Text before the first pair of braces, in it, and after it.
fn split_at_braces(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// Text that `{name}` of a pattern stands for in a path that the pattern matches; `None` where the
/// pattern has no `{name}`.
pub(crate) fn captured(pattern: &str, path: &Path, name: &str) -> Option<String> {
    let steps = |path: &Path| {
        path.iter()
            .map(|step| step.to_string_lossy().into_owned())
            .collect::<Vec<String>>()
    };
    let (wanted, found) = (steps(Path::new(pattern)), steps(path));
    let braced = format!("{{{name}}}");
    let at = wanted.iter().position(|step| step.contains(&braced))?;
    // Steps are counted from the end: the beginning of the two paths may be written in two ways.
    let found = found.get((found.len() + at).checked_sub(wanted.len())?)?;
    let (before, after) = wanted[at].split_once(&braced)?;
    found
        .strip_prefix(before)?
        .strip_suffix(after)
        .map(str::to_owned)
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
        assert_eq!(captured(pattern, path, "customer_id").unwrap(), "C-1");
        assert_eq!(captured(pattern, path, "subscription_id").unwrap(), "s2");
        assert_eq!(captured(pattern, path, "period"), None);
    }
}
