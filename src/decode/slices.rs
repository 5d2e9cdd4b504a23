//! Cuts a stream into slices that end at record borders, and runs work on them on all cores. At most
//! one slice a core is in memory.

use std::io::Read as _;
use std::sync::{Mutex, PoisonError};

use super::{DecodeError, Input, open};
use crate::decode::csv::blocks::quotes_and_line_feeds;

/// Large enough that a slice's fixed costs vanish, small enough for a core's own cache.
const SLICE_BYTES: usize = 512 << 10;
/// A record longer than this is no record of ours.
pub(super) const RECORD_LIMIT_BYTES: usize = 16 << 20;

/// Whole records, and the line on which the first one stands.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) first_line: u64,
    pub(super) bytes: Vec<u8>,
}

/// Reads slices from a stream.
pub(super) struct Slices<'i> {
    input: Input<'i>,
    reader: open::Bytes,
    carry: Vec<u8>,
    /// Buffer of a slice that is done: a new one each time would be zeroed by the kernel each time.
    spare: Option<Vec<u8>>,
    border: Border,
    next_line: u64,
    lines_read: u64,
    done: bool,
}

/// How records end.
pub(super) enum Border {
    /// At every line feed.
    Line,
    /// At line feeds outside quotes, by the rules of CSV.
    Csv(QuoteScan),
    /// At line feeds before which quotes are even in number.
    Parity(Parity),
}

/// Whether the quotes so far are odd in number.
#[derive(Debug, Default)]
pub(super) struct Parity {
    is_odd: bool,
}

impl Parity {
    /// `quotes` are those in `bytes`.
    fn last_border(&mut self, bytes: &[u8], quotes: u64) -> Option<usize> {
        let is_odd = |text: &[u8]| memchr::memchr_iter(b'"', text).count() % 2 == 1;
        self.is_odd ^= quotes % 2 == 1;
        let (mut end, mut odd_at_end) = (bytes.len(), self.is_odd);
        loop {
            let at = memchr::memrchr(b'\n', bytes.get(..end).unwrap_or_default())?;
            odd_at_end ^= is_odd(bytes.get(at + 1..end).unwrap_or_default());
            if !odd_at_end {
                return Some(at + 1);
            }
            end = at;
        }
    }
}

impl<'i> Slices<'i> {
    pub(super) fn new(input: Input<'i>, reader: open::Bytes, border: Border) -> Self {
        Self {
            input,
            reader,
            carry: Vec::new(),
            spare: None,
            border,
            next_line: 1,
            lines_read: 0,
            done: false,
        }
    }

    /// The next whole records, about half a MiB of them; `None` at the end.
    pub(super) fn next_slice(&mut self) -> Result<Option<Slice>, DecodeError> {
        let mut bytes = self.spare.take().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(&self.carry);
        // What was carried over holds no border, but maybe quotes.
        let (carried_quotes, _) = quotes_and_line_feeds(&self.carry);
        let mut scanned = self.border.carry_over(&self.carry, carried_quotes);
        let mut last_border = None;
        bytes.reserve(SLICE_BYTES);
        while !self.done && (bytes.len() < SLICE_BYTES || last_border.is_none()) {
            let known = bytes.len();
            self.read_some(&mut bytes)?;
            let (quotes, line_feeds) =
                quotes_and_line_feeds(bytes.get(known..).unwrap_or_default());
            self.lines_read += line_feeds;
            if let Some(border) =
                self.border
                    .last_in(bytes.get(scanned..).unwrap_or_default(), quotes, self.done)
            {
                last_border = Some(scanned + border);
            }
            scanned = bytes.len();
            if last_border.is_none() && bytes.len() > RECORD_LIMIT_BYTES {
                return Err(self.too_long());
            }
        }
        if self.done && self.border.is_open() {
            return Err(self.unclosed(bytes.get(..last_border.unwrap_or(0)).unwrap_or_default()));
        }
        let end = if self.done {
            bytes.len()
        } else {
            last_border.unwrap_or(bytes.len())
        };
        self.carry.clear();
        self.carry
            .extend_from_slice(bytes.get(end..).unwrap_or_default());
        bytes.truncate(end);
        if self.carry.len() > RECORD_LIMIT_BYTES {
            return Err(self.too_long());
        }
        self.border.restart();
        if bytes.is_empty() {
            return Ok(None);
        }
        let first_line = self.next_line;
        self.next_line =
            1 + self.lines_read - memchr::memchr_iter(b'\n', &self.carry).count() as u64;
        Ok(Some(Slice { first_line, bytes }))
    }

