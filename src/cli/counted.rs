//! Stdout that knows whether anything was written to it.

use std::io::{self, Write};

/// A writer, and whether it was written to.
pub(super) struct Counted<W> {
    inner: W,
    is_untouched: bool,
}

impl<W: Write> Counted<W> {
    pub(super) const fn new(inner: W) -> Self {
        Self {
            inner,
            is_untouched: true,
        }
    }

    /// True as long as nothing was written.
    pub(super) const fn is_untouched(&self) -> bool {
        self.is_untouched
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_untouched &= bytes.is_empty();
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
