//! `tieout breaks`: breaks over all the runs that had them, and what people say of them.

use std::io::Write;

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::Failure;
use super::{break_list, break_words};

/// List breaks over all runs, show the history of one, and say what is to be done about it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout breaks list --open --over 100\n  \
                  tieout breaks assign B0123456789abcdef --to anna")]
pub(super) struct BreaksArgs {
    #[command(subcommand)]
    command: BreaksCommand,
}

#[derive(Debug, clap::Subcommand)]
enum BreaksCommand {
    List(break_list::ListArgs),
    Show(break_list::ShowArgs),
    Assign(break_words::AssignArgs),
    Label(break_words::LabelArgs),
    Dispute(break_words::DisputeArgs),
    Accept(break_words::AcceptArgs),
    Reopen(break_words::ReopenArgs),
}

/// Runs one of the commands.
pub(super) fn run(
    args: &BreaksArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    match &args.command {
        BreaksCommand::List(args) => break_list::list(args, globals, out),
        BreaksCommand::Show(args) => break_list::show(args, globals, out),
        BreaksCommand::Assign(args) => break_words::assign(args, globals, out),
        BreaksCommand::Label(args) => break_words::label(args, globals, out),
        BreaksCommand::Dispute(args) => break_words::dispute(args, globals, out),
        BreaksCommand::Accept(args) => break_words::accept(args, globals, out),
        BreaksCommand::Reopen(args) => break_words::reopen(args, globals, out),
    }
}
