//! `tieout doctor`: what a pipeline needs from its surroundings, checked one by one.

use std::io::Write;
use std::path::PathBuf;

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::Failure;
use super::progress::ProgressDisplay;
use crate::pipeline::fetch::doctor::WorstProblem;
use crate::pipeline::plan::parse;
use crate::pipeline::run;

/// Check what a pipeline needs: folders, locks, the clock, each credential and its permissions
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout doctor pipelines/nightly.toml")]
pub(super) struct DoctorArgs {
    /// Path of the pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pipeline: PathBuf,
    /// Override a key of the file, as for `tieout run`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Prints a line for each thing that was checked; the exit code tells the worst of them.
pub(super) fn run(
    args: &DoctorArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let plan = parse::read(&args.pipeline, &args.set)?;
    let (progress, display) = ProgressDisplay::start(globals)?;
    let examined = run::doctor(&plan, &progress);
    // The display ends with the last progress, and before the findings are printed.
    drop(progress);
    display.end();
    let (findings, worst) = examined?;
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &findings)?;
        writeln!(out)?;
    } else {
        for finding in &findings {
            writeln!(
                out,
                "{:<5} {}: {}",
                if finding.is_good { "ok" } else { "FAIL" },
                finding.what,
                finding.found
            )?;
            if let Some(hint) = &finding.hint {
                writeln!(out, "      hint: {hint}")?;
            }
        }
    }
    Ok(match worst {
        WorstProblem::Nothing => Exit::Complete,
        WorstProblem::Credential => Exit::Authentication,
        WorstProblem::Lock => Exit::Locked,
        WorstProblem::Storage => Exit::Storage,
        WorstProblem::Integrity => Exit::Integrity,
    })
}
