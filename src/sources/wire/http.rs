//! The one HTTP client: time limits for each phase, budgets, one pause for all who ask the same API,
//! tokens that are renewed once, and no redirects.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Method, Url};
use ring::rand::SecureRandom as _;
use secrecy::ExposeSecret as _;

use super::rate_limit::Gates;
use super::retry::{Patience, Verdict, retry_after, seconds_in_words, verdict};
use crate::progress::watch::Watch;
use crate::sources::failure::FetchError;
use crate::sources::identity::account::Account;
use crate::sources::identity::auth::{Token, TokenKind, Tokens};
use crate::sources::identity::origin;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A page of 2,000 rows is some 4 MB; a rate card 1.5 MB.
const PAGE_LIMIT_BYTES: usize = 64 << 20;
/// Content type of a form, which may hold secrets.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
/// A description is at most 1,024 characters long.
const SHOWN_CHARACTERS: usize = 300;

/// A client with its budgets; one for a run.
#[derive(Debug)]
pub struct Http {
    client: Client,
    /// How patient it is.
    pub patience: Patience,
    gates: Gates,
    /// Who listens.
    pub watch: Watch,
    request_timeout: Duration,
    correlation: String,
    retries: AtomicU64,
    paused_ms: AtomicU64,
}

/// A request.
pub struct Ask<'a> {
    /// What is asked for, in a reader's words.
    pub what: &'a str,
    /// GET or POST.
    pub method: Method,
    /// Where.
    pub url: Url,
    /// Headers besides those of every request.
    pub headers: Vec<(&'static str, String)>,
    /// Content type and text of the body.
    pub body: Option<(&'static str, String)>,
    /// Which gate it passes.
    pub throttle: &'a str,
    /// Whose token it takes.
    pub token: Option<TokenKind>,
    /// 204 means "not yet", even where it does not say when to ask again.
    pub waits_for_content: bool,
    /// What a good body is; the reason where it is none.
    pub check: &'a (dyn Fn(&[u8]) -> Result<(), String> + Sync),
}

/// An answer that was taken.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status, 200 to 299.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Vec<u8>,
}

impl Reply {
    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Takes any body.
///
/// # Errors
/// None.
pub fn any_body(_: &[u8]) -> Result<(), String> {
    Ok(())
}

/// Why an attempt came to nothing.
pub(crate) enum Trouble {
    /// No whole answer.
    Network(String),
    /// A whole answer that is not what was asked for.
    Body(String),
}

impl Http {
    /// A client for an account.
    ///
    /// # Errors
    /// [`FetchError::Start`] where no TLS can be had.
    pub fn new(account: &Account, watch: Watch) -> Result<Self, FetchError> {
        // Where one is installed already, by a test or a host program, it is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(Duration::from_millis(account.read_timeout_ms))
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("tieout/", env!("CARGO_PKG_VERSION")))
            .https_only(!account.addresses.is_sandbox());
        if account.addresses.is_sandbox() {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| FetchError::Start {
            what: "the HTTP client",
            source: error.without_url().into(),
        })?;
        Ok(Self {
            client,
            patience: account.patience.clone(),
            gates: Gates::new(account.requests_per_second),
            watch,
            request_timeout: Duration::from_millis(account.request_timeout_ms),
            correlation: guid(),
            retries: AtomicU64::new(0),
            paused_ms: AtomicU64::new(0),
        })
    }

