//! Fetched responses as records: typed totals of every dataset that is not reconciled, and with
//! `--tables` one typed Parquet file for each dataset and period, those that are reconciled
//! included.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::decode::records::{self, RecordsRead, Value};
use crate::model::decimal::plain;
use crate::model::record::{RecordSet, RecordType};
use crate::model::reject::excerpt;
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::held_reading::{ExpectedContent, read_held};
use crate::pipeline::intake::input_unit;
use crate::pipeline::intake::records::{RecordReadings, RecordTaker};
use crate::pipeline::plan::pipeline_plan::{Fetching, Plan};
use crate::reports::records::{Cell, CellType, RecordWriter};
use crate::reports::single_files::replace_file;
use crate::sources::fetch::fetched::Fetched;
use crate::sources::fetch::workers::Fetcher;
use crate::sources::files::HeldFile;

/// Number of rejected rows, and of unknown keys, that are listed; the others are counted only.
const SHOWN: usize = 20;

/// Sum of one column in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordTotal {
    /// Name of the dataset.
    pub dataset: String,
    /// Name of the column that is summed up.
    pub measure: String,
    /// Currency of an amount; empty for a quantity.
    pub currency: String,
    /// Sum as decimal text.
    pub sum: String,
}

/// Report on the records of a fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecordReport {
    /// Sums by dataset, measure and currency.
    pub totals: Vec<RecordTotal>,
    /// Number of rows that could not be used.
    pub rows_rejected: u64,
    /// Descriptions of the first of those rows.
    pub rejected: Vec<String>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Paths of the tables that were written.
    pub tables: Vec<PathBuf>,
}

/// Sums by measure and currency; `None` for a sum beyond 38 digits.
type MeasureSums = BTreeMap<(String, String), Option<i128>>;

/// Reads the responses of the datasets that the tie-outs compare, apart from those that the intake
/// reads; with the number of rows that could not be used.
///
/// # Errors
/// [`RunError`] for a response that cannot be used.
pub(crate) fn compared(
    fetcher: &Fetcher,
    found: &[Fetched],
) -> Result<(RecordReadings, u64), RunError> {
    let mut readings = RecordReadings::default();
    let mut report = RecordReport::default();
    for (set, units) in sets_of(found, |unit| unit.is_needed) {
        if let Some(taker) = RecordTaker::of(set) {
            let mut reader = SetReader::new(fetcher, set, &mut report);
            reader.compared = Some((taker, &mut readings));
            reader.read(&units, &mut |_, _| Ok(()))?;
        }
    }
    Ok((readings, report.rows_rejected))
}

/// Reads the responses of all datasets that were fetched, for their totals, and for their tables if
/// `tables` is set. Datasets that the intake reads are read here for their tables only. A response
/// that cannot be used is a warning: what is compared was read before.
///
/// # Errors
/// [`RunError`] for a disk that does not take a table.
pub(crate) fn report(
    plan: &Plan,
    fetching: &Fetching,
    fetcher: &Fetcher,
    found: &[Fetched],
    tables: bool,
) -> Result<RecordReport, RunError> {
    let period = fetcher.order.period;
    let mut report = RecordReport::default();
    for (set, units) in sets_of(found, |_| true) {
        let is_reconciled = plan
            .sources
            .iter()
            .any(|source| source.is_fetched && source.dataset.name() == set.name);
        let mut reader = SetReader::new(fetcher, set, &mut report);
        // Datasets that the intake reads have their totals in the run's own tables.
        if tables {
            let path = fetching
                .state
                .join("tables")
                .join(set.name)
                .join(format!("{period}.parquet"));
            write_table(&mut reader, &units, &path, &period.to_string())?;
            report.tables.push(path);
        } else if !is_reconciled && let Err(error) = reader.read(&units, &mut |_, _| Ok(())) {
            report.warnings.push(format!("`{}`: {error}", set.name));
        }
    }
    Ok(report)
}

/// Complete units by their record sets. A dataset without columns, such as statements in PDF, has no
/// rows to read.
fn sets_of(
    found: &[Fetched],
    is_wanted: impl Fn(&Fetched) -> bool,
) -> Vec<(&'static RecordSet, Vec<&Fetched>)> {
    let mut by_dataset: BTreeMap<&'static str, Vec<&Fetched>> = BTreeMap::new();
    for unit in found
        .iter()
        .filter(|unit| unit.is_complete() && is_wanted(unit))
    {
        by_dataset.entry(unit.dataset).or_default().push(unit);
    }
    by_dataset
        .into_iter()
        .filter_map(|(dataset, units)| Some((RecordSet::named(dataset)?, units)))
        .collect()
}

