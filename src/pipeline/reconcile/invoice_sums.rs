//! Sums of usage and of lines by their own invoice, as their exports have them. A group stands under one
//! invoice, though the lines of a second one may be settled in it; what was restated is asked of these
//! sums, not of groups.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use crate::engine::failure::EngineError;
use crate::engine::fold::columns;
use crate::engine::rules::keys::Part;
use crate::model::decimal::{PUBLISHED_LIMIT, to_published};

/// Sum of the rows of one invoice and currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InvoiceSum {
    /// Number of source rows.
    pub rows: u64,
    /// Sum of their amounts: units of 10^-20 while they are added up, 10^-10 in the end.
    pub amount: i128,
}

/// Sums by the codes of invoice and currency.
pub type InvoiceSums = BTreeMap<[u32; 2], InvoiceSum>;

/// Adds the rows of a frame; `amount` names the column that is added up.
pub(super) fn add(sums: &mut InvoiceSums, frame: &DataFrame, amount: &str) {
    let invoices = columns::codes(frame, Part::Invoice.column());
    let currencies = columns::codes(frame, Part::Currency.column());
    let rows = columns::counts(frame, "rows");
    let amounts = columns::sums(frame, amount);
    let keys = invoices.iter().zip(currencies);
    for ((invoice, currency), (rows, amount)) in keys.zip(rows.iter().zip(amounts)) {
        let sum = sums.entry([*invoice, *currency]).or_default();
        sum.rows += rows;
        // No overflow: the absolute values of a source are bounded.
        sum.amount += amount;
    }
}

/// Sums as they are published.
///
/// # Errors
/// [`EngineError::AmountOverflow`] for an amount past 28 digits.
pub(super) fn published(sums: InvoiceSums) -> Result<InvoiceSums, EngineError> {
    let published = sums.into_iter().map(|(key, sum)| {
        let amount = to_published(sum.amount).filter(|amount| amount.abs() <= PUBLISHED_LIMIT);
        let amount = amount.ok_or(EngineError::AmountOverflow)?;
        Ok((key, InvoiceSum { amount, ..sum }))
    });
    published.collect()
}
