//! Publishing, all or nothing: a reader sees the last complete run or the new one, whatever happens
//! to this process or the machine.
//!
//! Files are written in a staging folder and synced, then the folder is renamed to that of the run,
//! then `current` is pointed at it. Each step is synced before the next: a rename that is on disk
//! before the files it names would be a run of empty files after a power cut. The staging folder
//! lies outside `runs/`, for readers of a data root count what lies in it ([quirks, readers of our
//! output]).
//!
//! [quirks, readers of our output]: crate::model::domain::quirks

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::earlier_run;
use super::failure::{PublishError, storage};
use super::output_entries::{
    CLOSED, LOCK, NEW_POINTER, PERIODS, POINTER, RUNS, STAGING, clear_litter, current_run,
    ensure_kinds, is_run_there, run_of_pointer,
};
use super::single_files::{BUFFER_BYTES, create, sync_folder};

/// An output folder, which no other process publishes into as long as this value lives.
#[derive(Debug)]
pub struct OutputFolder {
    folder: PathBuf,
    /// Open lock file; the kernel unlocks it when it is closed.
    _lock: File,
}

/// A run in its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Folder of the run.
    pub folder: PathBuf,
    /// Names of the files that were missing from the run as it was published before, and that were
    /// put back; or its folder, if that was missing.
    pub put_back: Vec<String>,
    /// True if a folder was made; false if the run was there, with the same bytes.
    pub is_new: bool,
}

/// A file that was written and synced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Name of the file in the folder of its run.
    pub name: String,
    /// BLAKE3 of its bytes, 64 hexadecimal digits.
    pub blake3: String,
    /// Size of the file in bytes.
    pub bytes: u64,
}

impl OutputFolder {
    /// Creates and locks the folder, and clears what an interrupted run left. The kernel holds the
    /// lock: it ends with the process, even if the lock file stays.
    ///
    /// # Errors
    /// [`PublishError::Locked`] if another process holds the folder, [`PublishError::Kind`] if an
    /// entry is a link or of another kind, else [`PublishError::Storage`].
    pub fn open(folder: &Path) -> Result<Self, PublishError> {
        // Before anything is written, or opened: a pipe would be waited for.
        ensure_kinds(folder)?;
        fs::create_dir_all(folder.join(RUNS)).map_err(storage("create the folder", folder))?;
        let lock = lock(&folder.join(LOCK))?;
        // The lock is ours, so whoever staged files has ended without publishing them.
        clear_litter(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            _lock: lock,
        })
    }

    /// Creates an empty staging folder.
    ///
    /// # Errors
    /// [`PublishError::Storage`] if it cannot be created.
    pub fn stage(&self) -> Result<Staging<'_>, PublishError> {
        let folder = self.folder.join(STAGING);
        fs::create_dir(&folder).map_err(storage("create the folder", &folder))?;
        Ok(Staging {
            output: self,
            folder,
            published: false,
        })
    }

    /// Removes a run: it is moved away first, so that no reader and no killed process leaves half a run.
    ///
    /// # Errors
    /// [`PublishError::Storage`]; the run is then as it was, or gone.
    pub fn remove_run(&self, run_id: &str) -> Result<(), PublishError> {
        let run = self.run_folder(run_id);
        let away = self.folder.join(STAGING);
        fs::rename(&run, &away).map_err(storage("move away", &run))?;
        sync_folder(&self.folder.join(RUNS))?;
        fs::remove_dir_all(&away).map_err(storage("remove", &away))
    }

    /// Folder of a run, whether it is there or not.
    #[must_use]
    pub fn run_folder(&self, run_id: &str) -> PathBuf {
        self.folder.join(RUNS).join(run_id)
    }

    /// Id of the run that `current` points at; `None` before the first run.
    #[must_use]
    pub fn current(&self) -> Option<String> {
        current_run(&self.folder)
    }

    /// Id of the run that the pointer of a period leads to; `None` if there is none.
    #[must_use]
    pub fn run_of_period(&self, period: &str) -> Option<String> {
        run_of_pointer(&self.folder.join(PERIODS).join(period))
    }

    /// Checks that a run which is published is still what it was.
    ///
    /// # Errors
    /// [`PublishError::Damaged`] for the first file that is missing or differs.
    pub fn ensure_whole(&self, run_id: &str) -> Result<(), PublishError> {
        earlier_run::ensure_whole(&self.run_folder(run_id), run_id)
    }

    /// Points `current` at a complete run. A new pointer is written beside the old one and renamed
    /// over it, so that there is always one.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub fn point_at(&self, run_id: &str) -> Result<(), PublishError> {
        let temporary = self.folder.join(NEW_POINTER);
        point(&temporary, Path::new(RUNS), run_id).map_err(storage("write", &temporary))?;
        let pointer = self.folder.join(POINTER);
        fs::rename(&temporary, &pointer).map_err(storage("point", &pointer))?;
        sync_folder(&self.folder)
    }

    /// Points `periods/<period>` at a complete run of the period.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub fn point_period(&self, period: &str, run_id: &str) -> Result<(), PublishError> {
        let periods = self.folder.join(PERIODS);
        fs::create_dir_all(&periods).map_err(storage("create the folder", &periods))?;
        let temporary = self.folder.join(NEW_POINTER);
        let runs = Path::new("..").join(RUNS);
        point(&temporary, &runs, run_id).map_err(storage("write", &temporary))?;
        let pointer = periods.join(period);
        fs::rename(&temporary, &pointer).map_err(storage("point", &pointer))?;
        sync_folder(&periods)
    }

    /// Moves the pointers to a run that is placed: `current`, and that of its period if it has one.
    ///
    /// # Errors
    /// [`PublishError::Late`] if a step fails: the run is in its folder.
    pub fn point_all(&self, run_id: &str, period: &str) -> Result<(), PublishError> {
        let pointed = self.point_at(run_id).and_then(|()| match period {
            "" => Ok(()),
            period => self.point_period(period, run_id),
        });
        // Looked up, not assumed: a rename may fail in words and be done all the same.
        pointed.map_err(|source| PublishError::Late {
            is_current: self.current().as_deref() == Some(run_id),
            run: self.run_folder(run_id),
            source: Box::new(source),
        })
    }
}

