//! A run: fetch, read, reconcile, publish, and fetch what only informs. Fetched files are read as they
//! arrive, so the network and the cores are busy at the same time.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};

use tokio::runtime::Runtime;

use crate::decode::catch_panic;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::pipeline::fetch::doctor::{self, WorstProblem};
use crate::pipeline::fetch::record_tables::RecordReport;
use crate::pipeline::fetch::report::FetchReport;
use crate::pipeline::fetch::{handover, record_tables, usage_due, verdict};
use crate::pipeline::finish::Finish;
use crate::pipeline::intake::incomplete::Awaited;
use crate::pipeline::intake::input_unit::InputUnit;
use crate::pipeline::intake::readings::Readings;
use crate::pipeline::intake::records;
use crate::pipeline::intake::units;
use crate::pipeline::machine::STACK_BYTES;
use crate::pipeline::month_end::log::RunLog;
use crate::pipeline::options::{FetchOptions, Options};
use crate::pipeline::plan::pipeline_plan::{Fetching, Plan};
use crate::pipeline::publish::outcome::Outcome;
use crate::pipeline::signals::Interrupt;
use crate::pipeline::threads::with_threads;
use crate::progress::reporting::{Event, Progress};
use crate::reports::atomic::OutputFolder;
use crate::reports::output_entries::CACHE;
use crate::sources::cache::Cache;
use crate::sources::doctor::Finding;
use crate::sources::failure::{FetchError, Lack};
use crate::sources::fetch::fetched::Fetched;
use crate::sources::fetch::workers::Fetcher;
use crate::sources::files::FileError;

/// Fetched files that may wait to be read: 1,000, after which the fetch waits for the intake.
const WAITING_FILES: usize = 1_000;

/// A run that failed; nothing was published then, unless the reason says so.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct RunFailure {
    /// Reason that it failed.
    pub reason: Box<RunError>,
    /// What was fetched all the same; `None` for a run over files only, or one that failed before.
    pub fetched: Option<Box<FetchReport>>,
}

impl<E: Into<RunError>> From<E> for RunFailure {
    fn from(reason: E) -> Self {
        Self {
            reason: Box::new(reason.into()),
            fetched: None,
        }
    }
}

/// Runs a plan: fetches what its tie-outs need, reads, reconciles and publishes; then fetches what only
/// informs, so that no close waits for it.
///
/// # Errors
/// [`RunFailure`]; nothing was published then, unless its reason says so.
pub fn run(plan: &Plan, options: &Options, progress: &Progress) -> Result<Outcome, RunFailure> {
    with_threads(options, || Ok(run_on_threads(plan, options, progress)))?
}

fn run_on_threads(
    plan: &Plan,
    options: &Options,
    progress: &Progress,
) -> Result<Outcome, RunFailure> {
    let interrupt = Interrupt::listen()?;
    progress.phase("find files", 0);
    let output = OutputFolder::open(&plan.out)?;
    let log = RunLog::begin(plan, &options.asked.today, &output)?;
    let cache = (!options.no_cache).then(|| Cache::open(&plan.out.join(CACHE)));
    let (to, arriving): (SyncSender<InputUnit>, Receiver<InputUnit>) = sync_channel(WAITING_FILES);
    let Some(network) = Network::of(plan, &options.asked, progress, interrupt)? else {
        // No fetch: the closed channel ends the intake after the files of the plan.
        drop(to);
        let mut readings = units::read(plan, arriving, cache, options.memory, progress)?;
        progress.phase("read other datasets", 0);
        readings.take_records(records::read(plan)?);
        let finish = Finish {
            plan,
            options,
            progress,
            interrupt,
            fetched_code: 0,
            finality: None,
        };
        return Ok(finish.publish(output, log, readings)?);
    };
    // Fetched files are read as they arrive.
    let (found, readings) = std::thread::scope(|scope| {
        let fetching = std::thread::Builder::new()
            .name("fetch".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || network.needed(Some(to)))
            .map_err(|source| RunError::Threads { threads: 1, source })?;
        let readings = units::read(plan, arriving, cache, options.memory, progress);
        Ok::<_, RunError>((fetching.join(), readings))
    })?;
    // A failure of the fetch is reported before one of the intake, which may only follow from it.
    let mut found = found.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let closed = network.close(options, (output, log), &found, readings);
    if goes_on(&closed) {
        network.informational(&mut found, closed.as_ref().ok());
    }
    let report = network.report(&found);
    match (closed, report) {
        (Ok(outcome), report) => {
            // The run is published, whatever becomes of the tables of what was fetched.
            let fetched =
                report.unwrap_or_else(|error| network.report_without_records(&found, &error));
            Ok(Outcome {
                exit_code: fetched.failure_code.unwrap_or(outcome.exit_code),
                fetched: Some(fetched),
                ..outcome
            })
        }
        (Err(reason), report) => Err(RunFailure {
            reason: Box::new(reason),
            fetched: report.ok().map(Box::new),
        }),
    }
}

