//! What was fetched and is not reconciled: typed totals of all of it, and with `--tables` typed
//! Parquet of everything, one file for each dataset and period.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use serde::Serialize;

use crate::decode::records::{self, Value};
use crate::model::decimal::{AMOUNT_SCALE, plain};
use crate::model::record::{RecordSet, RecordType};
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::records::{Gathered, Taker};
use crate::pipeline::plan::pipeline_plan::{Fetching, Plan};
use crate::reports::atomic::replace_file;
use crate::reports::records::{Cell, CellType, RecordWriter};
use crate::sources::fetch::workers::{Became, Fetched, Fetcher};

/// Rejected rows that are told one by one.
const SHOWN: usize = 20;

/// The sum of a measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordTotal {
    /// Dataset.
    pub dataset: String,
    /// Column that is summed.
    pub measure: String,
    /// Currency, of an amount.
    pub currency: String,
    /// The sum, decimal text.
    pub sum: String,
}

/// What the answers came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecordReport {
    /// Sums, by dataset, measure and currency.
    pub totals: Vec<RecordTotal>,
    /// Rows that could not be used.
    pub rows_rejected: u64,
    /// The first of them, in words.
    pub rejected: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Tables that were written.
    pub tables: Vec<PathBuf>,
}

/// Sums by measure and currency.
type Totals = BTreeMap<(String, String), Option<i128>>;

/// Reads the answers of all datasets that were fetched. Those that are reconciled are read only for
/// their tables: their totals are the run's own.
///
/// # Errors
/// [`RunError`] for an answer that cannot be used, or a disk that does not take its table.
pub(crate) fn read(
    plan: &Plan,
    fetching: &Fetching,
    fetcher: &Fetcher,
    found: &[Fetched],
    tables: bool,
) -> Result<(RecordReport, Gathered), RunError> {
    let mut by_dataset: BTreeMap<&'static str, Vec<&Fetched>> = BTreeMap::new();
    for unit in found
        .iter()
        .filter(|unit| !matches!(unit.became, Became::Incomplete(_)))
    {
        by_dataset.entry(unit.dataset).or_default().push(unit);
    }
    let mut report = RecordReport::default();
    let mut gathered = Gathered::default();
    for (dataset, units) in by_dataset {
        // A statement is a file, and no table.
        let Some(set) = RecordSet::named(dataset) else {
            continue;
        };
        let is_reconciled = plan
            .sources
            .iter()
            .any(|source| source.is_fetched && source.dataset.name() == dataset);
        if tables {
            let period = plan
                .period
                .map(|period| period.to_string())
                .unwrap_or_default();
            let path = fetching
                .state
                .join("tables")
                .join(dataset)
                .join(format!("{period}.parquet"));
            replace_file(&path, |file| {
                let columns: Vec<(String, CellType)> = columns(set);
                let facts = [
                    ("dataset", dataset.to_owned()),
                    ("period", period.clone()),
                    ("row", set.row.to_owned()),
                ];
                let mut writer =
                    RecordWriter::new(file, &columns, &facts).map_err(io::Error::other)?;
                read_all(
                    fetcher,
                    set,
                    &units,
                    (&mut report, &mut gathered),
                    &mut |context, values| {
                        writer
                            .row(
                                context
                                    .iter()
                                    .copied()
                                    .map(Cell::Text)
                                    .chain(values.iter().map(cell)),
                            )
                            .map_err(io::Error::other)
                    },
                )
                .map_err(io::Error::other)?;
                writer.end().map(drop).map_err(io::Error::other)
            })?;
            report.tables.push(path);
        } else if !is_reconciled {
            read_all(
                fetcher,
                set,
                &units,
                (&mut report, &mut gathered),
                &mut |_, _| Ok(()),
            )?;
        }
    }
    Ok((report, gathered))
}

