//! The command line: one file and one function for each command. Data goes to stdout, everything
//! else to stderr; nothing else of the crate writes to either.

mod allocator;
mod arguments;
mod check;
mod completions;
mod doctor;
pub mod exit;
mod explain;
mod explanation;
mod failure;
mod fetch;
mod phase_bar;
mod profile;
mod progress;
mod reconcile;
mod run;
mod sandbox;
mod schema;
mod summary;
mod synth;

use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::exit::Exit;
use self::failure::Failure;
use crate::pipeline::{Options, is_shielded};

/// Ties cloud usage out to the invoice: exact variances between Microsoft CSP usage and
/// reconciliation lines, and why.
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

Exit codes:
  0 complete                              20 authentication or permission
  1 unexpected error (a bug)              21 remote unavailable: try later
  2 usage or configuration                22 local storage
  10 complete, with --fail-on-breaks      23 another run holds the lock
     and breaks found                     24 integrity or security refusal
  11 a source is incomplete               130, 143 interrupted, terminated";

/// Flags of every command.
#[derive(Debug, Args)]
struct Globals {
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Print no progress and no notes; errors are printed all the same
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print details
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Threads to use [default: all cores]
    #[arg(long, global = true, value_name = "N", env = "TIEOUT_THREADS")]
    threads: Option<NonZeroUsize>,
}

impl Globals {
    fn options(&self, outcome: &arguments::Outcome) -> Options {
        Options {
            threads: self.threads.map(NonZeroUsize::get),
            allow_rejects: outcome.allow_rejects,
            fail_on_breaks: outcome.fail_on_breaks,
            no_cache: outcome.no_cache,
            memory: outcome.memory,
            asked: outcome.fetching.asked(),
            quiet: self.quiet,
            json: self.json,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Fetch(fetch::Args),
    Reconcile(reconcile::Args),
    Check(check::Args),
    Doctor(doctor::Args),
    Explain(explain::Args),
    Synth(synth::Args),
    Sandbox(sandbox::Args),
    Schema(schema::Args),
    Completions(completions::Args),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return tell_usage(&error),
    };
    let tell = take_hook();
    set_hook(Box::new(move |panic| {
        if !is_shielded() {
            tell(panic);
        }
    }));
    // A panic is a bug, and has its own exit code; its message is on stderr already.
    catch_unwind(AssertUnwindSafe(|| run(&cli)))
        .unwrap_or(Exit::Unexpected)
        .into()
}

fn run(cli: &Cli) -> Exit {
    let mut out = BufWriter::new(io::stdout().lock());
    let result = dispatch(cli, &mut out).and_then(|exit| Ok(out.flush().map(|()| exit)?));
    result.unwrap_or_else(|failure| {
        // What was printed before the failure stands. Where stdout or stderr is gone, nobody can be
        // told, and the exit code says it all.
        match (out.flush(), failure.write(&mut io::stderr().lock())) {
            (Ok(()) | Err(_), Ok(()) | Err(_)) => failure.exit(),
        }
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
        Command::Explain(args) => explain::run(args, globals, out),
        Command::Synth(args) => synth::run(args, globals),
        Command::Sandbox(args) => sandbox::run(args, globals, out),
        Command::Schema(args) => schema::run(args, globals, out),
        Command::Completions(args) => completions::run(args, out),
    }
}

/// Help and version go to stdout and are no failure; anything else goes to stderr.
fn tell_usage(error: &clap::Error) -> ExitCode {
    let is_usage = error.use_stderr();
    match error.print() {
        Ok(()) | Err(_) if is_usage => Exit::Usage.into(),
        Ok(()) | Err(_) => Exit::Complete.into(),
    }
}
