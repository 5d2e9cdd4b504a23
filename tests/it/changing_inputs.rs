//! Fixture: a run over a file of any format that is changed while it is read, and its results.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;
use tieout::synth::Format;

use crate::program::tieout;
use crate::runs::{globs, month};

/// A file that is changed, in a folder of its own, with the other files of its month.
pub(crate) struct World {
    pub(crate) kind: &'static str,
    pub(crate) folder: TempDir,
    /// The contents before and after a change of one size, and one of another size.
    contents: [Vec<u8>; 3],
}

impl World {
    pub(crate) fn new(kind: &'static str) -> Self {
        let folder = month(1_500, 5, &[Format::Csv, Format::V1, Format::V2]);
        let of = |format| globs(folder.path(), format);
        let first = match kind {
            "csv" => joined(&of(Format::Csv)[0]),
            "page" => fs::read(&found(&of(Format::V1)[0])[0]).unwrap(),
            "headers" => fs::read(&of(Format::Csv)[2][0]).unwrap(),
            "parquet" => parquet(&joined(&of(Format::Csv)[0])),
            _ => gunzipped(&found(&of(Format::V2)[0])),
        };
        let mut second = first.clone();
        exchange(&mut second);
        let mut third = if kind == "parquet" {
            let text = joined(&of(Format::Csv)[0]);
            // Whole rows: half of the bytes may end inside of a character.
            let half = memchr::memrchr(b'\n', &text[..text.len() / 2]).unwrap();
            parquet(&text[..=half])
        } else {
            [&second[..], b"\n\n"].concat()
        };
        if kind == "parquet" {
            exchange(&mut third);
        }
        let packed = |content: Vec<u8>| match kind {
            "gzip" => stored(&content),
            _ => content,
        };
        let contents = [first, second, third].map(packed);
        let [before, after, other] = &contents;
        assert!(before != after && before.len() == after.len() && before.len() != other.len());
        Self {
            kind,
            folder,
            contents,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("input")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// The command that reads the file among the others.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let [usage, lines, headers] = globs(self.folder.path(), Format::Csv);
        let path = vec![self.path().to_string_lossy().into_owned()];
        let (usage, headers) = match self.kind {
            "headers" => (usage, path),
            _ => (path, headers),
        };
        let out = self.out().to_string_lossy().into_owned();
        let mut arguments: Vec<String> = ["reconcile", "--threads", "1", "--quiet", "--usage"]
            .map(str::to_owned)
            .to_vec();
        arguments.extend(usage);
        arguments.extend(["--invoice-lines".to_owned()].into_iter().chain(lines));
        arguments.extend(["--invoices".to_owned()].into_iter().chain(headers));
        arguments.extend(["--out".to_owned(), out]);
        arguments
    }

    pub(crate) fn run(&self) -> i32 {
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        tieout(&arguments).status.code().unwrap()
    }

    /// Exit code and tables of a run over the file as it is, without a cache.
    pub(crate) fn alone(&self) -> (i32, Option<Published>) {
        drop(fs::remove_dir_all(self.out()));
        let code = self.run();
        let published = published(&self.out());
        drop(fs::remove_dir_all(self.out()));
        (code, published)
    }

    /// The file as it was first, last changed a while ago, so that its stamp can be trusted.
    pub(crate) fn reset(&self, is_fresh: bool) {
        drop(fs::remove_file(self.path()));
        fs::write(self.path(), &self.contents[0]).unwrap();
        if !is_fresh {
            std::thread::sleep(Duration::from_millis(120));
        }
    }

    pub(crate) fn change(&self, change: &str) {
        let path = self.path();
        let length = self.contents[0].len();
        let open = || File::options().write(true).open(&path).unwrap();
        match change {
            "rename" => {
                let other = self.folder.path().join("other");
                fs::write(&other, &self.contents[2]).unwrap();
                fs::rename(other, path).unwrap();
            }
            "rename, same size" => {
                let other = self.folder.path().join("other");
                fs::write(&other, &self.contents[1]).unwrap();
                fs::rename(other, path).unwrap();
            }
            "rewrite" => fs::write(path, &self.contents[2]).unwrap(),
            "same size" => open().write_all(&self.contents[1]).unwrap(),
            "date put back" => {
                let date = fs::metadata(&path).unwrap().modified().unwrap();
                let mut file = open();
                file.write_all(&self.contents[1]).unwrap();
                file.set_modified(date).unwrap();
            }
            "grow" => {
                let mut file = File::options().append(true).open(path).unwrap();
                file.write_all(&self.contents[1]).unwrap();
            }
            "cut" => open().set_len(length as u64 / 2).unwrap(),
            "touch" => open().set_modified(std::time::SystemTime::now()).unwrap(),
            other => panic!("{other}"),
        }
    }
}

/// Tables by name, and hashes of the inputs, of the newest run.
pub(crate) type Published = (BTreeMap<String, Vec<u8>>, Vec<String>);

pub(crate) fn published(out: &Path) -> Option<Published> {
    let folder = fs::canonicalize(out.join("current")).ok()?;
    let mut tables = BTreeMap::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "csv") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            tables.insert(name, fs::read(path).unwrap());
        }
    }
    let manifest = fs::read(folder.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let inputs = manifest["inputs"].as_array().unwrap();
    let hash = |input: &serde_json::Value| format!("{} {}", input["blake3"], input["bytes"]);
    Some((tables, inputs.iter().map(hash).collect()))
}

