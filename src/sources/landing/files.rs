//! Files of the state folder: closed to other users, complete or not there at all, and synced to
//! disk before anything relies on them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::sources::failure::{FetchError, storage};

/// Creates a folder and its parents, for the owner alone; existing ones stay as they are.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn make_folder(path: &Path) -> Result<(), FetchError> {
    let mut builder = fs::DirBuilder::new();
    // The mode is for new folders; those that are there belong to the operator.
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(storage("create the folder", path))
}

/// Creates a folder, and removes what was in it.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn clear_folder(path: &Path) -> Result<(), FetchError> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(storage("empty the folder", path))?;
    }
    make_folder(path)
}

/// Checks that an entry of the state folder, if it is there, is a folder or a file of its own.
/// Links are not followed, and a pipe would be waited for.
///
/// # Errors
/// [`FetchError::Storage`] if it is of another kind.
pub(crate) fn ensure_kind(path: &Path, is_folder: bool) -> Result<(), FetchError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(storage("examine", path)(error)),
    };
    if is_folder && found.is_dir() || !is_folder && found.is_file() {
        return Ok(());
    }
    let found = if found.is_symlink() {
        "a link"
    } else {
        "another kind of thing"
    };
    let wanted = if is_folder { "folder" } else { "file" };
    let words = format!("found {found}, wanted a {wanted} of its own: move it away");
    Err(storage("use", path)(io::Error::other(words)))
}

/// Removes temporary files that a fetch that was killed left in a folder.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn clear_temporary(folder: &Path) -> Result<(), FetchError> {
    crate::sources::files::clear_temporary(folder).map_err(storage("clear", folder))
}

/// A file's bytes; `None` if there is no file.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FetchError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(storage("read", path)(error)),
    }
}

/// A file, open for reading; `None` if there is no file.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn open_if_there(path: &Path) -> Result<Option<File>, FetchError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(storage("read", path)(error)),
    }
}

/// A temporary file in `folder`, removed when it is dropped.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn temporary(folder: &Path) -> Result<NamedTempFile, FetchError> {
    NamedTempFile::new_in(folder).map_err(storage("create a file in", folder))
}

/// Syncs a temporary file and gives it its name; a file with that name is replaced.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn persist(file: NamedTempFile, path: &Path) -> Result<(), FetchError> {
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    // Before the rename: after a power failure a name must not lead to missing bytes.
    file.as_file().sync_all().map_err(storage("sync", path))?;
    file.persist(path)
        .map_err(|error| storage("move a file to", path)(error.error))?;
    Ok(())
}

/// Writes a file that is complete or not there, by way of a temporary file in
/// `temporary_folder`, which must be on the same file system.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn write_new(
    temporary_folder: &Path,
    path: &Path,
    bytes: &[u8],
) -> Result<(), FetchError> {
    let mut file = temporary(temporary_folder)?;
    file.write_all(bytes).map_err(storage("write", path))?;
    persist(file, path)
}

/// Replaces a private file, and syncs its folder, so that the new file outlives a power failure.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let folder = path.parent().expect("a file of the state folder");
    make_folder(folder)?;
    write_new(folder, path, bytes)?;
    sync_folder(folder)
}

/// Syncs a folder, so that names in it outlive a power failure.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), FetchError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(storage("sync", folder))
}

/// Removes a folder that is empty; one that is not stays.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn remove_empty_folder(path: &Path) -> Result<(), FetchError> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => {
            Err(storage("remove the folder", path)(error))
        }
        _ => Ok(()),
    }
}

/// Opens a lock file for reading and writing; its content stays.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn open_lock(path: &Path) -> Result<File, FetchError> {
    private()
        .read(true)
        .write(true)
        .create(true)
        // Its content names the process that holds the lock.
        .truncate(false)
        .open(path)
        .map_err(storage("open the lock", path))
}

/// Opens a file to append to it; it is created if it is not there.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn open_to_append(path: &Path) -> Result<File, FetchError> {
    private()
        .append(true)
        .create(true)
        .open(path)
        .map_err(storage("open", path))
}

/// Size of a file in bytes; 0 if there is no file.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn length(path: &Path) -> Result<u64, FetchError> {
    match fs::metadata(path) {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(storage("examine", path)(error)),
    }
}

/// Syncs a file.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn sync(path: &Path) -> Result<(), FetchError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(storage("sync", path))
}

/// Truncates a file to `length` bytes.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses.
pub(crate) fn cut(path: &Path, length: u64) -> Result<(), FetchError> {
    let file = private()
        .write(true)
        .open(path)
        .map_err(storage("open", path))?;
    file.set_len(length)
        .and_then(|()| file.sync_all())
        .map_err(storage("truncate", path))
}

/// Options for a file that, if it is created, only its owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
