//! Failures of commands: how each is printed (`error:`, a `caused by:` for each cause, `hint:`
//! last) and the exit code it has. Every error of a run or a fetch gets its exit code here, in
//! matches without a wildcard: a new kind of error does not compile until it has a code.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::exit::Exit;
use super::stderr::{self, Level};
use crate::ledger::failure::LedgerError;
use crate::pipeline::failure::RunError;
use crate::pipeline::fetch::report::FetchReport;
use crate::pipeline::plan::mistake::Mistake;
use crate::reports::failure::PublishError;
use crate::sources::failure::{FetchError, Lack};
use crate::sources::files::FileError;

/// The reason why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// All mistakes in a pipeline file and its `--set` flags.
    Mistakes(Vec<Mistake>),
    /// An error of a layer below, or of the command line itself.
    Error {
        exit: Exit,
        error: Box<dyn Error + Send + Sync>,
        hint: Option<String>,
    },
    /// Stdout or stderr could not be written to.
    Output(io::Error),
}

/// A failure, for `--json`.
#[derive(Serialize)]
struct ToldFailure<'f> {
    published: bool,
    exit_code: u8,
    error: String,
    hint: Option<String>,
    /// Report of the fetch before it, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    fetched: Option<&'f FetchReport>,
}

/// A summary that could not be printed, of a run that is published.
#[derive(Debug, thiserror::Error)]
#[error("Cannot print the summary of the run, which is published in `{}`", .run.display())]
struct Unprinted {
    run: PathBuf,
    #[source]
    source: io::Error,
}

impl Failure {
    /// The failure of this machine, or of security, that ended the fetch of what only informs;
    /// `None` if there was none. The run in `published` stands.
    pub(super) fn of_informational(report: &FetchReport, published: Option<&Path>) -> Option<Self> {
        let exit = Exit::of_outcome(report.failure_code?);
        let failure = report.failure.as_ref()?;
        let error = match published {
            Some(run) => format!(
                "The run is published in `{}`; but then: {failure}",
                run.display()
            ),
            None => failure.clone(),
        };
        Some(Self::Error {
            exit,
            error: error.into(),
            hint: None,
        })
    }

    /// The failure to print about a run that is published all the same.
    pub(super) fn after_publish(self, run: &Path) -> Self {
        match self {
            Self::Output(source) if source.kind() != io::ErrorKind::BrokenPipe => Self::Error {
                exit: Exit::Storage,
                error: Box::new(Unprinted {
                    run: run.to_owned(),
                    source,
                }),
                hint: None,
            },
            other => other,
        }
    }

    /// An error of the command line itself.
    pub(super) fn usage(message: String, hint: Option<String>) -> Self {
        Self::Error {
            exit: Exit::Usage,
            error: message.into(),
            hint,
        }
    }

    /// The exit code. A reader that leaves early (`| head`) is not a failure.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Mistakes(_) => Exit::Usage,
            Self::Error { exit, .. } => *exit,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Complete,
            Self::Output(_) => Exit::Storage,
        }
    }

    /// Prints the failure as one object, with the report of the fetch before it.
    pub(super) fn write_json(
        &self,
        fetched: Option<&FetchReport>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let Some((error, hint)) = self.words() else {
            return Ok(());
        };
        let told = ToldFailure {
            published: self.is_published(),
            exit_code: self.exit() as u8,
            error,
            hint,
            fetched,
        };
        serde_json::to_writer_pretty(&mut *out, &told)?;
        writeln!(out)
    }

    /// The failure with its causes in one text, and its hint; `None` where there is nobody to read it.
    pub(super) fn words(&self) -> Option<(String, Option<String>)> {
        match self {
            Self::Mistakes(mistakes) => {
                let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                Some((lines.join("\n"), None))
            }
            Self::Error { error, hint, .. } => {
                let mut text = error.to_string();
                let mut cause = error.source();
                while let Some(error) = cause {
                    text += &format!(": {error}");
                    cause = error.source();
                }
                Some((text, hint.clone()))
            }
            Self::Output(_) => None,
        }
    }

    /// True of a failure that came when the run was published, or the word was said.
    pub(super) fn is_published(&self) -> bool {
        let Self::Error { error, .. } = self else {
            return false;
        };
        matches!(
            error.downcast_ref::<RunError>(),
            Some(
                RunError::Behind { .. }
                    | RunError::Publish(PublishError::Late {
                        is_current: true,
                        ..
                    })
            )
        )
    }

    /// Writes the failure to a log in JSON: an event for each mistake, or one with exit code, causes
    /// and hint as its fields.
    pub(super) fn log(&self) -> io::Result<()> {
        let exit_code = || ("exit_code", (self.exit() as u8).into());
        match self {
            Self::Mistakes(mistakes) => mistakes.iter().try_for_each(|mistake| {
                let hint = ("hint", mistake.hint.clone().into());
                let fields = stderr::fields([exit_code(), hint]);
                let text = mistake.to_string();
                let message = text.split("\nhint: ").next().unwrap_or(&text);
                stderr::event(Level::Error, message, &fields)
            }),
            Self::Error { error, hint, .. } => {
                let mut causes = Vec::new();
                let mut cause = error.source();
                while let Some(error) = cause {
                    causes.push(error.to_string());
                    cause = error.source();
                }
                let causes = match causes.is_empty() {
                    true => Value::Null,
                    false => causes.into(),
                };
                let hint = ("hint", hint.clone().into());
                let fields = stderr::fields([exit_code(), ("causes", causes), hint]);
                stderr::event(Level::Error, &error.to_string(), &fields)
            }
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Self::Output(error) => {
                let fields =
                    stderr::fields([exit_code(), ("causes", vec![error.to_string()].into())]);
                stderr::event(Level::Error, "Cannot write to stdout", &fields)
            }
        }
    }

    /// Prints the failure, with its causes and its hint.
    pub(super) fn write(&self, notes: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Mistakes(mistakes) => mistakes
                .iter()
                .try_for_each(|mistake| writeln!(notes, "error: {mistake}")),
            Self::Error { error, hint, .. } => {
                writeln!(notes, "error: {error}")?;
                let mut cause = error.source();
                while let Some(error) = cause {
                    writeln!(notes, "caused by: {error}")?;
                    cause = error.source();
                }
                hint.as_ref()
                    .map_or(Ok(()), |hint| writeln!(notes, "hint: {hint}"))
            }
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Self::Output(error) => {
                writeln!(notes, "error: Cannot write to stdout\ncaused by: {error}")
            }
        }
    }
}

