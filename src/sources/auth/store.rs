//! The newest refresh token, in a file that only its owner may read. It is written before the token
//! that came with it is used: were it lost, a person would have to sign in again.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use crate::sources::failure::FetchError;
use crate::sources::landing::files;

/// Where the newest refresh token of an application is kept.
pub(super) struct Store {
    path: PathBuf,
}

impl Store {
    pub(super) fn new(folder: &Path, tenant: &str, client_id: &str) -> Self {
        let name = blake3::hash(
            format!("{tenant}\0{client_id}")
                .to_ascii_lowercase()
                .as_bytes(),
        )
        .to_hex();
        Self {
            path: folder.join(format!("refresh-{}", &name.as_str()[..16])),
        }
    }

    /// The token to use: the stored one, unless it descends from another first token.
    pub(super) fn current(&self, first: &SecretString) -> Result<SecretString, FetchError> {
        let Some(text) = files::read_if_there(&self.path)? else {
            return Ok(first.clone());
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok(match text.split_once('\n') {
            Some((root, token)) if root == root_of(first) && !token.trim().is_empty() => {
                SecretString::from(token.trim())
            }
            _ => first.clone(),
        })
    }

    /// Keeps `next`, which came for a descendant of `first`.
    pub(super) fn keep(&self, first: &SecretString, next: &SecretString) -> Result<(), FetchError> {
        files::replace(
            &self.path,
            format!("{}\n{}\n", root_of(first), next.expose_secret()).as_bytes(),
        )
    }
}

fn root_of(first: &SecretString) -> String {
    blake3::hash(first.expose_secret().as_bytes())
        .to_hex()
        .to_string()
}
