//! The journal when a state folder is opened: read, mended where it is damaged, and compacted where
//! that pays. Mending and compacting write a new file beside the old one, sync it, and rename it
//! over the old one: killed at any moment, the journal is the one before or the one after.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use serde_json::json;
use tempfile::NamedTempFile;

use super::files;
use super::journal::{Entry, Line};
use super::journal_file::{Journal, JournalPiece, LinePlace, read};
use super::loading::{Loader, Units};
use crate::sources::failure::{FetchError, storage};

/// File of the journal in a state folder.
pub(super) const JOURNAL: &str = "journal.jsonl";
/// File of damaged lines, each with its place.
pub(super) const DAMAGED: &str = "journal.damaged";
/// Folder of journals as they were before they were compacted, compressed.
pub(super) const ARCHIVE: &str = "archive";
/// Folder of temporary files.
pub(super) const TEMPORARY: &str = "tmp";
/// Lines from which a journal is compacted: 50,000. A smaller one is read in a moment.
const LINES_TO_COMPACT: u64 = 50_000;
/// Lines for each current one from which a journal is compacted: 4, so that compacting costs less
/// than what was appended since the last time.
const LINES_FOR_EACH_CURRENT: u64 = 4;
/// Digits of an archived journal's hash in its name.
const NAME_DIGITS: usize = 16;
const BUFFER_BYTES: usize = 1 << 18;
/// Bytes that do not stand for themselves in the copy of a damaged piece.
const ODD_BYTES: &AsciiSet = &CONTROLS.add(b'%');
/// Reason of a doubt that damage raises.
const DOUBT: &str = "a line of the journal was damaged";

/// Opens the journal of a state folder, and reads its units; with warnings, in words.
///
/// # Errors
/// [`FetchError::Storage`] if the file system refuses, [`FetchError::State`] if a newer release
/// wrote the journal.
pub(super) fn open(folder: &Path) -> Result<(Journal, Units, Vec<String>), FetchError> {
    let path = folder.join(JOURNAL);
    let mut loader = Loader::default();
    let whole = read(&path, &mut |piece| {
        loader.take(piece);
        Ok(())
    })?;
    let words = format!("`{}`", path.display());
    let mut warnings = loader.warnings(&words);
    let length = files::length(&path)?;
    if whole < length {
        warnings.push(format!(
            "{words}: the last {} bytes are cut off; what they recorded is fetched again",
            length - whole
        ));
        files::cut(&path, whole)?;
    }
    if loader.damaged > 0 {
        let doubtful = loader.doubtful();
        mend(folder, &path, &doubtful)?;
        for id in &doubtful {
            let unit = loader.units.get_mut(id).expect("told by the loader");
            unit.doubt();
        }
    }
    if loader.lines > LINES_TO_COMPACT
        && loader.lines > LINES_FOR_EACH_CURRENT * loader.current_lines()
    {
        compact(folder, &path, &loader)?;
    }
    Ok((Journal::append_to(&path)?, loader.units, warnings))
}

/// Takes damaged pieces out of a journal, and adds to it which units are in doubt.
fn mend(folder: &Path, path: &Path, doubtful: &[String]) -> Result<(), FetchError> {
    let mut damaged = Vec::new();
    let mut writer = LineWriter::new(folder, path)?;
    read(path, &mut |piece| {
        match piece {
            JournalPiece::Whole(_, bytes) => return writer.write(&[bytes, b"\n"]),
            JournalPiece::Mended(place, _, bytes) => {
                set_aside(&mut damaged, place, bytes.found);
                return writer.write(&[bytes.mended, b"\n"]);
            }
            JournalPiece::Damaged(place, bytes) => set_aside(&mut damaged, place, bytes),
            JournalPiece::BrokenBreak(place) => set_aside(&mut damaged, place, b""),
        }
        Ok(())
    })?;
    for id in doubtful {
        let reason = DOUBT.to_owned();
        writer.write_line(id, Entry::Doubted { reason }, None)?;
    }
    // First the copy: killed behind it, it is made once more.
    let copies = folder.join(DAMAGED);
    files::open_to_append(&copies)?
        .write_all(&damaged)
        .map_err(storage("write", &copies))?;
    files::sync(&copies)?;
    writer.finish(folder)
}

