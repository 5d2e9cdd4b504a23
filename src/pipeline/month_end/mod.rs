//! What outlives a run, seen from the run: it begins and ends in the ledger, its breaks are moved
//! there before a pointer is moved to its tables, and the ledger's tables are written out.

pub mod figures;

pub mod tables;

pub(crate) mod report_part;

pub mod exports;

pub mod log;
