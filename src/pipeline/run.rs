//! A run, on one screen: fetch, read, reconcile, publish. Fetched files are read as they arrive, so
//! the network and the cores are busy at the same time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::runtime::Runtime;

use crate::decode::catch_panic;
use crate::model::cause::Status;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::pipeline::fetch::doctor::{self, WorstProblem};
use crate::pipeline::fetch::handover::{self, FetchReport};
use crate::pipeline::fetch::record_tables::{self, RecordReport};
use crate::pipeline::intake::input_unit::InputUnit;
use crate::pipeline::intake::readings::Readings;
use crate::pipeline::intake::records::{self, RecordReadings};
use crate::pipeline::intake::units;
use crate::pipeline::machine::STACK_BYTES;
use crate::pipeline::options::{FetchOptions, Options};
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::publish::outcome::Outcome;
use crate::pipeline::publish::staging;
use crate::pipeline::reconcile::stages::{self, Reconciled};
use crate::pipeline::signals::Interrupt;
use crate::pipeline::threads::with_threads;
use crate::progress::reporting::Progress;
use crate::reports::atomic::OutputFolder;
use crate::reports::output_entries::CACHE;
use crate::sources::cache::Cache;
use crate::sources::doctor::Finding;
use crate::sources::failure::FetchError;
use crate::sources::fetch::workers::{Became, Fetched};

/// Fetched files that may wait to be read: 1,000, after which the fetch waits for the intake.
const WAITING_FILES: usize = 1_000;

/// Runs a plan: fetches, reads, reconciles and publishes.
///
/// # Errors
/// [`RunError`]; nothing was published then, unless the error says so.
pub fn run(plan: &Plan, options: &Options, progress: &Progress) -> Result<Outcome, RunError> {
    with_threads(options, || {
        let interrupt = Interrupt::listen()?;
        progress.phase("find files", 0);
        let output = OutputFolder::open(&plan.out)?;
        let (mut readings, fetched) = gather(plan, options, progress, interrupt)?;
        interrupt.check()?;
        if readings.rejected.len() as u64 <= options.allow_rejects {
            // The rejected rows are tolerated: no group waits for them.
            readings.awaited.accounts.clear();
        }
        let found = stages::reconcile_watched(plan, &mut readings, progress)?;
        // Before publishing, as the manifest holds the exit code.
        let exit_code = exit_code(options, &readings, &found, fetched.as_ref());
        // The last look: once a run publishes, a first signal no longer stops it.
        interrupt.check()?;
        progress.phase("publish", 0);
        let (run_id, published) = staging::publish(
            plan,
            &output,
            &readings,
            &found,
            exit_code,
            options.memory.is_some(),
        )?;
        progress.phase("summarise", 0);
        let units_kept = progress.counters.units_kept.load(Ordering::Relaxed);
        Ok(Outcome {
            units_kept,
            ..Outcome::new(run_id, published, &readings, &found, exit_code, fetched)
        })
    })
}

/// Fetches what a plan names, and does not reconcile it.
///
/// # Errors
/// [`RunError`]; what was downloaded is kept.
pub fn fetch(
    plan: &Plan,
    asked: &FetchOptions,
    progress: &Progress,
) -> Result<FetchReport, RunError> {
    with_threads(&Options::default(), || {
        let interrupt = Interrupt::listen()?;
        let (found, records, _) = fetch_to(plan, asked, progress, interrupt, None)?;
        Ok(FetchReport::of(&found, records, progress))
    })
}

/// Reads the files of a plan, and fetched files while others are still on their way.
fn gather(
    plan: &Plan,
    options: &Options,
    progress: &Progress,
    interrupt: Interrupt,
) -> Result<(Readings, Option<FetchReport>), RunError> {
    let cache = (!options.no_cache).then(|| Cache::open(&plan.out.join(CACHE)));
    let (to, arriving): (SyncSender<InputUnit>, Receiver<InputUnit>) = sync_channel(WAITING_FILES);
    if plan.fetching.is_none() {
        // No fetch: the closed channel ends the intake after the files of the plan.
        drop(to);
        let mut readings = units::read(plan, arriving, cache, options.memory, progress)?;
        progress.phase("read other datasets", 0);
        readings.take_records(records::read(plan)?);
        return Ok((readings, None));
    }
    let asked = &options.asked;
    let (fetched, readings) = std::thread::scope(|scope| {
        let fetching = std::thread::Builder::new()
            .name("fetch".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, move || {
                fetch_to(plan, asked, progress, interrupt, Some(to))
            })
            .map_err(|source| RunError::Threads { threads: 1, source })?;
        let readings = units::read(plan, arriving, cache, options.memory, progress);
        Ok::<_, RunError>((fetching.join(), readings))
    })?;
    let (found, report, mut records) =
        fetched.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    // A failure of the fetch is reported before one of the intake, which may only follow from it.
    handover::prove(plan, &found)?;
    let mut readings = readings?;
    progress.phase("read other datasets", 0);
    records.absorb(records::read(plan)?);
    readings.take_records(records);
    note_incomplete(plan, &found, &mut readings);
    Ok((readings, Some(FetchReport::of(&found, report, progress))))
}

