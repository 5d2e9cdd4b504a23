//! Where the blobs of an export may be: only on the storage hosts of the cloud, so that a manifest
//! cannot send the signature, or the download, anywhere else.

use reqwest::Url;

use crate::sources::failure::FetchError;
use crate::sources::identity::cloud::Addresses;
use crate::sources::identity::origin::{has_user, same_origin, shown};

/// The root folder of blobs that a manifest gives, if it is on one of the cloud's storage hosts, or
/// on the sandbox itself.
///
/// # Errors
/// [`FetchError::Security`] for any other host, for http, and for an address with a user, a port or
/// a query.
pub(super) fn blob_root(addresses: &Addresses, given: &str) -> Result<Url, FetchError> {
    let what = "The blobs of an export";
    // The sandbox serves blobs itself, next to its API.
    if addresses.is_sandbox() {
        return same_origin(&addresses.partner_center, given, what);
    }
    let hosts = addresses.cloud.blob_hosts;
    let refused = |found: String| {
        let hosts: Vec<String> = hosts.iter().map(|host| format!("`*{host}`")).collect();
        FetchError::Security {
            what: what.to_owned(),
            found,
            wanted: format!("https on {}", hosts.join(", ")),
        }
    };
    let url = Url::parse(given.trim())
        .map_err(|error| refused(format!("an invalid address ({error})")))?;
    // A host is an account's name before one of the endings: the bare ending is nobody's.
    let is_storage = url.host_str().is_some_and(|host| {
        hosts
            .iter()
            .any(|ending| host.len() > ending.len() && host.ends_with(ending))
    });
    let is_plain = url.scheme() == "https" && !has_user(&url) && url.port().is_none();
    if is_storage && is_plain && url.query().is_none() {
        Ok(url)
    } else {
        Err(refused(format!("`{}`", shown(&url))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::identity::cloud;

    #[test]
    fn blobs_lie_on_storage_hosts_only() {
        let global = Addresses::of(&cloud::CLOUDS[0], None).expect("constants");
        assert!(blob_root(&global, "https://x1.blob.core.windows.net/a/b=c").is_ok());
        for bad in [
            "http://x1.blob.core.windows.net/a",
            "https://blob.core.windows.net/a",
            "https://x1.blob.core.windows.net.evil.example/a",
            "https://x1.blob.core.windows.net:444/a",
            "https://u@x1.blob.core.windows.net/a",
            "https://evil.example/.blob.core.windows.net",
            "a/b",
        ] {
            assert!(blob_root(&global, bad).is_err(), "{bad}");
        }
        let sandbox =
            Addresses::of(&cloud::CLOUDS[0], Some("http://127.0.0.1:8080")).expect("loopback");
        assert!(blob_root(&sandbox, "http://127.0.0.1:8080/blobs/1").is_ok());
        assert!(blob_root(&sandbox, "http://127.0.0.1:8081/blobs/1").is_err());
        assert!(Addresses::of(&cloud::CLOUDS[0], Some("http://example.com")).is_err());
    }
}
