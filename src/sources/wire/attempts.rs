//! The attempts of one request: sent until it is answered, refused, or its retries are used up. The
//! caller brings a token for each attempt, because a token may expire during a long back-off.

use std::time::Duration;

use backon::ExponentialBackoff;
use secrecy::SecretString;

use super::error_body::{refused, unauthorized, words_of};
use super::http::{AttemptError, Http};
use super::message::{ApiRequest, ApiResponse, CallIds, guid};
use super::rate_limit::Gate;
use super::retry::{Verdict, retry_after, seconds_in_words, verdict};
use crate::sources::failure::FetchError;

/// State of one request between its attempts.
pub(crate) struct Attempts<'r> {
    http: &'r Http,
    ask: &'r ApiRequest<'r>,
    gate: &'r Gate,
    pauses: ExponentialBackoff,
    polls: u32,
    /// Number of times that the server asked this request to slow down.
    throttled: u32,
    ids: CallIds,
}

/// Times in a row that a request which is asked to slow down makes all others of its API wait, too.
/// Beyond them it waits alone: one customer that is throttled for ever must not hold up the rest.
const SHARED_THROTTLES: u32 = 2;
/// Times that a request slows down for each retry that it has for faults.
const THROTTLES_FOR_RETRY: u32 = 3;

/// Outcome of one attempt that does not end in an error.
pub(crate) enum Outcome {
    /// The response that was asked for.
    Answered(ApiResponse),
    /// The response that refuses the token.
    Unauthorized(ApiResponse),
    /// Nothing yet: the pause is over, and another attempt is due.
    Again,
}

impl<'r> Attempts<'r> {
    /// Prepares a request; nothing is sent yet.
    pub(crate) fn new(http: &'r Http, ask: &'r ApiRequest<'r>) -> Self {
        Self {
            http,
            ask,
            gate: http.gates.of(ask.service),
            pauses: http.retry_policy.pauses(),
            polls: 0,
            throttled: 0,
            ids: CallIds::new(),
        }
    }

    /// Sends a request that needs no token, until it is answered.
    ///
    /// # Errors
    /// [`FetchError`] if it is refused, or if a budget is used up.
    pub(crate) async fn without_token(mut self) -> Result<ApiResponse, FetchError> {
        loop {
            self.turn().await;
            match self.send(None).await? {
                Outcome::Answered(reply) => return Ok(reply),
                Outcome::Unauthorized(reply) => return Err(unauthorized(self.ask.what, &reply)),
                Outcome::Again => {}
            }
        }
    }

    /// Waits until the API's gate lets the next attempt through.
    pub(crate) async fn turn(&self) {
        self.gate.pass().await;
    }

    /// Makes one attempt; a failure that is worth a retry is followed by its pause, and so is a
    /// server's wish to be asked more slowly.
    ///
    /// # Errors
    /// [`FetchError`] if the request is refused, or if a budget is used up.
    pub(crate) async fn send(
        &mut self,
        token: Option<&SecretString>,
    ) -> Result<Outcome, FetchError> {
        let sent = self.http.attempt(self.ask, token, &self.ids).await;
        let reply = match sent {
            Ok(reply) => reply,
            Err(error) => {
                self.back_off(error, None).await?;
                return Ok(Outcome::Again);
            }
        };
        // A response came, whatever it says: the next attempt is another request.
        self.ids.request = guid();
        match verdict(reply.status) {
            Verdict::Take if self.is_not_ready(&reply) => self.poll(&reply).await?,
            Verdict::Take => return Ok(Outcome::Answered(reply)),
            // Renewing the token is the caller's affair, and costs no retry.
            Verdict::Unauthorized => return Ok(Outcome::Unauthorized(reply)),
            Verdict::Refuse => return Err(refused(self.ask, &reply)),
            Verdict::Again => {
                let pause = asked_pause(&reply)
                    // A server that asks for no pause at all is not believed: it has just failed.
                    .filter(|pause| !pause.is_zero())
                    .map(|pause| self.http.retry_policy.capped(pause));
                if reply.status == 429 {
                    self.slow_down(&reply, pause).await?;
                } else {
                    if let Some(pause) = pause.filter(|_| reply.status == 503) {
                        self.share(pause);
                    }
                    let error = AttemptError::Unanswered(words_of(&reply));
                    self.back_off(error, pause).await?;
                }
            }
        }
        Ok(Outcome::Again)
    }