/// Notes the tie-outs that lack a fetched unit, so that their differences are awaited.
fn note_incomplete(plan: &Plan, found: &[Fetched], readings: &mut Readings) {
    for unit in found {
        if matches!(unit.became, Became::Incomplete(_)) {
            readings.awaited.lacks(unit.dataset);
        }
    }
    // Microsoft serves unbilled usage for two months only; of an older one no unit is even planned.
    let unbilled = Dataset::UnbilledUsage;
    let is_wanted = plan
        .sources
        .iter()
        .any(|source| source.is_fetched && source.dataset == unbilled);
    if is_wanted && found.iter().all(|unit| unit.dataset != unbilled.name()) {
        readings.awaited.lacks(unbilled.name());
        readings.warnings.push(
            "`unbilled_usage`: none for this month; Microsoft serves it for the current and the last month only"
                .to_owned(),
        );
    }
}

/// Fetches what a plan names, and sends the files that are reconciled to `to` as they are complete.
fn fetch_to(
    plan: &Plan,
    asked: &FetchOptions,
    progress: &Progress,
    interrupt: Interrupt,
    to: Option<SyncSender<InputUnit>>,
) -> Result<(Vec<Fetched>, RecordReport, RecordReadings), RunError> {
    let Some(fetching) = &plan.fetching else {
        return Err(RunError::NotThere {
            what: format!("Pipeline `{}`", plan.name),
            found: "nothing to fetch".to_owned(),
            wanted: "`[partner_center]`".to_owned(),
            hint: "`pipelines/nightly.toml` is an example".to_owned(),
        });
    };
    let fetcher = handover::fetcher(plan, fetching, asked, progress)?;
    let sender = Arc::clone(&fetcher);
    let mut arrived = |unit: &Fetched| {
        if let Some(to) = &to {
            handover::hand_over(&sender, plan, unit, to);
        }
    };
    let found = runtime()?.block_on(async {
        // A signal drops the requests under way; pages and blobs that were complete are kept.
        tokio::select! {
            found = fetcher.run(&mut arrived) => found,
            signal = interrupt.wait() => Err(FetchError::Interrupted { signal }),
        }
    })?;
    // Ends the intake: it need not wait while the record tables are written.
    drop(to);
    let (records, gathered) = record_tables::read(plan, fetching, &fetcher, &found, asked.tables)?;
    Ok((found, records, gathered))
}

/// Checks what a plan needs before it runs.
///
/// # Errors
/// [`RunError`] where nothing can be checked at all.
pub fn doctor(plan: &Plan, progress: &Progress) -> Result<(Vec<Finding>, WorstProblem), RunError> {
    doctor::examine(plan, progress, |http, tokens| {
        Ok(runtime()?.block_on(doctor::credentials(http, tokens)))
    })
}

/// Runtime for a command that sends requests.
///
/// # Errors
/// [`FetchError::Start`].
fn runtime() -> Result<Runtime, FetchError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    // Requests wait most of the time, and the cores are needed for reading.
    builder.worker_threads(2).enable_all();
    // Tokio panics where a thread cannot start, and returns an error where a descriptor is missing.
    let built = catch_panic(|| builder.build()).map_err(io::Error::other);
    built.flatten().map_err(|source| FetchError::Start {
        what: "the network's runtime",
        source: source.into(),
    })
}

/// Exit code of a run: that of its fetch, unless it is 0, then 11 for missing rows or nothing that was
/// compared, then 10 for breaks. Missing rows outrank breaks, as a break may be nothing but a row that
/// is missing.
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
            // Breaks of estimates inform, and fail no close.
            .filter(|variance| !variance.informs());
        counted
            .into_iter()
            .any(|variance| variance.status == status)
    };
    match fetched.map_or(0, FetchReport::exit_code) {
        0 if readings.rejected.len() as u64 > options.allow_rejects => 11,
        0 if has(Status::Awaited) || !found.nothing_compared.is_empty() => 11,
        0 if options.fail_on_breaks && has(Status::Break) => 10,
        other => other,
    }
}