fn found(globs: &[String]) -> Vec<PathBuf> {
    let mut found = tieout::pipeline::plan::globs::find(&globs[0]).unwrap();
    found.sort();
    found
}

fn joined(globs: &[String]) -> Vec<u8> {
    found(globs)
        .iter()
        .flat_map(|path| fs::read(path).unwrap())
        .collect()
}

fn gunzipped(paths: &[PathBuf]) -> Vec<u8> {
    let mut text = Vec::new();
    for path in paths {
        flate2::read::MultiGzDecoder::new(File::open(path).unwrap())
            .read_to_end(&mut text)
            .unwrap();
    }
    text
}

/// Gzip without compression, whose size follows from that of the text alone.
fn stored(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// The cells of a CSV text as Parquet, plain, in many row groups.
fn parquet(text: &[u8]) -> Vec<u8> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let headings = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader
        .records()
        .map(Result::unwrap)
        .filter(|row| row.len() == headings.len() && row.get(0) != headings.get(0))
        .collect();
    let column = |at: usize| {
        let cells = rows.iter().map(|row| &row[at]);
        Arc::new(StringArray::from_iter_values(cells)) as ArrayRef
    };
    let columns = headings
        .iter()
        .enumerate()
        .map(|(at, name)| (name, column(at)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(200))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// Exchanges digits of amounts and ids all over a text, so that its size stays.
fn exchange(text: &mut [u8]) {
    let mut at = 200;
    while at + 6 < text.len() {
        if text[at..].starts_with(b"-4b") || text[at..].starts_with(b"-4c") {
            text[at + 2] ^= 1;
        }
        // In every row: a mix of two contents must not look like one of them.
        if text[at] == b'.' && text[at + 1..at + 3].iter().all(u8::is_ascii_digit) {
            text[at + 1] = b'0' + (text[at + 1] - b'0' + 1) % 10;
        }
        at += 1;
    }
    // A list of invoices has few numbers: the first total, whatever it is.
    let total = b"otalCharges\":";
    if let Some(at) = text.windows(total.len()).position(|window| window == total)
        && let Some(digit) = text[at + total.len()..]
            .iter_mut()
            .find(|byte| byte.is_ascii_digit())
    {
        *digit = if *digit == b'1' { b'2' } else { b'1' };
    }
}
