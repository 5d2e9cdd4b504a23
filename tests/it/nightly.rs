//! Nightly runs over growing data: files of earlier days come from the cache, and the tables are
//! the same as if all files had been read.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tieout::model::cause::TieOut;
use tieout::model::dataset::Dataset;
use tieout::pipeline::options::Options;
use tieout::pipeline::plan::pipeline_plan::Source;
use tieout::pipeline::publish::outcome::Outcome;
use tieout::pipeline::run::run;
use tieout::progress::reporting::Progress;
use tieout::synth::Format;

use crate::runs::{assert_same_tables, globs, month, plan, reconcile, table_bytes};

/// Days of usage, a file each. All but the last one are in `days`; the last one arrives later.
const DAYS: usize = 5;

/// A month of usage, cut into days.
struct Nights {
    folder: tempfile::TempDir,
}

impl Nights {
    fn new() -> Self {
        let folder = month(20_000, 11, &[Format::Csv]);
        let usage = folder.path().join("month/usage/csv/usage-0001.csv");
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_path(&usage)
            .unwrap();
        let mut records = reader.byte_records().map(Result::unwrap);
        let header = records.next().unwrap();
        let rows: Vec<csv::ByteRecord> = records.collect();
        let nights = Self { folder };
        for name in ["days", "later"] {
            fs::create_dir(nights.path(name)).unwrap();
        }
        for (day, rows) in rows.chunks(rows.len().div_ceil(DAYS)).enumerate() {
            let into = if day + 1 == DAYS { "later" } else { "days" };
            let mut writer =
                csv::Writer::from_path(nights.path(into).join(format!("day-{day}.csv"))).unwrap();
            // The last day repeats a row of an earlier day.
            let again = if day + 1 == DAYS {
                rows_of(&nights.path("days/day-1.csv"))
            } else {
                Vec::new()
            };
            for row in [&header].into_iter().chain(rows).chain(again.get(7)) {
                writer.write_byte_record(row).unwrap();
            }
            writer.flush().unwrap();
        }
        nights.settle();
        nights
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until the cache trusts the dates of the files: a file that changed a moment ago is
    /// read again.
    fn settle(&self) {
        std::thread::sleep(Duration::from_millis(250));
        assert!(self.path("days").exists());
    }

    fn globs(&self) -> crate::runs::Globs {
        let [_, lines, invoices] = globs(self.folder.path(), Format::Csv);
        [
            vec![self.path("days/*.csv").to_string_lossy().into_owned()],
            lines,
            invoices,
        ]
    }

    fn run(&self) -> Outcome {
        reconcile(&self.globs(), &self.path("out"), None).unwrap()
    }

    /// The outcome of a run without a cache.
    fn fresh(&self) -> Outcome {
        let options = Options {
            no_cache: true,
            ..Options::default()
        };
        let out = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let found = run(&plan(&self.globs(), &out), &options, &Progress::default()).unwrap();
        assert!(!out.join("cache").exists());
        found
    }

    /// Lets the last day arrive.
    fn next_day(&self) {
        let name = format!("day-{}.csv", DAYS - 1);
        fs::rename(
            self.path("later").join(&name),
            self.path("days").join(&name),
        )
        .unwrap();
        self.settle();
    }

    /// Entries of the cache.
    fn kept(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("out/cache/kept")).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }
}

