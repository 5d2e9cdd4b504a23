//! Invoice headers, and `lines-to-invoice`.

use std::collections::BTreeMap;
use std::sync::Arc;

use polars::prelude::PolarsResult;
use rust_decimal::Decimal;

use super::aggregate::GROSS_LIMIT;
use super::frames;
use super::investigate::{Finding, Narrowest};
use super::rounding::Bounds;
use super::scope::{AZURE_CREDIT, Scope};
use super::steps::Steps;
use super::totals::Totals;
use super::variance::{AmountOverflow, Keys, Sides};
use super::vocabulary::Domain;
use crate::model::cause::TieOut;
use crate::model::currency::minor_digits;
use crate::model::dataset::{INVOICES, position};
use crate::model::decimal::{self, AMOUNT_SCALE, PUBLISHED_SCALE, Rounding, power_of_ten, rescale};
use crate::model::period::Period;
use crate::model::reject::Rejection;
use crate::model::row::Cell;

/// One invoice header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Invoice id.
    pub id: String,
    /// Billing currency.
    pub currency: String,
    /// Sum asked for, tax included unless the invoice says otherwise.
    pub total_charges: Decimal,
    /// Month that it bills, where it says so.
    pub period: Option<Period>,
}

impl Header {
    /// Reads a header row.
    ///
    /// # Errors
    /// A [`Rejection`] naming the cell that cannot be used.
    pub fn read(cells: &[Cell<'_>]) -> Result<Self, Rejection> {
        let cell = |name: &str| cells.get(position(INVOICES, name)).unwrap_or(&Cell::Missing);
        let text = |name: &'static str| {
            let bytes = cell(name).bytes();
            let text = std::str::from_utf8(&bytes).map(|text| text.trim().to_owned());
            text.map_err(|_| Rejection::new(name, &bytes, "UTF-8 text".to_owned()))
        };
        let needed = |name: &'static str| match text(name)? {
            empty if empty.is_empty() => Err(Rejection::in_words(name, "nothing", "a value".to_owned())),
            value => Ok(value),
        };
        let total = needed("TotalCharges")?;
        let exact =
            decimal::parse(total.as_bytes(), AMOUNT_SCALE).ok().filter(|parsed| !parsed.rounded && parsed.value.abs() <= GROSS_LIMIT);
        let money = exact.and_then(|parsed| Decimal::from_str_exact(&decimal::plain(parsed.value, AMOUNT_SCALE)).ok());
        let total_charges = money.ok_or_else(|| {
            Rejection::new("TotalCharges", total.as_bytes(), "a decimal number below 10^17, as `1234.56`, of at most 28 digits".to_owned())
        })?;
        let start = cell("BillingPeriodStartDate").day("BillingPeriodStartDate")?;
        Ok(Self { id: needed("Id")?, currency: needed("CurrencyCode")?.to_uppercase(), total_charges, period: start.and_then(Period::of) })
    }
}

#[derive(Default)]
struct Compared {
    lines: u64,
    lines_total: i128,
    /// Of the lines' total: tax, Azure credits, copies of lines.
    tax: i128,
    credits: i128,
    copies: i128,
    headers: u64,
    header_total: i128,
}

/// A compared invoice, and what is known of its variance.
pub type Checked = (Sides, Option<Finding>);

