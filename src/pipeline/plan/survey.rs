//! Which files the globs of a pipeline find. Reads folders, never the files.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::mistake::Mistake;
use super::parse;
use super::pipeline_plan::Plan;
use crate::pipeline::intake::records;

/// A plan, and the files that are there for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The plan.
    pub plan: Plan,
    /// A row for each path or glob, in the order of the plan's sources.
    pub globs: Vec<Found>,
}

/// What a path or glob finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What the files hold.
    pub dataset: &'static str,
    /// The path or glob.
    pub pattern: String,
    /// The files, in the order of their names.
    pub files: Vec<PathBuf>,
}

/// Reads the pipeline file at `path` as [`super::pipeline_plan::read`] does, and looks for its files.
///
/// # Errors
/// Every mistake in it; a glob that finds no file is one.
pub fn survey(path: &Path, set: &[String]) -> Result<Survey, Vec<Mistake>> {
    let mut draft = parse::read(path, set);
    let mut globs = Vec::new();
    for glob in &draft.globs {
        let files = if glob.is_record {
            find(&records::glob_of(&glob.pattern))
        } else {
            find(&glob.pattern)
        };
        if let Err(found) = &files {
            let mistake = Mistake {
                place: glob.words.clone(),
                key: Some(format!("source.{}.files.paths", glob.dataset)),
                found: found.clone(),
                wanted: "a path or glob that finds a file".to_owned(),
                hint: Some(hint(&glob.pattern)),
            };
            draft.mistakes.push((glob.place.clone(), mistake));
        }
        globs.push(Found {
            dataset: glob.dataset,
            pattern: glob.pattern.clone(),
            files: files.unwrap_or_default(),
        });
    }
    if draft.mistakes.is_empty() {
        Ok(Survey {
            plan: draft.plan,
            globs,
        })
    } else {
        Err(draft.into_mistakes())
    }
}

/// The files that a path or glob finds, in the order of their names. `*` finds no hidden file.
///
/// # Errors
/// What was found instead of a file, in words.
pub fn find(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let options = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let paths = glob::glob_with(pattern, options)
        .map_err(|error| format!("`{pattern}`, which is no glob: {}", error.msg))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| {
            format!(
                "`{}`, which cannot be read: {}",
                error.path().display(),
                error.error()
            )
        })?;
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        Err(format!("`{pattern}`, which finds no file"))
    } else {
        Ok(files)
    }
}

/// As [`find`]; a folder is named as such.
///
/// # Errors
/// What was found instead of a file, and a hint.
pub fn find_any(pattern: &str) -> Result<Vec<PathBuf>, (String, String)> {
    find(pattern).map_err(|found| (found, hint(pattern)))
}

/// What to do where `pattern` finds nothing.
fn hint(pattern: &str) -> String {
    let mut folder = PathBuf::new();
    for component in Path::new(pattern).components() {
        let next = folder.join(component);
        let is_literal = !component
            .as_os_str()
            .to_string_lossy()
            .contains(['*', '?', '[']);
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
        if next.exists() {
            return format!(
                "`[` starts a set of characters: write `{}` for the file `{name}`",
                Pattern::escape(&name)
            );
        }
        return format!("nothing in `{shown}` is named like `{name}`");
    }
    format!("`{pattern}` is a folder: add `/*.csv` for the files in it")
}

/// A glob of a pipeline in `folder`, as seen from the working folder. A folder's own `*`, `?` and
/// `[` stand for themselves.
pub(crate) fn join(folder: &Path, glob: &str) -> String {
    let folder = PathBuf::from(Pattern::escape(&folder.to_string_lossy()));
    normalise(&folder.join(glob)).to_string_lossy().into_owned()
}

/// A path or glob from the command line. A shell expands globs, so a file of that very name is
/// meant as it stands, whatever `[` it holds.
#[must_use]
pub fn from_argument(path: &str) -> String {
    let literal = Path::new(path).is_file() && path.contains(['*', '?', '[']);
    if literal {
        Pattern::escape(path)
    } else {
        path.to_owned()
    }
}

/// `path` without `.` and with each `x/..` taken away, by its letters: links are not followed.
pub(crate) fn normalise(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => drop(out.pop()),
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
