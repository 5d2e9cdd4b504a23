//! The workbook: what accountants work with, a sheet for each question. Same figures, same bytes.

use std::cell::RefCell;
use std::io::{self, Write};

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, Worksheet, XlsxError};

use super::largest::CurrencyRows;
use super::ledger_part::LedgerPart;
use super::ledger_rows::{self, WITHOUT_LEDGER};
use super::report_figures::{MOST_ROWS, ReportFigures};
use super::sheet_cells::{CellFormats, SheetCell, cut, write_cell};
use super::sheet_rows;
use super::sheets::{SheetColumn, SheetTable, prepare, write_note, write_table};

/// Writer of the sheets of one workbook.
struct Book<'f> {
    figures: &'f ReportFigures,
    formats: CellFormats,
    most: usize,
    /// Sentences about the sheets that do not hold all of their rows.
    cut_short: RefCell<Vec<String>>,
}

/// Rows of a sheet.
struct SheetRows<'r, T> {
    name: &'static str,
    columns: &'r [SheetColumn],
    rows: Vec<&'r T>,
    /// Number of all rows, those that are not held among them.
    count: u64,
    cells: &'r dyn Fn(&T) -> Vec<SheetCell>,
    currency: &'r dyn Fn(&T) -> &str,
    /// Table that has the rows behind the last one.
    rest: &'static str,
}

/// Writes the workbook of a run.
///
/// # Errors
/// That of the writer, or of a workbook that no file can hold.
pub fn write_workbook(figures: &ReportFigures, out: &mut dyn Write) -> io::Result<()> {
    let bytes = bytes_of(figures, MOST_ROWS).map_err(io::Error::other)?;
    out.write_all(&bytes)
}

/// Bytes of a workbook with at most `most` rows in a sheet.
fn bytes_of(figures: &ReportFigures, most: usize) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    // A day of its own choice: with that of the clock, no two workbooks would be the same.
    let created = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(
        &DocProperties::new()
            .set_title(format!("Tie-out {}", figures.period_words()))
            .set_author("tieout")
            .set_creation_datetime(&created),
    );
    let book = Book {
        figures,
        formats: CellFormats::new(),
        most,
        cut_short: RefCell::default(),
    };
    let behind = book.summary(workbook.add_worksheet())?;
    book.breaks(&mut workbook)?;
    book.customers(&mut workbook)?;
    book.of_ledger(&mut workbook)?;
    book.out_of_scope(&mut workbook)?;
    book.controls(&mut workbook)?;
    book.run(workbook.add_worksheet())?;
    // Where people begin to read: the end of such a sheet is a long way down.
    let summary = workbook.worksheet_from_index(0)?;
    for (row, words) in (behind + 1..).zip(book.cut_short.take()) {
        write_note(summary, row, &words, &book.formats)?;
    }
    workbook.save_to_buffer()
}

