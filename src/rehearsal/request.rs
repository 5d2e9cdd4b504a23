//! Request, nights, report and errors of a rehearsal: what its callers see of it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use crate::ledger::amount;
use crate::ledger::failure::LedgerError;
use crate::pipeline::failure::RunError;
use crate::synth::SynthError;

/// Request for a rehearsal.
#[derive(Clone, Debug)]
pub struct Request {
    /// Folder of the rehearsal, empty or not there yet.
    pub out: PathBuf,
    /// Number of months to rehearse.
    pub months: u64,
    /// Number of usage rows of each month.
    pub rows: u64,
    /// Seed of all that is random.
    pub seed: u64,
    /// Number of worker threads; `None` for one per core.
    pub threads: Option<usize>,
}

/// A night of the rehearsal.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Night {
    /// Day of the run, UTC.
    pub day: String,
    /// Billing period that was run.
    pub period: String,
    /// Exit code of the run.
    pub exit_code: u8,
    /// True if the month was closed before the run, which then moved nothing.
    pub is_closed: bool,
    /// What the run did to the ledger; `None` if its data were not there yet.
    pub counts: Option<NightCounts>,
    /// Open balance of `usage-to-invoice` by currency.
    pub balances: Vec<Balance>,
    /// Sentences about what differs from the truth; empty if nothing does.
    pub differences: Vec<String>,
}

/// Numbers of breaks of a night.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NightCounts {
    /// Number of breaks that came, or came back.
    pub new: u64,
    /// Number of breaks of another amount.
    pub moved: u64,
    /// Number of breaks that have gone.
    pub resolved: u64,
    /// Number of breaks that are open.
    pub open: u64,
    /// Number of breaks that are accepted.
    pub accepted: u64,
}

/// Amount in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// Invoiced less expected, in the currency.
    #[serde(serialize_with = "with_ten_places")]
    pub amount: Decimal,
}

fn with_ten_places<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&amount::text(*amount))
}

/// Report on a whole rehearsal.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Number of versions of all months.
    pub versions: u64,
    /// Number of usage rows, in all versions.
    pub rows: u64,
    /// Number of nights that were played.
    pub nights: u64,
    /// Number of nights whose run was complete.
    pub complete: u64,
    /// Number of breaks that there ever were.
    pub breaks: u64,
    /// Number of months that were closed.
    pub closes: u64,
    /// Number of words that people said of breaks.
    pub words: u64,
    /// Number of differences from the truth; 0, or it is a bug.
    pub differences: u64,
    /// Time that making the months took.
    #[serde(skip)]
    pub making: Duration,
    /// Time that the nights took.
    #[serde(skip)]
    pub nightly: Duration,
}

/// Reason why a rehearsal could not be brought to its end.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The months could not be made.
    #[error(transparent)]
    Synth(#[from] SynthError),
    /// A run failed that had all its data.
    #[error(transparent)]
    Run(Box<RunError>),
    /// A night could not be told.
    #[error("Cannot write to stdout")]
    Told(#[source] io::Error),
    /// A table of the truth or of the ledger cannot be read.
    #[error("`{}`: found {found}, wanted {wanted}", .path.display())]
    Table {
        /// Path of the table.
        path: PathBuf,
        /// Description of what is there.
        found: String,
        /// Description of what should be there.
        wanted: &'static str,
    },
}

impl From<RunError> for RehearsalError {
    fn from(error: RunError) -> Self {
        Self::Run(Box::new(error))
    }
}

impl From<LedgerError> for RehearsalError {
    fn from(error: LedgerError) -> Self {
        RunError::from(error).into()
    }
}
