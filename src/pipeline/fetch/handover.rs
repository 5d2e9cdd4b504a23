//! The fetch of a plan: its order, its report, and the handing over of complete units to the
//! intake, which reads them while others are still on their way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;

use serde::Serialize;

use super::record_tables::RecordReport;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::input_unit::InputUnit;
use crate::pipeline::options::FetchOptions;
use crate::pipeline::plan::pipeline_plan::{Fetching, Plan};
use crate::progress::reporting::{Event, Progress};
use crate::sources::failure::FetchError;
use crate::sources::fetch::order::Order;
use crate::sources::fetch::workers::{Became, Fetched, Fetcher};
use crate::sources::landing::{Landing, StateOwner};

/// Report on a fetch, printed by `tieout fetch` and within the outcome of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FetchReport {
    /// One row for each dataset, in the order of their names.
    pub datasets: Vec<DatasetReport>,
    /// Reasons why units are not complete, one for each such unit.
    pub incomplete: Vec<String>,
    /// True if a permission is missing.
    pub is_forbidden: bool,
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
    /// Number of complete units.
    pub complete: u64,
    /// Number of complete units that were complete before the fetch.
    pub unchanged: u64,
    /// Number of complete units that Microsoft restated: an older version is kept, too.
    pub restated: u64,
    /// Number of units that are not complete.
    pub incomplete: u64,
    /// Number of pages or blobs.
    pub parts: u64,
    /// Number of rows in them.
    pub rows: u64,
}

impl FetchReport {
    /// Report on the units that a fetch found.
    pub(crate) fn of(found: &[Fetched], records: RecordReport, progress: &Progress) -> Self {
        let mut datasets: BTreeMap<&str, DatasetReport> = BTreeMap::new();
        let mut incomplete = Vec::new();
        for unit in found {
            let row = datasets.entry(unit.dataset).or_default();
            row.dataset = unit.dataset.to_owned();
            row.parts += unit.parts;
            row.rows += unit.rows;
            match &unit.became {
                Became::Incomplete(reason) => {
                    row.incomplete += 1;
                    incomplete.push(reason.clone());
                    continue;
                }
                Became::Unchanged => row.unchanged += 1,
                Became::Restated => row.restated += 1,
                Became::Fetched => {}
            }
            // Reached by complete units only; the arm above goes on with the next unit.
            row.complete += 1;
        }
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &progress.counters;
        Self {
            datasets: datasets.into_values().collect(),
            incomplete,
            is_forbidden: found.iter().any(|unit| unit.is_forbidden),
            requests: count(&counters.requests),
            retries: count(&counters.retries),
            bytes: count(&counters.bytes),
            waited_ms: count(&counters.waited_ms),
            records,
        }
    }

    /// Exit code of a fetch: 0 for a complete one, 20 if a permission is missing, else 11.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (
            self.incomplete.is_empty() && self.records.rows_rejected == 0,
            self.is_forbidden,
        ) {
            (true, _) => 0,
            // A missing permission does not go away by itself; other gaps may be filled by a later
            // fetch.
            (false, true) => 20,
            (false, false) => 11,
        }
    }
}

/// Fetcher for a plan; its state folder is locked until it is dropped.
///
/// # Errors
/// [`RunError::NotThere`] for a plan without a period; [`RunError::Fetch`] if the state folder
/// cannot be opened.
pub(crate) fn fetcher(
    plan: &Plan,
    fetching: &Fetching,
    asked: &FetchOptions,
    progress: &Progress,
) -> Result<Arc<Fetcher>, RunError> {
    let period = plan.period.ok_or_else(|| RunError::NotThere {
        what: "The billing period".to_owned(),
        found: "none".to_owned(),
        wanted: "a month, such as `--period 2026-10`".to_owned(),
        hint: "a fetch needs a month; `--period last` is last month".to_owned(),
    })?;
    let (landing, warnings) = Landing::open(&fetching.state, &StateOwner::of(&fetching.account))?;
    landing.note_output(&plan.out)?;
    // Damage to the journal is not an error: what was lost is fetched again.
    for warning in warnings {
        progress.tell(Event::Note(warning));
    }
    let order = Order {
        names: fetching.names.clone(),
        period,
        today: asked.today.clone(),
        api: fetching.api,
        currencies: fetching.currencies.clone(),
        refresh: asked.refresh,
    };
    Ok(Arc::new(Fetcher::new(
        &fetching.account,
        landing,
        order,
        progress.clone(),
    )?))
}

/// Sends the files of a complete unit to the intake, if its dataset is reconciled.
pub(crate) fn hand_over(
    fetcher: &Fetcher,
    plan: &Plan,
    unit: &Fetched,
    to: &SyncSender<InputUnit>,
) {
    // Other datasets go to the record tables, once everything is fetched.
    let source = plan
        .sources
        .iter()
        .find(|source| source.is_fetched && source.dataset.name() == unit.dataset);
    let Some(source) = source else { return };
    // A unit without a version on disk has no rows.
    let Some((files, etag)) = fetcher.landing.files_of(&unit.id) else {
        return;
    };
    for file in files {
        // Sending fails only if the intake has failed, which reports its own error.
        drop(to.send(InputUnit {
            dataset: source.dataset,
            unit: file,
            etag: etag.clone(),
        }));
    }
}

/// Checks that everything which is reconciled was fetched.
///
/// # Errors
/// [`FetchError::Incomplete`] or [`FetchError::Authentication`], naming the first unit that is not
/// complete.
pub(crate) fn prove(plan: &Plan, found: &[Fetched]) -> Result<(), FetchError> {
    let reconciled = plan.sources.iter().filter(|source| source.is_fetched);
    for source in reconciled {
        // Without unbilled usage one tie-out is awaited; the others do not need it.
        if source.dataset != Dataset::UnbilledUsage {
            prove_dataset(plan, source.dataset, found)?;
        }
    }
    Ok(())
}

fn prove_dataset(plan: &Plan, dataset: Dataset, found: &[Fetched]) -> Result<(), FetchError> {
    let mut is_there = false;
    // The first faulty unit is enough: the report of the fetch lists them all.
    for unit in found.iter().filter(|unit| unit.dataset == dataset.name()) {
        is_there = true;
        let Became::Incomplete(reason) = &unit.became else {
            continue;
        };
        let what = format!("`{}`", unit.id);
        let found = reason.clone();
        return Err(if unit.is_forbidden {
            FetchError::Authentication {
                what,
                found,
                wanted: "permission to read it".to_owned(),
                hint: "`tieout doctor` says which permission is missing".to_owned(),
            }
        } else {
            FetchError::Incomplete {
                what,
                found,
                wanted: "all of it before it is reconciled".to_owned(),
            }
        });
    }
    if is_there {
        return Ok(());
    }
    let period = plan.period.expect("a plan that was fetched has a period");
    let list = if dataset == Dataset::Invoices {
        "The list of invoices"
    } else {
        "The invoices"
    };
    Err(FetchError::Incomplete {
        what: format!("{list} of {period}"),
        found: "none yet".to_owned(),
        wanted: "an invoice; Microsoft issues it between the 6th and the 8th of the next month"
            .to_owned(),
    })
}
