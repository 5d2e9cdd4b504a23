//! The `partner_center` table: who asks, with which credentials, for what, and how patiently.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::checker::{Checker, join};
use super::document::{Entry, Node, Place, Value, get};
use super::pipeline_plan::Fetching;
use super::survey;
use crate::sources::fetch::endpoints;
use crate::sources::fetch::workers::Api;
use crate::sources::identity::account::{
    Account, AppCredential, Proof, SecretSource, UserCredential,
};
use crate::sources::identity::cloud::{Addresses, CLOUDS, Cloud, named};
use crate::sources::wire::retry::Patience;

const KEY: &str = "partner_center";
const KEYS: [&str; 11] = [
    "cloud",
    "tenant",
    "fetch",
    "api",
    "currencies",
    "workers",
    "requests_per_second",
    "sandbox",
    "app",
    "user",
    "patience",
];
const APP_KINDS: [&str; 4] = [
    "secret",
    "certificate",
    "workload_identity",
    "managed_identity",
];
const PATIENCE_KEYS: [&str; 9] = [
    "attempts",
    "backoff_ms",
    "longest_pause_ms",
    "run_retries",
    "run_pause_ms",
    "polls",
    "restarts",
    "read_timeout_ms",
    "request_timeout_ms",
];
const SOURCE_HINT: &str = "as in `{ file = \"secret\" }` or `{ environment = \"NAME\" }`; a secret never stands in the file itself";

