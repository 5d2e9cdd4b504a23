//! Reasons why a run failed. Each carries what its message needs; `cli/failure.rs` maps each to an
//! exit code.

use std::io;
use std::path::{Path, PathBuf};

use crate::decode::DecodeError;
use crate::engine::failure::EngineError;
use crate::engine::judge::control_totals::ControlTotal;
use crate::ledger::failure::LedgerError;
use crate::model::period::Period;
use crate::reports::failure::PublishError;
use crate::sources::failure::FetchError;
use crate::sources::files::FileError;

/// Reason why a run failed; nothing was published then, unless the error says so.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No file for a path or glob of a source, or something that is no file to be read.
    #[error("Source `{dataset}`: found {found}, wanted {wanted}")]
    NoInput {
        /// Name of the source's dataset.
        dataset: &'static str,
        /// Path or pattern, and its fault.
        found: String,
        /// Description of what should be there.
        wanted: String,
        /// Advice for the user.
        hint: String,
    },
    /// A file cannot be read at all, is none, or was changed while it was read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file can be read, but not used as the dataset it is meant to be.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An amount or a sum of the input is too large to be counted exactly or published.
    #[error(transparent)]
    Overflow(#[from] EngineError),
    /// A conservation law is broken: a bug in tieout, on which nobody shall close a month.
    #[error("Conservation law broken at `{}` of `{}` {}: found {}, wanted {}", .0.step, .0.source, .0.currency, .0.found(), .0.wanted())]
    Law(Box<ControlTotal>),
    /// The output folder cannot be written, is locked, or holds a changed run.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The ledger cannot be read or written, or refuses a change.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger has what was done, and its tables could not be written out.
    #[error("All of it is published and in the ledger; but the tables in `{}` are those of before", .tables.display())]
    Behind {
        /// Link to the tables of the ledger.
        tables: PathBuf,
        /// The step that failed.
        #[source]
        source: Box<RunError>,
    },
    /// The threads cannot be started.
    #[error("Cannot start {threads} threads")]
    Threads {
        /// Number of threads that are needed.
        threads: usize,
        /// Reason that the system gave.
        #[source]
        source: io::Error,
    },
    /// Too few files can be open at a time.
    #[error("Cannot open {files} files at a time")]
    Files {
        /// Number of files that are needed.
        files: usize,
        /// Reason that the system gave.
        #[source]
        source: io::Error,
    },
    /// The limit on address space is below what the run needs to work at all.
    #[error(
        "Cannot get enough memory: found a limit of {} MB on address space, wanted {} MB or more",
        found / 1_000_000,
        wanted.div_ceil(1_000_000)
    )]
    AddressSpace {
        /// Limit of this process, in bytes.
        found: u64,
        /// Bytes that are needed.
        wanted: u64,
    },
    /// Something could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// No invoice of the period is out yet: the list of invoices was read whole.
    #[error("The invoices of {period}: found none yet, wanted an invoice")]
    NotDue {
        /// Billing period that was asked for.
        period: Period,
    },
    /// Something that the user named, or that the command needs, does not exist.
    #[error("{what}: found {found}, wanted {wanted}")]
    NotThere {
        /// Name of the place that was looked at.
        what: String,
        /// Description of what is there instead.
        found: String,
        /// Description of what should be there.
        wanted: String,
        /// Advice for the user.
        hint: String,
    },
    /// A part of a published run is missing, or is not what the run wrote.
    #[error("`{place}`: found {found}, wanted {wanted}")]
    Damaged {
        /// Path of the manifest, table or pointer.
        place: String,
        /// Description of what is there instead.
        found: String,
        /// Description of what should be there.
        wanted: &'static str,
        /// Advice for the user.
        hint: &'static str,
    },
    /// The source lines do not add up to the published figure, though run and inputs are intact.
    #[error(
        "`{break_id}`: the source lines add up to {recounted}, wanted {published}, as published"
    )]
    Disagrees {
        /// Id of the group's variance.
        break_id: String,
        /// Figure that the run published.
        published: String,
        /// Figure that the source lines add up to now.
        recounted: String,
    },
    /// The rows that were kept are not those that were compared.
    #[error(
        "The rows of `{dataset}` for analysts, invoice `{invoice}` in {currency}: found {kept}, \
         wanted {compared}, as compared"
    )]
    RowsApart {
        /// Name of the dataset.
        dataset: &'static str,
        /// Invoice, folded; empty for none.
        invoice: String,
        /// Billing currency, ISO 4217.
        currency: String,
        /// Number of kept rows and their sum.
        kept: String,
        /// Number of compared rows and their sum.
        compared: String,
    },
    /// An exported file does not add up to the rows that it was made of.
    #[error("`{}`: found rows that add up to {written} {currency}, wanted {read}, as read", .file.display())]
    ExportApart {
        /// File that was to be written.
        file: PathBuf,
        /// Currency of the sums, ISO 4217.
        currency: String,
        /// Sum of the rows for the file.
        written: String,
        /// Sum of the rows that were read.
        read: String,
    },
    /// An input changed between two readings of one run, or after the run that is to be explained.
    #[error("`{unit}`: found different content from what the run read, wanted it unchanged")]
    Changed {
        /// Path of the file, or name of the dataset.
        unit: String,
    },
}

