//! A run, on one screen: fetch, read, reconcile, publish. What is fetched is read as it arrives.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::runtime::Runtime;

use super::Options;
use super::failure::RunError;
use super::signals::Interrupt;
use crate::engine::rules::definitions;
use crate::model::cause::Status;
use crate::model::dataset::Dataset;
use crate::pipeline::fetch::doctor::{self, Worst};
use crate::pipeline::fetch::handover::{self, Asked, FetchReport};
use crate::pipeline::fetch::record_tables::{self, RecordReport};
use crate::pipeline::intake::records::{self, Gathered};
use crate::pipeline::intake::units::{self, Arrival, Readings};
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::publish::outcome::Outcome;
use crate::pipeline::publish::staging;
use crate::pipeline::reconcile::stages::{self, Reconciled};
use crate::progress::watch::Watch;
use crate::reports::atomic::Output;
use crate::sources::cache::Cache;
use crate::sources::doctor::Finding;
use crate::sources::failure::FetchError;
use crate::sources::fetch::workers::{Became, Fetched};

/// Folder of what is kept of units, beside the runs.
const CACHE: &str = "cache";

/// Files that were fetched and wait to be read; more of them wait on disk.
const WAITING_FILES: usize = 1_000;

/// Runs a plan.
///
/// # Errors
/// [`RunError`]; nothing was published then.
pub fn run(plan: &Plan, options: &Options, watch: &Watch) -> Result<Outcome, RunError> {
    let interrupt = Interrupt::listen()?;
    with_threads(options, || {
        watch.phase("find files", 0);
        let output = Output::open(&plan.out)?;
        let (mut readings, fetched) = gather(plan, options, watch, interrupt)?;
        interrupt.check()?;
        if readings.rejected.len() as u64 <= options.allow_rejects {
            // They are put up with: what is left is all that will come.
            readings.awaited.accounts.clear();
        }
        let found = stages::reconcile_watched(plan, &mut readings, watch)?;
        let exit_code = exit_code(options, &readings, &found, fetched.as_ref());
        interrupt.check()?;
        watch.phase("publish", 0);
        let (run_id, folder) = staging::publish(
            plan,
            &output,
            &readings,
            &found,
            exit_code,
            options.memory.is_some(),
        )?;
        watch.phase("summarise", 0);
        let units_kept = watch.counters.units_kept.load(Ordering::Relaxed);
        Ok(Outcome {
            units_kept,
            ..Outcome::new(run_id, folder, &readings, &found, exit_code, fetched)
        })
    })
}

/// Fetches what a plan wants, and nothing else.
///
/// # Errors
/// [`RunError`]; what was landed stays.
pub fn fetch(plan: &Plan, asked: &Asked, watch: &Watch) -> Result<FetchReport, RunError> {
    let interrupt = Interrupt::listen()?;
    let (found, records, _) = fetch_to(plan, asked, watch, interrupt, None)?;
    Ok(FetchReport::of(&found, records, watch))
}

/// Reads the files, and the fetched ones while others are on their way.
fn gather(
    plan: &Plan,
    options: &Options,
    watch: &Watch,
    interrupt: Interrupt,
) -> Result<(Readings, Option<FetchReport>), RunError> {
    let asked = &options.asked;
    let cache = (!options.no_cache).then(|| Cache::open(&plan.out.join(CACHE)));
    let (to, arriving): (SyncSender<Arrival>, Receiver<Arrival>) = sync_channel(WAITING_FILES);
    if plan.fetching.is_none() {
        drop(to);
        let mut readings = units::read(plan, arriving, cache, options.memory, watch)?;
        watch.phase("read other datasets", 0);
        readings.take_records(records::read(plan)?);
        return Ok((readings, None));
    }
    let (found, readings) = std::thread::scope(|scope| {
        let fetching = scope.spawn(move || fetch_to(plan, asked, watch, interrupt, Some(to)));
        let readings = units::read(plan, arriving, cache, options.memory, watch);
        (fetching.join(), readings)
    });
    let (found, records, mut gathered) =
        found.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    handover::prove(plan, &found)?;
    let mut readings = readings?;
    watch.phase("read other datasets", 0);
    gathered.absorb(records::read(plan)?);
    readings.take_records(gathered);
    for unit in found
        .iter()
        .filter(|unit| matches!(unit.became, Became::Incomplete(_)))
    {
        readings.awaited.lacks(unit.dataset);
    }
    let unbilled = Dataset::UnbilledUsage;
    let is_wanted = plan
        .sources
        .iter()
        .any(|source| source.is_fetched && source.dataset == unbilled);
    if is_wanted && !found.iter().any(|unit| unit.dataset == unbilled.name()) {
        readings.awaited.lacks(unbilled.name());
        readings.warnings.push(
            "`unbilled_usage`: none is served of this month: only of the current and the last one"
                .to_owned(),
        );
    }
    Ok((readings, Some(FetchReport::of(&found, records, watch))))
}

