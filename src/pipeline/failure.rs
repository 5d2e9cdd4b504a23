//! Why a run failed.

use std::path::Path;

use crate::decode::DecodeError;
use crate::engine::failure::EngineError;
use crate::engine::judge::control_totals::ControlTotal;
use crate::model::decimal::{AMOUNT_SCALE, plain};
use crate::reports::atomic::PublishError;
use crate::sources::failure::FetchError;
use crate::sources::files::Unreadable;

/// Why a run failed; nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A source finds no file.
    #[error("Source `{dataset}`: found {found}, wanted a path or glob that finds a file")]
    NoInput {
        /// The source.
        dataset: &'static str,
        /// What was found.
        found: String,
        /// What to do.
        hint: String,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A file cannot be used.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An amount or a sum of them is too large.
    #[error(transparent)]
    Overflow(#[from] EngineError),
    /// A law is broken: a bug of ours, and nobody shall close a month on it.
    #[error("Conservation law broken at `{}` of `{}` {}: found {} rows and {}, wanted {} rows and {}", .0.step, .0.source, .0.currency, .0.rows_out, plain(.0.amount_out, AMOUNT_SCALE), .0.rows_in, plain(.0.amount_in, AMOUNT_SCALE))]
    Law(Box<ControlTotal>),
    /// The disk, the lock, or a changed run.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The worker threads cannot be started.
    #[error("Cannot start {threads} threads")]
    Threads {
        /// As many as were asked for.
        threads: usize,
        /// What the system said.
        #[source]
        source: rayon::ThreadPoolBuildError,
    },
    /// Something could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// `explain` was asked for what is not there.
    #[error("{what}: found {found}, wanted {wanted}")]
    NotThere {
        /// What was looked for.
        what: String,
        /// What is there.
        found: String,
        /// What should be.
        wanted: String,
        /// What to do.
        hint: String,
    },
    /// The sources do not come to the published figure any more.
    #[error("`{break_id}`: the source lines come to {recounted}, wanted {published}, as published")]
    Disagrees {
        /// The group.
        break_id: String,
        /// What was published.
        published: String,
        /// What the source lines come to.
        recounted: String,
    },
    /// An input changed while a run read it, or after the run that is to be explained.
    #[error("`{unit}`: found other bytes than the run read, wanted the file as it was")]
    Changed {
        /// The file, or the dataset.
        unit: String,
    },
}

impl RunError {
    /// What is needed beside memory cannot be written to a folder, or read back.
    pub(super) fn no_room(folder: &Path, source: std::io::Error) -> Self {
        Self::Publish(PublishError::Storage {
            doing: "write to, or read back from,",
            path: folder.to_owned(),
            source,
        })
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoInput { hint, .. } | Self::NotThere { hint, .. } => Some(hint.clone()),
            Self::Decode(error) => Some(error.hint.clone()),
            Self::Fetch(error) => error.hint(),
            Self::Overflow(_) => Some("look for an amount with a misplaced decimal point".to_owned()),
            Self::Law(_) | Self::Disagrees { .. } => {
                Some("this is a bug of tieout: please report it; nothing was published".to_owned())
            }
            Self::Publish(PublishError::Locked { .. }) => {
                Some("wait for it to end; a lock file alone, without its process, locks nothing".to_owned())
            }
            Self::Publish(PublishError::Changed { .. }) => {
                Some("a published run was changed after the fact; move its folder away to publish anew".to_owned())
            }
            Self::Publish(PublishError::Storage { .. }) => Some("check that the folder exists, is writable, and has room".to_owned()),
            Self::Changed { .. } => Some("run the pipeline again while nobody writes its files; `explain` explains the new run".to_owned()),
            Self::Unreadable(_) | Self::Threads { .. } => None,
        }
    }
}
