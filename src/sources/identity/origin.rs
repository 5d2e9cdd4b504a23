//! Where a token or a signature may go. Origins are compared, never prefixes of texts; and the one
//! place in which an address is made fit to be shown.

use reqwest::Url;

use super::cloud::Addresses;
use crate::sources::failure::FetchError;

/// An address without its query, its fragment and its user: they hold signatures and secrets.
#[must_use]
pub fn shown(url: &Url) -> String {
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!(
        "{}://{}{port}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path()
    )
}

/// Whether an address is on this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// The address that an answer gives, if it is on `base`'s own origin.
///
/// # Errors
/// [`FetchError::Security`] for another scheme, host or port, or with a user in it.
pub fn same_origin(base: &Url, given: &str, what: &str) -> Result<Url, FetchError> {
    let refused = |found: String| FetchError::Security {
        what: what.to_owned(),
        found,
        wanted: format!("an address on `{}`", shown(base)),
    };
    let url = base
        .join(given.trim())
        .map_err(|error| refused(format!("an address that cannot be read ({error})")))?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if url.origin() != base.origin() || has_user {
        return Err(refused(format!("`{}`", shown(&url))));
    }
    Ok(url)
}

/// The folder of blobs that a manifest names, if its host is one of the cloud's storage hosts, or
/// the sandbox itself.
///
/// # Errors
/// [`FetchError::Security`] for any other host, and for http.
pub fn blob_root(addresses: &Addresses, given: &str) -> Result<Url, FetchError> {
    let what = "the blobs of an export";
    if addresses.is_sandbox() {
        return same_origin(&addresses.partner_center, given, what);
    }
    let hosts: Vec<String> = addresses
        .cloud
        .blob_hosts
        .iter()
        .map(|host| format!("`*{host}`"))
        .collect();
    let refused = |found: String| FetchError::Security {
        what: what.to_owned(),
        found,
        wanted: format!("https on {}", hosts.join(", ")),
    };
    let url = Url::parse(given.trim())
        .map_err(|error| refused(format!("an address that cannot be read ({error})")))?;
    let host = url.host_str().unwrap_or_default();
    let known = addresses
        .cloud
        .blob_hosts
        .iter()
        .any(|end| host.len() > end.len() && host.ends_with(end));
    let plain = url.scheme() == "https"
        && url.username().is_empty()
        && url.password().is_none()
        && url.port().is_none();
    if known && plain && url.query().is_none() {
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
    fn only_the_own_origin_gets_a_token() {
        let base = Url::parse("https://api.partnercenter.microsoft.com").expect("a constant");
        for good in [
            "/v1/customers",
            "invoices?x=1",
            "https://api.partnercenter.microsoft.com/v1/x",
            "HTTPS://API.PARTNERCENTER.MICROSOFT.COM:443/",
        ] {
            assert!(same_origin(&base, good, "x").is_ok(), "{good}");
        }
        for bad in [
            "http://api.partnercenter.microsoft.com/v1",
            "https://api.partnercenter.microsoft.com:8443/",
            "https://api.partnercenter.microsoft.com@evil.example/",
            "https://good@api.partnercenter.microsoft.com/",
            "https://api.partnercenter.microsoft.com.evil.example/",
            "//evil.example/v1",
            "https://evil.example",
            "\\\\evil.example\\v1",
        ] {
            let refused = same_origin(&base, bad, "x");
            assert!(matches!(refused, Err(FetchError::Security { .. })), "{bad}");
        }
    }

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

    #[test]
    fn a_shown_address_holds_no_secret() {
        let url = Url::parse("https://u:secret@h.example:8443/a/b?sig=secret#secret")
            .expect("a constant");
        assert_eq!(shown(&url), "https://h.example:8443/a/b");
    }
}
