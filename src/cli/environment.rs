//! Environment variables of the flags: each flag `--as-of` can also be given as `TIEOUT_AS_OF`.
//!
//! The names come from the clap types, so that a new flag has its variable at once. What stands on the
//! command line wins: over the variable of the same flag, and over those of flags that it excludes.

use std::ffi::OsString;

use clap::builder::{BoolishValueParser, Resettable};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

/// Flags without a variable, both of the sandbox: `TIEOUT_TODAY` stands in for the clock of every
/// command, and pipelines name the partner by `TIEOUT_TENANT`.
const WITHOUT_VARIABLE: [&str; 2] = ["today", "tenant"];
/// Texts that a variable of a flag without a value may have to switch it off.
const FALSE: [&str; 6] = ["0", "false", "f", "no", "n", "off"];

/// A variable that a command was given, and its flag, such as `--as-of`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    variable: String,
    flag: String,
}

/// A command line that is wrong, with the variables to which it may be due.
#[derive(Debug)]
pub(super) struct WrongUsage {
    /// Clap's own account of it.
    pub(super) error: clap::Error,
    /// Names of the variables at fault, or that may be.
    pub(super) variables: Vec<String>,
}

/// Parses a command line, and takes from the environment what it does not say.
///
/// # Errors
/// [`WrongUsage`]; also for `--help` and `--version`, as clap has it.
pub(super) fn parse(
    command: &Command,
    arguments: impl Fn() -> Vec<OsString>,
) -> Result<ArgMatches, Box<WrongUsage>> {
    // Which flags the command line has must be known before the variables of others are looked at.
    let said = command
        .clone()
        .ignore_errors(true)
        .try_get_matches_from(arguments())
        .unwrap_or_default();
    let mut given = Vec::new();
    let with_variables = with_given(command.clone(), &said, &mut given);
    let parsed = with_variables.try_get_matches_from(arguments());
    parsed.map_err(|error| {
        let variables = at_fault(&error, &given);
        Box::new(WrongUsage { error, variables })
    })
}

/// A command in which every flag has the name of its variable, for pages that list them.
pub(super) fn with_names(command: Command) -> Command {
    command
        .mut_args(|flag| match variable_of(&flag) {
            Some(variable) => flag.env(variable).hide_env(false),
            None => flag,
        })
        .mut_subcommands(with_names)
}

/// Name of a flag's variable; `None` for an argument that is no flag, or has none.
fn variable_of(argument: &Arg) -> Option<String> {
    let long = argument
        .get_long()
        .filter(|long| !WITHOUT_VARIABLE.contains(long))?;
    Some(match argument.get_env() {
        // A name that the flag gives itself.
        Some(own) => own.to_string_lossy().into_owned(),
        None => format!("TIEOUT_{}", long.to_uppercase().replace('-', "_")),
    })
}

/// The command that was `said`, its flags tied to the variables that are set for them.
fn with_given(command: Command, said: &ArgMatches, given: &mut Vec<Given>) -> Command {
    let silenced = excluded(&command, said);
    let command = command.mut_args(|flag| {
        let Some(variable) = variable_of(&flag) else {
            return flag;
        };
        let shown = format!("--{}", flag.get_long().unwrap_or_default());
        let is_switch = matches!(flag.get_action(), ArgAction::SetTrue);
        // Named again even if it is silenced: a name of the flag's own would be looked up by clap.
        let is_silent =
            silenced.iter().any(|id| flag.get_id() == id.as_str()) || !is_set(&variable, is_switch);
        if is_silent {
            return flag.env(Resettable::Reset);
        }
        let flag = flag.env(&variable).hide_env(true);
        given.push(Given {
            variable,
            flag: shown,
        });
        match is_switch {
            true => flag.value_parser(BoolishValueParser::new()),
            false => flag,
        }
    });
    match said.subcommand() {
        Some((name, inner)) if command.find_subcommand(name).is_some() => {
            command.mut_subcommand(name, |inside| with_given(inside, inner, given))
        }
        _ => command,
    }
}

/// True if a variable is set to something; for a switch, to anything but `false`.
fn is_set(variable: &str, is_switch: bool) -> bool {
    std::env::var_os(variable).is_some_and(|value| {
        let text = value.to_string_lossy().to_lowercase();
        let is_off = is_switch && FALSE.contains(&text.as_str());
        !is_off && !text.is_empty()
    })
}

/// Ids of arguments that the command line gives, or that cannot stand beside one that it gives.
fn excluded(command: &Command, said: &ArgMatches) -> Vec<String> {
    let is_said = |id: &str| {
        said.ids().any(|known| known.as_str() == id)
            && said.value_source(id) == Some(ValueSource::CommandLine)
    };
    let mut excluded = Vec::new();
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let conflicts = command.get_arg_conflicts_with(argument);
        if is_said(id) {
            excluded.push(id.to_owned());
            excluded.extend(conflicts.iter().map(|other| other.get_id().to_string()));
        } else if conflicts
            .iter()
            .any(|other| is_said(other.get_id().as_str()))
        {
            excluded.push(id.to_owned());
        }
    }
    excluded
}

/// Names of the variables that an error is about.
fn at_fault(error: &clap::Error, given: &[Given]) -> Vec<String> {
    let named: Vec<&str> = [ContextKind::InvalidArg, ContextKind::PriorArg]
        .into_iter()
        .filter_map(|kind| error.get(kind))
        .flat_map(|value| match value {
            ContextValue::String(text) => vec![text.as_str()],
            ContextValue::Strings(texts) => texts.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        })
        // Clap shows a flag with its value: `--threads <N>`, `--fail-on-breaks[=<WHICH>]`.
        .filter_map(|shown| shown.split([' ', '[', '=']).next())
        .collect();
    // Where something is missing, the one that asks for it is not named.
    let is_missing = error.kind() == ErrorKind::MissingRequiredArgument;
    let variables = given
        .iter()
        .filter(|given| is_missing || named.contains(&given.flag.as_str()));
    let mut names: Vec<String> = variables.map(|given| given.variable.clone()).collect();
    // A global flag stands in the program and in its command.
    names.sort_unstable();
    names.dedup();
    names
}
