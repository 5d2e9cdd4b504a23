//! Fixtures: a synthetic month taken apart into sheets, which tests write again in other spellings,
//! and the run over the month as it is, against which each variant is held.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;
use tieout::model::dataset::{Dataset, Kind};
use tieout::pipeline::publish::outcome::Outcome;
use tieout::synth::Format;

use crate::runs::{Globs, assert_same_tables, globs, month, reconcile};

/// A month, its sheets, and the outcome of a run over the month as it is.
pub(crate) struct Variants {
    pub(crate) folder: TempDir,
    pub(crate) usage: Sheet,
    pub(crate) lines: Sheet,
    plain: Outcome,
}

impl Variants {
    pub(crate) fn new(rows: u64, seed: u64) -> Self {
        let folder = month(rows, seed, &[Format::Csv]);
        let plain = run(
            &globs(folder.path(), Format::Csv),
            folder.path().join("out"),
            None,
        );
        let sheet = |dataset, path| Sheet::read(dataset, &folder.path().join("month").join(path));
        let (usage, lines) = (
            sheet(Dataset::Usage, "usage/csv/usage-0001.csv"),
            sheet(Dataset::InvoiceLines, "recon/csv/recon.csv"),
        );
        Self {
            usage,
            lines,
            plain,
            folder,
        }
    }

    /// Runs over other files with the same content, and expects the same tables.
    pub(crate) fn check(&self, what: &str, usage: &[Vec<u8>], lines: &[Vec<u8>]) -> Outcome {
        let folder = self.folder.path().join(what.replace(' ', "-"));
        std::fs::create_dir(&folder).unwrap();
        let write = |name: &str, files: &[Vec<u8>]| {
            for (number, bytes) in files.iter().enumerate() {
                std::fs::write(folder.join(format!("{name}-{number}")), bytes).unwrap();
            }
            vec![
                folder
                    .join(format!("{name}-*"))
                    .to_string_lossy()
                    .into_owned(),
            ]
        };
        let [.., invoices] = globs(self.folder.path(), Format::Csv);
        let outcome = run(
            &[write("usage", usage), write("lines", lines), invoices],
            folder.join("out"),
            None,
        );
        assert_same_tables(&self.plain, &outcome, what);
        outcome
    }

    /// Changes both sheets alike, and expects the same tables.
    pub(crate) fn check_sheets(&self, what: &str, change: impl Fn(&mut Sheet)) -> Outcome {
        let (mut usage, mut lines) = (self.usage.clone(), self.lines.clone());
        change(&mut usage);
        change(&mut lines);
        self.check(what, &[usage.text()], &[lines.text()])
    }
}

/// A CSV file in parts, which tests change before the file is written again.
#[derive(Clone)]
pub(crate) struct Sheet {
    pub(crate) dataset: Dataset,
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) line_end: &'static str,
    /// Byte order marks before the header, and before the first row.
    pub(crate) marks: [&'static str; 2],
    /// True if every cell is quoted.
    pub(crate) quoted: bool,
    /// True if the last line has a line end.
    pub(crate) ended: bool,
}

impl Sheet {
    fn read(dataset: Dataset, path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let mut rows: Vec<Vec<String>> = reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect();
        Self {
            dataset,
            header: rows.remove(0),
            rows,
            line_end: "\r\n",
            marks: ["\u{feff}", ""],
            quoted: false,
            ended: true,
        }
    }

    /// The bytes of the file.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut out = self.marks[0].as_bytes().to_vec();
        for (number, row) in [&self.header].into_iter().chain(&self.rows).enumerate() {
            if number == 1 {
                out.extend(self.marks[1].as_bytes());
            }
            let cells: Vec<String> = row.iter().map(|cell| csv_cell(cell, self.quoted)).collect();
            out.extend(cells.join(",").as_bytes());
            out.extend(self.line_end.as_bytes());
        }
        if !self.ended {
            out.truncate(out.len() - self.line_end.len());
        }
        out
    }

    /// Position of a column.
    pub(crate) fn at(&self, name: &str) -> usize {
        self.header
            .iter()
            .position(|header| header == name)
            .unwrap()
    }

    fn kind(&self, at: usize) -> Kind {
        self.dataset.columns()[at].kind
    }

    /// Changes every cell of the columns whose kind is wanted.
    pub(crate) fn change(&mut self, is_changed: fn(Kind) -> bool, change: impl Fn(&str) -> String) {
        let columns: Vec<usize> = (0..self.header.len())
            .filter(|at| is_changed(self.kind(*at)))
            .collect();
        for row in &mut self.rows {
            for at in &columns {
                row[*at] = change(&row[*at]);
            }
        }
    }

    /// Changes every cell of one column.
    pub(crate) fn change_column(&mut self, name: &str, change: impl Fn(&str) -> String) {
        let at = self.at(name);
        self.rows
            .iter_mut()
            .for_each(|row| row[at] = change(&row[at]));
    }
}

fn csv_cell(cell: &str, quoted: bool) -> String {
    if quoted || cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// Bytes as one gzip member.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The rows in another order, the same order each time.
pub(crate) fn shuffled<T: Clone>(rows: &[T]) -> Vec<T> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|at| (at.wrapping_mul(2_654_435_761) & 0xFFFF_FFFF, *at));
    order.into_iter().map(|at| rows[at].clone()).collect()
}

/// Runs over files in which every row can be used.
pub(crate) fn run(globs: &Globs, out: PathBuf, threads: Option<usize>) -> Outcome {
    let outcome = reconcile(globs, &out, threads).unwrap();
    assert_eq!(
        (outcome.rejected_rows, outcome.exit_code),
        (0, 0),
        "{:?}",
        outcome.rejected
    );
    outcome
}