/// The exit of a command that did its work and then `printed` what it found. A reader that leaves
/// early (`| head`) takes nothing from the exit code: a scheduler must see what is incomplete.
pub(super) fn exit_of_printed(exit: Exit, printed: Result<(), Failure>) -> Result<Exit, Failure> {
    match printed {
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(exit),
        other => other.map(|()| exit),
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        // Serde wraps the error of the writer. Unwrapped again it keeps its kind, so that a reader
        // that leaves early is no failure for JSON either.
        Self::Output(error.into())
    }
}

impl From<Vec<Mistake>> for Failure {
    fn from(mistakes: Vec<Mistake>) -> Self {
        Self::Mistakes(mistakes)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let exit = match &error {
            // An overflow is a mistake of the input: no real invoice comes near 38 digits.
            RunError::NoInput { .. } | RunError::NotThere { .. } | RunError::Overflow(_) => {
                Exit::Usage
            }
            // A damaged file may be whole after another download, so a scheduler should try again;
            // a wrong file stays wrong.
            RunError::NotDue { .. } => Exit::NotDue,
            RunError::Ledger(error) => match error {
                LedgerError::Storage { .. } | LedgerError::Late { .. } => Exit::Storage,
                LedgerError::Busy { .. } => Exit::Locked,
                LedgerError::Damaged { .. } | LedgerError::Owner { .. } => Exit::Integrity,
                LedgerError::Version { .. } | LedgerError::Refused { .. } => Exit::Usage,
            },
            RunError::Decode(fault) if fault.damaged => Exit::Incomplete,
            RunError::Decode(_) => Exit::Usage,
            RunError::File(FileError::NotAFile { .. }) => Exit::Usage,
            RunError::File(FileError::Unreadable { .. })
            | RunError::Publish(
                PublishError::Storage { .. }
                | PublishError::Kind { .. }
                | PublishError::Late { .. },
            )
            | RunError::Behind { .. }
            | RunError::Threads { .. }
            | RunError::Files { .. }
            | RunError::AddressSpace { .. } => Exit::Storage,
            RunError::Publish(PublishError::Locked { .. }) => Exit::Locked,
            RunError::Publish(PublishError::Changed { .. } | PublishError::Damaged { .. })
            | RunError::File(FileError::Changed { .. })
            | RunError::Changed { .. }
            | RunError::Damaged { .. } => Exit::Integrity,
            RunError::Fetch(error) => fetch_exit(error),
            // A conservation law that is broken is our bug, whatever the input was; so is a figure
            // that its unchanged inputs do not come to.
            RunError::Law(_)
            | RunError::Disagrees { .. }
            | RunError::RowsApart { .. }
            | RunError::ExportApart { .. } => Exit::Unexpected,
        };
        let hint = error.hint();
        Self::Error {
            exit,
            error: error.into(),
            hint,
        }
    }
}

/// The exit code of a fetch that failed. A 403 is a missing permission; other refusals leave the
/// data incomplete.
fn fetch_exit(error: &FetchError) -> Exit {
    match error {
        FetchError::Authentication { .. } | FetchError::Refused { status: 403, .. } => {
            Exit::Authentication
        }
        FetchError::Remote { .. } => Exit::Remote,
        FetchError::Lacking { lack, .. } => match lack {
            Lack::Permission => Exit::Authentication,
            Lack::Service => Exit::Remote,
            Lack::Data => Exit::Incomplete,
        },
        FetchError::Refused { .. } | FetchError::Incomplete { .. } => Exit::Incomplete,
        FetchError::Security { .. } | FetchError::Damaged { .. } | FetchError::State { .. } => {
            Exit::Integrity
        }
        FetchError::Storage { .. } => Exit::Storage,
        FetchError::Locked { .. } => Exit::Locked,
        // A thread or a descriptor that the system refused; anything else is a bug.
        FetchError::Start { source, .. } if source.is::<io::Error>() => Exit::Storage,
        FetchError::Start { .. } => Exit::Unexpected,
        // 2 is SIGINT.
        FetchError::Interrupted { signal: 2 } => Exit::Interrupted,
        FetchError::Interrupted { .. } => Exit::Terminated,
    }
}
