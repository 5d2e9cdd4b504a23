//! A stream cut into slices that end at record borders, and the work on them on all cores. At most
//! one slice for each core is in memory.
//!
//! Workers read and work in turn: whoever is free locks the stream, reads the next slice, unlocks,
//! and works on the slice while it is still in the core's own cache. No thread only reads, and
//! nothing queues.

use std::sync::Mutex;

use super::blocks::quotes_and_line_feeds;
use super::borders::Border;
use super::failure::DecodeError;
use super::input::Input;
use super::lock::{into_inner, lock};
use super::open::{self, ByteStream};

/// Size of a slice: 512 KiB. Large enough that its fixed costs vanish, small enough for a core's
/// cache.
const SLICE_BYTES: usize = 512 << 10;
/// Longest record: 16 MiB. Real ones have a few kilobytes; a longer one is an unclosed quote.
const RECORD_LIMIT_BYTES: usize = 16 << 20;

/// Whole records of a text.
#[derive(Debug)]
pub(super) struct Slice {
    /// Number of the slice in its file, from 0.
    pub(super) number: u64,
    /// Line of the file on which the first record stands, from 1.
    pub(super) first_line: u64,
    /// A buffer that begins with the records.
    buffer: Vec<u8>,
    /// Length of the records.
    end: usize,
}

impl Slice {
    /// The records, each with its line end; only the last one of the file may lack it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.end]
    }
}

/// The slices of a stream, in order.
pub(super) struct Slices<'i> {
    input: Input<'i>,
    stream: ByteStream<'i>,
    /// Bytes that were read and follow the last border: the start of the next slice.
    carry: Vec<u8>,
    /// Buffer of a slice that is done: what was once zeroed is not zeroed again.
    spare: Option<Vec<u8>>,
    border: Border,
    next_number: u64,
    next_line: u64,
    lines_read: u64,
    /// The stream has ended, or an error makes the rest of it worthless.
    done: bool,
}

/// End of the work on all slices.
pub(super) struct Finished {
    /// The error of the lowest line, if there was any.
    pub(super) result: Result<(), DecodeError>,
    /// True if the stream could not be cut, because its text ends inside quotes.
    pub(super) ended_in_quotes: bool,
}

impl<'i> Slices<'i> {
    /// The slices of a stream that stands at its start.
    pub(super) fn new(input: Input<'i>, stream: ByteStream<'i>, border: Border) -> Self {
        Self {
            input,
            stream,
            carry: Vec::new(),
            spare: None,
            border,
            next_number: 0,
            next_line: 1,
            lines_read: 0,
            done: false,
        }
    }

    /// The next whole records, about half a MiB of them; `None` at the end.
    pub(super) fn next_slice(&mut self) -> Result<Option<Slice>, DecodeError> {
        let (buffer, filled, last_border) = self.read_to_border()?;
        let bytes = &buffer[..filled];
        if self.done && self.border.is_in_quotes() {
            let whole_records = last_border.map_or(&b""[..], |end| &bytes[..end]);
            return Err(self.unclosed(whole_records));
        }
        let end = if self.done {
            bytes.len()
        } else {
            last_border.expect("a stream is read until a border or its end")
        };
        self.carry.clear();
        self.carry.extend_from_slice(&bytes[end..]);
        if self.carry.len() > RECORD_LIMIT_BYTES {
            return Err(self.too_long());
        }
        self.border.restart();
        if end == 0 {
            return Ok(None);
        }
        let first_line = self.next_line;
        // Line feeds are counted as they are read; those carried over belong to the next slice.
        let lines_carried = memchr::memchr_iter(b'\n', &self.carry).count() as u64;
        self.next_line = 1 + self.lines_read - lines_carried;
        let number = self.next_number;
        self.next_number += 1;
        Ok(Some(Slice {
            number,
            first_line,
            buffer,
            end,
        }))
    }

    /// A buffer with bytes carried over and bytes read after them, until they are a slice with a
    /// border, or the stream ends; the number of the bytes; and the last border in them.
    fn read_to_border(&mut self) -> Result<(Vec<u8>, usize, Option<usize>), DecodeError> {
        let mut buffer = self.spare.take().unwrap_or_default();
        let mut filled = self.carry.len();
        if buffer.len() < filled {
            buffer.resize(filled, 0);
        }
        buffer[..filled].copy_from_slice(&self.carry);
        // The bytes carried over hold no border, but they may hold quotes.
        let (carried_quotes, _) = quotes_and_line_feeds(&self.carry);
        let mut scanned = self.border.carry_over(&self.carry, carried_quotes);
        let mut last_border = None;
        while !self.done && (filled < SLICE_BYTES || last_border.is_none()) {
            let known = filled;
            filled += self.read_some(&mut buffer, known)?;
            // Counted here, while the bytes are in the cache; the border needs the number of
            // quotes.
            let (quotes, line_feeds) = quotes_and_line_feeds(&buffer[known..filled]);
            self.lines_read += line_feeds;
            let unscanned = &buffer[scanned..filled];
            if let Some(border) = self.border.last_in(unscanned, quotes, self.done) {
                last_border = Some(scanned + border);
            }
            scanned = filled;
            if last_border.is_none() && filled > RECORD_LIMIT_BYTES {
                return Err(self.too_long());
            }
        }
        Ok((buffer, filled, last_border))
    }

