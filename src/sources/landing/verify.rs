//! Whether a blob is whole: every gzip member to its checksum, every line to its end.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// Past this much output, a stream that expands more than [`BOMB_RATIO`] times is refused.
const BOMB_FREE_BYTES: u64 = 256 << 20;
/// Real exports compress about 10:1; deflate cannot pass 1032:1.
const BOMB_RATIO: u64 = 300;
const BUFFER_BYTES: usize = 256 * 1024;

/// Counts the lines of a blob of JSON lines, compressed or not.
///
/// # Errors
/// What is wrong with it, in words.
pub fn lines(path: &Path) -> Result<u64, String> {
    let broken = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "a gzip stream that ends early".to_owned(),
        _ => format!("a broken gzip stream ({error})"),
    };
    let file = File::open(path).map_err(|error| error.to_string())?;
    let compressed = file.metadata().map_err(|error| error.to_string())?.len();
    let mut raw = BufReader::with_capacity(BUFFER_BYTES, file);
    let is_gzip = std::io::BufRead::fill_buf(&mut raw)
        .map_err(broken)?
        .starts_with(&[0x1f, 0x8b]);
    let mut plain: Box<dyn std::io::Read> = if is_gzip {
        Box::new(MultiGzDecoder::new(raw))
    } else {
        Box::new(raw)
    };
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut lines, mut total, mut open, mut first) = (0, 0_u64, false, true);
    loop {
        let count = plain.read(&mut buffer).map_err(broken)?;
        let piece = buffer.get(..count).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        let text = if first {
            piece.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(piece)
        } else {
            piece
        };
        if first
            && !text
                .first()
                .is_none_or(|byte| matches!(byte, b'{' | b'\n' | b'\r' | b' ' | 0xEF))
        {
            return Err("bytes that are no JSON lines".to_owned());
        }
        first = false;
        // Blank lines do not count.
        let is_blank = |at: usize| {
            if at == 0 {
                !open
            } else {
                text.get(at - 1) == Some(&b'\n')
            }
        };
        lines += memchr::memchr_iter(b'\n', text)
            .filter(|at| !is_blank(*at))
            .count() as u64;
        open = text.last().map_or(open, |byte| *byte != b'\n');
        total += count as u64;
        if total > BOMB_FREE_BYTES && total / compressed.max(1) > BOMB_RATIO {
            return Err(format!(
                "a gzip stream that expands more than {BOMB_RATIO} times"
            ));
        }
    }
    if open && !is_gzip {
        // Nothing but its last line end says that plain text is whole.
        return Err("a last line without an end".to_owned());
    }
    Ok(lines + u64::from(open))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn counted(text: &str) -> Result<u64, String> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).expect("memory");
        file.write_all(&encoder.finish().expect("memory"))
            .expect("a file");
        lines(file.path())
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
            let found = lines(file.path());
            // Between members a file is whole by itself: only the promised rows tell.
            assert!(
                found.is_err() || cut == whole.len() && found == Ok(2),
                "cut at {cut}: {found:?}"
            );
        }
    }
}