    fn read_some(&mut self, into: &mut Vec<u8>) -> Result<(), DecodeError> {
        let wanted = SLICE_BYTES.saturating_sub(into.len()).max(SLICE_BYTES / 8);
        let read = std::io::Read::take(&mut self.reader, wanted as u64).read_to_end(into);
        let count = read.map_err(|error| open::broken_stream(self.input.unit, &error))?;
        self.done = count < wanted;
        Ok(())
    }

    fn too_long(&self) -> DecodeError {
        let found = format!("a record longer than {} MiB", RECORD_LIMIT_BYTES >> 20);
        let hint = "look for a quote that is never closed, or a file without line ends";
        DecodeError::wrong(self.input.unit, found, "records of a few kilobytes", hint)
            .at_line(self.next_line)
    }

    fn unclosed(&self, whole_records: &[u8]) -> DecodeError {
        let line = self.next_line + memchr::memchr_iter(b'\n', whole_records).count() as u64;
        let wanted = "a closing quote before the end of the file";
        let mut error = DecodeError::damaged(
            self.input.unit,
            "a quoted cell that is never closed",
            wanted,
        )
        .at_line(line);
        error.hint = "look for a stray quote in that line; if there is none, the file was cut on its way: fetch it again".to_owned();
        error
    }

    /// Whether what was read ends within quotes.
    pub(super) fn is_open(&self) -> bool {
        self.border.is_open()
    }

    /// Runs `work` on every slice, on all cores: who is free reads the next one and works on it while
    /// it is in its cache. Of an error, also whether the text ends within quotes.
    pub(super) fn for_each(
        self,
        work: impl Fn(&Slice) -> Result<(), DecodeError> + Sync,
    ) -> (Result<(), DecodeError>, bool) {
        // With the outcome goes whether the text was open when it could not be cut: who comes after that
        // finds an empty stream, which is closed.
        let slices = Mutex::new((self, Ok(()), false));
        let one_after_another = || {
            let mut spare = None;
            loop {
                let mut guard = slices.lock().unwrap_or_else(PoisonError::into_inner);
                let (source, outcome, was_open) = &mut *guard;
                source.spare = source.spare.take().or(spare.take());
                let slice = match source.next_slice() {
                    Ok(Some(slice)) if outcome.is_ok() => slice,
                    Ok(_) => return,
                    Err(error) => {
                        *was_open |= source.is_open();
                        source.done_with(outcome, error);
                        return;
                    }
                };
                drop(guard);
                let worked = work(&slice);
                spare = Some(slice.bytes);
                if let Err(error) = worked {
                    let mut guard = slices.lock().unwrap_or_else(PoisonError::into_inner);
                    let (source, outcome, _) = &mut *guard;
                    source.done_with(outcome, error);
                }
            }
        };
        rayon::scope(|scope| {
            (0..rayon::current_num_threads()).for_each(|_| scope.spawn(|_| one_after_another()))
        });
        let (_, outcome, was_open) = slices.into_inner().unwrap_or_else(PoisonError::into_inner);
        (outcome, was_open)
    }

    /// Of several errors that of the first line is told; nothing more is read.
    fn done_with(&mut self, outcome: &mut Result<(), DecodeError>, error: DecodeError) {
        self.done = true;
        self.carry.clear();
        match outcome {
            Err(known) if known.line <= error.line => {}
            _ => *outcome = Err(error),
        }
    }
}

impl Border {
    /// Takes note of what was carried over, from the start of a record; how much of it need not be looked
    /// at again.
    fn carry_over(&mut self, carry: &[u8], quotes: u64) -> usize {
        match self {
            Self::Parity(parity) => {
                parity.is_odd = quotes % 2 == 1;
                carry.len()
            }
            Self::Line | Self::Csv(_) => 0,
        }
    }

