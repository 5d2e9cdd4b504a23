//! Exit codes: the one thing that a scheduler reads. README.md and the help list them.

use std::process::ExitCode;

/// How a command ended; the number is the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// All that was asked for was done.
    Complete = 0,
    /// A bug of tieout: a panic, a broken conservation law, or a figure that unchanged inputs do not
    /// come to.
    Unexpected = 1,
    // Also the code of clap and of most Unix tools for a wrong command line.
    /// The command line, the configuration or the kind of an input file is wrong.
    Usage = 2,
    /// Complete, but with breaks, and `--fail-on-breaks` was given.
    Breaks = 10,
    /// Rows were rejected, a source is cut, incomplete or not final, or a tie-out compared nothing.
    Incomplete = 11,
    /// The list of invoices is whole, and none of the period is out yet.
    NotDue = 12,
    /// A credential or a permission is missing.
    Authentication = 20,
    /// The remote does not answer, or throttles beyond the retry budget: worth trying later.
    Remote = 21,
    /// Local storage is full, read-only or broken; or descriptors, threads or memory are lacking.
    Storage = 22,
    /// Another run or fetch holds the lock.
    Locked = 23,
    /// Data were changed after the fact, or a link leads to another host.
    Integrity = 24,
    // As shells report a signal: 128 and its number, here 2 for SIGINT and 15 for SIGTERM.
    /// Interrupted by Ctrl-C; nothing was published.
    Interrupted = 130,
    /// Terminated by a signal; nothing was published.
    Terminated = 143,
}

impl Exit {
    /// The exit of a run or fetch that came to an end, from the code that the pipeline gave it.
    pub(super) fn of_outcome(code: u8) -> Self {
        match code {
            0 => Self::Complete,
            10 => Self::Breaks,
            11 => Self::Incomplete,
            20 => Self::Authentication,
            21 => Self::Remote,
            22 => Self::Storage,
            23 => Self::Locked,
            24 => Self::Integrity,
            _ => Self::Unexpected,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
