//! One blob: downloaded to a file, gone on with after an interruption, and verified as a whole.
//! Blob storage gets the signature in the address, and no Authorization.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reqwest::{Method, Response, Url};
use tempfile::NamedTempFile;

use super::manifest::Blob;
use crate::sources::failure::{FetchError, storage};
use crate::sources::fetch::workers::Fetcher;
use crate::sources::identity::origin;
use crate::sources::landing::journal::Part;
use crate::sources::landing::verify;
use crate::sources::wire::http::{Trouble, guid, network};
use crate::sources::wire::retry::{Verdict, retry_after, verdict};

/// Slower than this, a download is not worth waiting for.
const LEAST_BYTES_PER_SECOND: u64 = 50_000;

/// A blob to be downloaded.
pub(super) struct Download {
    pub(super) fetcher: Arc<Fetcher>,
    pub(super) id: String,
    pub(super) url: Url,
    pub(super) blob: Blob,
}

/// What is there of a blob.
struct Partial {
    file: NamedTempFile,
    hasher: blake3::Hasher,
    bytes: u64,
    /// The version of the blob that the bytes are of.
    etag: Option<String>,
}

/// How one attempt ended.
enum Attempt {
    Whole,
    /// The signature or the version does not hold: the manifest is to be asked for again.
    Stale(String),
    Refused(String),
    Trouble(String, Option<Duration>),
}

impl Download {
    /// Downloads, verifies and lands it; the reason where the manifest must be asked for again.
    pub(super) async fn fetch(&self) -> Result<Result<Part, String>, FetchError> {
        let http = &self.fetcher.http;
        let what = format!("blob `{}` of `{}`", self.blob.name, self.id);
        let mut pauses = http.patience.pauses();
        let mut partial = self.empty()?;
        loop {
            let began = Instant::now();
            let attempt = self.attempt(&mut partial).await?;
            http.watch.waited(began.elapsed());
            let (found, pause, is_damaged) = match attempt {
                Attempt::Whole => match self.verified(partial).await? {
                    Ok(part) => return Ok(Ok(part)),
                    Err(found) => {
                        partial = self.empty()?;
                        (found, None, true)
                    }
                },
                Attempt::Stale(why) => return Ok(Err(why)),
                Attempt::Refused(found) => {
                    return Err(FetchError::Incomplete {
                        what,
                        found,
                        wanted: "the blob".to_owned(),
                    });
                }
                Attempt::Trouble(found, pause) => (found, pause, false),
            };
            let Some(backoff) = pauses.next() else {
                if is_damaged {
                    return Err(FetchError::Incomplete {
                        what,
                        found,
                        wanted: "a whole blob".to_owned(),
                    });
                }
                return Err(FetchError::Remote {
                    what,
                    found,
                    budget: format!("{} attempts", http.patience.attempts + 1),
                });
            };
            http.count_retry(&what, &found)?;
            http.pause(
                &what,
                pause.map_or(backoff, |pause| http.patience.capped(pause)),
                &found,
            )
            .await?;
        }
    }

    fn empty(&self) -> Result<Partial, FetchError> {
        Ok(Partial {
            file: self.fetcher.landing.temporary()?,
            hasher: blake3::Hasher::new(),
            bytes: 0,
            etag: None,
        })
    }

