//! All members of a gzip stream as one stream of bytes. Portals append files to each other, and
//! each becomes a member of its own. A stream that expands like a bomb is refused before it fills
//! memory.

use std::io::{BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// Output that any stream may have: 256 MiB. Beyond that, one that expands more than
/// [`EXPANSION_LIMIT`]-fold is refused.
const FREE_BYTES: u64 = 256 << 20;
/// Largest ratio of output to input. Real exports compress about 10:1; deflate cannot exceed
/// 1032:1.
const EXPANSION_LIMIT: u64 = 300;

/// The uncompressed bytes of a gzip stream.
pub(super) struct Gunzip<R> {
    decoder: MultiGzDecoder<CountedInput<R>>,
    /// Bytes of output so far.
    produced: u64,
}

/// Compressed bytes, counted as the decoder takes them.
struct CountedInput<R> {
    inner: BufReader<R>,
    consumed: u64,
}

impl<R: Read> Gunzip<R> {
    /// The uncompressed bytes of `inner`, which begins with a gzip member.
    pub(super) fn new(inner: BufReader<R>) -> Self {
        Self {
            decoder: MultiGzDecoder::new(CountedInput { inner, consumed: 0 }),
            produced: 0,
        }
    }
}

impl<R: Read> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.decoder.read(buffer)?;
        // The ratio is that of the whole stream so far: one member may well be all zeros.
        self.produced += count as u64;
        // At the start of the stream none may be counted as taken yet.
        let consumed = self.decoder.get_ref().consumed.max(1);
        let expansion = self.produced / consumed;
        if self.produced > FREE_BYTES && expansion > EXPANSION_LIMIT {
            let words =
                format!("it expands {expansion}-fold, more than the limit of {EXPANSION_LIMIT}");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, words));
        }
        Ok(count)
    }
}

impl<R: Read> Read for CountedInput<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.consumed += count as u64;
        Ok(count)
    }
}

impl<R: Read> BufRead for CountedInput<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.consumed += count as u64;
        self.inner.consume(count);
    }
}
