//! `explain` for the tie-outs besides those of the invoice: keys, both figures, the parts, and the
//! units that they come from, all as published, with the source rows of both sides
//! ([`other_rows`](super::other_rows)).

use super::answer::{Explanation, Group, Request, Side};
use super::facts::by_day;
use super::other_rows::GroupKeys;
use super::published::{Published, VarianceRow};
use super::source_rows::SourceRows;
use super::story::Story;
use crate::engine::rules::definitions::{self, Definition, Measure};
use crate::model::cause::TieOut;
use crate::model::decimal::{PUBLISHED_SCALE, fixed};
use crate::pipeline::failure::RunError;

/// Explains a row of any tie-out from the published tables.
///
/// # Errors
/// [`RunError::Damaged`] where the tables hold what no run publishes.
pub(super) fn explain(
    request: &Request,
    published: &Published,
    tie_out: TieOut,
    row: VarianceRow,
) -> Result<Explanation, RunError> {
    let definition = definitions::definition(tie_out);
    let [narrowest, meter, resource, first, last] = published.finding(&row.break_id)?;
    let [expected_found, invoiced_found] = match tie_out {
        // Groups without an invoice hold what many invoices come to.
        TieOut::LinesToInvoice => Default::default(),
        _ => {
            let finding = [&meter, &resource, &first, &last].map(String::as_str);
            let keys = GroupKeys::of(published, definition, &row, finding)?;
            [
                keys.rows(published, definitions::Side::Expected)?,
                keys.rows(published, definitions::Side::Invoiced)?,
            ]
        }
    };
    let days = if first == last {
        first
    } else {
        format!("{first} to {last}")
    };
    let mut keys = vec![
        ("invoice_number", row.invoice_number),
        ("customer_id", row.customer_id),
        ("subscription_id", row.subscription_id),
        ("meter_id", meter),
        ("meter_description", row.meter_description),
        ("resource_uri", resource),
        (name_of_day(tie_out), days),
        ("currency", row.currency),
    ];
    keys.retain(|(_, text)| !text.is_empty());
    let ([expected, invoiced], column) = match definition.measure {
        Measure::Amount => ([row.expected_amount, row.invoiced_amount], "amount"),
        Measure::Quantity => (row.quantities, "quantity"),
    };
    // Published figures are exact, so that their difference is the published variance.
    let variance = published.amount(&invoiced)? - published.amount(&expected)?;
    let [usage_rows, invoice_lines] = row.rows;
    let [expected_rows, invoiced_rows] = match tie_out {
        // Lines are expected there; how many headers they met is not published.
        TieOut::LinesToInvoice => [invoice_lines, usage_rows],
        _ => [usage_rows, invoice_lines],
    };
    let currency = match definition.measure {
        Measure::Amount => keys_currency(&keys),
        Measure::Quantity => "units".to_owned(),
    };
    let text = |name: &str| {
        let found = keys.iter().find(|(key, _)| *key == name);
        found.map_or("", |(_, text)| text)
    };
    let story = Story {
        tie_out,
        status: &row.status,
        invoice: text("invoice_number"),
        currency: &currency,
        name: text("meter_description"),
        figures: [&expected, &invoiced],
        rows: [
            published.count(&expected_rows)?,
            published.count(&invoiced_rows)?,
        ],
        parts: &row.parts,
        facts: [&expected_found.facts, &invoiced_found.facts],
        period: None,
        quantity_delta: None,
        other_invoice: None,
        counterpart: None,
        is_off_arithmetic: false,
    };
    let sentences = story.tell();
    let days = match tie_out {
        // The same lines stand on both sides.
        TieOut::LineArithmetic => Vec::new(),
        _ => by_day(&expected_found.facts, &invoiced_found.facts),
    };
    let group = Group {
        sentences,
        days,
        break_id: row.break_id,
        tie_out: tie_out.name(),
        keys,
        matched_on: row.matched_on,
        status: row.status,
        expected: side(
            (column, published.count(&expected_rows)?, expected),
            expected_found,
            request.limit,
        ),
        invoiced: side(
            (column, published.count(&invoiced_rows)?, invoiced),
            invoiced_found,
            request.limit,
        ),
        variance_amount: fixed(variance, PUBLISHED_SCALE),
        tolerance_amount: row.tolerance_amount,
        tolerance_is: "as published",
        parts: row.parts,
        workings: Vec::new(),
        narrowest,
        units: units_of(published, definition),
    };
    let rejected = published.rejected(|dataset| needs(definition, dataset))?;
    let run_id = &published.manifest().run_id;
    Ok(Explanation::new(
        run_id,
        vec![group],
        rejected,
        request.limit,
    ))
}

/// Currency among the keys of a group; empty for none.
fn keys_currency(keys: &[(&'static str, String)]) -> String {
    let found = keys.iter().find(|(key, _)| *key == "currency");
    found.map_or_else(String::new, |(_, text)| text.clone())
}

/// Name of the day that a group is of.
const fn name_of_day(tie_out: TieOut) -> &'static str {
    match tie_out {
        TieOut::RateCard => "charge_start_date",
        _ => "usage_date",
    }
}

/// A side by its published figures, with the rows that carry the keys of the group.
fn side(
    (column, rows, figure): (&'static str, u64, String),
    found: SourceRows,
    limit: usize,
) -> Side {
    Side {
        rows,
        exact_sum: figure.clone(),
        published: figure,
        ..found.into_side(column, 0, limit)
    }
}

/// Units of the datasets that the tie-out needs, each with its number of rows.
fn units_of(published: &Published, definition: &Definition) -> Vec<String> {
    // The manifest alone: the files are not opened, and need not be there any more.
    let inputs = published.manifest().inputs.iter();
    inputs
        .filter(|input| needs(definition, &input.dataset))
        .map(|input| format!("{} ({} rows)", input.unit, input.rows))
        .collect()
}

/// True if the tie-out is made from the dataset.
fn needs(definition: &Definition, dataset: &str) -> bool {
    let mut needs = definition.needs.iter();
    needs.any(|needed| needed.contains(&dataset))
}
