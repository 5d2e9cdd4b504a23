//! Tables and manifest of a run, published in one step: a reader sees the whole run, or none of it.
//!
//! Files stand in reading order: each uses those above it only.

mod columns;

mod resource_table;

pub(crate) mod variance_tables;

mod run_tables;

mod tables;

pub mod invoice_figures;

mod report_files;

pub(crate) mod staging;

pub(crate) mod analyst_tables;

pub mod outcome;
