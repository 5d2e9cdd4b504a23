//! The tables `metrics` and `notify`: who is told of the end of a run. They change no result, and are
//! no part of a run's id.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::checker::{Checker, did_you_mean, join, quoted};
use super::credentials::CredentialReader;
use super::document::{Entry, Value, get};
use super::globs;
use crate::model::spelling;
use crate::sources::identity::account::SecretSource;

/// Time for all messages together, in milliseconds: 10 s, after which a night goes on.
const USUAL_LIMIT_MS: u64 = 10_000;
/// Longest time that may be set: ten minutes.
const MOST_MS: u64 = 600_000;

/// Who is told of the end of a run, and how; nobody by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// File for Prometheus' node exporter.
    pub textfile: Option<PathBuf>,
    /// Messages over the network.
    pub notify: Option<Notify>,
}

/// Messages at the end of a run. Each address is a secret, and only its place is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// Address that takes messages.
    pub webhook: Option<SecretSource>,
    /// Form of those messages.
    pub format: WebhookFormat,
    /// Runs of which they tell.
    pub on: NotifyOn,
    /// Address that is asked after a run that did its work: who hears nothing raises an alarm.
    pub ping: Option<SecretSource>,
    /// Address that is asked after any other run.
    pub ping_failed: Option<SecretSource>,
    /// Longest time for all of them together.
    pub limit: Duration,
}

/// Form of the messages to a webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookFormat {
    /// One object with the figures of the run.
    #[default]
    Json,
    /// An adaptive card, as workflows of Microsoft Teams take it.
    Teams,
}

/// Runs of which a webhook is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotifyOn {
    /// Every run, whatever its end.
    Always,
    /// Runs that failed or are incomplete.
    #[default]
    Failure,
    /// Those, and runs with breaks that the run before did not have.
    Breaks,
}

impl WebhookFormat {
    const NAMED: [(&'static str, Self); 2] = [("json", Self::Json), ("teams", Self::Teams)];
}

impl NotifyOn {
    const NAMED: [(&'static str, Self); 3] = [
        ("always", Self::Always),
        ("failure", Self::Failure),
        ("breaks", Self::Breaks),
    ];
}

impl Notify {
    /// What is told to whom, in words; never an address.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let name = |all: &[(&'static str, bool)]| {
            let found = all.iter().find(|(_, is_it)| *is_it);
            found.map_or("", |(name, _)| *name)
        };
        let format = WebhookFormat::NAMED.map(|(name, format)| (name, format == self.format));
        let on = NotifyOn::NAMED.map(|(name, on)| (name, on == self.on));
        let webhook = self
            .webhook
            .as_ref()
            .map(|_| format!("webhook ({}, on {})", name(&format), name(&on)));
        let ping = self.ping.as_ref().map(|_| "ping".to_owned());
        let failed = self.ping_failed.as_ref().map(|_| "ping_failed".to_owned());
        webhook.into_iter().chain(ping).chain(failed).collect()
    }
}

/// Reads both tables of a pipeline in `folder`.
pub(crate) fn read(checker: &mut Checker<'_>, folder: &Path, root: &[Entry]) -> Notices {
    let metrics = checker.optional_table("metrics", get(root, "metrics"));
    checker.known("metrics", metrics, &["textfile"]);
    Notices {
        textfile: get(metrics, "textfile").and_then(|entry| textfile(checker, folder, entry)),
        notify: get(root, "notify").and_then(|entry| notify(checker, folder, entry)),
    }
}

fn textfile(checker: &mut Checker<'_>, folder: &Path, entry: &Entry) -> Option<PathBuf> {
    let key = "metrics.textfile";
    // Its collector reads no other files.
    let wanted = "a path that ends with `.prom`";
    let text = checker.text(key, entry, wanted)?;
    let path = globs::normalise(&folder.join(text));
    let is_good = path.extension().is_some_and(|ending| ending == "prom");
    if !is_good {
        checker.wrong(key, &entry.node, wanted, None);
    }
    is_good.then_some(path)
}

fn notify(checker: &mut Checker<'_>, folder: &Path, entry: &Entry) -> Option<Notify> {
    let fields = checker.table("notify", entry)?;
    let known = [
        "webhook",
        "format",
        "on",
        "ping",
        "ping_failed",
        "time_limit_ms",
    ];
    checker.known("notify", fields, &known);
    let secrets = CredentialReader {
        folder,
        is_rehearsal: false,
    };
    let address = |checker: &mut Checker<'_>, name: &str| {
        let entry = get(fields, name)?;
        secrets.source(checker, &join("notify", name), entry)
    };
    let found = Notify {
        webhook: address(checker, "webhook"),
        format: named(checker, fields, "format", &WebhookFormat::NAMED),
        on: named(checker, fields, "on", &NotifyOn::NAMED),
        ping: address(checker, "ping"),
        ping_failed: address(checker, "ping_failed"),
        limit: limit(checker, fields),
    };
    if get(fields, "webhook").is_none() {
        // Whoever writes these expects messages.
        for of_webhook in ["format", "on"].iter().filter_map(|name| get(fields, name)) {
            let key = join("notify", &of_webhook.key);
            checker.note(
                &of_webhook.place,
                &key,
                "no `webhook` beside it".to_owned(),
                "`webhook`",
                None,
            );
        }
        if get(fields, "ping").is_none() {
            checker.missing(
                "notify.webhook",
                &entry.place,
                "`webhook` or `ping`",
                "for example `webhook = { file = \"webhook-address\" }`",
            );
        }
    }
    Some(found)
}

/// Value with a name, of a field that may be missing.
fn named<T: Copy + Default>(
    checker: &mut Checker<'_>,
    fields: &[Entry],
    name: &str,
    all: &[(&'static str, T)],
) -> T {
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let wanted = format!("one of {}", quoted(&names, ", "));
    let key = join("notify", name);
    let Some(entry) = get(fields, name) else {
        return T::default();
    };
    let Some(text) = checker.text(&key, entry, &wanted) else {
        return T::default();
    };
    let found = all.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let hint = spelling::nearest(text, names.iter().copied()).map(did_you_mean);
        checker.wrong(&key, &entry.node, &wanted, hint);
    }
    found.map_or_else(T::default, |(_, value)| *value)
}

fn limit(checker: &mut Checker<'_>, fields: &[Entry]) -> Duration {
    let usual = Duration::from_millis(USUAL_LIMIT_MS);
    let Some(entry) = get(fields, "time_limit_ms") else {
        return usual;
    };
    let found = match &entry.node.value {
        Value::Integer(text) => text.parse().ok(),
        _ => None,
    };
    match found.filter(|found| (1..=MOST_MS).contains(found)) {
        Some(found) => Duration::from_millis(found),
        None => {
            checker.wrong(
                "notify.time_limit_ms",
                &entry.node,
                "milliseconds, 1 to 600000",
                None,
            );
            usual
        }
    }
}
