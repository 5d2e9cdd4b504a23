//! Connections: HTTP/1.1 written by hand, so that a response can be broken at any byte: cut off,
//! stalled, dripped, or sent with a wrong length.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::failure::SandboxError;
use super::faults::Fault;
use super::message::{Answer, Body, Request, pairs};
use super::routes::Service;

/// Longest head of a request: 64 KiB; with a longer one the connection is closed.
const HEAD_LIMIT_BYTES: usize = 64 * 1024;
/// Longest body of a request: 1 MiB; with a longer one the connection is closed.
const BODY_LIMIT_BYTES: usize = 1 << 20;
/// Bytes that are sent at once.
const PIECE_BYTES: usize = 256 * 1024;
/// Bytes that a dripping response sends at once, every 30 ms.
const DRIP_BYTES: usize = 7;
/// Bytes by which a false length exceeds the true one.
const MISSING_BYTES: u64 = 512;
/// Silence of a stalled response: longer than any timeout that a test sets, so that the client goes
/// away first.
const STALL: Duration = Duration::from_secs(120);

/// Serves on a loopback port until the process ends: `make` makes the service of an address, and
/// `converse` answers a connection to it. `ready` is called once clients are accepted.
///
/// # Errors
/// [`SandboxError::Listen`] before the first request; afterwards a broken connection only ends itself.
pub(super) fn accept<S, C>(
    port: u16,
    make: impl FnOnce(SocketAddr) -> S,
    ready: impl FnOnce(SocketAddr),
    converse: impl Fn(TcpStream, Arc<S>) -> C,
) -> Result<(), SandboxError>
where
    S: Send + Sync + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    let listening = |source| SandboxError::Listen { port, source };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // Two are enough: responses wait for files and clients, not for a processor.
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(listening)?;
    runtime.block_on(async move {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let service = Arc::new(make(address));
        // From here on clients are accepted: they wait in the listener's queue.
        ready(address);
        loop {
            // A connection that cannot be accepted is the client's loss.
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            tokio::spawn(converse(stream, Arc::clone(&service)));
        }
    })
}

/// Answers the requests of one connection, one after the other.
pub(super) async fn converse(mut stream: TcpStream, service: Arc<Service>, latency: Duration) {
    // Without the option the responses are only slower.
    drop(stream.set_nodelay(true));
    let mut buffer = Vec::new();
    while let Some(request) = receive(&mut stream, &mut buffer).await {
        // Before the answer is made, so that an expiry is judged when the answer leaves.
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let (answer, fault) = service.answer(&request);
        if !send(&mut stream, &answer, fault).await {
            break;
        }
    }
}

/// The next request; `None` if the connection ends, or sends too much. `buffer` keeps what was read
/// beyond the request.
pub(super) async fn receive(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some((mut request, used, wanted)) = head(buffer) {
            // Behind the head, the buffer may have the body or its beginning already.
            buffer.drain(..used);
            while buffer.len() < wanted {
                if stream.read_buf(buffer).await.ok()? == 0 {
                    return None;
                }
            }
            request.body = buffer.drain(..wanted).collect();
            return Some(request);
        }
        // Nothing read means that the client has closed its end.
        if buffer.len() > HEAD_LIMIT_BYTES || stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// The head of a request, its length in bytes, and that of the body; `None` while it is incomplete,
/// and for one that is not accepted.
fn head(buffer: &[u8]) -> Option<(Request, usize, usize)> {
    // A request with more headers counts as incomplete, and is cut off by its length.
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
    let target = parsed.path?;
    let (path, query) = match target.split_once('?') {
        Some(parts) => parts,
        None => (target, ""),
    };
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
    let wanted = match request.header("content-length") {
        Some(text) => text.parse().ok()?,
        None => 0,
    };
    (wanted <= BODY_LIMIT_BYTES).then_some((request, used, wanted))
}

/// Sends a response, broken as the fault demands; true if the connection can be used again.
pub(super) async fn send(stream: &mut TcpStream, answer: &Answer, fault: Option<Fault>) -> bool {
    let length = answer.body.length();
    let half = length / 2;
    let (claimed, sent) = match fault {
        // The connection was accepted, and closes without a byte.
        Some(Fault::Refused) => return false,
        Some(Fault::Garbage) => {
            // A TLS alert, as from a proxy that speaks TLS where plain text was asked for.
            drop(stream.write_all(&[0x15, 3, 3, 0, 2, 2, 40]).await);
            return false;
        }
        Some(Fault::StalledHead) => {
            tokio::time::sleep(STALL).await;
            return false;
        }
        Some(Fault::CutChunk) => return cut_chunk(stream, answer, half).await,
        Some(Fault::ResetInBody | Fault::StalledBody) => (length, half),
        Some(Fault::ShortLength) => (length + MISSING_BYTES, length),
        _ => (length, length),
    };
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let mut head = format!(
        "HTTP/1.1 {} {}\r\nDate: {}\r\n",
        answer.status,
        reason(answer.status),
        now.format("%a, %d %b %Y %H:%M:%S GMT")
    );
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    // A response without content has no length either.
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
        // Closing the connection is what breaks these.
        Some(Fault::ResetInBody | Fault::ShortLength) => false,
        _ => true,
    }
}

/// Sends half of a response as one chunk that is declared longer.
async fn cut_chunk(stream: &mut TcpStream, answer: &Answer, half: u64) -> bool {
    let head = format!(
        "HTTP/1.1 {} OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        answer.status,
        answer.body.length().max(16)
    );
    if stream.write_all(head.as_bytes()).await.is_ok() {
        send_body(stream, &answer.body, half, false).await;
    }
    false
}

/// Sends the first `sent` bytes of a body; true if all of them went out.
async fn send_body(stream: &mut TcpStream, body: &Body, sent: u64, drip: bool) -> bool {
    let most = if drip { DRIP_BYTES } else { PIECE_BYTES };
    let mut left = sent;
    let mut at = 0_u64;
    while left > 0 {
        let size = usize::try_from(left).map_or(most, |left| left.min(most));
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

/// The bytes of a body from `at`; `None` if it has fewer.
fn piece(body: &Body, at: u64, size: usize) -> Option<Vec<u8>> {
    match body {
        Body::Bytes(bytes) => {
            let start = usize::try_from(at).ok()?;
            bytes.get(start..start + size).map(<[u8]>::to_vec)
        }
        Body::File { path, start, .. } => {
            // Opened for each piece: a connection that stalls for minutes keeps no file open.
            let mut file = std::fs::File::open(path).ok()?;
            file.seek(SeekFrom::Start(start + at)).ok()?;
            let mut piece = vec![0; size];
            file.read_exact(&mut piece).ok()?;
            Some(piece)
        }
    }
}

/// Reason phrase of a status.
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
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}
