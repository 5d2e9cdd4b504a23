//! Files of the state folder: private, whole or not there, and synced before they are believed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::sources::failure::{FetchError, storage};

/// Makes a folder and those above it; what is new is for the owner alone.
///
/// # Errors
/// [`FetchError::Storage`].
pub fn make_folder(path: &Path) -> Result<(), FetchError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(storage("make the folder", path))
}

/// Makes a folder, without what was in it.
///
/// # Errors
/// [`FetchError::Storage`].
pub fn clear_folder(path: &Path) -> Result<(), FetchError> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(storage("clear", path))?;
    }
    make_folder(path)
}

/// A file's bytes; `None` where there is no file.
///
/// # Errors
/// [`FetchError::Storage`].
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FetchError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(storage("read", path)(error)),
    }
}

/// A temporary file in `folder`; gone when dropped.
///
/// # Errors
/// [`FetchError::Storage`].
pub fn temporary(folder: &Path) -> Result<NamedTempFile, FetchError> {
    NamedTempFile::new_in(folder).map_err(storage("make a file in", folder))
}

/// Gives a written temporary file its name; a file of that name is replaced.
///
/// # Errors
/// [`FetchError::Storage`].
pub fn persist(file: NamedTempFile, path: &Path) -> Result<(), FetchError> {
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    file.as_file().sync_all().map_err(storage("sync", path))?;
    file.persist(path)
        .map_err(|error| storage("name", path)(error.error))?;
    Ok(())
}

/// Writes a file that is whole or not there.
///
/// # Errors
/// [`FetchError::Storage`].
pub fn write_new(temporary_folder: &Path, path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let mut file = temporary(temporary_folder)?;
    file.write_all(bytes).map_err(storage("write", path))?;
    persist(file, path)
}

/// Replaces a private file, whole, and syncs its folder.
///
/// # Errors
/// [`FetchError::Storage`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    write_new(folder, path, bytes)?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(storage("sync", folder))
}

/// Opens a lock file, for reading and writing, without changing it.
///
/// # Errors
/// [`FetchError::Storage`].
pub fn open_lock(path: &Path) -> Result<File, FetchError> {
    private()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(storage("open the lock", path))
}

/// Opens a file to append to.
///
/// # Errors
/// [`FetchError::Storage`].
pub fn open_to_append(path: &Path) -> Result<File, FetchError> {
    private()
        .append(true)
        .create(true)
        .open(path)
        .map_err(storage("open", path))
}

/// Cuts a file.
///
/// # Errors
/// [`FetchError::Storage`].
pub fn cut(path: &Path, length: u64) -> Result<(), FetchError> {
    let file = private()
        .write(true)
        .open(path)
        .map_err(storage("open", path))?;
    file.set_len(length)
        .and_then(|()| file.sync_all())
        .map_err(storage("cut", path))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
