//! `tieout completions`: a completion script, generated from the same clap types as the help.

use std::io::Write;

use clap_complete::Shell;

use super::exit::Exit;
use super::failure::Failure;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout completions bash \
                  > ~/.local/share/bash-completion/completions/tieout")]
pub(super) struct CompletionsArgs {
    /// The shell to complete in
    shell: Shell,
}

/// Prints the script that completes the commands and flags of `program`.
pub(super) fn run(
    args: &CompletionsArgs,
    program: &mut clap::Command,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    // `generate` panics if a write fails (`tieout completions bash | head`); a write to memory
    // cannot.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, program, "tieout", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Complete)
}
