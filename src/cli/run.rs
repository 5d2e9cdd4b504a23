//! `tieout run`.

use std::path::PathBuf;

use super::exit::Exit;
use super::failure::Failure;
use super::{Globals, arguments, pending};
use crate::model::period::Period;
use crate::pipeline::plan;

/// Run a pipeline: read its sources, reconcile, publish
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout run pipelines/sample.toml --period 2026-10 --fail-on-breaks")]
pub(super) struct Args {
    /// The pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pipeline: PathBuf,
    /// Billing period, in place of the file's
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
pub(super) fn run(args: &Args, globals: &Globals) -> Result<Exit, Failure> {
    let mut plan = plan::read(&args.pipeline, &args.set)?;
    plan.period = args.period.or(plan.period);
    if let Some(out) = &args.out {
        plan.out.clone_from(out);
    }
    pending::run(&plan, &globals.options(&args.outcome))
}
