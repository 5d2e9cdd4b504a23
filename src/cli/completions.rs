//! `tieout completions`.

use std::io::Write;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;
use super::exit::Exit;
use super::failure::Failure;

/// Print a shell's completion script
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout completions bash > ~/.local/share/bash-completion/completions/tieout"
)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<Exit, Failure> {
    // The generator panics where writing fails; to memory it does not.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tieout", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Complete)
}