    async fn attempt(&self, partial: &mut Partial) -> Result<Attempt, FetchError> {
        let http = &self.fetcher.http;
        let mut request = http.request(Method::GET, self.url.clone(), &guid());
        if partial.bytes > 0 {
            // A part without a version cannot be gone on with.
            match partial.etag.clone() {
                Some(etag) => {
                    request = request
                        .header("Range", format!("bytes={}-", partial.bytes))
                        .header("If-Match", etag)
                }
                None => *partial = self.empty()?,
            }
        }
        let response = match request.send().await.map_err(network) {
            Ok(response) => response,
            Err(Trouble::Network(found) | Trouble::Body(found)) => {
                return Ok(Attempt::Trouble(found, None));
            }
        };
        let status = response.status().as_u16();
        http.watch.detail(|| {
            format!(
                "GET {}: {status} (from byte {})",
                origin::shown(&self.url),
                partial.bytes
            )
        });
        match (verdict(status), status) {
            (_, 206) if partial.bytes > 0 && !continues(&response, partial.bytes) => {
                *partial = self.empty()?;
                Ok(Attempt::Trouble(
                    "another range than was asked for".to_owned(),
                    None,
                ))
            }
            (Verdict::Take, 200 | 206) => {
                if status == 200 && partial.bytes > 0 {
                    *partial = self.empty()?;
                }
                self.receive(response, partial).await
            }
            (Verdict::Again, _) => {
                let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
                let header = response
                    .headers()
                    .get("retry-after")
                    .and_then(|value| value.to_str().ok());
                Ok(Attempt::Trouble(
                    format!("status {status}"),
                    header.and_then(|text| retry_after(text, now)),
                ))
            }
            (_, 401 | 403) => Ok(Attempt::Stale(
                "the blobs' signature is not taken any more".to_owned(),
            )),
            (_, 404) => Ok(Attempt::Stale(format!(
                "blob `{}` is not there any more",
                self.blob.name
            ))),
            (_, 412 | 416) => Ok(Attempt::Stale(format!(
                "blob `{}` is another version by now",
                self.blob.name
            ))),
            _ => Ok(Attempt::Refused(format!("status {status}"))),
        }
    }

    async fn receive(
        &self,
        mut response: Response,
        partial: &mut Partial,
    ) -> Result<Attempt, FetchError> {
        partial.etag = response
            .headers()
            .get("etag")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let path = partial.file.path().to_owned();
        let promised = response.content_length().unwrap_or(64 << 20);
        let limit = self.fetcher.tokens.account().request_timeout_ms
            + promised * 1_000 / LEAST_BYTES_PER_SECOND;
        let deadline = tokio::time::Instant::now() + Duration::from_millis(limit);
        loop {
            let piece = match tokio::time::timeout_at(deadline, response.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => return Ok(Attempt::Whole),
                Ok(Err(error)) => {
                    let (Trouble::Network(found) | Trouble::Body(found)) = network(error);
                    return Ok(Attempt::Trouble(found, None));
                }
                Err(_) => {
                    return Ok(Attempt::Trouble(
                        format!("less than {LEAST_BYTES_PER_SECOND} bytes a second"),
                        None,
                    ));
                }
            };
            partial
                .file
                .write_all(&piece)
                .map_err(storage("write", &path))?;
            partial.hasher.update(&piece);
            partial.bytes += piece.len() as u64;
            self.fetcher
                .http
                .watch
                .counters
                .bytes
                .fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
    }

    /// Lands a blob that proves to be whole; what is wrong with it otherwise.
    async fn verified(&self, mut partial: Partial) -> Result<Result<Part, String>, FetchError> {
        if self.blob.bytes.is_some_and(|bytes| bytes != partial.bytes) {
            return Ok(Err(format!(
                "{} bytes of {} promised",
                partial.bytes,
                self.blob.bytes.unwrap_or(0)
            )));
        }
        let path = partial.file.path().to_owned();
        partial
            .file
            .seek(SeekFrom::Start(0))
            .map_err(storage("read", &path))?;
        let counted = tokio::task::spawn_blocking(move || verify::lines(&path)).await;
        let rows = match counted.map_err(|source| FetchError::Start {
            what: "the verification of a blob",
            source: source.into(),
        })? {
            Ok(rows) => rows,
            Err(found) => return Ok(Err(found)),
        };
        if self.blob.rows.is_some_and(|promised| promised != rows) {
            return Ok(Err(format!(
                "{rows} rows of {} promised",
                self.blob.rows.unwrap_or(0)
            )));
        }
        let hash = partial.hasher.finalize().to_hex().to_string();
        let landing = &self.fetcher.landing;
        let part = landing.land_file(&self.id, &self.blob.name, partial.file, &hash, "json.gz")?;
        Ok(Ok(Part { rows, ..part }))
    }
}

fn continues(response: &Response, from: u64) -> bool {
    let range = response
        .headers()
        .get("content-range")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    range
        .trim_start_matches("bytes ")
        .split('-')
        .next()
        .and_then(|first| first.trim().parse::<u64>().ok())
        == Some(from)
}
