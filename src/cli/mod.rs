//! The command line: one file and one function for each command.
//!
//! Data goes to stdout; progress, warnings and errors go to stderr. No other module of the crate
//! writes to either: `print_stdout` and `print_stderr` are denied lints, and commands write to the
//! writer that they are given. All texts of `--help` are the doc comments of the clap types.

mod accruals;
mod address_space;
mod allocator;
mod arguments;
mod break_list;
mod break_words;
mod breaks;
mod check;
mod close;
mod completions;
mod counted;
mod csv_flags;
mod diff;
mod doctor;
mod environment;
mod exit;
mod explain;
mod explanation;
mod export;
mod failure;
mod fetch;
mod flags_in_use;
mod invoice_blocks;
mod ledger_flags;
mod ledger_text;
mod man;
mod ordinary_tenant;
mod phase_bar;
mod profile;
mod progress;
mod prune;
mod reconcile;
mod rehearse;
mod reopen;
mod report;
mod restatements;
mod rollforward;
mod run;
mod runs;
mod sandbox;
mod schema;
mod shown;
mod status;
mod stderr;
mod summary;
mod synth;
mod ticket;
mod verify;
mod wording;

use std::io::{self, BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use serde_json::Map;

use self::arguments::Globals;
use self::counted::Counted;
use self::environment::WrongUsage;
use self::exit::Exit;
use self::failure::Failure;
use self::flags_in_use::GivenCommand;
use self::shown::Shown;
use self::stderr::{Level, LogFormat};
use crate::pipeline::failure::RunError;
use crate::pipeline::machine::{self, STACK_BYTES};
use crate::pipeline::{is_guarded, signals};

/// Ties Microsoft CSP cloud usage out to the invoice: finds every variance between usage and
/// invoice lines, exact to the last digit, and its causes.
#[derive(Debug, Parser)]
#[command(name = "tieout", version, arg_required_else_help = true, after_help = EXAMPLE)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    globals: Globals,
}

const EXAMPLE: &str = "\
Example:
  tieout check pipelines/sample.toml && tieout run pipelines/sample.toml --period 2026-10

Every flag can also be an environment variable, such as TIEOUT_AS_OF for --as-of;
the command line wins.

Exit codes:
  0   complete
  1   unexpected error (a bug in tieout)
  2   wrong command line, configuration or kind of input file
  10  complete, but breaks were found (only with --fail-on-breaks)
  11  incomplete: rows were rejected, a source is cut or not final, or
      nothing was compared
  12  not due yet: no invoice of the period is out
  20  a credential or permission is missing
  21  remote unavailable; try again later
  22  local storage error, or too few descriptors, threads or memory
  23  another run holds the lock
  24  refused for integrity or security
  130 interrupted; nothing was published
  143 terminated; nothing was published";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Fetch(fetch::FetchArgs),
    Reconcile(reconcile::ReconcileArgs),
    Check(check::CheckArgs),
    Doctor(doctor::DoctorArgs),
    Prune(prune::PruneArgs),
    Close(close::CloseArgs),
    Reopen(reopen::ReopenPeriodArgs),
    Verify(verify::VerifyArgs),
    Explain(explain::ExplainArgs),
    Status(status::StatusArgs),
    Runs(runs::RunsArgs),
    Diff(diff::DiffArgs),
    Breaks(breaks::BreaksArgs),
    Rollforward(rollforward::RollforwardArgs),
    Restatements(restatements::RestatementsArgs),
    Accruals(accruals::AccrualsArgs),
    Report(report::ReportArgs),
    Export(export::ExportArgs),
    Synth(synth::SynthArgs),
    Sandbox(sandbox::SandboxArgs),
    Rehearse(rehearse::RehearseArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    // On a thread of our own: the stack of the first one is what the shell's `ulimit -s` leaves.
    let work = std::thread::Builder::new()
        .name("main".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(work)
        .map_err(|source| tell(&RunError::Threads { threads: 1, source }.into()));
    work.map_or_else(
        |exit| exit,
        |thread| thread.join().unwrap_or(Exit::Unexpected),
    )
    .into()
}

fn work() -> Exit {
    stderr::set(asked_log());
    // Before the first write, which may be that of `--help` to a file.
    if let Err(error) = prepare() {
        return tell(&error.into());
    }
    // Not `parse`, which would end the process itself and with codes of its own.
    let (cli, given) = match parse() {
        Ok(parsed) => parsed,
        Err(wrong) => return print_usage(&wrong),
    };
    stderr::set(cli.globals.log);
    // Decoders turn panics of the Parquet library into errors; those are not for the user's eyes.
    let print_panic = take_hook();
    set_hook(Box::new(move |panic| match is_guarded() {
        true => {}
        false if stderr::is_json() => {
            drop(stderr::event(Level::Error, &panic.to_string(), &Map::new()));
        }
        false => print_panic(panic),
    }));
    // A panic is a bug and has its own exit code; the hook has printed its message.
    // Nothing is used after it: the process ends with what is returned here.
    catch_unwind(AssertUnwindSafe(|| run(&cli, &given))).unwrap_or(Exit::Unexpected)
}

/// The command line, as it is parsed, helped with and completed.
fn command_line() -> clap::Command {
    flags_in_use::with_hidden(Cli::command())
}

/// Form of the log that the command line or the environment asks for, before either is known to be
/// right: what is wrong with them is told in it.
fn asked_log() -> LogFormat {
    let arguments: Vec<_> = std::env::args_os().collect();
    let is_json = arguments.iter().any(|argument| argument == "--log=json")
        || arguments
            .windows(2)
            .any(|pair| pair[0] == "--log" && pair[1] == "json")
        || std::env::var_os("TIEOUT_LOG").is_some_and(|format| format == "json");
    match is_json {
        true => LogFormat::Json,
        false => LogFormat::Text,
    }
}

/// Parses the command line and the environment.
fn parse() -> Result<(Cli, GivenCommand), Box<WrongUsage>> {
    let mut command = command_line();
    let matches = environment::parse(&command, || std::env::args_os().collect())?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| {
        Box::new(WrongUsage {
            error: error.format(&mut command),
            variables: Vec::new(),
        })
    })?;
    Ok((cli, GivenCommand::of(&matches)))
}

