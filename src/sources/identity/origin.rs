//! Origins: which addresses a token may be sent to, and how an address is shown. Parsed origins
//! (scheme, host, port) are compared, never prefixes of texts: `https://good.example@evil.example`
//! begins like a good address and is none. [`shown`] is the one place that makes an address fit for
//! a message.

use reqwest::Url;

use crate::sources::failure::FetchError;

/// An address without its query, fragment and user, which may contain signatures and secrets.
#[must_use]
pub fn shown(url: &Url) -> String {
    let mut shown = format!("{}://", url.scheme());
    if let Some(host) = url.host_str() {
        shown.push_str(host);
    }
    // `port` is `None` for the default port of the scheme.
    if let Some(port) = url.port() {
        shown.push_str(&format!(":{port}"));
    }
    shown.push_str(url.path());
    shown
}

/// True if an address is on this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        // `localhost` can be redefined, but only by whoever administers this machine.
        Some("localhost" | "[::1]") => true,
        Some(host) => host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// The address `given` in a response, absolute or relative to `base`, if its origin is that of
/// `base`; `what` names the request in the error.
///
/// # Errors
/// [`FetchError::Security`] for another scheme, host or port, or for an address with a user in it.
pub fn same_origin(base: &Url, given: &str, what: &str) -> Result<Url, FetchError> {
    let refused = |found: String| FetchError::Security {
        what: what.to_owned(),
        found,
        wanted: format!("an address on `{}`", shown(base)),
    };
    let url = base
        .join(given.trim())
        .map_err(|error| refused(format!("an invalid address ({error})")))?;
    // `join` takes `//host` and `\\host` for what they are: other hosts in disguise.
    if url.origin() != base.origin() || has_user(&url) {
        return Err(refused(format!("`{}`", shown(&url))));
    }
    Ok(url)
}

/// True if an address contains a user name or a password.
pub(crate) fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_shown_address_holds_no_secret() {
        let url = Url::parse("https://u:secret@h.example:8443/a/b?sig=secret#secret")
            .expect("a constant");
        assert_eq!(shown(&url), "https://h.example:8443/a/b");
    }
}