    /// Waits as long as the server asks for, or for a back-off where it names no time. That is no
    /// fault; but a request that is put off again and again is given up in the end.
    async fn slow_down(
        &mut self,
        reply: &ApiResponse,
        asked: Option<Duration>,
    ) -> Result<(), FetchError> {
        let most = self
            .http
            .retry_policy
            .attempts
            .saturating_mul(THROTTLES_FOR_RETRY);
        let found = words_of(reply);
        if self.throttled >= most {
            return Err(FetchError::Remote {
                what: self.ask.what.to_owned(),
                found,
                budget: format!("{} attempts", most + 1),
            });
        }
        self.http.count_again();
        // A policy without retries has no back-off either: ask again at once.
        let mut backoffs = self.http.retry_policy.pauses();
        let pause = asked
            .or_else(|| backoffs.nth(self.throttled as usize))
            .or_else(|| self.http.retry_policy.pauses().last())
            .unwrap_or(Duration::ZERO);
        self.share(pause);
        self.http.wait(self.ask.what, pause, &found).await;
        Ok(())
    }

    /// Lets all requests of the API wait for `pause`: whoever asks meanwhile would be put off as
    /// well, and prolong it for all.
    fn share(&mut self, pause: Duration) {
        self.throttled += 1;
        if self.throttled <= SHARED_THROTTLES {
            self.gate.shut(pause);
        }
    }

    fn is_not_ready(&self, reply: &ApiResponse) -> bool {
        reply.status == 204 && (self.ask.waits_for_content || reply.header("retry-after").is_some())
    }

    /// Waits for data that are not ready; this counts as a poll, not as a retry.
    async fn poll(&mut self, reply: &ApiResponse) -> Result<(), FetchError> {
        let policy = &self.http.retry_policy;
        self.polls += 1;
        if self.polls >= policy.polls {
            let found = format!("204 {} times: the data are not ready yet", policy.polls);
            return Err(FetchError::Incomplete {
                what: self.ask.what.to_owned(),
                found,
                wanted: "data, or an empty page".to_owned(),
            });
        }
        // A policy without retries has no back-off either: ask again at once.
        let pause = asked_pause(reply)
            .or_else(|| policy.pauses().next())
            .unwrap_or(Duration::ZERO);
        let pause = policy.capped(pause);
        self.http
            .wait(self.ask.what, pause, "204: not ready yet")
            .await;
        Ok(())
    }

    /// Waits before a retry: for `asked`, the pause that the server asks for, or for the next
    /// back-off.
    async fn back_off(
        &mut self,
        error: AttemptError,
        asked: Option<Duration>,
    ) -> Result<(), FetchError> {
        let Some(backoff) = self.pauses.next() else {
            return Err(self.used_up(error));
        };
        // Both kinds are worth a retry; they differ in what they mean when the retries are used up.
        let (AttemptError::Unanswered(found) | AttemptError::Unusable(found)) = error;
        let (what, purpose) = (self.ask.what, self.ask.purpose);
        self.http.count_retry(purpose, what, &found)?;
        let pause = asked.unwrap_or(backoff);
        self.http.pause(purpose, what, pause, &found).await
    }

    fn used_up(&self, error: AttemptError) -> FetchError {
        let what = self.ask.what.to_owned();
        match error {
            // The server works, and only this unit comes out wrong: the others may go on.
            AttemptError::Unusable(found) => FetchError::Incomplete {
                what,
                found,
                wanted: "a complete response".to_owned(),
            },
            AttemptError::Unanswered(found) => FetchError::Remote {
                what,
                found,
                budget: attempts_in_words(self.http),
            },
        }
    }
}

/// The number of times that a request is sent, in words.
pub(crate) fn attempts_in_words(http: &Http) -> String {
    format!("{} attempts", http.retry_policy.attempts + 1)
}

/// The pause that a response asks for, in its header or in the words of its body.
fn asked_pause(reply: &ApiResponse) -> Option<Duration> {
    pause_in(reply.header("retry-after"))
        .or_else(|| seconds_in_words(&String::from_utf8_lossy(&reply.body)))
}

/// The pause that a `Retry-After` header asks for, counted from now.
pub(crate) fn pause_in(retry_after_header: Option<&str>) -> Option<Duration> {
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    retry_after(retry_after_header?, now)
}