fn rows_of(path: &Path) -> Vec<csv::ByteRecord> {
    csv::Reader::from_path(path)
        .unwrap()
        .byte_records()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn only_the_new_day_is_read() {
    let nights = Nights::new();
    let first = nights.run();
    assert_eq!(first.units_kept, 0);
    let again = nights.run();
    // Invoice headers are few, and are read each time.
    assert_eq!(again.units_kept + 1, again.units);
    assert_same_tables(&first, &again, "the same night once more");
    nights.next_day();
    let next = nights.run();
    assert_eq!(
        (next.units, next.units_kept),
        (again.units + 1, again.units_kept)
    );
    let fresh = nights.fresh();
    assert_eq!(fresh.units_kept, 0);
    assert_same_tables(&next, &fresh, "the next night");
    assert!(table_bytes(&next) != table_bytes(&first));
}

/// Totals by day come from the cache, too.
#[test]
fn totals_by_day_are_kept_file_by_file() {
    let nights = Nights::new();
    let by_day = |out: &Path, no_cache: bool| {
        let mut plan = plan(&nights.globs(), out);
        let paths = plan.sources[0].paths.clone();
        plan.sources.push(Source {
            dataset: Dataset::UnbilledUsage,
            paths,
            is_fetched: false,
        });
        plan.tie_outs
            .iter_mut()
            .filter(|of| of.tie_out == TieOut::UnbilledToBilled)
            .for_each(|of| of.enabled = true);
        run(
            &plan,
            &Options {
                no_cache,
                ..Options::default()
            },
            &Progress::default(),
        )
        .unwrap()
    };
    let first = by_day(&nights.path("out"), false);
    let again = by_day(&nights.path("out"), false);
    assert_eq!((first.units_kept, again.units_kept + 1), (0, again.units));
    assert_same_tables(&first, &again, "the same days");
    nights.next_day();
    let next = by_day(&nights.path("out"), false);
    assert_eq!(next.units_kept, again.units_kept);
    assert_same_tables(&next, &by_day(&nights.path("fresh"), true), "one more day");
}

/// The duplicate of a row in a cached file is found even when totals are on disk.
#[test]
fn in_little_memory_the_nights_are_the_same() {
    let nights = Nights::new();
    let bound = || {
        let options = Options {
            memory: Some(1 << 20),
            ..Options::default()
        };
        run(
            &plan(&nights.globs(), &nights.path("out")),
            &options,
            &Progress::default(),
        )
        .unwrap()
    };
    let first = bound();
    assert_same_tables(&first, &nights.fresh(), "the first night");
    nights.next_day();
    let next = bound();
    assert!(
        next.units_kept > 0 && next.units_kept < next.units,
        "{}",
        next.units_kept
    );
    assert_same_tables(&next, &nights.fresh(), "the next night");
}

#[test]
fn a_cached_entry_is_used_instead_of_its_file() {
    let nights = Nights::new();
    let first = nights.run();
    // One day's totals replace another day's: a run that read the files would not notice.
    let kept = nights.kept();
    let largest = kept
        .iter()
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap();
    let usage: Vec<&PathBuf> = kept
        .iter()
        .filter(|path| fs::metadata(path).unwrap().len() * 2 > fs::metadata(largest).unwrap().len())
        .collect();
    assert!(usage.len() >= 2, "{usage:?}");
    fs::copy(usage[0], usage[1]).unwrap();
    let outcome = reconcile(&nights.globs(), &nights.path("out"), None);
    assert!(
        outcome.is_err_and(|error| error.to_string().contains("identical bytes")),
        "the published run says otherwise"
    );
    assert_same_tables(&first, &nights.fresh(), "the files are as they were");
}

#[test]
fn files_of_damaged_entries_and_changed_files_are_read_again() {
    let nights = Nights::new();
    let first = nights.run();
    for (number, path) in nights.kept().iter().enumerate() {
        let mut bytes = fs::read(path).unwrap();
        let at = bytes.len() * (number + 1) / (nights.kept().len() + 2);
        bytes[at] ^= 0x10;
        if number % 3 == 0 {
            bytes.truncate(at);
        }
        fs::write(path, bytes).unwrap();
    }
    let mended = nights.run();
    assert_eq!(mended.units_kept, 0);
    assert_same_tables(&first, &mended, "damaged");
    // A change that keeps the size, with the date set back.
    let path = nights.path("days/day-2.csv");
    let date = fs::metadata(&path).unwrap().modified().unwrap();
    let text = fs::read(&path).unwrap();
    let at = text.len()
        - text
            .iter()
            .rev()
            .position(|byte| byte.is_ascii_digit())
            .unwrap()
        - 1;
    let mut other = text.clone();
    other[at] = if text[at] == b'5' { b'6' } else { b'5' };
    fs::write(&path, other).unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(date)
        .unwrap();
    nights.settle();
    let changed = nights.run();
    assert_eq!(changed.units_kept + 2, changed.units);
    assert_same_tables(&changed, &nights.fresh(), "changed");
}
