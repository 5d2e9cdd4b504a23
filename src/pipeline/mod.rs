//! From a pipeline file to a published run: the one layer that knows all the others below it. Its
//! modules stand in reading order, and each names only those above it.

pub mod failure;

pub mod signals;

pub mod machine;

pub mod options;

pub mod threads;

pub mod plan;

pub mod spill;

pub mod kept_rows;

pub mod intake;

pub mod reconcile;

pub mod fetch;

pub mod presentation;

pub mod publish;

pub mod month_end;

pub mod analyst;

pub mod finish;

pub mod closing;

pub mod explain;

pub mod ledger_views;

pub mod focus;

pub mod notices;

pub mod prune;

pub mod run;

pub use crate::decode::is_guarded;
pub use crate::reports::manifest::SCHEMA as MANIFEST_SCHEMA;