/// Reads the table; `sources` are the datasets that are reconciled from it.
pub(crate) fn read(
    checker: &mut Checker<'_>,
    folder: &Path,
    root: &[Entry],
    sources: &[&'static str],
    state: Option<PathBuf>,
) -> Option<Fetching> {
    let entry = get(root, KEY)?;
    let fields = checker.table(KEY, entry)?;
    checker.known(KEY, fields, &KEYS);
    let reader = Reader {
        folder,
        sandbox: sandbox(checker, fields),
    };
    let mut names: Vec<String> = sources.iter().map(|name| (*name).to_owned()).collect();
    names.extend(fetch_names(checker, fields));
    names.sort();
    names.dedup();
    let cloud = cloud(checker, fields);
    let addresses = match Addresses::of(cloud, reader.sandbox.as_deref()) {
        Ok(addresses) => addresses,
        Err(found) => {
            let place = get(fields, "sandbox")
                .map_or(&entry.place, |entry| &entry.node.place)
                .clone();
            checker.note(
                &place,
                "partner_center.sandbox",
                found,
                "the address of a sandbox, as `http://127.0.0.1:8080`",
                None,
            );
            return None;
        }
    };
    let patience = patience(checker, fields);
    let app = get(fields, "app").and_then(|entry| reader.app(checker, entry));
    let user = get(fields, "user").and_then(|entry| reader.user(checker, entry));
    if get(fields, "app").is_none() && get(fields, "user").is_none() {
        let hint = "add `[partner_center.app.secret]`, `.certificate`, `.workload_identity` or `.managed_identity`";
        checker.missing("partner_center.app", &entry.place, "a credential", hint);
    }
    warn_of_users(
        checker,
        entry,
        &names,
        user.is_some() || get(fields, "user").is_some(),
    );
    let account = Account {
        tenant: reader.name(checker, fields, KEY, "tenant", &entry.place),
        addresses,
        app,
        user,
        patience: patience.0,
        requests_per_second: NonZeroU32::new(number(
            checker,
            KEY,
            fields,
            "requests_per_second",
            50,
        ))
        .unwrap_or(NonZeroU32::MIN),
        workers: usize::try_from(number(checker, KEY, fields, "workers", 8)).unwrap_or(8),
        read_timeout_ms: patience.1,
        request_timeout_ms: patience.2,
    };
    let (api, currencies) = (api(checker, fields), currencies(checker, fields));
    let Some(state) = state else {
        checker.missing(
            "state",
            &Place::File,
            "a folder for what is fetched",
            "add `state = \"../state\"` above the first table",
        );
        return None;
    };
    Some(Fetching {
        account,
        names,
        api,
        currencies,
        state,
    })
}

fn sandbox(checker: &mut Checker<'_>, fields: &[Entry]) -> Option<String> {
    let entry = get(fields, "sandbox")?;
    checker
        .text("partner_center.sandbox", entry, "the address of a sandbox")
        .map(str::to_owned)
}

fn cloud(checker: &mut Checker<'_>, fields: &[Entry]) -> &'static Cloud {
    let key = "partner_center.cloud";
    let wanted = "`global`, `us-government` or `21vianet`";
    let text =
        get(fields, "cloud").and_then(|entry| Some((entry, checker.text(key, entry, wanted)?)));
    match text {
        Some((entry, text)) => named(text).unwrap_or_else(|| {
            checker.wrong(key, &entry.node, wanted, None);
            &CLOUDS[0]
        }),
        None => &CLOUDS[0],
    }
}

fn api(checker: &mut Checker<'_>, fields: &[Entry]) -> Api {
    let key = "partner_center.api";
    let Some(entry) = get(fields, "api") else {
        return Api::Auto;
    };
    match checker.text(key, entry, "`auto`, `v1` or `v2`") {
        Some("v1") => Api::V1,
        Some("v2") => Api::V2,
        Some("auto") | None => Api::Auto,
        Some(_) => {
            checker.wrong(key, &entry.node, "`auto`, `v1` or `v2`", None);
            Api::Auto
        }
    }
}

fn texts<'e>(
    checker: &mut Checker<'_>,
    key: &str,
    entry: &'e Entry,
    wanted: &str,
) -> Vec<(&'e Node, &'e str)> {
    let Value::List(items) = &entry.node.value else {
        checker.wrong(key, &entry.node, wanted, None);
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in items {
        match &item.value {
            Value::Text(text) => found.push((item, text.as_str())),
            _ => checker.wrong(key, item, wanted, None),
        }
    }
    found
}

fn fetch_names(checker: &mut Checker<'_>, fields: &[Entry]) -> Vec<String> {
    let Some(entry) = get(fields, "fetch") else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for (node, text) in texts(
        checker,
        "partner_center.fetch",
        entry,
        "a list of names, as `[\"customers\"]`",
    ) {
        if endpoints::names().any(|name| name == text) {
            names.push(text.to_owned());
            continue;
        }
        let nearest = crate::model::spelling::nearest(text, endpoints::names());
        let all = || {
            format!(
                "the names are {}",
                endpoints::names()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        };
        let hint = nearest.map_or_else(all, |name| format!("did you mean `{name}`?"));
        checker.wrong(
            "partner_center.fetch",
            node,
            "the name of an endpoint",
            Some(hint),
        );
    }
    names
}

fn currencies(checker: &mut Checker<'_>, fields: &[Entry]) -> Vec<String> {
    let Some(entry) = get(fields, "currencies") else {
        return Vec::new();
    };
    let wanted = "currency codes, as `[\"EUR\"]`";
    let mut codes = Vec::new();
    for (node, text) in texts(checker, "partner_center.currencies", entry, wanted) {
        if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            codes.push(text.to_owned());
        } else {
            checker.wrong("partner_center.currencies", node, wanted, None);
        }
    }
    codes
}

/// Patience, and the two time limits.
fn patience(checker: &mut Checker<'_>, fields: &[Entry]) -> (Patience, u64, u64) {
    let key = "partner_center.patience";
    let entries = get(fields, "patience")
        .and_then(|entry| checker.table(key, entry))
        .unwrap_or_default();
    checker.known(key, entries, &PATIENCE_KEYS);
    let default = Patience::default();
    let mut number = |name: &str, default: u32| number(checker, key, entries, name, default);
    let mut large = |name: &str, default: u64| {
        u64::from(number(name, u32::try_from(default).unwrap_or(u32::MAX)))
    };
    let patience = Patience {
        backoff_ms: large("backoff_ms", default.backoff_ms),
        longest_pause_ms: large("longest_pause_ms", default.longest_pause_ms),
        run_retries: large("run_retries", default.run_retries),
        run_pause_ms: large("run_pause_ms", default.run_pause_ms),
        attempts: number("attempts", default.attempts),
        polls: number("polls", default.polls),
        restarts: number("restarts", default.restarts),
    };
    (
        patience,
        u64::from(number("read_timeout_ms", 60_000)),
        u64::from(number("request_timeout_ms", 300_000)),
    )
}

fn number(
    checker: &mut Checker<'_>,
    key: &str,
    entries: &[Entry],
    name: &str,
    default: u32,
) -> u32 {
    let Some(entry) = get(entries, name) else {
        return default;
    };
    let parsed = match &entry.node.value {
        Value::Integer(text) => text.parse::<u32>().ok().filter(|number| *number > 0),
        _ => None,
    };
    parsed.unwrap_or_else(|| {
        checker.wrong(
            &join(key, name),
            &entry.node,
            "a whole number above 0",
            None,
        );
        default
    })
}

/// Some endpoints answer App+User only.
fn warn_of_users(checker: &mut Checker<'_>, entry: &Entry, names: &[String], has_user: bool) {
    let user_only: Vec<&str> = endpoints::ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.user_only && names.iter().any(|name| name == endpoint.name))
        .map(|endpoint| endpoint.name)
        .collect();
    if !user_only.is_empty() && !has_user {
        let hint = format!(
            "App+User is needed for {}; add `[partner_center.user]`, or leave them out",
            user_only.join(", ")
        );
        checker.missing(
            "partner_center.user",
            &entry.place,
            "a user's credential",
            &hint,
        );
    }
}

/// What all credentials have in common.
struct Reader<'f> {
    folder: &'f Path,
    sandbox: Option<String>,
}