/// Locks the file at `path`, and writes into it who holds it.
fn lock(path: &Path) -> Result<File, PublishError> {
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        // If another process holds it, its name is still to be read from it.
        .truncate(false)
        .open(path)
        .map_err(storage("open the lock", path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(PublishError::Locked {
                path: path.to_owned(),
                holder: holder_of(path),
            });
        }
        Err(TryLockError::Error(source)) => return Err(storage("lock", path)(source)),
    }
    // Only now: before the lock is held, the name in the file is that of another process.
    lock.set_len(0)
        .and_then(|()| writeln!(lock, "process {}", std::process::id()))
        .map_err(storage("write the lock", path))?;
    Ok(lock)
}

/// The holder of a lock. It may not have written its name yet, and on some systems a locked file
/// cannot be read.
fn holder_of(path: &Path) -> String {
    match fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "another run".to_owned(),
    }
}

#[cfg(unix)]
fn point(at: &Path, runs: &Path, run_id: &str) -> io::Result<()> {
    std::os::unix::fs::symlink(runs.join(run_id), at)
}

// Symbolic links take special rights on Windows: there the pointer is a file with the run's id.
#[cfg(not(unix))]
fn point(at: &Path, _: &Path, run_id: &str) -> io::Result<()> {
    fs::write(at, run_id)
}

/// Files that are written but not published. Dropped before that, they are removed.
#[derive(Debug)]
pub struct Staging<'o> {
    output: &'o OutputFolder,
    folder: PathBuf,
    published: bool,
}

