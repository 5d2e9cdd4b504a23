//! Columns and cells of the sheets that a run has without its ledger.

use super::break_lines::BreakLine;
use super::customers::CustomerFigures;
use super::ledger_part::LedgerPart;
use super::money::Money;
use super::sheet_cells::SheetCell as Cell;
use super::sheets::SheetColumn;
use super::tie_out_totals::TieOutTotal;
use super::verdicts::Verdict;
use crate::model::cause::Status;
use crate::reports::manifest::{ControlTotal, Input};

pub(super) const VERDICTS: [SheetColumn; 22] = [
    ("Invoice", 16),
    ("Currency", 9),
    ("Invoiced", 16),
    ("Checked against usage", 16),
    ("Not checkable", 16),
    ("Settled elsewhere", 16),
    ("Breaks", 9),
    ("Over-billed", 14),
    ("Under-billed", 14),
    ("Without a cause", 14),
    ("Rounding", 12),
    ("Tolerated", 12),
    ("Rounding rule", 30),
    ("Proven groups", 10),
    ("Bounded groups", 10),
    ("Off rule, lines", 10),
    ("Off rule", 12),
    ("Other rate", 12),
    ("Wrong total", 12),
    ("Awaited", 14),
    ("Copies in usage", 14),
    ("Copies in the invoice", 14),
];

pub(super) fn verdict(of: &Verdict) -> Vec<Cell> {
    vec![
        Cell::text(&of.invoice_number),
        Cell::text(&of.currency),
        Cell::Amount(of.lines()),
        Cell::Amount(of.checked),
        Cell::Amount(of.not_checkable.values().copied().sum()),
        Cell::Amount(of.settled_elsewhere),
        Cell::Count(of.breaks()),
        Cell::Amount(of.over_billed.amount),
        Cell::Amount(of.under_billed.amount),
        Cell::Amount(of.without_cause),
        Cell::Amount(of.rounding),
        Cell::Amount(of.tolerated),
        Cell::text(&of.rounding_rule),
        Cell::Count(of.exact_groups),
        Cell::Count(of.bounded_groups),
        Cell::Count(of.off_rule.lines),
        Cell::Amount(of.off_rule.amount()),
        Cell::Amount(of.other_rate.amount()),
        Cell::Amount(of.wrong_total.amount()),
        Cell::Amount(of.awaited.amount),
        Cell::Amount(of.usage_copies.amount),
        Cell::Amount(of.line_copies.amount),
    ]
}

pub(super) const TOTALS: [SheetColumn; 11] = [
    ("Tie-out", 22),
    ("Currency", 9),
    ("Groups", 9),
    ("Tied", 9),
    ("Within tolerance", 9),
    ("Breaks", 9),
    ("Awaited", 9),
    ("Out of scope", 9),
    ("Net", 16),
    ("Absolute", 16),
    ("Without a cause", 16),
];

pub(super) fn total(of: &TieOutTotal) -> Vec<Cell> {
    let figure = |figure| match of.is_of_quantities {
        true => Cell::Quantity(figure),
        false => Cell::Amount(figure),
    };
    let head = [
        Cell::text(&of.tie_out),
        Cell::text(&of.currency),
        Cell::Count(of.all()),
    ];
    let groups = Status::ALL.map(|status| Cell::Count(of.of(status)));
    let figures = [of.net, of.gross, of.unexplained].map(figure);
    head.into_iter().chain(groups).chain(figures).collect()
}

pub(super) const BREAKS: [SheetColumn; 33] = [
    ("Break", 22),
    ("Tie-out", 20),
    ("Billing period", 10),
    ("Invoice", 14),
    ("Customer id", 38),
    ("Customer", 28),
    ("Subscription id", 38),
    ("Product id", 16),
    ("Product", 28),
    ("SKU id", 8),
    ("SKU", 20),
    ("Meter", 28),
    ("Charge type", 14),
    ("Price adjustment", 18),
    ("Currency", 9),
    ("Usage rows", 9),
    ("Invoice lines", 9),
    ("Expected quantity", 14),
    ("Invoiced quantity", 14),
    ("Expected", 14),
    ("Invoiced", 14),
    ("Difference", 14),
    ("Of", 10),
    ("Cause", 22),
    ("Narrowest", 13),
    ("First day", 11),
    ("Last day", 11),
    ("Resource", 40),
    ("Made up for by", 20),
    ("State", 10),
    ("Owner", 16),
    ("Ticket", 18),
    ("Days open", 9),
];

pub(super) fn break_line(line: &BreakLine, ledger: Option<&LedgerPart>) -> Vec<Cell> {
    let evidence = line.evidence.clone().unwrap_or_default();
    let mut cells: Vec<Cell> = [
        &line.break_id,
        &line.tie_out,
        &line.billing_period,
        &line.invoice_number,
        &line.customer_id,
        &line.customer_name,
        &line.subscription_id,
        &line.product_id,
        &line.product_name,
        &line.sku_id,
        &line.sku_name,
        &line.meter_description,
        &line.charge_type,
        &line.price_adjustment,
        &line.currency,
    ]
    .map(|text| Cell::text(text))
    .to_vec();
    let (difference, measure) = match line.is_of_quantities {
        true => (Cell::Quantity(line.difference), "quantity"),
        false => (Cell::Amount(line.difference), "amount"),
    };
    cells.extend([
        Cell::Count(line.usage_rows),
        Cell::Count(line.invoice_lines),
        Cell::Quantity(line.expected_quantity),
        Cell::Quantity(line.invoiced_quantity),
        Cell::Amount(line.expected),
        Cell::Amount(line.invoiced),
        difference,
        Cell::text(measure),
        Cell::text(&line.cause),
        Cell::text(&evidence.narrowest_level),
        Cell::Day(evidence.first_day),
        Cell::Day(evidence.last_day),
        Cell::text(&evidence.resource_uri),
        Cell::text(&line.counterpart),
    ]);
    cells.extend(state(line, ledger));
    cells
}

