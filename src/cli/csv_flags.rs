//! Flags that say in which form a run writes its tables as CSV.

use super::failure::Failure;
use crate::reports::csv_form::{CsvForm, DECIMALS, SEPARATORS, Spreadsheet};

/// Flags of the CSV form, which outweigh the keys of a pipeline.
#[derive(Debug, clap::Args)]
pub(super) struct CsvFlags {
    /// Form of the tables as CSV [default: that of the pipeline, else `plain`]
    #[arg(long, value_name = "FORM", value_enum)]
    csv: Option<CsvChoice>,
    /// Separator of cells for `excel`: `;`, `,` or `tab` [default: `;`]
    #[arg(long, value_name = "SIGN", value_parser = separator)]
    csv_separator: Option<u8>,
    /// Decimal sign for `excel`: `,` or `.` [default: `,`, but `.` beside the separator `,`]
    #[arg(long, value_name = "SIGN", value_parser = decimal)]
    csv_decimal: Option<char>,
}

/// A form by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum CsvChoice {
    /// For programs: commas and points
    Plain,
    /// For a double click in Excel or LibreOffice
    Excel,
    /// No CSV, but Parquet only
    None,
}

fn separator(text: &str) -> Result<u8, &'static str> {
    named(text, &SEPARATORS).ok_or("wanted `;`, `,` or `tab`")
}

fn decimal(text: &str) -> Result<char, &'static str> {
    named(text, &DECIMALS).ok_or("wanted `,` or `.`")
}

fn named<T: Copy>(text: &str, known: &[(T, &str)]) -> Option<T> {
    let found = known.iter().find(|(_, name)| *name == text);
    found.map(|(sign, _)| *sign)
}

impl CsvFlags {
    /// The form of a plan with these flags laid over it.
    ///
    /// # Errors
    /// Signs for a form that has none, and two signs that are the same.
    pub(super) fn over(&self, planned: CsvForm) -> Result<CsvForm, Failure> {
        let planned_signs = match planned {
            CsvForm::Spreadsheet(signs) => Some(signs),
            CsvForm::Plain | CsvForm::LeftOut => None,
        };
        let is_for_spreadsheets = match self.csv {
            Some(choice) => choice == CsvChoice::Excel,
            None => planned_signs.is_some(),
        };
        if !is_for_spreadsheets {
            return match (self.csv_separator, self.csv_decimal) {
                (None, None) => Ok(match self.csv {
                    None => planned,
                    Some(CsvChoice::None) => CsvForm::LeftOut,
                    Some(CsvChoice::Plain | CsvChoice::Excel) => CsvForm::Plain,
                }),
                (Some(_), _) => Err(useless("--csv-separator")),
                (None, Some(_)) => Err(useless("--csv-decimal")),
            };
        }
        // The pipeline's signs are a pair: a flag for one of them leaves the other to its default.
        let signs = match (planned_signs, self.csv_separator, self.csv_decimal) {
            (Some(signs), None, None) => Some(signs),
            (_, separator, decimal) => Spreadsheet::with(separator, decimal),
        };
        signs.map(CsvForm::Spreadsheet).ok_or_else(|| {
            Failure::usage(
                "`--csv-decimal`: found the separator, wanted another sign".to_owned(),
                Some("a decimal comma goes with `--csv-separator ';'` or `tab`".to_owned()),
            )
        })
    }
}

fn useless(flag: &str) -> Failure {
    Failure::usage(
        format!("`{flag}` does nothing without `--csv excel`"),
        Some("leave it out, or add `--csv excel`".to_owned()),
    )
}
