//! The fetch of a plan, and the handing over of complete units to the intake, which reads them while
//! others are still on their way.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::verdict;
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::input_unit::InputUnit;
use crate::pipeline::options::FetchOptions;
use crate::pipeline::plan::pipeline_plan::{Fetching, Plan};
use crate::progress::reporting::{Event, Progress};
use crate::sources::fetch::fetched::Fetched;
use crate::sources::fetch::order::Order;
use crate::sources::fetch::workers::Fetcher;
use crate::sources::landing::{Landing, StateOwner};

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
        needed: verdict::needed(plan, fetching).map(str::to_owned).collect(),
        exclusions: fetching.exclusions.clone(),
        period,
        today: asked.today.clone(),
        api: fetching.api,
        price_sheets: fetching.price_sheets.clone(),
        aggregated: fetching.aggregated,
        currencies: fetching.currencies.clone(),
        refresh: asked.refresh,
        settling: plan.settling,
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
