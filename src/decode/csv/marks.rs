//! Marks of regular CSV text: the commas and line ends outside quotes, where cells and rows end.
//!
//! They are found 64 bytes at a time, after the manner of simdjson: each kind of byte becomes a
//! mask of 64 bits, the parity of the quotes becomes a mask of what is inside them, and what is
//! left to do for each byte is done for each mark only.
//!
//! A quote is taken to open or close a cell wherever it stands. That would be wrong for text with
//! stray quotes, as in `5" disk`, so every quote is checked to stand where a cell begins or ends,
//! or beside another one; text in which one does not is [`Irregular`], and read by the csv crate
//! instead. The checks of [`Scan::check`] must not let anything through that the csv crate would
//! read in another way.

#[cfg(target_arch = "x86_64")]
use crate::decode::blocks::{Avx2, avx2};
use crate::decode::blocks::{BLOCK, Equal, Portable};

/// Text in which quotes or carriage returns stand where only the csv crate knows what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Irregular;

/// Ends of cells and of rows. Offsets have 32 bits: a slice has little more than the longest
/// record, and half the bytes are half the cache.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Offsets of the commas and line ends outside quotes, ascending; the length of the text where
    /// its last row has no line end.
    pub(super) ends: Vec<u32>,
    /// For each row the number of `ends` up to and including its own: at least one more than for
    /// the row before.
    pub(super) rows: Vec<u32>,
}

impl Marks {
    /// Finds the marks of whole records.
    pub(super) fn find(&mut self, text: &[u8]) -> Result<(), Irregular> {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = avx2() {
            return simd.vectorize(FindMarks {
                marks: self,
                text,
                simd,
            });
        }
        self.find_by(text, Portable)
    }

    #[inline(always)]
    fn find_by(&mut self, text: &[u8], equal: impl Equal) -> Result<(), Irregular> {
        self.ends.clear();
        self.rows.clear();
        // Most files have no carriage return at all, and then none is looked for in each block.
        let with_returns = memchr::memchr(b'\r', text).is_some();
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        // A cell begins at the first byte, as if a delimiter stood before it: a quote may open
        // there.
        let mut scan = Scan {
            starts_cell: 1,
            ..Scan::default()
        };
        let mut offset = 0;
        for block in blocks {
            self.take(&mut scan, block, offset, with_returns, equal)?;
            offset += 64;
        }
        if !rest.is_empty() {
            self.take(&mut scan, &padded(rest), offset, with_returns, equal)?;
        }
        let end = u32_of(text.len());
        // The comma that pads the last block is no mark of the text.
        while self.ends.last().is_some_and(|last| *last >= end) {
            self.ends.pop();
        }
        // A quote that is still open, or a last carriage return without its line feed. No later
        // byte was there to show either as stray.
        if scan.inside != 0 || scan.returned != 0 {
            return Err(Irregular);
        }
        if text.last().is_some_and(|last| *last != b'\n') {
            self.ends.push(end);
            self.rows.push(u32_of(self.ends.len()));
        }
        Ok(())
    }

    #[inline(always)]
    fn take(
        &mut self,
        scan: &mut Scan,
        block: &[u8; BLOCK],
        offset: u32,
        with_returns: bool,
        equal: impl Equal,
    ) -> Result<(), Irregular> {
        let quotes = equal.mask(block, b'"');
        let line_ends = equal.mask(block, b'\n');
        let commas = equal.mask(block, b',');
        let returns = if with_returns {
            equal.mask(block, b'\r')
        } else {
            0
        };
        let outside = scan.check(quotes, commas, line_ends, returns)?;
        let mut ends = (commas | line_ends) & outside;
        let mut rows = line_ends & outside;
        let before = self.ends.len();
        let first = ends;
        // Each turn takes the lowest bit and clears it: as many turns as there are marks.
        while ends != 0 {
            self.ends.push(offset + ends.trailing_zeros());
            ends &= ends - 1;
        }
        while rows != 0 {
            // The marks of this block up to and including this row's.
            let up_to = first & (rows ^ (rows - 1));
            self.rows.push(u32_of(before) + up_to.count_ones());
            rows &= rows - 1;
        }
        Ok(())
    }
}

/// The last bytes of a text as a whole block. White space outside cells means nothing, and it
/// stands behind the last mark.
#[inline(always)]
fn padded(rest: &[u8]) -> [u8; BLOCK] {
    let mut block = [b' '; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    // A quote at the very end closes its cell. White space behind it would make it a stray one.
    if rest.last() == Some(&b'"') {
        block[rest.len()] = b',';
    }
    block
}

#[inline(always)]
fn u32_of(count: usize) -> u32 {
    u32::try_from(count).expect("a slice is smaller than 4 GiB")
}

/// State that one block leaves to the next, as masks whose lowest bit is the next block's first
/// byte.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    /// All ones while inside quotes, else 0.
    inside: u64,
    /// 1 if a cell begins with the next byte.
    starts_cell: u64,
    /// 1 if the last byte was a closing quote.
    closed: u64,
    /// 1 if the last byte was a carriage return outside quotes.
    returned: u64,
}