/// Adds a damaged piece to the copies, as a line of JSON that has all its bytes.
fn set_aside(copies: &mut Vec<u8>, place: LinePlace, bytes: &[u8]) {
    let copy = json!({
        "line": place.line,
        "byte": place.byte,
        "percent_encoded": percent_encode(bytes, ODD_BYTES).to_string(),
    });
    copies.extend_from_slice(copy.to_string().as_bytes());
    copies.push(b'\n');
}

/// Moves the journal to the archive, and begins a new one with what is current.
fn compact(folder: &Path, path: &Path, loader: &Loader) -> Result<(), FetchError> {
    archive(folder, path, loader.last_day.as_deref())?;
    let mut writer = LineWriter::new(folder, path)?;
    for (id, unit) in &loader.units {
        for (entry, proof) in unit.steps() {
            writer.write_line(id, entry, proof)?;
        }
    }
    writer.finish(folder)
}

/// Copies the journal to the archive, compressed. Its name is made of its content: killed behind
/// it, compacting makes the same file once more.
fn archive(folder: &Path, path: &Path, day: Option<&str>) -> Result<(), FetchError> {
    let Some(journal) = files::open_if_there(path)? else {
        return Ok(());
    };
    let file = files::temporary(&folder.join(TEMPORARY))?;
    let mut copy = HashingCopy {
        hasher: blake3::Hasher::new(),
        encoder: GzEncoder::new(
            BufWriter::with_capacity(BUFFER_BYTES, file),
            Compression::new(1),
        ),
    };
    let copied = io::copy(
        &mut io::BufReader::with_capacity(BUFFER_BYTES, journal),
        &mut copy,
    );
    copied.map_err(storage("archive", path))?;
    let hash = copy.hasher.finalize().to_hex();
    let file = copy
        .encoder
        .finish()
        .and_then(|buffer| buffer.into_inner().map_err(io::IntoInnerError::into_error))
        .map_err(storage("archive", path))?;
    let month = day.and_then(|day| day.get(..7)).unwrap_or("undated");
    let name = format!("{month}-{}.jsonl.gz", &hash[..NAME_DIGITS]);
    let archive = folder.join(ARCHIVE);
    files::persist(file, &archive.join(name))?;
    files::sync_folder(&archive)
}

/// Compresses what is written to it, and hashes it before.
struct HashingCopy {
    hasher: blake3::Hasher,
    encoder: GzEncoder<BufWriter<NamedTempFile>>,
}

impl Write for HashingCopy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.encoder.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}

/// A new journal, beside the one that it will replace.
struct LineWriter {
    path: PathBuf,
    buffer: BufWriter<NamedTempFile>,
}

impl LineWriter {
    fn new(folder: &Path, path: &Path) -> Result<Self, FetchError> {
        let file = files::temporary(&folder.join(TEMPORARY))?;
        Ok(Self {
            path: path.to_owned(),
            buffer: BufWriter::with_capacity(BUFFER_BYTES, file),
        })
    }

    fn write(&mut self, pieces: &[&[u8]]) -> Result<(), FetchError> {
        pieces
            .iter()
            .try_for_each(|piece| self.buffer.write_all(piece))
            .map_err(storage("write", &self.path))
    }

    fn write_line(
        &mut self,
        unit: &str,
        entry: Entry,
        proof: Option<String>,
    ) -> Result<(), FetchError> {
        let line = Line {
            unit: unit.to_owned(),
            entry,
            proof,
        };
        let text = line
            .stored()
            .map_err(|error| storage("write", &self.path)(error.into()))?;
        self.write(&[text.as_bytes()])
    }

    /// Syncs the new journal, and gives it the name of the old one.
    fn finish(self, folder: &Path) -> Result<(), FetchError> {
        let file = self
            .buffer
            .into_inner()
            .map_err(|error| storage("write", &self.path)(error.into_error()))?;
        files::persist(file, &self.path)?;
        files::sync_folder(folder)
    }
}
