//! The export: files of usage and of invoice lines for each period of the analyst folder, written row by
//! row, checked, and put in their place only then.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use ::parquet::errors::ParquetError;
use serde::Serialize;

use super::billed_sums::BilledSums;
use super::columns::FocusColumn;
use super::line_columns::LINE_COLUMNS;
use super::line_rows::{ID_BYTES, LineRow, line, line_hash};
pub use super::row_writer::ExportFormat;
use super::row_writer::RowWriter;
use super::source_rows::{PartitionFacts, SourceRow};
use super::usage_columns::USAGE_COLUMNS;
use super::usage_rows::{UsageRow, usage};
use crate::engine::failure::EngineError;
use crate::ledger::runs;
use crate::ledger::store::LEDGER;
use crate::model::period::Period;
use crate::model::tables::Table;
use crate::model::tables::analyst::{INVOICE_LINES, USAGE_DAILY};
use crate::pipeline::failure::RunError;
use crate::pipeline::ledger_views::place;
use crate::reports::analyst_folder::{self, ANALYST_POINTER};
use crate::reports::failure::PublishError;
use crate::reports::read_batches::whole_batches;
use crate::reports::single_files::place_file;

/// Export that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FocusRequest {
    /// Output folder of the runs, whose analyst folder is exported.
    pub out: PathBuf,
    /// Billing period; `None` for all that the folder has.
    pub period: Option<Period>,
    /// Folder of the files.
    pub to: PathBuf,
    /// Format of the files.
    pub format: ExportFormat,
    /// Name of the partner for usage that has none.
    pub partner_name: Option<String>,
    /// Who sells to the partner and issues the invoices.
    pub issuer: String,
}

/// Files that were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FocusExport {
    /// Files in the order of periods.
    pub files: Vec<FocusFile>,
}

/// File that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FocusFile {
    /// Path of the file.
    pub path: PathBuf,
    /// Dataset and version of FOCUS.
    pub dataset: &'static str,
    /// Billing period of the rows.
    pub period: String,
    /// Run that the rows are of.
    pub run_id: String,
    /// Number of rows in the file.
    pub rows: u64,
    /// Number of rows that lack something that FOCUS wants, such as a price.
    pub non_conforming_rows: u64,
    /// Number of source rows that are not in the file: lines that are not billed, or of amount 0.
    pub left_out_rows: u64,
    /// Sum of `BilledCost` in each currency.
    pub billed_cost: BTreeMap<String, String>,
}

/// Rows of one period on their way to files.
struct PeriodExport<'r> {
    request: &'r FocusRequest,
    facts: PartitionFacts,
}

/// What became of the rows of a file.
#[derive(Default)]
struct Written {
    rows: u64,
    non_conforming: u64,
    left_out: u64,
    sums: BilledSums,
}

/// Writes the files of an export.
///
/// # Errors
/// [`RunError::NotThere`] where there is no such period or no analyst folder, [`RunError::Damaged`] where
/// a table of it is not as it was written, [`RunError::Overflow`] for a number that FOCUS has no room
/// for, [`RunError::ExportApart`] where the sums differ.
pub fn export(request: &FocusRequest) -> Result<FocusExport, RunError> {
    let periods = wanted_periods(request)?;
    let log = place::open(&request.out)?.read(runs::all)?;
    let mut files = Vec::new();
    for period in periods {
        let name = period.to_string();
        let run_id = analyst_folder::run_of_period(&request.out, &name)
            .ok_or_else(|| damaged(&request.out.join(ANALYST_POINTER), "no run of the period"))?;
        // A run of the same inputs has the same id, and brings no other rows.
        let first = log.iter().find(|run| run.run_id == run_id);
        let imported_at = first.and_then(|run| instant(&run.started_at));
        let imported_at = imported_at.ok_or_else(|| {
            let found = format!("no start of the run `{run_id}`");
            damaged(&request.out.join(LEDGER), &found)
        })?;
        let of_period = PeriodExport {
            request,
            facts: PartitionFacts {
                period,
                run_id,
                imported_at,
                partner_name: request.partner_name.clone(),
                issuer: request.issuer.clone(),
            },
        };
        files.push(of_period.usage()?);
        files.push(of_period.lines()?);
    }
    Ok(FocusExport { files })
}

