//! The newest refresh token of a user, in a file that only its owner may read. It is written before
//! the access token that came with it is used: if it were lost, a person would have to sign in
//! again.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use crate::sources::failure::FetchError;
use crate::sources::landing::files;

/// Hexadecimal digits of the file's name.
const NAME_DIGITS: usize = 16;

/// The file with the newest refresh token of one application.
pub(crate) struct Store {
    path: PathBuf,
}

impl Store {
    /// The store of an application in `folder`; nothing is read or written yet.
    pub(crate) fn new(folder: &Path, tenant: &str, client_id: &str) -> Self {
        // Ids are compared in any case: the file must be found however they are spelled.
        let key = format!("{tenant}\0{client_id}").to_ascii_lowercase();
        let name = blake3::hash(key.as_bytes()).to_hex();
        Self {
            path: folder.join(format!("refresh-{}", &name.as_str()[..NAME_DIGITS])),
        }
    }

    /// Path of the file, which may not be there.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// True if the stored token is the one to use, and not `first`.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub(crate) fn is_in_use(&self, first: &SecretString) -> Result<bool, FetchError> {
        let current = self.current(first)?;
        Ok(current.expose_secret() != first.expose_secret())
    }

    /// The token to use: the stored one if it descends from `first`, else `first` itself. Whoever
    /// signs in again replaces `first`, and so makes the stored one void.
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

    /// Stores `next`, which was issued for a descendant of `first`.
    pub(super) fn keep(&self, first: &SecretString, next: &SecretString) -> Result<(), FetchError> {
        files::replace(
            &self.path,
            format!("{}\n{}\n", root_of(first), next.expose_secret()).as_bytes(),
        )
    }
}

/// Hash of the first refresh token, which tells its descendants from those of another sign-in.
fn root_of(first: &SecretString) -> String {
    blake3::hash(first.expose_secret().as_bytes())
        .to_hex()
        .to_string()
}