fn columns(set: &RecordSet) -> Vec<(String, CellType)> {
    let context = set
        .context
        .iter()
        .map(|name| ((*name).to_owned(), CellType::Text));
    let of = |record_type: RecordType| match record_type {
        RecordType::Text | RecordType::Json => CellType::Text,
        RecordType::Decimal(scale) => CellType::Decimal(i8::try_from(scale).unwrap_or(i8::MAX)),
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

/// Utilization by the hour is the same usage as by the day: where both are there, days are compared.
fn is_compared(unit: &Fetched, units: &[&Fetched]) -> bool {
    let is_daily = |unit: &Fetched| unit.id.contains("/utilization_daily/");
    unit.dataset != "utilization" || is_daily(unit) || !units.iter().any(|unit| is_daily(unit))
}

/// Takes a row: the request's context, and the answer's values.
type Take<'t> = dyn FnMut(&[&str], &[Value]) -> io::Result<()> + 't;

fn read_all(
    fetcher: &Fetcher,
    set: &'static RecordSet,
    units: &[&Fetched],
    (report, gathered): (&mut RecordReport, &mut Gathered),
    take: &mut Take<'_>,
) -> Result<(), RunError> {
    let mut totals = Totals::new();
    let mut unknown: BTreeMap<String, u64> = BTreeMap::new();
    let mut rounded = 0;
    let taker = Taker::of(set);
    for unit in units {
        let taker = taker.as_ref().filter(|_| is_compared(unit, units));
        let context: Vec<&str> = set
            .context
            .iter()
            .map(|name| {
                unit.context
                    .get(
                        name.strip_suffix("_id")
                            .or_else(|| name.strip_suffix("_number"))
                            .unwrap_or(name),
                    )
                    .unwrap_or_default()
            })
            .collect();
        let (files, etag) = fetcher.landing.files_of(&unit.id).unwrap_or_default();
        for file in files {
            let entries = &mut gathered.entries;
            let read = records::read(&file.name, &file.path, set, &mut |values| {
                if let Some(taker) = taker {
                    taker.take(entries, &context, values);
                }
                take(&context, values)
            })?;
            if taker.is_some() {
                gathered.note(set, &file, &read, etag.clone());
            }
            for (key, sum) in read.totals {
                let slot = totals.entry(key).or_insert(Some(0));
                *slot = slot
                    .zip(sum)
                    .and_then(|(left, right)| left.checked_add(right));
            }
            report.rows_rejected += read.rows_rejected;
            let room = SHOWN.saturating_sub(report.rejected.len());
            report
                .rejected
                .extend(read.rejected.iter().take(room).map(|row| {
                    let rejection = &row.rejection;
                    format!(
                        "`{}` row {}, column `{}`: found `{}`, wanted {}",
                        row.unit, row.row, rejection.column, rejection.found, rejection.wanted
                    )
                }));
            read.unknown
                .into_iter()
                .for_each(|(key, count)| *unknown.entry(key).or_default() += count);
            rounded += read.rounded;
        }
    }
    if !unknown.is_empty() {
        let names: Vec<String> = unknown
            .keys()
            .take(SHOWN)
            .map(|name| format!("`{}`", crate::model::reject::excerpt(name.as_bytes())))
            .collect();
        report.warnings.push(format!(
            "`{}`: keys not known and not read: {}",
            set.name,
            names.join(", ")
        ));
    }
    if rounded > 0 {
        report.warnings.push(format!(
            "`{}`: {rounded} numbers held more decimals than are kept, and were rounded half-even",
            set.name
        ));
    }
    for ((measure, currency), sum) in totals {
        let scale = set
            .columns()
            .into_iter()
            .find(|column| column.name == measure)
            .map_or(AMOUNT_SCALE, |column| match column.record_type {
                RecordType::Decimal(scale) => scale,
                _ => AMOUNT_SCALE,
            });
        let sum = sum.map_or_else(|| "more than 38 digits".to_owned(), |sum| plain(sum, scale));
        report.totals.push(RecordTotal {
            dataset: set.name.to_owned(),
            measure,
            currency,
            sum,
        });
    }
    Ok(())
}
