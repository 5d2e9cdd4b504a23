//! Files of a run and their hashes: its manifest, its tables, and the inputs that it was made of, each
//! looked at where it lies.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use crate::reports::earlier_run::MANIFEST;
use crate::reports::manifest::{self, Manifest};

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Path of the file, or name of the record.
    pub place: String,
    /// Description of what is there.
    pub found: String,
    /// Description of what should be there.
    pub wanted: String,
}

impl Fault {
    pub(super) fn new(place: &Path, found: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self {
            place: place.display().to_string(),
            found: found.into(),
            wanted: wanted.into(),
        }
    }
}

/// Manifest of a run, as it lies there.
#[derive(Debug)]
pub(super) struct HashedManifest {
    pub(super) manifest: Manifest,
    /// BLAKE3 of the file.
    pub(super) blake3: String,
}

/// Manifest in the folder of a run.
///
/// # Errors
/// The [`Fault`] of one that is not there, or not whole.
pub(super) fn manifest_in(folder: &Path) -> Result<HashedManifest, Fault> {
    let path = folder.join(MANIFEST);
    let bytes = match read_plain(&path) {
        Ok(bytes) => bytes,
        Err(found) => return Err(Fault::new(&path, found, "the manifest of the run")),
    };
    let parsed: Result<Manifest, _> = serde_json::from_slice(&bytes);
    let parsed = parsed.map_err(|error| {
        let found = format!("`{error}`");
        Fault::new(&path, found, "the manifest of the run")
    })?;
    if parsed.version != manifest::VERSION {
        let found = format!("a manifest of version {}", parsed.version);
        let wanted = format!("version {}", manifest::VERSION);
        return Err(Fault::new(&path, found, wanted));
    }
    Ok(HashedManifest {
        manifest: parsed,
        blake3: blake3::hash(&bytes).to_hex().to_string(),
    })
}

fn read_plain(path: &Path) -> Result<Vec<u8>, String> {
    ensure_plain(path)?;
    fs::read(path).map_err(|error| in_words(&error))
}

/// A file of its own at `path`; otherwise what is there, in words. Nothing else is opened: a pipe would
/// be waited for.
fn ensure_plain(path: &Path) -> Result<(), String> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err("a link or a thing of another kind".to_owned()),
        Err(error) => Err(in_words(&error)),
    }
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "no such file".to_owned(),
        _ => format!("a file that cannot be read ({error})"),
    }
}

/// Hash and size of a file.
pub(super) fn hash_of(path: &Path) -> Result<(String, u64), String> {
    let mut hasher = blake3::Hasher::new();
    let file = File::open(path).map_err(|error| in_words(&error))?;
    hasher
        .update_reader(file)
        .map_err(|error| in_words(&error))?;
    Ok((hasher.finalize().to_hex().to_string(), hasher.count()))
}

/// Looks at the files of a folder that should have these hashes; the faults, in the order of `files`.
pub(super) fn of_folder(folder: &Path, files: &[(String, String)]) -> Vec<Fault> {
    let fault = |(name, blake3): &(String, String)| {
        let path = folder.join(name);
        let found = match ensure_plain(&path).and_then(|()| hash_of(&path)) {
            Ok((found, _)) if found == *blake3 => return None,
            Ok(_) => "other bytes".to_owned(),
            Err(found) => found,
        };
        Some(Fault::new(&path, found, "the file as it was published"))
    };
    files.par_iter().filter_map(fault).collect()
}

/// Files that a manifest lists, with their hashes.
pub(super) fn outputs(manifest: &Manifest) -> Vec<(String, String)> {
    let files = manifest.outputs.iter();
    files
        .map(|file| (file.file.clone(), file.blake3.clone()))
        .collect()
}

/// Inputs that were hashed already: many runs were made of the same files.
#[derive(Debug, Default)]
pub(super) struct HashedInputs {
    /// Hash of each path, or why it has none.
    known: BTreeMap<PathBuf, Result<String, String>>,
    /// Bytes that were hashed.
    pub(super) bytes: u64,
}

impl HashedInputs {
    /// Looks at the inputs of a manifest where they lie; the faults, in their order. A file of a fetch
    /// that is not at its path is looked for in the state folder, which may have been moved.
    pub(super) fn of_run(&mut self, manifest: &Manifest, state: Option<&Path>) -> Vec<Fault> {
        let places: Vec<PathBuf> = manifest
            .inputs
            .iter()
            .map(|input| place_of(&input.unit, state))
            .collect();
        let unknown: Vec<&PathBuf> = places
            .iter()
            .filter(|place| !self.known.contains_key(*place))
            .collect();
        let hashed: Vec<(PathBuf, _)> = unknown
            .into_par_iter()
            .map(|path| {
                // An input may be given as a link; a folder or a pipe is none.
                let is_file = fs::metadata(path)
                    .map_err(|error| in_words(&error))
                    .and_then(|found| match found.is_file() {
                        true => Ok(()),
                        false => Err("no file".to_owned()),
                    });
                (path.clone(), is_file.and_then(|()| hash_of(path)))
            })
            .collect();
        for (path, found) in hashed {
            let found = found.map(|(hash, bytes)| {
                self.bytes += bytes;
                hash
            });
            self.known.insert(path, found);
        }
        let pairs = manifest.inputs.iter().zip(places);
        pairs
            .filter_map(|(input, place)| {
                let found = match &self.known[&place] {
                    Ok(found) if *found == input.blake3 => return None,
                    Ok(_) => "other content".to_owned(),
                    Err(found) if place.is_relative() => format!(
                        "{found}, as seen from this folder, to which the run's path is relative"
                    ),
                    Err(found) => found.clone(),
                };
                let wanted = format!("the `{}` that the run read", input.dataset);
                Some(Fault::new(&place, found, wanted))
            })
            .collect()
    }

    /// Number of files that were hashed.
    pub(super) fn files(&self) -> usize {
        self.known.len()
    }
}

/// Path of an input.
fn place_of(unit: &str, state: Option<&Path>) -> PathBuf {
    let place = PathBuf::from(unit);
    let landed = unit.rfind("landing/").map(|at| &unit[at..]);
    match (state, landed) {
        (Some(state), Some(landed)) if !place.exists() => state.join(landed),
        _ => place,
    }
}
