//! The reports of a run among its staged files: they follow from its tables and manifest alone.

use crate::pipeline::failure::RunError;
use crate::pipeline::plan::output::ReportFiles;
use crate::pipeline::presentation::page::write_page;
use crate::pipeline::presentation::report_figures::{MOST_ROWS, ReportFigures, ReportSource};
use crate::pipeline::presentation::workbook::write_workbook;
use crate::reports::atomic::{Staging, Written};
use crate::reports::manifest::Manifest;

/// File of the page in the folder of a run.
const PAGE: &str = "report.html";

/// File of the workbook in the folder of a run.
const WORKBOOK: &str = "report.xlsx";

/// Writes the reports that are wanted beside the staged tables.
///
/// # Errors
/// [`RunError::Publish`], and [`RunError`] for a table that cannot be read back.
pub(super) fn write(
    staging: &Staging<'_>,
    manifest: &Manifest,
    warnings: &[String],
    wanted: ReportFiles,
) -> Result<Vec<Written>, RunError> {
    if wanted == ReportFiles::NONE {
        return Ok(Vec::new());
    }
    let source = ReportSource {
        folder: staging.folder(),
        manifest,
        warnings,
    };
    let figures = ReportFigures::read(source, None, MOST_ROWS)?;
    let mut written = Vec::new();
    if wanted.page {
        written.push(staging.write(PAGE, |file| write_page(&figures, file))?);
    }
    if wanted.workbook {
        written.push(staging.write(WORKBOOK, |file| write_workbook(&figures, file))?);
    }
    Ok(written)
}
