//! Sheets of a workbook that are one table: a frozen heading, a filter, one currency below the other.

use rust_xlsxwriter::{Worksheet, XlsxError};

use super::sheet_cells::{CellFormats, SheetCell, write_cell};

/// Column of a sheet: its heading, and its width in characters.
pub(super) type SheetColumn = (&'static str, u8);

/// Table of a sheet.
pub(super) struct SheetTable<'t, T> {
    pub(super) columns: &'t [SheetColumn],
    pub(super) rows: Vec<&'t T>,
    /// Cells of a row, as many as there are columns.
    pub(super) cells: &'t dyn Fn(&T) -> Vec<SheetCell>,
    /// Currency of a row: where another begins, a line is drawn.
    pub(super) currency: &'t dyn Fn(&T) -> &str,
}

/// Writes a table from a row of the sheet on; the row behind it.
///
/// # Errors
/// That of the library, for a place that no sheet has.
pub(super) fn write_table<T>(
    sheet: &mut Worksheet,
    from: u32,
    table: &SheetTable<'_, T>,
    formats: &CellFormats,
) -> Result<u32, XlsxError> {
    let exact = exact_columns(table);
    let mut places = Vec::with_capacity(table.columns.len());
    let mut at = 0_u16;
    for ((title, width), is_exact) in table.columns.iter().zip(&exact) {
        places.push(at);
        sheet.write_string_with_format(from, at, *title, &formats.head)?;
        if from == 0 {
            sheet.set_column_width(at, *width)?;
        }
        at += 1;
        if *is_exact {
            let title = format!("{title}, exact");
            sheet.write_string_with_format(from, at, title, &formats.head)?;
            if from == 0 {
                sheet.set_column_width(at, 30_u8)?;
            }
            at += 1;
        }
    }
    let mut row = from;
    let mut before = None;
    for one in &table.rows {
        row += 1;
        let currency = (table.currency)(one);
        let is_first = before.is_some_and(|before| before != currency);
        before = Some(currency);
        for ((cell, place), is_exact) in (table.cells)(one).iter().zip(&places).zip(&exact) {
            write_cell(sheet, (row, *place), cell, formats, is_first)?;
            if *is_exact {
                let text = SheetCell::Text(cell.beyond().unwrap_or_default());
                write_cell(sheet, (row, *place + 1), &text, formats, is_first)?;
            }
        }
    }
    if from == 0 && !table.rows.is_empty() {
        sheet.autofilter(0, 0, row, at - 1)?;
    }
    Ok(row + 1)
}

/// True for each column that has an amount which needs its exact text beside it.
fn exact_columns<T>(table: &SheetTable<'_, T>) -> Vec<bool> {
    let mut exact = vec![false; table.columns.len()];
    for one in &table.rows {
        for (is_exact, cell) in exact.iter_mut().zip((table.cells)(one)) {
            *is_exact = *is_exact || cell.beyond().is_some();
        }
    }
    exact
}

/// Makes a sheet of one table: its heading stays while one scrolls, and is printed on every page.
///
/// # Errors
/// That of the library, for a name that no sheet can have.
pub(super) fn prepare(sheet: &mut Worksheet, name: &str) -> Result<(), XlsxError> {
    sheet.set_name(name)?;
    sheet.set_landscape();
    sheet.set_print_fit_to_pages(1, 0);
    sheet.set_freeze_panes(1, 0)?;
    sheet.set_repeat_rows(0, 0)?;
    Ok(())
}

/// Writes a sentence below a table.
///
/// # Errors
/// That of the library, for a place that no sheet has.
pub(super) fn write_note(
    sheet: &mut Worksheet,
    row: u32,
    words: &str,
    formats: &CellFormats,
) -> Result<(), XlsxError> {
    sheet.write_string_with_format(row, 0, words, &formats.note)?;
    Ok(())
}
