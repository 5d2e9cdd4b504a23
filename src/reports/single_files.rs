//! Single files that people keep: each is written beside its place, synced, and renamed to it, so that
//! a reader sees the old file or the new one, and never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use super::failure::{PublishError, storage};
use super::output_entries::clear_temporary;

/// Rights of published files: they hold what customers pay, and are not for every user of the
/// machine.
const FILE_MODE: u32 = 0o640;
/// Rights of a file without secrets that others are meant to read.
const SHARED_MODE: u32 = 0o644;

/// Bytes that are gathered before they are written.
pub(super) const BUFFER_BYTES: usize = 1 << 18;

/// Replaces a file by what `fill` writes: readers see the old file or the new one, each complete.
///
/// # Errors
/// [`PublishError::Storage`], also where `fill` fails; the old file is then intact.
///
/// # Panics
/// If `path` cannot be a file in a folder, such as `/`.
pub fn replace_file(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), PublishError> {
    let folder = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder).map_err(storage("create the folder", folder))?;
    // The lock of the state folder is held: what is there is of a fetch that has ended.
    clear_temporary(folder)?;
    replace(path, FILE_MODE, fill)
}

/// Replaces a file as [`replace_file`] does, in a folder that may be anybody's: nothing else in it is
/// touched.
///
/// # Errors
/// [`PublishError::Storage`], also where `fill` fails; the old file is then intact.
///
/// # Panics
/// If `path` cannot be a file in a folder, such as `/`.
pub fn place_file(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), PublishError> {
    let folder = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder).map_err(storage("create the folder", folder))?;
    replace(path, FILE_MODE, fill)
}

/// Replaces a file as [`place_file`] does, in a folder that is there; programs of other users may read
/// it.
///
/// # Errors
/// [`PublishError::Storage`], also where `fill` fails; the old file is then intact.
///
/// # Panics
/// If `path` cannot be a file in a folder, such as `/`.
pub fn replace_shared(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), PublishError> {
    replace(path, SHARED_MODE, fill)
}

fn replace(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), PublishError> {
    let folder = match path.parent().expect("a file lies in a folder") {
        here if here.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    };
    // In the same folder, for a rename cannot cross file systems; hidden while it is incomplete.
    let mut temporary = new_file(folder, mode).map_err(storage("create a file in", folder))?;
    fill(temporary.as_file_mut()).map_err(storage("write", path))?;
    temporary
        .as_file()
        .sync_all()
        .map_err(storage("sync", path))?;
    temporary
        .persist(path)
        .map_err(|error| storage("name", path)(error.error))?;
    sync_folder(folder)
}

/// Writes a file that is not there yet, and its folder: readers see all of it, or none.
///
/// # Errors
/// [`PublishError::Storage`], also where `fill` fails or the file is there.
///
/// # Panics
/// If `path` cannot be a file in a folder, such as `/`.
pub fn write_new(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> Result<(), PublishError> {
    let folder = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder).map_err(storage("create the folder", folder))?;
    let mut temporary = new_file_in(folder).map_err(storage("create a file in", folder))?;
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, temporary.as_file_mut());
    fill(&mut writer)
        .and_then(|()| writer.flush())
        .map_err(storage("write", path))?;
    drop(writer);
    temporary
        .as_file()
        .sync_all()
        .map_err(storage("sync", path))?;
    temporary
        .persist_noclobber(path)
        .map_err(|error| storage("name", path)(error.error))?;
    sync_folder(folder)
}

/// A file in a folder under a name that nobody looks for, until it is given its own.
pub(super) fn new_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    new_file(folder, FILE_MODE)
}

fn new_file(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    let file = builder.tempfile_in(folder)?;
    // A service's umask may take away what others are meant to have.
    #[cfg(unix)]
    if mode == SHARED_MODE {
        let rights = std::os::unix::fs::PermissionsExt::from_mode(mode);
        file.as_file().set_permissions(rights)?;
    }
    Ok(file)
}

pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // A file that is there already would be one table written over another.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
    options.open(path)
}

/// Syncs a folder's own entries, without which a new name in it may not outlive a power cut.
pub(super) fn sync_folder(folder: &Path) -> Result<(), PublishError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(storage("sync", folder))
}
