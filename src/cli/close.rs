//! `tieout close`: closes a period on its newest run, with a pack that stands alone.

use std::io::Write;

use super::arguments::{self, ByFlag, Globals, LedgerFlags};
use super::exit::Exit;
use super::failure::{Failure, exit_of_printed};
use crate::pipeline::closing::close::{ClosedPeriod, PeriodRequest, close};

/// Close a period: nothing that a later run finds changes it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout close 2026-10 --by anna")]
pub(super) struct CloseArgs {
    #[command(flatten)]
    pub(super) period: PeriodFlags,
}

/// Flags of commands that close or reopen a period.
#[derive(Debug, clap::Args)]
pub(super) struct PeriodFlags {
    /// Period, such as `2026-10`, or `last`
    #[arg(value_name = "PERIOD", value_parser = arguments::run_period)]
    period: String,
    /// Name of the pipeline, where several have the period
    #[arg(long, value_name = "NAME")]
    pipeline_name: Option<String>,
    #[command(flatten)]
    ledger: LedgerFlags,
    #[command(flatten)]
    by: ByFlag,
}

impl PeriodFlags {
    /// The flags as the pipeline takes them.
    pub(super) fn request(&self) -> Result<PeriodRequest, Failure> {
        Ok(PeriodRequest {
            out: self.ledger.folder()?,
            period: self.period.clone(),
            pipeline: self.pipeline_name.clone(),
            by: self.by.name()?,
            today: arguments::today()?,
        })
    }
}

/// Closes the period, and prints where its pack is.
pub(super) fn run(
    args: &CloseArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let closed = close(&args.period.request()?)?;
    exit_of_printed(Exit::Complete, print(&closed, globals, out))
}

fn print(closed: &ClosedPeriod, globals: &Globals, out: &mut dyn Write) -> Result<(), Failure> {
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, closed)?;
        writeln!(out)?;
        return Ok(());
    }
    let close = &closed.close;
    writeln!(
        out,
        "Closed {} of `{}` on run {} ({}), by {}",
        close.period, close.pipeline, close.run_no, close.run_id, close.by
    )?;
    writeln!(out, "Closing pack: {}", closed.folder.display())?;
    Ok(())
}
