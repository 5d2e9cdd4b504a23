//! `tieout run`: a pipeline from its sources to a published run, and what `reconcile` shares with
//! it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use super::arguments::{self, Globals};
use super::exit::Exit;
use super::failure::{Failure, exit_of_printed};
use super::progress::ProgressDisplay;
use super::stderr::{self, Level};
use super::{address_space, allocator, profile, summary};
use crate::ledger::failure::LedgerError;
use crate::model::period::Period;
use crate::pipeline::failure::RunError;
use crate::pipeline::fetch::report::FetchReport;
use crate::pipeline::machine;
use crate::pipeline::month_end::log;
use crate::pipeline::notices::ended_run::EndedRun;
use crate::pipeline::notices::tell::tell;
use crate::pipeline::options::Options;
use crate::pipeline::plan::output::ReportFiles;
use crate::pipeline::plan::parse;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::publish::outcome::Outcome;
use crate::pipeline::run::{self, RunFailure};
use crate::progress::phases::peak_memory;
use crate::reports::failure::PublishError;

/// Run a pipeline: fetch and read its sources, reconcile them, publish the results
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout run pipelines/sample.toml --period 2026-10 --fail-on-breaks"
)]
pub(super) struct RunArgs {
    /// Path of the pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pipeline: PathBuf,
    /// Billing period, instead of the file's: a month, `current` or `last`
    #[arg(long, value_name = "YYYY-MM", value_parser = arguments::period)]
    period: Option<Period>,
    /// Override a key of the file, such as `tie_out.usage-to-invoice.enabled=false`; paths are
    /// relative to the file's folder
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Output folder, instead of the file's
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    flags: arguments::RunFlags,
    #[command(flatten)]
    fetching: arguments::FetchFlags,
}

/// Reads the plan, lets the flags overrule it, and runs it.
pub(super) fn run(args: &RunArgs, globals: &Globals, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut plan = parse::read(&args.pipeline, &args.set)?;
    plan.period = args.period.or(plan.period);
    if let Some(out) = &args.out {
        plan.out.clone_from(out);
    }
    args.fetching.ensure_used(&plan)?;
    plan.csv = args.flags.csv.over(plan.csv)?;
    let options = globals.options(&args.flags, args.fetching.asked()?);
    execute(&plan, globals, &args.flags, options, out)
}

/// Runs a plan, and prints its summary.
pub(super) fn execute(
    plan: &Plan,
    globals: &Globals,
    flags: &arguments::RunFlags,
    options: Options,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    // Before anything is fetched or printed: the program is started anew in its place.
    let is_space_limited = machine::address_space_limit().is_some();
    if flags.memory.is_some() || is_space_limited || plan.fetching.is_some() {
        allocator::return_freed_memory(is_space_limited);
    }
    address_space::watch()?;
    let (began, started_at) = (Instant::now(), log::now());
    let (progress, display) = ProgressDisplay::start(globals)?;
    let plan = &with_flags(plan, flags);
    let found = run::run(plan, &options, &progress);
    let (phases, whole) = (progress.phases(), began.elapsed());
    // The display ends when the last sender of events is gone.
    drop(progress);
    display.end();
    // The profile is printed for a failed run, too.
    let profiled = match flags.profile {
        true if stderr::is_json() => profile::log(&phases, whole),
        true => profile::write(&phases, whole, &mut stderr::lines()),
        false => Ok(()),
    };
    let mut is_foreign = false;
    let (outcome, result) = match found {
        Ok(found) => {
            let result = end_of(&found, profiled, globals, flags, out);
            (Some(found), result)
        }
        Err(failure) => {
            // What is refused as not ours is not written to either.
            is_foreign = matches!(
                *failure.reason,
                RunError::Publish(PublishError::Kind { .. })
                    | RunError::Ledger(LedgerError::Owner { .. })
            );
            let reason = failure.reason.to_string();
            let failure = failed(failure, globals, out);
            let code = failure.exit() as u8;
            if !is_foreign {
                log::note_failure(plan, &options.asked.today, &started_at, code, &reason);
            }
            (None, Err(failure))
        }
    };
    let words = result.as_ref().err().and_then(Failure::words);
    let (error, hint) = words.map_or((None, None), |(error, hint)| (Some(error), hint));
    let warnings = tell(&EndedRun {
        plan,
        exit_code: result.as_ref().map_or_else(Failure::exit, |exit| *exit) as u8,
        started_at,
        finished_at: log::now(),
        took: began.elapsed(),
        outcome: outcome.as_ref(),
        error,
        hint,
        is_foreign,
    });
    for warning in &warnings {
        // Whoever cannot be told changes nothing, stderr included.
        drop(stderr::told(Level::Warning, &format!("warning: {warning}")));
    }
    result
}