impl Book<'_> {
    /// Invoices, and below them the totals of the tie-outs; the first row behind them.
    fn summary(&self, sheet: &mut Worksheet) -> Result<u32, XlsxError> {
        prepare(sheet, "Summary")?;
        let verdicts = SheetTable {
            columns: &sheet_rows::VERDICTS,
            rows: self.figures.verdicts.iter().take(self.most).collect(),
            cells: &sheet_rows::verdict,
            currency: &|of| &of.currency,
        };
        let behind = write_table(sheet, 0, &verdicts, &self.formats)?;
        let totals = SheetTable {
            columns: &sheet_rows::TOTALS,
            rows: self.figures.totals.iter().take(self.most).collect(),
            cells: &sheet_rows::total,
            currency: &|_| "",
        };
        write_table(sheet, behind + 1, &totals, &self.formats)
    }

    fn breaks(&self, workbook: &mut Workbook) -> Result<(), XlsxError> {
        let figures = self.figures;
        let ledger = figures.ledger.as_ref();
        let cells = |line: &_| sheet_rows::break_line(line, ledger);
        let lists = |name, lists: [&[CurrencyRows<_>]; 2], sheet: &mut Worksheet| {
            let lists = || lists.into_iter().flatten();
            let rows = SheetRows {
                name,
                columns: &sheet_rows::BREAKS,
                rows: largest(lists(), self.most),
                count: lists().map(|list| list.count).sum(),
                cells: &cells,
                currency: &|line| &line.currency,
                rest: "variances.parquet",
            };
            self.table(sheet, rows)
        };
        lists("Dispute", [&figures.claims, &[]], workbook.add_worksheet())?;
        let all = [&*figures.breaks, &*figures.header_breaks];
        lists("Breaks", all, workbook.add_worksheet())
    }

    fn customers(&self, workbook: &mut Workbook) -> Result<(), XlsxError> {
        let rows = &self.figures.customers;
        let table = SheetRows {
            name: "Customers",
            columns: &sheet_rows::CUSTOMERS,
            rows: rows.iter().collect(),
            count: rows.len() as u64,
            cells: &sheet_rows::customer,
            currency: &|one| &one.currency,
            rest: "summary.parquet",
        };
        self.table(workbook.add_worksheet(), table)
    }

    fn of_ledger(&self, workbook: &mut Workbook) -> Result<(), XlsxError> {
        let Some(ledger) = &self.figures.ledger else {
            for name in ["Accruals", "Roll-forward", "Restatements"] {
                let sheet = workbook.add_worksheet().set_name(name)?;
                write_note(sheet, 0, WITHOUT_LEDGER, &self.formats)?;
            }
            return Ok(());
        };
        let accruals = SheetRows {
            name: "Accruals",
            columns: &ledger_rows::ACCRUALS,
            rows: by_currency(&ledger.accruals, |row| &row.currency),
            count: ledger.accruals.len() as u64,
            cells: &ledger_rows::accrued,
            currency: &|row| &row.currency,
            rest: "ledger/accruals.parquet",
        };
        self.table(workbook.add_worksheet(), accruals)?;
        let rolled = SheetRows {
            name: "Roll-forward",
            columns: &ledger_rows::ROLL_FORWARD,
            rows: by_currency(&ledger.roll_forward, |row| &row.currency),
            count: ledger.roll_forward.len() as u64,
            cells: &ledger_rows::rolled,
            currency: &|row| &row.currency,
            rest: "ledger/roll_forward.parquet",
        };
        self.table(workbook.add_worksheet(), rolled)?;
        let restated = SheetRows {
            name: "Restatements",
            columns: &ledger_rows::RESTATEMENTS,
            rows: by_currency(&ledger.restatements, |line| &line.row.currency),
            count: ledger.restatements.len() as u64,
            cells: &ledger_rows::restated,
            currency: &|line| &line.row.currency,
            rest: "ledger/restatements.parquet",
        };
        self.table(workbook.add_worksheet(), restated)
    }

    fn out_of_scope(&self, workbook: &mut Workbook) -> Result<(), XlsxError> {
        let lists = &self.figures.out_of_scope;
        let table = SheetRows {
            name: "Out of scope",
            columns: &sheet_rows::OUT_OF_SCOPE,
            rows: largest(lists.iter(), self.most),
            count: lists.iter().map(|list| list.count).sum(),
            cells: &sheet_rows::out_of_scope,
            currency: &|line| &line.currency,
            rest: "variances.parquet",
        };
        self.table(workbook.add_worksheet(), table)
    }

    fn controls(&self, workbook: &mut Workbook) -> Result<(), XlsxError> {
        let rows = &self.figures.control_totals;
        let table = SheetRows {
            name: "Controls",
            columns: &sheet_rows::CONTROLS,
            rows: rows.iter().collect(),
            count: rows.len() as u64,
            cells: &sheet_rows::control,
            currency: &|_| "",
            rest: "manifest.json",
        };
        self.table(workbook.add_worksheet(), table)
    }

    /// Inputs of the run, and below them what it was.
    fn run(&self, sheet: &mut Worksheet) -> Result<(), XlsxError> {
        let figures = self.figures;
        let table = SheetRows {
            name: "Run",
            columns: &sheet_rows::INPUTS,
            rows: figures.inputs.iter().collect(),
            count: figures.inputs.len() as u64,
            cells: &sheet_rows::input,
            currency: &|_| "",
            rest: "manifest.json",
        };
        self.table(sheet, table)?;
        let shown = figures.inputs.len().min(self.most);
        let behind = u32::try_from(shown).expect("a sheet has fewer rows") + 3;
        let mut facts = vec![
            ("Run", figures.run_id.clone()),
            ("Billing period", figures.period_words()),
            ("Release", format!("tieout {}", figures.release)),
            ("Settings", figures.configuration_hash.clone()),
            ("Rejected rows", figures.rejected_rows.to_string()),
        ];
        facts.extend(figures.ledger.iter().flat_map(ledger_facts));
        let warnings = figures.warnings.iter().take(self.most);
        facts.extend(warnings.map(|warning| ("Warning", warning.clone())));
        for (row, (name, value)) in (behind..).zip(facts) {
            for (column, text) in [(0, name), (1, &value)] {
                let cell = SheetCell::Text(cut(text));
                write_cell(sheet, (row, column), &cell, &self.formats, false)?;
            }
        }
        Ok(())
    }

    /// Writes a sheet of one table, and where the rest is of one that is longer.
    fn table<T>(&self, sheet: &mut Worksheet, rows: SheetRows<'_, T>) -> Result<(), XlsxError> {
        prepare(sheet, rows.name)?;
        let table = SheetTable {
            columns: rows.columns,
            rows: rows.rows.into_iter().take(self.most).collect(),
            cells: rows.cells,
            currency: rows.currency,
        };
        let behind = write_table(sheet, 0, &table, &self.formats)?;
        let more = rows.count - table.rows.len() as u64;
        let words = match (table.rows.len(), more) {
            (0, 0) => "None.".to_owned(),
            (_, 0) => return Ok(()),
            (held, _) => {
                let (name, count, rest) = (rows.name, rows.count, rows.rest);
                let words = format!("{name} has {held} of {count} rows; all are in {rest}");
                self.cut_short.borrow_mut().push(words);
                format!("{more} more in {rest}")
            }
        };
        write_note(sheet, behind, &words, &self.formats)
    }
}