/// Periods that are wanted, sorted.
fn wanted_periods(request: &FocusRequest) -> Result<Vec<Period>, RunError> {
    let names = analyst_folder::periods(&request.out)?;
    let nothing = |found: String, wanted: String, hint: &str| RunError::NotThere {
        what: format!("`{}`", request.out.join(ANALYST_POINTER).display()),
        found,
        wanted,
        hint: hint.to_owned(),
    };
    let Some(wanted) = request.period else {
        if names.is_empty() {
            return Err(nothing(
                "no rows of usage".to_owned(),
                "those of a run".to_owned(),
                HINT,
            ));
        }
        let periods = names.iter().map(|name| {
            let folder = request.out.join(ANALYST_POINTER);
            Period::parse(name).ok_or_else(|| damaged(&folder, &format!("a period `{name}`")))
        });
        return periods.collect();
    };
    match names.contains(&wanted.to_string()) {
        true => Ok(vec![wanted]),
        false if names.is_empty() => Err(nothing(
            "no rows of usage".to_owned(),
            format!("those of {wanted}"),
            HINT,
        )),
        false => Err(nothing(
            names.join(", "),
            wanted.to_string(),
            "name one of these, or leave out `--period` for all; a run that is to come into the \
             folder needs `analyst = true` under `[output]`",
        )),
    }
}

/// Advice for a folder that has no rows.
const HINT: &str = "set `analyst = true` under `[output]` of the pipeline, or give `--analyst`, and run \
                    it again";