/// State, owner, ticket and age of a break; empty where the ledger is not asked, or has none.
fn state(line: &BreakLine, ledger: Option<&LedgerPart>) -> [Cell; 4] {
    match ledger.and_then(|ledger| ledger.break_of(&line.break_id)) {
        Some(one) => [
            Cell::text(one.known.state.name()),
            Cell::text(&one.known.owner),
            Cell::text(&one.known.ticket),
            Cell::Count(u64::try_from(one.age_days).unwrap_or(0)),
        ],
        None => ["", "", "", ""].map(Cell::text),
    }
}

pub(super) const OUT_OF_SCOPE: [SheetColumn; 13] = [
    ("Kind", 20),
    ("Invoice", 14),
    ("Customer id", 38),
    ("Customer", 28),
    ("Subscription id", 38),
    ("Product id", 16),
    ("Product", 28),
    ("SKU id", 8),
    ("SKU", 20),
    ("Charge type", 14),
    ("Currency", 9),
    ("Quantity", 14),
    ("Invoiced", 14),
];

pub(super) fn out_of_scope(line: &BreakLine) -> Vec<Cell> {
    let texts = [
        line.kind(),
        &line.invoice_number,
        &line.customer_id,
        &line.customer_name,
        &line.subscription_id,
        &line.product_id,
        &line.product_name,
        &line.sku_id,
        &line.sku_name,
        &line.charge_type,
        &line.currency,
    ];
    let figures = [
        Cell::Quantity(line.invoiced_quantity),
        Cell::Amount(line.invoiced),
    ];
    texts.map(Cell::text).into_iter().chain(figures).collect()
}

pub(super) const CUSTOMERS: [SheetColumn; 13] = [
    ("Customer id", 38),
    ("Customer", 28),
    ("Currency", 9),
    ("Expected", 16),
    ("Invoiced", 16),
    ("Difference", 16),
    ("Not checkable", 16),
    ("Over-billed breaks", 10),
    ("Over-billed", 14),
    ("Under-billed breaks", 10),
    ("Under-billed", 14),
    ("Awaited", 14),
    ("Earned credit lost", 14),
];

pub(super) fn customer(of: &CustomerFigures) -> Vec<Cell> {
    vec![
        Cell::text(&of.customer_id),
        Cell::text(&of.customer_name),
        Cell::text(&of.currency),
        Cell::Amount(of.expected),
        Cell::Amount(of.invoiced),
        Cell::Amount(of.invoiced - of.expected),
        Cell::Amount(of.not_checkable),
        Cell::Count(of.over_billed.count),
        Cell::Amount(of.over_billed.amount),
        Cell::Count(of.under_billed.count),
        Cell::Amount(of.under_billed.amount),
        Cell::Amount(of.awaited),
        Cell::Amount(of.credit_lost.amount),
    ]
}

pub(super) const CONTROLS: [SheetColumn; 10] = [
    ("Step", 18),
    ("Of", 22),
    ("Currency", 9),
    ("Rows in", 12),
    ("Rows out", 12),
    ("Rows rejected", 12),
    ("Amount in, exact", 34),
    ("Amount out, exact", 34),
    ("Residue, exact", 26),
    ("Holds", 8),
];

/// The laws are held on twenty decimals, which no number of a sheet has: their amounts are text.
pub(super) fn control(of: &ControlTotal) -> Vec<Cell> {
    vec![
        Cell::text(&of.step),
        Cell::text(&of.source),
        Cell::text(&of.currency),
        Cell::Count(of.rows_in),
        Cell::Count(of.rows_out),
        Cell::Count(of.rows_rejected),
        Cell::text(&of.amount_in),
        Cell::text(&of.amount_out),
        Cell::text(&of.difference),
        Cell::text(if of.holds { "yes" } else { "no" }),
    ]
}

pub(super) const INPUTS: [SheetColumn; 7] = [
    ("Data", 24),
    ("File", 90),
    ("Format", 12),
    ("Rows", 12),
    ("Rejected", 12),
    ("Bytes", 14),
    ("BLAKE3", 68),
];

pub(super) fn input(of: &Input) -> Vec<Cell> {
    vec![
        Cell::text(&of.dataset),
        Cell::text(&of.unit),
        Cell::text(&of.format),
        Cell::Count(of.rows),
        Cell::Count(of.rows_rejected),
        Cell::Count(of.bytes),
        Cell::text(&of.blake3),
    ]
}

/// An amount of the ledger as a cell.
pub(super) fn ledger_amount(amount: rust_decimal::Decimal) -> Cell {
    Cell::Amount(Money::of(amount))
}
