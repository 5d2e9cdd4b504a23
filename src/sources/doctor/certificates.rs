//! Certificates of the account: each must be one, be valid today, belong to its key, and last for a
//! while.

use chrono::{DateTime, TimeDelta, Utc};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::finding::Finding;
use super::x509;
use crate::sources::auth::assertion;
use crate::sources::identity::account::{Account, AppCredential, Proof, SecretSource};

/// Days before its end from which a certificate is a warning: a renewal needs an administrator.
const DAYS_BEFORE_END: i64 = 30;

/// Findings on the certificates of an account, each certificate once.
pub(crate) fn findings(account: &Account, now: DateTime<Utc>) -> Vec<Finding> {
    let app = match &account.app {
        Some(AppCredential::Application { proof, .. }) => certificate(proof),
        Some(AppCredential::Managed { .. }) | None => None,
    };
    let user = account
        .user
        .as_ref()
        .and_then(|user| certificate(&user.proof));
    // The usual case: one certificate proves the application with and without a user.
    let user = user.filter(|user| app != Some(user));
    app.into_iter()
        .chain(user)
        .filter_map(|source| finding(source, now))
        .collect()
}

fn certificate(proof: &Proof) -> Option<&SecretSource> {
    match proof {
        Proof::Certificate(source) => Some(source),
        Proof::Secret(_) | Proof::TokenFile(_) => None,
    }
}

/// The finding on one certificate. `None` where there is none to look at: the request for a token
/// says why.
fn finding(source: &SecretSource, now: DateTime<Utc>) -> Option<Finding> {
    let pem = source.read().ok()?;
    let der = CertificateDer::from_pem_slice(pem.expose_secret().as_bytes()).ok()?;
    let what = match source {
        SecretSource::File(path) => format!("Certificate `{}`", path.display()),
        SecretSource::Environment(name) => format!("Certificate in `{name}`"),
        SecretSource::Rehearsal => return None,
    };
    Some(judged(&what, &pem, &der, now))
}

fn judged(what: &str, pem: &SecretString, der: &[u8], now: DateTime<Utc>) -> Finding {
    let renew = "make a new one, add it to the application in Entra ID, then replace this one; both may be registered at a time";
    let bad = |found: String, hint: &str| Finding::bad(what, found, Some(hint.to_owned()));
    let Some(fields) = x509::read(der) else {
        return bad(
            "found bytes that are no X.509 certificate".to_owned(),
            "put the certificate and its private key into the file, both in PEM",
        );
    };
    let day = |moment: DateTime<Utc>| moment.date_naive().to_string();
    if now > fields.ends {
        return bad(format!("ended on {}", day(fields.ends)), renew);
    }
    if now < fields.begins {
        return bad(
            format!("begins on {} only", day(fields.begins)),
            "wait until then, or set this machine's clock",
        );
    }
    // A key that cannot be used at all is told by the request for a token.
    let key = assertion::key_in(pem.expose_secret().as_bytes());
    if key.is_ok_and(|key| key.public().as_ref() != fields.public_key) {
        return bad(
            "found the private key of another certificate".to_owned(),
            "put the certificate and the key that it was made for into the file",
        );
    }
    if fields.ends - now < TimeDelta::days(DAYS_BEFORE_END) {
        return Finding::warning(what, format!("ends on {}", day(fields.ends)), renew);
    }
    Finding::good(what, &format!("good until {}", day(fields.ends)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::doctor::finding::Gravity;

    /// Gravity and words on a certificate with the key of the tests, at a moment.
    fn judge(certificate: &str, now: &str) -> (Gravity, String) {
        let pem = format!("{}{certificate}", include_str!("../../../tests/it/key.pem"));
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate in PEM");
        let now = now.parse().expect("a moment");
        let found = judged("It", &SecretString::from(pem), &der, now);
        assert_eq!(found.hint.is_none(), found.gravity == Gravity::Good);
        (found.gravity, found.found)
    }

    #[test]
    fn a_certificate_ends_by_the_second_and_is_a_warning_for_thirty_days() {
        let ended = include_str!("../../../tests/it/certificates/ended.pem");
        let cases = [
            (
                "2019-01-02T03:04:04Z",
                Gravity::Bad,
                "begins on 2019-01-02 only",
            ),
            (
                "2019-01-02T03:04:05Z",
                Gravity::Good,
                "good until 2020-02-29",
            ),
            (
                "2020-01-30T23:59:59Z",
                Gravity::Good,
                "good until 2020-02-29",
            ),
            (
                "2020-01-31T00:00:00Z",
                Gravity::Warning,
                "ends on 2020-02-29",
            ),
            (
                "2020-02-29T23:59:59Z",
                Gravity::Warning,
                "ends on 2020-02-29",
            ),
            ("2020-03-01T00:00:00Z", Gravity::Bad, "ended on 2020-02-29"),
        ];
        for (now, gravity, words) in cases {
            assert_eq!(judge(ended, now), (gravity, words.to_owned()), "{now}");
        }
    }

    #[test]
    fn a_certificate_of_another_key_is_told() {
        let strange = include_str!("../../../tests/it/certificates/strange.pem");
        let (gravity, found) = judge(strange, "2026-11-21T00:00:00Z");
        assert_eq!(gravity, Gravity::Bad);
        assert!(found.contains("another certificate"), "{found}");
    }

    #[test]
    fn bytes_that_are_no_certificate_are_told() {
        let nonsense = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n";
        let (gravity, found) = judge(nonsense, "2026-11-21T00:00:00Z");
        assert_eq!(gravity, Gravity::Bad);
        assert!(found.contains("no X.509 certificate"), "{found}");
    }
}
