//! The database: opening it, and changes that are made whole or not at all.
//!
//! SQLite keeps a rollback journal, so that a copy of the folder has all there is in one file, and
//! syncs the folder, too: what was committed outlives a power cut. Writers wait for each other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior};

use super::failure::{LedgerError, PATIENCE_SECONDS, storage};
use super::schema::{TABLES, VERSION};

/// File of the ledger in the output folder.
pub const LEDGER: &str = "ledger.db";

/// Link to the ledger's tables in the output folder: where it is, there was a ledger.
const TABLES_LINK: &str = "ledger";

/// Size up to which the database is looked at whole whenever it is opened; a larger one by `verify`.
const CHECKED_BYTES: u64 = 16 << 20;

/// True if an output folder has tables of a ledger.
fn has_tables(out: &Path) -> bool {
    out.join(TABLES_LINK).symlink_metadata().is_ok()
}

/// The ledger of an output folder.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
}

/// A change of the ledger. Dropped before it is committed, it was never made.
#[derive(Debug)]
pub struct Change<'l> {
    pub(super) transaction: rusqlite::Transaction<'l>,
    path: &'l Path,
}

impl Ledger {
    /// Opens the ledger of an output folder, and makes it if there is none.
    ///
    /// # Errors
    /// [`LedgerError`] if it is damaged, of a later release, or cannot be opened.
    pub fn open(out: &Path) -> Result<Self, LedgerError> {
        Self::at(
            out,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        )
    }

    /// Opens the ledger of an output folder; `None` if there is none.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn existing(out: &Path) -> Result<Option<Self>, LedgerError> {
        if !out.join(LEDGER).exists() && !has_tables(out) {
            return Ok(None);
        }
        Self::at(out, OpenFlags::SQLITE_OPEN_READ_WRITE).map(Some)
    }

    fn at(out: &Path, flags: OpenFlags) -> Result<Self, LedgerError> {
        let path = out.join(LEDGER);
        let size = path.metadata().map_or(0, |found| found.len());
        // SQLite would make a new one of an empty file, and what people said were lost in silence.
        if size == 0 && has_tables(out) {
            return Err(LedgerError::Damaged {
                path,
                found: format!("no ledger, though `{TABLES_LINK}` has its tables"),
            });
        }
        let opened = |path: &Path| {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(Duration::from_secs(PATIENCE_SECONDS))?;
            connection.execute_batch("PRAGMA synchronous = EXTRA; PRAGMA cache_size = -32000;")?;
            Ok(connection)
        };
        let connection = opened(&path).map_err(storage("open", &path))?;
        let mut ledger = Self { connection, path };
        if size <= CHECKED_BYTES {
            ledger.ensure_sound()?;
        }
        ledger.ensure_tables()?;
        Ok(ledger)
    }

    /// Looks at the structure of the whole database: a damaged part may be one that the command would
    /// not come to.
    fn ensure_sound(&self) -> Result<(), LedgerError> {
        let check: String = self.read(|connection| {
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        })?;
        match check.as_str() {
            "ok" => Ok(()),
            found => Err(LedgerError::Damaged {
                path: self.path.clone(),
                found: format!("`{found}`"),
            }),
        }
    }

    /// Makes the tables of an empty database; refuses those of a later release.
    fn ensure_tables(&mut self) -> Result<(), LedgerError> {
        let version = |connection: &Connection| -> Result<i64, rusqlite::Error> {
            connection.query_row("PRAGMA user_version", [], |row| row.get(0))
        };
        match version(&self.connection).map_err(storage("read", &self.path))? {
            VERSION => return Ok(()),
            0 => {}
            found => {
                return Err(LedgerError::Version {
                    path: self.path.clone(),
                    found,
                    wanted: VERSION,
                });
            }
        }
        let change = self.change()?;
        let make = |transaction: &Connection| -> Result<Option<String>, rusqlite::Error> {
            // Looked at again: two first commands may have come together.
            if version(transaction)? == VERSION {
                return Ok(None);
            }
            let tables: i64 =
                transaction
                    .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if tables > 0 {
                return Ok(Some("a database of something else".to_owned()));
            }
            transaction.execute_batch(TABLES)?;
            transaction.execute_batch(&format!("PRAGMA user_version = {VERSION}"))?;
            Ok(None)
        };
        let strange = make(&change.transaction).map_err(storage("write", change.path))?;
        if let Some(found) = strange {
            return Err(LedgerError::Damaged {
                path: change.path.to_owned(),
                found,
            });
        }
        change.commit()
    }

    /// Begins a change; waits for another writer.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] if the other does not end in time.
    pub fn change(&mut self) -> Result<Change<'_>, LedgerError> {
        let Self { connection, path } = self;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(storage("write", path))?;
        Ok(Change { transaction, path })
    }

    /// Reads from the ledger.
    ///
    /// # Errors
    /// [`LedgerError`] of the database.
    pub fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, LedgerError> {
        read(&self.connection).map_err(storage("read", &self.path))
    }

    /// File of the database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of the last change, by which copies of the tables know whether they are up to date.
    ///
    /// # Errors
    /// [`LedgerError`] of the database.
    pub fn change_number(&self) -> Result<u64, LedgerError> {
        self.read(count_changes)
    }
}

impl Change<'_> {
    /// Does a part of the change.
    ///
    /// # Errors
    /// [`LedgerError`] of the database; the whole change must then be dropped.
    pub fn step<T>(
        &self,
        step: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, LedgerError> {
        step(&self.transaction).map_err(storage("write", self.path))
    }

    /// File of the database.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.path
    }

    /// Makes the change.
    ///
    /// # Errors
    /// [`LedgerError::Late`] if it was made and may not outlive a power failure; any other if it was
    /// not made.
    pub fn commit(self) -> Result<(), LedgerError> {
        let number = count_changes(&self.transaction).map(|last| last + 1);
        let number = number.map_err(storage("write", self.path))?;
        set_meta(&self.transaction, "changes", &number.to_string())
            .map_err(storage("write", self.path))?;
        self.transaction.commit().map_err(|source| {
            // Looked up, not assumed: the last sync of a commit may fail when all is done.
            let found = Connection::open(self.path).and_then(|found| count_changes(&found));
            if found.is_ok_and(|found| found == number) {
                LedgerError::Late {
                    path: self.path.to_owned(),
                    source,
                }
            } else {
                storage("commit to", self.path)(source)
            }
        })
    }
}

/// Number of the last change.
fn count_changes(connection: &Connection) -> Result<u64, rusqlite::Error> {
    let text = meta(connection, "changes")?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// Value of a name of the ledger itself; `None` if it has none.
pub(super) fn meta(connection: &Connection, name: &str) -> Result<Option<String>, rusqlite::Error> {
    connection
        .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()
}

/// Gives a name of the ledger itself a value.
pub(super) fn set_meta(
    connection: &Connection,
    name: &str,
    value: &str,
) -> Result<(), rusqlite::Error> {
    connection
        .execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [name, value],
        )
        .map(|_| ())
}