    /// Reads on behind the first `filled` bytes of a buffer; the number of bytes that were read.
    fn read_some(&mut self, buffer: &mut Vec<u8>, filled: usize) -> Result<usize, DecodeError> {
        // A record that is longer than a slice is read on in eighths of one, not in single bytes.
        let wanted = SLICE_BYTES.saturating_sub(filled).max(SLICE_BYTES / 8);
        if buffer.len() < filled + wanted {
            buffer.resize(filled + wanted, 0);
        }
        // In one piece: what is as large as a reader's own buffer is not copied through it.
        let read = open::fill(&mut self.stream, &mut buffer[filled..filled + wanted]);
        let count = read.map_err(|error| open::broken_stream(self.input.unit, &error))?;
        // Less than was asked for is given only where there is no more.
        self.done = count < wanted;
        Ok(count)
    }

    fn too_long(&self) -> DecodeError {
        let found = format!("a record longer than {} MiB", RECORD_LIMIT_BYTES >> 20);
        let hint = "look for a quote that is never closed, or for missing line breaks";
        DecodeError::wrong(self.input.unit, found, "records of a few kilobytes", hint)
            .at_line(self.next_line)
    }

    fn unclosed(&self, whole_records: &[u8]) -> DecodeError {
        let line = self.next_line + memchr::memchr_iter(b'\n', whole_records).count() as u64;
        let found = "a quoted cell without a closing quote";
        let wanted = "a closing quote before the end of the file";
        let mut error = DecodeError::damaged(self.input.unit, found, wanted).at_line(line);
        // In place of the hint of damaged files: a stray quote is as likely as a download that
        // stopped.
        error.hint = "look for a stray quote in that line; \
             if there is none, the file was cut off: download it again"
            .to_owned();
        error
    }

    /// True if the text that was read ends inside quotes.
    pub(super) fn is_in_quotes(&self) -> bool {
        self.border.is_in_quotes()
    }

    /// Runs `work` on every slice, on all cores. After an error no more slices are read.
    pub(super) fn for_each(
        self,
        work: impl Fn(&Slice) -> Result<(), DecodeError> + Sync,
    ) -> Finished {
        let shared = Mutex::new(Shared {
            slices: self,
            finished: Finished {
                result: Ok(()),
                ended_in_quotes: false,
            },
        });
        rayon::scope(|scope| {
            // In rayon's own pool, so that `--threads` holds for them too.
            (0..rayon::current_num_threads())
                .for_each(|_| scope.spawn(|_| work_until_end(&shared, &work)));
        });
        into_inner(shared).finished
    }
}

/// Stream that the workers take turns to read.
struct Shared<'i> {
    slices: Slices<'i>,
    finished: Finished,
}

/// One worker's turns: reads a slice under the lock and works on it without, until there are no
/// more.
fn work_until_end(
    shared: &Mutex<Shared<'_>>,
    work: &(impl Fn(&Slice) -> Result<(), DecodeError> + Sync),
) {
    let mut spare = None;
    loop {
        let mut guard = lock(shared);
        // Handed back here, under the lock that is held anyway.
        guard.slices.spare = guard.slices.spare.take().or(spare.take());
        let slice = match guard.slices.next_slice() {
            Ok(Some(slice)) if guard.finished.result.is_ok() => slice,
            // The stream has ended, or another worker has failed.
            Ok(_) => return,
            Err(error) => {
                // Noted at once: the next worker finds the stream emptied, which is not in quotes.
                guard.finished.ended_in_quotes |= guard.slices.is_in_quotes();
                guard.fail(error);
                return;
            }
        };
        // From here on another worker may read the next slice.
        drop(guard);
        let worked = work(&slice);
        spare = Some(slice.buffer);
        if let Err(error) = worked {
            lock(shared).fail(error);
        }
    }
}

impl Shared<'_> {
    /// Ends the reading. Of several errors that of the lowest line stands, so that the same file
    /// gives the same error whichever worker meets it first.
    fn fail(&mut self, error: DecodeError) {
        self.slices.done = true;
        self.slices.carry.clear();
        match &self.finished.result {
            Err(known) if known.line <= error.line => {}
            _ => self.finished.result = Err(error),
        }
    }
}
