//! What a fetch means for the close: whether the tables can be published, and the exit code. Only
//! what a tie-out needs that is wanted counts; all else is told.

use crate::engine::rules::definitions;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::incomplete::Awaited;
use crate::pipeline::plan::pipeline_plan::{Fetching, Plan};
use crate::sources::failure::{FetchError, Lack};
use crate::sources::fetch::endpoints::{self, CUSTOMERS, INVOICES, SUBSCRIPTIONS};
use crate::sources::fetch::fetched::{Became, Fetched};
use crate::sources::fetch::workers::Fetcher;

/// Datasets of a fetch that a tie-out which is wanted compares.
pub(crate) fn needed<'p>(
    plan: &'p Plan,
    fetching: &'p Fetching,
) -> impl Iterator<Item = &'static str> + 'p {
    let is_compared = |dataset: &str| {
        let mut uses = definitions::uses(dataset);
        uses.any(|used| {
            let mut enabled = plan.tie_outs.iter().filter(|of| of.enabled);
            enabled.any(|of| of.tie_out == used)
        })
    };
    let datasets = fetching
        .names
        .iter()
        .filter_map(|name| endpoints::dataset_of(name));
    datasets.filter(move |dataset| is_compared(dataset))
}

/// Checks that what is reconciled was fetched as far as it is there.
///
/// # Errors
/// [`RunError::NotDue`] if no invoice of the period is out; [`RunError::Fetch`] if the list of
/// invoices, usage or lines are not complete, and if no lines are out.
pub(crate) fn prove(plan: &Plan, fetcher: &Fetcher, found: &[Fetched]) -> Result<(), RunError> {
    let of = |dataset: &'static str| found.iter().filter(move |unit| unit.dataset == dataset);
    refuse_worst(of(INVOICES.dataset))?;
    if fetcher.is_not_due() {
        let period = fetcher.order.period;
        return Err(RunError::NotDue { period });
    }
    let reconciled = plan.sources.iter().filter(|source| source.is_fetched);
    // Without unbilled usage one tie-out is awaited; the others do not need it.
    let billed = reconciled.filter(|source| source.dataset != Dataset::UnbilledUsage);
    refuse_worst(billed.flat_map(|source| of(source.dataset.name())))?;
    let lines = Dataset::InvoiceLines.name();
    let awaited = of(lines).find_map(|unit| match &unit.became {
        Became::Awaited(reason) => Some(reason),
        _ => None,
    });
    match awaited {
        Some(reason) if !of(lines).any(Fetched::is_complete) => Err(FetchError::Lacking {
            lack: Lack::Data,
            reason: reason.clone(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// Fails if not a single unit is complete, as without a service or a credential.
///
/// # Errors
/// [`FetchError::Lacking`] with the worst reason.
pub(crate) fn refuse_nothing(found: &[Fetched]) -> Result<(), FetchError> {
    if found.iter().any(Fetched::is_complete) {
        return Ok(());
    }
    refuse_worst(found.iter())
}

/// Fails for the unit that lacks most: a permission outranks an answer, and that the data.
fn refuse_worst<'u>(units: impl Iterator<Item = &'u Fetched>) -> Result<(), FetchError> {
    let lacking = units.filter_map(|unit| match &unit.became {
        Became::Incomplete(lack, reason) => Some((*lack, reason)),
        Became::Doubtful(reason) => Some((Lack::Data, reason)),
        _ => None,
    });
    // Of several the first: the report of the fetch names them all.
    let worst = lacking.reduce(|worst, next| if next.0 > worst.0 { next } else { worst });
    match worst {
        Some((lack, reason)) => Err(FetchError::Lacking {
            lack,
            reason: reason.clone(),
        }),
        None => Ok(()),
    }
}

/// Notes what a fetch lacks that can be published all the same: the invoices whose usage or lines can
/// still come, and the tie-outs that lack something.
pub(crate) fn note_awaited(
    plan: &Plan,
    fetching: &Fetching,
    found: &[Fetched],
    awaited: &mut Awaited,
) {
    // Without a snapshot from before the invoice there is nothing that the billed usage could be held
    // against.
    let is_gone = |unit: &&Fetched| {
        unit.dataset == Dataset::UnbilledUsage.name() && matches!(unit.became, Became::Nothing(_))
    };
    if found.iter().filter(is_gone).any(|unit| unit.is_needed) {
        awaited.lacks(Dataset::UnbilledUsage.name());
    }
    for unit in found
        .iter()
        .filter(|unit| unit.is_needed && !unit.is_complete())
    {
        match (&unit.became, unit.context.get("invoice")) {
            (Became::Awaited(_), Some(invoice)) => awaited.lacks_of_invoice(invoice, unit.dataset),
            _ => awaited.lacks(unit.dataset),
        }
        // What is asked for each customer was not even planned without them.
        if [CUSTOMERS.dataset, SUBSCRIPTIONS.dataset].contains(&unit.dataset) {
            for dataset in needed(plan, fetching) {
                if found.iter().all(|unit| unit.dataset != dataset) {
                    awaited.lacks(dataset);
                }
            }
        }
    }
}

/// Exit code of a fetch whose close goes on: 20 if a permission is missing that a wanted tie-out
/// needs, 11 if anything else is.
pub(crate) fn exit_code(found: &[Fetched]) -> u8 {
    let needed = || found.iter().filter(|unit| unit.is_needed);
    let lacks_permission =
        |unit: &Fetched| matches!(unit.became, Became::Incomplete(Lack::Permission, _));
    if needed().any(lacks_permission) {
        20
    } else if needed().all(Fetched::is_complete) {
        0
    } else {
        11
    }
}

/// Exit code of a fetch that nothing is reconciled after.
pub(crate) fn fetch_code(found: &[Fetched]) -> u8 {
    let lacks_service = |unit: &Fetched| {
        unit.is_needed && matches!(unit.became, Became::Incomplete(Lack::Service, _))
    };
    match exit_code(found) {
        11 if found.iter().any(lacks_service) => 21,
        code => code,
    }
}

/// Stage of the month-end that the data are in.
pub(crate) fn finality(fetcher: &Fetcher, found: &[Fetched]) -> &'static str {
    let is_awaited = |unit: &Fetched| unit.is_needed && matches!(unit.became, Became::Awaited(_));
    if fetcher.is_not_due() {
        "not_due"
    } else if found.iter().any(is_awaited) {
        "awaited"
    } else if fetcher.order.is_provisional() {
        "provisional"
    } else {
        "final"
    }
}
