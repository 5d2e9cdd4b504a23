//! Closing a period, and proving later that nothing has moved: what keeps it from being closed, the
//! closing pack, the reopening, the proof of runs and packs against the ledger, and which runs may go.
//!
//! Files stand in reading order: each uses those above it only.

mod stream_ledger;

mod hashed_files;

mod conditions;

mod run_sums;

mod cover;

mod pack;

pub mod close;

pub mod recompute;

pub mod verify;

pub mod retention;