/// Reads the responses of a set and writes them to a Parquet file, which replaces an older one
/// whole.
fn write_table(
    reader: &mut SetReader<'_>,
    units: &[&Fetched],
    path: &Path,
    period: &str,
) -> Result<(), RunError> {
    let set = reader.set;
    // Errors pass through `io::Error`, as the closure's error is that of the file.
    replace_file(path, |file| {
        let facts = [
            ("dataset", set.name.to_owned()),
            ("period", period.to_owned()),
            ("row", set.row.to_owned()),
        ];
        let mut writer =
            RecordWriter::new(file, &columns(set), &facts).map_err(io::Error::other)?;
        let mut take = |context: &[&str], values: &[Value]| {
            let context = context.iter().copied().map(Cell::Text);
            let row = context.chain(values.iter().map(cell));
            writer.row(row).map_err(io::Error::other)
        };
        reader.read(units, &mut take).map_err(io::Error::other)?;
        writer.end().map(drop).map_err(io::Error::other)
    })?;
    Ok(())
}

/// Columns of a set's table: the parameters of the request, then the fields of the response.
fn columns(set: &RecordSet) -> Vec<(String, CellType)> {
    let context = set
        .context
        .iter()
        .map(|name| ((*name).to_owned(), CellType::Text));
    let of = |record_type: RecordType| match record_type {
        RecordType::Text | RecordType::Json => CellType::Text,
        RecordType::Decimal(scale) => {
            CellType::Decimal(i8::try_from(scale).expect("a scale is at most 38"))
        }
        RecordType::Date => CellType::Date,
        RecordType::Timestamp => CellType::Instant,
        RecordType::Integer => CellType::Integer,
        RecordType::Boolean => CellType::Boolean,
    };
    context
        .chain(
            set.columns()
                .into_iter()
                .map(|column| (column.name, of(column.record_type))),
        )
        .collect()
}

/// Cell of the table for a value.
fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Missing => Cell::Missing,
        Value::Text(text) => Cell::Text(text),
        Value::Decimal(value) => Cell::Decimal(*value),
        Value::Day(day) => Cell::Date(*day),
        Value::Instant(instant) => Cell::Instant(*instant),
        Value::Integer(number) => Cell::Integer(*number),
        Value::Boolean(is_true) => Cell::Boolean(*is_true),
    }
}

/// Takes a row: the parameters of its request, and the values of the response.
type TakeRow<'t> = dyn FnMut(&[&str], &[Value]) -> io::Result<()> + 't;

/// Reads the responses of one record set, and adds what it finds to the report and the readings.
struct SetReader<'r> {
    fetcher: &'r Fetcher,
    set: &'static RecordSet,
    /// Taker of rows for the tie-outs, and what it fills; `None` if the set is only reported.
    compared: Option<(RecordTaker, &'r mut RecordReadings)>,
    report: &'r mut RecordReport,
    sums: MeasureSums,
    /// Keys that no column reads, each with the number of its occurrences.
    unknown: BTreeMap<String, u64>,
    /// Numbers with more decimals than are kept.
    rounded: u64,
}

impl<'r> SetReader<'r> {
    fn new(fetcher: &'r Fetcher, set: &'static RecordSet, report: &'r mut RecordReport) -> Self {
        Self {
            fetcher,
            set,
            compared: None,
            report,
            sums: MeasureSums::new(),
            unknown: BTreeMap::new(),
            rounded: 0,
        }
    }

    /// Reads all units of the set; each row goes to `take`, too.
    fn read(&mut self, units: &[&Fetched], take: &mut TakeRow<'_>) -> Result<(), RunError> {
        for unit in units {
            self.read_unit(unit, is_compared(unit, units), take)?;
        }
        self.report_warnings();
        self.report_totals();
        Ok(())
    }

