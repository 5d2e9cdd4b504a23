//! Publishing, all or nothing. Files are written in a staging folder outside `runs/`, synced, and
//! the folder is renamed; then `current` is pointed at it. A reader sees the last complete run or
//! the new one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

const STAGING: &str = ".staging";
const LOCK: &str = ".lock";
const POINTER: &str = "current";

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The disk or its folder.
    #[error("Cannot {doing} `{}`", .path.display())]
    Storage {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another run is at work.
    #[error("`{}`: found it locked by {holder}, wanted no other run", .path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
        /// Who holds it, as they wrote.
        holder: String,
    },
    /// The same inputs gave other bytes before.
    #[error("`{}`: found `{file}` with other bytes than this run made from the same inputs, wanted the same", .path.display())]
    Changed {
        /// The published run.
        path: PathBuf,
        /// The file that differs.
        file: String,
    },
}

fn storage(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PublishError {
    move |source| PublishError::Storage {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// A folder of runs, held by this process.
#[derive(Debug)]
pub struct Output {
    folder: PathBuf,
    _lock: File,
}

/// What a published file is: its name, its BLAKE3 hash in hexadecimal, its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// File name.
    pub name: String,
    /// BLAKE3, 64 hexadecimal digits.
    pub blake3: String,
    /// Size in bytes.
    pub bytes: u64,
}

impl Output {
    /// Makes and locks the folder, and clears what an interrupted run left. The kernel holds the
    /// lock: it ends with the process, whatever becomes of the file.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn open(folder: &Path) -> Result<Self, PublishError> {
        fs::create_dir_all(folder.join("runs")).map_err(storage("make the folder", folder))?;
        let path = folder.join(LOCK);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(storage("open the lock", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path)
                    .unwrap_or_default()
                    .trim()
                    .to_owned();
                return Err(PublishError::Locked {
                    path,
                    holder: if holder.is_empty() {
                        "another run".to_owned()
                    } else {
                        holder
                    },
                });
            }
            Err(TryLockError::Error(source)) => return Err(storage("lock", &path)(source)),
        }
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "process {}", std::process::id()))
            .map_err(storage("write the lock", &path))?;
        let staging = folder.join(STAGING);
        if staging.exists() {
            fs::remove_dir_all(&staging).map_err(storage("clear", &staging))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            _lock: lock,
        })
    }

    /// An empty staging folder.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub fn stage(&self) -> Result<Staging<'_>, PublishError> {
        let folder = self.folder.join(STAGING);
        fs::create_dir(&folder).map_err(storage("make the folder", &folder))?;
        Ok(Staging {
            output: self,
            folder,
            published: false,
        })
    }

    /// Folder of a run.
    #[must_use]
    pub fn run_folder(&self, run_id: &str) -> PathBuf {
        self.folder.join("runs").join(run_id)
    }

    /// The newest complete run, if any.
    #[must_use]
    pub fn current(&self) -> Option<String> {
        current_run(&self.folder)
    }

    /// Points `current` at a run that is there.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub fn point_at(&self, run_id: &str) -> Result<(), PublishError> {
        let temporary = self.folder.join(".current.new");
        if fs::symlink_metadata(&temporary).is_ok() {
            fs::remove_file(&temporary).map_err(storage("clear", &temporary))?;
        }
        point(&temporary, run_id).map_err(storage("write", &temporary))?;
        let pointer = self.folder.join(POINTER);
        fs::rename(&temporary, &pointer).map_err(storage("point", &pointer))?;
        sync_folder(&self.folder)
    }
}

#[cfg(unix)]
fn point(at: &Path, run_id: &str) -> io::Result<()> {
    std::os::unix::fs::symlink(Path::new("runs").join(run_id), at)
}

#[cfg(not(unix))]
fn point(at: &Path, run_id: &str) -> io::Result<()> {
    fs::write(at, run_id)
}

