//! CSV against the csv crate.

use csv::{ByteRecord, QuoteStyle, ReaderBuilder, Terminator, WriterBuilder};

use super::random::{Random, packed, row_count, text};
use super::{
    FoundRow, Wanted, carried_position, check, headings, meaning, no_cells, read, read_position,
    seeds,
};

#[test]
fn csv_is_read_as_the_csv_crate_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fuzzed.csv");
    for seed in seeds() {
        let mut random = Random::new(seed);
        let bytes = file(&mut random);
        std::fs::write(&path, packed(&mut random, &bytes)).unwrap();
        let found = read(&path).unwrap_or_else(|error| panic_of(seed, &error));
        check(&found, &wanted(&bytes), seed);
    }
}

fn panic_of(seed: u64, error: &tieout::decode::DecodeError) -> super::Found {
    unreachable!("seed {seed}: {error}")
}

/// A file: records of a library's writer, or cells with commas between and quotes where no writer
/// would put them.
fn file(random: &mut Random) -> Vec<u8> {
    let headings = headings(random);
    let style = random.below(4);
    let line_end = random.one_of(&[&b"\n"[..], b"\r\n", b"\n\n", b"\r\n\r\n"]);
    let mut out = b"\xEF\xBB\xBF".repeat(random.below(3));
    out.extend(record(style, headings.iter().map(String::as_bytes)));
    let mut before: Vec<Vec<u8>> = Vec::new();
    for _ in 0..row_count(random) {
        out.extend_from_slice(line_end);
        // Copies, so that fingerprints are met again.
        if before.is_empty() || !random.chance(4) {
            before = row(random, style, headings.len());
        }
        out.extend(record(style, before.iter().map(Vec::as_slice)));
    }
    if random.chance(2) {
        out.extend_from_slice(line_end);
    }
    out
}

fn row(random: &mut Random, style: usize, columns: usize) -> Vec<Vec<u8>> {
    let count = match random.below(30) {
        0 => columns - 1,
        1 => columns + 1,
        _ => columns,
    };
    let mut cell = || match random.below(40) {
        0 => b"not \xFF UTF-8".to_vec(),
        1 if style == 3 => random
            .one_of(&["24\" screen", "5' 3\"", "\"bold\" move", "a\"\"b"])
            .as_bytes()
            .to_vec(),
        _ => text(random).into_bytes(),
    };
    (0..count).map(|_| cell()).collect()
}

/// One record without its line end.
fn record<'c>(style: usize, cells: impl Iterator<Item = &'c [u8]>) -> Vec<u8> {
    let quotes = match style {
        0 => QuoteStyle::Always,
        1 => QuoteStyle::NonNumeric,
        2 => QuoteStyle::Necessary,
        _ => return by_hand(cells),
    };
    let mut writer = WriterBuilder::new()
        .quote_style(quotes)
        .terminator(Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    writer.write_record(cells).unwrap();
    let mut bytes = writer.into_inner().unwrap();
    bytes.pop();
    bytes
}

/// Cells in no quotes but those that they need, with stray ones left as they are.
fn by_hand<'c>(cells: impl Iterator<Item = &'c [u8]>) -> Vec<u8> {
    let cells: Vec<Vec<u8>> = cells
        .map(|cell| {
            let opens = cell.starts_with(b"\"") && !cell.starts_with(b"\"bold\"");
            if opens || cell.iter().any(|byte| b",\r\n".contains(byte)) {
                record(2, std::iter::once(cell))
            } else {
                cell.to_vec()
            }
        })
        .collect();
    cells.join(&b","[..])
}

/// The rows by the csv crate's own reader.
fn wanted(bytes: &[u8]) -> Wanted {
    let mut text = bytes;
    while let Some(rest) = text.strip_prefix(b"\xEF\xBB\xBF") {
        text = rest;
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text);
    let mut record = ByteRecord::new();
    let mut headings: Vec<String> = Vec::new();
    let mut wanted = Wanted::default();
    let (mut start, mut line_feeds) = (0, 0);
    let count = |text: &[u8]| memchr::memchr_iter(b'\n', text).count() as u64;
    while reader.read_byte_record(&mut record).unwrap() {
        let end = usize::try_from(reader.position().byte()).unwrap();
        let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let blank = text[start..end].iter().take_while(|byte| is_line_end(byte));
        let first = start + blank.count();
        let line = 1 + line_feeds + count(&text[start..first]);
        line_feeds += count(&text[start..end]);
        let ends = text[first..end]
            .iter()
            .rev()
            .take_while(|byte| is_line_end(byte));
        let own = &text[first..end - ends.count()];
        start = end;
        if headings.is_empty() {
            let cells = record.iter().map(String::from_utf8_lossy);
            headings = cells.map(|cell| cell.trim().to_owned()).collect();
            continue;
        }
        if record.len() != headings.len() {
            wanted.rejected.push((line, String::new()));
            continue;
        }
        let (mut cells, mut carried) = (no_cells(), no_cells());
        let mut identity: Vec<Option<String>> = Vec::new();
        for (at, (heading, mut cell)) in headings.iter().zip(&record).enumerate() {
            // A mark at the start of a record is that of a file which was joined to another.
            while at == 0 && own.starts_with(b"\xEF\xBB\xBF") && cell.starts_with(b"\xEF\xBB\xBF") {
                cell = &cell[3..];
            }
            let is_null = cell == b"NULL";
            if let Some(position) = carried_position(heading) {
                carried[position] = if is_null { Vec::new() } else { cell.to_vec() };
            }
            identity.push(meaning(heading, cell).filter(|_| !is_null));
            if let Some(position) = read_position(heading)
                && !is_null
            {
                cells[position] = cell.to_vec();
            }
        }
        wanted.rows.push(FoundRow { line, cells });
        wanted.carried.push(carried);
        wanted.identities.push(Some(format!("{identity:?}")));
    }
    wanted
}
