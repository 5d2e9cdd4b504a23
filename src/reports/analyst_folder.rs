//! The analyst folder of an output folder: tables as hive partitions, of which each period has those of
//! its newest complete run and no others, so that a glob never counts a month twice.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ::parquet::errors::ParquetError;

use super::failure::{PublishError, storage};
use super::ledger_tables::LEDGER_POINTER;
use super::linked_copies::{CopyNumber, LinkedCopies, link};
use super::row_file::RowFile;
use super::single_files::{create, sync_folder};
use super::table::TablePart;
use super::{coded_table, row_filter};
use crate::model::tables::Table;
use crate::model::tables::analyst::ANALYST_TABLES;
use crate::model::tables::ledger::LEDGER_TABLES;

/// Link to the newest copy.
pub const ANALYST_POINTER: &str = "analyst";

/// Folder of the copies.
pub const ANALYST_COPIES: &str = "analyst-tables";

/// Views over the tables, for DuckDB.
const VIEWS: (&str, &str) = ("views.sql", include_str!("analyst_views.sql"));

/// The same tables in Power Query.
const POWER_QUERY: (&str, &str) = ("tables.pq", include_str!("analyst_tables.pq"));

const COPIES: LinkedCopies = LinkedCopies {
    pointer: ANALYST_POINTER,
    copies: ANALYST_COPIES,
};

/// Files of one period while they are written.
pub struct Partition<'p> {
    folder: &'p Path,
    period: &'p str,
    run_id: &'p str,
}

/// Filler of a table: hands over all of its parts.
pub type FillTable<'f> =
    dyn Fn(&mut dyn FnMut(&TablePart<'_>) -> io::Result<()>) -> io::Result<()> + 'f;

/// Replaces the tables of a period by those that `fill` writes; those of the other periods stay.
///
/// # Errors
/// [`PublishError`] and what `fill` says; the folder is then as it was.
pub fn replace_period<E: From<PublishError>>(
    out: &Path,
    period: &str,
    run_id: &str,
    fill: impl FnOnce(&Partition<'_>) -> Result<(), E>,
) -> Result<(), E> {
    COPIES.write(out, CopyNumber::Next, |folder, before| {
        if let Some(before) = before {
            carry_over(before, folder, period)?;
        }
        fill(&Partition {
            folder,
            period,
            run_id,
        })?;
        for (name, text) in [VIEWS, POWER_QUERY] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(storage("write", &path))?;
        }
        Ok(link_ledger(folder)?)
    })
}

/// Id of the run whose tables a period has in the folder; `None` if it has none.
#[must_use]
pub fn run_of_period(out: &Path, period: &str) -> Option<String> {
    let table = out.join(ANALYST_POINTER).join(ANALYST_TABLES[0].name);
    let runs = fs::read_dir(table.join(partition_of(period))).ok()?;
    let mut names =
        runs.filter_map(|run| Some(run.ok()?.file_name().to_string_lossy().into_owned()));
    names.find_map(|name| Some(name.strip_prefix("run_id=")?.to_owned()))
}

/// Files of a table and period in the folder, sorted; none for a period that it does not have.
///
/// # Errors
/// [`PublishError::Storage`] if a folder cannot be listed.
pub fn files_of(out: &Path, table: &Table, period: &str) -> Result<Vec<PathBuf>, PublishError> {
    let folder = out
        .join(ANALYST_POINTER)
        .join(table.name)
        .join(partition_of(period));
    let mut files = Vec::new();
    for run in listed(&folder)? {
        files.extend(listed(&run)?);
    }
    Ok(files)
}

/// Periods that the folder has, sorted.
///
/// # Errors
/// [`PublishError::Storage`] if the folder cannot be listed.
pub fn periods(out: &Path) -> Result<Vec<String>, PublishError> {
    let table = out.join(ANALYST_POINTER).join(ANALYST_TABLES[0].name);
    let folders = listed(&table)?;
    let names = folders.iter().filter_map(|folder| {
        let name = folder.file_name()?.to_str()?;
        Some(name.strip_prefix("billing_period=")?.to_owned())
    });
    Ok(names.collect())
}

fn partition_of(period: &str) -> String {
    format!("billing_period={period}")
}

impl Partition<'_> {
    /// Writes a table, in one file.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub fn write(&self, table: &'static Table, fill: &FillTable<'_>) -> Result<(), PublishError> {
        let path = self
            .folder_of(table)?
            .join(format!("{}.parquet", table.name));
        let write = || {
            let mut file = RowFile::new(table, create(&path)?).map_err(io::Error::other)?;
            let mut groups = 0..;
            fill(&mut |part| {
                let number = groups.next().expect("they have no end");
                coded_table::append(&mut file, number, part).map_err(io::Error::other)
            })?;
            file.close().map_err(io::Error::other)?.sync_all()
        };
        write().map_err(storage("write", &path))?;
        self.sync(table)
    }

    /// Adds a file of rows to a table, which stays where it is; `number` is its place among those of
    /// the table, which [`Partition::sync`] ends.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub fn link(&self, table: &Table, number: usize, file: &Path) -> Result<(), PublishError> {
        link_or_copy(file, &self.numbered(table, number)?)
    }

    /// Adds the rows of a file that belong to some invoices, as [`Partition::link`] adds all.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub fn write_selected(
        &self,
        table: &'static Table,
        number: usize,
        file: &Path,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<(), PublishError> {
        let path = self.numbered(table, number)?;
        let write = || {
            let from = fs::File::open(file)?;
            let into = create(&path)?;
            let into = row_filter::copy(table, from, into, is_wanted).map_err(io::Error::other)?;
            into.sync_all()
        };
        write().map_err(storage("write", &path))
    }

    /// Adds a file without rows, by which readers know the columns of a table, as [`Partition::link`]
    /// adds one of rows.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub fn write_empty(&self, table: &'static Table) -> Result<(), PublishError> {
        let path = self.numbered(table, 0)?;
        let write = || {
            let other = |error: ParquetError| io::Error::other(error);
            let file = RowFile::new(table, create(&path)?).map_err(other)?;
            file.close().map_err(other)?.sync_all()
        };
        write().map_err(storage("write", &path))
    }

    /// Makes the names of the files of a table last, once all are there: for each by itself it would
    /// wait for the disk a hundred times in a month of ten million rows.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub fn sync(&self, table: &Table) -> Result<(), PublishError> {
        sync_folder(&self.folder_of(table)?)
    }

    fn numbered(&self, table: &Table, number: usize) -> Result<PathBuf, PublishError> {
        Ok(self.folder_of(table)?.join(format!("{number:05}.parquet")))
    }

    fn folder_of(&self, table: &Table) -> Result<PathBuf, PublishError> {
        let folder = self
            .folder
            .join(table.name)
            .join(partition_of(self.period))
            .join(format!("run_id={}", self.run_id));
        fs::create_dir_all(&folder).map_err(storage("create the folder", &folder))?;
        Ok(folder)
    }
}

