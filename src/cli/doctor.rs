//! `tieout doctor`.

use std::io::Write;
use std::path::PathBuf;

use super::Globals;
use super::exit::Exit;
use super::failure::Failure;
use super::progress::Progress;
use crate::pipeline::fetch::doctor::Worst;
use crate::pipeline::plan::parse;
use crate::pipeline::run;

/// Check what a pipeline needs: folders, locks, each credential and its permissions, the clock
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout doctor pipelines/nightly.toml")]
pub(super) struct Args {
    /// The pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pipeline: PathBuf,
    /// Override a key of the file, as `run` does
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Prints a line for each thing that was checked.
pub(super) fn run(args: &Args, globals: &Globals, out: &mut dyn Write) -> Result<Exit, Failure> {
    let plan = parse::read(&args.pipeline, &args.set)?;
    let (watch, progress) = Progress::start(globals);
    let examined = run::doctor(&plan, &watch);
    drop(watch);
    progress.end();
    let (findings, worst) = examined?;
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &findings)?;
        writeln!(out)?;
    } else {
        for finding in &findings {
            writeln!(
                out,
                "{:<5} {}: {}",
                if finding.is_good { "good" } else { "BAD" },
                finding.what,
                finding.found
            )?;
            if let Some(hint) = &finding.hint {
                writeln!(out, "      hint: {hint}")?;
            }
        }
    }
    Ok(match worst {
        Worst::Nothing => Exit::Complete,
        Worst::Credential => Exit::Authentication,
        Worst::Lock => Exit::Locked,
        Worst::Storage => Exit::Storage,
    })
}
