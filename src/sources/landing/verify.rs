//! Proof that a downloaded blob is complete: every gzip member up to its checksum, every line up to
//! its line break. It counts lines and looks at the first byte only; decoding comes later.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _};

use flate2::bufread::MultiGzDecoder;

/// Output up to which any expansion is accepted: 256 MiB. Beyond it, a stream that expands more
/// than [`BOMB_RATIO`]-fold is refused.
const BOMB_FREE_BYTES: u64 = 256 << 20;
/// Largest accepted expansion. Real exports expand about tenfold; deflate cannot exceed 1032-fold.
const BOMB_RATIO: u64 = 300;
const BUFFER_BYTES: usize = 256 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Reason why a blob cannot be counted.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The blob is damaged, as these words say: it is worth another download.
    Damage(String),
    /// The system refused to read it: another download would not help.
    Storage(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        // Errors of the system have a number; those of the decompressor have none.
        if error.raw_os_error().is_some() {
            return Self::Storage(error);
        }
        Self::Damage(match error.kind() {
            io::ErrorKind::UnexpectedEof => "a gzip stream that ends too early".to_owned(),
            _ => format!("a broken gzip stream ({error})"),
        })
    }
}

/// Counts the lines of a blob of JSON lines, compressed or not, from its start; blank lines do not
/// count.
///
/// # Errors
/// The [`Fault`] of the blob or of the system.
pub(crate) fn lines(mut file: File) -> Result<u64, Fault> {
    file.rewind()?;
    let compressed = file.metadata()?.len();
    let mut raw = BufReader::with_capacity(BUFFER_BYTES, file);
    // The manifest's format says less than the first bytes do.
    let is_gzip = raw.fill_buf()?.starts_with(&GZIP_MAGIC);
    let mut plain: Box<dyn Read> = if is_gzip {
        Box::new(MultiGzDecoder::new(raw))
    } else {
        Box::new(raw)
    };
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut count = LineCount::default();
    let mut total = 0_u64;
    loop {
        let length = plain.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        let mut piece = &buffer[..length];
        if total == 0 {
            piece = start_of_lines(piece)?;
        }
        count.add(piece);
        total += length as u64;
        // The ratio of everything so far: in places, honest text may expand a lot.
        if total > BOMB_FREE_BYTES && total / compressed.max(1) > BOMB_RATIO {
            return Err(Fault::Damage(format!(
                "a gzip stream that expands more than {BOMB_RATIO}-fold"
            )));
        }
    }
    if count.is_open && !is_gzip {
        // Plain text has no checksum: only its last line break shows that it is complete.
        return Err(Fault::Damage("a last line without a line break".to_owned()));
    }
    Ok(count.lines + u64::from(count.is_open))
}

/// The first piece of a blob without its BOM, if it looks like JSON lines.
fn start_of_lines(piece: &[u8]) -> Result<&[u8], Fault> {
    let text = piece.strip_prefix(BOM).unwrap_or(piece);
    match text.first() {
        None | Some(b'{' | b'\n' | b'\r' | b' ') => Ok(text),
        // A second BOM, which real files have: the decoder strips any number of them.
        Some(0xEF) => Ok(text),
        Some(_) => Err(Fault::Damage("bytes that are not JSON lines".to_owned())),
    }
}

/// Count of lines over consecutive pieces of a text.
#[derive(Default)]
struct LineCount {
    /// Lines with a line break, blank ones left out.
    lines: u64,
    /// True if the last line has no line break yet.
    is_open: bool,
}

impl LineCount {
    fn add(&mut self, text: &[u8]) {
        let was_open = self.is_open;
        let is_blank = |at: usize| {
            if at == 0 {
                !was_open
            } else {
                text[at - 1] == b'\n'
            }
        };
        let breaks = memchr::memchr_iter(b'\n', text);
        self.lines += breaks.filter(|at| !is_blank(*at)).count() as u64;
        if let Some(last) = text.last() {
            self.is_open = *last != b'\n';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// The lines of a file; the damage, in words.
    fn lines_in(file: File) -> Result<u64, String> {
        lines(file).map_err(|fault| match fault {
            Fault::Damage(words) => words,
            Fault::Storage(error) => panic!("{error}"),
        })
    }

    fn counted(text: &str) -> Result<u64, String> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).expect("memory");
        file.write_all(&encoder.finish().expect("memory"))
            .expect("a file");
        lines_in(file.into_file())
    }

    #[test]
    fn lines_are_counted_without_blank_ones() {
        assert_eq!(counted(""), Ok(0));
        assert_eq!(counted("{}"), Ok(1));
        assert_eq!(counted("{}\n{}\n"), Ok(2));
        assert_eq!(counted("\u{feff}\n{}\n\n\n{}\n\n{}"), Ok(3));
        // Over the border of two buffers.
        let long = format!("{{\"a\":\"{}\"}}\n", "x".repeat(BUFFER_BYTES - 9));
        assert_eq!(counted(&format!("{long}\n{long}{long}\n")), Ok(3));
        assert!(counted("<html>").is_err());
    }

    #[test]
    fn a_stream_cut_anywhere_is_not_whole() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder
            .write_all(b"{\"a\":1}\n{\"a\":2}\n")
            .expect("memory");
        let whole = encoder.finish().expect("memory");
        let two = [whole.clone(), whole.clone()].concat();
        for cut in 1..two.len() {
            let mut file = tempfile::NamedTempFile::new().expect("a file");
            file.write_all(&two[..cut]).expect("a file");
            let found = lines_in(file.into_file());
            // Between members a file is whole by itself: only the promised rows tell.
            assert!(
                found.is_err() || cut == whole.len() && found == Ok(2),
                "cut at {cut}: {found:?}"
            );
        }
    }
}
