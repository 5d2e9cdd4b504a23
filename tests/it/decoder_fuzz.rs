//! The decoders against the readers of the libraries: random files, as hostile as the formats allow,
//! are written by the csv crate, serde_json and arrow, and read once by tieout and once by the
//! library with plain loops. Rows, cells, places and rejections must be the same, and two rows have
//! one fingerprint if and only if they are equal by value. Columns that nobody reads are handed over at a
//! second reading, which must say the same of all else.
//!
//! 100 files of each format, 2,000 with `TIEOUT_SLOW_TESTS=1`. A failure names the seed of its file.

mod csv_files;
mod json_files;
mod parquet_files;
mod parquet_writers;
mod random;

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::path::Path;

use tieout::decode::{self, ColumnChoice, DecodeError, Input, Sink};
use tieout::model::content::content_of;
use tieout::model::dataset::{Dataset, Kind, Need};
use tieout::model::ids::fold;
use tieout::model::reject::Rejection;
use tieout::model::row::Row;
use tieout::model::{decimal, period};

use self::random::Random;
use crate::runs::is_slow;

/// A row as a decoder gives it, or as the library's reader says that it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FoundRow {
    line: u64,
    cells: Vec<Vec<u8>>,
}

/// All that a decoder says of a file, in the order of its lines.
struct Found {
    rows: Vec<FoundRow>,
    /// The same rows, with the cells of columns that nobody reads.
    carried: Vec<FoundRow>,
    /// Fingerprint of each row.
    fingerprints: Vec<u64>,
    /// Line and column of each rejected row.
    rejected: Vec<(u64, String)>,
}

#[derive(Default)]
struct Recorder {
    rows: Vec<(FoundRow, u64)>,
    /// True if the last of them stands before the next one in the slice.
    is_before: bool,
}

impl Sink for Recorder {
    fn begin(&mut self, _slice: u64) {
        self.is_before = false;
    }

    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        let cells = (0..row.cells.len()).map(|at| row.cell(at));
        let cells = cells.map(|cell| decode::resolved(cell).bytes().into_owned());
        let found = FoundRow {
            line: row.place.line(),
            cells: cells.collect(),
        };
        if let Some((before, _)) = self.rows.last().filter(|_| self.is_before) {
            let changed: Vec<usize> = row.changed.positions().collect();
            for at in unread_columns().filter(|at| !changed.contains(at)) {
                assert_eq!(found.cells[at], before.cells[at], "as in the row before");
            }
        }
        self.is_before = true;
        self.rows.push((found, content_of(Dataset::Usage, row)));
        Ok(())
    }
}

/// Positions of the columns of usage that nobody reads.
fn unread_columns() -> impl Iterator<Item = usize> {
    let columns = Dataset::Usage.columns().iter().enumerate();
    columns.filter_map(|(at, column)| (column.need == Need::Unread).then_some(at))
}

/// Reads a file of usage with tieout, once without the columns that nobody reads and once with them.
fn read(path: &Path) -> Result<Found, DecodeError> {
    let plain = read_with(path, &[])?;
    let unread: Vec<usize> = unread_columns().collect();
    let carrying = read_with(path, &unread)?;
    assert_eq!(plain.fingerprints, carrying.fingerprints);
    assert_eq!(plain.rejected, carrying.rejected);
    let mut others = carrying.rows.clone();
    for row in &mut others {
        unread.iter().for_each(|at| row.cells[*at].clear());
    }
    assert_eq!(plain.rows, others);
    Ok(Found {
        carried: carrying.rows,
        ..plain
    })
}

fn read_with(path: &Path, carried: &[usize]) -> Result<Found, DecodeError> {
    let columns = ColumnChoice {
        read: None,
        carried,
    };
    let file = std::fs::File::open(path).unwrap();
    let input = Input {
        unit: "fuzzed",
        file: &file,
        dataset: Dataset::Usage,
    };
    let (decoded, recorders) = decode::decode_columns(input, columns, Recorder::default)?;
    let mut rows: Vec<_> = recorders.into_iter().flat_map(|found| found.rows).collect();
    rows.sort_by_key(|(row, _)| row.line);
    let rejected = decoded.rejected.into_iter();
    let rejected: Vec<_> = rejected
        .map(|row| (row.line, row.rejection.column))
        .collect();
    assert_eq!(decoded.rows, (rows.len() + rejected.len()) as u64);
    let (rows, fingerprints) = rows.into_iter().unzip();
    Ok(Found {
        rows,
        carried: Vec::new(),
        fingerprints,
        rejected,
    })
}

/// What a library says of a file.
#[derive(Default)]
struct Wanted {
    rows: Vec<FoundRow>,
    /// For each row the cells of columns that nobody reads; none where that is not said.
    carried: Vec<Vec<Vec<u8>>>,
    rejected: Vec<(u64, String)>,
    /// For each row what makes it equal to another; `None` where that is not said.
    identities: Vec<Option<String>>,
}

/// Holds what tieout found against what the library found.
fn check(found: &Found, wanted: &Wanted, seed: u64) {
    assert_eq!(found.rejected, wanted.rejected, "seed {seed}");
    for (found, wanted) in found.rows.iter().zip(&wanted.rows) {
        assert_eq!(show(found), show(wanted), "seed {seed}");
    }
    assert_eq!(found.rows.len(), wanted.rows.len(), "seed {seed}");
    if !wanted.carried.is_empty() {
        assert_eq!(found.carried.len(), wanted.carried.len(), "seed {seed}");
    }
    for (found, wanted) in found.carried.iter().zip(&wanted.carried) {
        for at in unread_columns() {
            let name = Dataset::Usage.columns()[at].name;
            let [cell, wanted] = [&found.cells[at], &wanted[at]].map(|cell| cell.escape_ascii());
            let [cell, wanted] = [cell.to_string(), wanted.to_string()];
            assert_eq!(cell, wanted, "{name}, line {}, seed {seed}", found.line);
        }
    }
    let known = found.fingerprints.iter().zip(&wanted.identities);
    let known = known.filter_map(|(print, identity)| Some((print, identity.as_ref()?)));
    check_copies(known.clone(), seed);
    check_copies(known.map(|(print, identity)| (identity, print)), seed);
}

