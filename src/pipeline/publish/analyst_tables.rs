//! The tables of a run as the analyst folder has them: ids folded, so that they join with the rows of
//! other tables, and resources by the group that they are invoiced in.

use std::io;

use super::columns::{Columns, filled};
use super::invoice_figures::InvoiceFigures;
use super::tables::TakePart;
use super::{resource_table, variance_tables};
use crate::engine::rules::domain::{Domain, fold_as};
use crate::engine::rules::keys::PARTS;
use crate::model::decimal::{PUBLISHED_SCALE, parse};
use crate::model::ids::Fold;
use crate::model::tables::Table;
use crate::model::tables::analyst::{INVOICES_OF_RUN, RESOURCES_OF_RUN, VARIANCES_OF_RUN};
use crate::pipeline::reconcile::stages::Reconciled;
use crate::pipeline::spill::resources::ResourceGrain;
use crate::reports::table::{Cells, PART_ROWS, TablePart};

/// Folding of a column's texts; `None` for one that holds no ids.
fn fold_of(name: &str) -> Option<Fold> {
    let part = PARTS.iter().find(|part| part.published == name);
    let domain = match name {
        "resource_group" => Some(Domain::ResourceGroup),
        _ => part.and_then(|part| part.domain),
    };
    let kind = domain.map(Domain::fold_kind);
    kind.filter(|kind| *kind != Fold::Text)
}

/// Hands over the groups of a run.
///
/// # Errors
/// That of `take`.
pub(crate) fn variances(found: &Reconciled, take: &mut TakePart<'_>) -> io::Result<()> {
    found.variances.chunks(PART_ROWS).try_for_each(|rows| {
        let part = variance_tables::variances(&found.totals, rows);
        take(&for_analysts(&VARIANCES_OF_RUN, part.columns))
    })
}

/// Hands over the resources of a run, by group.
///
/// # Errors
/// That of `take`, and where rows on disk cannot be read back.
pub(crate) fn resources(found: &Reconciled, take: &mut TakePart<'_>) -> io::Result<()> {
    let grain = ResourceGrain::ResourceInGroup;
    let ids = found.group_ids.iter().map(ToString::to_string);
    // The last one is that of a resource without a group.
    let ids: Vec<String> = ids.chain([String::new()]).collect();
    found.resources.each(grain, PART_ROWS, &mut |rows, batch| {
        let last = ids.len() - 1;
        let groups = rows.iter().map(|row| last.min(row.group as usize) as u32);
        let mut columns = resource_table::fill(&found.totals, rows, batch).columns;
        columns.push(Cells::Codes(groups.collect(), &ids));
        take(&for_analysts(&RESOURCES_OF_RUN, columns))
    })
}

/// Cells of a table with folded ids.
fn for_analysts<'f>(table: &'static Table, columns: Vec<Cells<'f>>) -> TablePart<'f> {
    let columns = columns.into_iter().zip(table.columns);
    let columns = columns.map(|(cells, column)| match (cells, fold_of(column.name)) {
        (Cells::Codes(codes, texts), Some(kind)) => Cells::Folded(codes, texts, kind),
        (cells, _) => cells,
    });
    TablePart::new(table, columns.collect())
}

/// The figures of a run's invoices.
pub(crate) fn invoices<'f>(found: &'f Reconciled, figures: &'f [InvoiceFigures]) -> TablePart<'f> {
    let columns = Columns {
        totals: &found.totals,
        rows: figures,
    };
    let amount = |name: &'static str, of: fn(&InvoiceFigures) -> &str| {
        columns.decimal(name, move |row| units(of(row)))
    };
    let cells = vec![
        columns.text("invoice_number", |row| {
            fold_as(Domain::Invoice, &row.invoice_number)
        }),
        columns.text("currency", |row| row.currency.clone()),
        columns.text("finality", |row| row.finality.clone()),
        columns.text("rounding_rule", |row| row.rounding_rule.clone()),
        amount("lines_amount", |row| &row.lines_amount),
        amount("invoiced_amount", |row| &row.invoiced_amount),
        amount("settled_elsewhere_amount", |row| {
            &row.settled_elsewhere_amount
        }),
        amount("checked_amount", |row| &row.checked_amount),
        amount("not_checkable_amount", |row| &row.not_checkable_amount),
        amount("over_billed_amount", |row| &row.over_billed.amount),
        amount("under_billed_amount", |row| &row.under_billed.amount),
        amount("awaited_amount", |row| &row.awaited.amount),
        amount("rounding_amount", |row| &row.rounding_amount),
        amount("tolerated_amount", |row| &row.tolerated_amount),
        amount("without_cause_amount", |row| &row.without_cause_amount),
        amount("off_rule_amount", |row| &row.off_rule_lines.amount),
        columns.integer("breaks", |row| {
            row.over_billed.count + row.under_billed.count
        }),
        columns.integer("off_rule_lines", |row| row.off_rule_lines.count),
    ];
    filled(&INVOICES_OF_RUN, cells)
}

/// Decimal text of a summary in units of 10^-10.
fn units(amount: &str) -> i128 {
    let parsed = parse(amount.as_bytes(), PUBLISHED_SCALE);
    parsed.expect("figures are decimals").value
}
