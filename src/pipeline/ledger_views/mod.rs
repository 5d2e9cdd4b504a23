//! What people ask of the ledger, and what they say to it: the state of the streams, the log of runs,
//! breaks, balances, and the difference between two runs. Commands print what stands here as it is.

pub mod place;

pub mod sums;

pub mod break_rows;

pub mod break_list;

pub mod words;

pub mod run_log;

pub mod stream_status;

pub mod run_difference;

pub mod balances;

pub mod postings;

pub mod run_report;