/// What to do about a run that is not complete.
const RUN_AGAIN: &str = "mend what is missing, and run it again: the next run replaces this one";

/// Outcome of a published run, for `--json`: one that is not complete says why, as a failure does.
#[derive(Serialize)]
struct ToldOutcome<'o> {
    #[serde(flatten)]
    outcome: &'o Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

/// A plan with what flags say of its output.
fn with_flags(plan: &Plan, flags: &arguments::RunFlags) -> Plan {
    let mut plan = plan.clone();
    if flags.no_report {
        plan.output.reports = ReportFiles::NONE;
    }
    plan.output.analyst |= flags.analyst;
    plan
}

/// Prints a run that is published; its exit code, or the failure that came behind the publish.
fn end_of(
    found: &Outcome,
    profiled: io::Result<()>,
    globals: &Globals,
    flags: &arguments::RunFlags,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let printed = profiled
        .map_err(Failure::Output)
        .and_then(|()| print(found, globals, flags, out))
        .map_err(|failure| failure.after_publish(&found.folder));
    let exit = exit_of_printed(Exit::of_outcome(found.exit_code), printed)?;
    let late = found.fetched.as_ref().and_then(|report| {
        // Not only in the summary: who prints none, or reads stderr alone, is told, too.
        Failure::of_informational(report, Some(&found.folder))
    });
    late.map_or(Ok(exit), Err)
}

/// Prints what a run that failed has fetched; its failure, to be printed last.
fn failed(failure: RunFailure, globals: &Globals, out: &mut dyn Write) -> Failure {
    let RunFailure { reason, fetched } = failure;
    let failure = Failure::from(*reason);
    // Why the run failed says more than why that could not be printed: a reader who leaves early
    // must not make a success of it.
    drop(print_failed(&failure, fetched.as_deref(), globals, out));
    failure
}

fn print_failed(
    failure: &Failure,
    fetched: Option<&FetchReport>,
    globals: &Globals,
    out: &mut dyn Write,
) -> io::Result<()> {
    if globals.json {
        failure.write_json(fetched, out)?;
    } else if let Some(fetched) = fetched {
        super::fetch::write_notes(fetched, globals.quiet, &mut stderr::lines())?;
        super::fetch::write_reasons(fetched, out)?;
        if !failure.is_published() {
            writeln!(out, "Nothing was published.")?;
        }
    }
    out.flush()
}

/// Prints the summary of a run that is published.
fn print(
    found: &Outcome,
    globals: &Globals,
    flags: &arguments::RunFlags,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    summary::write_notes(found, globals.quiet, &mut stderr::lines())?;
    warn_of_memory(flags.memory, peak_memory(), &mut stderr::lines())?;
    if globals.json {
        let error = summary::incompleteness(found);
        let hint = error.as_ref().map(|_| RUN_AGAIN);
        let told = ToldOutcome {
            outcome: found,
            error,
            hint,
        };
        serde_json::to_writer_pretty(&mut *out, &told)?;
        writeln!(out)?;
    } else {
        summary::write(found, out)?;
    }
    // Now, while the error can still say that the run is published.
    Ok(out.flush()?)
}

/// Warns of a run that took more memory than its bound. The warning is no part of the outcome: the
/// same inputs must give the same bytes, however much memory there was.
fn warn_of_memory(bound: Option<u64>, peak: Option<u64>, out: &mut dyn Write) -> io::Result<()> {
    match (bound, peak) {
        (Some(bound), Some(peak)) if peak > bound => {
            let [bound, peak] = [bound, peak].map(|bytes| bytes.div_ceil(1_000_000));
            writeln!(
                out,
                "warning: the run used {peak} MB, more than the {bound} MB of `--memory`: \
                 all variances and the largest account have to fit in memory"
            )
        }
        _ => Ok(()),
    }
}
