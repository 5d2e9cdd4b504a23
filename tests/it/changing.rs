//! Inputs that change while a run reads them: replaced by rename, rewritten in place, grown, cut,
//! touched. The run fails with 24 and publishes nothing, or publishes one content whole, under its
//! hash; the next run is right, whatever the cache holds.
//!
//! strace stops the program at its Nth look at the file, so that every point is reached for sure.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;
use tieout::sources::files::{FileError, HeldFile};
use tieout::synth::Format;

use crate::program::{stderr, tieout};
use crate::runs::{globs, is_quick, month};

/// Formats whose files are changed.
const KINDS: [&str; 6] = ["csv", "gzip", "jsonl", "page", "parquet", "headers"];
/// Ways in which files are changed.
const CHANGES: [&str; 7] = [
    "rename",
    "rewrite",
    "same size",
    "date put back",
    "grow",
    "cut",
    "touch",
];

/// A file that is changed, in a folder of its own, with the other files of its month.
struct World {
    kind: &'static str,
    folder: TempDir,
    /// The contents before and after a change, of one size.
    contents: [Vec<u8>; 2],
}

impl World {
    fn new(kind: &'static str) -> Self {
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
        let packed = |content: Vec<u8>| {
            if kind == "gzip" {
                stored(&content)
            } else {
                content
            }
        };
        let contents = [packed(first), packed(second)];
        assert!(contents[0] != contents[1] && contents[0].len() == contents[1].len());
        Self {
            kind,
            folder,
            contents,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("input")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// The command that reads the file among the others.
    fn arguments(&self) -> Vec<String> {
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

    fn run(&self) -> i32 {
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        tieout(&arguments).status.code().unwrap()
    }

    /// Exit code and tables of a run over the file as it is, without a cache.
    fn alone(&self) -> (i32, Option<Published>) {
        drop(fs::remove_dir_all(self.out()));
        let code = self.run();
        let published = published(&self.out());
        drop(fs::remove_dir_all(self.out()));
        (code, published)
    }

    /// The file as it was first, last changed a while ago, so that its stamp can be trusted.
    fn reset(&self, is_fresh: bool) {
        drop(fs::remove_file(self.path()));
        fs::write(self.path(), &self.contents[0]).unwrap();
        if !is_fresh {
            std::thread::sleep(Duration::from_millis(120));
        }
    }

    fn change(&self, change: &str) {
        let path = self.path();
        let length = self.contents[0].len();
        let open = || File::options().write(true).open(&path).unwrap();
        match change {
            "rename" => {
                let other = self.folder.path().join("other");
                fs::write(&other, &self.contents[1]).unwrap();
                fs::rename(other, path).unwrap();
            }
            "rewrite" => fs::write(path, &self.contents[1]).unwrap(),
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
type Published = (BTreeMap<String, Vec<u8>>, Vec<String>);

fn published(out: &Path) -> Option<Published> {
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
    // Every digit pair `37` becomes `73` within a number or an id alike: sums and keys both change.
    let mut at = 200;
    while at + 6 < text.len() {
        if text[at..].starts_with(b"-4b") || text[at..].starts_with(b"-4c") {
            text[at + 2] ^= 1;
        }
        if text[at..].starts_with(b".37") && text[at + 3].is_ascii_digit() {
            text[at + 1..at + 3].copy_from_slice(b"41");
        }
        at += 1;
    }
}

/// The program under strace, which stops it at the Nth call that concerns `path`.
fn stopped_at(point: u32, world: &World, log: &Path) -> Child {
    let path = fs::canonicalize(world.path()).unwrap();
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-o"])
        .arg(log)
        .arg("-P")
        .arg(path);
    if point > 0 {
        command.args(["-e", &format!("inject=all:signal=SIGSTOP:when={point}")]);
    }
    command.arg(env!("CARGO_BIN_EXE_tieout"));
    command
        .args(world.arguments())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Number of calls of the busiest thread that concern the file.
fn points(world: &World) -> u32 {
    world.reset(false);
    let log = world.folder.path().join("log");
    stopped_at(0, world, &log).wait().unwrap();
    drop(fs::remove_dir_all(world.out()));
    let mut calls: BTreeMap<String, u32> = BTreeMap::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let thread = line.split(' ').next().unwrap().to_owned();
        *calls.entry(thread).or_default() += u32::from(line.contains('('));
    }
    calls.into_values().max().unwrap()
}

/// Runs the program, changes the file at a point, and lets it go on; its exit code.
fn run_changed(world: &World, point: u32, change: &str) -> i32 {
    let log = world.folder.path().join("log");
    drop(fs::remove_file(&log));
    let mut child = stopped_at(point, world, &log);
    let (mut stops, mut is_changed) = (0, false);
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(is_changed, "point {point} was not reached");
            return status.code().unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(60), "it hangs");
        let text = fs::read_to_string(&log).unwrap_or_default();
        let now = text.matches("--- stopped by SIGSTOP").count();
        if now > 0 && !is_changed {
            world.change(change);
            is_changed = true;
        }
        if now > stops || is_changed {
            stops = now;
            // Each thread comes to its own Nth call, and stops all of them again.
            let process = text.split(' ').next().unwrap_or_default();
            drop(Command::new("kill").args(["-CONT", process]).output());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn has_strace() -> bool {
    Command::new("strace").arg("-V").output().is_ok()
}

/// Changes the file of a kind in one way at one point; a failure as text.
fn check(
    world: &World,
    point: u32,
    change: &str,
    references: &[(i32, Option<Published>)],
    is_fresh: bool,
) -> Result<(), String> {
    let what = format!("{} {change} at {point}, fresh: {is_fresh}", world.kind);
    world.reset(is_fresh);
    let code = run_changed(world, point, change);
    let found = published(&world.out());
    let is_whole = references
        .iter()
        .any(|reference| *reference == (code, found.clone()));
    if !(is_whole || code == 24 && found.is_none()) {
        return Err(format!(
            "{what}: exit {code}, published: {}",
            found.is_some()
        ));
    }
    // The next run has the cache of the first.
    let code = world.run();
    let next = (code, published(&world.out()));
    drop(fs::remove_dir_all(world.out()));
    let (alone, _) = &next;
    if next != world.alone() {
        return Err(format!("{what}: the next run is wrong (exit {alone})"));
    }
    Ok(())
}

/// The references of a kind and a change: the file before and after it, each read alone.
fn references(world: &World, change: &str) -> Vec<(i32, Option<Published>)> {
    world.reset(false);
    let before = world.alone();
    world.change(change);
    vec![before, world.alone()]
}

/// Sweeps over the changes of one kind, at `count` points of each.
fn sweep(kind: &'static str, count: u32, changes: &[&str]) -> Vec<String> {
    let world = World::new(kind);
    let last = points(&world);
    let mut failed = Vec::new();
    for (number, change) in (0..).zip(changes) {
        let references = references(&world, change);
        let (count, last) = (count.min(last - 1), last);
        for at in 0..count {
            // From the second call on: the first is that of more than one thread.
            let point = 2 + (at * (last - 1) + number % (last - 1)) / count;
            let point = point.min(last);
            for is_fresh in [false, true] {
                failed.extend(check(&world, point, change, &references, is_fresh).err());
            }
        }
    }
    failed
}

fn sweep_all(count: u32, changes: impl Fn(usize) -> Vec<&'static str> + Sync) {
    let failed: Vec<String> = std::thread::scope(|scope| {
        let changes = &changes;
        let sweeps: Vec<_> = KINDS
            .into_iter()
            .enumerate()
            .map(|(number, kind)| scope.spawn(move || sweep(kind, count, &changes(number))))
            .collect();
        sweeps
            .into_iter()
            .flat_map(|sweep| sweep.join().unwrap())
            .collect()
    });
    assert!(
        failed.is_empty(),
        "{}:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn a_file_that_changes_is_one_content_or_none() {
    if !has_strace() {
        eprintln!("skipped: strace is not installed");
        return;
    }
    // Each kind in two ways, each way of two kinds or one.
    sweep_all(2, |number| {
        vec![CHANGES[number % 7], CHANGES[(number + 3) % 7]]
    });
}

#[test]
fn a_file_that_changes_at_any_point_is_one_content_or_none() {
    if !has_strace() || is_quick("twenty points of each change of each format") {
        return;
    }
    sweep_all(20, |_| CHANGES.to_vec());
}

#[test]
fn a_file_that_changes_at_random_times_is_one_content_or_none() {
    if is_quick("500 random times") {
        return;
    }
    let mut failed = Vec::new();
    for kind in KINDS {
        let world = World::new(kind);
        world.reset(false);
        let started = Instant::now();
        world.alone();
        let usual = started.elapsed();
        for (number, change) in (0_u32..84).zip(CHANGES.into_iter().cycle()) {
            let references = references(&world, change);
            world.reset(number % 2 == 0);
            let mut child = Command::new(env!("CARGO_BIN_EXE_tieout"))
                .args(world.arguments())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // A step that shares no factor with the number of times: every part of the run is hit.
            std::thread::sleep(usual * (number * 37 % 84) / 84);
            world.change(change);
            let code = child.wait().unwrap().code().unwrap();
            let found = published(&world.out());
            let is_whole = references.contains(&(code, found.clone()));
            if !(is_whole || code == 24 && found.is_none()) {
                failed.push(format!("{kind} {change} {number}: exit {code}"));
            }
            let next = (world.run(), published(&world.out()));
            if next != world.alone() {
                failed.push(format!("{kind} {change} {number}: the next run is wrong"));
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{}:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
fn what_is_no_file_is_named_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    for (path, wanted) in [
        (fifo.as_path(), "found a pipe, wanted a file"),
        (folder.path(), "found a folder, wanted a file"),
        (Path::new("/dev/null"), "found a device, wanted a file"),
    ] {
        let error = HeldFile::open(path).unwrap_err();
        assert!(error.to_string().ends_with(wanted), "{error}");
    }
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("nothing", &link).unwrap();
    let error = HeldFile::open(&link).unwrap_err();
    assert!(matches!(error, FileError::Unreadable { .. }), "{error}");
}

#[test]
fn explain_names_what_took_the_place_of_an_input() {
    let world = World::new("csv");
    world.reset(false);
    assert_eq!(world.run(), 0);
    let out = world.out();
    let variances = fs::read_to_string(out.join("current/variances.csv")).unwrap();
    let line = variances
        .lines()
        .find(|line| line.contains("usage-to-invoice") && line.contains("break"))
        .unwrap();
    let id = line.split(',').next().unwrap();
    let explain = || tieout(&["explain", id, "--out", out.to_str().unwrap()]);
    assert_eq!(explain().status.code(), Some(0), "{}", stderr(&explain()));
    world.change("date put back");
    let told = explain();
    assert_eq!(told.status.code(), Some(24), "{}", stderr(&told));
    fs::remove_file(world.path()).unwrap();
    let made = Command::new("mkfifo").arg(world.path()).status().unwrap();
    assert!(made.success());
    let told = explain();
    assert_eq!(told.status.code(), Some(2), "{}", stderr(&told));
    assert!(stderr(&told).contains("found a pipe"), "{}", stderr(&told));
}
