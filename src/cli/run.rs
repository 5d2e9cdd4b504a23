//! `tieout run`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use super::exit::Exit;
use super::failure::Failure;
use super::progress::Progress;
use super::{Globals, allocator, arguments, profile, summary};
use crate::model::period::Period;
use crate::pipeline::plan::parse;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::run;
use crate::progress::phases::peak_memory;

/// Run a pipeline: read its sources, reconcile, publish
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout run pipelines/sample.toml --period 2026-10 --fail-on-breaks"
)]
pub(super) struct Args {
    /// The pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pipeline: PathBuf,
    /// Billing period, in place of the file's: a month, `current` or `last`
    #[arg(long, value_name = "YYYY-MM", value_parser = arguments::period)]
    period: Option<Period>,
    /// Override a key of the file, as `tie_out.usage-to-invoice.enabled=false`; paths stay relative
    /// to the file's folder
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder of the runs, in place of the file's
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    outcome: arguments::Outcome,
}

/// Reads the plan, lets the flags overrule it, and runs it.
pub(super) fn run(args: &Args, globals: &Globals, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut plan = parse::read(&args.pipeline, &args.set)?;
    plan.period = args.period.or(plan.period);
    if let Some(out) = &args.out {
        plan.out.clone_from(out);
    }
    execute(&plan, globals, &args.outcome, out)
}

/// Tells where a run took more than it was given: it is no part of the run, whose bytes do not depend on it.
fn write_memory(bound: Option<u64>, peak: Option<u64>, out: &mut dyn Write) -> io::Result<()> {
    match (bound, peak) {
        (Some(bound), Some(peak)) if peak > bound => {
            let [bound, peak] = [bound, peak].map(|bytes| bytes.div_ceil(1_000_000));
            writeln!(
                out,
                "warning: the run took {peak} MB, more than the {bound} MB of `--memory`: variances and the largest account stay in memory"
            )
        }
        _ => Ok(()),
    }
}

/// Runs a plan and tells what it found.
pub(super) fn execute(
    plan: &Plan,
    globals: &Globals,
    outcome: &arguments::Outcome,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    if outcome.memory.is_some() {
        allocator::give_back();
    }
    let began = Instant::now();
    let (watch, progress) = Progress::start(globals);
    let found = run::run(plan, &globals.options(outcome), &watch);
    let (phases, whole) = (watch.phases(), began.elapsed());
    drop(watch);
    progress.end();
    if outcome.profile {
        profile::write(&phases, whole, &mut io::stderr().lock())?;
    }
    let found = found?;
    if !globals.quiet {
        summary::write_notes(&found, &mut io::stderr().lock())?;
        write_memory(outcome.memory, peak_memory(), &mut io::stderr().lock())?;
    }
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
    } else {
        summary::write(&found, out)?;
    }
    Ok(match found.exit_code {
        10 => Exit::Breaks,
        20 => Exit::Authentication,
        11 => Exit::Incomplete,
        _ => Exit::Complete,
    })
}
