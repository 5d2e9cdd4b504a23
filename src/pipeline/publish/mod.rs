//! What was found, as tables and a manifest, published at once.
//!
//! Files stand in reading order: each uses those above it only.

mod columns;

mod resource_table;

mod variance_tables;

mod run_tables;

mod tables;

pub(crate) mod staging;

pub mod outcome;
