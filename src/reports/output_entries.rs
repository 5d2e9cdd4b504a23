//! Entries of an output folder: their names, their kinds, and what an interrupted run may have left
//! among them. Nothing is created here.

use std::fs::{self, FileType};
use std::io;
use std::path::{Component, Path};

use super::failure::{PublishError, storage};

/// Folder of the cache of readings.
pub const CACHE: &str = "cache";

pub(super) const RUNS: &str = "runs";
pub(super) const STAGING: &str = ".staging";
pub(super) const LOCK: &str = ".lock";
pub(super) const POINTER: &str = "current";
pub(super) const NEW_POINTER: &str = ".current.new";

/// Pointers to the newest complete run of each period.
pub(super) const PERIODS: &str = "periods";

/// Folder of the closing packs.
pub const CLOSED: &str = "closed";

/// Kind that an entry has if tieout made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EntryKind {
    File,
    Folder,
    /// A link to a run; on Windows a file with its id.
    Pointer,
}

/// Folder of the reports that `tieout report` writes.
pub const REPORTS: &str = "reports";

/// Every entry of an output folder that tieout makes, or writes below.
const ENTRIES: [(&str, EntryKind); 15] = [
    (LOCK, EntryKind::File),
    (POINTER, EntryKind::Pointer),
    (NEW_POINTER, EntryKind::Pointer),
    (RUNS, EntryKind::Folder),
    (STAGING, EntryKind::Folder),
    (PERIODS, EntryKind::Folder),
    (CLOSED, EntryKind::Folder),
    (REPORTS, EntryKind::Folder),
    ("ledger-tables", EntryKind::Folder),
    ("analyst-tables", EntryKind::Folder),
    ("ledger.db", EntryKind::File),
    (CACHE, EntryKind::Folder),
    ("cache/kept", EntryKind::Folder),
    ("cache/rows", EntryKind::Folder),
    ("cache/identities", EntryKind::File),
];

/// Checks that every entry of the folder that is there has the kind that tieout gave it. Links are
/// not followed: they would lead a run to write, or to remove, what lies elsewhere.
///
/// # Errors
/// [`PublishError::Kind`] of the first that has not.
pub(super) fn ensure_kinds(folder: &Path) -> Result<(), PublishError> {
    ENTRIES
        .iter()
        .try_for_each(|(name, wanted)| ensure_kind(&folder.join(name), *wanted))
}

/// Checks that the folder of a run, if it is there, is a folder; returns whether it is there.
///
/// # Errors
/// [`PublishError::Kind`] if it is something else.
pub(super) fn is_run_there(run: &Path) -> Result<bool, PublishError> {
    ensure_kind(run, EntryKind::Folder)?;
    Ok(fs::symlink_metadata(run).is_ok())
}

fn ensure_kind(path: &Path, wanted: EntryKind) -> Result<(), PublishError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found.file_type(),
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(storage("examine", path)(error)),
    };
    let (is_right, words) = match wanted {
        EntryKind::File => (found.is_file(), "a file of its own"),
        EntryKind::Folder => (found.is_dir(), "a folder of its own"),
        EntryKind::Pointer if cfg!(unix) => (is_link_to_run(path), "a link to a folder in `runs`"),
        EntryKind::Pointer => (found.is_file(), "a file with the id of a run"),
    };
    if is_right {
        return Ok(());
    }
    Err(PublishError::Kind {
        path: path.to_owned(),
        found: kind_of(path, found),
        wanted: words,
    })
}

/// True if `path` is a link to `runs/<run id>`, whether that run is there or not. A new pointer may
/// be one of a period, which is renamed from here into a folder.
fn is_link_to_run(path: &Path) -> bool {
    let Ok(target) = fs::read_link(path) else {
        return false;
    };
    let target = match path.ends_with(NEW_POINTER) {
        true => target.strip_prefix("..").unwrap_or(&target),
        false => &target,
    };
    let steps: Vec<Component<'_>> = target.components().collect();
    matches!(steps.as_slice(), [Component::Normal(runs), Component::Normal(_)] if *runs == RUNS)
}

/// An entry's kind in words, with the target of a link.
fn kind_of(path: &Path, kind: FileType) -> String {
    if kind.is_symlink() {
        match fs::read_link(path) {
            Ok(target) => format!("a link to `{}`", target.display()),
            Err(_) => "a link".to_owned(),
        }
    } else if kind.is_dir() {
        "a folder".to_owned()
    } else if kind.is_file() {
        "a file".to_owned()
    } else {
        "a pipe, socket or device".to_owned()
    }
}

/// Removes what an interrupted run left in the folder. Called under the lock: whoever made it has
/// ended.
///
/// # Errors
/// [`PublishError::Storage`] if it cannot be removed.
pub(super) fn clear_litter(folder: &Path) -> Result<(), PublishError> {
    let staging = folder.join(STAGING);
    remove(&staging, fs::remove_dir_all(&staging))?;
    let pointer = folder.join(NEW_POINTER);
    remove(&pointer, fs::remove_file(&pointer))?;
    clear_temporary(folder)
}

/// Removes temporary files of the `tempfile` crate from a folder: it names a file even where that
/// is to have no name, on file systems without nameless files.
///
/// # Errors
/// [`PublishError::Storage`] if one cannot be removed.
pub(super) fn clear_temporary(folder: &Path) -> Result<(), PublishError> {
    for entry in fs::read_dir(folder).map_err(storage("list", folder))? {
        let entry = entry.map_err(storage("list", folder))?;
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_temporary(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            remove(&path, fs::remove_file(&path))?;
        }
    }
    Ok(())
}

/// True for `.tmp` and six letters or digits, as the `tempfile` crate names files.
fn is_temporary(name: &str) -> bool {
    name.strip_prefix(".tmp").is_some_and(|rest| {
        rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// The result of removing `path`, which may be gone already.
fn remove(path: &Path, removed: io::Result<()>) -> Result<(), PublishError> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(storage("clear", path)(error)),
        _ => Ok(()),
    }
}

/// True if nothing is there. A parent that is no folder is told by whoever creates the folder.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Id of the run that `current` points at in an output folder; `None` before the first run.
#[must_use]
pub fn current_run(folder: &Path) -> Option<String> {
    run_of_pointer(&folder.join(POINTER))
}

/// Ids of the runs that a pointer leads to: `current`, and those of the periods.
///
/// # Errors
/// [`PublishError::Storage`] if the pointers of the periods cannot be listed.
pub fn pointed_runs(folder: &Path) -> Result<Vec<String>, PublishError> {
    let mut found: Vec<String> = current_run(folder).into_iter().collect();
    let periods = folder.join(PERIODS);
    let entries = match fs::read_dir(&periods) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(found),
        Err(error) => return Err(storage("list", &periods)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(storage("list", &periods))?;
        found.extend(run_of_pointer(&entry.path()));
    }
    Ok(found)
}

/// Id of the run that a pointer leads to; `None` if it is none.
pub(super) fn run_of_pointer(pointer: &Path) -> Option<String> {
    let kind = fs::symlink_metadata(pointer).ok()?.file_type();
    if kind.is_symlink() {
        let target = fs::read_link(pointer).ok()?;
        return target
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
    }
    // On Windows the pointer is a file. Nothing else is opened: a pipe would wait for ever.
    let text = kind.is_file().then(|| fs::read_to_string(pointer).ok());
    text.flatten().map(|text| text.trim().to_owned())
}
