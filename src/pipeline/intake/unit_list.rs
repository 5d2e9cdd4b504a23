//! The units of a plan: the files that its globs match, each content once, with their hashes where
//! these are known without reading the file for its hash alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::input_unit::InputUnit;
use super::unit_cache::UnitCache;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::globs;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::sources::files::{self, FileError, FileUnit, HeldFile};

/// A unit that is still to be read.
#[derive(Clone, Debug)]
pub(crate) struct UnreadUnit {
    pub(crate) dataset: Dataset,
    /// Name of the file in reports.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// Size of the file.
    pub(crate) bytes: u64,
    /// Hash of the content, where it is known without reading the file.
    pub(crate) blake3: Option<String>,
    /// True if `blake3` is the hash under which the file was downloaded, and must still hold.
    pub(crate) is_landed: bool,
    /// ETag of the export that the file belongs to.
    pub(crate) etag: Option<String>,
}

impl UnreadUnit {
    /// A downloaded file, whose hash is in the journal of the fetch.
    pub(crate) fn landed(input: InputUnit) -> Self {
        let InputUnit {
            dataset,
            unit,
            etag,
        } = input;
        let FileUnit {
            name,
            path,
            blake3,
            bytes,
        } = unit;
        Self {
            dataset,
            name,
            path,
            bytes,
            blake3: Some(blake3),
            is_landed: true,
            etag,
        }
    }

    /// The unit as it was read, with the hash of its content.
    pub(crate) fn read(self, blake3: String) -> InputUnit {
        InputUnit {
            dataset: self.dataset,
            unit: FileUnit {
                name: self.name,
                path: self.path,
                blake3,
                bytes: self.bytes,
            },
            etag: self.etag,
        }
    }
}

/// Files of a plan, by dataset and path, each content once. A file that is left out is a warning.
///
/// # Errors
/// [`RunError`] for a glob that matches no file, or a thing that cannot be read as one.
pub(crate) fn unit_list(
    plan: &Plan,
    cache: Option<&UnitCache>,
    warnings: &mut Vec<String>,
) -> Result<Vec<UnreadUnit>, RunError> {
    Ok(without_copies(units_of(plan, cache)?, warnings))
}

/// Files of a plan, by dataset and path. Those that may have the same content are hashed.
fn units_of(plan: &Plan, cache: Option<&UnitCache>) -> Result<Vec<UnreadUnit>, RunError> {
    // A set, as several globs of a dataset may match the same file.
    let mut paths: BTreeSet<(Dataset, PathBuf)> = BTreeSet::new();
    for source in &plan.sources {
        for glob in &source.paths {
            let found = globs::find_input(source.dataset.name(), glob)?;
            paths.extend(found.into_iter().map(|path| (source.dataset, path)));
        }
    }
    let mut files_of_size: BTreeMap<(Dataset, u64), u32> = BTreeMap::new();
    let mut units = Vec::with_capacity(paths.len());
    for (dataset, path) in paths {
        let bytes = files::size(&path)?;
        // Only files of equal size can have equal content; most files need no hashing for that
        // reason.
        *files_of_size.entry((dataset, bytes)).or_default() += 1;
        let name = files::name_of(&path);
        units.push(UnreadUnit {
            dataset,
            name,
            path,
            bytes,
            blake3: None,
            is_landed: false,
            etag: None,
        });
    }
    let identified = units.into_par_iter().map(|unit| {
        let (blake3, bytes) = match cache.and_then(|cache| cache.disk().identity(&unit.path)) {
            Some((known, bytes)) => (Some(known), bytes),
            // The only file of its size has the content of no other: it is hashed while it is
            // decoded.
            None if files_of_size[&(unit.dataset, unit.bytes)] == 1 => (None, unit.bytes),
            None => {
                let (blake3, bytes) = identify(&unit.path)?;
                (Some(blake3), bytes)
            }
        };
        // Since the sizes were compared another file has taken the name.
        if bytes != unit.bytes {
            let path = unit.path;
            return Err(FileError::Changed { path }.into());
        }
        Ok(UnreadUnit { blake3, ..unit })
    });
    identified.collect()
}

/// Hash and size of a file that is read for these alone.
fn identify(path: &Path) -> Result<(String, u64), FileError> {
    let held = HeldFile::open(path)?;
    let blake3 = held.hash()?;
    held.check()?;
    Ok((blake3, held.bytes()))
}

/// Leaves out each unit whose content came before: its rows would count twice.
fn without_copies(units: Vec<UnreadUnit>, warnings: &mut Vec<String>) -> Vec<UnreadUnit> {
    let mut first: BTreeMap<(Dataset, String), String> = BTreeMap::new();
    let mut left = Vec::with_capacity(units.len());
    for unit in units {
        // A unit without a hash is the only one of its size, and the same as no other.
        if let Some(blake3) = &unit.blake3 {
            let same = (unit.dataset, blake3.clone());
            if let Some(name) = first.get(&same) {
                warnings.push(format!(
                    "`{}` has the same content as `{name}`: read once",
                    unit.name
                ));
                continue;
            }
            first.insert(same, unit.name.clone());
        }
        left.push(unit);
    }
    left
}
