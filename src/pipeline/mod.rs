//! From a pipeline file to a published run: the one layer that knows all the others below it.

pub mod failure;

mod signals;

pub mod plan;

pub mod spill;

pub mod intake;

pub mod reconcile;

pub mod fetch;

pub mod publish;

pub mod explain;

pub mod run;

pub use crate::decode::is_shielded;
pub use crate::reports::manifest::SCHEMA as MANIFEST_SCHEMA;

/// How this run goes; what is reconciled stands in the [`plan::Plan`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Threads to use; `None` for all cores.
    pub threads: Option<usize>,
    /// Rejected rows that are put up with; more of them make the run incomplete.
    pub allow_rejects: u64,
    /// Whether breaks have an exit code of their own.
    pub fail_on_breaks: bool,
    /// How a fetch is to go.
    pub asked: fetch::handover::Asked,
    /// Whether every file is read, also where it is as it was in another run.
    pub no_cache: bool,
    /// Bytes of memory that the run should keep to; `None` for all there is.
    pub memory: Option<u64>,
    /// Whether progress is kept off stderr.
    pub quiet: bool,
    /// Whether the outcome is printed as JSON.
    pub json: bool,
}
