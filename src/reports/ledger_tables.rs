//! Tables of the ledger in the output folder: `ledger` is a link to the newest copy, so that a reader
//! sees all tables of one state, or all of another.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::csv_form::CsvForm;
use super::failure::{PublishError, storage};
use super::single_files::{create, sync_folder};
use super::table::TablePart;
use super::{csv, parquet};

/// Link to the newest copy.
pub const LEDGER_POINTER: &str = "ledger";

/// Folder of the copies, each named by the change of the ledger that it shows.
pub const LEDGER_COPIES: &str = "ledger-tables";

/// Lock of those who write copies, in their folder.
const LOCK: &str = ".lock";

/// Beginning of the name of a copy that is being written.
const STAGED: &str = ".new-";

/// Link that is about to become the pointer.
const NEW_LINK: &str = ".ledger.new";

/// True if the copy of a change is what the link points at.
#[must_use]
pub fn is_written(out: &Path, change: u64) -> bool {
    fs::read_link(out.join(LEDGER_POINTER)).is_ok_and(|target| target == target_of(change))
}

fn target_of(change: u64) -> PathBuf {
    Path::new(LEDGER_COPIES).join(change.to_string())
}

/// Writes the copy of a change, and points at it. The copy before it stays, for readers that are at
/// it; older ones are removed.
///
/// # Errors
/// [`PublishError::Storage`]; the link is then as it was.
pub fn write(out: &Path, change: u64, tables: &[TablePart<'_>]) -> Result<(), PublishError> {
    let copies = out.join(LEDGER_COPIES);
    fs::create_dir_all(&copies).map_err(storage("create the folder", &copies))?;
    // Two people may be at it at once: one waits.
    let lock_path = copies.join(LOCK);
    let lock = fs::File::options()
        .create(true)
        .append(true)
        .open(&lock_path)
        .map_err(storage("open the lock", &lock_path))?;
    lock.lock().map_err(storage("lock", &lock_path))?;
    if is_written(out, change) {
        return Ok(());
    }
    clear_litter(&copies)?;
    let staging = tempfile::Builder::new()
        .prefix(STAGED)
        .tempdir_in(&copies)
        .map_err(storage("create a folder in", &copies))?;
    fill(staging.path(), tables)?;
    sync_folder(staging.path())?;
    let folder = copies.join(change.to_string());
    let staged = staging.keep();
    if let Err(error) = fs::rename(&staged, &folder) {
        drop(fs::remove_dir_all(&staged));
        // Written by one that was killed before it moved the link: it says the same.
        if !folder.is_dir() {
            return Err(storage("name", &folder)(error));
        }
    }
    sync_folder(&copies)?;
    point(out, change)?;
    clear(&copies, change)
}

/// Files of the newest copy that are not what the tables give, each with what is there; none while
/// another change is being written.
///
/// # Errors
/// [`PublishError::Storage`] if the tables cannot be written for the comparison.
pub fn changed(
    out: &Path,
    change: u64,
    tables: &[TablePart<'_>],
) -> Result<Vec<(PathBuf, String)>, PublishError> {
    if !is_written(out, change) {
        return Ok(Vec::new());
    }
    let made = tempfile::tempdir().map_err(storage("create a folder in", &std::env::temp_dir()))?;
    fill(made.path(), tables)?;
    let mut faults = Vec::new();
    for part in tables {
        for ending in ["parquet", "csv"] {
            let name = format!("{}.{ending}", part.table.name);
            let path = out.join(LEDGER_POINTER).join(&name);
            let wanted = made.path().join(&name);
            let wanted = fs::read(&wanted).map_err(storage("read", &wanted))?;
            match fs::read(&path) {
                Ok(found) if found == wanted => {}
                Ok(_) => faults.push((path, "other bytes".to_owned())),
                Err(error) => faults.push((path, format!("a file that cannot be read ({error})"))),
            }
        }
    }
    Ok(faults)
}

fn fill(folder: &Path, tables: &[TablePart<'_>]) -> Result<(), PublishError> {
    let packed = || {
        tables.iter().try_for_each(|part| {
            let name = format!("{}.parquet", part.table.name);
            write_file(&folder.join(name), |file| {
                let mut writer = parquet::Writer::new(part.table, file);
                writer.write(part).map_err(io::Error::other)?;
                writer.close().map_err(io::Error::other)
            })
        })
    };
    let text = || {
        tables.iter().try_for_each(|part| {
            let name = format!("{}.csv", part.table.name);
            write_file(&folder.join(name), |file| {
                csv::write_header(part.table, CsvForm::Plain, file)?;
                csv::write_rows(part, CsvForm::Plain, file)
            })
        })
    };
    // Each of the two takes as long as the other.
    let (packed, text) = rayon::join(packed, text);
    packed.and(text)
}

fn write_file(
    path: &Path,
    fill: impl FnOnce(&mut io::BufWriter<fs::File>) -> io::Result<()>,
) -> Result<(), PublishError> {
    let file = create(path).map_err(storage("create", path))?;
    let mut writer = io::BufWriter::new(file);
    fill(&mut writer)
        .and_then(|()| writer.flush())
        .and_then(|()| writer.get_ref().sync_all())
        .map_err(storage("write", path))
}

fn point(out: &Path, change: u64) -> Result<(), PublishError> {
    let pointer = out.join(LEDGER_POINTER);
    let temporary = out.join(NEW_LINK);
    drop(fs::remove_file(&temporary));
    link(&target_of(change), &temporary).map_err(storage("write", &temporary))?;
    fs::rename(&temporary, &pointer).map_err(storage("point", &pointer))?;
    sync_folder(out)
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, at)
}

// As for `current`, a file with the name of the folder.
#[cfg(not(unix))]
fn link(target: &Path, at: &Path) -> io::Result<()> {
    fs::write(at, target.to_string_lossy().as_bytes())
}

/// Removes what one that was killed was writing. The lock is held: nobody writes it any more.
fn clear_litter(copies: &Path) -> Result<(), PublishError> {
    for entry in fs::read_dir(copies).map_err(storage("list", copies))? {
        let entry = entry.map_err(storage("list", copies))?;
        if entry.file_name().to_string_lossy().starts_with(STAGED) {
            let folder = entry.path();
            fs::remove_dir_all(&folder).map_err(storage("clear", &folder))?;
        }
    }
    Ok(())
}

/// Removes copies of changes before the last one.
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
    for number in older {
        let folder = copies.join(number.to_string());
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(storage("clear", &folder)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
