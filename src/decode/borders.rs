//! Borders between the records of a text, found while the text is read chunk by chunk, so that it
//! can be cut into slices. Only the last border of each chunk is looked for: from there the rest is
//! carried over.
//!
//! CSV has two scans. [`QuoteParity`] only counts quotes, which is fast and right for all text
//! without stray quotes; [`QuoteScan`] looks at each quote and follows the rules of the csv crate
//! through any text. `csv/rows.rs` begins with the first and falls back to the second: what the
//! first takes for a border and what `csv/marks.rs` takes for the end of a row must be the same
//! line feeds.

/// How the records of a text end, and the state of the scan for it.
pub(super) enum Border {
    /// At every line feed.
    Line,
    /// At line feeds outside quotes, by the rules of the csv crate.
    Csv(QuoteScan),
    /// At line feeds before which the number of quotes is even.
    Parity(QuoteParity),
}

impl Border {
    /// Begins with what was carried over from the slice before, which holds no border; returns how
    /// many bytes of it need not be scanned again. `quotes` is the number of quotes in it.
    pub(super) fn carry_over(&mut self, carry: &[u8], quotes: u64) -> usize {
        match self {
            Self::Parity(parity) => {
                // Nothing but their number matters to this scan, and that was counted on the way.
                // The other one needs the place of each quote, and scans the bytes again.
                parity.is_odd = quotes % 2 == 1;
                carry.len()
            }
            Self::Line | Self::Csv(_) => 0,
        }
    }

    /// Offset just past the last record end in `bytes`, which follow the bytes given before.
    /// `quotes` is the number of quotes in `bytes`; `at_end` is true if no bytes follow.
    pub(super) fn last_in(&mut self, bytes: &[u8], quotes: u64, at_end: bool) -> Option<usize> {
        match self {
            Self::Line => after_last_line_feed(bytes),
            Self::Csv(scan) => scan.last_border(bytes, at_end),
            Self::Parity(parity) => parity.last_border(bytes, quotes),
        }
    }

    /// True if the text so far ends inside quotes.
    pub(super) fn is_in_quotes(&self) -> bool {
        match self {
            Self::Line => false,
            Self::Csv(scan) => scan.in_quotes,
            Self::Parity(parity) => parity.is_odd,
        }
    }

    /// Begins anew at the start of a record: what follows the last border will be scanned again.
    pub(super) fn restart(&mut self) {
        match self {
            Self::Line => {}
            Self::Csv(scan) => *scan = QuoteScan::default(),
            Self::Parity(parity) => *parity = QuoteParity::default(),
        }
    }
}

fn after_last_line_feed(bytes: &[u8]) -> Option<usize> {
    memchr::memrchr(b'\n', bytes).map(|at| at + 1)
}

/// Parity of the number of quotes so far: odd inside a quoted cell, even outside, doubled quotes
/// included.
#[derive(Debug, Default)]
pub(super) struct QuoteParity {
    is_odd: bool,
}

impl QuoteParity {
    /// Goes back from the end of `bytes`, which has the parity of all quotes so far, line feed by
    /// line feed until one is outside quotes. In most text that is the first, so little is read
    /// twice.
    fn last_border(&mut self, bytes: &[u8], quotes: u64) -> Option<usize> {
        let has_odd_quotes = |text: &[u8]| memchr::memchr_iter(b'"', text).count() % 2 == 1;
        self.is_odd ^= quotes % 2 == 1;
        let (mut end, mut odd_at_end) = (bytes.len(), self.is_odd);
        loop {
            let at = memchr::memrchr(b'\n', &bytes[..end])?;
            odd_at_end ^= has_odd_quotes(&bytes[at + 1..end]);
            if !odd_at_end {
                return Some(at + 1);
            }
            // Inside quotes, and so a part of a cell: the border must be further to the front.
            end = at;
        }
    }
}

/// State of a scan through CSV by the rules of the csv crate: a quote opens a cell only where the
/// cell begins, and a doubled one inside is text.
#[derive(Debug, Default)]
pub(super) struct QuoteScan {
    in_quotes: bool,
    /// The last byte was a quote inside quotes: the next byte tells if it closed them.
    pending: bool,
    /// The last byte of the chunk before; `None` at the start of a record.
    previous: Option<u8>,
}

impl QuoteScan {
    fn last_border(&mut self, bytes: &[u8], at_end: bool) -> Option<usize> {
        let mut border = None;
        // Text before this offset is inside quotes, or was searched for a border.
        let mut outside_from = 0;
        let mut second_of_pair = self.resolve_pending(bytes);
        // Only quotes change the state; no byte between two of them is looked at one by one.
        for at in memchr::memchr_iter(b'"', bytes) {
            if second_of_pair == Some(at) {
                continue;
            }
            if self.in_quotes {
                match bytes.get(at + 1) {
                    // A doubled quote: text, and its second half must not open a cell.
                    Some(b'"') => second_of_pair = Some(at + 1),
                    Some(_) => (self.in_quotes, outside_from) = (false, at + 1),
                    // The chunk ends with it: the next one tells what it was.
                    None => (self.pending, outside_from) = (true, at + 1),
                }
            } else if self.begins_cell(bytes, at) {
                self.in_quotes = true;
                border = border_outside(bytes, outside_from, at).or(border);
            }
        }
        // At the end of the file nothing can double the last quote, so it closed its cell.
        if at_end && self.pending {
            (self.in_quotes, self.pending) = (false, false);
        }
        if !self.in_quotes {
            border = border_outside(bytes, outside_from, bytes.len()).or(border);
        }
        self.previous = bytes.last().copied().or(self.previous);
        border
    }

    /// Decides about a quote that ended the chunk before: it closed its cell, or is the first of a
    /// pair, whose second stands at the offset that is returned.
    fn resolve_pending(&mut self, bytes: &[u8]) -> Option<usize> {
        if !self.pending || bytes.is_empty() {
            return None;
        }
        self.pending = false;
        if bytes[0] == b'"' {
            return Some(0);
        }
        self.in_quotes = false;
        None
    }

    /// True if a cell begins at an offset outside quotes.
    fn begins_cell(&self, bytes: &[u8], at: usize) -> bool {
        let before = if at == 0 {
            self.previous
        } else {
            Some(bytes[at - 1])
        };
        // A NUL byte is text like any other.
        matches!(before, None | Some(b',' | b'\n' | b'\r'))
    }
}

/// Offset just past the last line feed in `bytes[from..to]`, all of which is outside quotes.
fn border_outside(bytes: &[u8], from: usize, to: usize) -> Option<usize> {
    after_last_line_feed(&bytes[from..to]).map(|end| from + end)
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
            "a\0\"b\nc,\0\"\nd\n",
        ] {
            let whole = border_of(&[text]);
            for cut in 1..text.len() {
                let (left, right) = text.split_at(cut);
                assert_eq!(border_of(&[left, right]), whole, "{text:?} cut at {cut}");
            }
        }
        assert_eq!(border_of(&["a,b\nc,\"d\ne\"\nf"]), Some(12));
        assert_eq!(border_of(&["24\" screen,b\nnext"]), Some(13));
        assert_eq!(border_of(&["a\0\"b\nc"]), Some(5));
        assert_eq!(border_of(&["\0\"b\nc"]), Some(4));
    }
}