/// True if what only informs is worth asking for: the close is published, or waits for data.
fn goes_on(closed: &Result<Outcome, RunError>) -> bool {
    match closed {
        Ok(_) | Err(RunError::NotDue { .. }) => true,
        Err(RunError::Fetch(error)) => matches!(
            error,
            FetchError::Lacking {
                lack: Lack::Data | Lack::Permission,
                ..
            }
        ),
        Err(_) => false,
    }
}

/// Fetches what a plan names, and does not reconcile it.
///
/// # Errors
/// [`RunError`]; what was downloaded is kept.
pub fn fetch(
    plan: &Plan,
    asked: &FetchOptions,
    progress: &Progress,
) -> Result<(FetchReport, u8), RunError> {
    with_threads(&Options::default(), || {
        let interrupt = Interrupt::listen()?;
        let Some(network) = Network::of(plan, asked, progress, interrupt)? else {
            return Err(RunError::NotThere {
                what: format!("Pipeline `{}`", plan.name),
                found: "nothing to fetch".to_owned(),
                wanted: "`[partner_center]`".to_owned(),
                hint: "`pipelines/nightly.toml` is an example".to_owned(),
            });
        };
        let mut found = network.needed(None)?;
        // Without anything at all the rest is not worth asking for.
        verdict::refuse_nothing(&found)?;
        network.informational(&mut found, None);
        // What is not out yet is no failure of a fetch: it has all there is.
        let code = if network.fetcher.is_not_due() {
            0
        } else {
            verdict::fetch_code(&found)
        };
        let report = network.report(&found)?;
        let code = report.failure_code.unwrap_or(code);
        Ok((report, code))
    })
}

/// A fetch, and the runtime on which its requests are sent. Exports go on running on it while the
/// close is reconciled.
struct Network<'n> {
    plan: &'n Plan,
    fetching: &'n Fetching,
    asked: &'n FetchOptions,
    progress: &'n Progress,
    interrupt: Interrupt,
    fetcher: Arc<Fetcher>,
    runtime: Runtime,
    /// Failure of what only informs: it ends the fetch, and no close.
    failure: OnceLock<FetchError>,
}

impl<'n> Network<'n> {
    /// The fetch of a plan; `None` if it has none.
    fn of(
        plan: &'n Plan,
        asked: &'n FetchOptions,
        progress: &'n Progress,
        interrupt: Interrupt,
    ) -> Result<Option<Self>, RunError> {
        let Some(fetching) = &plan.fetching else {
            return Ok(None);
        };
        Ok(Some(Self {
            plan,
            fetching,
            asked,
            progress,
            interrupt,
            fetcher: handover::fetcher(plan, fetching, asked, progress)?,
            runtime: runtime()?,
            failure: OnceLock::new(),
        }))
    }

    /// Fetches what the tie-outs need that are wanted, and sends the files that are reconciled to
    /// `to` as they are complete. The channel closes with the fetch.
    fn needed(&self, to: Option<SyncSender<InputUnit>>) -> Result<Vec<Fetched>, RunError> {
        let mut arrived = |unit: &Fetched| {
            if let Some(to) = &to {
                handover::hand_over(&self.fetcher, self.plan, unit, to);
            }
        };
        let mut found = self.block_on(self.fetcher.needed(&mut arrived))?;
        usage_due::settle(&self.fetcher, &mut found)?;
        Ok(found)
    }