impl RunError {
    /// Failure to write to `folder` what does not fit in memory, or to read it back.
    pub(super) fn no_room(folder: &Path, source: io::Error) -> Self {
        Self::Publish(PublishError::Storage {
            doing: "write to, or read back from, the scratch file in",
            path: folder.to_owned(),
            source,
        })
    }

    /// Advice for the user, printed after `hint:`; `None` where the message says it all.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoInput { hint, .. } | Self::NotThere { hint, .. } => return Some(hint.clone()),
            Self::NotDue { .. } => {
                "Microsoft issues it between the 6th and the 8th of the next month; run it again then"
            }
            Self::Decode(error) => return Some(error.hint.clone()),
            Self::File(FileError::NotAFile { hint, .. }) => return Some(hint.clone()),
            Self::File(FileError::Changed { .. }) => {
                "nothing was published; run it again once nothing writes to that file"
            }
            Self::Overflow(_) => "look for an amount with a misplaced decimal point",
            Self::Damaged { hint, .. } => hint,
            // No advice would help here: the user can only report it.
            Self::Law(_) => "this is a bug in tieout; please report it. Nothing was published",
            Self::RowsApart { .. } => {
                "this is a bug in tieout; please report it. The run's own tables are right"
            }
            Self::ExportApart { .. } => {
                "this is a bug in tieout; please report it. The file was not written"
            }
            Self::Disagrees { .. } => {
                "this is a bug in tieout; please report it. The run and its inputs are unchanged"
            }
            Self::Publish(PublishError::Locked { .. }) => {
                "wait for it to end; a lock file whose process is gone does no harm"
            }
            Self::Publish(PublishError::Changed { .. }) => {
                "the published run was changed afterwards; move its folder away to publish again"
            }
            Self::Publish(PublishError::Damaged { .. }) => {
                "put it back from a copy, or remove `current` to publish without a run before; nothing was published"
            }
            Self::Publish(PublishError::Kind { .. }) => {
                "move it away: no link in the output folder is followed; the output folder itself may be one. Nothing was written"
            }
            Self::Publish(PublishError::Late { .. }) => {
                "check the disk, and run again: the same inputs give the same run, which is then compared and pointed at"
            }
            Self::Publish(PublishError::Storage { source, .. })
            | Self::Fetch(FetchError::Storage { source, .. }) => storage_hint(source),
            Self::Changed { .. } => {
                "run the pipeline again when nothing is writing to its files; then explain the new run"
            }
            Self::Threads { .. } => {
                "raise the limit on processes and threads (`ulimit -u`, or that of the container), or lower `--threads`"
            }
            Self::Files { source, .. } | Self::File(FileError::Unreadable { source, .. }) => {
                return has_too_many_files(source).then(|| TOO_MANY_FILES.to_owned());
            }
            Self::AddressSpace { .. } => {
                "raise the limit (`ulimit -v`), or lower `--threads` or `--memory`"
            }
            Self::Fetch(error) => return error.hint(),
            Self::Ledger(error) => return Some(error.hint()),
            Self::Behind { .. } => {
                "check the disk; the next command that changes something writes them again"
            }
        };
        Some(hint.to_owned())
    }
}

const TOO_MANY_FILES: &str = "raise the limit on open files (`ulimit -n`), or lower `--threads`";

/// True if the system refused a file because too many are open.
fn has_too_many_files(error: &io::Error) -> bool {
    // ENFILE and EMFILE, which have no kind of their own.
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

/// Advice on an error of the file system.
fn storage_hint(error: &io::Error) -> &'static str {
    if has_too_many_files(error) {
        TOO_MANY_FILES
    } else if error.kind() == io::ErrorKind::FileTooLarge {
        "raise the limit on the size of files (`ulimit -f`)"
    } else {
        "check that the folder exists, is writable and has free space"
    }
}
