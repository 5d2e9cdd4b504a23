//! Whether to ask again, and when. Pure: no clock, no network.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::{DateTime, Utc};

/// How patient a fetch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Times that a request is sent, at most.
    pub attempts: u32,
    /// First pause, doubled each time, with jitter.
    pub backoff_ms: u64,
    /// Longest pause, whoever asks for it.
    pub longest_pause_ms: u64,
    /// Repetitions of a whole run.
    pub run_retries: u64,
    /// Pauses of a whole run, summed over its workers.
    pub run_pause_ms: u64,
    /// Polls of an operation, or of data that are not there yet.
    pub polls: u32,
    /// Times that a unit is begun anew.
    pub restarts: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 8,
            backoff_ms: 500,
            longest_pause_ms: 300_000,
            run_retries: 2_000,
            run_pause_ms: 3_600_000,
            polls: 400,
            restarts: 3,
        }
    }
}

impl Patience {
    /// The pauses between the attempts of one request.
    pub fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(self.backoff_ms.max(1)))
            .with_max_delay(Duration::from_millis(self.longest_pause_ms.max(1)))
            .with_max_times(usize::try_from(self.attempts).unwrap_or(usize::MAX))
            .with_jitter()
            .build()
    }

    /// What a server asks for, as long as it is not too much.
    #[must_use]
    pub fn capped(&self, asked: Duration) -> Duration {
        asked.min(Duration::from_millis(self.longest_pause_ms))
    }
}

/// What an answer's status means for the one who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take it.
    Take,
    /// The token is not taken: another one, once.
    Unauthorized,
    /// Ask again.
    Again,
    /// It is refused for good.
    Refuse,
}

/// The verdict on a status.
#[must_use]
pub fn verdict(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Take,
        401 => Verdict::Unauthorized,
        408 | 429 | 500..=599 => Verdict::Again,
        _ => Verdict::Refuse,
    }
}

/// The pause that `Retry-After` asks for: seconds, a fraction of them, or a date; nothing for a
/// text that is none of these. What is negative or past asks for no pause.
#[must_use]
pub fn retry_after(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = header.trim();
    if let Some(pause) = seconds(text) {
        return Some(pause);
    }
    let date = DateTime::parse_from_rfc2822(text)
        .ok()
        .map(|date| date.with_timezone(&Utc));
    let date = date.or_else(|| {
        chrono::NaiveDateTime::parse_from_str(text, "%A, %d-%b-%y %H:%M:%S GMT")
            .ok()
            .map(|date| date.and_utc())
    })?;
    Some((date - now).to_std().unwrap_or(Duration::ZERO))
}

/// Seconds with decimals, to the millisecond, without a float.
fn seconds(text: &str) -> Option<Duration> {
    let (negative, text) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    // More digits than fit are a very long time.
    let whole = whole
        .parse::<u64>()
        .unwrap_or(u64::MAX / 1_000)
        .min(u64::MAX / 2_000);
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(if negative {
        Duration::ZERO
    } else {
        Duration::from_millis(whole * 1_000 + millis)
    })
}

/// The seconds that a throttled body names, as in `Try again in 57 seconds.`
#[must_use]
pub fn seconds_in_words(body: &str) -> Option<Duration> {
    let rest = body.split_once("gain in ")?.1;
    seconds(rest.split(' ').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(Patience::default().capped(huge), Duration::from_secs(300));
        assert_eq!(
            seconds_in_words("Rate limit is exceeded. Try again in 57 seconds."),
            Some(Duration::from_secs(57))
        );
    }

    #[test]
    fn pauses_grow_and_end() {
        let patience = Patience {
            attempts: 4,
            backoff_ms: 100,
            longest_pause_ms: 250,
            ..Patience::default()
        };
        let pauses: Vec<u128> = patience.pauses().map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses.len(), 4);
        assert!(
            pauses[0] >= 100 && pauses.iter().all(|pause| *pause <= 500),
            "{pauses:?}"
        );
    }
}