/// Looks for what every command needs of the machine.
fn prepare() -> Result<(), RunError> {
    machine::ensure_files(machine::FEWEST_FILES)?;
    Ok(signals::survive_file_limit()?)
}

/// Prints a failure to stderr; where that is closed, the exit code alone has to say it.
fn tell(failure: &Failure) -> Exit {
    drop(match stderr::is_json() {
        true => failure.log(),
        false => failure.write(&mut Shown::new(io::stderr().lock(), true)),
    });
    failure.exit()
}

fn run(cli: &Cli, given: &GivenCommand) -> Exit {
    let mut out = Counted::new(BufWriter::new(io::stdout().lock()));
    let is_silent = cli.globals.quiet && !cli.globals.json && given.acts();
    // Flushed by hand: a `BufWriter` that is dropped swallows its errors, and a full disk would
    // pass for success.
    let result = given
        .ensure_read()
        .and_then(|()| match is_silent {
            true => dispatch(cli, &mut io::sink()),
            false => dispatch(cli, &mut Shown::new(&mut out, !cli.globals.json)),
        })
        .and_then(|exit| failure::exit_of_printed(exit, out.flush().map_err(Failure::Output)));
    result.unwrap_or_else(|failure| {
        // Data printed before the failure stay printed. Whoever reads JSON gets one object in any case.
        if cli.globals.json && out.is_untouched() {
            drop(failure.write_json(None, &mut out));
        }
        drop(out.flush());
        tell(&failure)
    })
}

fn dispatch(cli: &Cli, out: &mut dyn Write) -> Result<Exit, Failure> {
    let globals = &cli.globals;
    match &cli.command {
        Command::Run(args) => run::run(args, globals, out),
        Command::Fetch(args) => fetch::run(args, globals, out),
        Command::Reconcile(args) => reconcile::run(args, globals, out),
        Command::Check(args) => check::run(args, globals, out),
        Command::Doctor(args) => doctor::run(args, globals, out),
        Command::Prune(args) => prune::run(args, globals, out),
        Command::Close(args) => close::run(args, globals, out),
        Command::Reopen(args) => reopen::run(args, globals, out),
        Command::Verify(args) => verify::run(args, globals, out),
        Command::Explain(args) => explain::run(args, globals, out),
        Command::Status(args) => status::run(args, globals, out),
        Command::Runs(args) => runs::run(args, globals, out),
        Command::Diff(args) => diff::run(args, globals, out),
        Command::Breaks(args) => breaks::run(args, globals, out),
        Command::Rollforward(args) => rollforward::run(args, globals, out),
        Command::Restatements(args) => restatements::run(args, globals, out),
        Command::Accruals(args) => accruals::run(args, globals, out),
        Command::Report(args) => report::run(args, globals, out),
        Command::Export(args) => export::run(args, globals, out),
        Command::Synth(args) => synth::run(args, globals),
        Command::Sandbox(args) => sandbox::run(args, globals, out),
        Command::Rehearse(args) => rehearse::run(args, globals, out),
        Command::Schema(args) => schema::run(args, globals, out),
        Command::Completions(args) => completions::run(args, &mut command_line(), out),
        Command::Man(args) => man::run(args, command_line(), out),
    }
}

/// Prints clap's answer: help and version to stdout, which is no failure; mistakes to stderr, and to
/// whoever reads JSON.
fn print_usage(wrong: &WrongUsage) -> Exit {
    let WrongUsage { error, variables } = wrong;
    if !error.use_stderr() {
        drop(error.print());
        return Exit::Complete;
    }
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
    let from = match variables.as_slice() {
        [] => None,
        names => Some(format!(
            "see the environment variable `{}`",
            names.join("`, `")
        )),
    };
    let failure = Failure::usage(text.to_owned(), from.clone());
    let is_json = std::env::args_os().any(|argument| argument == "--json")
        || std::env::var_os("TIEOUT_JSON").is_some_and(|value| !value.is_empty());
    if is_json {
        drop(failure.write_json(None, &mut io::stdout().lock()));
    }
    if stderr::is_json() {
        return tell(&failure);
    }
    drop(error.print());
    if let Some(from) = from {
        drop(writeln!(io::stderr().lock(), "hint: {from}"));
    }
    Exit::Usage
}