fn fetch_to(
    plan: &Plan,
    asked: &Asked,
    watch: &Watch,
    interrupt: Interrupt,
    to: Option<SyncSender<Arrival>>,
) -> Result<(Vec<Fetched>, RecordReport, Gathered), RunError> {
    let Some(fetching) = &plan.fetching else {
        return Err(RunError::NotThere {
            what: format!("Pipeline `{}`", plan.name),
            found: "nothing to fetch".to_owned(),
            wanted: "`[partner_center]`".to_owned(),
            hint: "`pipelines/nightly.toml` shows how".to_owned(),
        });
    };
    let fetcher = handover::fetcher(plan, fetching, asked, watch)?;
    let told = Arc::clone(&fetcher);
    let mut arrived = |unit: &Fetched| {
        if let Some(to) = &to {
            handover::hand_over(&told, plan, unit, to);
        }
    };
    let found = runtime()?.block_on(async {
        tokio::select! {
            found = fetcher.run(&mut arrived) => found,
            signal = interrupt.wait() => Err(FetchError::Interrupted { signal }),
        }
    })?;
    // Whoever reads what arrived need not wait for the rest.
    drop(to);
    let (records, gathered) = record_tables::read(plan, fetching, &fetcher, &found, asked.tables)?;
    Ok((found, records, gathered))
}

/// Checks what a plan needs before it runs.
///
/// # Errors
/// [`RunError`] where nothing can be checked at all.
pub fn doctor(plan: &Plan, watch: &Watch) -> Result<(Vec<Finding>, Worst), RunError> {
    doctor::examine(plan, watch, |http, tokens| {
        Ok(runtime()?.block_on(doctor::credentials(http, tokens)))
    })
}

/// The runtime of a command that speaks to the outside.
///
/// # Errors
/// [`FetchError::Start`].
fn runtime() -> Result<Runtime, FetchError> {
    let built = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    built.map_err(|source| FetchError::Start {
        what: "the network's runtime",
        source: source.into(),
    })
}

/// Waits, on the network's runtime.
pub(super) async fn pause(time: std::time::Duration) {
    tokio::time::sleep(time).await;
}

/// Tells `tell` of each SIGINT (2) and SIGTERM (15), on a thread of its own.
///
/// # Errors
/// [`FetchError::Start`].
#[cfg(unix)]
pub(super) fn on_signals(mut tell: impl FnMut(u8) + Send + 'static) -> Result<(), FetchError> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |source: std::io::Error| FetchError::Start {
        what: "listening for signals",
        source: source.into(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let (mut interrupted, mut terminated) = {
        let _guard = runtime.enter();
        (
            signal(SignalKind::interrupt()).map_err(failed)?,
            signal(SignalKind::terminate()).map_err(failed)?,
        )
    };
    let listen = move || {
        runtime.block_on(async move {
            loop {
                tokio::select! {
                    _ = interrupted.recv() => tell(2),
                    _ = terminated.recv() => tell(15),
                }
            }
        });
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)
        .map(drop)
        .map_err(failed)
}

/// Elsewhere the system's own way holds: the process ends at once.
#[cfg(not(unix))]
pub(super) fn on_signals(_: impl FnMut(u8) + Send + 'static) -> Result<(), FetchError> {
    Ok(())
}

/// Runs `work` on as many threads as were asked for. What it returns does not depend on them.
///
/// # Errors
/// That of `work`, or [`RunError::Threads`].
pub fn with_threads<T: Send>(
    options: &Options,
    work: impl FnOnce() -> Result<T, RunError> + Send,
) -> Result<T, RunError> {
    let Some(threads) = options.threads else {
        return work();
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|source| RunError::Threads { threads, source })?;
    pool.install(work)
}

/// Missing rows outrank breaks: a break may be nothing but a row that is missing.
fn exit_code(
    options: &Options,
    readings: &Readings,
    found: &Reconciled,
    fetched: Option<&FetchReport>,
) -> u8 {
    let has = |status: Status| {
        let counted = found
            .variances
            .iter()
            .filter(|variance| !definitions::definition(variance.sides.tie_out).informs());
        counted
            .into_iter()
            .any(|variance| variance.status == status)
    };
    match fetched.map_or(0, FetchReport::exit_code) {
        0 if readings.rejected.len() as u64 > options.allow_rejects => 11,
        0 if has(Status::Awaited) => 11,
        0 if options.fail_on_breaks && has(Status::Break) => 10,
        other => other,
    }
}
