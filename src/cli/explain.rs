//! `tieout explain`: from a published figure back to its source lines.

use std::io::Write;
use std::path::PathBuf;

use super::arguments::{self, Globals};
use super::exit::Exit;
use super::failure::Failure;
use super::{explanation, ticket};
use crate::engine::rules::keys::Part;
use crate::model::spelling;
use crate::pipeline::explain::{self, Request, Target};
use crate::pipeline::options::Options;
use crate::pipeline::threads;

/// Show the source lines behind a figure, and the arithmetic that leads to it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout explain \
                  --key customer_id=196e2273-9651-43a3-ba7e-7cbcd918fc40 --key meter_id=6dc5c039")]
pub(super) struct ExplainArgs {
    /// A `break_id` of the table `variances`; without its number (`.2`), the first of its groups
    #[arg(
        value_name = "BREAK_ID",
        required_unless_present = "key",
        conflicts_with = "key"
    )]
    break_id: Option<String>,
    /// A key column of `variances` or `resources` and its value; repeat the flag to narrow the
    /// figure down
    #[arg(long, value_name = "NAME=VALUE", value_parser = arguments::pair)]
    key: Vec<(String, String)>,
    /// Output folder of the runs
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
    /// Run to explain [default: the newest complete one]
    #[arg(long, value_name = "RUN_ID")]
    run: Option<String>,
    /// Source lines to print for each side
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Format to print; `--json` is the same as `--format json` [default: text]
    #[arg(long, value_enum)]
    format: Option<AnswerFormat>,
    /// Folder for the source lines of both sides, all of them, as CSV with file, hash and line number
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
}

/// Format of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum AnswerFormat {
    /// Text for a terminal
    Text,
    /// Markdown for a ticket
    Markdown,
    /// JSON for a program
    Json,
}

/// Prints the explanation, as text or as JSON.
pub(super) fn run(
    args: &ExplainArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    // Before the run is opened: a misspelt column is a mistake of the command line, and must not
    // look like a figure that is not there.
    for (name, _) in &args.key {
        check_key(name)?;
    }
    let target = args
        .break_id
        .clone()
        .map_or_else(|| Target::Keys(args.key.clone()), Target::Break);
    let request = Request {
        target,
        out: args.out.clone(),
        run: args.run.clone(),
        limit: args.limit,
    };
    let options = Options {
        threads: globals.threads(),
        ..Options::default()
    };
    let format = format_of(args, globals)?;
    let explanation = threads::with_threads(&options, || match &args.evidence {
        Some(folder) => explain::explain_with_evidence(&request, folder),
        None => explain::explain(&request),
    })?;
    match format {
        AnswerFormat::Text => explanation::write(&explanation, globals.verbose, out)?,
        AnswerFormat::Markdown => ticket::write(&explanation, out)?,
        AnswerFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &explanation)?;
            writeln!(out)?;
        }
    }
    Ok(Exit::Complete)
}

/// The format that is asked for.
fn format_of(args: &ExplainArgs, globals: &Globals) -> Result<AnswerFormat, Failure> {
    let refused = |found: &str| Err(Failure::usage(found.to_owned(), None));
    match (args.format, globals.json) {
        (None, true) => Ok(AnswerFormat::Json),
        (Some(AnswerFormat::Text | AnswerFormat::Markdown), true) => {
            refused("`--json`: found another `--format` beside it, wanted one of the two")
        }
        // Text alone is long enough to be cut.
        (Some(AnswerFormat::Markdown | AnswerFormat::Json), false) if globals.verbose => {
            refused("`--verbose` does nothing for another `--format` than `text`")
        }
        (format, _) => Ok(format.unwrap_or(AnswerFormat::Text)),
    }
}

/// Fails if no figure can be asked for by the column `name`.
fn check_key(name: &str) -> Result<(), Failure> {
    let known = || Part::pickable().map(|part| part.row().published);
    if known().any(|key| key == name) {
        return Ok(());
    }
    let all: Vec<String> = known().map(|key| format!("`{key}`")).collect();
    let hint = spelling::nearest(name, known()).map(|key| format!("did you mean `{key}`?"));
    Err(Failure::usage(
        format!("`--key`: found `{name}`, wanted one of {}", all.join(", ")),
        hint,
    ))
}
