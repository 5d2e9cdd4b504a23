//! Text for people: what names and cells of others hold reaches a terminal as characters, and never as
//! commands to it.

use std::io::{self, Write};

use crate::model::printable::printable_lines;

/// A writer of text. JSON, which has escapes of its own, goes through as it is.
pub(super) struct Shown<W> {
    inner: W,
    is_text: bool,
}

impl<W: Write> Shown<W> {
    pub(super) const fn new(inner: W, is_text: bool) -> Self {
        Self { inner, is_text }
    }
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // `write!` hands over whole strings; what is none was not made of one.
        match std::str::from_utf8(bytes) {
            Ok(text) if self.is_text => {
                self.inner.write_all(printable_lines(text).as_bytes())?;
                Ok(bytes.len())
            }
            Ok(_) | Err(_) => self.inner.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
