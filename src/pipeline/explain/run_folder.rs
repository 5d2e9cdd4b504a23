//! The folder of a published run: the pointer to it, its manifest and its tables. Each is checked
//! before it is used: a damaged run must be told as one, and never as a figure that is wrong.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::pipeline::failure::RunError;
use crate::reports::manifest::{self, Manifest};
use crate::reports::output_entries;
use crate::reports::read;
use crate::sources::files::FileError;

/// Tables that explanations are made from.
const TABLES: [&str; 5] = [
    "variances",
    "resources",
    "lineage",
    "findings",
    "rejected_rows",
];

const MANIFEST: &str = "manifest.json";

const RESTORE: &str =
    "move the folder of the run away and run the pipeline again, or restore it from a copy";

/// A complete run in its folder, all of it as it was published.
#[derive(Debug)]
pub(in crate::pipeline) struct RunFolder {
    pub(super) manifest: Manifest,
    path: PathBuf,
    /// Open tables that have the hashes of the manifest.
    tables: BTreeMap<&'static str, File>,
}

/// The one member of a manifest that is there in every version.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl RunFolder {
    /// Opens a run by its id, or the newest complete one.
    ///
    /// # Errors
    /// [`RunError::NotThere`] where there is no such run, and [`RunError::Damaged`].
    pub(super) fn open(out: &Path, run: Option<&str>) -> Result<Self, RunError> {
        Self::with_tables(out, run, &TABLES)
    }

    /// Opens a run as [`Self::open`] does, with some of its tables.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub(in crate::pipeline) fn with_tables(
        out: &Path,
        run: Option<&str>,
        tables: &[&'static str],
    ) -> Result<Self, RunError> {
        let run_id = match run {
            Some(run_id) => run_id.to_owned(),
            None => newest(out)?,
        };
        let path = runs_in(out).join(&run_id);
        if !path.is_dir() {
            return Err(no_run(out, format!("no run `{run_id}`")));
        }
        let mut run = Self {
            manifest: manifest_in(&path)?,
            path,
            tables: BTreeMap::new(),
        };
        if run.manifest.run_id != run_id {
            let found = format!("the manifest of run `{}`", run.manifest.run_id);
            return Err(run.damaged(MANIFEST, &found));
        }
        for table in tables.iter().copied() {
            let file = run.checked(table)?;
            run.tables.insert(table, file);
        }
        Ok(run)
    }

    /// Folder of the run.
    pub(in crate::pipeline) fn path(&self) -> &Path {
        &self.path
    }

    /// Manifest of the run.
    pub(in crate::pipeline) const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Error for a file of the run that is not as it was published.
    pub(in crate::pipeline) fn damaged(&self, file: &str, found: &dyn Display) -> RunError {
        damaged(&self.path.join(file), found)
    }

    /// Opens a table, and holds its bytes against the manifest.
    fn checked(&self, table: &str) -> Result<File, RunError> {
        let name = format!("{table}.parquet");
        let outputs = &self.manifest.outputs;
        let listed = outputs.iter().find(|output| output.file == name);
        let listed = listed.ok_or_else(|| {
            let found = format!("no hash of `{name}`");
            self.damaged(MANIFEST, &found)
        })?;
        let path = self.path.join(&name);
        let file = open(&path)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&file).map_err(unreadable(&path))?;
        if hasher.finalize().to_hex().as_str() == listed.blake3 {
            // The same handle is read later: what is used is what was hashed.
            Ok(file)
        } else {
            Err(self.damaged(&name, &"other bytes"))
        }
    }

    /// Calls `take` with some columns of every row of a table, as text.
    ///
    /// # Errors
    /// [`RunError::Damaged`] where the table holds what no run publishes.
    ///
    /// # Panics
    /// For a table that was not opened with the run.
    pub(in crate::pipeline) fn rows<const N: usize>(
        &self,
        table: &str,
        columns: [&str; N],
        take: impl FnMut([String; N]),
    ) -> Result<(), RunError> {
        let name = format!("{table}.parquet");
        let file = self.tables.get(table).expect("the table was opened");
        let file = file
            .try_clone()
            .map_err(unreadable(&self.path.join(&name)))?;
        read::rows(file, columns, take).map_err(|error| self.damaged(&name, &error))
    }
}

