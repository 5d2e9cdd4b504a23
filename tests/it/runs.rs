//! Fixture: a synthetic month, a run over files, and the published tables of a run.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use tieout::model::cause::TieOut;
use tieout::model::dataset::Dataset;
use tieout::model::decimal::{self, PUBLISHED_SCALE};
use tieout::model::period::{Period, date_of};
use tieout::model::settling::SettlingDays;
use tieout::model::tables::{ColumnType, PublishedColumn, TABLES};
use tieout::pipeline::failure::RunError;
use tieout::pipeline::options::Options;
use tieout::pipeline::plan::notices::Notices;
use tieout::pipeline::plan::output::{Output, ReportFiles};
use tieout::pipeline::plan::pipeline_plan::{Plan, Source, TieOutPlan};
use tieout::pipeline::publish::outcome::Outcome;
use tieout::pipeline::run::run;
use tieout::progress::reporting::Progress;
use tieout::reports::csv_form::CsvForm;
use tieout::synth::{self, Format};

/// Globs of usage, invoice lines and invoices; without the last, lines are not tied to headers.
pub(crate) type Globs = [Vec<String>; 3];

/// A synthetic month in a folder of its own.
pub(crate) fn month(rows: u64, seed: u64, formats: &[Format]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let period = Period::parse("2026-10").unwrap();
    let request = synth::Request {
        rows,
        seed,
        out: folder.path().join("month"),
        period,
        formats: formats.to_vec(),
        planted: true,
    };
    assert_eq!(synth::generate(&request).unwrap().rows, rows);
    folder
}

/// Globs of a month's files of one format.
pub(crate) fn globs(folder: &Path, format: Format) -> Globs {
    let ending = match format {
        Format::Csv => "*.csv",
        Format::V2 => "*/*.json.gz",
        Format::V1 => "*/*.json",
        Format::Parquet => "*.parquet",
    };
    let month = folder.join("month");
    let glob = |dataset: &str| {
        vec![
            month
                .join(dataset)
                .join(format.name())
                .join(ending)
                .to_string_lossy()
                .into_owned(),
        ]
    };
    [
        glob("usage"),
        glob("recon"),
        vec![
            month
                .join("invoices/invoices.json")
                .to_string_lossy()
                .into_owned(),
        ],
    ]
}

/// A plan over files, with the two tie-outs of invoices.
pub(crate) fn plan(globs: &Globs, out: &Path) -> Plan {
    let sources = Dataset::ALL
        .into_iter()
        .zip(globs)
        .filter(|(_, paths)| !paths.is_empty());
    let enabled = |tie_out: &TieOut| match tie_out {
        TieOut::UsageToInvoice => true,
        TieOut::LinesToInvoice => !globs[2].is_empty(),
        _ => false,
    };
    Plan {
        records: Vec::new(),
        acceptances: Vec::new(),
        settling: SettlingDays::default(),
        // The tests of reports and of the analyst folder make their own.
        output: Output {
            reports: ReportFiles::NONE,
            analyst: false,
        },
        fetching: None,
        csv: CsvForm::Plain,
        notices: Notices::default(),
        name: "test".to_owned(),
        period: None,
        out: out.to_owned(),
        sources: sources
            .map(|(dataset, paths)| Source {
                dataset,
                paths: paths.clone(),
                is_fetched: false,
            })
            .collect(),
        tie_outs: TieOut::ALL
            .into_iter()
            .map(|tie_out| TieOutPlan::usual(tie_out, enabled(&tie_out)))
            .collect(),
    }
}

/// Runs the plan over files; `None` for all cores.
pub(crate) fn reconcile(
    globs: &Globs,
    out: &Path,
    threads: Option<usize>,
) -> Result<Outcome, RunError> {
    run(
        &plan(globs, out),
        &Options {
            threads,
            ..Options::default()
        },
        &Progress::default(),
    )
    .map_err(|failure| *failure.reason)
}

/// As [`reconcile`], with the lines held against their own arithmetic, too.
pub(crate) fn reconcile_lines_too(globs: &Globs, out: &Path) -> Outcome {
    let mut plan = plan(globs, out);
    let mut tie_outs = plan.tie_outs.iter_mut();
    let lines = tie_outs.find(|planned| planned.tie_out == TieOut::LineArithmetic);
    lines.unwrap().enabled = true;
    run(&plan, &Options::default(), &Progress::default()).unwrap()
}

/// The bytes of every published table, by file name. `lineage` names files, and is left out.
pub(crate) fn table_bytes(outcome: &Outcome) -> BTreeMap<String, Vec<u8>> {
    let tables = TABLES.iter().filter(|table| table.name != "lineage");
    let names = tables.flat_map(|table| {
        [
            format!("{}.csv", table.name),
            format!("{}.parquet", table.name),
        ]
    });
    names
        .map(|name| {
            (
                name.clone(),
                std::fs::read(outcome.folder.join(&name)).unwrap(),
            )
        })
        .collect()
}

