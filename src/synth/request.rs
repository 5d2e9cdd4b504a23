//! Request, report and errors of the synthetic partner: what callers outside see of it.

use std::path::PathBuf;

use crate::model::cause::Cause;
use crate::model::period::Period;

/// Request for a synthetic partner. Everything that is made follows from it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Number of usage rows, planted duplicates included.
    pub rows: u64,
    /// Seed of all that is random; another one gives another partner.
    pub seed: u64,
    /// Folder to write to, empty or not there yet.
    pub out: PathBuf,
    /// Month that is billed.
    pub period: Period,
    /// Formats of usage and reconciliation lines; repeated ones count once.
    pub formats: Vec<Format>,
    /// True if variances are planted; without them both sides agree except for rounding.
    pub planted: bool,
}

/// Request for several months of one partner.
#[derive(Clone, Debug)]
pub struct Months {
    /// First month; its rows are those of each month.
    pub first: Request,
    /// Number of months that follow each other.
    pub count: u64,
    /// True if exports are restated, so that months have later versions.
    pub restate: bool,
}

/// Report on finished months.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MonthsReport {
    /// Number of versions of all months.
    pub versions: u64,
    /// Number of usage rows, in all versions.
    pub rows: u64,
    /// Number of reconciliation lines, in all versions.
    pub lines: u64,
    /// Number of files written, in all folders.
    pub files: u64,
}

/// Format in which Microsoft, or a warehouse, hands out usage and lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// CSV files as downloaded from Partner Center.
    #[default]
    Csv,
    /// Graph v2 export: JSON lines in gzip blobs, with a manifest.
    V2,
    /// Partner Center v1: JSON pages.
    V1,
    /// Flat Parquet, as a warehouse would hold the rows.
    Parquet,
}

impl Format {
    /// All formats, in the order of the flag's values.
    pub const ALL: [Self; 4] = [Self::Csv, Self::V2, Self::V1, Self::Parquet];

    /// Name of the flag's value and of the folder.
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

/// Report on a finished partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Number of usage rows, in each format.
    pub rows: u64,
    /// Number of reconciliation lines, in each format.
    pub lines: u64,
    /// Number of rows of the truth that name each cause; causes without any are left out.
    pub planted: Vec<(Cause, u64)>,
    /// Number of files written, in all folders.
    pub files: u64,
    /// Number of bytes written, in all folders.
    pub bytes: u64,
}

/// Error by which nothing, or not all, was made.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// The folder holds something already.
    #[error("`{}`: found a folder that is not empty, wanted an empty or a new one\nhint: name another folder with `--out`", path.display())]
    NotEmpty {
        /// Folder of the request.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("`{}`: cannot be written", path.display())]
    Io {
        /// File or folder that was being written.
        path: PathBuf,
        /// Error of the file system.
        source: std::io::Error,
    },
    /// The Parquet writer refused.
    #[error("`{}`: cannot be written as Parquet", path.display())]
    Parquet {
        /// File or folder that was being written.
        path: PathBuf,
        /// Error of the Parquet writer.
        source: parquet::errors::ParquetError,
    },
}
