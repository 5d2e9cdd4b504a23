//! What outlives a run: breaks with their states, ages and owners, the log of runs, closed periods. It
//! lives in a SQLite database beside the runs; every publish writes it out as tables, too.
//!
//! A run comes in with one change, after its tables are in place and before a pointer is moved to
//! them (`record`). People's words are changes of their own (`people`). Everything that is only ever
//! added stands in a chain of hashes (`chain`), which `audit` follows.

pub mod acceptance;
pub mod age;
pub mod amount;
pub mod chain;

pub mod failure;
mod schema;
pub mod store;

pub mod breaks;
pub mod events;
pub mod movement;
pub mod roll_forward;

pub mod accruals;
pub mod closes;
pub mod invoices;
pub mod restatements;
pub mod runs;

pub mod reopening;

pub mod audit;
pub mod people;
pub mod record;
