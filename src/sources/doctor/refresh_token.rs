//! The store of the user's refresh token: readable, closed to others, and renewed lately enough.

use std::fs;
use std::io;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use super::finding::Finding;
use crate::sources::auth::store::Store;
use crate::sources::identity::account::{Account, SecretSource, open_to_others};

const WHAT: &str = "Refresh token of the user";
/// Life of a refresh token that nobody uses: 90 days (Entra ID, "Refresh tokens in the Microsoft
/// identity platform"). Each use brings a new one.
const LIFE_DAYS: i64 = 90;
/// Days before its end from which it is a warning: a new one needs a person who signs in.
const DAYS_BEFORE_END: i64 = 30;

/// The finding on the refresh token of an account, whose successors are in `folder`. It must be
/// made before a token is requested, which renews it. `None` for an account without a user, in a
/// rehearsal, and where the first token cannot be read: the request for a token says so.
pub(crate) fn finding(account: &Account, folder: &Path, now: DateTime<Utc>) -> Option<Finding> {
    let user = account.user.as_ref()?;
    let first = user.refresh_token.read().ok()?;
    if user.refresh_token == SecretSource::Rehearsal {
        return None;
    }
    let store = Store::new(folder, &account.tenant, &user.client_id);
    let unreadable = |error: &dyn std::error::Error| {
        let hint = "let only the user that runs tieout read and write it; without it, someone has to sign in again";
        let found = format!("cannot be read: {error}");
        Finding::bad(&place(store.path()), found, Some(hint.to_owned()))
    };
    let described = match fs::symlink_metadata(store.path()) {
        Ok(described) => described,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Some(unused(&user.refresh_token, now));
        }
        Err(error) => return Some(unreadable(&error)),
    };
    if let Some(mode) = open_to_others(store.path()) {
        let hint = "run `chmod 600` on it; if others had access to this machine, revoke the user's sign-ins and sign in again";
        let found = format!("found a file that others can read (mode {mode:03o})");
        let finding = Finding::bad(&place(store.path()), found, Some(hint.to_owned()));
        return Some(finding);
    }
    match store.is_in_use(&first) {
        Err(error) => Some(unreadable(&error)),
        // Somebody signed in after the stored one was made.
        Ok(false) => Some(unused(&user.refresh_token, now)),
        Ok(true) => Some(match described.modified() {
            Ok(written) => judged("renewed", written.into(), now),
            Err(_) => Finding::good(WHAT, "stored; this system does not tell since when"),
        }),
    }
}

fn place(path: &Path) -> String {
    format!("{WHAT}, stored in `{}`", path.display())
}

/// The finding on a first refresh token, which was not exchanged yet.
fn unused(source: &SecretSource, now: DateTime<Utc>) -> Finding {
    let written = match source {
        SecretSource::File(path) => fs::metadata(path).and_then(|file| file.modified()).ok(),
        SecretSource::Environment(_) | SecretSource::Rehearsal => None,
    };
    match written {
        Some(written) => judged("not used yet; written", written.into(), now),
        None => Finding::good(WHAT, "not used yet"),
    }
}

fn judged(verb: &str, written: DateTime<Utc>, now: DateTime<Utc>) -> Finding {
    let end = written + TimeDelta::days(LIFE_DAYS);
    let (written, ends) = (written.date_naive(), end.date_naive());
    let hint = "run `tieout fetch`, which renews it; if it is refused, sign in again with multi-factor authentication, and store the new one";
    if now >= end {
        let found = format!("{verb} on {written}: unused for {LIFE_DAYS} days, it ended on {ends}");
        return Finding::warning(WHAT, found, hint);
    }
    let found = format!("{verb} on {written}; unused, it ends on {ends}");
    if end - now < TimeDelta::days(DAYS_BEFORE_END) {
        return Finding::warning(WHAT, found, hint);
    }
    Finding::good(WHAT, &found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::doctor::finding::Gravity;

    #[test]
    fn a_refresh_token_lives_for_ninety_days_without_use() {
        let moment = |text: &str| text.parse::<DateTime<Utc>>().expect("a moment");
        let written = moment("2026-08-01T12:00:00Z");
        let cases = [
            ("2026-08-01T11:00:00Z", Gravity::Good, "ends on 2026-10-30"),
            ("2026-09-30T12:00:00Z", Gravity::Good, "ends on 2026-10-30"),
            (
                "2026-09-30T12:00:01Z",
                Gravity::Warning,
                "ends on 2026-10-30",
            ),
            (
                "2026-10-30T12:00:00Z",
                Gravity::Warning,
                "it ended on 2026-10-30",
            ),
        ];
        for (now, gravity, words) in cases {
            let found = judged("renewed", written, moment(now));
            assert_eq!(found.gravity, gravity, "{now}: {found:?}");
            assert!(found.found.contains(words), "{now}: {found:?}");
            assert!(found.found.contains("renewed on 2026-08-01"), "{found:?}");
        }
    }
}
