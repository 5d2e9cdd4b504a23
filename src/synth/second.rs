//! Second invoices: the numbers under which a charge is billed again, or voided and issued again.
//!
//! A meter that is billed again on another invoice of the month is charged twice; void and re-issue
//! are the difference between the two charges, and belong to the first one.

use super::lines::{Amount, Line, Terms};
use super::partner::Invoice;
use super::planting::Change;
use crate::model::dataset::{INVOICE_LINES, position};

/// Part of the quantity that is left of a re-issued charge that differs, in percent.
const LEFT_PERCENT: i128 = 93;

/// Amounts on the second invoice, given the terms of the first one's charge, and the natural
/// ones of the usage.
pub(super) fn amounts(change: Change, terms: Terms, natural: Terms) -> Vec<Amount> {
    let void = Terms {
        price: -terms.price,
        ..terms
    };
    match change {
        Change::BilledAgain => vec![Amount::of(terms)],
        Change::Corrected => vec![Amount::of(void), Amount::of(natural)],
        Change::Reissued => vec![Amount::of(void), Amount::of(terms)],
        _ => vec![Amount::of(void), Amount::of(reissued(terms))],
    }
}

/// Terms of a charge that is issued again over fewer units.
pub(super) fn reissued(terms: Terms) -> Terms {
    Terms {
        quantity: terms.quantity * LEFT_PERCENT / 100,
        ..terms
    }
}

impl Line {
    /// Line on another invoice.
    pub(super) fn on(mut self, invoice: &Invoice) -> Self {
        invoice
            .number
            .clone_into(&mut self.cells[position(INVOICE_LINES, "InvoiceNumber")]);
        self
    }
}
