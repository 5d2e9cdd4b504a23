//! Tables of the ledger in the output folder: `ledger` is a link to the newest copy, so that a reader
//! sees all tables of one state, or all of another.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::csv_form::CsvForm;
use super::failure::{PublishError, storage};
use super::linked_copies::{CopyNumber, LinkedCopies};
use super::single_files::create;
use super::table::TablePart;
use super::{csv, parquet};

/// Link to the newest copy.
pub const LEDGER_POINTER: &str = "ledger";

/// Folder of the copies, each named by the change of the ledger that it shows.
pub const LEDGER_COPIES: &str = "ledger-tables";

const COPIES: LinkedCopies = LinkedCopies {
    pointer: LEDGER_POINTER,
    copies: LEDGER_COPIES,
};

/// True if the copy of a change is what the link points at.
#[must_use]
pub fn is_written(out: &Path, change: u64) -> bool {
    COPIES.current(out) == Some(change)
}

/// Writes the copy of a change, and points at it. The copy before it stays, for readers that are at
/// it; older ones are removed.
///
/// # Errors
/// [`PublishError::Storage`]; the link is then as it was.
pub fn write(out: &Path, change: u64, tables: &[TablePart<'_>]) -> Result<(), PublishError> {
    COPIES.write(out, CopyNumber::This(change), |folder, _| {
        fill(folder, tables)
    })
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