/// The run that `current` points at in a folder of runs.
#[must_use]
pub fn current_run(folder: &Path) -> Option<String> {
    let pointer = folder.join(POINTER);
    match fs::read_link(&pointer) {
        Ok(target) => target
            .file_name()
            .map(|name| name.to_string_lossy().into_owned()),
        Err(_) => fs::read_to_string(&pointer)
            .ok()
            .map(|text| text.trim().to_owned()),
    }
}

/// The unpublished half of a publish; dropped, it is gone.
#[derive(Debug)]
pub struct Staging<'o> {
    output: &'o Output,
    folder: PathBuf,
    published: bool,
}

impl Staging<'_> {
    /// Writes one file: hashed, its length checked, synced.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub fn write<E: Into<io::Error>>(
        &self,
        name: &str,
        fill: impl FnOnce(&mut Hashing) -> Result<(), E>,
    ) -> Result<Written, PublishError> {
        let path = self.folder.join(name);
        let file = create(&path).map_err(storage("create", &path))?;
        let mut hashing = Hashing {
            inner: BufWriter::with_capacity(1 << 18, file),
            hasher: blake3::Hasher::new(),
            bytes: 0,
        };
        fill(&mut hashing).map_err(|error| storage("write", &path)(error.into()))?;
        let Hashing {
            inner,
            hasher,
            bytes,
        } = hashing;
        let file = inner
            .into_inner()
            .map_err(|error| storage("write", &path)(error.into_error()))?;
        file.sync_all().map_err(storage("sync", &path))?;
        let length = file.metadata().map_err(storage("measure", &path))?.len();
        if length != bytes {
            let words = format!("{length} bytes are there of {bytes} written");
            return Err(storage("write all of", &path)(io::Error::other(words)));
        }
        Ok(Written {
            name: name.to_owned(),
            blake3: hasher.finalize().to_hex().to_string(),
            bytes,
        })
    }

    /// Makes the staged files the run `run_id`. Where that run is published already, its files must
    /// be the same, byte for byte; it is left as it is. The manifest, which also says what came
    /// before it, is not compared.
    ///
    /// # Errors
    /// [`PublishError`]; nothing is then published.
    pub fn publish(
        mut self,
        run_id: &str,
        files: &[Written],
        manifest: &str,
    ) -> Result<PathBuf, PublishError> {
        sync_folder(&self.folder)?;
        let target = self.output.run_folder(run_id);
        if target.join(manifest).exists() {
            for file in files.iter().filter(|file| file.name != manifest) {
                let path = target.join(&file.name);
                let published = hash_file(&path).map_err(storage("read", &path))?;
                if published != file.blake3 {
                    return Err(PublishError::Changed {
                        path: target,
                        file: file.name.clone(),
                    });
                }
            }
        } else {
            if target.exists() {
                fs::remove_dir_all(&target).map_err(storage("clear", &target))?;
            }
            fs::rename(&self.folder, &target).map_err(storage("publish", &target))?;
            self.published = true;
            sync_folder(&self.output.folder.join("runs"))?;
        }
        self.output.point_at(run_id)?;
        Ok(target)
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be cleared now is cleared by the next run.
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

/// A file that is hashed while it is written.
#[derive(Debug)]
pub struct Hashing {
    inner: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Replaces a file by another, whole: readers see the old one or the new one.
///
/// # Errors
/// [`PublishError::Storage`]; the old file is then intact.
pub fn replace_file(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), PublishError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(storage("make the folder", folder))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o640));
    let mut temporary = builder
        .tempfile_in(folder)
        .map_err(storage("make a file in", folder))?;
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

fn hash_file(path: &Path) -> io::Result<String> {
    Ok(blake3::Hasher::new()
        .update_reader(File::open(path)?)?
        .finalize()
        .to_hex()
        .to_string())
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path)
}

fn sync_folder(folder: &Path) -> Result<(), PublishError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(storage("sync", folder))
}
