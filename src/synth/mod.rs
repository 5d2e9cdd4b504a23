//! The synthetic partner: usage, reconciliation lines and invoices in Microsoft's own formats, with
//! planted variances and the truth beside them. A pure function of the request: the same rows, seed
//! and period give the same bytes, and every format holds the same values.
//!
//! It is deliberately not built on the engine: it does Microsoft's arithmetic for itself, so that the
//! two can be held against each other.

mod catalogue;
mod elsewhere;
mod emit;
mod invoices;
mod layout;
mod lines;
mod number;
mod partner;
mod partner_center;
mod planting;
mod random;
mod settle;
#[cfg(test)]
mod tests;
mod truth;
mod usage;
mod write;

use std::path::PathBuf;

use crate::model::cause::Cause;
use crate::model::period::Period;

/// What to make.
#[derive(Clone, Debug)]
pub struct Request {
    /// Usage rows.
    pub rows: u64,
    /// Any number; another one is another partner.
    pub seed: u64,
    /// Folder for it, empty or not there yet.
    pub out: PathBuf,
    /// The month that is billed.
    pub period: Period,
    /// Formats of usage and reconciliation lines.
    pub formats: Vec<Format>,
    /// Plant variances; without them both sides agree but for rounding.
    pub planted: bool,
}

/// One of Microsoft's formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Files as downloaded from Partner Center.
    #[default]
    Csv,
    /// Graph export: JSON lines in gzip blobs, with a manifest.
    V2,
    /// Partner Center v1: JSON pages.
    V1,
    /// Flat Parquet.
    Parquet,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Csv, Self::V2, Self::V1, Self::Parquet];

    /// Name of its flag's value and of its folder.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::V2 => "v2",
            Self::V1 => "v1",
            Self::Parquet => "parquet",
        }
    }
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Usage rows, in each format.
    pub rows: u64,
    /// Reconciliation lines, in each format.
    pub lines: u64,
    /// Rows of the truth for each cause, those without left out.
    pub planted: Vec<(Cause, u64)>,
    /// Files written.
    pub files: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// Why nothing, or not all, was made.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// The folder holds something.
    #[error("`{}`: found a folder that is not empty, wanted an empty or a new one\nhint: name another folder with `--out`", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("`{}`: cannot be written", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The Parquet writer refused.
    #[error("`{}`: cannot be written as Parquet", path.display())]
    Parquet {
        /// File or folder.
        path: PathBuf,
        /// What it said.
        source: parquet::errors::ParquetError,
    },
}

/// Makes the synthetic partner.
///
/// # Errors
/// [`SynthError`] where `out` is not empty or cannot be written.
pub fn generate(request: &Request) -> Result<Report, SynthError> {
    refuse_full_folder(request)?;
    emit::emit(request)
}

fn refuse_full_folder(request: &Request) -> Result<(), SynthError> {
    let path = &request.out;
    match std::fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(SynthError::NotEmpty { path: path.clone() }),
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(SynthError::Io {
            path: path.clone(),
            source,
        }),
    }
}
