//! Rate limits: requests per second, for each API and tenant. When a server tells one worker to
//! wait, all workers that use the same limit wait.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::Instant;

/// The rate limits of a run, one for each key.
#[derive(Debug)]
pub(crate) struct RateLimits {
    per_second: NonZeroU32,
    limits: Mutex<HashMap<String, Arc<RateLimit>>>,
}

/// The rate limit of one API or tenant.
#[derive(Debug)]
pub(crate) struct RateLimit {
    rate: DefaultDirectRateLimiter,
    shut_until: Mutex<Instant>,
}

impl RateLimits {
    /// Limits that let `per_second` requests through per second, each.
    pub(crate) fn new(per_second: NonZeroU32) -> Self {
        Self {
            per_second,
            limits: Mutex::default(),
        }
    }

    /// The limit for a key; it is created with the first request.
    pub(crate) fn of(&self, key: &str) -> Arc<RateLimit> {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            Arc::new(RateLimit {
                rate: RateLimiter::direct(Quota::per_second(self.per_second)),
                shut_until: Mutex::new(Instant::now()),
            })
        };
        // Created on demand: the customers are not known beforehand.
        Arc::clone(limits.entry(key.to_owned()).or_insert_with(make))
    }
}

impl RateLimit {
    /// Waits until a request may be sent.
    pub(crate) async fn pass(&self) {
        loop {
            // Read anew each time: the pause may have been prolonged while this worker slept.
            let until = *self.lock();
            if until > Instant::now() {
                tokio::time::sleep_until(until).await;
                continue;
            }
            self.rate.until_ready().await;
            // Another worker may have been told to wait in the meantime.
            if *self.lock() <= Instant::now() {
                return;
            }
        }
    }

    /// Lets no request through for `pause`; a longer pause that is already running stays.
    pub(crate) fn shut(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut shut_until = self.lock();
        *shut_until = until.max(*shut_until);
    }

    fn lock(&self) -> MutexGuard<'_, Instant> {
        self.shut_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
