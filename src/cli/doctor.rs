//! `tieout doctor`: what a pipeline needs from its surroundings, checked one by one.

use std::io::{self, Write};
use std::path::PathBuf;

use super::arguments::{self, Globals};
use super::exit::Exit;
use super::failure::Failure;
use super::progress::ProgressDisplay;
use crate::pipeline::fetch::doctor::WorstProblem;
use crate::pipeline::plan::parse;
use crate::pipeline::run;
use crate::sources::doctor::finding::{Finding, Gravity, Loss};

const COLUMNS: usize = 80;
/// Columns of a label, by which the rest of its text is indented.
const INDENT: &str = "      ";

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

/// Writes a text behind its label, in lines of 80 columns; a word that is longer, such as a path,
/// stays whole.
fn paragraph(label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut line = label.to_owned();
    let mut columns = label.chars().count();
    let mut is_first = true;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if !is_first && columns + 1 + width > COLUMNS {
            writeln!(out, "{line}")?;
            line = INDENT.to_owned();
            columns = INDENT.len();
            is_first = true;
        }
        if !is_first {
            line.push(' ');
            columns += 1;
        }
        line.push_str(word);
        columns += width;
        is_first = false;
    }
    writeln!(out, "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_keep_to_80_columns_and_break_no_word() {
        let mut out = Vec::new();
        let path = format!("`/{}`", "x".repeat(90));
        let text = format!("{} end of it {path} and more", "wörd ".repeat(30));
        paragraph("FAIL  ", &text, &mut out).expect("a vector takes all");
        let text_out = String::from_utf8(out).expect("UTF-8");
        let lines: Vec<&str> = text_out.lines().collect();
        for line in &lines {
            assert!(line.chars().count() <= 80 || line.contains(&path), "{line}");
        }
        // 74 columns hold 14 words of four letters, and 15 with their last blank left out.
        assert_eq!(lines[0].chars().count(), 80);
        assert!(lines[0].starts_with("FAIL  wörd") && lines[1].starts_with("      wörd"));
        let words = |text: &str| text.split_whitespace().count();
        assert_eq!(words(&text_out), words(&text) + 1);
    }

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