fn runs_in(out: &Path) -> PathBuf {
    out.join("runs")
}

/// Id of the newest complete run. The pointer to it is set last when a run is published.
fn newest(out: &Path) -> Result<String, RunError> {
    let pointer = out.join("current");
    let broken = |found: &str| RunError::Damaged {
        place: pointer.display().to_string(),
        found: found.to_owned(),
        wanted: "a link to the newest complete run",
        hint: "remove it and run the pipeline again, or name a run with `--run`",
    };
    match fs::symlink_metadata(&pointer) {
        Ok(_) => {}
        Err(error) if is_absent(error.kind()) => {
            return Err(if has_runs(out) {
                broken("nothing, beside published runs")
            } else {
                no_run(out, "no published run".to_owned())
            });
        }
        Err(error) => return Err(unreadable(&pointer)(error)),
    }
    match output_entries::current_run(out) {
        Some(run_id) if !run_id.is_empty() && runs_in(out).join(&run_id).is_dir() => Ok(run_id),
        Some(run_id) if !run_id.is_empty() => Err(broken(&format!(
            "a link to run `{run_id}`, which is not there"
        ))),
        _ => Err(broken("no link")),
    }
}

/// True if there is a run in the folder. A folder without a manifest is none.
fn has_runs(out: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(runs_in(out)) else {
        return false;
    };
    entries.any(|entry| entry.is_ok_and(|entry| entry.path().join(MANIFEST).exists()))
}

fn no_run(out: &Path, found: String) -> RunError {
    RunError::NotThere {
        what: format!("`{}`", out.display()),
        found,
        wanted: "a complete run".to_owned(),
        hint: "name the folder that holds the runs with `--out`; `tieout run` prints it".to_owned(),
    }
}

fn damaged(path: &Path, found: &dyn Display) -> RunError {
    RunError::Damaged {
        place: path.display().to_string(),
        found: found.to_string(),
        wanted: "the file as it was published",
        hint: RESTORE,
    }
}

fn manifest_in(folder: &Path) -> Result<Manifest, RunError> {
    let path = folder.join(MANIFEST);
    let text = std::io::read_to_string(open(&path)?).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => damaged(&path, &"bytes that are not UTF-8"),
        _ => unreadable(&path)(error),
    })?;
    let no_manifest = |error: serde_json::Error| damaged(&path, &format!("`{error}`"));
    // The version first: a manifest of another version may lack members of this one.
    let Versioned { version } = serde_json::from_str(&text).map_err(no_manifest)?;
    if version != manifest::VERSION {
        return Err(RunError::Damaged {
            place: path.display().to_string(),
            found: format!("a manifest of version {version}"),
            wanted: "one that this release of tieout writes",
            hint: "explain the run with the release that made it, or run the pipeline again",
        });
    }
    serde_json::from_str(&text).map_err(no_manifest)
}

/// Opens a file of a run.
fn open(path: &Path) -> Result<File, RunError> {
    // By its kind first: a pipe would never open, and a folder fails with words that do not help.
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => File::open(path).map_err(unreadable(path)),
        Ok(_) => Err(damaged(path, &"no regular file")),
        Err(error) if is_absent(error.kind()) => Err(damaged(path, &"no such file")),
        Err(error) => Err(unreadable(path)(error)),
    }
}

/// True of errors that say that there is no file of that name.
pub(super) const fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> RunError {
    move |source| {
        RunError::File(FileError::Unreadable {
            path: path.to_owned(),
            source,
        })
    }
}