/// Links the tables of other periods into a new copy.
fn carry_over(before: &Path, folder: &Path, period: &str) -> Result<(), PublishError> {
    for table in ANALYST_TABLES {
        for partition in listed(&before.join(table.name))? {
            if partition.ends_with(partition_of(period)) {
                continue;
            }
            for run in listed(&partition)? {
                let inside = run.strip_prefix(before).unwrap_or(&run);
                let into = folder.join(inside);
                fs::create_dir_all(&into).map_err(storage("create the folder", &into))?;
                for file in listed(&run)? {
                    let name = file.file_name().unwrap_or_default();
                    link_or_copy(&file, &into.join(name))?;
                }
                sync_folder(&into)?;
            }
        }
    }
    Ok(())
}

/// Links the tables of the ledger: they change with what people say, and are never a copy that is
/// behind.
fn link_ledger(folder: &Path) -> Result<(), PublishError> {
    for table in LEDGER_TABLES {
        let name = format!("{}.parquet", table.name);
        let target = Path::new("../..").join(LEDGER_POINTER).join(&name);
        let path = folder.join(name);
        link(&target, &path).map_err(storage("write", &path))?;
    }
    Ok(())
}

/// Gives a file a second name, or copies it where it can have only one.
fn link_or_copy(file: &Path, to: &Path) -> Result<(), PublishError> {
    if fs::hard_link(file, to).is_ok() {
        return Ok(());
    }
    fs::copy(file, to)
        .and_then(|_| fs::File::open(to)?.sync_all())
        .map_err(storage("write", to))
}

/// Entries of a folder, sorted; none where there is none.
fn listed(folder: &Path) -> Result<Vec<PathBuf>, PublishError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(storage("list", folder)(error)),
    };
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<PathBuf> = paths
        .collect::<io::Result<_>>()
        .map_err(storage("list", folder))?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cause::Cause;

    /// The view names the columns of the causes one by one: a cause that it lacks would be lost.
    #[test]
    fn the_view_of_causes_has_them_all() {
        let (_, views) = VIEWS;
        let view = views.split("VIEW variance_by_cause_month").nth(1).unwrap();
        let view = view.split(';').next().unwrap();
        for cause in Cause::ALL {
            let column = format!(" {}_amount", cause.name());
            assert!(view.contains(&column), "{column}");
        }
    }
}
