//! An export's manifest: read in any case, checked before a blob is asked for. Its signature is a
//! secret.

use std::collections::HashSet;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::sources::failure::FetchError;
use crate::sources::identity::cloud::Addresses;
use crate::sources::identity::origin;

/// A blob, as a manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) name: String,
    /// Rows, where it says.
    pub(super) rows: Option<u64>,
    /// Bytes, where it says.
    pub(super) bytes: Option<u64>,
}

/// A manifest that can be used.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) etag: String,
    pub(super) blobs: Vec<Blob>,
    root: Url,
    signature: SecretString,
}

impl Manifest {
    /// Reads a manifest; the inner reason is of one that may be right if it is asked for again.
    ///
    /// # Errors
    /// [`FetchError::Security`] for blobs elsewhere; [`FetchError::Incomplete`] for a format that
    /// nobody knows.
    pub(super) fn read(
        value: &Value,
        addresses: &Addresses,
        id: &str,
    ) -> Result<Result<Self, String>, FetchError> {
        let text = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| field(value, name)?.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        let format = text(&["dataFormat"]);
        if !format.is_empty()
            && !["compressedjson", "compressedjsonlines"]
                .contains(&format.to_ascii_lowercase().as_str())
        {
            return Err(FetchError::Incomplete {
                what: format!("`{id}`"),
                found: format!("a manifest in the format `{}`", format.escape_default()),
                wanted: "`compressedJSON` or `compressedJSONLines`".to_owned(),
            });
        }
        let listed = field(value, "blobs")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut blobs = Vec::with_capacity(listed.len());
        for blob in listed {
            let name = field(blob, "name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            blobs.push(Blob {
                name: safe(name, id)?.to_owned(),
                rows: count(blob, "itemCount"),
                bytes: count(blob, "sizeInBytes"),
            });
        }
        let promised = count(value, "blobCount");
        if promised.is_some_and(|promised| promised != blobs.len() as u64) {
            return Ok(Err(format!(
                "a manifest that promises {} blobs and lists {}",
                promised.unwrap_or(0),
                blobs.len()
            )));
        }
        let names: HashSet<&str> = blobs.iter().map(|blob| blob.name.as_str()).collect();
        if names.len() < blobs.len() {
            return Ok(Err("a manifest that lists a blob twice".to_owned()));
        }
        let etag = text(&["eTag"]);
        if etag.is_empty() {
            return Ok(Err("a manifest without an eTag".to_owned()));
        }
        let root = origin::blob_root(addresses, &text(&["rootDirectory", "rootFolder"]))?;
        let signature = text(&["sasToken", "rootFolderSAS"])
            .trim_start_matches('?')
            .to_owned();
        Ok(Ok(Self {
            etag,
            blobs,
            root,
            signature: SecretString::from(signature),
        }))
    }

    /// A blob's address, signature included.
    ///
    /// # Errors
    /// [`FetchError::Security`] where it does not lie below the root.
    pub(super) fn address(&self, blob: &Blob) -> Result<Url, FetchError> {
        let refused = |found: String| FetchError::Security {
            what: "a blob of an export".to_owned(),
            found,
            wanted: format!("a name below `{}`", origin::shown(&self.root)),
        };
        let mut url = self.root.clone();
        url.path_segments_mut()
            .map_err(|()| refused("no path".to_owned()))?
            .pop_if_empty()
            .extend(blob.name.split('/'));
        if url.origin() != self.root.origin() || !url.path().starts_with(self.root.path()) {
            return Err(refused(format!("`{}`", origin::shown(&url))));
        }
        url.set_query(Some(self.signature.expose_secret()));
        Ok(url)
    }
}

/// A name that stays below the root.
fn safe<'n>(name: &'n str, id: &str) -> Result<&'n str, FetchError> {
    let is_bad = name.is_empty()
        || name.contains([':', '\\', '?', '#', '%'])
        || name.chars().any(char::is_control)
        || name
            .split('/')
            .any(|step| step.is_empty() || step == "." || step == "..");
    if !is_bad {
        return Ok(name);
    }
    Err(FetchError::Security {
        what: format!("the manifest of `{id}`"),
        found: format!("a blob named `{}`", name.escape_default()),
        wanted: "names below the root".to_owned(),
    })
}

/// A field by its name, in any case.
fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value
        .as_object()?
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn count(value: &Value, name: &str) -> Option<u64> {
    let found = field(value, name)?;
    found.as_u64().or_else(|| found.as_str()?.parse().ok())
}
