//! Cells of a workbook: numbers as numbers, ids as text, days as days, and the exact text beside an
//! amount that the numbers of a spreadsheet cannot hold.

use rust_xlsxwriter::{ExcelDateTime, Format, FormatBorder, Worksheet, XlsxError};

use super::money::Money;
use crate::model::period::{Day, date_of};
use crate::model::printable::printable;

/// Digits that a number of a spreadsheet holds.
const SHEET_DIGITS: usize = 15;

/// Characters of a text cell: names beyond it are cut. Excel holds 32,767.
const LONGEST_TEXT: usize = 2_000;

/// Cell of a sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SheetCell {
    /// A text, never a formula, whatever it begins with.
    Text(String),
    /// An amount: two decimals are shown.
    Amount(Money),
    /// A quantity: up to six decimals are shown.
    Quantity(Money),
    /// A whole number, not negative.
    Count(u64),
    /// A day; no cell where there is none.
    Day(Option<Day>),
}

impl SheetCell {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// A day of the ledger, as `2026-10-31`; empty for none.
    pub(super) fn day(text: &str) -> Self {
        Self::Day(
            crate::model::period::parse_day(text.as_bytes())
                .ok()
                .flatten(),
        )
    }

    /// Exact text of a number that a cell cannot hold; `None` for one that it can.
    pub(super) fn beyond(&self) -> Option<String> {
        let (Self::Amount(amount) | Self::Quantity(amount)) = self else {
            return None;
        };
        let text = amount.digits();
        let digits = text.bytes().filter(u8::is_ascii_digit);
        let leading = digits.clone().take_while(|digit| *digit == b'0').count();
        (digits.count() - leading > SHEET_DIGITS).then_some(text)
    }
}

/// Formats of the cells; those of the first row of a currency have a line above.
#[derive(Debug)]
pub(super) struct CellFormats {
    pub(super) head: Format,
    pub(super) note: Format,
    kinds: [[Format; 5]; 2],
}

impl CellFormats {
    pub(super) fn new() -> Self {
        let kinds = ["@", "#,##0.00", "#,##0.00####", "#,##0", "yyyy-mm-dd"];
        let plain = kinds.map(|kind| Format::new().set_num_format(kind));
        let first = plain
            .clone()
            .map(|format| format.set_border_top(FormatBorder::Medium));
        Self {
            head: Format::new()
                .set_bold()
                .set_text_wrap()
                .set_border_bottom(FormatBorder::Thin),
            note: Format::new().set_italic(),
            kinds: [plain, first],
        }
    }
}

/// Writes a cell. `is_first` for the first row of a currency.
///
/// # Errors
/// That of the library, for a place that no sheet has.
pub(super) fn write_cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    cell: &SheetCell,
    formats: &CellFormats,
    is_first: bool,
) -> Result<(), XlsxError> {
    let [text, amount, quantity, count, day] = &formats.kinds[usize::from(is_first)];
    match cell {
        SheetCell::Text(words) if words.is_empty() => {
            sheet.write_blank(row, column, text)?;
        }
        SheetCell::Text(words) => {
            sheet.write_string_with_format(row, column, cut(words), text)?;
        }
        SheetCell::Amount(number) => {
            sheet.write_number_with_format(row, column, nearest(*number), amount)?;
        }
        SheetCell::Quantity(number) => {
            sheet.write_number_with_format(row, column, nearest(*number), quantity)?;
        }
        SheetCell::Count(number) => {
            let number = Money(i128::from(*number) * i128::from(10_u64.pow(10)));
            sheet.write_number_with_format(row, column, nearest(number), count)?;
        }
        SheetCell::Day(known) => match known.and_then(date_of).and_then(excel_day) {
            Some(date) => {
                sheet.write_datetime_with_format(row, column, &date, day)?;
            }
            None => {
                sheet.write_blank(row, column, day)?;
            }
        },
    }
    Ok(())
}

/// The number of a spreadsheet that is nearest to an amount. A workbook knows no other numbers; nothing
/// is computed with it.
fn nearest(amount: Money) -> f64 {
    let parsed = amount.digits().parse();
    parsed.expect("digits with a point are a number")
}

/// A day as a spreadsheet has it; `None` for one before 1900.
fn excel_day(date: chrono::NaiveDate) -> Option<ExcelDateTime> {
    use chrono::Datelike as _;
    let year = u16::try_from(date.year()).ok()?;
    let month = u8::try_from(date.month()).ok()?;
    ExcelDateTime::from_ymd(year, month, u8::try_from(date.day()).ok()?).ok()
}

/// A text without what no workbook may hold, cut to what a cell holds.
pub(super) fn cut(text: &str) -> String {
    let mut characters = text.chars().map(printable);
    let kept: String = characters.by_ref().take(LONGEST_TEXT).collect();
    match characters.next() {
        None => kept,
        Some(_) => kept + "…",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_beyond_fifteen_digits_has_its_text_beside_it() {
        let beyond = |units| SheetCell::Amount(Money(units)).beyond();
        assert_eq!(beyond(1_234_567_890_123_450), None);
        assert_eq!(
            beyond(12_345_678_901_234_567).as_deref(),
            Some("1234567.8901234567")
        );
        assert_eq!(beyond(-1), None);
        assert_eq!(beyond(999_999_999_999_999 * 10_000_000_000), None);
    }
}
