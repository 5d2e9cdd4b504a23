//! Manifest of an export: field names are read in any case, and everything is checked before a blob
//! is asked for. The signature in it is a secret.

use std::collections::HashSet;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::blob_address::blob_root;
use crate::sources::failure::FetchError;
use crate::sources::identity::cloud::Addresses;
use crate::sources::identity::origin;

/// Formats that are read; whether a blob is compressed is seen from its first bytes.
const FORMATS: [&str; 2] = ["compressedjson", "compressedjsonlines"];

/// A blob, as a manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    /// Name below the root, with `/` between its steps.
    pub(super) name: String,
    /// Number of rows, if the manifest states it.
    pub(super) rows: Option<u64>,
    /// Size in bytes, if the manifest states it.
    pub(super) bytes: Option<u64>,
}

/// A manifest that can be used.
#[derive(Debug)]
pub(super) struct Manifest {
    /// Version of the export's data.
    pub(super) etag: String,
    /// Blobs in the manifest's order, each name once.
    pub(super) blobs: Vec<Blob>,
    root: Url,
    signature: SecretString,
}

/// A manifest, once it was read.
#[derive(Debug)]
pub(super) enum ManifestRead {
    /// Its blobs can be downloaded.
    Usable(Manifest),
    /// It contradicts itself, in words: another one has to be asked for.
    Unsettled(String),
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`FetchError::Security`] for blobs outside the cloud's storage hosts or above the root;
    /// [`FetchError::Incomplete`] for an unknown format.
    pub(super) fn read(
        value: &Value,
        addresses: &Addresses,
        id: &str,
    ) -> Result<ManifestRead, FetchError> {
        if let Some(format) = text(value, &["dataFormat"])
            && !FORMATS.contains(&format.to_ascii_lowercase().as_str())
        {
            return Err(FetchError::Incomplete {
                what: format!("`{id}`"),
                found: format!("a manifest in the format `{}`", format.escape_default()),
                wanted: "`compressedJSON` or `compressedJSONLines`".to_owned(),
            });
        }
        let blobs = blobs_in(value, id)?;
        if let Some(promised) = count(value, "blobCount")
            && promised != blobs.len() as u64
        {
            let listed = blobs.len();
            let why = format!("a manifest that promises {promised} blobs and lists {listed}");
            return Ok(ManifestRead::Unsettled(why));
        }
        // Blobs are stored by name: a second one would overwrite the first.
        let names: HashSet<&str> = blobs.iter().map(|blob| blob.name.as_str()).collect();
        if names.len() < blobs.len() {
            let why = "a manifest that lists a blob twice".to_owned();
            return Ok(ManifestRead::Unsettled(why));
        }
        let Some(etag) = text(value, &["eTag"]) else {
            let why = "a manifest without an eTag".to_owned();
            return Ok(ManifestRead::Unsettled(why));
        };
        // A missing root is no address, and is refused as such.
        let root = text(value, &["rootDirectory", "rootFolder"]).unwrap_or("");
        let root = blob_root(addresses, root)?;
        // Without a signature the storage refuses each blob, and the manifest is asked for again.
        let signature = text(value, &["sasToken", "rootFolderSAS"]).unwrap_or("");
        Ok(ManifestRead::Usable(Self {
            etag: etag.to_owned(),
            blobs,
            root,
            signature: SecretString::from(signature.trim_start_matches('?')),
        }))
    }

    /// A blob's address, with the signature in its query.
    ///
    /// # Errors
    /// [`FetchError::Security`] if it is not below the root.
    pub(super) fn address(&self, blob: &Blob) -> Result<Url, FetchError> {
        let mut url = self.root.clone();
        url.path_segments_mut()
            .expect("an address with a host has a path")
            // The root may end with a slash, which would become an empty step.
            .pop_if_empty()
            .extend(blob.name.split('/'));
        // Names were checked when the manifest was read; this holds even if that check has a gap.
        if url.origin() != self.root.origin() || !url.path().starts_with(self.root.path()) {
            return Err(FetchError::Security {
                what: "A blob of an export".to_owned(),
                found: format!("`{}`", origin::shown(&url)),
                wanted: format!("a name below `{}`", origin::shown(&self.root)),
            });
        }
        url.set_query(Some(self.signature.expose_secret()));
        Ok(url)
    }
}

/// The blobs of a manifest; none if it has no list.
fn blobs_in(manifest: &Value, id: &str) -> Result<Vec<Blob>, FetchError> {
    let Some(listed) = field(manifest, "blobs").and_then(Value::as_array) else {
        return Ok(Vec::new());
    };
    listed
        .iter()
        .map(|blob| {
            Ok(Blob {
                name: safe(text(blob, &["name"]), id)?.to_owned(),
                rows: count(blob, "itemCount"),
                bytes: count(blob, "sizeInBytes"),
            })
        })
        .collect()
}

/// The name of a blob, if there is one and it stays below the root.
fn safe<'n>(name: Option<&'n str>, id: &str) -> Result<&'n str, FetchError> {
    let refused = |found: String| FetchError::Security {
        what: format!("The manifest of `{id}`"),
        found,
        wanted: "names below the root".to_owned(),
    };
    let name = name.ok_or_else(|| refused("a blob without a name".to_owned()))?;
    let is_bad = name.contains([':', '\\', '?', '#', '%'])
        || name.chars().any(char::is_control)
        || name
            .split('/')
            .any(|step| step.is_empty() || step == "." || step == "..");
    if !is_bad {
        return Ok(name);
    }
    Err(refused(format!("a blob named `{}`", name.escape_default())))
}

/// A field by its name in any case: samples have `rootDirectory` and `RootDirectory`.
fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value
        .as_object()?
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The text of the first of several fields that is there; `None` if it is empty.
fn text<'v>(value: &'v Value, names: &[&str]) -> Option<&'v str> {
    names
        .iter()
        .find_map(|name| field(value, name)?.as_str())
        .filter(|text| !text.is_empty())
}

/// A count, which is a number in some samples and a text in others.
fn count(value: &Value, name: &str) -> Option<u64> {
    let found = field(value, name)?;
    found.as_u64().or_else(|| found.as_str()?.parse().ok())
}
