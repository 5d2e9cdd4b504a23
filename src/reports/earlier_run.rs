//! A run that is in its folder already: is it still what was published?

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rayon::prelude::*;
use serde::Deserialize;

use super::failure::{PublishError, storage};
use super::output_entries::is_absent;

/// File of the manifest in the folder of a run.
pub const MANIFEST: &str = "manifest.json";

/// The members of a manifest that tell what was published. Only they are compared: another release
/// may word its warnings differently, or write further members.
#[derive(Debug, Deserialize)]
struct Outline {
    run_id: String,
    outputs: Vec<OutlinedFile>,
}

/// A published file, as the manifest lists it.
#[derive(Debug, Deserialize)]
struct OutlinedFile {
    file: String,
    blake3: String,
}

/// State of one file of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileState {
    Whole,
    Missing,
    Differs,
}

/// Checks that the run in `folder` is whole: its manifest, and every file that this lists.
///
/// # Errors
/// [`PublishError::Damaged`] for the first file that is missing or differs.
pub(super) fn ensure_whole(folder: &Path, run_id: &str) -> Result<(), PublishError> {
    let damaged = |path: &Path, found: &str| PublishError::Damaged {
        path: path.to_owned(),
        found: found.to_owned(),
    };
    if !folder.is_dir() {
        return Err(damaged(folder, "no such folder, at which `current` points"));
    }
    let path = folder.join(MANIFEST);
    let outline = match outline_of(&path)? {
        OutlineRead::Missing => return Err(damaged(&path, "no manifest")),
        OutlineRead::Whole(outline) if outline.run_id == run_id => outline,
        OutlineRead::Whole(other) => {
            let found = format!("the manifest of run `{}`", other.run_id);
            return Err(damaged(&path, &found));
        }
        OutlineRead::Damaged(error) => {
            let found = format!("a manifest that is cut or damaged ({error})");
            return Err(damaged(&path, &found));
        }
    };
    let states: Vec<FileState> = outline
        .outputs
        .par_iter()
        .map(|file| state_of(&folder.join(&file.file), &file.blake3))
        .collect::<Result<_, _>>()?;
    for (file, state) in outline.outputs.iter().zip(states) {
        let path = folder.join(&file.file);
        match state {
            FileState::Whole => {}
            FileState::Missing => return Err(damaged(&path, "no such file")),
            FileState::Differs => return Err(damaged(&path, "other bytes")),
        }
    }
    Ok(())
}

/// Names of the files that the run in `folder` lacks, in the order of `files`, which are name and
/// hash of what it should have. The manifest is compared by the files that it lists.
///
/// # Errors
/// [`PublishError::Changed`] for the first file that is there and differs.
pub(super) fn missing<'f>(
    folder: &Path,
    run_id: &str,
    files: &[(&'f str, &str)],
) -> Result<Vec<&'f str>, PublishError> {
    // Hashed again from the disk, not taken from the old manifest, so that a damaged file is
    // found.
    let states: Vec<FileState> = files
        .par_iter()
        .map(|(name, blake3)| {
            let path = folder.join(name);
            if *name == MANIFEST {
                manifest_state(&path, run_id, files)
            } else {
                state_of(&path, blake3)
            }
        })
        .collect::<Result<_, _>>()?;
    let mut missing = Vec::new();
    for ((name, _), state) in files.iter().zip(states) {
        match state {
            FileState::Whole => {}
            FileState::Missing => missing.push(*name),
            FileState::Differs => {
                return Err(PublishError::Changed {
                    path: folder.to_owned(),
                    file: (*name).to_owned(),
                });
            }
        }
    }
    Ok(missing)
}

fn manifest_state(
    path: &Path,
    run_id: &str,
    files: &[(&str, &str)],
) -> Result<FileState, PublishError> {
    Ok(match outline_of(path)? {
        OutlineRead::Missing => FileState::Missing,
        OutlineRead::Whole(outline) if outline.run_id == run_id && lists(&outline, files) => {
            FileState::Whole
        }
        OutlineRead::Whole(_) | OutlineRead::Damaged(_) => FileState::Differs,
    })
}

/// True if the outline lists all of `files` but the manifest itself, and nothing else.
fn lists(outline: &Outline, files: &[(&str, &str)]) -> bool {
    let listed = outline
        .outputs
        .iter()
        .map(|file| (file.file.as_str(), file.blake3.as_str()));
    let wanted = files.iter().copied().filter(|(name, _)| *name != MANIFEST);
    listed.eq(wanted)
}

/// A manifest, once it was looked for.
enum OutlineRead {
    /// No file has its name.
    Missing,
    /// It does not parse, for this reason.
    Damaged(serde_json::Error),
    /// What it says was published.
    Whole(Outline),
}

/// Outline of the manifest at `path`.
fn outline_of(path: &Path) -> Result<OutlineRead, PublishError> {
    if !is_plain_file(path)? {
        return Ok(OutlineRead::Missing);
    }
    let bytes = fs::read(path).map_err(storage("read", path))?;
    Ok(match serde_json::from_slice(&bytes) {
        Ok(outline) => OutlineRead::Whole(outline),
        Err(error) => OutlineRead::Damaged(error),
    })
}

fn state_of(path: &Path, blake3: &str) -> Result<FileState, PublishError> {
    if !is_plain_file(path)? {
        return Ok(FileState::Missing);
    }
    let published = hash_of(path).map_err(storage("read", path))?;
    Ok(if published == blake3 {
        FileState::Whole
    } else {
        FileState::Differs
    })
}

/// True for a file, false if nothing is there.
///
/// # Errors
/// [`PublishError::Damaged`] for anything else: a pipe would be waited for, and a link is not what
/// was published.
fn is_plain_file(path: &Path) -> Result<bool, PublishError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(PublishError::Damaged {
            path: path.to_owned(),
            found: "a link or a thing of another kind".to_owned(),
        }),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(storage("examine", path)(error)),
    }
}

fn hash_of(path: &Path) -> io::Result<String> {
    Ok(blake3::Hasher::new()
        .update_reader(File::open(path)?)?
        .finalize()
        .to_hex()
        .to_string())
}
