//! Invoice headers, read row by row.
//!
//! Headers are few and each is compared by itself, so that they are kept one by one and not summed.

use rust_decimal::Decimal;

use super::partial::GROSS_LIMIT;
use crate::model::dataset::{INVOICES, position};
use crate::model::decimal::{self, AMOUNT_SCALE};
use crate::model::period::Period;
use crate::model::reject::Rejection;
use crate::model::row::Cell;

/// One invoice header, as `lines-to-invoice` compares it with the invoice's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Invoice number, as it was written; never empty.
    pub id: String,
    /// Billing currency, as a code in upper case; never empty.
    pub currency: String,
    /// Sum that the invoice asks for, in the billing currency; negative for a credit note. Tax is
    /// included unless the invoice says otherwise ([semantics
    /// §8](crate::model::domain::semantics)).
    pub total_charges: Decimal,
    /// Month that the invoice bills, by the first day of its billing period; `None` where it names
    /// no such day.
    pub period: Option<Period>,
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
        Ok(Self {
            id: needed("Id")?,
            currency: needed("CurrencyCode")?.to_uppercase(),
            total_charges,
            period: start.and_then(Period::of),
        })
    }
}
