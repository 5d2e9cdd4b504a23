//! The keys `csv`, `csv_separator` and `csv_decimal`: in which form a run writes its tables as CSV.

use super::checker::Checker;
use super::document::{Entry, get};
use crate::reports::csv_form::{CsvForm, DECIMALS, SEPARATORS, Spreadsheet};

const SEPARATOR: &str = "csv_separator";
const DECIMAL: &str = "csv_decimal";

/// Reads the form; the plain one where the pipeline names none.
pub(crate) fn read(checker: &mut Checker<'_>, root: &[Entry]) -> CsvForm {
    let separator = sign(checker, root, SEPARATOR, &SEPARATORS);
    let decimal = sign(checker, root, DECIMAL, &DECIMALS);
    let wanted = "one of `plain`, `excel`, `none`";
    let form = get(root, "csv").map(|entry| (entry, checker.text("csv", entry, wanted)));
    match form {
        Some((_, Some("excel"))) => match Spreadsheet::with(separator, decimal) {
            Some(signs) => CsvForm::Spreadsheet(signs),
            None => {
                if let Some(entry) = get(root, DECIMAL) {
                    let wanted = "another sign than the separator";
                    checker.wrong(DECIMAL, &entry.node, wanted, None);
                }
                CsvForm::Plain
            }
        },
        Some((_, None)) => CsvForm::Plain,
        form => {
            for key in [SEPARATOR, DECIMAL] {
                if let Some(entry) = get(root, key) {
                    let wanted = "no such key without `csv = \"excel\"`";
                    checker.wrong(key, &entry.node, wanted, None);
                }
            }
            match form {
                Some((_, Some("none"))) => CsvForm::LeftOut,
                None | Some((_, Some("plain"))) => CsvForm::Plain,
                Some((entry, _)) => {
                    checker.wrong("csv", &entry.node, wanted, None);
                    CsvForm::Plain
                }
            }
        }
    }
}

/// A sign by its name; `None` where it is not given, or is none, which is a mistake.
fn sign<T: Copy>(
    checker: &mut Checker<'_>,
    root: &[Entry],
    key: &str,
    known: &[(T, &str)],
) -> Option<T> {
    let entry = get(root, key)?;
    let names: Vec<String> = known.iter().map(|(_, name)| format!("`{name}`")).collect();
    let wanted = format!("one of {}", names.join(", "));
    let text = checker.text(key, entry, &wanted)?;
    let found = known.iter().find(|(_, name)| *name == text);
    if found.is_none() {
        checker.wrong(key, &entry.node, &wanted, None);
    }
    found.map(|(sign, _)| *sign)
}
