//! `explain` for `lines-to-invoice`: the lines of an invoice, and its header. No account is
//! recounted: both sides are sums over the whole invoice.

use super::answer::{Explanation, Group, Request, SourceLine};
use super::published::{Published, VarianceRow};
use super::source_rows::{SourceRows, decode_all, source_line};
use crate::decode::Sink;
use crate::engine::count::header::Header;
use crate::engine::count::key_layout::KeyLayout;
use crate::engine::rules::domain::{Domain, fold_as};
use crate::model::cause::TieOut;
use crate::model::dataset::{Dataset, INVOICE_LINES, position};
use crate::model::decimal::{self, AMOUNT_SCALE, PUBLISHED_SCALE, fixed, to_published};
use crate::model::reject::Rejection;
use crate::model::row::Row;
use crate::pipeline::failure::RunError;
use crate::sources::files::FileUnit;

/// Takes the lines, or the header, of one invoice.
struct InvoiceSink<'s> {
    /// Dataset of the units: invoice lines, or invoices for the headers.
    dataset: Dataset,
    unit: &'s FileUnit,
    /// Invoice number that is explained, folded.
    invoice: &'s str,
    /// Currency that is explained, folded.
    currency: &'s str,
    rows: SourceRows,
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
    /// True for the invoice and currency that are explained, in any spelling.
    fn is_of(&self, invoice: &str, currency: &str) -> bool {
        fold_as(Domain::Invoice, invoice) == self.invoice
            && fold_as(Domain::Currency, currency) == self.currency
    }

    fn line(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        let text = |name: &str| {
            let cell = &row.cells[position(INVOICE_LINES, name)];
            String::from_utf8_lossy(&cell.bytes()).into_owned()
        };
        if self.is_of(&text("InvoiceNumber"), &text("Currency")) {
            let measures = (KeyLayout::of(self.dataset).measure)(row.cells)?;
            let [_, subtotal, tax, total] = measures.sums;
            // The header is compared with Total, so that tax is shown instead of the factors of the
            // Subtotal.
            let mut line = source_line(self.dataset, self.unit, row, &measures, total);
            let plain = |amount| decimal::plain(amount, AMOUNT_SCALE);
            line.arithmetic = format!(
                "Subtotal {} + TaxTotal {} = Total {}",
                plain(subtotal),
                plain(tax),
                plain(total)
            );
            self.rows.push(total, Some(line));
        }
        Ok(())
    }

    fn header(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        let header = Header::read(row.cells)?;
        // Of two headers of one invoice the run took the first.
        if self.rows.rows == 0 && self.is_of(&header.id, &header.currency) {
            // No run with a total past 38 digits was published: this header is not the one
            // compared.
            let Some(total) = decimal::from_money(header.total_charges) else {
                return Ok(());
            };
            let text = String::from_utf8_lossy(row.place.text).into_owned();
            let line = SourceLine {
                unit: self.unit.name.clone(),
                line: row.place.line(),
                amount: decimal::plain(total, AMOUNT_SCALE),
                arithmetic: format!("totalCharges of {} in {}", header.id, header.currency),
                text,
            };
            self.rows.push(total, Some(line));
        }
        Ok(())
    }
}

/// Lines or headers of the row's invoice in all units of the dataset.
fn side_of(
    published: &Published,
    dataset: Dataset,
    row: &VarianceRow,
) -> Result<SourceRows, RunError> {
    let invoice = fold_as(Domain::Invoice, &row.invoice_number);
    let currency = fold_as(Domain::Currency, &row.currency);
    let units = published.all_units(dataset);
    let sinks = decode_all(&units, dataset, |unit| InvoiceSink {
        dataset,
        unit,
        invoice: &invoice,
        currency: &currency,
        rows: SourceRows::default(),
    })?;
    let mut whole = SourceRows::default();
    sinks.into_iter().for_each(|sink| whole.merge(sink.rows));
    Ok(whole)
}

/// Sentences about what the header leaves out, for the parts that tell it.
fn workings(row: &VarianceRow) -> Vec<(&'static str, String)> {
    let left_out = |cause: &str| match cause {
        "tax" => Some("the header leaves out the sum of TaxTotal over all lines"),
        "credit" => Some("the header leaves out the lines of Azure credits"),
        "duplicate" => Some("the header leaves out the lines that occur twice"),
        _ => None,
    };
    row.parts
        .iter()
        .filter_map(|(cause, _)| Some((*cause, left_out(cause)?.to_owned())))
        .collect()
}

/// Explains a row of `lines-to-invoice`.
///
/// # Errors
/// [`RunError::Disagrees`] where the sources do not come to the published figures, and those of
/// reading them.
pub(super) fn explain(
    request: &Request,
    published: &Published,
    row: &VarianceRow,
) -> Result<Explanation, RunError> {
    let lines = side_of(published, Dataset::InvoiceLines, row)?;
    let header = side_of(published, Dataset::Invoices, row)?;
    let rounded = |amount| to_published(amount).expect("fewer decimals need no more digits");
    let (expected, invoiced) = (rounded(lines.sum), rounded(header.sum));
    let text = |amount| fixed(amount, PUBLISHED_SCALE);
    // All ten published decimals must agree: an explanation of other figures would explain nothing.
    if text(expected) != row.expected_amount || text(invoiced) != row.invoiced_amount {
        return Err(row.disagrees(&text(expected), &text(invoiced)));
    }
    let group = Group {
        break_id: row.break_id.clone(),
        tie_out: TieOut::LinesToInvoice.name(),
        keys: vec![
            ("invoice_number", row.invoice_number.clone()),
            ("currency", row.currency.clone()),
        ],
        matched_on: row.matched_on.clone(),
        status: row.status.clone(),
        expected: lines.into_side("Total", expected, request.limit),
        invoiced: header.into_side("totalCharges", invoiced, request.limit),
        variance_amount: text(invoiced - expected),
        tolerance_amount: row.tolerance_amount.clone(),
        // The name of the limit is not published, and only judging the group again would tell it.
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