impl PeriodExport<'_> {
    /// Writes the usage of the period.
    fn usage(&self) -> Result<FocusFile, RunError> {
        self.file(
            ("focus-cost-and-usage", "CostAndUsage 1.2"),
            USAGE_COLUMNS,
            &mut |writer, written| {
                self.read(&USAGE_DAILY, &mut |source| {
                    let row = UsageRow::of(source, &self.facts)?;
                    let currency = source.text(const { usage("currency") }).unwrap_or("");
                    let amount = source.number(const { usage("amount") });
                    let amount = amount.ok_or(EngineError::AmountOverflow)?;
                    written.sums.add_read(currency, amount)?;
                    written.sums.add_written(currency, row.amount)?;
                    written.non_conforming += u64::from(!row.conforms());
                    written.rows += 1;
                    Ok(writer.row(&UsageRow::COLUMNS, &row)?)
                })
            },
        )
    }

    /// Writes the invoice lines of the period that are billed.
    fn lines(&self) -> Result<FocusFile, RunError> {
        // Number of equal lines so far: 16 bytes for each distinct line.
        let mut seen: HashMap<[u8; ID_BYTES], u32> = HashMap::new();
        self.file(
            ("focus-invoice-detail", "InvoiceDetail 1.4"),
            LINE_COLUMNS,
            &mut |writer, written| {
                self.read(&INVOICE_LINES, &mut |source| {
                    let Some(invoice) = source.upper(const { line("invoice_number") }) else {
                        written.left_out += 1;
                        return Ok(());
                    };
                    let hash = line_hash(source);
                    let number = seen.entry(hash).or_insert(0);
                    *number += 1;
                    let id = line_id(hash, *number);
                    let row = LineRow::of(source, &self.facts, (invoice, id))?;
                    write_line(row, source, (writer, written))
                })
            },
        )
    }

    /// Writes one file, which is in its place only once its sums are right.
    fn file<R>(
        &self,
        (name, dataset): (&str, &'static str),
        columns: &[FocusColumn<R>],
        fill: &mut dyn FnMut(&mut FileWriter<'_>, &mut Written) -> Result<(), ExportFault>,
    ) -> Result<FocusFile, RunError> {
        let (request, facts) = (self.request, &self.facts);
        let ending = request.format.ending();
        let path = request.to.join(format!("{name}-{}.{ending}", facts.period));
        let mut written = Written::default();
        let mut billed_cost = BTreeMap::new();
        let mut fault = None;
        let placed = place_file(&path, |file| {
            let buffered = io::BufWriter::new(file);
            let mut writer = RowWriter::new(request.format, columns, buffered)?;
            let filled = fill(&mut writer, &mut written).and_then(|()| {
                let sums = std::mem::take(&mut written.sums);
                billed_cost = sums.checked().map_err(|apart| {
                    ExportFault::Run(RunError::ExportApart {
                        file: path.clone(),
                        currency: apart.currency,
                        written: apart.written,
                        read: apart.read,
                    })
                })?;
                Ok(())
            });
            match filled {
                Ok(()) => {}
                Err(ExportFault::Target(error)) => return Err(error),
                Err(ExportFault::Table(error)) => return Err(io::Error::other(error)),
                Err(ExportFault::Run(error)) => {
                    // Told below: this error is only for the file not to be placed.
                    fault = Some(error);
                    return Err(io::Error::other("the export has failed"));
                }
            }
            writer
                .end()?
                .into_inner()
                .map_err(io::IntoInnerError::into_error)?;
            Ok(())
        });
        match fault {
            Some(error) => return Err(error),
            None => placed?,
        }
        Ok(FocusFile {
            path,
            dataset,
            period: facts.period.to_string(),
            run_id: facts.run_id.clone(),
            rows: written.rows,
            non_conforming_rows: written.non_conforming,
            left_out_rows: written.left_out,
            billed_cost,
        })
    }

    /// Hands over all rows of a table of the period, in their order.
    fn read(
        &self,
        table: &'static Table,
        take: &mut dyn FnMut(SourceRow<'_>) -> Result<(), ExportFault>,
    ) -> Result<(), ExportFault> {
        let (out, period) = (&self.request.out, self.facts.period.to_string());
        let files = analyst_folder::files_of(out, table, &period).map_err(RunError::from)?;
        for path in files {
            let file = File::open(&path).map_err(|source| {
                RunError::Publish(PublishError::Storage {
                    doing: "read",
                    path: path.clone(),
                    source,
                })
            })?;
            let read = whole_batches(file, table, |batch| {
                (0..batch.rows()).try_for_each(|row| take(SourceRow::of(batch, row)))
            });
            read.map_err(|fault| match fault {
                ExportFault::Table(error) => damaged(&path, &error.to_string()).into(),
                other => other,
            })?;
        }
        Ok(())
    }
}

type FileWriter<'f> = RowWriter<io::BufWriter<&'f mut File>>;

/// Writes the records of a line: its amount and its tax, of which one that is 0 is left out.
fn write_line(
    row: LineRow<'_>,
    source: SourceRow<'_>,
    (writer, written): (&mut FileWriter<'_>, &mut Written),
) -> Result<(), ExportFault> {
    let currency = source.text(const { line("currency") }).unwrap_or("");
    let tax = source.wide(const { line("tax") })?.filter(|tax| *tax != 0);
    for column in [const { line("subtotal") }, const { line("tax") }] {
        if let Some(read) = source.number(column) {
            written.sums.add_read(currency, read)?;
        }
    }
    let mut write = |row: &LineRow<'_>| -> Result<(), ExportFault> {
        written.sums.add_written(currency, row.amount)?;
        written.rows += 1;
        Ok(writer.row(&LineRow::COLUMNS, row)?)
    };
    let is_charged = row.amount != 0;
    if is_charged {
        write(&row)?;
    }
    if let Some(tax) = tax {
        write(&row.into_tax(tax))?;
    } else if !is_charged {
        written.left_out += 1;
    }
    Ok(())
}

/// Id of a line: its hash, with a number behind it if equal lines came before.
fn line_id(hash: [u8; ID_BYTES], number: u32) -> String {
    let id: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    match number {
        1 => id,
        number => format!("{id}-{number}"),
    }
}

/// Reason why a file is not completed.
enum ExportFault {
    /// The source cannot be exported.
    Run(RunError),
    /// The table that is read is not as it was written.
    Table(ParquetError),
    /// The target takes no more.
    Target(io::Error),
}

impl From<RunError> for ExportFault {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl From<EngineError> for ExportFault {
    fn from(error: EngineError) -> Self {
        Self::Run(error.into())
    }
}

impl From<ParquetError> for ExportFault {
    fn from(error: ParquetError) -> Self {
        Self::Table(error)
    }
}

impl From<io::Error> for ExportFault {
    fn from(error: io::Error) -> Self {
        Self::Target(error)
    }
}

fn damaged(place: &Path, found: &str) -> RunError {
    RunError::Damaged {
        place: place.display().to_string(),
        found: found.to_owned(),
        wanted: "the analyst folder as a run wrote it",
        hint: "remove the link `analyst` in the output folder, and run the pipeline again",
    }
}

/// Microseconds of a time as the ledger has it.
fn instant(text: &str) -> Option<i64> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp_micros())
}
