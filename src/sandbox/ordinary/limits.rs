//! The rate of calls for single customers (endpoints §4): too many in one of the tenant's minutes,
//! and all of them wait for 57 of its seconds.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::super::message::Answer;
use super::books::Partner;
use super::pace;
use super::refusals;

/// Seconds that a client is asked to wait, as in the published sample.
const WAIT_SECONDS: u64 = 57;

/// Calls since the current minute began.
#[derive(Debug)]
pub(super) struct Limits {
    window: Mutex<(Instant, u64)>,
}

impl Limits {
    /// Limits that nobody has used yet.
    pub(super) fn new() -> Self {
        Self {
            window: Mutex::new((Instant::now(), 0)),
        }
    }

    /// Counts a call; the answer that refuses it, if it is one too many.
    pub(super) fn refusal(&self, partner: &Partner) -> Option<Answer> {
        if !partner.has("throttle") {
            return None;
        }
        let minute = pace::scaled(&partner.settings, WAIT_SECONDS);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, calls) = &mut *window;
        let since = began.elapsed();
        if since >= minute {
            (*began, *calls) = (Instant::now(), 0);
        }
        *calls += 1;
        let over = *calls > partner.settings.customer_calls;
        let left = minute.saturating_sub(began.elapsed());
        over.then(|| refusals::throttled(pace::retry_after(left)))
    }
}

/// The answer of an endpoint that is throttled for ever.
pub(super) fn for_ever(partner: &Partner) -> Answer {
    let wait = pace::scaled(&partner.settings, WAIT_SECONDS);
    refusals::throttled(pace::retry_after(wait))
}
