//! The credentials of the `partner_center` table: where each secret is kept, never the secret
//! itself.
//!
//! A rehearsal against a sandbox needs none of them. There, a secret that does not exist is no
//! mistake, so that one pipeline file serves both the sandbox and the real partner.

use std::path::Path;

use super::checker::{Checker, join};
use super::document::{Entry, Place, Value, get};
use super::globs;
use crate::sources::identity::account::{AppCredential, Proof, SecretSource, UserCredential};

const APP_KINDS: [&str; 4] = [
    "secret",
    "certificate",
    "workload_identity",
    "managed_identity",
];
const WANTED_REFERENCE: &str = "a reference to a secret";
const REFERENCE_HINT: &str = "for example `{ file = \"secret\" }` or `{ environment = \"NAME\" }`; never write the secret itself into this file";

/// Reader of credentials, with what all of them depend on.
pub(crate) struct CredentialReader<'f> {
    /// Folder of the pipeline file, to which the paths of secrets are relative.
    pub(crate) folder: &'f Path,
    /// True if a sandbox is asked.
    pub(crate) is_rehearsal: bool,
}

impl CredentialReader<'_> {
    /// Id in a field: its text, or the value of the environment variable that it names. A rehearsal
    /// needs no id. After a mistake the id is empty; such a plan is never run.
    pub(crate) fn id(
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
            if !self.is_rehearsal {
                checker.missing(&key, place, wanted, &format!("add `{name} = \"…\"`"));
            }
            return "sandbox".to_owned();
        };
        if !matches!(entry.node.value, Value::Table(_)) {
            let text = checker.text(&key, entry, wanted);
            return text.map_or_else(String::new, str::to_owned);
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
            // An id is not secret, and needs no file that only its owner can read.
            Some(SecretSource::File(_)) => checker.wrong(&key, &entry.node, wanted, None),
            None => {}
        }
        String::new()
    }

    /// Place at which a secret is kept. The secret is not read here, but each time it is used: it
    /// may be rotated in between.
    pub(crate) fn source(
        &self,
        checker: &mut Checker<'_>,
        key: &str,
        entry: &Entry,
    ) -> Option<SecretSource> {
        let Value::Table(fields) = &entry.node.value else {
            // The value itself is not repeated: it may be the secret.
            checker.note(
                &entry.node.place,
                key,
                "a secret written out".to_owned(),
                WANTED_REFERENCE,
                Some(REFERENCE_HINT.to_owned()),
            );
            return None;
        };
        checker.known(key, fields, &["file", "environment"]);
        let source = match (get(fields, "file"), get(fields, "environment")) {
            (Some(file), None) => {
                let path = checker.text(&join(key, "file"), file, "a path")?;
                SecretSource::File(globs::normalise(&self.folder.join(path)))
            }
            (None, Some(name)) => SecretSource::Environment(
                checker
                    .text(&join(key, "environment"), name, "a name")?
                    .to_owned(),
            ),
            (file, _) => {
                let found = match file {
                    Some(_) => "both a file and an environment variable",
                    None => "neither a file nor an environment variable",
                };
                checker.note(
                    &entry.node.place,
                    key,
                    found.to_owned(),
                    WANTED_REFERENCE,
                    Some(REFERENCE_HINT.to_owned()),
                );
                return None;
            }
        };
        // A secret that exists is used even in a rehearsal, which then tests how it is read.
        Some(if self.is_rehearsal && !source.is_there() {
            SecretSource::Rehearsal
        } else {
            source
        })
    }

    /// Place of the secret in the field `name`, which must be there.
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
                checker.missing(&join(key, name), place, WANTED_REFERENCE, REFERENCE_HINT);
                None
            }
        }
    }

    /// Credential of the application without a user: one table, named after its kind.
    pub(crate) fn app(&self, checker: &mut Checker<'_>, entry: &Entry) -> Option<AppCredential> {
        let key = "partner_center.app";
        let kinds = checker.table(key, entry)?;
        checker.known(key, kinds, &APP_KINDS);
        // With two kinds, which one is used would depend on a rule that nobody remembers.
        let [kind] = kinds else {
            checker.note(
                &entry.place,
                key,
                format!("{} kinds of credential", kinds.len()),
                "exactly one",
                None,
            );
            return None;
        };
        let key = join(key, &kind.key);
        let fields = checker.table(&key, kind)?;
        // The platform proves this identity: there is no secret to refer to.
        if kind.key == "managed_identity" {
            checker.known(&key, fields, &["client_id"]);
            let client_id = get(fields, "client_id")
                .map(|_| self.id(checker, fields, &key, "client_id", &kind.place));
            return Some(AppCredential::Managed { client_id });
        }
        // Field that refers to the proof, and the proof that its place makes.
        let (field, proof): (&str, fn(SecretSource) -> Option<Proof>) = match kind.key.as_str() {
            "secret" => ("secret", |source| Some(Proof::Secret(source))),
            "certificate" => ("certificate", |source| Some(Proof::Certificate(source))),
            // Workload identity; an unknown kind was noted, and is read as this one.
            _ => ("token", |source| match source {
                SecretSource::File(path) => Some(Proof::TokenFile(path)),
                SecretSource::Environment(_) | SecretSource::Rehearsal => None,
            }),
        };
        checker.known(&key, fields, &["client_id", field]);
        let client_id = self.id(checker, fields, &key, "client_id", &kind.place);
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

    /// Credential of the application together with a user.
    pub(crate) fn user(&self, checker: &mut Checker<'_>, entry: &Entry) -> Option<UserCredential> {
        let key = "partner_center.user";
        let fields = checker.table(key, entry)?;
        checker.known(
            key,
            fields,
            &["client_id", "secret", "certificate", "refresh_token"],
        );
        let client_id = self.id(checker, fields, key, "client_id", &entry.place);
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
