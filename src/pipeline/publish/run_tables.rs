//! The tables about the run itself: `control_totals`, `rejected_rows` and `lineage`.

use super::columns::{NamedCells, filled, integers};
use crate::engine::judge::control_totals::ControlTotal;
use crate::model::decimal::to_published;
use crate::model::reject::RejectedRow;
use crate::model::tables::{CONTROL_TOTALS, LINEAGE, REJECTED_ROWS};
use crate::pipeline::intake::readings::Readings;
use crate::reports::table::{Cells, TablePart};

/// The conservation laws. Their exact amounts stand in the manifest; here they have the ten
/// decimals of every other table.
pub(super) fn control_totals(rows: &[ControlTotal]) -> TablePart<'_> {
    let texts = |name: &'static str, of: fn(&ControlTotal) -> &str| {
        let texts = rows.iter().map(|row| of(row).to_owned()).collect();
        NamedCells::new(name, Cells::Texts(texts))
    };
    let counts = |name: &'static str, of: fn(&ControlTotal) -> u64| {
        NamedCells::new(name, integers(rows.iter().map(of)))
    };
    let amounts = |name: &'static str, of: fn(&ControlTotal) -> i128| {
        let amounts = rows
            .iter()
            .map(|row| to_published(of(row)).expect("fewer decimals need no more digits"));
        NamedCells::new(name, Cells::Decimals(amounts.collect()))
    };
    let holds = rows.iter().map(|row| row.holds).collect();
    let cells = vec![
        texts("step", |row| row.step),
        texts("source", |row| row.source),
        texts("currency", |row| &row.currency),
        counts("rows_in", |row| row.rows_in),
        counts("rows_out", |row| row.rows_out),
        counts("rows_rejected", |row| row.rows_rejected),
        amounts("amount_in", |row| row.amount_in),
        amounts("amount_out", |row| row.amount_out),
        amounts("difference", |row| row.amount_in - row.amount_out),
        NamedCells::new("holds", Cells::Booleans(holds)),
    ];
    filled(&CONTROL_TOTALS, cells)
}

/// Input rows that could not be used, each with its place and reason.
pub(super) fn rejected_rows(readings: &Readings) -> TablePart<'_> {
    let rows = &readings.rejected;
    let texts = |name: &'static str, of: fn(&RejectedRow) -> &str| {
        let texts = rows.iter().map(|row| of(row).to_owned()).collect();
        NamedCells::new(name, Cells::Texts(texts))
    };
    let cells = vec![
        texts("source", |row| row.dataset.name()),
        texts("unit", |row| &row.unit),
        NamedCells::new("line", integers(rows.iter().map(|row| row.line))),
        texts("column", |row| &row.rejection.column),
        texts("found", |row| &row.rejection.found),
        texts("wanted", |row| &row.rejection.wanted),
        texts("text", |row| &row.text),
    ];
    filled(&REJECTED_ROWS, cells)
}

/// Units by the customers and subscriptions that they hold.
pub(super) fn lineage(readings: &Readings) -> TablePart<'_> {
    let [mut sources, mut units, mut customers, mut subscriptions] = [const { Vec::new() }; 4];
    // Ids are folded: `explain` looks up accounts in whatever spelling they are asked for.
    for (dataset, unit, customer, subscription) in &readings.lineage {
        sources.push((*dataset).to_owned());
        units.push(unit.clone());
        customers.push(customer.clone());
        subscriptions.push(subscription.clone());
    }
    let cells = vec![
        NamedCells::new("source", Cells::Texts(sources)),
        NamedCells::new("unit", Cells::Texts(units)),
        NamedCells::new("customer_id", Cells::Texts(customers)),
        NamedCells::new("subscription_id", Cells::Texts(subscriptions)),
    ];
    filled(&LINEAGE, cells)
}
