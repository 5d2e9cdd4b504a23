//! Decisions on retries: what a status means, and which pause a server asks for. Pure: no clock and
//! no network, so that every case is a line of a test.

use std::time::Duration;

use chrono::{DateTime, Utc};

pub use crate::sources::identity::account::RetryPolicy as Patience;

/// Consequence of a response's status ([endpoints §4](crate::model::domain::endpoints)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The response is what was asked for.
    Take,
    /// The token is refused: try once more with a new one.
    Unauthorized,
    /// The failure is temporary: retry.
    Again,
    /// The failure is permanent: give up.
    Refuse,
}

/// The verdict on an HTTP status.
#[must_use]
pub(crate) fn verdict(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Take,
        401 => Verdict::Unauthorized,
        // Timeouts, throttling and faults of the server pass.
        408 | 429 | 500..=599 => Verdict::Again,
        // Redirects, too: a token must not be sent where a response points to.
        _ => Verdict::Refuse,
    }
}

/// The pause that a `Retry-After` header asks for, which is a number of seconds, with or without
/// decimals, or a date; `None` for any other text. A negative number or a past date asks for no
/// pause.
#[must_use]
pub(crate) fn retry_after(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = header.trim();
    // Graph documents fractions such as `2.128` (`model::domain::endpoints` §4).
    if let Some(pause) = seconds(text) {
        return Some(pause);
    }
    let date = DateTime::parse_from_rfc2822(text)
        .ok()
        .map(|date| date.with_timezone(&Utc));
    // The obsolete form of RFC 850, which HTTP still has to read.
    let date = date.or_else(|| {
        chrono::NaiveDateTime::parse_from_str(text, "%A, %d-%b-%y %H:%M:%S GMT")
            .ok()
            .map(|date| date.and_utc())
    })?;
    // A date that is past asks for no pause.
    Some((date - now).to_std().unwrap_or(Duration::ZERO))
}

/// Seconds with decimals, cut to milliseconds; without a float.
fn seconds(text: &str) -> Option<Duration> {
    let (is_negative, text) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    if is_negative {
        return Some(Duration::ZERO);
    }
    // More digits than 64 bits can hold are a very long time: the longest pause caps it.
    let longest = u64::MAX / 2_000;
    let whole = whole.parse::<u64>().map_or(longest, |n| n.min(longest));
    // The fraction is padded to three digits; further ones are below a millisecond.
    let millis: u64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    Some(Duration::from_millis(whole * 1_000 + millis))
}

/// The seconds that the body of a throttled response names, as in `Try again in 57 seconds.`
#[must_use]
pub(crate) fn seconds_in_words(body: &str) -> Option<Duration> {
    let rest = body.split_once("gain in ")?.1;
    seconds(rest.split(' ').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::identity::account::RetryPolicy;

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T12:00:00Z")
            .expect("a constant")
            .with_timezone(&Utc);
        let millis = |text: &str| retry_after(text, now).map(|pause| pause.as_millis());
        assert_eq!(millis("57"), Some(57_000));
        assert_eq!(millis(" 2.128 "), Some(2_128));
        assert_eq!(millis("0.0005"), Some(0));
        assert_eq!(millis("-5"), Some(0));
        assert_eq!(millis("Sat, 21 Nov 2026 12:00:30 GMT"), Some(30_000));
        assert_eq!(millis("Sat, 21 Nov 2026 11:00:00 GMT"), Some(0));
        assert_eq!(millis("Saturday, 21-Nov-26 12:00:01 GMT"), Some(1_000));
        assert_eq!(millis("soon"), None);
        assert_eq!(millis(""), None);
        let huge = retry_after("99999999999999999999999", now).expect("a number");
        assert_eq!(
            RetryPolicy::default().capped(huge),
            Duration::from_secs(300)
        );
        assert_eq!(
            seconds_in_words("Rate limit is exceeded. Try again in 57 seconds."),
            Some(Duration::from_secs(57))
        );
    }
}