/// What the ledger has of the run itself.
fn ledger_facts(ledger: &LedgerPart) -> Vec<(&'static str, String)> {
    let run = &ledger.run;
    let mut facts = vec![
        ("Pipeline", run.pipeline.clone()),
        ("Number", run.run_no.to_string()),
        ("As of", run.as_of.clone()),
        ("Stage", run.finality.clone()),
        ("Manifest", run.manifest_hash.clone()),
    ];
    if let Some([by, at]) = &ledger.closing {
        facts.push(("Closed by", format!("{by}, {at}")));
    }
    for close in &ledger.closes {
        let words = format!("{} by {}, {}", close.event, close.by, close.at);
        facts.push(("Sign-off", words));
    }
    facts
}

/// The rows of all currencies, each with its largest; of more than `most` each currency has a share.
fn largest<'r, T>(
    lists: impl Iterator<Item = &'r CurrencyRows<T>> + Clone,
    most: usize,
) -> Vec<&'r T> {
    let mut lists: Vec<&CurrencyRows<T>> = lists.collect();
    lists.sort_by(|one, other| one.currency.cmp(&other.currency));
    let all: usize = lists.iter().map(|list| list.rows.len()).sum();
    let share = match all > most {
        true => (most / lists.len().max(1)).max(1),
        false => most,
    };
    let rows = lists.into_iter();
    rows.flat_map(|list| list.rows.iter().take(share)).collect()
}

/// Rows with one currency below the other.
fn by_currency<T>(rows: &[T], of: impl Fn(&T) -> &str) -> Vec<&T> {
    let mut rows: Vec<&T> = rows.iter().collect();
    rows.sort_by(|one, other| of(one).cmp(of(other)));
    rows
}

#[cfg(test)]
mod tests {
    use calamine::{Data, Reader as _, Xlsx};

    use super::*;
    use crate::pipeline::presentation::break_lines::BreakLine;
    use crate::pipeline::presentation::money::Money;

    fn line(currency: &str, number: i128) -> BreakLine {
        BreakLine {
            break_id: format!("B{number}"),
            customer_name: "=1+1".to_owned(),
            currency: currency.to_owned(),
            difference: Money(number * 10_000_000_000 + 1),
            ..BreakLine::default()
        }
    }

    fn list(currency: &str, rows: i128) -> CurrencyRows<BreakLine> {
        CurrencyRows {
            currency: currency.to_owned(),
            rows: (0..rows)
                .map(|number| line(currency, 900_000 - number))
                .collect(),
            count: 70,
            net: Money(0),
            gross: Money(0),
        }
    }

    /// Over the limit, each currency has its largest, and the sheet says where the rest is.
    #[test]
    fn a_sheet_ends_at_its_limit_and_names_the_rest() {
        let figures = ReportFigures {
            breaks: vec![list("EUR", 9), list("USD", 9)],
            ..ReportFigures::default()
        };
        let bytes = bytes_of(&figures, 10).expect("a workbook");
        assert_eq!(bytes, bytes_of(&figures, 10).expect("a workbook"));
        let mut book = Xlsx::new(io::Cursor::new(bytes)).expect("a workbook");
        let sheet = book.worksheet_range("Breaks").expect("the sheet");
        let ids: Vec<String> = sheet.rows().map(|row| row[0].to_string()).collect();
        assert_eq!(ids.len(), 12, "{ids:?}");
        assert_eq!(
            ids[1..6],
            ["B900000", "B899999", "B899998", "B899997", "B899996"]
        );
        assert_eq!(ids[6], "B900000");
        assert_eq!(ids[11], "130 more in variances.parquet");
        let summary = book.worksheet_range("Summary").expect("the sheet");
        let last = summary.rows().next_back().expect("a row")[0].to_string();
        let wanted = "Breaks has 10 of 140 rows; all are in variances.parquet";
        assert_eq!(last, wanted);
        let row: Vec<&Data> = sheet.rows().nth(1).expect("a row").iter().collect();
        assert!(row.contains(&&Data::String("=1+1".to_owned())), "{row:?}");
        // Sixteen digits: the number is near, and its text beside it exact.
        let at = sheet.rows().next().expect("a heading").iter();
        let at = at
            .clone()
            .position(|head| *head == Data::String("Difference, exact".to_owned()));
        let exact = &row[at.expect("the column")];
        assert_eq!(**exact, Data::String("900000.0000000001".to_owned()));
    }
}
