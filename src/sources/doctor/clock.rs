//! This machine's clock, held against the `Date` of a response.

use chrono::{DateTime, Utc};
use reqwest::{Method, Url};

use super::finding::Finding;
use crate::sources::identity::origin;
use crate::sources::wire::http::Http;
use crate::sources::wire::message::header;

const WHAT: &str = "Clock";
/// Largest difference in seconds that is accepted without a word: an assertion is dated back by as
/// much, and a rate limit is waited for by the second.
const WORTH_A_WORD: i64 = 60;
/// Largest difference in seconds with which tokens are accepted.
const REFUSED_BEYOND: i64 = 300;

/// The finding on this machine's clock, by the date of whatever the issuer of tokens at `authority`
/// answers. It needs no token: a wrong clock is a reason why there is none.
pub(super) async fn finding(http: &Http, authority: &Url) -> Finding {
    let unknown = |found: String| {
        Finding::warning(
            WHAT,
            found,
            "compare it with another one; tokens depend on it",
        )
    };
    let asked = http.plain_request(Method::GET, authority.clone());
    let Ok(response) = asked.send().await else {
        let authority = origin::shown(authority);
        return unknown(format!("not compared: `{authority}` does not answer"));
    };
    let date = header(response.headers(), "date");
    let theirs = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    match theirs {
        Some(theirs) => judged(now(), theirs.with_timezone(&Utc)),
        None => unknown("not compared: the response has no date".to_owned()),
    }
}

/// The moment, by this machine's clock.
pub(crate) fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

fn judged(ours: DateTime<Utc>, theirs: DateTime<Utc>) -> Finding {
    // The time that the response took does not matter against a minute.
    let off = (ours - theirs).num_seconds();
    let hint = "set the clock by a time server; tokens are refused beyond five minutes";
    let direction = if off > 0 { "ahead of" } else { "behind" };
    let found = format!("{} seconds {direction} the service's", off.abs());
    match off.abs() {
        0..=WORTH_A_WORD => Finding::good(WHAT, "within a minute of the service's"),
        ..=REFUSED_BEYOND => Finding::warning(WHAT, found, hint),
        _ => Finding::bad(WHAT, found, Some(hint.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::doctor::finding::Gravity;
    use chrono::TimeDelta;

    #[test]
    fn a_clock_may_be_a_minute_off_and_never_more_than_five() {
        let theirs = now();
        let cases = [
            (-301, Gravity::Bad, "301 seconds behind"),
            (-300, Gravity::Warning, "300 seconds behind"),
            (-60, Gravity::Good, "within a minute"),
            (60, Gravity::Good, "within a minute"),
            (61, Gravity::Warning, "61 seconds ahead of"),
            (301, Gravity::Bad, "301 seconds ahead of"),
        ];
        for (off, gravity, words) in cases {
            let found = judged(theirs + TimeDelta::seconds(off), theirs);
            assert_eq!(found.gravity, gravity, "{off}");
            assert!(found.found.contains(words), "{off}: {found:?}");
        }
    }
}
