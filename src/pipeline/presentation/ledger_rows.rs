//! Columns and cells of the sheets that need the ledger.

use super::ledger_part::{RestatedLine, unit_words};
use super::sheet_cells::SheetCell as Cell;
use super::sheet_rows::ledger_amount;
use super::sheets::SheetColumn;
use crate::ledger::accruals::Accrual;
use crate::ledger::roll_forward::RollForwardRow;

/// Sentence in the place of a sheet that needs the ledger.
pub(super) const WITHOUT_LEDGER: &str = "This workbook follows from its run alone: `tieout report` writes it with what the ledger knows.";

pub(super) const ROLL_FORWARD: [SheetColumn; 10] = [
    ("Tie-out", 22),
    ("Unit", 18),
    ("Cause", 22),
    ("Days since first seen", 12),
    ("Opening", 16),
    ("New", 16),
    ("Moved", 16),
    ("Resolved", 16),
    ("Accepted", 16),
    ("Closing", 16),
];

pub(super) fn rolled(row: &RollForwardRow) -> Vec<Cell> {
    let unit = unit_words(&row.tie_out, &row.currency);
    let texts = [&row.tie_out, &unit, &row.cause, &row.age_bucket];
    let figures = [
        row.opening,
        row.new,
        row.moved,
        row.resolved,
        row.accepted,
        row.closing,
    ];
    let texts = texts.map(|text| Cell::text(text)).into_iter();
    texts.chain(figures.map(ledger_amount)).collect()
}

pub(super) const RESTATEMENTS: [SheetColumn; 11] = [
    ("Noticed", 12),
    ("Period", 12),
    ("Data", 16),
    ("Invoice", 16),
    ("Currency", 9),
    ("Rows before", 12),
    ("Rows after", 12),
    ("Amount before", 16),
    ("Amount after", 16),
    ("Delta", 16),
    ("Posted in", 12),
];

pub(super) fn restated(line: &RestatedLine) -> Vec<Cell> {
    let row = &line.row;
    let [before, after, delta] = line.amounts.map(Cell::Amount);
    let count = |count: i64| Cell::Count(u64::try_from(count).unwrap_or(0));
    vec![
        Cell::day(&row.noticed_at),
        Cell::text(&row.stream.period),
        Cell::text(&row.dataset),
        Cell::text(&row.invoice_number),
        Cell::text(&row.currency),
        count(row.rows_before),
        count(row.rows_after),
        before,
        after,
        delta,
        Cell::text(&row.posted_in),
    ]
}

pub(super) const ACCRUALS: [SheetColumn; 6] = [
    ("Customer id", 38),
    ("Customer", 28),
    ("Currency", 9),
    ("Usage without a line", 18),
    ("Usage not billed yet", 18),
    ("Credits due", 18),
];

pub(super) fn accrued(row: &Accrual) -> Vec<Cell> {
    vec![
        Cell::text(&row.customer_id),
        Cell::text(&row.customer_name),
        Cell::text(&row.currency),
        ledger_amount(row.usage_without_line),
        ledger_amount(row.unbilled_usage),
        ledger_amount(row.credits_due),
    ]
}
