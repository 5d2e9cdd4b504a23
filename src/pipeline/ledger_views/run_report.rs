//! Reports of a run with what the ledger knows of it, written where a person wants them.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::place::{self, StreamChoice, nothing};
use super::run_log;
use crate::ledger::runs::{self, RunRow};
use crate::pipeline::explain::run_folder::RunFolder;
use crate::pipeline::failure::RunError;
use crate::pipeline::month_end::report_part;
use crate::pipeline::presentation::page::write_page;
use crate::pipeline::presentation::report_figures::{MOST_ROWS, ReportFigures, ReportSource};
use crate::pipeline::presentation::workbook::write_workbook;
use crate::reports::output_entries::REPORTS;
use crate::reports::single_files::place_file;

/// Tables that a report is made of.
const TABLES: [&str; 3] = ["variances", "findings", "rejected_rows"];

/// Run that a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportedRun {
    /// The newest complete run of any period.
    Newest,
    /// The newest complete run of a period.
    OfPeriod(String),
    /// A published run, by number or id, or `last` for the newest, complete or not.
    Named(String),
}

/// Report that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRequest {
    /// Output folder of the runs.
    pub out: PathBuf,
    /// Name of the pipeline; `None` for any.
    pub pipeline: Option<String>,
    /// Run that the report is about.
    pub run: ReportedRun,
    /// File of the page, and of the workbook; without either both are written to `OUT/reports`.
    pub page: Option<PathBuf>,
    /// File of the workbook.
    pub workbook: Option<PathBuf>,
}

/// Reports that were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WrittenReports {
    /// Number of the run.
    pub run_no: i64,
    /// Id of the run.
    pub run_id: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Billing period; empty for a run that came to none.
    pub period: String,
    /// Paths of the files.
    pub files: Vec<PathBuf>,
}

/// Writes the reports of a run.
///
/// # Errors
/// [`RunError::NotThere`] where there is no such run or no ledger, [`RunError::Damaged`] where its tables
/// are not as they were published, [`RunError::Publish`] for a file that cannot be written.
pub fn write_reports(request: &ReportRequest) -> Result<WrittenReports, RunError> {
    let ledger = place::open(&request.out)?;
    let log = ledger.read(runs::all)?;
    let run = picked(&log, request)?;
    run_log::ensure_there(&request.out, run)?;
    let folder = RunFolder::with_tables(&request.out, Some(&run.run_id), &TABLES)?;
    let source = ReportSource {
        folder: folder.path(),
        manifest: folder.manifest(),
        warnings: &folder.manifest().warnings,
    };
    let part = report_part::of_run(&ledger, run)?;
    let figures = ReportFigures::read(source, Some(part), MOST_ROWS)?;
    let mut files = Vec::new();
    let [page, workbook] = places(request, run);
    if let Some(path) = page {
        write(&path, |file| write_page(&figures, file))?;
        files.push(path);
    }
    if let Some(path) = workbook {
        write(&path, |file| write_workbook(&figures, file))?;
        files.push(path);
    }
    Ok(WrittenReports {
        run_no: run.run_no,
        run_id: run.run_id.clone(),
        pipeline: run.pipeline.clone(),
        period: run.period.clone(),
        files,
    })
}

/// Writes a file that readers see whole or not at all.
fn write(
    path: &Path,
    fill: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> Result<(), RunError> {
    place_file(path, |file| {
        let mut buffered = io::BufWriter::new(file);
        fill(&mut buffered)?;
        buffered.flush()
    })?;
    Ok(())
}

fn picked<'l>(log: &'l [RunRow], request: &ReportRequest) -> Result<&'l RunRow, RunError> {
    let mut choice = StreamChoice {
        pipeline: request.pipeline.clone(),
        period: None,
    };
    match &request.run {
        ReportedRun::Named(name) => return run_log::named(log, &choice, name),
        ReportedRun::OfPeriod(period) => choice.period = Some(period.clone()),
        ReportedRun::Newest => {}
    }
    let mut newest = log.iter().rev();
    let found = newest.find(|run| run.is_current && choice.has(&run.stream()));
    found.ok_or_else(|| nothing("The report", &choice, "a complete run"))
}

/// Files that are wanted: those that were named, otherwise both, by the name of the period or run.
fn places(request: &ReportRequest, run: &RunRow) -> [Option<PathBuf>; 2] {
    if request.page.is_some() || request.workbook.is_some() {
        return [request.page.clone(), request.workbook.clone()];
    }
    let name = match &request.run {
        ReportedRun::Named(_) => run.run_id.as_str(),
        _ if run.period.is_empty() => &run.run_id,
        _ => &run.period,
    };
    let folder = request.out.join(REPORTS);
    ["html", "xlsx"].map(|ending| Some(folder.join(format!("{name}.{ending}"))))
}
