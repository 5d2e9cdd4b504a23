//! From a path to plain bytes of a known format: gzip members, BOMs, and the sniffing.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::MultiGzDecoder;

use super::{DecodeError, Input};

const SNIFFED_BYTES: usize = 64 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;
/// Past this much output, a gzip stream that expands more than [`BOMB_RATIO`] times is refused.
const BOMB_FREE_BYTES: u64 = 256 << 20;
/// Real exports compress about 10:1; deflate cannot pass 1032:1.
const BOMB_RATIO: u64 = 300;
pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";

pub(super) type Bytes = Box<dyn BufRead + Send>;

pub(super) enum Opened {
    Csv(Bytes),
    JsonLines(Bytes),
    JsonPage(Bytes),
    Parquet,
}

/// Opens a file and tells its format, in a manifest's words, from its first bytes. What is read of it
/// is hashed into `hash`.
pub(super) fn open(
    input: Input<'_>,
    hash: Option<&SharedHash>,
) -> Result<(&'static str, Opened), DecodeError> {
    open_as(input.unit, input.path, hash.cloned())
}

/// A hash that a reader adds to.
pub(super) type SharedHash = Arc<Mutex<blake3::Hasher>>;

/// A file whose bytes are hashed as they are read.
struct Hashed {
    file: File,
    hash: Option<SharedHash>,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        if let Some(hash) = &self.hash {
            hash.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .update(buffer.get(..count).unwrap_or_default());
        }
        Ok(count)
    }
}

/// As [`open`], for what is no dataset of files.
pub(super) fn open_as(
    unit: &str,
    path: &std::path::Path,
    hash: Option<SharedHash>,
) -> Result<(&'static str, Opened), DecodeError> {
    if path.is_dir() {
        return Err(DecodeError::wrong(
            unit,
            "a folder",
            "a file",
            format!("name its files, as in `{unit}/*.csv`"),
        ));
    }
    let file = File::open(path).map_err(|error| unreadable(unit, &error))?;
    let mut raw = BufReader::with_capacity(BUFFER_BYTES, Hashed { file, hash });
    let magic = raw.fill_buf().map_err(|error| unreadable(unit, &error))?;
    if magic.is_empty() {
        return Err(DecodeError::damaged(unit, "an empty file", "rows"));
    }
    if magic.starts_with(b"PAR1") {
        return Ok(("parquet", Opened::Parquet));
    }
    let gzip = magic.starts_with(&[0x1f, 0x8b]);
    let plain: Box<dyn Read + Send> = if gzip {
        Box::new(Gunzip::new(raw))
    } else {
        Box::new(raw)
    };
    let mut head = vec![0; SNIFFED_BYTES];
    let mut plain = plain;
    let filled = fill(&mut plain, &mut head).map_err(|error| broken_stream(unit, &error))?;
    head.truncate(filled);
    let head = without_boms(head, unit)?;
    let shape = shape_of(&head);
    let joined = BufReader::with_capacity(BUFFER_BYTES, std::io::Cursor::new(head).chain(plain));
    Ok(match (shape, gzip) {
        (Shape::Csv, false) => ("csv", Opened::Csv(Box::new(joined))),
        (Shape::Csv, true) => ("csv+gzip", Opened::Csv(Box::new(joined))),
        (Shape::JsonLines, false) => ("jsonl", Opened::JsonLines(Box::new(joined))),
        (Shape::JsonLines, true) => ("jsonl+gzip", Opened::JsonLines(Box::new(joined))),
        (Shape::JsonPage, false) => ("json", Opened::JsonPage(Box::new(joined))),
        (Shape::JsonPage, true) => ("json+gzip", Opened::JsonPage(Box::new(joined))),
    })
}

fn unreadable(unit: &str, error: &std::io::Error) -> DecodeError {
    DecodeError::wrong(
        unit,
        format!("`{error}`"),
        "a readable file",
        "check the path and its permissions",
    )
}

/// A read error in the middle of a file, in the user's words.
pub(super) fn broken_stream(unit: &str, error: &std::io::Error) -> DecodeError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            DecodeError::damaged(unit, "a gzip stream that ends early", "whole gzip members")
        }
        std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => DecodeError::damaged(
            unit,
            format!("a broken gzip stream ({error})"),
            "whole gzip members",
        ),
        _ => DecodeError::damaged(unit, format!("`{error}` while reading"), "a readable file"),
    }
}

fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        match reader.read(free) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn without_boms(head: Vec<u8>, unit: &str) -> Result<Vec<u8>, DecodeError> {
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        return Err(DecodeError::wrong(
            unit,
            "UTF-16 text",
            "UTF-8 text",
            "save the file as `CSV UTF-8`",
        ));
    }
    let mut text = head.as_slice();
    while let Some(rest) = text.strip_prefix(BOM) {
        text = rest;
    }
    let begins = |tag: &[u8]| {
        text.trim_ascii_start()
            .get(..tag.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    if begins(b"<!doctype") || begins(b"<html") {
        let hint = "a sign-in or error page was saved in place of the data; fetch the file again";
        return Err(DecodeError::wrong(
            unit,
            "a web page",
            "CSV, JSON or Parquet",
            hint,
        ));
    }
    if text.trim_ascii().is_empty() {
        return Err(DecodeError::damaged(unit, "nothing but blanks", "rows"));
    }
    Ok(text.to_vec())
}

#[derive(Debug, PartialEq, Eq)]
enum Shape {
    Csv,
    JsonLines,
    JsonPage,
}

/// An array, or an object that has `items` or goes on past its first line, is a page; other
/// objects are JSON lines; anything else is CSV.
fn shape_of(head: &[u8]) -> Shape {
    let text = head.trim_ascii_start();
    match text.first() {
        Some(b'[') => Shape::JsonPage,
        Some(b'{') => object_shape(text),
        _ => Shape::Csv,
    }
}

fn object_shape(text: &[u8]) -> Shape {
    let (mut depth, mut in_string, mut escaped, mut string_start) = (0_u32, false, false, 0);
    for (at, &byte) in text.iter().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    in_string = false;
                    let name = text.get(string_start..at).unwrap_or_default();
                    let rest = text.get(at + 1..).unwrap_or_default().trim_ascii_start();
                    let is_items = name.eq_ignore_ascii_case(b"items") || name == b"value";
                    if depth == 1
                        && is_items
                        && rest
                            .strip_prefix(b":")
                            .is_some_and(|v| v.trim_ascii_start().starts_with(b"["))
                    {
                        return Shape::JsonPage;
                    }
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => (in_string, string_start) = (true, at + 1),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Shape::JsonLines;
                }
            }
            b'\n' => return Shape::JsonPage,
            _ => {}
        }
    }
    Shape::JsonLines
}

/// All members of a gzip stream, watched for bombs.
struct Gunzip {
    decoder: MultiGzDecoder<Counting>,
    produced: u64,
}

struct Counting {
    inner: BufReader<Hashed>,
    consumed: u64,
}

impl Gunzip {
    fn new(inner: BufReader<Hashed>) -> Self {
        Self {
            decoder: MultiGzDecoder::new(Counting { inner, consumed: 0 }),
            produced: 0,
        }
    }
}

impl Read for Gunzip {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.decoder.read(buffer)?;
        self.produced += count as u64;
        let consumed = self.decoder.get_ref().consumed.max(1);
        if self.produced > BOMB_FREE_BYTES && self.produced / consumed > BOMB_RATIO {
            let words = format!(
                "it expands {} times, past the limit of {BOMB_RATIO}",
                self.produced / consumed
            );
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, words));
        }
        Ok(count)
    }
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.consumed += count as u64;
        Ok(count)
    }
}

impl BufRead for Counting {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.consumed += count as u64;
        self.inner.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_told_by_content() {
        assert_eq!(shape_of(b"PartnerId,CustomerId\n"), Shape::Csv);
        assert_eq!(
            shape_of(b"{\"PartnerId\":\"{\\\"items\\\":[\"}\n{}"),
            Shape::JsonLines
        );
        assert_eq!(
            shape_of(b"{\"totalCount\":2,\"items\":[{}]}"),
            Shape::JsonPage
        );
        assert_eq!(shape_of(b"{\n \"totalCount\": 2"), Shape::JsonPage);
        assert_eq!(shape_of(b" [{}]"), Shape::JsonPage);
        assert_eq!(shape_of(b"{\"a\":{\"items\":[]}}"), Shape::JsonLines);
    }
}