impl Staging<'_> {
    /// Folder of the staged files, to read them back.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes one file, hashes and syncs it, and checks that the disk has as many bytes as were
    /// written.
    ///
    /// # Errors
    /// [`PublishError::Storage`], also where `fill` fails.
    pub fn write<E: Into<io::Error>>(
        &self,
        name: &str,
        fill: impl FnOnce(&mut HashingWriter) -> Result<(), E>,
    ) -> Result<Written, PublishError> {
        let path = self.folder.join(name);
        let file = create(&path).map_err(storage("create", &path))?;
        let mut hashing = HashingWriter {
            inner: BufWriter::with_capacity(BUFFER_BYTES, file),
            hasher: blake3::Hasher::new(),
            bytes: 0,
        };
        fill(&mut hashing).map_err(|error| storage("write", &path)(error.into()))?;
        let HashingWriter {
            inner,
            hasher,
            bytes,
        } = hashing;
        // Taken out of its buffer by hand, for a buffer that is dropped swallows the error of its
        // last write.
        let file = inner
            .into_inner()
            .map_err(|error| storage("write", &path)(error.into_error()))?;
        file.sync_all().map_err(storage("sync", &path))?;
        // A full disk or a network share may take bytes without keeping them.
        let length = file.metadata().map_err(storage("measure", &path))?.len();
        if length != bytes {
            let words = format!("{length} of {bytes} written bytes are on disk");
            return Err(storage("write", &path)(io::Error::other(words)));
        }
        Ok(Written {
            name: name.to_owned(),
            blake3: hasher.finalize().to_hex().to_string(),
            bytes,
        })
    }

    /// Makes a folder among the staged files; those in it are written as `<folder>/<name>`.
    ///
    /// # Errors
    /// [`PublishError::Storage`] if it cannot be created.
    pub fn subfolder(&self, name: &str) -> Result<(), PublishError> {
        let folder = self.folder.join(name);
        fs::create_dir(&folder).map_err(storage("create the folder", &folder))
    }

    /// Places the staged files as the closing pack `name`; its folder. What lies there is of a close
    /// that did not come to its end, as the caller knows, and is replaced.
    ///
    /// # Errors
    /// [`PublishError::Storage`]; the pack may then be in place, and no close relies on it yet.
    pub fn place_pack(mut self, name: &str, subfolders: &[&str]) -> Result<PathBuf, PublishError> {
        for subfolder in subfolders {
            sync_folder(&self.folder.join(subfolder))?;
        }
        sync_folder(&self.folder)?;
        let closed = self.output.folder.join(CLOSED);
        fs::create_dir_all(&closed).map_err(storage("create the folder", &closed))?;
        let folder = closed.join(name);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(storage("replace", &folder)(error));
            }
            _ => {}
        }
        fs::rename(&self.folder, &folder).map_err(storage("place", &folder))?;
        self.published = true;
        sync_folder(&closed)?;
        sync_folder(&self.output.folder)?;
        Ok(folder)
    }

    /// Places the staged files as the run `run_id`; no pointer is moved yet. If that run is published already, its files
    /// must be the same byte for byte, and it is left as it is; files that it lost are put back.
    /// The manifest, the last of `files`, is compared by the files that it lists, for it also says
    /// which run came before.
    ///
    /// # Errors
    /// [`PublishError::Changed`] if the published run differs, [`PublishError::Late`] if a step
    /// fails when the run is in its folder, else [`PublishError::Storage`].
    pub fn place(mut self, run_id: &str, files: &[Written]) -> Result<Publication, PublishError> {
        sync_folder(&self.folder)?;
        let folder = self.output.run_folder(run_id);
        let is_lost = self.output.current().as_deref() == Some(run_id);
        let put_back = if is_run_there(&folder)? {
            // `published` stays false, so that the staged copies are removed when `self` is
            // dropped.
            self.put_back(run_id, &folder, files)?
        } else {
            fs::rename(&self.folder, &folder).map_err(storage("publish", &folder))?;
            self.published = true;
            // `current` points at it: it was published, and its folder is gone.
            let lost = is_lost.then(|| format!("{RUNS}/{run_id}"));
            lost.into_iter().collect()
        };
        match sync_folder(&self.output.folder.join(RUNS)) {
            Ok(()) => Ok(Publication {
                folder,
                put_back,
                is_new: self.published,
            }),
            Err(source) => Err(PublishError::Late {
                is_current: self.output.current().as_deref() == Some(run_id),
                run: folder,
                source: Box::new(source),
            }),
        }
    }

    /// Moves those of the staged files into the folder of a published run that it lacks; returns
    /// their names.
    fn put_back(
        &self,
        run_id: &str,
        folder: &Path,
        files: &[Written],
    ) -> Result<Vec<String>, PublishError> {
        let wanted: Vec<(&str, &str)> = files
            .iter()
            .map(|file| (file.name.as_str(), file.blake3.as_str()))
            .collect();
        let missing = earlier_run::missing(folder, run_id, &wanted)?;
        // The manifest comes last here, too: with it the run is complete.
        for name in &missing {
            let path = folder.join(name);
            fs::rename(self.folder.join(name), &path).map_err(storage("put back", &path))?;
            sync_folder(folder)?;
        }
        Ok(missing.into_iter().map(str::to_owned).collect())
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.published {
            // If it cannot be cleared now, the next run clears it.
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

/// A file that is hashed while it is written.
#[derive(Debug)]
pub struct HashingWriter {
    inner: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for HashingWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        // No more than was taken: the rest of the buffer comes again with the next call.
        self.hasher.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