    fn read_unit(
        &mut self,
        unit: &Fetched,
        is_compared: bool,
        take: &mut TakeRow<'_>,
    ) -> Result<(), RunError> {
        let mut compared = self.compared.as_mut().filter(|_| is_compared);
        let context: Vec<&str> = self
            .set
            .context
            .iter()
            .map(|column| parameter(unit, column))
            .collect();
        // A unit without a version on disk has no rows.
        let Some((files, etag)) = self.fetcher.landing.files_of(&unit.id) else {
            return Ok(());
        };
        for file in files {
            let held = HeldFile::open(&file.path)?;
            let expected = ExpectedContent {
                blake3: Some(&file.blake3),
                otherwise: &|| input_unit::damaged(&file.path),
            };
            let (read, _) = read_held(&held, &expected, |handle| {
                let read = records::read(&file.name, handle, self.set, &mut |values| {
                    if let Some((taker, readings)) = &mut compared {
                        taker.take(&mut readings.entries, &context, values);
                    }
                    take(&context, values)
                })?;
                let hash = read.blake3.clone();
                Ok((read, hash))
            })?;
            if let Some((_, readings)) = &mut compared {
                readings.note(self.set, &file, &read, etag.clone());
            }
            add_up(&mut self.sums, &read);
            report_rejected(self.report, &read);
            // A key that is unknown in every row is one warning, not one for each.
            for (key, count) in read.unknown {
                *self.unknown.entry(key).or_default() += count;
            }
            self.rounded += read.rounded;
        }
        Ok(())
    }

    fn report_warnings(&mut self) {
        let set = self.set.name;
        if !self.unknown.is_empty() {
            let names: Vec<String> = self
                .unknown
                .keys()
                .take(SHOWN)
                .map(|name| format!("`{}`", excerpt(name.as_bytes())))
                .collect();
            let names = names.join(", ");
            self.report
                .warnings
                .push(format!("`{set}`: unknown keys, not read: {names}"));
        }
        if self.rounded > 0 {
            self.report.warnings.push(format!(
                "`{set}`: {} numbers had more decimals than are kept and were rounded half to even",
                self.rounded
            ));
        }
    }

    fn report_totals(&mut self) {
        let columns = self.set.columns();
        for ((measure, currency), sum) in std::mem::take(&mut self.sums) {
            let column = columns
                .iter()
                .find(|column| column.name == measure)
                .expect("a measure is a column of its set");
            let RecordType::Decimal(scale) = column.record_type else {
                unreachable!("a measure is a decimal number");
            };
            let sum = sum.map_or_else(|| "more than 38 digits".to_owned(), |sum| plain(sum, scale));
            self.report.totals.push(RecordTotal {
                dataset: self.set.name.to_owned(),
                measure,
                currency,
                sum,
            });
        }
    }
}

/// True if a unit goes to the tie-outs. Utilization by the hour is the same usage as utilization by
/// the day; where both were fetched, only that by the day does, as it would count twice.
fn is_compared(unit: &Fetched, units: &[&Fetched]) -> bool {
    let is_daily = |unit: &Fetched| unit.id.contains("/utilization_daily/");
    unit.dataset != "utilization" || is_daily(unit) || !units.iter().any(|unit| is_daily(unit))
}

/// Parameter of a unit's request for a column such as `customer_id`, which the request calls
/// `customer`. Each endpoint asks with all the parameters that its set has as columns.
fn parameter<'u>(unit: &'u Fetched, column: &str) -> &'u str {
    let name = column
        .strip_suffix("_id")
        .or_else(|| column.strip_suffix("_number"))
        .unwrap_or(column);
    unit.context
        .get(name)
        .expect("a request has the parameters of its set")
}

fn add_up(sums: &mut MeasureSums, read: &RecordsRead) {
    for (key, more) in &read.totals {
        let sum = sums.entry(key.clone()).or_insert(Some(0));
        // A sum that overflowed once stays unknown, even if later rows would bring it back.
        *sum = sum
            .zip(*more)
            .and_then(|(left, right)| left.checked_add(right));
    }
}

fn report_rejected(report: &mut RecordReport, read: &RecordsRead) {
    report.rows_rejected += read.rows_rejected;
    let room = SHOWN.saturating_sub(report.rejected.len());
    for row in read.rejected.iter().take(room) {
        let rejection = &row.rejection;
        report.rejected.push(format!(
            "`{}` row {}, column `{}`: found `{}`, wanted {}",
            row.unit, row.row, rejection.column, rejection.found, rejection.wanted
        ));
    }
}
