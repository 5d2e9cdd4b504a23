//! `tieout close`: closes a period on its newest run, with a pack that stands alone.

use std::io::Write;

use super::arguments::{self, Globals};
use super::break_words::actor;
use super::exit::Exit;
use super::failure::{Failure, exit_of_printed};
use super::ledger_flags::{self, LedgerFlags};
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
    #[arg(value_name = "PERIOD", value_parser = ledger_flags::period)]
    period: String,
    /// Name of the person who says so [default: the login name]
    #[arg(long, value_name = "NAME", env = "TIEOUT_ACTOR", hide_env = true, value_parser = ledger_flags::said)]
    by: Option<String>,
    #[command(flatten)]
    ledger: LedgerFlags,
}

impl PeriodFlags {
    /// The flags as the pipeline takes them.
    pub(super) fn request(&self) -> Result<PeriodRequest, Failure> {
        Ok(PeriodRequest {
            out: self.ledger.out()?,
            period: self.period.clone(),
            pipeline: self.ledger.pipeline_name.clone(),
            by: actor(self.by.as_deref())?,
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
