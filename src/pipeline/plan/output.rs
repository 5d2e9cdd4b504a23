//! The `output` table: what a run leaves for people, beside its tables.

use super::checker::{Checker, join};
use super::document::{Entry, Value, get};

const KEY: &str = "output";

/// Files for people that a run writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportFiles {
    /// True for the page `report.html`.
    pub page: bool,
    /// True for the workbook `report.xlsx`.
    pub workbook: bool,
}

/// What a run leaves beside its tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Files in the folder of the run.
    pub reports: ReportFiles,
    /// True for the analyst folder, which is of all periods.
    pub analyst: bool,
}

impl Default for ReportFiles {
    fn default() -> Self {
        Self {
            page: true,
            workbook: true,
        }
    }
}

impl ReportFiles {
    /// Choice of neither page nor workbook.
    pub const NONE: Self = Self {
        page: false,
        workbook: false,
    };
}

/// Reads what a pipeline wants. Reports that it does not name are written; the analyst folder is not,
/// as it takes time and room for each row.
pub(crate) fn read(checker: &mut Checker<'_>, root: &[Entry]) -> Output {
    let entries = checker.optional_table(KEY, get(root, KEY));
    checker.known(KEY, entries, &["report", "workbook", "analyst"]);
    let mut is_wanted = |name: &str, usual: bool| match get(entries, name) {
        None => usual,
        Some(entry) => match entry.node.value {
            Value::Boolean(is_wanted) => is_wanted,
            _ => {
                let hint = Some(format!("write `{name} = {}` without quotes", !usual));
                checker.wrong(&join(KEY, name), &entry.node, "`true` or `false`", hint);
                usual
            }
        },
    };
    Output {
        reports: ReportFiles {
            page: is_wanted("report", true),
            workbook: is_wanted("workbook", true),
        },
        analyst: is_wanted("analyst", false),
    }
}