    /// Sends a request until it is answered, refused, or the budget is used up.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn ask(&self, ask: &Ask<'_>, tokens: &Tokens) -> Result<Reply, FetchError> {
        let mut pauses = self.patience.pauses();
        let mut renewed = false;
        let mut polls = 0;
        let mut request_id = guid();
        let gate = self.gates.of(ask.throttle);
        loop {
            gate.pass().await;
            let token = match ask.token {
                Some(kind) => Some(tokens.get(self, kind).await?),
                None => None,
            };
            let (found, pause, is_body) = match self.once(ask, token.as_ref(), &request_id).await {
                Ok(reply) => {
                    request_id = guid();
                    match verdict(reply.status) {
                        Verdict::Take
                            if reply.status == 204
                                && (ask.waits_for_content
                                    || reply.header("retry-after").is_some()) =>
                        {
                            polls += 1;
                            if polls >= self.patience.polls {
                                return Err(self.not_yet(ask));
                            }
                            let pause = asked_pause(&reply)
                                .or_else(|| self.patience.pauses().next())
                                .unwrap_or_default();
                            self.pause(ask.what, self.patience.capped(pause), "204: not yet")
                                .await?;
                            continue;
                        }
                        Verdict::Take => return Ok(reply),
                        Verdict::Unauthorized => {
                            let (Some(kind), Some(token), false) = (ask.token, &token, renewed)
                            else {
                                return Err(unauthorized(ask.what, &reply));
                            };
                            renewed = true;
                            tokens.renew(self, kind, token).await?;
                            continue;
                        }
                        Verdict::Refuse => return Err(self.refused(ask, &reply)),
                        Verdict::Again => {
                            let pause =
                                asked_pause(&reply).map(|pause| self.patience.capped(pause));
                            if let Some(pause) =
                                pause.filter(|_| reply.status == 429 || reply.status == 503)
                            {
                                gate.shut(pause);
                            }
                            (words_of(&reply), pause, false)
                        }
                    }
                }
                Err(Trouble::Network(found)) => (found, None, false),
                Err(Trouble::Body(found)) => (found, None, true),
            };
            let Some(backoff) = pauses.next() else {
                return Err(self.used_up(ask, found, is_body));
            };
            // Told to wait for less than nothing, one waits as if nothing had been said.
            let pause = pause.filter(|pause| !pause.is_zero()).unwrap_or(backoff);
            self.count_retry(ask.what, &found)?;
            self.pause(ask.what, pause, &found).await?;
        }
    }

    fn not_yet(&self, ask: &Ask<'_>) -> FetchError {
        let found = format!(
            "204 {} times: the data are not there yet",
            self.patience.polls
        );
        FetchError::Incomplete {
            what: ask.what.to_owned(),
            found,
            wanted: "data, or an empty page".to_owned(),
        }
    }

    fn used_up(&self, ask: &Ask<'_>, found: String, is_body: bool) -> FetchError {
        let what = ask.what.to_owned();
        if is_body {
            return FetchError::Incomplete {
                what,
                found,
                wanted: "a whole answer".to_owned(),
            };
        }
        FetchError::Remote {
            what,
            found,
            budget: format!("{} attempts", self.patience.attempts + 1),
        }
    }

    /// Takes one repetition from the run's budget.
    pub(crate) fn count_retry(&self, what: &str, found: &str) -> Result<(), FetchError> {
        self.watch.counters.retries.fetch_add(1, Ordering::Relaxed);
        if self.retries.fetch_add(1, Ordering::Relaxed) >= self.patience.run_retries {
            let budget = format!("{} repetitions in a run", self.patience.run_retries);
            return Err(FetchError::Remote {
                what: what.to_owned(),
                found: found.to_owned(),
                budget,
            });
        }
        Ok(())
    }

    /// Waits, at the expense of the run's budget.
    pub(crate) async fn pause(
        &self,
        what: &str,
        pause: Duration,
        why: &str,
    ) -> Result<(), FetchError> {
        self.watch
            .detail(|| format!("{what}: {why}; waiting {} ms", pause.as_millis()));
        let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        if self
            .paused_ms
            .fetch_add(millis, Ordering::Relaxed)
            .saturating_add(millis)
            > self.patience.run_pause_ms
        {
            let budget = format!(
                "{} s of waiting in a run",
                self.patience.run_pause_ms / 1_000
            );
            return Err(FetchError::Remote {
                what: what.to_owned(),
                found: why.to_owned(),
                budget,
            });
        }
        self.watch.waited(pause);
        tokio::time::sleep(pause).await;
        Ok(())
    }

    async fn once(
        &self,
        ask: &Ask<'_>,
        token: Option<&Token>,
        request_id: &str,
    ) -> Result<Reply, Trouble> {
        let began = Instant::now();
        let sent =
            tokio::time::timeout(self.request_timeout, self.exchange(ask, token, request_id)).await;
        self.watch.waited(began.elapsed());
        let reply = sent.unwrap_or_else(|_| {
            Err(Trouble::Network(format!(
                "no whole answer in {} ms",
                self.request_timeout.as_millis()
            )))
        });
        self.watch.detail(|| {
            let outcome = match &reply {
                Ok(reply) => format!("{}, {} bytes", reply.status, reply.body.len()),
                Err(Trouble::Network(found) | Trouble::Body(found)) => found.clone(),
            };
            format!(
                "{} {}: {outcome} ({} ms)",
                ask.method,
                origin::shown(&ask.url),
                began.elapsed().as_millis()
            )
        });
        let reply = reply?;
        if (200..300).contains(&reply.status) && reply.status != 204 {
            (ask.check)(&reply.body).map_err(Trouble::Body)?;
        }
        Ok(reply)
    }

    async fn exchange(
        &self,
        ask: &Ask<'_>,
        token: Option<&Token>,
        request_id: &str,
    ) -> Result<Reply, Trouble> {
        let mut request = self.request(ask.method.clone(), ask.url.clone(), request_id);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some((kind, text)) = &ask.body {
            request = request.header("Content-Type", *kind).body(text.clone());
        }
        if let Some(token) = token {
            request = request.header("Authorization", bearer(token));
        }
        let mut response = request.send().await.map_err(network)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(network)? {
            self.watch
                .counters
                .bytes
                .fetch_add(piece.len() as u64, Ordering::Relaxed);
            body.extend_from_slice(&piece);
            if body.len() > PAGE_LIMIT_BYTES {
                return Err(Trouble::Body(format!(
                    "an answer of more than {} MiB",
                    PAGE_LIMIT_BYTES >> 20
                )));
            }
        }
        if !(200..300).contains(&status) {
            body = without_secrets(&body, ask, token);
        }
        Ok(Reply {
            status,
            headers,
            body,
        })
    }

    /// A request with the headers that all of them have.
    pub(crate) fn request(
        &self,
        method: Method,
        url: Url,
        request_id: &str,
    ) -> reqwest::RequestBuilder {
        self.watch.counters.requests.fetch_add(1, Ordering::Relaxed);
        self.client
            .request(method, url)
            .header("Accept", "application/json")
            .header("MS-CorrelationId", &self.correlation)
            .header("MS-RequestId", request_id)
            .header("client-request-id", request_id)
    }

    fn refused(&self, ask: &Ask<'_>, reply: &Reply) -> FetchError {
        if (300..400).contains(&reply.status) {
            let to = reply
                .header("location")
                .and_then(|to| ask.url.join(to).ok());
            let found = to.map_or_else(
                || "a redirect".to_owned(),
                |to| format!("a redirect to `{}`", origin::shown(&to)),
            );
            let wanted = format!("an answer of `{}` itself", origin::shown(&ask.url));
            return FetchError::Security {
                what: ask.what.to_owned(),
                found,
                wanted,
            };
        }
        let (code, _) = fault_in(&reply.body);
        FetchError::Refused {
            what: ask.what.to_owned(),
            found: words_of(reply),
            status: reply.status,
            code,
        }
    }
}

