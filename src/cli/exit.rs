//! Exit codes: what a scheduler reads.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Complete.
    Complete = 0,
    /// Unexpected error: a bug.
    Unexpected = 1,
    /// Usage or configuration.
    Usage = 2,
    /// Complete, breaks found, and asked to fail on them.
    Breaks = 10,
    /// A source is incomplete or not final.
    Incomplete = 11,
    /// Authentication or permission.
    Authentication = 20,
    /// Remote unavailable, or throttled beyond the budget: later.
    Remote = 21,
    /// Local storage: full, read-only, I/O.
    Storage = 22,
    /// Another run holds the lock.
    Locked = 23,
    /// Integrity or security refusal.
    Integrity = 24,
    /// Interrupted: nothing published.
    Interrupted = 130,
    /// Terminated: nothing published.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
