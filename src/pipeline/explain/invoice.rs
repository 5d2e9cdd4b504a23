//! `explain` for `lines-to-invoice`: the lines of an invoice, and its header.

use rayon::prelude::*;

use super::gather::{Found, source_line};
use super::published::{Published, VarianceRow};
use super::{Explanation, Group, Request, SourceLine};
use crate::decode::{self, Sink};
use crate::engine::count::header::Header;
use crate::engine::count::key_layout::KeyLayout;
use crate::engine::rules::domain::{Domain, fold_as};
use crate::model::dataset::{Dataset, INVOICE_LINES, position};
use crate::model::decimal::{self, AMOUNT_SCALE, PUBLISHED_SCALE, Rounding, fixed, rescale};
use crate::model::reject::Rejection;
use crate::model::row::{Cell, Row};
use crate::pipeline::failure::RunError;
use crate::sources::files::FileUnit;

struct InvoiceSink<'s> {
    dataset: Dataset,
    unit: &'s FileUnit,
    invoice: &'s str,
    currency: &'s str,
    found: Found,
}

impl Sink for InvoiceSink<'_> {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        if self.dataset == Dataset::Invoices {
            self.header(row)
        } else {
            self.line(row)
        }
    }
}

impl InvoiceSink<'_> {
    fn is_of(&self, invoice: &str, currency: &str) -> bool {
        fold_as(Domain::Invoice, invoice) == self.invoice
            && fold_as(Domain::Currency, currency) == self.currency
    }

    fn line(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        let text = |name: &str| {
            let cell = row
                .cells
                .get(position(INVOICE_LINES, name))
                .unwrap_or(&Cell::Missing);
            String::from_utf8_lossy(&cell.bytes()).into_owned()
        };
        if self.is_of(&text("InvoiceNumber"), &text("Currency")) {
            let measures = (KeyLayout::of(self.dataset).measure)(row.cells)?;
            let [_, subtotal, tax, total] = measures.sums;
            let mut line = source_line(self.dataset, self.unit, row, &measures, total);
            let plain = |amount| decimal::plain(amount, AMOUNT_SCALE);
            line.arithmetic = format!(
                "Subtotal {} + TaxTotal {} = Total {}",
                plain(subtotal),
                plain(tax),
                plain(total)
            );
            self.push(line, total);
        }
        Ok(())
    }

    fn header(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        let header = Header::read(row.cells)?;
        // Of two headers the run took the first.
        if self.found.rows == 0 && self.is_of(&header.id, &header.currency) {
            let total = decimal::from_money(header.total_charges).unwrap_or(0);
            let text = String::from_utf8_lossy(row.place.text).into_owned();
            let line = SourceLine {
                unit: self.unit.name.clone(),
                line: row.place.line(),
                amount: decimal::plain(total, AMOUNT_SCALE),
                arithmetic: format!("totalCharges of {} in {}", header.id, header.currency),
                text,
            };
            self.push(line, total);
        }
        Ok(())
    }

    fn push(&mut self, line: SourceLine, amount: i128) {
        self.found.rows += 1;
        self.found.picked_rows += 1;
        self.found.sum += amount;
        self.found.picked_sum += amount;
        self.found.lines.push(line);
    }
}

fn side_of(published: &Published, dataset: Dataset, row: &VarianceRow) -> Result<Found, RunError> {
    let (invoice, currency) = (
        fold_as(Domain::Invoice, &row.invoice_number),
        fold_as(Domain::Currency, &row.currency),
    );
    let units = published.all_units(dataset)?;
    let read = units
        .par_iter()
        .map(|unit| {
            let input = decode::Input {
                unit: &unit.name,
                path: &unit.path,
                dataset,
            };
            let new_sink = || InvoiceSink {
                dataset,
                unit,
                invoice: &invoice,
                currency: &currency,
                found: Found::default(),
            };
            let (_, sinks) = decode::decode(input, new_sink)?;
            Ok(sinks.into_iter().map(|sink| sink.found).collect::<Vec<_>>())
        })
        .collect::<Result<Vec<_>, RunError>>()?;
    let mut whole = Found::default();
    read.into_iter()
        .flatten()
        .for_each(|found| whole.add(found));
    Ok(whole)
}

/// What a header left out, as far as its parts say so.
fn workings(row: &VarianceRow) -> Vec<(&'static str, String)> {
    let left_out = |cause: &str| match cause {
        "tax" => Some("the header leaves out the sum of TaxTotal over all lines"),
        "credit" => Some("the header leaves out the lines of Azure credits"),
        "duplicate" => Some("the header leaves out the lines that came twice"),
        _ => None,
    };
    row.parts
        .iter()
        .filter_map(|(cause, _)| Some((*cause, left_out(cause)?.to_owned())))
        .collect()
}

/// Explains a row of `lines-to-invoice`.
pub(super) fn explain(
    request: &Request,
    published: &Published,
    row: &VarianceRow,
) -> Result<Explanation, RunError> {
    let lines = side_of(published, Dataset::InvoiceLines, row)?;
    let header = side_of(published, Dataset::Invoices, row)?;
    let rounded =
        |amount| rescale(amount, AMOUNT_SCALE, PUBLISHED_SCALE, Rounding::HalfUp).unwrap_or(0);
    let (expected, invoiced) = (rounded(lines.sum), rounded(header.sum));
    if fixed(expected, PUBLISHED_SCALE) != row.expected_amount
        || fixed(invoiced, PUBLISHED_SCALE) != row.invoiced_amount
    {
        return Err(RunError::Disagrees {
            break_id: row.break_id.clone(),
            published: format!(
                "{} expected and {} invoiced",
                row.expected_amount, row.invoiced_amount
            ),
            recounted: format!(
                "{} and {}",
                fixed(expected, PUBLISHED_SCALE),
                fixed(invoiced, PUBLISHED_SCALE)
            ),
        });
    }
    let group = Group {
        break_id: row.break_id.clone(),
        tie_out: "lines-to-invoice",
        keys: vec![
            ("invoice_number", row.invoice_number.clone()),
            ("currency", row.currency.clone()),
        ],
        matched_on: row.matched_on.clone(),
        status: row.status.clone(),
        expected: lines.side("Total", expected, request.limit),
        invoiced: header.side("totalCharges", invoiced, request.limit),
        variance_amount: fixed(invoiced - expected, PUBLISHED_SCALE),
        tolerance_amount: row.tolerance_amount.clone(),
        tolerance_is: "as published",
        parts: row.parts.clone(),
        workings: workings(row),
        narrowest: "invoice".to_owned(),
        units: Vec::new(),
    };
    Ok(Explanation {
        run_id: published.run_id.clone(),
        groups: vec![group],
        groups_more: 0,
        resources: None,
    })
}