impl Scan {
    /// Mask of the bytes of a block that are outside quotes; a closing quote counts as outside, an
    /// opening one as inside.
    #[inline(always)]
    fn check(
        &mut self,
        quotes: u64,
        commas: u64,
        line_ends: u64,
        returns: u64,
    ) -> Result<u64, Irregular> {
        // Many blocks have no quote, and most text few.
        let within = if quotes == 0 {
            self.inside
        } else {
            running_parity(quotes) ^ self.inside
        };
        let outside = !within;
        let (opening, closing) = (quotes & within, quotes & outside);
        let delimiters = (commas | line_ends) & outside;
        let returns = returns & outside & !quotes;
        let after_closing = closing << 1 | self.closed;
        // A quote opens where a cell begins, or just after one that closed: then the two are a
        // doubled quote. After one that closed stands a delimiter, a second quote or the return of
        // a CRLF. A carriage return stands before a line feed.
        let stray = opening & !(delimiters << 1 | self.starts_cell | after_closing)
            | after_closing & !(delimiters | opening | returns)
            | (returns << 1 | self.returned) & !line_ends;
        // The last byte's bit, spread over the next block's mask.
        self.inside = 0_u64.wrapping_sub(within >> 63);
        self.starts_cell = delimiters >> 63;
        self.closed = closing >> 63;
        self.returned = returns >> 63;
        if stray == 0 {
            Ok(outside)
        } else {
            Err(Irregular)
        }
    }
}

/// Parity of the bits up to and including each bit: ones from an opening quote to just before its
/// closing one. Six shifts do what 64 steps would, each doubling the bits that are summed.
#[inline(always)]
fn running_parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// A call of [`Marks::find_by`] to be compiled for AVX2. It is a type and not a closure, for a
/// closure's body cannot be forced inline and would be compiled for the least machine.
#[cfg(target_arch = "x86_64")]
struct FindMarks<'m, 't> {
    marks: &'m mut Marks,
    text: &'t [u8],
    simd: pulp::x86::V3,
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for FindMarks<'_, '_> {
    type Output = Result<(), Irregular>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        let Self { marks, text, simd } = self;
        marks.find_by(text, Avx2(simd))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Result<Vec<Vec<String>>, Irregular> {
        let mut marks = Marks::default();
        marks.find(text.as_bytes())?;
        let (mut start, mut at) = (0, 0);
        let mut rows = Vec::new();
        for row in &marks.rows {
            let mut cells = Vec::new();
            for end in &marks.ends[at..*row as usize] {
                cells.push(text[start..*end as usize].to_owned());
                start = *end as usize + 1;
            }
            at = *row as usize;
            rows.push(cells);
        }
        Ok(rows)
    }

    #[test]
    fn cells_end_at_commas_and_line_ends_outside_quotes() {
        assert_eq!(
            cells("a,b\nc,\"d,\n\"\"e\"\"\"\n").unwrap(),
            [["a", "b"], ["c", "\"d,\n\"\"e\"\"\""]]
        );
        assert_eq!(
            cells("a,b\r\n\"c\",\"\"\r\n").unwrap(),
            [["a", "b\r"], ["\"c\"", "\"\"\r"]]
        );
        assert_eq!(cells("a,b").unwrap(), [["a", "b"]]);
        assert_eq!(cells("a,\"b\"").unwrap(), [["a", "\"b\""]]);
        assert_eq!(cells("a\n\nb\n").unwrap(), [["a"], [""], ["b"]]);
        for stray in [
            "5\" disk,b\n",
            "\"a\"b,c\n",
            "a\rb,c\n",
            "\"a,b\n",
            "a,\"b\" \n",
        ] {
            assert_eq!(cells(stray), Err(Irregular), "{stray}");
        }
    }

    #[test]
    fn blocks_do_not_matter() {
        for pad in 0..200 {
            let text = format!(
                "{}\n\"x,\"\"y\"\"\",z\r\n\"\",\"{}\"\n",
                "a".repeat(pad),
                "b,\n".repeat(40)
            );
            let first = "a".repeat(pad);
            let long = format!("\"{}\"", "b,\n".repeat(40));
            let expect: Vec<Vec<&str>> = vec![
                vec![&first],
                vec!["\"x,\"\"y\"\"\"", "z\r"],
                vec!["\"\"", &long],
            ];
            assert_eq!(cells(&text).unwrap(), expect, "{pad}");
            assert_eq!(
                cells(&format!("{text}{}\"\n", "c".repeat(pad % 9))),
                Err(Irregular),
                "{pad}"
            );
        }
    }
}
