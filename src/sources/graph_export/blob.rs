//! Download of one blob to a file: resumed after an interruption, and verified as a whole before it
//! is stored. Blob storage takes the signature in the address and must not get an Authorization
//! header, so these requests do not go through the tokens.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, Response, Url};
use tempfile::NamedTempFile;

use super::manifest::Blob;
use crate::sources::failure::{FetchError, storage};
use crate::sources::identity::origin;
use crate::sources::landing::journal::Part;
use crate::sources::landing::verify::{self, Fault};
use crate::sources::session::Session;
use crate::sources::wire::attempts::{attempts_in_words, pause_in};
use crate::sources::wire::http::{AttemptError, network};
use crate::sources::wire::message::{Purpose, header};
use crate::sources::wire::retry::{Verdict, verdict};

/// Slowest download that is waited for, in bytes per second; below it the attempt is given up.
const LEAST_BYTES_PER_SECOND: u64 = 50_000;
/// Size from which the time limit is computed if the server does not state one: 64 MiB.
const UNSTATED_BYTES: u64 = 64 << 20;

/// A blob to be downloaded.
pub(super) struct Download {
    pub(super) session: Arc<Session>,
    /// Id of the unit.
    pub(super) id: String,
    pub(super) purpose: Purpose,
    /// Address with the signature.
    pub(super) url: Url,
    pub(super) blob: Blob,
}

/// The bytes of a blob received so far.
struct Partial {
    file: NamedTempFile,
    hasher: blake3::Hasher,
    bytes: u64,
    /// Version of the blob to which the bytes belong; without one they cannot be resumed.
    etag: Option<String>,
}

/// End of a download.
pub(super) enum Downloaded {
    /// The blob is stored.
    Stored(Part),
    /// The manifest has to be asked for again, for this reason.
    Stale(String),
}

/// Verdict on bytes that were received to their end.
enum Verified {
    /// They are the blob, and stored.
    Stored(Part),
    /// They are not what the manifest promises, in words.
    Damaged(String),
}

/// End of one attempt.
enum Attempt {
    /// The response came to its end.
    Whole,
    /// The signature or the version no longer holds: ask for the manifest again.
    Stale(String),
    /// The request is refused for good.
    Refused(String),
    /// The attempt failed; the server may have asked for a pause.
    Failed(String, Option<Duration>),
}

impl Download {
    /// Downloads, verifies and stores the blob.
    pub(super) async fn fetch(&self) -> Result<Downloaded, FetchError> {
        let http = &self.session.http;
        let what = format!("Blob `{}` of `{}`", self.blob.name, self.id);
        let mut pauses = http.retry_policy.pauses();
        let mut partial = self.empty()?;
        loop {
            let began = Instant::now();
            let attempt = self.attempt(&mut partial).await?;
            http.progress.waited(began.elapsed());
            let (found, asked, is_damaged) = match attempt {
                Attempt::Whole => match self.verified(partial).await? {
                    Verified::Stored(part) => return Ok(Downloaded::Stored(part)),
                    Verified::Damaged(found) => {
                        // Nobody knows which of the bytes are wrong: all are downloaded again.
                        partial = self.empty()?;
                        (found, None, true)
                    }
                },
                Attempt::Stale(why) => return Ok(Downloaded::Stale(why)),
                Attempt::Refused(found) => {
                    return Err(FetchError::Incomplete {
                        what,
                        found,
                        wanted: "the blob".to_owned(),
                    });
                }
                Attempt::Failed(found, asked) => (found, asked, false),
            };
            let Some(backoff) = pauses.next() else {
                return Err(self.used_up(what, found, is_damaged));
            };
            http.count_retry(self.purpose, &what, &found)?;
            let pause = asked.map_or(backoff, |asked| http.retry_policy.capped(asked));
            http.pause(self.purpose, &what, pause, &found).await?;
        }
    }

    fn used_up(&self, what: String, found: String, is_damaged: bool) -> FetchError {
        if is_damaged {
            return FetchError::Incomplete {
                what,
                found,
                wanted: "a complete blob".to_owned(),
            };
        }
        FetchError::Remote {
            what,
            found,
            budget: attempts_in_words(&self.session.http),
        }
    }

    fn empty(&self) -> Result<Partial, FetchError> {
        Ok(Partial {
            file: self.session.landing.temporary()?,
            hasher: blake3::Hasher::new(),
            bytes: 0,
            etag: None,
        })
    }

    async fn attempt(&self, partial: &mut Partial) -> Result<Attempt, FetchError> {
        // Held until the bytes are here: downloads and requests share the workers.
        let _permit = self.session.http.permit().await;
        let request = self.request(partial)?;
        let response = match request.send().await.map_err(network) {
            Ok(response) => response,
            Err(AttemptError::Unanswered(found) | AttemptError::Unusable(found)) => {
                return Ok(Attempt::Failed(found, None));
            }
        };
        let status = response.status().as_u16();
        self.session.http.progress.detail(|| {
            format!(
                "GET {}: {status} (from byte {})",
                origin::shown(&self.url),
                partial.bytes
            )
        });
        match status {
            206 if partial.bytes > 0 && !continues(&response, partial.bytes) => {
                *partial = self.empty()?;
                let found = "a different range from the one requested";
                Ok(Attempt::Failed(found.to_owned(), None))
            }
            200 if partial.bytes > 0 => {
                // The server ignores ranges: it sends everything again.
                *partial = self.empty()?;
                self.receive(response, partial).await
            }
            200 | 206 => self.receive(response, partial).await,
            _ => Ok(self.without_bytes(&response)),
        }
    }