/// Whatever has one key has one value.
fn check_copies<K: Eq + Hash + Debug, V: PartialEq + Debug>(
    pairs: impl Iterator<Item = (K, V)>,
    seed: u64,
) {
    let mut of_key: HashMap<K, V> = HashMap::new();
    for (key, value) in pairs {
        if let Some(known) = of_key.get(&key) {
            assert_eq!(*known, value, "seed {seed}: {key:?}");
        } else {
            of_key.insert(key, value);
        }
    }
}

fn show(row: &FoundRow) -> (u64, Vec<(&'static str, String)>) {
    let names = Dataset::Usage.columns().iter().map(|column| column.name);
    let cells = names.zip(&row.cells).filter(|(_, cell)| !cell.is_empty());
    let cells = cells.map(|(name, cell)| (name, cell.escape_ascii().to_string()));
    (row.line, cells.collect())
}

/// What a value of a column says, so that two values are equal by value if and only if these are;
/// `None` for nothing.
fn meaning(heading: &str, value: &[u8]) -> Option<String> {
    let plain = || {
        let text = value.trim_ascii().to_ascii_lowercase();
        let is_counted = |byte: &u8| !matches!(byte, b'"' | b'\\');
        let text: Vec<u8> = text.into_iter().filter(is_counted).collect();
        text.escape_ascii().to_string()
    };
    let number = |scale: u32, is_exact: bool| match decimal::parse(value, scale) {
        Ok(number) if number.rounded && is_exact => plain(),
        Ok(number) if number.value == 0 => String::new(),
        Ok(number) => decimal::plain(number.value, scale),
        Err(decimal::NumberFault::Empty) => String::new(),
        Err(_) => plain(),
    };
    let position = Dataset::Usage.position_of(heading);
    let column = position.map(|at| &Dataset::Usage.columns()[at]);
    let meaning = match column.map(|column| (column.name, column.kind, column.need)) {
        None => number(20, true),
        Some((_, Kind::Text(_), Need::Unread)) => plain(),
        Some((_, Kind::Text(kind), _)) => match std::str::from_utf8(value) {
            Ok(text) => fold(kind, text),
            Err(_) => value.escape_ascii().to_string(),
        },
        Some(("PartnerEarnedCreditPercentage" | "CreditPercentage", Kind::Decimal(scale), _)) => {
            match decimal::parse(value, scale - 2) {
                // A fraction of one: in hundredths.
                Ok(one) if one.value.abs() <= 10_i128.pow(scale - 2) => {
                    let hundredths = decimal::parse(value, scale).unwrap().value;
                    match hundredths {
                        0 => String::new(),
                        value => decimal::plain(value, scale - 2),
                    }
                }
                _ => number(scale, false),
            }
        }
        Some((_, Kind::Decimal(scale), _)) => number(scale, false),
        Some((name, Kind::Date, _)) => match period::parse_day(value) {
            Ok(None) => String::new(),
            Ok(Some(day)) => {
                let is_first = period::date_of(day).unwrap().to_string().ends_with("-01");
                let is_exclusive = name == "ChargeEndDate" && is_first;
                (day - i32::from(is_exclusive)).to_string()
            }
            Err(_) => plain(),
        },
    };
    (!meaning.is_empty()).then_some(meaning)
}

/// Cells of a row that has nothing yet.
fn no_cells() -> Vec<Vec<u8>> {
    vec![Vec::new(); Dataset::Usage.columns().len()]
}

/// Position of the column that a heading names, if it is read.
fn read_position(heading: &str) -> Option<usize> {
    Dataset::Usage
        .position_of(heading)
        .filter(|at| Dataset::Usage.columns()[*at].need != Need::Unread)
}

/// Position of the column that a heading names, if nobody reads it.
fn carried_position(heading: &str) -> Option<usize> {
    let position = Dataset::Usage.position_of(heading)?;
    unread_columns().find(|at| *at == position)
}

/// Headings of a random file: all that usage needs, some others, some that nobody knows.
fn headings(random: &mut Random) -> Vec<String> {
    let mut headings = Vec::new();
    for column in Dataset::Usage.columns() {
        let is_needed = matches!(column.need, Need::Value | Need::Column);
        if is_needed || random.chance(2) {
            headings.push(match random.below(8) {
                0 => column.name.to_lowercase(),
                1 => column.name.to_uppercase(),
                2 => format!("Spalte ({})", column.name),
                _ => column.name.to_owned(),
            });
        }
    }
    for unknown in ["Größe", "日本", "中文", "Other", "a \"quoted\" one", "x,y"] {
        if random.chance(3) {
            headings.push(unknown.to_owned());
        }
    }
    random.shuffle(&mut headings);
    headings
}

/// Seeds of the files of one format.
fn seeds() -> impl Iterator<Item = u64> {
    1..=if is_slow() { 2_000 } else { 100 }
}

/// The same files without AVX2: what is looked up as the program runs cannot be changed in it, so
/// the tests run once more in a process of their own.
#[test]
fn every_format_is_read_without_avx2_too() {
    let done = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["decoder_fuzz::", "--skip", "without_avx2"])
        .env("TIEOUT_WITHOUT_AVX2", "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && printed.contains("csv_files"),
        "{printed}"
    );
}
