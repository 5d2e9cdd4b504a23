//! Invoice headers, read row by row.
//!
//! Headers are few and each is compared by itself, so that they are kept one by one and not summed.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::partial::GROSS_LIMIT;
use crate::model::dataset::{INVOICES, position};
use crate::model::decimal::{self, AMOUNT_SCALE};
use crate::model::ids::{Fold, fold};
use crate::model::period::Period;
use crate::model::reject::Rejection;
use crate::model::row::Cell;

/// One invoice header, as `lines-to-invoice` compares it with the invoice's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Invoice number, as it was written; never empty.
    pub id: String,
    /// Number of the invoice that this document changes, as it was written; empty for an invoice by
    /// itself.
    pub amends: String,
    /// True for a void, adjustment or credit note.
    pub is_note: bool,
    /// Billing currency, as a code in upper case; empty where the header states none, as headers of
    /// other years do: of one that is compared, that is a difference which a person sees.
    pub currency: String,
    /// Sum that the invoice asks for, in the billing currency; negative for a credit note. Tax is
    /// included unless the invoice says otherwise ([semantics
    /// §8](crate::model::domain::semantics)).
    pub total_charges: Decimal,
    /// Month that the invoice bills, by the first day of its billing period; `None` where it names
    /// no such day.
    pub period: Option<Period>,
}

/// Numbers of the invoices that some documents are about, parallel to them: of an invoice its own,
/// of a note that of the invoice which it changes in the end, as a note may change another note.
#[must_use]
pub fn invoice_numbers(documents: &[Header]) -> Vec<&str> {
    let folded = |number: &str| fold(Fold::Identifier, number);
    let mut amends: BTreeMap<String, &str> = BTreeMap::new();
    for document in documents.iter().filter(|one| !one.amends.is_empty()) {
        // Of two with one number the first counts, as everywhere.
        amends
            .entry(folded(&document.id))
            .or_insert(&document.amends);
    }
    let number = |document: &Header| {
        let mut number = *amends.get(&folded(&document.id))?;
        // One step more than there are notes is a circle: notes that change no invoice.
        for _ in 0..amends.len() {
            match amends.get(&folded(number)) {
                Some(next) => number = *next,
                None => return Some(number),
            }
        }
        None
    };
    documents
        .iter()
        .map(|document| number(document).unwrap_or(&document.id))
        .collect()
}

impl Header {
    /// Reads a header row, given its cells in the order of the columns of `invoices`.
    ///
    /// # Errors
    /// A [`Rejection`] that names the cell that cannot be used.
    pub fn read(cells: &[Cell<'_>]) -> Result<Self, Rejection> {
        let cell = |name: &str| &cells[position(INVOICES, name)];
        let text = |name: &'static str| {
            let bytes = cell(name).bytes();
            let text = std::str::from_utf8(&bytes).map(|text| text.trim().to_owned());
            text.map_err(|_| Rejection::new(name, &bytes, "UTF-8 text".to_owned()))
        };
        let needed = |name: &'static str| match text(name)? {
            empty if empty.is_empty() => {
                Err(Rejection::in_words(name, "nothing", "a value".to_owned()))
            }
            value => Ok(value),
        };
        let total = needed("TotalCharges")?;
        // Beyond the limit of summed amounts a header could be compared with no sum.
        let exact = decimal::parse(total.as_bytes(), AMOUNT_SCALE)
            .ok()
            // A rounded total would be a variance of our own making.
            .filter(|parsed| !parsed.rounded && parsed.value.abs() <= GROSS_LIMIT);
        let money = exact.and_then(|parsed| {
            Decimal::from_str_exact(&decimal::plain(parsed.value, AMOUNT_SCALE)).ok()
        });
        let total_charges = money.ok_or_else(|| {
            Rejection::new(
                "TotalCharges",
                total.as_bytes(),
                "a decimal number below 10^17, as `1234.56`, of at most 28 digits".to_owned(),
            )
        })?;
        let start = cell("BillingPeriodStartDate").day("BillingPeriodStartDate")?;
        let (id, amends) = (needed("Id")?, text("AmendsOf")?);
        // "Credit Note" in prose, `adjustment_note` in answers.
        let document = text("DocumentType")?.to_lowercase();
        Ok(Self {
            // Some answers name a document as its own amendment.
            amends: if amends.eq_ignore_ascii_case(&id) {
                String::new()
            } else {
                amends
            },
            is_note: document.ends_with("note"),
            id,
            currency: text("CurrencyCode")?.to_uppercase(),
            total_charges,
            period: start.and_then(Period::of),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(id: &str, amends: &str) -> Header {
        Header {
            id: id.to_owned(),
            amends: amends.to_owned(),
            is_note: !amends.is_empty(),
            currency: "USD".to_owned(),
            total_charges: Decimal::ONE,
            period: None,
        }
    }

    #[test]
    fn a_note_is_about_the_invoice_that_it_changes_in_the_end() {
        let documents = [
            document("G1", ""),
            document("A1", "g1"),
            document("A2", "a1"),
            document("A3", "G7"),
        ];
        assert_eq!(invoice_numbers(&documents), ["G1", "g1", "g1", "G7"]);
    }

    #[test]
    fn notes_in_a_circle_are_about_themselves() {
        let documents = [document("A1", "A2"), document("A2", "A1")];
        assert_eq!(invoice_numbers(&documents), ["A1", "A2"]);
    }
}
