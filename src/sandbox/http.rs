//! HTTP/1.1 by hand, so that an answer can be broken at any byte: cut, stalled, dripped, or with a
//! length that is not true.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::faults::Fault;
use super::routes::Tenant;

const HEAD_LIMIT_BYTES: usize = 64 * 1024;
const BODY_LIMIT_BYTES: usize = 1 << 20;
const PIECE_BYTES: usize = 256 * 1024;
/// Longer than any timeout that a test sets; the client goes away first.
const STALL: Duration = Duration::from_secs(120);

/// A request, its names in lower case.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Decoded, without the query.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A query parameter's value; names are compared without case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Where the bytes of an answer are.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Bytes(Vec<u8>),
    File {
        path: PathBuf,
        start: u64,
        length: u64,
    },
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

impl Answer {
    /// A JSON answer.
    pub(super) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "application/json; charset=utf-8".to_owned())],
            body: Body::Bytes(body.into()),
        }
    }

    /// No content.
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Bytes(Vec::new()),
        }
    }

    /// With one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn length(&self) -> u64 {
        match &self.body {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::File { length, .. } => *length,
        }
    }
}

/// Answers one connection's requests, one after the other.
pub(super) async fn converse(mut stream: TcpStream, tenant: Arc<Tenant>, latency: Duration) {
    // A reset or a client that goes away ends the conversation, and nothing else.
    drop(stream.set_nodelay(true));
    let mut buffer = Vec::new();
    while let Some(request) = receive(&mut stream, &mut buffer).await {
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let (answer, fault) = tenant.answer(&request);
        if !send(&mut stream, &answer, fault).await {
            break;
        }
    }
}

async fn receive(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some((mut request, used, wanted)) = head(buffer) {
            buffer.drain(..used);
            while buffer.len() < wanted {
                if stream.read_buf(buffer).await.ok()? == 0 {
                    return None;
                }
            }
            request.body = buffer.drain(..wanted).collect();
            return Some(request);
        }
        if buffer.len() > HEAD_LIMIT_BYTES || stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// The request's head, its length, and that of the body; `None` where it is not all there.
fn head(buffer: &[u8]) -> Option<(Request, usize, usize)> {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut slots);
    let Ok(httparse::Status::Complete(used)) = parsed.parse(buffer) else {
        return None;
    };
    let headers: Vec<(String, String)> = parsed
        .headers
        .iter()
        .map(|header| {
            (
                header.name.to_ascii_lowercase(),
                String::from_utf8_lossy(header.value).trim().to_owned(),
            )
        })
        .collect();
    let (path, query) = parsed.path?.split_once('?').unwrap_or((parsed.path?, ""));
    let decoded = percent_encoding::percent_decode_str(path)
        .decode_utf8_lossy()
        .into_owned();
    let request = Request {
        method: parsed.method?.to_owned(),
        path: decoded,
        query: pairs(query),
        headers,
        body: Vec::new(),
    };
    let wanted = request
        .header("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    (wanted <= BODY_LIMIT_BYTES).then_some((request, used, wanted))
}

/// The pairs of a query or form.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let plain = |text: &str| {
        percent_encoding::percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pair = |pair: &str| {
        pair.split_once('=')
            .map_or((plain(pair), String::new()), |(key, value)| {
                (plain(key), plain(value))
            })
    };
    text.split('&')
        .filter(|text| !text.is_empty())
        .map(pair)
        .collect()
}

/// Sends an answer, broken as the fault wants it; whether the connection can go on.
async fn send(stream: &mut TcpStream, answer: &Answer, fault: Option<Fault>) -> bool {
    let length = answer.length();
    let half = length / 2;
    let (claimed, sent) = match fault {
        Some(Fault::Refused) => return false,
        Some(Fault::Garbage) => {
            // As a proxy that speaks TLS where plain text was asked for, or the other way round.
            drop(stream.write_all(&[0x15, 3, 3, 0, 2, 2, 40]).await);
            return false;
        }
        Some(Fault::StalledHead) => {
            tokio::time::sleep(STALL).await;
            return false;
        }
        Some(Fault::CutChunk) => return cut_chunk(stream, answer, half).await,
        Some(Fault::ResetInBody | Fault::StalledBody) => (length, half),
        Some(Fault::ShortLength) => (length + 512, length),
        _ => (length, length),
    };
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status));
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if answer.status != 204 {
        head.push_str(&format!("Content-Length: {claimed}\r\n"));
    }
    head.push_str("\r\n");
    if stream.write_all(head.as_bytes()).await.is_err()
        || !send_body(stream, &answer.body, sent, fault == Some(Fault::SlowDrip)).await
    {
        return false;
    }
    match fault {
        Some(Fault::StalledBody) => {
            tokio::time::sleep(STALL).await;
            false
        }
        Some(Fault::ResetInBody | Fault::ShortLength) => false,
        _ => true,
    }
}

async fn cut_chunk(stream: &mut TcpStream, answer: &Answer, half: u64) -> bool {
    let head = format!(
        "HTTP/1.1 {} OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        answer.status,
        answer.length().max(16)
    );
    if stream.write_all(head.as_bytes()).await.is_ok() {
        send_body(stream, &answer.body, half, false).await;
    }
    false
}

async fn send_body(stream: &mut TcpStream, body: &Body, sent: u64, drip: bool) -> bool {
    let mut left = sent;
    let mut at = 0_u64;
    while left > 0 {
        let size =
            usize::try_from(left)
                .unwrap_or(PIECE_BYTES)
                .min(if drip { 7 } else { PIECE_BYTES });
        let Some(piece) = piece(body, at, size) else {
            return false;
        };
        if stream.write_all(&piece).await.is_err() {
            return false;
        }
        if drip {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        at += piece.len() as u64;
        left -= piece.len() as u64;
    }
    true
}

fn piece(body: &Body, at: u64, size: usize) -> Option<Vec<u8>> {
    match body {
        Body::Bytes(bytes) => {
            let start = usize::try_from(at).ok()?;
            bytes.get(start..start + size).map(<[u8]>::to_vec)
        }
        Body::File { path, start, .. } => {
            let mut file = std::fs::File::open(path).ok()?;
            file.seek(SeekFrom::Start(start + at)).ok()?;
            let mut piece = vec![0; size];
            file.read_exact(&mut piece).ok()?;
            Some(piece)
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        412 => "Precondition Failed",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Status",
    }
}