/// An error's body, without what it may repeat of the request: it is going to be shown.
fn without_secrets(body: &[u8], ask: &Ask<'_>, token: Option<&Token>) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(body).into_owned();
    let mut secrets: Vec<String> = token
        .iter()
        .map(|token| token.secret.expose_secret().to_owned())
        .collect();
    if let Some((FORM, form)) = &ask.body
        && let Ok(url) = Url::parse(&format!("form:?{form}"))
    {
        let is_secret =
            |name: &str| ["client_secret", "client_assertion", "refresh_token"].contains(&name);
        secrets.extend(
            url.query_pairs()
                .filter(|(name, _)| is_secret(name))
                .map(|(_, value)| value.into_owned()),
        );
        // As it was sent, too.
        secrets.push(form.clone());
    }
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret.as_str(), "[secret]");
    }
    text.into_bytes()
}

/// The header that carries a token; marked, so that no debug print shows it.
pub(crate) fn bearer(token: &Token) -> HeaderValue {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.secret.expose_secret()))
        .unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// A network's fault in words; never with its address, which may hold a signature.
pub(crate) fn network(error: reqwest::Error) -> Trouble {
    let mut words = VecDeque::new();
    let error = error.without_url();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        words.push_back(error.to_string());
        cause = error.source();
    }
    words.make_contiguous().reverse();
    let words: Vec<String> = words.into_iter().take(2).collect();
    Trouble::Network(words.join(": "))
}

fn asked_pause(reply: &Reply) -> Option<Duration> {
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let header = reply
        .header("retry-after")
        .and_then(|text| retry_after(text, now));
    header.or_else(|| seconds_in_words(&String::from_utf8_lossy(&reply.body)))
}

fn unauthorized(what: &str, reply: &Reply) -> FetchError {
    FetchError::Authentication {
        what: what.to_owned(),
        found: words_of(reply),
        wanted: "a token that is taken".to_owned(),
        hint: "`tieout doctor` checks each credential".to_owned(),
    }
}

/// Status, code, message and correlation id of an answer that is no data.
pub(crate) fn words_of(reply: &Reply) -> String {
    let (code, message) = fault_in(&reply.body);
    let mut words = format!("status {}", reply.status);
    if !code.is_empty() {
        words.push_str(&format!(", code `{code}`"));
    }
    if !message.is_empty() {
        words.push_str(&format!(", `{message}`"));
    }
    let ids = ["ms-correlationid", "request-id", "ms-requestid"];
    if let Some((name, id)) = ids
        .iter()
        .find_map(|name| Some((name, reply.header(name)?)))
    {
        words.push_str(&format!(" ({name} {})", cut(id)));
    }
    words
}

/// Code and message of an error body in any of its shapes, or of none.
fn fault_in(body: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else {
        let is_page = text.starts_with('<');
        return (
            String::new(),
            if is_page {
                "an HTML page".to_owned()
            } else {
                cut(text)
            },
        );
    };
    let inner = value
        .get("error")
        .filter(|error| error.is_object())
        .unwrap_or(&value);
    let word = |keys: &[&str]| {
        let found = keys.iter().find_map(|key| inner.get(key));
        found
            .map(|found| {
                found
                    .as_str()
                    .map_or_else(|| found.to_string(), str::to_owned)
            })
            .unwrap_or_default()
    };
    (
        cut(&word(&["code", "statusCode", "error"])),
        cut(&word(&["description", "message", "error_description"])),
    )
}

fn cut(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().count() <= SHOWN_CHARACTERS {
        text
    } else {
        text.chars().take(SHOWN_CHARACTERS).collect::<String>() + "…"
    }
}

/// A random GUID.
pub(crate) fn guid() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness an id is only less useful.
    if ring::rand::SystemRandom::new().fill(&mut bytes).is_err() {
        bytes = [7; 16];
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}
