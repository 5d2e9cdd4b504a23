//! Table of commands: which of the global flags each one reads, and whether it acts or tells.
//!
//! A flag that does nothing is refused, since whoever gives it expects something of it. Flags from
//! the environment are not: one `TIEOUT_THREADS` is there for all commands.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::failure::Failure;

const JSON: &str = "json";
const VERBOSE: &str = "verbose";
const THREADS: &str = "threads";

/// Global flags that a command may leave unread. `--quiet` is none of them: it is kept by saying
/// nothing.
const CHECKED: [&str; 3] = [JSON, VERBOSE, THREADS];

/// Purpose of a command, which says what `--quiet` leaves of its stdout.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Something is done; what is printed is a report on it, which `--quiet` leaves out.
    Acts,
    /// Data are asked for, and printed in any case.
    Tells,
}
use Purpose::{Acts, Tells};

/// Path, global flags that are read, and purpose of a command.
type CommandRow = (&'static str, &'static [&'static str], Purpose);

/// All commands, in the order of the help.
const COMMANDS: [CommandRow; 31] = [
    ("run", &[JSON, VERBOSE, THREADS], Acts),
    ("fetch", &[JSON, VERBOSE], Acts),
    ("reconcile", &[JSON, VERBOSE, THREADS], Acts),
    ("check", &[JSON, VERBOSE], Tells),
    ("doctor", &[JSON, VERBOSE], Tells),
    ("prune", &[JSON], Acts),
    ("close", &[JSON], Acts),
    ("reopen", &[JSON], Acts),
    ("verify", &[JSON, THREADS], Acts),
    ("explain", &[JSON, VERBOSE, THREADS], Tells),
    ("status", &[JSON], Tells),
    ("runs", &[JSON], Tells),
    ("diff", &[JSON], Tells),
    ("breaks list", &[JSON], Tells),
    ("breaks show", &[JSON], Tells),
    ("breaks assign", &[JSON], Acts),
    ("breaks label", &[JSON], Acts),
    ("breaks dispute", &[JSON], Acts),
    ("breaks accept", &[JSON], Acts),
    ("breaks reopen", &[JSON], Acts),
    ("rollforward", &[JSON], Tells),
    ("restatements", &[JSON], Tells),
    ("accruals", &[JSON], Tells),
    ("report", &[JSON], Acts),
    ("export focus", &[JSON], Acts),
    ("synth", &[], Acts),
    // Its one line is the address, which a script waits for.
    ("sandbox", &[], Tells),
    ("rehearse", &[JSON, THREADS], Acts),
    ("schema", &[JSON], Tells),
    ("completions", &[], Tells),
    ("man", &[], Tells),
];

/// Command, a flag with the value at which others do nothing, and these.
type UnreadRow = (&'static str, [&'static str; 2], &'static [&'static str]);

/// Flags that do nothing beside another. Their ids are those of clap: the fields of the arguments.
const UNREAD_BESIDE: [UnreadRow; 5] = [
    // JSON has all rows, and all that is known of each.
    ("diff", [JSON, "true"], &["limit"]),
    ("check", [JSON, "true"], &[VERBOSE]),
    ("explain", [JSON, "true"], &[VERBOSE]),
    (
        "sandbox",
        ["tenant", "ordinary"],
        &[
            "data",
            "as_of",
            "faults",
            "fault_seed",
            "fault_rate",
            "latency_ms",
        ],
    ),
    (
        "sandbox",
        ["tenant", "rehearsal"],
        &[
            "today",
            "tenant_seed",
            "quirks",
            "second_ms",
            "export_ms",
            "customer_calls",
            "page_size",
            "more_customers",
            "partner",
            "requests",
        ],
    ),
];

/// The command that was given.
pub(super) struct GivenCommand {
    row: &'static CommandRow,
    /// The first flag that does nothing for it, as it is spelled, and the flag at fault if another is.
    unread: Option<(String, Option<[&'static str; 2]>)>,
}

impl GivenCommand {
    /// Finds the command in what clap parsed.
    ///
    /// # Panics
    /// If a command of the program is not in the table: a bug.
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let mut path: Vec<&str> = Vec::new();
        let mut within = matches;
        while let Some((name, of_command)) = within.subcommand() {
            path.push(name);
            within = of_command;
        }
        let path = path.join(" ");
        let row = COMMANDS
            .iter()
            .find(|(of, ..)| *of == path)
            .expect("every command is in the table");
        let of_command = CHECKED.iter().filter(|flag| !row.1.contains(flag));
        let beside = UNREAD_BESIDE
            .iter()
            .filter(|(of, [flag, value], _)| *of == path && has_value(within, flag, value))
            .flat_map(|(_, at, flags)| flags.iter().map(move |flag| (flag, Some(*at))));
        let mut unread = of_command.map(|flag| (flag, None)).chain(beside);
        let found =
            unread.find(|(flag, _)| within.value_source(flag) == Some(ValueSource::CommandLine));
        Self {
            row,
            unread: found.map(|(flag, beside)| (spelled(flag), beside)),
        }
    }

    /// True if `--quiet` leaves out what the command prints as text.
    pub(super) fn acts(&self) -> bool {
        self.row.2 == Acts
    }

    /// Fails where a flag was given that the command does not read.
    pub(super) fn ensure_read(&self) -> Result<(), Failure> {
        let (path, ..) = self.row;
        let Some((flag, beside)) = &self.unread else {
            return Ok(());
        };
        let beside = match beside {
            None => String::new(),
            Some([JSON, _]) => " --json".to_owned(),
            Some([other, value]) => format!(" --{other} {value}"),
        };
        Err(Failure::usage(
            format!("`--{flag}` does nothing for `tieout {path}{beside}`"),
            Some("leave it out".to_owned()),
        ))
    }
}

/// True if a flag has a value, given or by default.
fn has_value(matches: &ArgMatches, flag: &str, value: &str) -> bool {
    let mut values = matches.get_raw(flag).into_iter().flatten();
    values.any(|found| found == value)
}

/// A flag as it is written, from its id.
fn spelled(id: &str) -> String {
    match id {
        "quirks" => "quirk".to_owned(),
        id => id.replace('_', "-"),
    }
}

/// The program's command line with the flags that a command does not read left out of its help.
pub(super) fn with_hidden(program: Command) -> Command {
    let names: Vec<String> = program
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    names.into_iter().fold(program, |program, name| {
        let reads = |flag: &str| {
            let mut rows = COMMANDS.iter();
            rows.any(|(path, flags, _)| {
                path.split(' ').next() == Some(&name) && flags.contains(&flag)
            })
        };
        let hidden: Vec<clap::Arg> = program
            .get_arguments()
            .filter(|argument| {
                let id = argument.get_id().as_str();
                CHECKED.contains(&id) && !reads(id)
            })
            // A command's own argument stands in for the global one of the same id.
            .map(|argument| argument.clone().hide(true))
            .collect();
        program.mut_subcommand(name.clone(), |command| command.args(hidden))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Paths of all commands below one.
    fn paths(command: &Command, before: &str) -> Vec<String> {
        let mut found = Vec::new();
        for command in command.get_subcommands() {
            let path = format!("{before}{}", command.get_name());
            match command.has_subcommands() {
                true => found.extend(paths(command, &format!("{path} "))),
                false => found.push(path),
            }
        }
        found
    }

    #[test]
    fn the_table_has_every_command_once() {
        let listed: Vec<&str> = COMMANDS.iter().map(|(path, ..)| *path).collect();
        assert_eq!(paths(&super::super::Cli::command(), ""), listed);
    }
}
