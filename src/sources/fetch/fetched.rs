//! Outcome of the units of a fetch.

use super::context::Context;
use crate::sources::failure::Lack;

/// Outcome of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// The unit was complete before, and is the same now.
    Unchanged,
    /// The unit is complete, for the first time.
    Fetched,
    /// The unit is complete, beside an older version with other content.
    Restated,
    /// The unit is complete, and there is nothing of it, for this reason.
    Nothing(String),
    /// The service has nothing of the usage of an invoice, in these words: the invoice's lines tell
    /// what that means. See [`Fetcher::settle`](super::workers::Fetcher::settle).
    Doubtful(String),
    /// The unit can still come, and is not due yet, for this reason.
    Awaited(String),
    /// The unit is not complete: what it lacks, and the reason.
    Incomplete(Lack, String),
    /// The unit informs only, and the time for such was used up before its turn came.
    Left,
}

/// A unit that the period needs, after it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Id of the unit.
    pub id: String,
    /// Name of the dataset.
    pub dataset: &'static str,
    /// Customer, invoice, currency and so on for which it was fetched.
    pub context: Context,
    /// True if a tie-out that is wanted needs it.
    pub is_needed: bool,
    /// Outcome of the fetch.
    pub became: Became,
    /// Number of pages or blobs; 0 if the unit is not complete.
    pub parts: u64,
    /// Number of rows; 0 if the unit is not complete.
    pub rows: u64,
}

impl Fetched {
    /// True if the unit is whole, be it with nothing in it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match self.became {
            Became::Unchanged | Became::Fetched | Became::Restated | Became::Nothing(_) => true,
            Became::Doubtful(_) | Became::Awaited(_) | Became::Incomplete(..) | Became::Left => {
                false
            }
        }
    }
}
