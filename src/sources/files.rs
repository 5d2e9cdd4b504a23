//! Files as units of input: named as they were found, identified by their content. A file is opened
//! once, and everything that is read of it is read through that handle, so that another file under
//! its name changes nothing. Nothing is decoded here.
//!
//! What must change together: the text of [`Stamp`] and the ages from which it is trusted. A file is
//! held to be unchanged only if every change of it would change its stamp.

use std::fs::{File, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Age from which the stamp of a file is trusted. File systems count time in steps, of 10 ms at
/// most: a file that changed less than this before it was looked at may change again within the
/// same step, and have the same stamp.
pub(super) const SETTLED: Duration = Duration::from_millis(100);
/// Age from which a stamp in whole seconds is trusted: FAT counts in steps of two.
const SETTLED_IN_SECONDS: Duration = Duration::from_millis(2_100);

/// A file to be decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileUnit {
    /// Name of the file in reports: its path with forward slashes.
    pub name: String,
    /// Path of the file.
    pub path: PathBuf,
    /// BLAKE3 of the file's bytes, in hexadecimal.
    pub blake3: String,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Reason why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file is missing or closed to this process, or its disk fails.
    #[error("Cannot read `{}`", .path.display())]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// Error of the system.
        #[source]
        source: io::Error,
    },
    /// Something that is there, but holds no bytes that could be read twice.
    #[error("`{}`: found {found}, wanted a file", .path.display())]
    NotAFile {
        /// Path that leads there, as the user named it.
        path: PathBuf,
        /// Kind of it, in words.
        found: &'static str,
        /// Advice for the user.
        hint: String,
    },
    /// The file was changed, replaced or removed while it was read.
    #[error("`{}`: found it changed while it was read, wanted the same bytes to the end", .path.display())]
    Changed {
        /// Path of the file.
        path: PathBuf,
    },
}

/// The name of a file in reports: the same on every system.
#[must_use]
pub fn name_of(path: &Path) -> String {
    // Reports of Windows and Linux are compared byte by byte.
    path.to_string_lossy().replace('\\', "/")
}

/// A file's size in bytes. The file is looked at, not opened.
///
/// # Errors
/// [`FileError::Unreadable`] and [`FileError::NotAFile`].
pub fn size(path: &Path) -> Result<u64, FileError> {
    look_at(path).map(|metadata| metadata.len())
}

/// Attributes of a file that tell whether it was changed, even if its name, size and modification
/// time were put back: the time of its last status change cannot be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(pub(super) String);

impl Stamp {
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(format!(
            "{}.{}.{}.{}.{}.{}.{}",
            metadata.dev(),
            metadata.ino(),
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec()
        ))
    }

    /// Other systems do not tell if a file was changed and its date put back.
    #[cfg(not(unix))]
    pub(super) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        Self(format!("{}.{modified:?}", metadata.len()))
    }
}

/// True if every change of the file from now on will show in its stamp.
#[cfg(unix)]
fn is_settled(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(seconds), Ok(nanos)) = (
        u64::try_from(metadata.ctime()),
        u32::try_from(metadata.ctime_nsec()),
    ) else {
        return false;
    };
    let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
    let settled = if nanos == 0 {
        SETTLED_IN_SECONDS
    } else {
        SETTLED
    };
    // A time to come is that of another clock, and says nothing.
    SystemTime::now()
        .duration_since(changed)
        .is_ok_and(|age| age >= settled)
}

/// Without the time of the last status change no stamp is ever trusted.
#[cfg(not(unix))]
fn is_settled(_: &Metadata) -> bool {
    false
}

/// A regular file, opened for reading. It is read by position alone, so that any number of readers
/// share it.
#[derive(Debug)]
pub struct HeldFile {
    file: File,
    path: PathBuf,
    bytes: u64,
    stamp: Stamp,
    is_settled: bool,
}

