//! `tieout explain`.

use std::io::Write;
use std::path::PathBuf;

use super::exit::Exit;
use super::failure::Failure;
use super::{Globals, arguments, pending};
use crate::model::spelling;
use crate::model::tables::{Column, ColumnType, RESOURCES, VARIANCES};

/// Show the source lines behind a figure, and the arithmetic from them to it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout explain --key customer_id=196e2273-9651-43a3-ba7e-7cbcd918fc40 --key meter_id=6dc5c039")]
pub(super) struct Args {
    /// A `break_id` of `variances`
    #[arg(value_name = "BREAK_ID", required_unless_present = "key", conflicts_with = "key")]
    break_id: Option<String>,
    /// A text column of `variances` or `resources`, and its value; several must all hold
    #[arg(long, value_name = "NAME=VALUE", value_parser = arguments::pair)]
    key: Vec<(String, String)>,
    /// Folder of the runs
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
    /// The run [default: the newest complete one]
    #[arg(long, value_name = "RUN_ID")]
    run: Option<String>,
    /// Source lines to print
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// A break, or the keys of a group.
    pub(super) target: Target,
    /// Folder of the runs.
    pub(super) out: PathBuf,
    /// The run; `None` for the newest complete one.
    pub(super) run: Option<String>,
    /// Source lines to print.
    pub(super) limit: usize,
    /// Whether the answer is JSON.
    pub(super) json: bool,
}

/// Which figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The group with this `break_id`.
    Break(String),
    /// The groups in which each named column has its value.
    Keys(Vec<(String, String)>),
}

/// Prints the explanation.
pub(super) fn run(args: &Args, globals: &Globals, out: &mut dyn Write) -> Result<Exit, Failure> {
    for (name, _) in &args.key {
        check_key(name)?;
    }
    let target = args.break_id.clone().map_or_else(|| Target::Keys(args.key.clone()), Target::Break);
    let request = Request { target, out: args.out.clone(), run: args.run.clone(), limit: args.limit, json: globals.json };
    out.write_all(pending::explain(&request)?.as_bytes())?;
    Ok(Exit::Complete)
}

fn check_key(name: &str) -> Result<(), Failure> {
    let is_key = |column: &&Column| column.column_type == ColumnType::Text;
    let known = || VARIANCES.columns.iter().chain(RESOURCES.columns).filter(is_key).map(|column| column.name);
    if known().any(|column| column == name) {
        return Ok(());
    }
    let hint = spelling::nearest(name, known())
        .map_or_else(|| "`tieout schema resources` lists them".to_owned(), |column| format!("did you mean `{column}`?"));
    let message = format!("`--key`: found `{name}`, wanted a text column of `variances` or `resources`");
    Err(Failure::usage(message, Some(hint)))
}
