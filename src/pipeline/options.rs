//! Options of one run, as the command line gives them. They say how a run goes, never what is
//! reconciled: that is the [`Plan`](super::plan::pipeline_plan::Plan).

/// Options of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Number of worker threads; `None` for one per core.
    pub threads: Option<usize>,
    /// Number of rejected rows that are tolerated; more of them make the run incomplete.
    pub allow_rejects: u64,
    /// Breaks that have an exit code of their own; `None` for none.
    pub fail_on_breaks: Option<FailOn>,
    /// Options of the fetch before the run.
    pub asked: FetchOptions,
    /// True if every file is read, even one that has not changed since an earlier run.
    pub no_cache: bool,
    /// Bytes of memory that the run should stay within; `None` for no bound.
    pub memory: Option<u64>,
}

/// Breaks that make a run end with code 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// Those that the run before did not have, and restatements of closed periods.
    New,
    /// Those that are not accepted.
    Open,
    /// Every break, accepted or not.
    All,
}

/// Options of one fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchOptions {
    /// Date of today in UTC, such as `2026-11-21`.
    pub today: String,
    /// True if units that are complete are fetched again, too.
    pub refresh: bool,
    /// True if typed tables of all fetched datasets are written.
    pub tables: bool,
}