impl HeldFile {
    /// Opens the file at `path`, following links.
    ///
    /// # Errors
    /// [`FileError::Unreadable`] and [`FileError::NotAFile`].
    pub fn open(path: &Path) -> Result<Self, FileError> {
        // Before it is opened: opening alone does something to some devices.
        look_at(path)?;
        let file = open_at_once(path).map_err(unreadable(path))?;
        let metadata = file.metadata().map_err(unreadable(path))?;
        // Something else may have taken the name meanwhile.
        refuse_other_kinds(path, metadata.file_type())?;
        Ok(Self {
            path: path.to_owned(),
            bytes: metadata.len(),
            stamp: Stamp::of(&metadata),
            is_settled: is_settled(&metadata),
            file,
        })
    }

    /// Handle to read from, by position: its cursor belongs to [`HeldFile::hash`].
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Path by which the file was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Size of the file in bytes when it was opened.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True if [`HeldFile::check`] notices every change. A file that was changed moments before it
    /// was opened must be hashed before and after it is read to be sure of it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Stamp of the file when it was opened.
    pub(super) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// BLAKE3 of the file's bytes as they are now, in hexadecimal.
    ///
    /// # Errors
    /// [`FileError::Unreadable`] where the disk fails.
    pub fn hash(&self) -> Result<String, FileError> {
        let mut file = &self.file;
        let mut hasher = blake3::Hasher::new();
        // In pieces: the file may be larger than the memory.
        io::Seek::rewind(&mut file)
            .and_then(|()| hasher.update_reader(file).map(drop))
            .map_err(unreadable(&self.path))?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Checks that the file is as it was when it was opened, and still the one under its name.
    ///
    /// # Errors
    /// [`FileError::Changed`], also where the file is gone.
    pub fn check(&self) -> Result<(), FileError> {
        let same = |metadata: io::Result<Metadata>| {
            metadata.is_ok_and(|metadata| Stamp::of(&metadata) == self.stamp)
        };
        if same(self.file.metadata()) && same(std::fs::metadata(&self.path)) {
            Ok(())
        } else {
            Err(self.changed())
        }
    }

    /// The error of a file that was changed while it was read.
    #[must_use]
    pub fn changed(&self) -> FileError {
        FileError::Changed {
            path: self.path.clone(),
        }
    }
}

/// Attributes of what a path leads to, if it is a file.
fn look_at(path: &Path) -> Result<Metadata, FileError> {
    let metadata = std::fs::metadata(path).map_err(unreadable(path))?;
    refuse_other_kinds(path, metadata.file_type())?;
    Ok(metadata)
}

/// Opens a file without waiting: a FIFO would wait for somebody to write to it.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
fn open_at_once(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    /// `O_NONBLOCK` of these processors; it means nothing to a regular file.
    const NONBLOCK: i32 = 0o4000;
    let mut options = File::options();
    match options.read(true).custom_flags(NONBLOCK).open(path) {
        // A file server may have to take back a lease first, and only that is waited for.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => File::open(path),
        opened => opened,
    }
}

/// Elsewhere the look before the opening has to do.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
fn open_at_once(path: &Path) -> io::Result<File> {
    File::open(path)
}

fn refuse_other_kinds(path: &Path, kind: FileType) -> Result<(), FileError> {
    if kind.is_file() {
        return Ok(());
    }
    let (found, hint) = if kind.is_dir() {
        let hint = format!(
            "name the files in it, for example `{}/*.csv`",
            name_of(path)
        );
        ("a folder", hint)
    } else {
        let hint =
            "a file is read more than once: write what comes out of it to one, and name that";
        (special_kind(kind), hint.to_owned())
    };
    Err(FileError::NotAFile {
        path: path.to_owned(),
        found,
        hint,
    })
}

/// Removes temporary files of the `tempfile` crate from a folder: a process that was killed leaves
/// them. Called where no other process writes to the folder.
///
/// # Errors
/// The error of the file system; a folder that is not there has no such files.
pub(crate) fn clear_temporary(folder: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        // `.tmp` and six letters or digits: no file of ours has such a name.
        if entry.file_name().to_string_lossy().starts_with(".tmp") && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Words for what is neither a file nor a folder.
#[cfg(unix)]
pub(crate) fn special_kind(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_fifo() {
        "a pipe (FIFO)"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// Words for what is neither a file nor a folder.
#[cfg(not(unix))]
pub(crate) fn special_kind(_: FileType) -> &'static str {
    "neither a file nor a folder"
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    }
}
