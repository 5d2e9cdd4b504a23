//! `explain` for the tie-outs besides those of the invoice: keys, both figures, the parts, and the
//! units that they come from. Their rows are sums of answers, and are not shown one by one.

use super::published::{Published, VarianceRow};
use super::{Explanation, Group, Side};
use crate::engine::rules::definitions::{self, Measure};
use crate::model::cause::TieOut;
use crate::pipeline::failure::RunError;

/// Explains a row.
pub(super) fn explain(published: &Published, row: VarianceRow) -> Result<Explanation, RunError> {
    let Some(definition) = TieOut::ALL
        .into_iter()
        .find(|tie_out| tie_out.name() == row.tie_out)
        .map(definitions::definition)
    else {
        return Ok(Explanation {
            run_id: published.run_id.clone(),
            groups: Vec::new(),
            groups_more: 0,
            resources: None,
        });
    };
    let [level, meter, resource, first, last] =
        published.finding(&row.break_id)?.unwrap_or_default();
    let mut keys = vec![
        ("invoice_number", row.invoice_number),
        ("customer_id", row.customer_id),
        ("subscription_id", row.subscription_id),
        ("meter_id", meter),
        ("meter_description", row.meter_description),
        ("resource_uri", resource),
        (
            "usage_date",
            if first == last {
                first
            } else {
                format!("{first} to {last}")
            },
        ),
        ("currency", row.currency),
    ];
    keys.retain(|(_, text)| !text.is_empty());
    let [expected_rows, invoiced_rows] = row.rows;
    let [expected_quantity, invoiced_quantity] = row.quantities;
    let (figures, column) = match definition.measure {
        Measure::Amount => ([row.expected_amount, row.invoiced_amount], "amount"),
        Measure::Quantity => ([expected_quantity, invoiced_quantity], "quantity"),
    };
    let [expected, invoiced] = figures;
    let side = |rows: &str, figure: &str| Side {
        column,
        rows: rows.parse().unwrap_or(0),
        exact_sum: figure.to_owned(),
        published: figure.to_owned(),
        picked_rows: 0,
        picked_sum: String::new(),
        lines: Vec::new(),
    };
    let units = published.manifest.inputs.iter().filter(|input| {
        definition
            .needs
            .iter()
            .any(|needed| needed.contains(&input.dataset.as_str()))
    });
    let units: Vec<String> = units
        .map(|input| format!("{} ({} rows)", input.unit, input.rows))
        .collect();
    let variance = super::difference(&invoiced, &expected);
    let group = Group {
        break_id: row.break_id,
        tie_out: definition.tie_out.name(),
        keys,
        matched_on: row.matched_on,
        status: row.status,
        expected: side(&expected_rows, &expected),
        invoiced: side(&invoiced_rows, &invoiced),
        variance_amount: variance,
        tolerance_amount: row.tolerance_amount,
        tolerance_is: "as published",
        parts: row.parts,
        workings: Vec::new(),
        narrowest: level,
        units,
    };
    Ok(Explanation {
        run_id: published.run_id.clone(),
        groups: vec![group],
        groups_more: 0,
        resources: None,
    })
}