impl Reader<'_> {
    /// An id: text, or the name of an environment variable. A rehearsal needs none.
    fn name(
        &self,
        checker: &mut Checker<'_>,
        fields: &[Entry],
        key: &str,
        name: &str,
        place: &Place,
    ) -> String {
        let key = join(key, name);
        let wanted = "an id, or `{ environment = \"NAME\" }`";
        let Some(entry) = get(fields, name) else {
            if self.sandbox.is_none() {
                checker.missing(&key, place, wanted, &format!("add `{name} = \"…\"`"));
            }
            return "sandbox".to_owned();
        };
        if !matches!(entry.node.value, Value::Table(_)) {
            return checker
                .text(&key, entry, wanted)
                .unwrap_or_default()
                .to_owned();
        }
        match self.source(checker, &key, entry) {
            Some(SecretSource::Environment(variable)) => match std::env::var(&variable) {
                Ok(value) if !value.trim().is_empty() => return value.trim().to_owned(),
                _ => checker.note(
                    &entry.node.place,
                    &key,
                    format!("no environment variable `{variable}`"),
                    wanted,
                    None,
                ),
            },
            Some(SecretSource::Rehearsal) => return "sandbox".to_owned(),
            Some(SecretSource::File(_)) => checker.wrong(&key, &entry.node, wanted, None),
            None => {}
        }
        String::new()
    }

    /// Where a secret is.
    fn source(&self, checker: &mut Checker<'_>, key: &str, entry: &Entry) -> Option<SecretSource> {
        let Value::Table(fields) = &entry.node.value else {
            // The value itself is not repeated: it may be the secret.
            checker.note(
                &entry.node.place,
                key,
                "a value".to_owned(),
                "the place of a secret",
                Some(SOURCE_HINT.to_owned()),
            );
            return None;
        };
        checker.known(key, fields, &["file", "environment"]);
        let source = match (get(fields, "file"), get(fields, "environment")) {
            (Some(file), None) => {
                let path = checker.text(&join(key, "file"), file, "a path")?;
                SecretSource::File(survey::normalise(&self.folder.join(path)))
            }
            (None, Some(name)) => SecretSource::Environment(
                checker
                    .text(&join(key, "environment"), name, "a name")?
                    .to_owned(),
            ),
            _ => {
                checker.note(
                    &entry.node.place,
                    key,
                    "no single place".to_owned(),
                    "the place of a secret",
                    Some(SOURCE_HINT.to_owned()),
                );
                return None;
            }
        };
        Some(if self.sandbox.is_some() && !source.is_there() {
            SecretSource::Rehearsal
        } else {
            source
        })
    }

    fn needed(
        &self,
        checker: &mut Checker<'_>,
        key: &str,
        fields: &[Entry],
        name: &str,
        place: &Place,
    ) -> Option<SecretSource> {
        match get(fields, name) {
            Some(entry) => self.source(checker, &join(key, name), entry),
            None => {
                checker.missing(
                    &join(key, name),
                    place,
                    "the place of a secret",
                    SOURCE_HINT,
                );
                None
            }
        }
    }

    fn app(&self, checker: &mut Checker<'_>, entry: &Entry) -> Option<AppCredential> {
        let key = "partner_center.app";
        let kinds = checker.table(key, entry)?;
        checker.known(key, kinds, &APP_KINDS);
        let [kind] = kinds else {
            checker.note(
                &entry.place,
                key,
                format!("{} kinds of credential", kinds.len()),
                "exactly one of them",
                None,
            );
            return None;
        };
        let key = join(key, &kind.key);
        let fields = checker.table(&key, kind)?;
        if kind.key == "managed_identity" {
            checker.known(&key, fields, &["client_id"]);
            let client_id = get(fields, "client_id")
                .map(|_| self.name(checker, fields, &key, "client_id", &kind.place));
            return Some(AppCredential::Managed { client_id });
        }
        let (field, proof): (&str, fn(SecretSource) -> Option<Proof>) = match kind.key.as_str() {
            "secret" => ("secret", |source| Some(Proof::Secret(source))),
            "certificate" => ("certificate", |source| Some(Proof::Certificate(source))),
            _ => ("token", |source| match source {
                SecretSource::File(path) => Some(Proof::TokenFile(path)),
                SecretSource::Environment(_) | SecretSource::Rehearsal => None,
            }),
        };
        checker.known(&key, fields, &["client_id", field]);
        let client_id = self.name(checker, fields, &key, "client_id", &kind.place);
        let source = self.needed(checker, &key, fields, field, &kind.place)?;
        // In a rehearsal there may be no certificate to sign with.
        let proof = if source == SecretSource::Rehearsal {
            Some(Proof::Secret(source))
        } else {
            proof(source)
        };
        if proof.is_none() {
            checker.note(
                &kind.place,
                &join(&key, field),
                "an environment variable".to_owned(),
                "`{ file = \"…\" }`",
                None,
            );
        }
        Some(AppCredential::Application {
            client_id,
            proof: proof?,
        })
    }

    fn user(&self, checker: &mut Checker<'_>, entry: &Entry) -> Option<UserCredential> {
        let key = "partner_center.user";
        let fields = checker.table(key, entry)?;
        checker.known(
            key,
            fields,
            &["client_id", "secret", "certificate", "refresh_token"],
        );
        let client_id = self.name(checker, fields, key, "client_id", &entry.place);
        let proof = match get(fields, "certificate") {
            Some(certificate) => self
                .source(checker, &join(key, "certificate"), certificate)
                .map(|source| match source {
                    SecretSource::Rehearsal => Proof::Secret(source),
                    other => Proof::Certificate(other),
                }),
            None => self
                .needed(checker, key, fields, "secret", &entry.place)
                .map(Proof::Secret),
        };
        let refresh_token = self.needed(checker, key, fields, "refresh_token", &entry.place);
        Some(UserCredential {
            client_id,
            proof: proof?,
            refresh_token: refresh_token?,
        })
    }
}
