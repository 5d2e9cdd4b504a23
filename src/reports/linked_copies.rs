//! Folders of tables that a reader sees as a whole: a link leads to the newest copy, and the copy before
//! it stays for readers that are at it.

use std::fs;
use std::io;
use std::path::Path;

use super::failure::{PublishError, storage};
use super::single_files::sync_folder;

/// Lock of those who write copies, in their folder.
const LOCK: &str = ".lock";

/// Name of a copy that is being written.
const STAGED: &str = ".new";

/// A link in an output folder and the folder of its copies, each of which has a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkedCopies {
    /// Name of the link.
    pub(super) pointer: &'static str,
    /// Folder of the copies.
    pub(super) copies: &'static str,
}

/// Numbers of copies before and after a write.
#[derive(Clone, Copy, Debug)]
pub(super) enum CopyNumber {
    /// This one, unless it is there.
    This(u64),
    /// The one after the newest.
    Next,
}

impl LinkedCopies {
    /// Number of the copy that the link points at; `None` before the first.
    pub(super) fn current(&self, out: &Path) -> Option<u64> {
        let target = fs::read_link(out.join(self.pointer)).ok()?;
        let is_ours = target.parent() == Some(Path::new(self.copies));
        let name = target.file_name().filter(|_| is_ours)?;
        name.to_str()?.parse().ok()
    }

    /// Writes a copy, and points at it. `fill` is given the folder of the new copy, and that of the
    /// copy before it, if there is one.
    ///
    /// # Errors
    /// [`PublishError::Storage`] and what `fill` says; the link is then as it was.
    pub(super) fn write<E: From<PublishError>>(
        &self,
        out: &Path,
        number: CopyNumber,
        fill: impl FnOnce(&Path, Option<&Path>) -> Result<(), E>,
    ) -> Result<(), E> {
        let copies = out.join(self.copies);
        fs::create_dir_all(&copies).map_err(storage("create the folder", &copies))?;
        // Two people may be at it at once: one waits.
        let lock_path = copies.join(LOCK);
        let lock = fs::File::options()
            .create(true)
            .append(true)
            .open(&lock_path)
            .map_err(storage("open the lock", &lock_path))?;
        lock.lock().map_err(storage("lock", &lock_path))?;
        let current = self.current(out);
        let number = match number {
            CopyNumber::This(number) if current == Some(number) => return Ok(()),
            CopyNumber::This(number) => number,
            CopyNumber::Next => {
                let next = current.map_or(1, |current| current + 1);
                // Of one that was killed before it moved the link: of other data, perhaps.
                remove(&copies.join(next.to_string()))?;
                next
            }
        };
        let folder = copies.join(number.to_string());
        // One name is enough under the lock, and a test can interrupt every call on it.
        let staged = copies.join(STAGED);
        remove(&staged)?;
        fs::create_dir(&staged).map_err(storage("create the folder", &staged))?;
        let before = current.map(|current| copies.join(current.to_string()));
        let filled = fill(&staged, before.as_deref()).and_then(|()| Ok(sync_folder(&staged)?));
        let named = filled.and_then(|()| match fs::rename(&staged, &folder) {
            // Written by one that was killed before it moved the link: it says the same.
            Err(_) if folder.is_dir() => {
                Ok(fs::remove_dir_all(&staged).map_err(storage("clear", &staged))?)
            }
            renamed => Ok(renamed.map_err(storage("name", &folder))?),
        });
        if let Err(error) = named {
            drop(fs::remove_dir_all(&staged));
            return Err(error);
        }
        sync_folder(&copies)?;
        self.point(out, number)?;
        Ok(clear(&copies, number)?)
    }

    fn point(&self, out: &Path, number: u64) -> Result<(), PublishError> {
        let pointer = out.join(self.pointer);
        let temporary = out.join(format!(".{}.new", self.pointer));
        drop(fs::remove_file(&temporary));
        let target = Path::new(self.copies).join(number.to_string());
        link(&target, &temporary).map_err(storage("write", &temporary))?;
        fs::rename(&temporary, &pointer).map_err(storage("point", &pointer))?;
        sync_folder(out)
    }
}

#[cfg(unix)]
pub(super) fn link(target: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, at)
}

// As for `current`, a file with the name of the folder.
#[cfg(not(unix))]
pub(super) fn link(target: &Path, at: &Path) -> io::Result<()> {
    fs::write(at, target.to_string_lossy().as_bytes())
}

/// Removes a folder, if it is there.
fn remove(folder: &Path) -> Result<(), PublishError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(storage("clear", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Removes copies before the last one.
fn clear(copies: &Path, change: u64) -> Result<(), PublishError> {
    let mut older: Vec<u64> = Vec::new();
    for entry in fs::read_dir(copies).map_err(storage("list", copies))? {
        let name = entry.map_err(storage("list", copies))?.file_name();
        older.extend(
            name.to_string_lossy()
                .parse::<u64>()
                .ok()
                .filter(|number| *number < change),
        );
    }
    older.sort_unstable();
    older.pop();
    older
        .into_iter()
        .try_for_each(|number| remove(&copies.join(number.to_string())))
}
