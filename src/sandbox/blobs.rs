//! Blobs of an export: whole, by range, or damaged as a fault demands.

use std::io::Write as _;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::faults::Fault;
use super::message::{Answer, Body, Request};
use super::tenant::error;

/// Bytes behind the last gzip member of a damaged blob.
const GARBAGE: &[u8] = b"<html>not part of it</html>";

/// A blob, or the range of it that a request asks for, under the version `etag`.
pub(super) fn ranged(request: &Request, body: Body, etag: &str) -> Answer {
    if request
        .header("if-match")
        .is_some_and(|wanted| wanted != etag)
    {
        return error(412, "ConditionNotMet", "The condition is not met.");
    }
    let length = body.length();
    let Some(from) = request.header("range").and_then(first_byte) else {
        return octets(200, body).with("ETag", etag);
    };
    // A client that has all bytes already asks for the one behind the last.
    if from >= length {
        return error(416, "InvalidRange", "The range is not valid.");
    }
    let rest = match body {
        Body::File { path, start, .. } => Body::File {
            path,
            start: start + from,
            length: length - from,
        },
        Body::Bytes(mut bytes) => {
            let from = usize::try_from(from).expect("below the length of bytes in memory");
            Body::Bytes(bytes.split_off(from))
        }
    };
    let range = format!("bytes {from}-{}/{length}", length - 1);
    octets(206, rest)
        .with("Content-Range", range)
        .with("ETag", etag)
}

/// The first byte of a range without an end; no other range is known here.
fn first_byte(range: &str) -> Option<u64> {
    range
        .strip_prefix("bytes=")?
        .strip_suffix('-')?
        .parse()
        .ok()
}

fn octets(status: u16, body: Body) -> Answer {
    Answer {
        status,
        headers: vec![("Content-Type", "application/octet-stream".to_owned())],
        body,
    }
}

/// The blob with the damage of a fault; `None` if the fault is not one of blobs, or the file is
/// gone.
pub(super) fn damaged(body: &Body, fault: Fault) -> Option<Body> {
    let bytes = || match body {
        Body::Bytes(bytes) => Some(bytes.clone()),
        Body::File { path, .. } => std::fs::read(path).ok(),
    };
    let damaged = match fault {
        Fault::GzipCut => {
            let mut bytes = bytes()?;
            bytes.truncate(bytes.len() - bytes.len() / 3);
            bytes
        }
        // One bit in the middle: only the checksum behind the data can tell.
        Fault::GzipFlipped => {
            let mut bytes = bytes()?;
            let middle = bytes.len() / 2;
            *bytes.get_mut(middle)? ^= 0x10;
            bytes
        }
        Fault::GzipGarbage => [&bytes()?, GARBAGE].concat(),
        Fault::GzipBomb => bomb().to_vec(),
        _ => return None,
    };
    Some(Body::Bytes(damaged))
}

/// A gzip stream of 400 MiB of blanks, made once.
pub(super) fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let blanks = vec![b' '; 1 << 20];
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
        for _ in 0..400 {
            encoder.write_all(&blanks).expect("memory takes all bytes");
        }
        encoder.finish().expect("memory takes all bytes")
    })
}
