//! Tables as CSV for people and spreadsheets: every decimal with its ten places, text guarded
//! against being taken for a formula. Programs should read the Parquet file of the same table
//! instead.
//!
//! The form for spreadsheets is made to be opened by a double click in Excel and LibreOffice: a byte
//! order mark, the separator and the decimal sign of the reader's country, and texts that stay texts.

use std::borrow::Cow;
use std::io::Write;

use rayon::prelude::*;

use super::csv_form::{CsvForm, Spreadsheet, keep_text};
use super::table::{Cells, TablePart};
use crate::model::decimal::{self, AMOUNT_SCALE, PUBLISHED_SCALE, write_fixed};
use crate::model::ids::fold;
use crate::model::period::date_of;
use crate::model::tables::Table;

/// Bytes by which Excel knows UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Rows that one core writes at a time: 8,192.
const CHUNK_ROWS: usize = 8 * 1024;

/// Characters with which a spreadsheet takes a text for a formula.
const FORMULA_SIGNS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// Writes the header: the names of a table's columns.
///
/// # Errors
/// The error of `into`.
pub fn write_header(table: &Table, form: CsvForm, into: &mut dyn Write) -> std::io::Result<()> {
    if let CsvForm::Spreadsheet(_) = form {
        into.write_all(BYTE_ORDER_MARK)?;
    }
    let mut header = builder(form).from_writer(into);
    header.write_record(table.columns.iter().map(|column| column.name))?;
    header.flush()
}

/// Writes rows. Chunks of them become text on all cores, and are written in their order.
///
/// # Errors
/// The error of `into`.
pub fn write_rows(
    filled: &TablePart<'_>,
    form: CsvForm,
    into: &mut dyn Write,
) -> std::io::Result<()> {
    // Two chunks for each core: none is idle while another finishes, and memory stays bounded.
    let at_once = CHUNK_ROWS * rayon::current_num_threads() * 2;
    for start in (0..filled.rows).step_by(at_once) {
        let rows = (start..(start + at_once).min(filled.rows))
            .into_par_iter()
            .step_by(CHUNK_ROWS);
        let chunks =
            rows.map(|start| chunk(filled, form, [start, (start + CHUNK_ROWS).min(filled.rows)]));
        for chunk in chunks.collect::<std::io::Result<Vec<Vec<u8>>>>()? {
            into.write_all(&chunk)?;
        }
    }
    Ok(())
}

fn builder(form: CsvForm) -> csv::WriterBuilder {
    let mut builder = csv::WriterBuilder::new();
    if let CsvForm::Spreadsheet(Spreadsheet { separator, .. }) = form {
        builder
            .delimiter(separator)
            .terminator(csv::Terminator::CRLF);
    }
    builder
}

fn chunk(
    filled: &TablePart<'_>,
    form: CsvForm,
    [start, end]: [usize; 2],
) -> std::io::Result<Vec<u8>> {
    let mut writer = builder(form)
        .buffer_capacity(1 << 18)
        .from_writer(Vec::new());
    // One buffer for all cells, as an allocation for each would take longer than its text.
    let mut cell = String::new();
    for row in start..end {
        for column in &filled.columns {
            cell.clear();
            write_cell(column, row, form, &mut cell);
            writer.write_field(&cell)?;
        }
        // Ends the record of the fields before.
        writer.write_record(None::<&[u8]>)?;
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

fn write_cell(column: &Cells<'_>, row: usize, form: CsvForm, out: &mut String) {
    match column {
        Cells::Codes(codes, texts) => write_text(&texts[codes[row] as usize], form, out),
        Cells::Folded(codes, texts, kind) => {
            write_text(&fold(*kind, &texts[codes[row] as usize]), form, out);
        }
        Cells::Texts(texts) => write_text(&texts[row], form, out),
        // Numbers are not guarded: a minus sign is no formula, and an apostrophe would turn them
        // into text.
        Cells::Integers(numbers) => write_fixed(out, i128::from(numbers[row]), 0),
        Cells::Decimals(numbers) => {
            write_fixed(out, numbers[row], PUBLISHED_SCALE);
            if let CsvForm::Spreadsheet(Spreadsheet { decimal: ',', .. }) = form {
                // The cell has nothing but this number.
                *out = out.replace('.', ",");
            }
        }
        Cells::Days(days) => {
            if let Some(date) = days[row].and_then(date_of) {
                out.push_str(&date.to_string());
            }
        }
        Cells::Booleans(values) => out.push_str(if values[row] { "true" } else { "false" }),
    }
}

fn write_text(text: &str, form: CsvForm, out: &mut String) {
    guard(text, out);
    if let CsvForm::Spreadsheet(_) = form {
        keep_text(out);
    }
}

/// Writes a text, behind an apostrophe if it begins as a formula does. Names of customers and
/// products are not ours: one such as `=HYPERLINK(…)` must not run when the file is opened in a
/// spreadsheet. An amount in a column of texts, as events have it, is no formula.
fn guard(text: &str, out: &mut String) {
    if text.starts_with(FORMULA_SIGNS) && !is_amount(text) {
        out.push('\'');
    }
    out.push_str(text);
}

/// A cell of a source as it is written for a spreadsheet: behind an apostrophe if it begins as a
/// formula does and is no number.
#[must_use]
pub fn guarded(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(FORMULA_SIGNS);
    match is_formula && decimal::parse(text.as_bytes(), AMOUNT_SCALE).is_err() {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// True for a negative amount as it is published: `-12.5000000000`.
fn is_amount(text: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.strip_prefix('-').and_then(|size| size.split_once('.'));
    parts.is_some_and(|(whole, fraction)| {
        is_digits(whole) && is_digits(fraction) && fraction.len() == PUBLISHED_SCALE as usize
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tables::REJECTED_ROWS;

    #[test]
    fn formulas_become_text_and_numbers_stay_numbers() {
        let text = |text: &str| Cells::Texts(vec![text.to_owned()]);
        let columns = vec![
            text("usage"),
            text("=cmd()"),
            Cells::Integers(vec![-3]),
            text("-1"),
            text("@x"),
            text("a,\"b\""),
            text(""),
        ];
        let mut out = Vec::new();
        write_header(&REJECTED_ROWS, CsvForm::Plain, &mut out).unwrap();
        let part = TablePart::new(&REJECTED_ROWS, columns);
        write_rows(&part, CsvForm::Plain, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text.lines().nth(1),
            Some("usage,'=cmd(),-3,'-1,'@x,\"a,\"\"b\"\"\",")
        );
        for (text, wanted) in [
            ("-30.2500000000", "-30.2500000000"),
            ("-30.25+cmd()", "'-30.25+cmd()"),
            ("-.0000000000", "'-.0000000000"),
            ("+1.0000000000", "'+1.0000000000"),
        ] {
            let mut cell = String::new();
            guard(text, &mut cell);
            assert_eq!(cell, wanted);
        }
    }
}
