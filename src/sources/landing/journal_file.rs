//! The journal's file: lines that are only appended, and that are read as a stream, so that memory
//! does not grow with them.
//!
//! What must change together: [`Line::stored`] and [`leading_line`]. A line ends with a checksum
//! and a line break; JSON has neither tabs nor line breaks of its own, so that lines are told apart
//! even where a line break is damaged.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::files;
use super::journal::{CHECK_DIGITS, Entry, Line, check};
use crate::sources::failure::{FetchError, storage};

/// Longest piece that is read at once: 1 MiB. Lines have some hundred bytes; a longer one is damage.
const LINE_LIMIT: usize = 1 << 20;
const BUFFER_BYTES: usize = 1 << 18;
/// Damaged lines of one journal for which the byte at fault is looked for, and the longest of them:
/// each takes up to 255 hashes a byte, 50 ms for a usual line.
const MENDED_LINES: usize = 16;
const MENDED_BYTES: usize = 2_048;
/// Tabs after which a damaged piece is no longer searched for the line that it begins with.
const TABS: usize = 2;

/// Position in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinePlace {
    /// Number of the line, from 1.
    pub(super) line: u64,
    /// Number of bytes before it.
    pub(super) byte: u64,
}

/// A piece of a journal.
#[derive(Debug)]
pub(super) enum JournalPiece<'b> {
    /// A whole line, and its bytes without the line break.
    Whole(Line, &'b [u8]),
    /// A line in which one byte was another, and its bytes as they must have been.
    Mended(LinePlace, Line, MendedBytes<'b>),
    /// Bytes that are no line.
    Damaged(LinePlace, &'b [u8]),
    /// A byte where a line break should be, between whole lines: nothing is lost.
    BrokenBreak(LinePlace),
}

/// Bytes of a line that was damaged, without the line break.
#[derive(Debug)]
pub(super) struct MendedBytes<'b> {
    /// Bytes as they were found.
    pub(super) found: &'b [u8],
    /// Bytes that agree with the checksum.
    pub(super) mended: &'b [u8],
}

/// The journal's file, open for appending.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens a journal to append to it, or creates an empty one.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub(super) fn append_to(path: &Path) -> Result<Self, FetchError> {
        Ok(Self {
            path: path.to_owned(),
            file: files::open_to_append(path)?,
        })
    }

    /// Appends a step of a unit, with the proof of a completion.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub(super) fn append(&mut self, line: &Line) -> Result<(), FetchError> {
        let text = line
            .stored()
            .map_err(|error| storage("write", &self.path)(error.into()))?;
        // One write for line and checksum: a crash leaves a prefix of the line at most.
        self.file
            .write_all(text.as_bytes())
            .map_err(storage("write", &self.path))?;
        match line.entry {
            // A completion is believed by later fetches, and an export costs minutes. Any other
            // step that a power failure takes away is only repeated.
            Entry::Complete { .. } | Entry::Operation { .. } => {
                self.file.sync_data().map_err(storage("sync", &self.path))
            }
            _ => Ok(()),
        }
    }
}

