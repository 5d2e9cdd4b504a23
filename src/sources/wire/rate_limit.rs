//! Gates: for each API of the partner's tenant, how many requests a second may pass. A server that
//! asks one worker to wait is heard by all: while a gate is shut, nobody asks
//! ([endpoints §4](crate::model::domain::endpoints), throttling).

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::Instant;

/// API that a request belongs to. The services count the requests of a tenant for each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Partner Center's own API.
    PartnerCenter,
    /// Microsoft Graph, which orders exports.
    Graph,
    /// The host of exchange rates and price sheets.
    Sheets,
    /// The token endpoint: tokens must not wait behind pages.
    Tokens,
}

/// The gates of a run, one for each API.
#[derive(Debug)]
pub(crate) struct Gates([Gate; 4]);

/// The gate of one API.
#[derive(Debug)]
pub(crate) struct Gate {
    rate: DefaultDirectRateLimiter,
    shut_until: Mutex<Instant>,
}

impl Gates {
    /// Gates that let `per_second` requests through per second, each.
    pub(crate) fn new(per_second: NonZeroU32) -> Self {
        Self(std::array::from_fn(|_| Gate {
            rate: RateLimiter::direct(Quota::per_second(per_second)),
            shut_until: Mutex::new(Instant::now()),
        }))
    }

    /// The gate of an API.
    pub(crate) fn of(&self, service: Service) -> &Gate {
        &self.0[service as usize]
    }
}

impl Gate {
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