    /// The request for the bytes that are missing.
    fn request(&self, partial: &mut Partial) -> Result<RequestBuilder, FetchError> {
        let http = &self.session.http;
        let mut request = http.plain_request(Method::GET, self.url.clone());
        if partial.bytes > 0 {
            match partial.etag.clone() {
                Some(etag) => {
                    // With the version as a condition: bytes of two versions are never joined.
                    request = request
                        .header("Range", format!("bytes={}-", partial.bytes))
                        .header("If-Match", etag);
                }
                None => *partial = self.empty()?,
            }
        }
        Ok(request)
    }

    /// The meaning of a response that brings no bytes of the blob.
    fn without_bytes(&self, response: &Response) -> Attempt {
        let status = response.status().as_u16();
        let name = &self.blob.name;
        match status {
            // Blob storage says 403 for an expired signature; nothing else is wrong with it.
            401 | 403 => Attempt::Stale("the blobs' signature has expired".to_owned()),
            404 => Attempt::Stale(format!("blob `{name}` no longer exists")),
            412 | 416 => Attempt::Stale(format!("blob `{name}` has changed since")),
            _ if verdict(status) == Verdict::Again => {
                let pause = pause_in(header(response.headers(), "retry-after"));
                Attempt::Failed(format!("status {status}"), pause)
            }
            _ => Attempt::Refused(format!("status {status}")),
        }
    }

    async fn receive(
        &self,
        mut response: Response,
        partial: &mut Partial,
    ) -> Result<Attempt, FetchError> {
        partial.etag = header(response.headers(), "etag").map(str::to_owned);
        let path = partial.file.path().to_owned();
        // A blob may be large: its time limit grows with its size.
        let promised = response.content_length().unwrap_or(UNSTATED_BYTES);
        let limit = self.session.tokens.account().request_timeout_ms
            + promised * 1_000 / LEAST_BYTES_PER_SECOND;
        let deadline = tokio::time::Instant::now() + Duration::from_millis(limit);
        loop {
            let piece = match tokio::time::timeout_at(deadline, response.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => return Ok(Attempt::Whole),
                Ok(Err(error)) => {
                    let (AttemptError::Unanswered(found) | AttemptError::Unusable(found)) =
                        network(error);
                    return Ok(Attempt::Failed(found, None));
                }
                Err(_) => {
                    let found = format!("less than {LEAST_BYTES_PER_SECOND} bytes per second");
                    return Ok(Attempt::Failed(found, None));
                }
            };
            partial
                .file
                .write_all(&piece)
                .map_err(storage("write", &path))?;
            // Hashed on the way: the file need not be read again for it.
            partial.hasher.update(&piece);
            partial.bytes += piece.len() as u64;
            self.session
                .http
                .progress
                .counters
                .bytes
                .fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
    }

    /// Stores a blob that proves to be complete.
    async fn verified(&self, partial: Partial) -> Result<Verified, FetchError> {
        if let Some(promised) = self.blob.bytes
            && promised != partial.bytes
        {
            let found = format!("{} of {promised} promised bytes", partial.bytes);
            return Ok(Verified::Damaged(found));
        }
        // The bytes that were written and hashed, and are stored below, whatever has their name.
        let written = partial
            .file
            .as_file()
            .try_clone()
            .map_err(storage("read", partial.file.path()))?;
        // Decompressing takes seconds: on a worker of its own, it holds up no other request.
        let counted = tokio::task::spawn_blocking(move || verify::lines(written)).await;
        let rows = match counted.map_err(|source| FetchError::Start {
            what: "the verification of a blob",
            source: source.into(),
        })? {
            Ok(rows) => rows,
            Err(Fault::Damage(found)) => return Ok(Verified::Damaged(found)),
            Err(Fault::Storage(error)) => {
                return Err(storage("read", partial.file.path())(error));
            }
        };
        if let Some(promised) = self.blob.rows
            && promised != rows
        {
            let found = format!("{rows} of {promised} promised rows");
            return Ok(Verified::Damaged(found));
        }
        let hash = partial.hasher.finalize().to_hex().to_string();
        let landing = &self.session.landing;
        let part = landing.land_file(&self.id, &self.blob.name, partial.file, &hash, "json.gz")?;
        Ok(Verified::Stored(Part { rows, ..part }))
    }
}

/// True if a partial response begins at the byte `from`.
fn continues(response: &Response, from: u64) -> bool {
    let first = |range: &str| -> Option<u64> {
        let (first, _) = range.trim_start_matches("bytes ").split_once('-')?;
        first.trim().parse().ok()
    };
    header(response.headers(), "content-range").and_then(first) == Some(from)
}
