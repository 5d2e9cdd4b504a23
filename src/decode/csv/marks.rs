//! Where the cells of comma-separated text end: commas and line ends outside quotes, found 64 bytes at
//! a time.
//!
//! A quote is taken to open or close a cell wherever it stands. That is wrong for text with stray
//! quotes, as in `5" disk`, so every quote is checked to stand where a cell begins or ends, or beside
//! another one; text in which one does not is [`Irregular`], and read by the csv crate instead.

#[cfg(target_arch = "x86_64")]
use super::blocks::Avx2;
use super::blocks::{BLOCK, Equal, Portable};

/// Quotes or carriage returns stand where only the csv crate knows what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Irregular;

/// Ends of cells and of rows.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// Offsets of the commas and line ends.
    pub(crate) ends: Vec<u32>,
    /// For each row, how many of `ends` there are up to and with its own.
    pub(crate) rows: Vec<u32>,
}

impl Marks {
    /// Finds the marks of whole records.
    pub(crate) fn find(&mut self, text: &[u8]) -> Result<(), Irregular> {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            return simd.vectorize(Finding {
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
        let with_returns = memchr::memchr(b'\r', text).is_some();
        let (blocks, rest) = text.as_chunks::<BLOCK>();
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
            // Blanks mean nothing outside of cells, and these are behind the last one.
            let mut block = [b' '; BLOCK];
            block
                .iter_mut()
                .zip(rest)
                .for_each(|(to, from)| *to = *from);
            // A quote at the very end closes its cell, whatever stands behind it here.
            if let (Some(slot), Some(b'"')) = (block.get_mut(rest.len()), rest.last()) {
                *slot = b',';
            }
            self.take(&mut scan, &block, offset, with_returns, equal)?;
        }
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        while self.ends.last().is_some_and(|last| *last >= end) {
            self.ends.pop();
        }
        if scan.inside != 0 || scan.returned != 0 {
            return Err(Irregular);
        }
        if text.last().is_some_and(|last| *last != b'\n') {
            self.ends.push(end);
            self.rows
                .push(u32::try_from(self.ends.len()).unwrap_or(u32::MAX));
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
        while ends != 0 {
            self.ends.push(offset + ends.trailing_zeros());
            ends &= ends - 1;
        }
        while rows != 0 {
            // Those of this block up to and with this one.
            let up_to = first & (rows ^ (rows - 1));
            self.rows
                .push(u32::try_from(before).unwrap_or(u32::MAX) + up_to.count_ones());
            rows &= rows - 1;
        }
        Ok(())
    }
}

/// What one block leaves to the next, as masks whose lowest bit is the next block's first byte.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    /// All ones while inside quotes.
    inside: u64,
    /// A cell begins.
    starts_cell: u64,
    /// A closing quote came last.
    closed: u64,
    /// A carriage return outside quotes came last.
    returned: u64,
}

impl Scan {
    /// Which bytes are outside quotes.
    #[inline(always)]
    fn check(
        &mut self,
        quotes: u64,
        commas: u64,
        line_ends: u64,
        returns: u64,
    ) -> Result<u64, Irregular> {
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
        let stray = opening & !(delimiters << 1 | self.starts_cell | after_closing)
            | after_closing & !(delimiters | opening | returns)
            | (returns << 1 | self.returned) & !line_ends;
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

/// Each bit the parity of all bits up to and with it: ones from an opening quote to before its
/// closing one.
#[inline(always)]
fn running_parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// [`Marks::find_by`], made for this machine: a closure would not be.
#[cfg(target_arch = "x86_64")]
struct Finding<'m, 't> {
    marks: &'m mut Marks,
    text: &'t [u8],
    simd: pulp::x86::V3,
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for Finding<'_, '_> {
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
