//! Report on a fetch, in figures and sentences.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::record_tables::RecordReport;
use super::verdict;
use crate::progress::reporting::Progress;
use crate::sources::failure::FetchError;
use crate::sources::fetch::fetched::{Became, Fetched};
use crate::sources::fetch::workers::Fetcher;

/// Units of one dataset that are named with a reason of their own, where they only inform.
const SHOWN_OF_DATASET: usize = 3;

/// Report on a fetch, printed by `tieout fetch` and within the outcome of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FetchReport {
    /// Stage of the month-end that the data are in: `not_due`, `awaited`, `provisional` or `final`.
    pub finality: &'static str,
    /// Last day on which Microsoft restates the period as a rule, as `2026-11-15`.
    pub provisional_until: String,
    /// One row for each dataset, in the order of their names.
    pub datasets: Vec<DatasetReport>,
    /// Reasons why units that a wanted tie-out needs are not complete, each once.
    pub incomplete: Vec<String>,
    /// Reasons why units that a wanted tie-out needs can still come, each once.
    pub awaited: Vec<String>,
    /// Reasons why units that only inform are not complete; of a dataset with many, the first.
    pub informational: Vec<String>,
    /// Sentences about what there is nothing of, and what was not asked for.
    pub notes: Vec<String>,
    /// Failure that ended the fetch of what only informs; the period was closed before.
    pub failure: Option<String>,
    /// Exit code of that failure, where it is one of this machine or of security.
    #[serde(skip)]
    pub failure_code: Option<u8>,
    /// Number of requests sent, retries included.
    pub requests: u64,
    /// Number of requests that were retries.
    pub retries: u64,
    /// Bytes of response bodies received.
    pub bytes: u64,
    /// Milliseconds that workers waited, summed over them.
    pub waited_ms: u64,
    /// Totals of the responses that are not reconciled.
    pub records: RecordReport,
}

/// Units of one dataset, counted by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DatasetReport {
    /// Name of the dataset.
    pub dataset: String,
    /// True if a tie-out that is wanted needs it.
    pub is_needed: bool,
    /// Number of complete units.
    pub complete: u64,
    /// Number of complete units that were complete before the fetch.
    pub unchanged: u64,
    /// Number of complete units that Microsoft restated: an older version is kept, too.
    pub restated: u64,
    /// Number of complete units of which there is nothing.
    pub empty: u64,
    /// Number of units that are not complete.
    pub incomplete: u64,
    /// Number of pages or blobs.
    pub parts: u64,
    /// Number of rows in them.
    pub rows: u64,
}

impl FetchReport {
    /// Report on the units that a fetch found.
    pub(crate) fn of(
        fetcher: &Fetcher,
        found: &[Fetched],
        records: RecordReport,
        progress: &Progress,
    ) -> Self {
        let mut datasets: BTreeMap<&str, DatasetReport> = BTreeMap::new();
        let mut reasons = Reasons::default();
        for unit in found {
            let row = datasets.entry(unit.dataset).or_default();
            row.dataset = unit.dataset.to_owned();
            row.is_needed |= unit.is_needed;
            row.parts += unit.parts;
            row.rows += unit.rows;
            row.complete += u64::from(unit.is_complete());
            row.incomplete += u64::from(!unit.is_complete());
            match &unit.became {
                Became::Fetched => {}
                Became::Unchanged => row.unchanged += 1,
                Became::Restated => row.restated += 1,
                Became::Nothing(why) => {
                    row.empty += 1;
                    reasons.empty(unit, why);
                }
                Became::Awaited(reason) if unit.is_needed => reasons.awaited(unit, reason),
                Became::Awaited(reason)
                | Became::Doubtful(reason)
                | Became::Incomplete(_, reason) => reasons.lacking(unit, reason),
                Became::Left => reasons.lacking(unit, "left for the next run: the time is used up"),
            }
        }
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &progress.counters;
        let notes = fetcher.notes().into_iter().chain(reasons.of_empty());
        Self {
            finality: verdict::finality(fetcher, found),
            provisional_until: fetcher.order.provisional_until(),
            datasets: datasets.into_values().collect(),
            notes: notes.collect(),
            incomplete: told(&reasons.needed),
            awaited: told(&reasons.awaited),
            informational: reasons.of_informational(),
            failure: None,
            failure_code: None,
            requests: count(&counters.requests),
            retries: count(&counters.retries),
            bytes: count(&counters.bytes),
            waited_ms: count(&counters.waited_ms),
            records,
        }
    }

