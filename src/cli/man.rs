//! `tieout man`: manual pages, generated from the same clap types as the help.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;

use super::environment;
use super::exit::Exit;
use super::failure::Failure;
use crate::pipeline::failure::RunError;
use crate::reports::atomic::replace_file;

/// Print the manual page of tieout, or write one for each command
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout man | man -l -\n  tieout man --out /usr/local/share/man/man1"
)]
pub(super) struct ManArgs {
    /// Folder for the pages of tieout and of all its commands
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the page of `program`, or writes those of all its commands.
pub(super) fn run(args: &ManArgs, program: Command, out: &mut dyn Write) -> Result<Exit, Failure> {
    // Pages, unlike the help, name the variable of each flag where the flag stands.
    let mut program = environment::with_names(program).disable_help_subcommand(true);
    program.build();
    let Some(folder) = &args.out else {
        out.write_all(&page(&program)?)?;
        return Ok(Exit::Complete);
    };
    let mut pages = Vec::new();
    collect(&program, &mut pages);
    for command in pages {
        let page = page(command)?;
        let path = folder.join(format!("{}.1", name(command)));
        replace_file(&path, |file| file.write_all(&page)).map_err(RunError::from)?;
    }
    Ok(Exit::Complete)
}

/// A command, and all that it is divided into, in the order of the help.
fn collect<'c>(command: &'c Command, pages: &mut Vec<&'c Command>) {
    pages.push(command);
    for part in command.get_subcommands() {
        collect(part, pages);
    }
}

/// Name of a command's page, such as `tieout-breaks-list`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

/// Text of a command's page, in roff.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone())
        .title(name(command).to_uppercase())
        .manual("tieout")
        .render(&mut page)?;
    Ok(page)
}