/// Reads a journal piece by piece, and returns the number of bytes before its torn end: what a
/// crash left of the last line is no piece.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses, [`FetchError::State`] for a step that this
/// release does not know, and the errors of `each`.
pub(super) fn read(
    path: &Path,
    each: &mut dyn FnMut(JournalPiece<'_>) -> Result<(), FetchError>,
) -> Result<u64, FetchError> {
    let Some(file) = files::open_if_there(path)? else {
        return Ok(0);
    };
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
    let mut raw = Vec::new();
    let mut place = LinePlace { line: 0, byte: 0 };
    let mut mendable = MENDED_LINES;
    loop {
        raw.clear();
        let length = (&mut reader)
            .take(LINE_LIMIT as u64)
            .read_until(b'\n', &mut raw)
            .map_err(storage("read", path))?;
        place.line += 1;
        let taken = take(path, &raw, place, &mut mendable, each)?;
        place.byte += taken as u64;
        if taken < length || length == 0 {
            return Ok(place.byte);
        }
    }
}

/// Tells the pieces of what was read up to a line break, the file's end or [`LINE_LIMIT`]; returns
/// the number of its bytes before a torn end.
fn take(
    path: &Path,
    raw: &[u8],
    place: LinePlace,
    mendable: &mut usize,
    each: &mut dyn FnMut(JournalPiece<'_>) -> Result<(), FetchError>,
) -> Result<usize, FetchError> {
    let body = raw.strip_suffix(b"\n").unwrap_or(raw);
    let has_break = body.len() < raw.len();
    let place_of = |at: usize| LinePlace {
        byte: place.byte + at as u64,
        ..place
    };
    if body.is_empty() && has_break {
        each(JournalPiece::Damaged(place, body))?;
    }
    let mut at = 0;
    while at < body.len() {
        let rest = &body[at..];
        let Some((line, length)) = leading_line(path, rest)? else {
            if !has_break && raw.len() < LINE_LIMIT && is_torn(rest) {
                return Ok(at);
            }
            take_damaged(path, rest, place_of(at), mendable, each)?;
            break;
        };
        let is_last = length == rest.len();
        if is_last && !has_break {
            return Ok(at);
        }
        each(JournalPiece::Whole(line, &rest[..length]))?;
        at += length;
        if !is_last {
            each(JournalPiece::BrokenBreak(place_of(at)))?;
            at += 1;
        }
    }
    Ok(raw.len())
}

/// Tells bytes that are no line: the line that they were, if that can be found out.
fn take_damaged(
    path: &Path,
    found: &[u8],
    place: LinePlace,
    mendable: &mut usize,
    each: &mut dyn FnMut(JournalPiece<'_>) -> Result<(), FetchError>,
) -> Result<(), FetchError> {
    let is_tried = *mendable > 0 && found.len() <= MENDED_BYTES;
    if is_tried {
        *mendable -= 1;
        if let Some(mended) = mended(found)
            && let Some((line, _)) = leading_line(path, &mended)?
        {
            let bytes = MendedBytes {
                found,
                mended: &mended,
            };
            return each(JournalPiece::Mended(place, line, bytes));
        }
    }
    each(JournalPiece::Damaged(place, found))
}

/// The line of which one byte is another: the only change that agrees with the checksum.
fn mended(found: &[u8]) -> Option<Vec<u8>> {
    let tab = found.len().checked_sub(CHECK_DIGITS + 1)?;
    let mut bytes = found.to_vec();
    // The text may be whole, and the byte be one of its checksum.
    let whole = check(&found[..tab]);
    let digits = found[tab + 1..].iter().zip(whole.as_bytes());
    if digits.filter(|(left, right)| left != right).count() <= 1 {
        bytes[tab] = b'\t';
        bytes[tab + 1..].copy_from_slice(whole.as_bytes());
        return Some(bytes);
    }
    let wanted = sum_of(&found[tab + 1..])?;
    if found[..tab]
        .iter()
        .filter(|byte| !matches!(byte, 0x20..0x7f))
        .count()
        > 1
    {
        return None;
    }
    // A single bit first, as that is what memory and disks do.
    let masks = (0..8).map(|bit| 1_u8 << bit);
    let masks = masks.chain((1..=u8::MAX).filter(|mask| !mask.is_power_of_two()));
    for mask in masks {
        for at in 0..tab {
            bytes[at] ^= mask;
            if blake3::hash(&bytes[..tab]).as_bytes()[..CHECK_DIGITS / 2] == wanted {
                return Some(bytes);
            }
            bytes[at] ^= mask;
        }
    }
    None
}

/// True for what a crash may have left of a line. Other bytes at the end of a journal are damage.
fn is_torn(bytes: &[u8]) -> bool {
    let control = bytes.iter().filter(|byte| byte.is_ascii_control());
    control.clone().count() <= 1 && control.clone().all(|byte| *byte == b'\t')
}

/// The bytes that the digits of a checksum stand for.
fn sum_of(digits: &[u8]) -> Option<[u8; CHECK_DIGITS / 2]> {
    let mut sum = [0; CHECK_DIGITS / 2];
    let pairs = digits.chunks_exact(2);
    for (byte, pair) in sum.iter_mut().zip(pairs) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(sum)
}

/// The whole line with which bytes begin, and its length without the line break.
fn leading_line(path: &Path, bytes: &[u8]) -> Result<Option<(Line, usize)>, FetchError> {
    for tab in memchr::memchr_iter(b'\t', bytes).take(TABS) {
        let end = tab + 1 + CHECK_DIGITS;
        let text = &bytes[..tab];
        if bytes.get(tab + 1..end) != Some(check(text).as_bytes()) {
            continue;
        }
        let line = serde_json::from_slice(text).map_err(|error| FetchError::State {
            what: format!("`{}`", path.display()),
            found: format!("a line that is whole, but cannot be read ({error})"),
            wanted: "a journal of this release or an older one".to_owned(),
            hint: "use the release of tieout that wrote it".to_owned(),
        })?;
        return Ok(Some((line, end)));
    }
    Ok(None)
}