    /// The report with the failure that ended the fetch of what only informs.
    pub(crate) fn failed(self, error: &FetchError) -> Self {
        Self {
            failure: Some(error.to_string()),
            // Whatever the service does with such data changes no exit code.
            failure_code: match error {
                FetchError::Security { .. }
                | FetchError::Damaged { .. }
                | FetchError::State { .. } => Some(24),
                FetchError::Storage { .. } => Some(22),
                FetchError::Start { .. } => Some(1),
                FetchError::Locked { .. } => Some(23),
                FetchError::Authentication { .. }
                | FetchError::Remote { .. }
                | FetchError::Refused { .. }
                | FetchError::Incomplete { .. }
                | FetchError::Lacking { .. }
                | FetchError::Interrupted { .. } => None,
            },
            ..self
        }
    }
}

/// Reasons by dataset, each with the number of its units.
#[derive(Default)]
struct Reasons {
    needed: BTreeMap<(&'static str, String), u64>,
    awaited: BTreeMap<(&'static str, String), u64>,
    informational: BTreeMap<&'static str, BTreeMap<String, u64>>,
    empty: BTreeMap<(&'static str, String), u64>,
}

impl Reasons {
    fn lacking(&mut self, unit: &Fetched, reason: &str) {
        let count = if unit.is_needed {
            let key = (unit.dataset, reason.to_owned());
            self.needed.entry(key).or_default()
        } else {
            let of_dataset = self.informational.entry(unit.dataset).or_default();
            of_dataset.entry(reason.to_owned()).or_default()
        };
        *count += 1;
    }

    fn empty(&mut self, unit: &Fetched, why: &str) {
        let key = (unit.dataset, without_ids(why).to_owned());
        *self.empty.entry(key).or_default() += 1;
    }

    fn awaited(&mut self, unit: &Fetched, reason: &str) {
        let key = (unit.dataset, reason.to_owned());
        *self.awaited.entry(key).or_default() += 1;
    }

    fn of_informational(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (dataset, reasons) in &self.informational {
            let shown = reasons.iter().take(SHOWN_OF_DATASET);
            told.extend(shown.map(|(reason, count)| with_count(dataset, reason, *count)));
            let more: u64 = reasons.values().skip(SHOWN_OF_DATASET).sum();
            if more > 0 {
                told.push(format!("{dataset}: {more} more"));
            }
        }
        told
    }

    fn of_empty(&self) -> impl Iterator<Item = String> {
        self.empty
            .iter()
            .map(|((dataset, why), count)| format!("`{dataset}`: nothing in {count} ({why})"))
    }
}

fn told(reasons: &BTreeMap<(&'static str, String), u64>) -> Vec<String> {
    let of_all = reasons.iter();
    of_all
        .map(|((dataset, reason), count)| with_count(dataset, reason, *count))
        .collect()
}

/// A reason without the ids of its request, so that equal ones are counted together.
fn without_ids(reason: &str) -> &str {
    [" (ms-", " (request-id"]
        .into_iter()
        .find_map(|ids| reason.split_once(ids))
        .map_or(reason, |(words, _)| words)
}

fn with_count(dataset: &str, reason: &str, count: u64) -> String {
    match count {
        1 => format!("{dataset}: {reason}"),
        _ => format!("{dataset}: {reason} ({count} times)"),
    }
}
