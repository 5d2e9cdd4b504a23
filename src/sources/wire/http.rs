//! The HTTP client of a run: time limits, headers, one attempt at a time, and the budgets for faults
//! that all workers share. Waiting that a service asks for costs none of them. It follows no redirects and keeps no tokens; the loop over the
//! attempts of a request is in `attempts`.

use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error_body::without_secrets;
use super::message::{ApiRequest, ApiResponse, CallIds, Purpose, header};
use super::rate_limit::{Gates, Service};
use crate::progress::reporting::Progress;
use crate::sources::failure::FetchError;
use crate::sources::identity::account::{Account, RetryPolicy};
use crate::sources::identity::origin;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time that an unused connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest body kept in memory: 64 MiB; a larger one is refused. A page of 2,000 rows has some 4
/// MB, a rate card 1.5 MB.
const PAGE_LIMIT_BYTES: usize = 64 << 20;

/// The client of one run, with its budgets.
#[derive(Debug)]
pub struct Http {
    client: Client,
    /// Limits of retries and waiting.
    pub(crate) retry_policy: RetryPolicy,
    pub(super) gates: Gates,
    /// Progress of the run.
    pub(crate) progress: Progress,
    request_timeout: Duration,
    /// A permit for each request that may be on its way at the same time. Whoever waits holds none:
    /// an export of half an hour must not keep a page from being asked for.
    on_the_way: Semaphore,
    /// What faults have cost so far, in the order of [`Purpose`].
    spent: [Spent; 2],
}

/// Retries and pauses that faults have cost, added up over all workers.
#[derive(Debug, Default)]
struct Spent {
    retries: AtomicU64,
    paused_ms: AtomicU64,
}

/// Failure of one attempt, in words.
pub(crate) enum AttemptError {
    /// No complete response, or one that reports a temporary failure.
    Unanswered(String),
    /// A complete response with a body that cannot be used.
    Unusable(String),
}

impl Http {
    /// A client for an account.
    ///
    /// # Errors
    /// [`FetchError::Start`] if TLS cannot be set up.
    pub fn new(account: &Account, progress: Progress) -> Result<Self, FetchError> {
        let client = builder(account.addresses.is_sandbox())
            .read_timeout(Duration::from_millis(account.read_timeout_ms))
            .build()
            .map_err(|error| FetchError::Start {
                what: "the HTTP client",
                source: error.without_url().into(),
            })?;
        Ok(Self {
            client,
            retry_policy: account.patience.clone(),
            gates: Gates::new(account.requests_per_second),
            progress,
            request_timeout: Duration::from_millis(account.request_timeout_ms),
            on_the_way: Semaphore::new(account.workers.max(1)),
            spent: Default::default(),
        })
    }

    /// A request to a blob, or another one without the headers of an API.
    pub(crate) fn plain_request(&self, method: Method, url: Url) -> RequestBuilder {
        let counters = &self.progress.counters;
        counters.requests.fetch_add(1, Ordering::Relaxed);
        self.client.request(method, url)
    }

    /// A request with the headers that an API documents
    /// ([endpoints §3](crate::model::domain::endpoints)).
    fn request(&self, ask: &ApiRequest<'_>, ids: &CallIds) -> RequestBuilder {
        let accepted = match ask.service {
            // CSV, as `application/octet-stream` or whatever an archive is called.
            Service::Sheets => "*/*",
            Service::PartnerCenter | Service::Graph | Service::Tokens => "application/json",
        };
        let request = self
            .plain_request(ask.method.clone(), ask.url.clone())
            .header("Accept", accepted)
            .header("Accept-Encoding", "gzip");
        match ask.service {
            Service::PartnerCenter => request
                .header("MS-CorrelationId", &ids.correlation)
                .header("MS-RequestId", &ids.request)
                .header("MS-Contract-Version", "v1"),
            // Nothing is documented for the host of the sheets: as Graph does, which it resembles.
            Service::Graph | Service::Sheets | Service::Tokens => {
                request.header("client-request-id", &ids.request)
            }
        }
    }