    /// Offset just past the last record end in `bytes`, which follow those given before.
    fn last_in(&mut self, bytes: &[u8], quotes: u64, at_end: bool) -> Option<usize> {
        match self {
            Self::Line => memchr::memrchr(b'\n', bytes).map(|at| at + 1),
            Self::Csv(scan) => scan.last_border(bytes, at_end),
            Self::Parity(parity) => parity.last_border(bytes, quotes),
        }
    }

    fn is_open(&self) -> bool {
        match self {
            Self::Line => false,
            Self::Csv(scan) => scan.in_quotes,
            Self::Parity(parity) => parity.is_odd,
        }
    }

    /// What was cut off after the last border will be scanned again, from a record's start.
    fn restart(&mut self) {
        match self {
            Self::Line => {}
            Self::Csv(scan) => *scan = QuoteScan::default(),
            Self::Parity(parity) => *parity = Parity::default(),
        }
    }
}

/// Follows quotes through CSV by the rules of the csv crate: a quote opens a cell only where the
/// cell begins, and a doubled one inside is text.
#[derive(Debug, Default)]
pub(super) struct QuoteScan {
    in_quotes: bool,
    /// A quote was the last byte inside quotes: the next byte tells whether it closed them.
    pending: bool,
    previous: u8,
}

impl QuoteScan {
    fn last_border(&mut self, bytes: &[u8], at_end: bool) -> Option<usize> {
        let mut border = None;
        let mut outside_from = 0;
        let mut skip_at = usize::MAX;
        if self.pending
            && let Some(first) = bytes.first()
        {
            self.pending = false;
            if *first == b'"' {
                skip_at = 0;
            } else {
                self.in_quotes = false;
            }
        }
        for at in memchr::memchr_iter(b'"', bytes) {
            if at == skip_at {
                continue;
            }
            if self.in_quotes {
                match bytes.get(at + 1) {
                    Some(b'"') => skip_at = at + 1,
                    Some(_) => (self.in_quotes, outside_from) = (false, at + 1),
                    None => (self.pending, outside_from) = (true, at + 1),
                }
            } else {
                let before = if at == 0 {
                    self.previous
                } else {
                    bytes.get(at - 1).copied().unwrap_or(0)
                };
                if matches!(before, b',' | b'\n' | b'\r' | 0) {
                    self.in_quotes = true;
                    let outside = bytes.get(outside_from..at).unwrap_or_default();
                    border = memchr::memrchr(b'\n', outside)
                        .map(|end| outside_from + end + 1)
                        .or(border);
                }
            }
        }
        if at_end && self.pending {
            (self.in_quotes, self.pending) = (false, false);
        }
        if !self.in_quotes {
            let outside = bytes.get(outside_from..).unwrap_or_default();
            border = memchr::memrchr(b'\n', outside)
                .map(|end| outside_from + end + 1)
                .or(border);
        }
        self.previous = bytes.last().copied().unwrap_or(self.previous);
        border
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn border_of(chunks: &[&str]) -> Option<usize> {
        let mut scan = QuoteScan::default();
        let mut offset = 0;
        let mut found = None;
        for (at, chunk) in chunks.iter().enumerate() {
            found = scan
                .last_border(chunk.as_bytes(), at + 1 == chunks.len())
                .map(|border| offset + border)
                .or(found);
            offset += chunk.len();
        }
        found
    }

    #[test]
    fn borders_stand_outside_quotes_however_the_stream_is_cut() {
        for text in [
            "a,b\nc,\"d\ne\"\nf",
            "a,\"x\"\"\ny\"\"\"\nq",
            "24\" screen,b\nnext,\"open\nline\",z\nlast",
            "\"a\"\n\"b\n\"",
            "a\n\"b\"\"\"",
        ] {
            let whole = border_of(&[text]);
            for cut in 1..text.len() {
                let (left, right) = text.split_at(cut);
                assert_eq!(border_of(&[left, right]), whole, "{text:?} cut at {cut}");
            }
        }
        assert_eq!(border_of(&["a,b\nc,\"d\ne\"\nf"]), Some(12));
        assert_eq!(border_of(&["24\" screen,b\nnext"]), Some(13));
    }
}