/// Compares the lines of each invoice and currency with its header.
///
/// # Errors
/// [`AmountOverflow`], or a polars error, which is a bug of ours.
pub fn compare(totals: &Totals, headers: &[Header]) -> PolarsResult<Result<Vec<Checked>, AmountOverflow>> {
    let mut compared: BTreeMap<(u32, u32), Compared> = BTreeMap::new();
    let lines = &totals.lines;
    let (invoices, currencies) = (frames::codes(lines, "invoice")?, frames::codes(lines, "currency")?);
    let (taxes, adjustments) = (frames::sums(lines, "tax")?, frames::codes(lines, "adjustment")?);
    let copies = frames::codes(lines, "copies")?;
    let keyed = invoices.iter().zip(currencies).zip(frames::counts(lines, "rows")?.iter().zip(frames::sums(lines, "total")?));
    for (row, ((invoice, currency), (rows, total))) in keyed.enumerate() {
        let slot = compared.entry((*invoice, *currency)).or_default();
        slot.lines += rows;
        let Some(sum) = slot.lines_total.checked_add(*total) else { return Ok(Err(AmountOverflow)) };
        slot.lines_total = sum;
        slot.tax = slot.tax.saturating_add(taxes.get(row).copied().unwrap_or(0));
        let code = |column: &[u32]| column.get(row).copied().unwrap_or(0);
        if totals.vocabulary.text(Domain::Adjustment, code(adjustments)) == AZURE_CREDIT {
            slot.credits = slot.credits.saturating_add(*total);
        }
        let [.., copied] = totals.line_copies.get((code(copies) as usize).wrapping_sub(1)).copied().unwrap_or_default().sums;
        slot.copies = slot.copies.saturating_add(copied);
    }
    for header in headers {
        let code = |domain, text: &str| totals.vocabulary.code(domain, text).unwrap_or(0);
        let key = (code(Domain::Invoice, &header.id), code(Domain::Currency, &header.currency));
        let slot = compared.entry(key).or_default();
        slot.headers += 1;
        let Some(sum) = decimal::from_money(header.total_charges).and_then(|total| slot.header_total.checked_add(total)) else {
            return Ok(Err(AmountOverflow));
        };
        slot.header_total = sum;
    }
    Ok(compared.into_iter().map(|((invoice, currency), compared)| compared.checked(invoice, currency, totals)).collect())
}

impl Compared {
    /// The header leaves out tax, credits or copies, or several of these, if their sum is the variance
    /// to the last digit; nothing less is evidence.
    fn steps(&self) -> Option<Steps> {
        let published = |amount: i128| rescale(amount, AMOUNT_SCALE, PUBLISHED_SCALE, Rounding::HalfUp);
        let variance = self.header_total.checked_sub(self.lines_total)?;
        let left_out = [self.tax, self.credits, self.copies].map(|amount| -amount);
        for chosen in 1..8_u8 {
            let part = |at: u8| left_out.get(usize::from(at)).copied().filter(|_| chosen & (1 << at) != 0).unwrap_or(0);
            let is_idle = (0..3).any(|at| chosen & (1 << at) != 0 && part(at) == 0);
            let sum = part(0).checked_add(part(1))?.checked_add(part(2))?;
            if !is_idle && sum == variance {
                let (tax, credit, duplicate) = (published(part(0))?, published(part(1))?, published(part(2))?);
                return Some(Steps { tax, credit, duplicate, ..Steps::default() });
            }
        }
        Some(Steps::default())
    }

    fn checked(&self, invoice: u32, currency: u32, totals: &Totals) -> Result<Checked, AmountOverflow> {
        let sides = self.sides(invoice, currency, totals)?;
        if self.lines == 0 || self.headers == 0 || !sides.is_beyond_rounding()? {
            return Ok((sides, None));
        }
        let steps = self.steps().ok_or(AmountOverflow)?;
        Ok((sides, Some(Finding { steps, narrowest: Narrowest::Invoice, resource: None, days: None })))
    }

    fn sides(&self, invoice: u32, currency: u32, totals: &Totals) -> Result<Sides, AmountOverflow> {
        let published = |amount| rescale(amount, AMOUNT_SCALE, PUBLISHED_SCALE, Rounding::HalfUp).ok_or(AmountOverflow);
        let digits = minor_digits(totals.vocabulary.text(Domain::Currency, currency));
        // Lines are cents: their sum is exact, and the header repeats it. Only where lines carry
        // more digits was the header rounded, once.
        let cent = power_of_ten(AMOUNT_SCALE - digits);
        let bound = if self.lines_total % cent == 0 { 0 } else { cent };
        Ok(Sides {
            tie_out: TieOut::LinesToInvoice,
            keys: Keys { invoice, currency, ..Keys::default() },
            charge_type: String::new(),
            matched_on: Arc::from(if self.lines > 0 && self.headers > 0 { "invoice" } else { "" }),
            scope: Scope::Usage,
            expected_rows: self.lines,
            invoiced_rows: self.headers,
            expected_quantity: 0,
            invoiced_quantity: 0,
            expected_amount: published(self.lines_total)?,
            invoiced_amount: published(self.header_total)?,
            bounds: Bounds { below: bound, above: bound },
        })
    }
}