/// Fails with the names of the tables in which two runs differ.
pub(crate) fn assert_same_tables(left: &Outcome, right: &Outcome, what: &str) {
    let (left, right) = (table_bytes(left), table_bytes(right));
    let differing: Vec<&String> = left
        .iter()
        .filter(|(name, bytes)| right[*name] != **bytes)
        .map(|(name, _)| name)
        .collect();
    assert!(differing.is_empty(), "{what}: {differing:?} differ");
}

/// A published table: its rows as text, by column name.
#[derive(Debug)]
pub(crate) struct Published {
    names: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Published {
    /// Reads `<table>.csv`, and checks that `<table>.parquet` has the same cells.
    pub(crate) fn read(folder: &Path, table: &str) -> Self {
        let mut reader = csv::Reader::from_path(folder.join(format!("{table}.csv"))).unwrap();
        let names: Vec<String> = reader
            .headers()
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect();
        let rows: Vec<Vec<String>> = reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect();
        let published = Self { names, rows };
        assert!(
            published.rows == parquet_rows(&folder.join(format!("{table}.parquet")), table),
            "{table}: CSV and Parquet differ"
        );
        published
    }

    /// Every row by column name.
    pub(crate) fn cells(&self) -> Vec<BTreeMap<String, String>> {
        let names = || self.names.iter().cloned();
        let rows = self.rows.iter();
        rows.map(|row| names().zip(row.iter().cloned()).collect())
            .collect()
    }

    /// Position of a column.
    pub(crate) fn at(&self, name: &str) -> usize {
        self.names
            .iter()
            .position(|known| known == name)
            .unwrap_or_else(|| panic!("no column {name}"))
    }

    pub(crate) fn cell<'r>(&self, row: &'r [String], name: &str) -> &'r str {
        &row[self.at(name)]
    }

    /// The cells of some columns, of every row.
    pub(crate) fn columns(&self, names: &[&str]) -> Vec<Vec<String>> {
        let at: Vec<usize> = names.iter().map(|name| self.at(name)).collect();
        self.rows
            .iter()
            .map(|row| at.iter().map(|at| row[*at].clone()).collect())
            .collect()
    }

    /// A cell's amount, in units of 10^-10.
    pub(crate) fn amount(&self, row: &[String], name: &str) -> i128 {
        units(self.cell(row, name))
    }
}

/// Published text in units of 10^-10.
pub(crate) fn units(text: &str) -> i128 {
    let parsed = decimal::parse(text.as_bytes(), PUBLISHED_SCALE).unwrap();
    assert!(!parsed.rounded, "{text}");
    parsed.value
}

fn parquet_rows(path: &Path, table: &str) -> Vec<Vec<String>> {
    let known = TABLES.iter().find(|known| known.name == table).unwrap();
    rows_of(path, known.columns)
}

/// Rows of a file of Parquet that has these columns, as text.
pub(crate) fn rows_of(path: &Path, columns: &[PublishedColumn]) -> Vec<Vec<String>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap())
        .unwrap()
        .build()
        .unwrap();
    let mut rows = Vec::new();
    for batch in reader.map(Result::unwrap) {
        assert_eq!(batch.num_columns(), columns.len());
        for row in 0..batch.num_rows() {
            rows.push(
                columns
                    .iter()
                    .enumerate()
                    .map(|(at, column)| parquet_cell(&batch, at, row, column.column_type))
                    .collect(),
            );
        }
    }
    rows
}

/// A cell of Parquet, written as CSV writes it.
fn parquet_cell(batch: &RecordBatch, column: usize, row: usize, column_type: ColumnType) -> String {
    let array = batch.column(column);
    if array.is_null(row) {
        return String::new();
    }
    match column_type {
        ColumnType::Text => {
            let text = match array.data_type() {
                DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
                DataType::Dictionary(..) => {
                    let dictionary = array.as_any_dictionary();
                    dictionary
                        .values()
                        .as_string::<i32>()
                        .value(dictionary.normalized_keys()[row])
                        .to_owned()
                }
                other => panic!("text as {other}"),
            };
            if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
                format!("'{text}")
            } else {
                text
            }
        }
        ColumnType::Date => date_of(array.as_primitive::<Date32Type>().value(row))
            .unwrap()
            .to_string(),
        ColumnType::Integer => array.as_primitive::<Int64Type>().value(row).to_string(),
        ColumnType::Decimal | ColumnType::DecimalOrNull => decimal::fixed(
            array.as_primitive::<Decimal128Type>().value(row),
            PUBLISHED_SCALE,
        ),
        ColumnType::Boolean => array.as_boolean().value(row).to_string(),
    }
}

/// True if the heavy test is to be skipped, which is printed.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn is_quick(what: &str) -> bool {
    let quick = !is_slow();
    if quick {
        eprintln!("skipped: {what}; set TIEOUT_SLOW_TESTS=1");
    }
    quick
}

/// True if heavy tests are to run.
pub(crate) fn is_slow() -> bool {
    std::env::var_os("TIEOUT_SLOW_TESTS").is_some_and(|value| value == "1")
}
