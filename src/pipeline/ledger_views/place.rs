//! The ledger that a command asks, and the streams in it that are meant.

use std::path::Path;

use crate::ledger::breaks::Stream;
use crate::ledger::store::{LEDGER, Ledger};
use crate::pipeline::failure::RunError;
use crate::pipeline::month_end::exports;

/// Streams that are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamChoice {
    /// Name of the pipeline; `None` for any.
    pub pipeline: Option<String>,
    /// Billing period; `None` for any.
    pub period: Option<String>,
}

impl StreamChoice {
    /// True if a stream is meant.
    #[must_use]
    pub fn has(&self, stream: &Stream) -> bool {
        let same = |wanted: &Option<String>, text: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == text)
        };
        same(&self.pipeline, &stream.pipeline) && same(&self.period, &stream.period)
    }

    /// The streams in words, as a message names them.
    #[must_use]
    pub fn words(&self) -> String {
        match (&self.pipeline, &self.period) {
            (None, None) => "any pipeline".to_owned(),
            (Some(pipeline), None) => format!("pipeline `{pipeline}`"),
            (None, Some(period)) => format!("period {period}"),
            (Some(pipeline), Some(period)) => format!("pipeline `{pipeline}`, period {period}"),
        }
    }
}

/// Opens the ledger of an output folder. Its tables are written again if a command that was killed,
/// or had no room, left them behind.
///
/// # Errors
/// [`RunError::NotThere`] where there is none, and errors of the ledger.
pub fn open(out: &Path) -> Result<Ledger, RunError> {
    let ledger = Ledger::existing(out)?.ok_or_else(|| RunError::NotThere {
        what: format!("`{}`", out.display()),
        found: format!("no `{LEDGER}`"),
        wanted: "the ledger of its runs".to_owned(),
        hint: "name the folder that holds the runs with `--out`; the first run makes the ledger"
            .to_owned(),
    })?;
    // Whoever only asks may have no right to write here, and is answered from the ledger.
    drop(exports::refresh(out, &ledger));
    Ok(ledger)
}

/// The error of a ledger that holds nothing of what was asked for.
pub(super) fn nothing(what: &str, choice: &StreamChoice, wanted: &str) -> RunError {
    RunError::NotThere {
        what: what.to_owned(),
        found: format!("none of {}", choice.words()),
        wanted: wanted.to_owned(),
        hint: "`tieout status` shows the pipelines and periods that the ledger knows".to_owned(),
    }
}
