//! Settings of a sandbox: what it serves, and what goes wrong.

use std::path::PathBuf;

use chrono::NaiveDate;

use super::faults::Faults;

/// Host to which foreign links lead by default; it does not exist.
const FOREIGN: &str = "https://partner.example.invalid";

/// Settings of a sandbox.
#[derive(Debug)]
pub struct Settings {
    /// Folder that `tieout synth` wrote, with the formats `v1` and `v2`.
    pub data: PathBuf,
    /// Day of the service, for a folder of several months.
    pub as_of: Option<NaiveDate>,
    /// Port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// Faults to be served.
    pub faults: Faults,
    /// Life of a token in seconds.
    pub token_seconds: u64,
    /// Life of a blob's signature in seconds.
    pub sas_seconds: u64,
    /// Number of times that an export says `running` before it is finished.
    pub polls: u32,
    /// The only secret, assertion or refresh token that is accepted; `None` accepts any.
    pub secret: Option<String>,
    /// Origin to which foreign links lead; `None` for a host that does not exist.
    pub foreign: Option<String>,
    /// Delay of each response in milliseconds, like a network's latency.
    pub latency_ms: u64,
}

impl Settings {
    /// Origin to which foreign links lead. No client may follow them.
    pub(super) fn foreign(&self) -> &str {
        match &self.foreign {
            Some(origin) => origin,
            None => FOREIGN,
        }
    }
}
