//! Fetch of one unit: asked for unless it is complete and up to date, and judged by what came.

use std::sync::Arc;

use super::fetched::{Became, Fetched};
use super::order::Order;
use super::pages::{NothingThere, Pages};
use super::units::{Route, Silence, Task};
use crate::sources::failure::{FetchError, Lack};
use crate::sources::graph_export::export::{Export, ExportOutcome};
use crate::sources::landing::journal::{Entry, Unit};
use crate::sources::session::Session;
use crate::sources::wire::message::Purpose;

/// A unit that was asked for.
pub(super) struct Asked {
    pub(super) unit: Fetched,
    /// Customer that has left the partner, as the service says: nothing else of it is to be had.
    pub(super) left: Option<String>,
}

/// The outcome of a task before anything was asked for.
pub(super) fn unasked(task: &Task, became: Became) -> Fetched {
    Fetched {
        dataset: task.dataset(),
        is_needed: task.purpose == Purpose::Needed,
        became,
        parts: 0,
        rows: 0,
        id: task.id.clone(),
        context: task.context.clone(),
    }
}

/// Fetches one unit, unless it is complete and up to date; with `refresh`, always. An error here is
/// none of the unit's own.
pub(super) async fn fetch(
    session: &Arc<Session>,
    task: Task,
    order: &Order,
) -> Result<Asked, FetchError> {
    let before = session.landing.unit(&task.id);
    let mut left = None;
    let became = if is_current(&task, &before, order) {
        Became::Unchanged
    } else {
        match follow(session, &task).await {
            Ok(None) => became(session, &task.id, before.versions.len()),
            Ok(Some(nothing)) => {
                if let NothingThere::Relation(_) = nothing {
                    left = task.context.get("customer").map(str::to_owned);
                }
                nothing_of(session, &task, nothing, order)?
            }
            Err(error) if error.is_of_one_unit() => incomplete(session, &task, &error)?,
            Err(error) => return Err(error),
        }
    };
    let mut unit = unasked(&task, became);
    if unit.is_complete()
        && let Some(version) = session.landing.newest(&unit.id)
    {
        unit.parts = version.parts.len() as u64;
        unit.rows = version.rows();
    }
    Ok(Asked { unit, left })
}

/// True if a unit is complete and up to date. An export that was complete on an earlier day may have
/// been restated since, as long as its period was provisional then.
fn is_current(task: &Task, before: &Unit, order: &Order) -> bool {
    // A version that was begun and not ended may have been announced by a newer manifest.
    let is_complete = !before.versions.is_empty() && before.open.is_none();
    let is_checked = match &before.checked {
        Some(day) => *day == order.today || *day > order.provisional_until(),
        None => false,
    };
    is_complete && (!task.is_export() || is_checked) && !order.refresh
}

/// Fetches a unit on its route; what the service says if it has nothing.
async fn follow(session: &Arc<Session>, task: &Task) -> Result<Option<NothingThere>, FetchError> {
    match &task.route {
        Route::Pages(endpoint) => {
            let pages = Pages {
                session,
                endpoint,
                context: &task.context,
                id: &task.id,
                purpose: task.purpose,
                doubts_emptiness: task.silence != Silence::Unknown,
            };
            pages.fetch().await
        }
        Route::Export {
            twin,
            report,
            scope,
        } => {
            let export = Export {
                session,
                dataset: twin.v1.dataset,
                report: *report,
                scope,
                id: &task.id,
                purpose: task.purpose,
                doubts_emptiness: matches!(task.silence, Silence::Presumed(_)),
            };
            Ok(match export.fetch().await? {
                ExportOutcome::Complete => None,
                ExportOutcome::NoData(found) => Some(NothingThere::Data(found)),
                ExportOutcome::Unknown(found) => Some(NothingThere::Report(format!(
                    "the service does not know such a report: {found}"
                ))),
            })
        }
    }
}

/// The outcome of a unit of which the service has nothing.
fn nothing_of(
    session: &Session,
    task: &Task,
    nothing: NothingThere,
    order: &Order,
) -> Result<Became, FetchError> {
    let found = match &nothing {
        NothingThere::Data(found) | NothingThere::Relation(found) => found,
        // Nothing is entered: the service may know it tomorrow.
        NothingThere::Report(found) => {
            return Ok(Became::Nothing(found.clone()));
        }
    };
    let is_export = task.is_export();
    let (entry, became) = match (task.silence, &nothing) {
        (Silence::Presumed(why), _) if order.is_provisional() => {
            (void(found), Became::Nothing(why.to_owned()))
        }
        (Silence::Proven(why) | Silence::Presumed(why), _) => {
            (complete(session), Became::Nothing(why.to_owned()))
        }
        (Silence::Unknown, NothingThere::Relation(_)) => (
            complete(session),
            Became::Nothing("the customer has no relation to the partner any more".to_owned()),
        ),
        (Silence::Unknown, _) if !is_export => (complete(session), Became::Nothing(found.clone())),
        (Silence::AsLinesTell, _) => (void(found), Became::Doubtful(found.clone())),
        (Silence::Refuted, _) if order.is_provisional() => (
            void(found),
            Became::Awaited(of_unit(task, found) + &order.lateness()),
        ),
        (Silence::Refuted | Silence::Unknown, _) => (
            void(found),
            Became::Incomplete(Lack::Data, of_unit(task, found)),
        ),
    };
    session.landing.enter(&task.id, entry)?;
    Ok(became)
}

fn of_unit(task: &Task, found: &str) -> String {
    format!("`{}`: found {found}, wanted data", task.id)
}

fn complete(session: &Session) -> Entry {
    Entry::Complete {
        etag: None,
        day: session.today.clone(),
    }
}

/// The step that forgets what was begun, so that the next fetch begins anew.
fn void(reason: &str) -> Entry {
    Entry::Incomplete {
        reason: reason.to_owned(),
    }
}

/// The outcome of a unit that failed by itself.
fn incomplete(session: &Session, task: &Task, error: &FetchError) -> Result<Became, FetchError> {
    let reason = error.to_string();
    match error {
        // What was begun holds: an export goes on running, and a list is continued.
        FetchError::Remote { .. } => {}
        // Nothing was begun, and thousands of units may fail for want of one token.
        FetchError::Authentication { .. } => return Ok(Became::Incomplete(error.lack(), reason)),
        _ => session.landing.enter(&task.id, void(&reason))?,
    }
    // The report of the fetch tells it once more, with the number of units that it is true of.
    session
        .http
        .progress
        .detail(|| format!("incomplete: {reason}"));
    Ok(Became::Incomplete(error.lack(), reason))
}

/// The outcome of a complete unit that had `before` versions. A new version with the same bytes is
/// no restatement.
fn became(session: &Session, id: &str, before: usize) -> Became {
    let versions = session.landing.unit(id).versions;
    if before == versions.len() {
        return Became::Unchanged;
    }
    let Some(previous) = before.checked_sub(1) else {
        return Became::Fetched;
    };
    // An export's eTag may change although its rows do not.
    let hashes = |at: usize| versions[at].parts.iter().map(|part| &part.blake3);
    if hashes(previous).eq(hashes(versions.len() - 1)) {
        Became::Unchanged
    } else {
        Became::Restated
    }
}
