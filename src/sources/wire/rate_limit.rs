//! The rate of requests, for each API and tenant. When one worker is told to wait, all wait.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::Instant;

/// One gate for each key.
#[derive(Debug)]
pub struct Gates {
    per_second: NonZeroU32,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
}

/// The gate before an API.
#[derive(Debug)]
pub struct Gate {
    rate: DefaultDirectRateLimiter,
    shut_until: Mutex<Instant>,
}

impl Gates {
    /// Gates that let so many requests a second through, each.
    #[must_use]
    pub fn new(per_second: NonZeroU32) -> Self {
        Self {
            per_second,
            gates: Mutex::default(),
        }
    }

    /// The gate of a key.
    #[must_use]
    pub fn of(&self, key: &str) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            Arc::new(Gate {
                rate: RateLimiter::direct(Quota::per_second(self.per_second)),
                shut_until: Mutex::new(Instant::now()),
            })
        };
        Arc::clone(gates.entry(key.to_owned()).or_insert_with(make))
    }
}

impl Gate {
    /// Waits for a turn.
    pub async fn pass(&self) {
        loop {
            let until = *self
                .shut_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if until > Instant::now() {
                tokio::time::sleep_until(until).await;
                continue;
            }
            self.rate.until_ready().await;
            // It may have been shut in the meantime.
            if *self
                .shut_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                <= Instant::now()
            {
                return;
            }
        }
    }

    /// Nobody passes for so long.
    pub fn shut(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut shut_until = self
            .shut_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *shut_until = until.max(*shut_until);
    }
}
