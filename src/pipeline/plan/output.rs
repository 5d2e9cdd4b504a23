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

/// Reads which files a pipeline wants; those that it does not name are written.
pub(crate) fn read(checker: &mut Checker<'_>, root: &[Entry]) -> ReportFiles {
    let entries = checker.optional_table(KEY, get(root, KEY));
    checker.known(KEY, entries, &["report", "workbook"]);
    let mut is_wanted = |name: &str| match get(entries, name) {
        None => true,
        Some(entry) => match entry.node.value {
            Value::Boolean(is_wanted) => is_wanted,
            _ => {
                let hint = Some(format!("write `{name} = false` to leave it out"));
                checker.wrong(&join(KEY, name), &entry.node, "`true` or `false`", hint);
                true
            }
        },
    };
    ReportFiles {
        page: is_wanted("report"),
        workbook: is_wanted("workbook"),
    }
}