    /// Waits until one more request may be on its way; it is until the permit is dropped.
    pub(crate) async fn permit(&self) -> SemaphorePermit<'_> {
        let permit = self.on_the_way.acquire().await;
        permit.expect("the semaphore is never closed")
    }

    /// Sends a request once. A 2xx response with a body that fails the request's test is an error;
    /// every other response is returned, whatever its status.
    pub(super) async fn attempt(
        &self,
        ask: &ApiRequest<'_>,
        token: Option<&SecretString>,
        ids: &CallIds,
    ) -> Result<ApiResponse, AttemptError> {
        let permit = self.permit().await;
        // The limit is for the whole exchange, body included; silence in between has one of its
        // own.
        let began = Instant::now();
        let sent = tokio::time::timeout(self.request_timeout, self.exchange(ask, token, ids)).await;
        drop(permit);
        self.progress.waited(began.elapsed());
        let reply = sent.unwrap_or_else(|_| {
            Err(AttemptError::Unanswered(format!(
                "no complete response within {} ms",
                self.request_timeout.as_millis()
            )))
        });
        self.progress.detail(|| {
            let outcome = match &reply {
                Ok(reply) => format!("{}, {} bytes", reply.status, reply.body.len()),
                Err(AttemptError::Unanswered(found) | AttemptError::Unusable(found)) => {
                    found.clone()
                }
            };
            format!(
                "{} {}: {outcome} ({} ms)",
                ask.method,
                origin::shown(&ask.url),
                began.elapsed().as_millis()
            )
        });
        let reply = reply?;
        // 204 has no body that could be tested.
        if is_success(reply.status) && reply.status != 204 {
            (ask.check)(&reply.body).map_err(AttemptError::Unusable)?;
        }
        Ok(reply)
    }

    async fn exchange(
        &self,
        ask: &ApiRequest<'_>,
        token: Option<&SecretString>,
        ids: &CallIds,
    ) -> Result<ApiResponse, AttemptError> {
        let mut request = self.request(ask, ids);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some((kind, text)) = &ask.body {
            request = request.header("Content-Type", *kind).body(text.clone());
        }
        if let Some(token) = token {
            request = request.header("Authorization", bearer(token));
        }
        let response = request.send().await.map_err(network)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let is_gzip = header(&headers, "content-encoding")
            .is_some_and(|encoding| encoding.trim().eq_ignore_ascii_case("gzip"));
        let mut body = self.body_of(response).await?;
        if is_gzip && !body.is_empty() {
            body = unzipped(&body)?;
        }
        if !is_success(status) {
            // Only bodies of errors are ever shown; data are stored as received.
            body = without_secrets(&body, ask, token);
        }
        Ok(ApiResponse {
            status,
            headers,
            body,
        })
    }

    async fn body_of(&self, mut response: Response) -> Result<Vec<u8>, AttemptError> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(network)? {
            self.progress
                .counters
                .bytes
                .fetch_add(piece.len() as u64, Ordering::Relaxed);
            body.extend_from_slice(&piece);
            // While receiving: a body without end must not fill the memory first.
            if body.len() > PAGE_LIMIT_BYTES {
                return Err(too_large());
            }
        }
        Ok(body)
    }

    /// Takes one retry from the budget of a purpose; `found` is the fault that it is for.
    ///
    /// # Errors
    /// [`FetchError::Remote`] if the budget is used up.
    pub(crate) fn count_retry(
        &self,
        purpose: Purpose,
        what: &str,
        found: &str,
    ) -> Result<(), FetchError> {
        self.count_again();
        let spent = &self.spent[purpose as usize].retries;
        if spent.fetch_add(1, Ordering::Relaxed) >= self.retry_policy.run_retries {
            return Err(FetchError::Remote {
                what: what.to_owned(),
                found: found.to_owned(),
                budget: format!("{} retries in one run", self.retry_policy.run_retries),
            });
        }
        Ok(())
    }

    /// Counts a request that is sent again, for the summary.
    pub(super) fn count_again(&self) {
        let counters = &self.progress.counters;
        counters.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits because of a fault, and takes the time from the budget of a purpose; `why` is the
    /// fault.
    ///
    /// # Errors
    /// [`FetchError::Remote`] if the budget is used up.
    pub(crate) async fn pause(
        &self,
        purpose: Purpose,
        what: &str,
        pause: Duration,
        why: &str,
    ) -> Result<(), FetchError> {
        let millis = u64::try_from(pause.as_millis()).expect("a pause is capped");
        // Before sleeping: workers that pause at the same time share one budget.
        let spent = &self.spent[purpose as usize].paused_ms;
        let before = spent.fetch_add(millis, Ordering::Relaxed);
        if before.saturating_add(millis) > self.retry_policy.run_pause_ms {
            let seconds = self.retry_policy.run_pause_ms / 1_000;
            return Err(FetchError::Remote {
                what: what.to_owned(),
                found: why.to_owned(),
                budget: format!("{seconds} s of pauses after faults"),
            });
        }
        self.wait(what, pause, why).await;
        Ok(())
    }

    /// Waits as the service asks for, which is no fault and costs no budget; `why` is the reason.
    pub(crate) async fn wait(&self, what: &str, pause: Duration, why: &str) {
        self.progress
            .detail(|| format!("{what}: {why}; waiting {} ms", pause.as_millis()));
        self.progress.waited(pause);
        tokio::time::sleep(pause).await;
    }
}

/// A client to be built, with what is the same for all: TLS and its roots, the system's proxy, and no
/// redirects. Plain HTTP is for services on this machine alone.
pub(super) fn builder(is_on_this_machine: bool) -> ClientBuilder {
    // An error means that a test or a host program has installed a provider, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .user_agent(concat!("tieout/", env!("CARGO_PKG_VERSION")))
        .https_only(!is_on_this_machine);
    match is_on_this_machine {
        // A proxy cannot reach this machine's loopback address.
        true => builder.no_proxy(),
        false => builder,
    }
}

fn too_large() -> AttemptError {
    let limit = PAGE_LIMIT_BYTES >> 20;
    AttemptError::Unusable(format!("a response of more than {limit} MiB"))
}

/// The body of a response that was compressed on its way.
fn unzipped(body: &[u8]) -> Result<Vec<u8>, AttemptError> {
    let mut plain = Vec::new();
    let limit = PAGE_LIMIT_BYTES as u64 + 1;
    flate2::read::MultiGzDecoder::new(body)
        .take(limit)
        .read_to_end(&mut plain)
        .map_err(|error| AttemptError::Unanswered(format!("a broken gzip stream ({error})")))?;
    if plain.len() as u64 == limit {
        return Err(too_large());
    }
    Ok(plain)
}

pub(super) fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// The header that carries a token; marked as sensitive, so that no debug print shows it.
fn bearer(token: &SecretString) -> HeaderValue {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .expect("`Token::new` accepts only what can stand in a header");
    value.set_sensitive(true);
    value
}

/// A network failure in words: its two innermost causes, innermost first. Never with the address,
/// which may contain a signature.
pub(crate) fn network(error: reqwest::Error) -> AttemptError {
    // Every message of the client contains the address, if it has one.
    let error = error.without_url();
    let mut words = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    // The outer causes only say that the request failed.
    let innermost: Vec<String> = words.into_iter().rev().take(2).collect();
    AttemptError::Unanswered(innermost.join(": "))
}
