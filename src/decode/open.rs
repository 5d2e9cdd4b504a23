//! From an open file to uncompressed bytes of a known format: unpacks gzip, drops byte order marks,
//! and tells the format from the first bytes. Files that are plainly something else (web pages,
//! UTF-16) are refused here.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::sync::{Arc, Mutex};

use super::failure::DecodeError;
use super::gunzip::Gunzip;
use super::lock::lock;
use super::positioned::PositionedReader;
use super::sniff::{TextFormat, text_format};

// Each name of a text format stands beside that of its gzip form.
const CSV: [&str; 2] = ["csv", "csv+gzip"];
const JSON_LINES: [&str; 2] = ["jsonl", "jsonl+gzip"];
const JSON_PAGE: [&str; 2] = ["json", "json+gzip"];
const PARQUET: &str = "parquet";

/// Names of all formats, as they are written into a manifest.
pub const FORMATS: [&str; 7] = [
    CSV[0],
    CSV[1],
    JSON_LINES[0],
    JSON_LINES[1],
    JSON_PAGE[0],
    JSON_PAGE[1],
    PARQUET,
];

/// Bytes at the start of a text by which its format is told.
const SNIFFED_BYTES: usize = 64 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;

/// The byte order mark of UTF-8. Spreadsheets write it, and joined files have it in their middle.
pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Uncompressed bytes of a file.
pub(super) type ByteStream<'i> = Box<dyn BufRead + Send + 'i>;

/// BLAKE3 hash that takes the bytes of a file as they are read.
pub(super) type SharedHash = Arc<Mutex<blake3::Hasher>>;

/// A file at its start, by its format. Parquet is not read as a stream: its reader takes pieces of
/// the file.
pub(super) enum Opened<'i> {
    Csv(ByteStream<'i>),
    JsonLines(ByteStream<'i>),
    JsonPage(ByteStream<'i>),
    Parquet,
}

/// Begins to read a file; its format's name is one of [`FORMATS`]. The bytes that are read, still
/// compressed, go into `hash`.
pub(super) fn open<'i>(
    unit: &str,
    file: &'i File,
    hash: Option<&SharedHash>,
) -> Result<(&'static str, Opened<'i>), DecodeError> {
    let hashed = HashedFile {
        file: PositionedReader::new(file, 0),
        hash: hash.cloned(),
    };
    let mut raw = BufReader::with_capacity(BUFFER_BYTES, hashed);
    let magic = raw.fill_buf().map_err(|error| unreadable(unit, &error))?;
    if magic.is_empty() {
        return Err(DecodeError::damaged(unit, "an empty file", "rows"));
    }
    // The start of the file went into the hash here. Of a larger Parquet file no more will, which
    // the collector sees by the number of bytes.
    if magic.starts_with(b"PAR1") {
        return Ok((PARQUET, Opened::Parquet));
    }
    let is_gzip = magic.starts_with(&[0x1f, 0x8b]);
    let mut plain: Box<dyn Read + Send + 'i> = if is_gzip {
        Box::new(Gunzip::new(raw))
    } else {
        Box::new(raw)
    };
    // These bytes are read once and then put in front of the rest: a gzip stream has no way back.
    let mut head = vec![0; SNIFFED_BYTES];
    let filled = fill(&mut plain, &mut head).map_err(|error| broken_stream(unit, &error))?;
    head.truncate(filled);
    let head = without_boms(head);
    refuse_other_text(&head, unit)?;
    let format = text_format(&head);
    let joined: ByteStream<'i> = Box::new(BufReader::with_capacity(
        BUFFER_BYTES,
        Cursor::new(head).chain(plain),
    ));
    let (names, opened) = match format {
        TextFormat::Csv => (CSV, Opened::Csv(joined)),
        TextFormat::JsonLines => (JSON_LINES, Opened::JsonLines(joined)),
        TextFormat::JsonPage => (JSON_PAGE, Opened::JsonPage(joined)),
    };
    Ok((names[usize::from(is_gzip)], opened))
}

fn unreadable(unit: &str, error: &std::io::Error) -> DecodeError {
    DecodeError::wrong(
        unit,
        format!("`{error}`"),
        "a readable file",
        "check the path and its permissions",
    )
}

/// A file whose bytes are hashed as they are read, so that hashing needs no second pass over the
/// disk.
struct HashedFile<'i> {
    file: PositionedReader<&'i File>,
    hash: Option<SharedHash>,
}

impl Read for HashedFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        if let Some(hash) = &self.hash {
            lock(hash).update(&buffer[..count]);
        }
        Ok(count)
    }
}

/// The hash of a file's bytes, if as many went into it as the file has. Parquet is read in pieces,
/// and text may not have been read to its end.
pub(super) fn whole_hash(file: &File, hash: &SharedHash) -> Option<String> {
    let hash = lock(hash);
    let is_whole = file
        .metadata()
        .is_ok_and(|metadata| metadata.len() == hash.count());
    is_whole.then(|| hash.finalize().to_hex().to_string())
}

/// The error of a read that failed in the middle of a file.
pub(super) fn broken_stream(unit: &str, error: &std::io::Error) -> DecodeError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => DecodeError::damaged(
            unit,
            "a gzip stream that ends too early",
            "complete gzip members",
        ),
        // `InvalidInput` is flate2's word for bytes after the last member that begin no other.
        std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => DecodeError::damaged(
            unit,
            format!("a broken gzip stream ({error})"),
            "complete gzip members",
        ),
        _ => DecodeError::damaged(unit, format!("`{error}` while reading"), "a readable file"),
    }
}

/// Fills a buffer, or as much of it as there are bytes to read; returns their number.
pub(super) fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    // One read gives no more than the rest of a gzip member, which may be a few bytes.
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A text without the byte order marks at its start; a file saved twice may have two.
fn without_boms(head: Vec<u8>) -> Vec<u8> {
    let mut text = head.as_slice();
    while let Some(rest) = text.strip_prefix(BOM) {
        text = rest;
    }
    text.to_vec()
}

/// Refuses what no text decoder can read, with the usual reason for it.
fn refuse_other_text(head: &[u8], unit: &str) -> Result<(), DecodeError> {
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        let hint = "save the file as `CSV UTF-8`";
        return Err(DecodeError::wrong(unit, "UTF-16 text", "UTF-8 text", hint));
    }
    let text = head.trim_ascii();
    let begins_with = |tag: &[u8]| {
        text.get(..tag.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    if begins_with(b"<!doctype") || begins_with(b"<html") {
        let hint = "a sign-in or error page was saved instead of the data; download the file again";
        return Err(DecodeError::wrong(
            unit,
            "a web page",
            "CSV, JSON or Parquet",
            hint,
        ));
    }
    if text.is_empty() {
        return Err(DecodeError::damaged(unit, "only white space", "rows"));
    }
    Ok(())
}