    /// Fetches what only informs. A failure is kept for the report.
    fn informational(&self, found: &mut Vec<Fetched>, published: Option<&Outcome>) {
        self.progress.phase("fetch what informs", 0);
        if let Some(outcome) = published {
            let folder = outcome.folder.display();
            self.progress.tell(Event::Note(format!(
                "published in `{folder}`; now fetching what only informs"
            )));
        }
        match self.block_on(self.fetcher.informational()) {
            Ok(more) => {
                found.extend(more);
                // Lines that cannot be read decide nothing: the unit is told as it stands.
                if let Err(RunError::Fetch(error)) = usage_due::settle(&self.fetcher, found) {
                    drop(self.failure.set(error));
                }
            }
            Err(error) => drop(self.failure.set(error)),
        }
    }

    /// Waits for a part of the fetch. A signal drops the requests under way; pages and blobs that
    /// were complete are kept.
    fn block_on(
        &self,
        part: impl Future<Output = Result<Vec<Fetched>, FetchError>>,
    ) -> Result<Vec<Fetched>, FetchError> {
        self.runtime.block_on(async {
            tokio::select! {
                found = part => found,
                signal = self.interrupt.wait() => Err(FetchError::Interrupted { signal }),
            }
        })
    }

    /// Closes the period with what was fetched, if that is enough.
    fn close(
        &self,
        options: &Options,
        (output, log): (OutputFolder, RunLog),
        found: &[Fetched],
        readings: Result<Readings, RunError>,
    ) -> Result<Outcome, RunError> {
        verdict::prove(self.plan, &self.fetcher, found)?;
        let mut readings = readings?;
        self.progress.phase("read other datasets", 0);
        let (mut compared, rejected) = record_tables::compared(&self.fetcher, found)?;
        compared.absorb(records::read(self.plan)?);
        readings.take_records(compared);
        let mut lacking = Awaited::default();
        verdict::note_awaited(self.plan, self.fetching, found, &mut lacking);
        if is_unserved(self.plan, found) {
            lacking.lacks(Dataset::UnbilledUsage.name());
            readings.warnings.push(
                "`unbilled_usage`: none for this month; Microsoft serves it for the current and the last month only"
                    .to_owned(),
            );
        }
        let fetch_code = verdict::exit_code(found);
        readings.awaited.absorb_fetch(lacking, fetch_code);
        let fetched_code = match fetch_code {
            0 if rejected > 0 => 11,
            code => code,
        };
        let finish = Finish {
            plan: self.plan,
            options,
            progress: self.progress,
            interrupt: self.interrupt,
            fetched_code,
            finality: Some(verdict::finality(&self.fetcher, found)),
        };
        finish.publish(output, log, readings)
    }

    fn report(&self, found: &[Fetched]) -> Result<FetchReport, RunError> {
        let records = record_tables::report(
            self.plan,
            self.fetching,
            &self.fetcher,
            found,
            self.asked.tables,
        )?;
        let report = FetchReport::of(&self.fetcher, found, records, self.progress);
        Ok(match self.failure.get() {
            Some(error) => report.failed(error),
            None => report,
        })
    }
}

impl Network<'_> {
    /// The report of a fetch whose answers could not be read once more, or written to tables.
    fn report_without_records(&self, found: &[Fetched], error: &RunError) -> FetchReport {
        let records = RecordReport::default();
        let report = FetchReport::of(&self.fetcher, found, records, self.progress);
        FetchReport {
            failure: Some(error.to_string()),
            failure_code: Some(match error {
                RunError::File(FileError::Changed { .. }) | RunError::Changed { .. } => 24,
                _ => 22,
            }),
            ..report
        }
    }
}

/// True if the service has no unbilled usage of the month, for it is an older one: of such no unit is
/// even planned.
fn is_unserved(plan: &Plan, found: &[Fetched]) -> bool {
    let unbilled = Dataset::UnbilledUsage;
    let mut fetched = plan.sources.iter().filter(|source| source.is_fetched);
    fetched.any(|source| source.dataset == unbilled)
        && found.iter().all(|unit| unit.dataset != unbilled.name())
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
