//! `tieout doctor`: what a pipeline needs from its surroundings, checked one by one.

use std::io::{self, Write};
use std::path::PathBuf;

use super::arguments::{self, Globals};
use super::exit::Exit;
use super::failure::Failure;
use super::progress::ProgressDisplay;
use super::wording::{INDENT, paragraph};
use crate::pipeline::fetch::doctor::WorstProblem;
use crate::pipeline::plan::parse;
use crate::pipeline::run;
use crate::sources::doctor::finding::{Finding, Gravity, Loss};

/// Check what a pipeline needs: folders, locks, space, the clock, each credential and its
/// permissions, and name what is lost without them
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

/// Prints what was found on each thing that was checked; the exit code tells the worst of it.
pub(super) fn run(
    args: &DoctorArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let rehearsed = arguments::rehearsed_today()?;
    let plan = parse::read(&args.pipeline, &args.set)?;
    let (progress, display) = ProgressDisplay::start(globals)?;
    let examined = run::doctor(&plan, &progress);
    // The display ends with the last progress, and before the findings are printed.
    drop(progress);
    display.end();
    let (mut findings, worst) = examined?;
    // Left behind in a crontab, it would fetch the same day for ever.
    findings.extend(rehearsed.map(|today| {
        let found = format!("{today}, by `TIEOUT_TODAY`, and not by the clock");
        Finding::warning("Today", found, "unset it outside of rehearsals")
    }));
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &findings)?;
        writeln!(out)?;
    } else {
        for finding in &findings {
            write(finding, out)?;
        }
    }
    Ok(match worst {
        WorstProblem::Nothing => Exit::Complete,
        WorstProblem::Service => Exit::Remote,
        WorstProblem::Credential => Exit::Authentication,
        WorstProblem::Lock => Exit::Locked,
        WorstProblem::Storage => Exit::Storage,
        WorstProblem::Integrity => Exit::Integrity,
    })
}

/// Writes a finding, what it costs, and the hint, each as a paragraph.
fn write(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let label = match finding.gravity {
        Gravity::Good => "ok",
        Gravity::Warning => "warn",
        Gravity::Bad => "FAIL",
    };
    let text = format!("{}: {}", finding.what, finding.found);
    paragraph(&format!("{label:<5} "), &text, out)?;
    if let Some(loss) = &finding.costs {
        paragraph(INDENT, &costs(loss), out)?;
    }
    match &finding.hint {
        Some(hint) => paragraph(INDENT, &format!("hint: {hint}"), out),
        None => Ok(()),
    }
}

/// What a permission costs, in words.
fn costs(loss: &Loss) -> String {
    let names = |names: &[&str], none: &str| match names {
        [] => none.to_owned(),
        names => names.join(", "),
    };
    if loss.is_nothing() {
        return "costs: nothing; this pipeline does not need it".to_owned();
    }
    format!(
        "costs: tie-outs: {}; data: {}",
        names(&loss.tie_outs, "none"),
        names(&loss.datasets, "none")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_named() {
        let mut loss = Loss::default();
        assert!(costs(&loss).contains("nothing"));
        loss.datasets = vec!["customers", "invoices"];
        assert_eq!(
            costs(&loss),
            "costs: tie-outs: none; data: customers, invoices"
        );
    }
}
