//! Stderr: progress, notes, warnings and errors, as text or as JSON, one object a line (`--log json`).
//!
//! The format is a property of the process, not of a command: a panic and a wrong command line are
//! told in it, too.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::wording::INDENT;

/// True once the log is JSON.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// Lines that people read
    Text,
    /// A JSON object a line, with `time`, `level` and `message`
    Json,
}

/// Severity of an event, in words that log collectors know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// Details that only `--verbose` asks for.
    Debug,
    /// Progress, and notes in passing.
    Info,
    /// What a person should look at.
    Warning,
    /// The reason why the command failed.
    Error,
}

/// A line of the log in JSON. Fields never take the names of the first three members.
#[derive(Serialize)]
struct LogLine<'l> {
    time: String,
    level: Level,
    message: &'l str,
    #[serde(flatten)]
    fields: &'l Map<String, Value>,
}

/// Labels of lines of text, and their levels. All but the last are left out of the message.
const LABELS: [(&str, Level); 4] = [
    ("error: ", Level::Error),
    ("warning: ", Level::Warning),
    ("note: ", Level::Info),
    ("rejected: ", Level::Warning),
];

/// Sets the form of the log of this process.
pub(super) fn set(format: LogFormat) {
    IS_JSON.store(format == LogFormat::Json, Ordering::Relaxed);
}

/// True if the log is JSON.
pub(super) fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Writes one event: in JSON with its fields; as text the message alone, without its level.
///
/// # Errors
/// Those of stderr.
pub(super) fn event(level: Level, message: &str, fields: &Map<String, Value>) -> io::Result<()> {
    if !is_json() {
        return writeln!(io::stderr().lock(), "{message}");
    }
    let line = LogLine {
        time: DateTime::<Utc>::from(std::time::SystemTime::now())
            .to_rfc3339_opts(SecondsFormat::Millis, true),
        level,
        message,
        fields,
    };
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    // One write, so that lines of two threads do not mix.
    io::stderr().lock().write_all(&text)
}

/// Stderr for lines of text, each of which becomes an event where the log is JSON.
pub(super) fn lines() -> LogLines {
    LogLines {
        pending: Vec::new(),
        event: None,
    }
}

/// A writer to stderr that turns lines of text into events where the log is JSON. What is left is
/// written when it is dropped.
#[derive(Debug)]
pub(super) struct LogLines {
    /// Bytes of a line that is not complete.
    pending: Vec<u8>,
    /// The last event, to which indented lines belong.
    event: Option<String>,
}

impl LogLines {
    fn take(&mut self, line: &str) -> io::Result<()> {
        match (&mut self.event, line.strip_prefix(INDENT)) {
            (Some(event), Some(more)) => {
                event.push(' ');
                event.push_str(more.trim());
                Ok(())
            }
            _ => {
                let before = self.event.replace(line.to_owned());
                before.map_or(Ok(()), |text| told(Level::Info, &text))
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        if !self.pending.is_empty() {
            let rest = std::mem::take(&mut self.pending);
            self.take(&String::from_utf8_lossy(&rest))?;
        }
        self.event
            .take()
            .map_or(Ok(()), |text| told(Level::Info, &text))
    }
}

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !is_json() {
            return io::stderr().lock().write(bytes);
        }
        self.pending.extend_from_slice(bytes);
        while let Some(end) = memchr::memchr(b'\n', &self.pending) {
            let rest = self.pending.split_off(end + 1);
            let line = std::mem::replace(&mut self.pending, rest);
            self.take(String::from_utf8_lossy(&line).trim_end())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.end()
    }
}

impl Drop for LogLines {
    fn drop(&mut self) {
        // A closed stderr fails no command.
        drop(self.end());
    }
}

/// Writes a line of the log as it is; in JSON, as an event of the level that its label has, or else
/// of `usual`.
///
/// # Errors
/// Those of stderr.
pub(super) fn told(usual: Level, line: &str) -> io::Result<()> {
    if !is_json() {
        return writeln!(io::stderr().lock(), "{line}");
    }
    let labelled = LABELS.iter().find_map(|(label, level)| {
        let rest = line.strip_prefix(label)?;
        let is_kept = *label == "rejected: ";
        Some((*level, if is_kept { line } else { rest }))
    });
    let (level, message) = labelled.unwrap_or((usual, line));
    match message.is_empty() {
        true => Ok(()),
        false => event(level, message, &Map::new()),
    }
}

/// Fields of an event, from pairs of a name and a value; `null` is left out.
pub(super) fn fields<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
