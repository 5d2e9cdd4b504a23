//! A plan's fetch: what it found, unit by unit, and which files of it are reconciled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;

use serde::Serialize;

use super::record_tables::RecordReport;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::units::Arrival;
use crate::pipeline::plan::pipeline_plan::{Fetching, Plan};
use crate::progress::watch::{Event, Watch};
use crate::sources::failure::FetchError;
use crate::sources::fetch::workers::{Became, Fetched, Fetcher, Order};
use crate::sources::landing::Landing;

/// How a fetch is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Today, UTC, as `2026-11-21`.
    pub today: String,
    /// Ask anew for what is complete, too.
    pub refresh: bool,
    /// Write typed tables of all that was fetched.
    pub tables: bool,
}

/// What a fetch came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FetchReport {
    /// A row for each dataset, in the order of their names.
    pub datasets: Vec<DatasetReport>,
    /// What is not complete, and why.
    pub incomplete: Vec<String>,
    /// Whether a permission is missing.
    pub is_forbidden: bool,
    /// Requests sent.
    pub requests: u64,
    /// Of them, repetitions.
    pub retries: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Milliseconds that workers waited, summed over them.
    pub waited_ms: u64,
    /// What the answers came to that are not reconciled.
    pub records: RecordReport,
}

/// What became of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DatasetReport {
    /// Its name.
    pub dataset: String,
    /// Units that are complete.
    pub complete: u64,
    /// Of them, those that were complete before.
    pub unchanged: u64,
    /// Of them, those that lie beside an older version now.
    pub restated: u64,
    /// Units that are not complete.
    pub incomplete: u64,
    /// Pages or blobs.
    pub parts: u64,
    /// Rows.
    pub rows: u64,
}

impl FetchReport {
    /// The report on what was fetched.
    pub(crate) fn of(found: &[Fetched], records: RecordReport, watch: &Watch) -> Self {
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
            row.complete += 1;
        }
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &watch.counters;
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

    /// Exit code of a fetch alone.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (
            self.incomplete.is_empty() && self.records.rows_rejected == 0,
            self.is_forbidden,
        ) {
            (true, _) => 0,
            (false, true) => 20,
            (false, false) => 11,
        }
    }
}

/// A fetcher for a plan, its state folder locked.
pub(crate) fn fetcher(
    plan: &Plan,
    fetching: &Fetching,
    asked: &Asked,
    watch: &Watch,
) -> Result<Arc<Fetcher>, RunError> {
    let period = plan.period.ok_or_else(|| RunError::NotThere {
        what: "The billing period".to_owned(),
        found: "none".to_owned(),
        wanted: "a month, as `--period 2026-10`".to_owned(),
        hint: "a fetch needs to know for which month; `--period last` is the one before this"
            .to_owned(),
    })?;
    let (landing, warnings) = Landing::open(&fetching.state)?;
    for warning in warnings {
        watch.tell(Event::Note(warning));
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
        watch.clone(),
    )?))
}

/// Sends a complete unit's files to whoever reads them, if it is reconciled.
pub(crate) fn hand_over(fetcher: &Fetcher, plan: &Plan, unit: &Fetched, to: &SyncSender<Arrival>) {
    let source = plan
        .sources
        .iter()
        .find(|source| source.is_fetched && source.dataset.name() == unit.dataset);
    let Some(source) = source else { return };
    let Some((files, etag)) = fetcher.landing.files_of(&unit.id) else {
        return;
    };
    for file in files {
        // A reader that is gone has failed, and says so itself.
        drop(to.send(Arrival {
            dataset: source.dataset,
            unit: file,
            etag: etag.clone(),
        }));
    }
}

/// Whether what is reconciled is all there.
///
/// # Errors
/// [`FetchError::Incomplete`] otherwise, naming the first unit that is not.
pub(crate) fn prove(plan: &Plan, found: &[Fetched]) -> Result<(), FetchError> {
    // Without unbilled usage there is no bridge from it, and no more.
    let proven = plan
        .sources
        .iter()
        .filter(|source| source.is_fetched && source.dataset != Dataset::UnbilledUsage);
    for source in proven {
        let of_source = || {
            found
                .iter()
                .filter(|unit| unit.dataset == source.dataset.name())
        };
        let faulty = of_source().find_map(|unit| match &unit.became {
            Became::Incomplete(reason) => Some((unit, reason)),
            _ => None,
        });
        if let Some((unit, reason)) = faulty {
            if unit.is_forbidden {
                return Err(FetchError::Authentication {
                    what: format!("`{}`", unit.id),
                    found: reason.clone(),
                    wanted: "a permission to read it".to_owned(),
                    hint: "`tieout doctor` says which permission is missing".to_owned(),
                });
            }
            return Err(FetchError::Incomplete {
                what: format!("`{}`", unit.id),
                found: reason.clone(),
                wanted: "all of it before it is reconciled".to_owned(),
            });
        }
        if of_source().next().is_none() {
            let month = plan
                .period
                .map(|period| period.to_string())
                .unwrap_or_default();
            let what = if source.dataset == Dataset::Invoices {
                "The list of invoices"
            } else {
                "The invoices"
            };
            return Err(FetchError::Incomplete {
                what: format!("{what} of {month}"),
                found: "none yet".to_owned(),
                wanted: "an invoice; it is out from the 6th to the 8th of the next month"
                    .to_owned(),
            });
        }
    }
    Ok(())
}
