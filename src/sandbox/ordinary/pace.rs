//! Time: the machine's clock for tokens, signatures and headers, and the tenant's pace, which makes
//! waits shorter for tests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};

use super::settings::OrdinarySettings;

/// Seconds of the tenant as time of the machine.
pub(super) fn scaled(settings: &OrdinarySettings, seconds: u64) -> Duration {
    Duration::from_millis(seconds * settings.second_ms)
}

/// `Retry-After` in whole seconds of the machine: at least one, as Partner Center writes it.
pub(super) fn retry_after(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1_000).max(1) as u64
}

/// `Retry-After` as Graph writes it: whole seconds, or a fraction of one.
pub(super) fn fractional_retry_after(wait: Duration) -> String {
    if wait.as_secs() > 0 {
        return retry_after(wait).to_string();
    }
    format!("0.{:03}", wait.as_millis())
}

/// Seconds of the machine's clock since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A machine whose clock stands before 1970 has other worries than this.
    since.map_or(0, |since| since.as_secs() as i64)
}

/// An instant as `2026-11-06T02:03:04Z`.
pub(super) fn instant(seconds: i64) -> String {
    formatted(seconds, "%Y-%m-%dT%H:%M:%SZ")
}

/// An instant as headers have it.
pub(super) fn header_date(seconds: i64) -> String {
    formatted(seconds, "%a, %d %b %Y %H:%M:%S GMT")
}

fn formatted(seconds: i64, form: &str) -> String {
    let instant: Option<DateTime<Utc>> = DateTime::from_timestamp(seconds, 0);
    instant.map_or(String::new(), |instant| instant.format(form).to_string())
}
