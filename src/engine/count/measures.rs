//! The numbers of one row: what is summed, and on which day.

use super::total::SUMS;
use crate::model::dataset::{INVOICE_LINES, USAGE, position};
use crate::model::decimal::{self, AMOUNT_SCALE, Parsed, QUANTITY_SCALE, RATE_SCALE};
use crate::model::period::Day;
use crate::model::reject::Rejection;
use crate::model::row::Cell;

/// A text with at least so many significant digits was cut somewhere on its way: a spreadsheet
/// keeps 10, the API 15 (`quirks.md`, daily rated usage 2 and 3). Shorter ones are exact.
const LIMITED_DIGITS: u32 = 10;

/// The numbers of one row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measures {
    /// In units of 10^-20. Of usage: quantity, billing amount, pricing amount, 0. Of an invoice
    /// line: billable quantity, subtotal, tax, total.
    pub sums: [i128; SUMS],
    /// Half a unit of the amount's last digit, where it was written with limited precision.
    pub precision: i128,
    /// Day of use, or first day of the charge.
    pub day: Option<Day>,
    /// A number held more decimals than are kept.
    pub rounded: bool,
}

impl Measures {
    /// Used, and neither billed nor priced: granted, or covered by a benefit.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let [quantity, billing, pricing, _] = self.sums;
        quantity != 0 && billing == 0 && pricing == 0
    }

    fn number(
        &mut self,
        cells: &[Cell<'_>],
        at: usize,
        column: &'static str,
        scale: u32,
    ) -> Result<Option<Parsed>, Rejection> {
        let parsed = cells
            .get(at)
            .unwrap_or(&Cell::Missing)
            .decimal(column, scale)?;
        self.rounded |= parsed.is_some_and(|parsed| parsed.rounded);
        Ok(parsed)
    }

    /// The rate is part of the key, as text; here it is only made sure that it is a number.
    fn rate(&mut self, cells: &[Cell<'_>], at: usize) -> Result<(), Rejection> {
        self.number(cells, at, "PCToBCExchangeRate", RATE_SCALE)
            .map(drop)
    }

    fn needed(
        &mut self,
        cells: &[Cell<'_>],
        at: usize,
        column: &'static str,
        scale: u32,
    ) -> Result<Parsed, Rejection> {
        self.number(cells, at, column, scale)?
            .ok_or_else(|| Rejection::in_words(column, "nothing", "a decimal number".to_owned()))
    }
}

fn day(cells: &[Cell<'_>], at: usize, column: &'static str) -> Result<Option<Day>, Rejection> {
    cells.get(at).unwrap_or(&Cell::Missing).day(column)
}

fn precision_of(amount: Parsed) -> i128 {
    let (digits, last_exponent) = amount.significance();
    if digits < LIMITED_DIGITS {
        return 0;
    }
    // Half a unit of the last digit, at 20 decimals: 5 x 10^(exponent + 19).
    match u32::try_from(last_exponent + 19) {
        Ok(places) if places <= 37 => 5 * decimal::power_of_ten(places),
        _ => 0,
    }
}

const BILLING: usize = position(USAGE, "BillingPreTaxTotal");
const PRICING: usize = position(USAGE, "PricingPreTaxTotal");
const QUANTITY: usize = position(USAGE, "Quantity");
const USAGE_RATE: usize = position(USAGE, "PCToBCExchangeRate");
const USAGE_DATE: usize = position(USAGE, "UsageDate");

/// The numbers of a usage row.
pub(crate) fn of_usage(cells: &[Cell<'_>]) -> Result<Measures, Rejection> {
    let mut measures = Measures::default();
    let quantity = measures
        .needed(cells, QUANTITY, "Quantity", QUANTITY_SCALE)?
        .value;
    let billing = measures.needed(cells, BILLING, "BillingPreTaxTotal", AMOUNT_SCALE)?;
    let pricing = measures
        .number(cells, PRICING, "PricingPreTaxTotal", AMOUNT_SCALE)?
        .map_or(0, |parsed| parsed.value);
    measures.sums = [quantity, billing.value, pricing, 0];
    measures.precision = precision_of(billing);
    measures.rate(cells, USAGE_RATE)?;
    measures.day = day(cells, USAGE_DATE, "UsageDate")?;
    Ok(measures)
}

const BILLABLE: usize = position(INVOICE_LINES, "BillableQuantity");
const SEATS: usize = position(INVOICE_LINES, "Quantity");
const SUBTOTAL: usize = position(INVOICE_LINES, "Subtotal");
const TAX: usize = position(INVOICE_LINES, "TaxTotal");
const TOTAL: usize = position(INVOICE_LINES, "Total");
const LINE_RATE: usize = position(INVOICE_LINES, "PCToBCExchangeRate");
const CHARGE_START: usize = position(INVOICE_LINES, "ChargeStartDate");

/// The numbers of an invoice line. Lines of 2018 and 2019 have no BillableQuantity: Quantity stands
/// in for it, and Subtotal + TaxTotal for a missing Total.
pub(crate) fn of_line(cells: &[Cell<'_>]) -> Result<Measures, Rejection> {
    let mut measures = Measures::default();
    let billable = measures.number(cells, BILLABLE, "BillableQuantity", QUANTITY_SCALE)?;
    let quantity = match billable {
        Some(billable) => billable.value,
        None => measures
            .number(cells, SEATS, "Quantity", QUANTITY_SCALE)?
            .map_or(0, |parsed| parsed.value),
    };
    let subtotal = measures
        .needed(cells, SUBTOTAL, "Subtotal", AMOUNT_SCALE)?
        .value;
    let tax = measures
        .number(cells, TAX, "TaxTotal", AMOUNT_SCALE)?
        .map_or(0, |parsed| parsed.value);
    let total = match measures.number(cells, TOTAL, "Total", AMOUNT_SCALE)? {
        Some(total) => total.value,
        None => subtotal.checked_add(tax).ok_or_else(|| {
            Rejection::in_words(
                "Subtotal",
                "a sum with TaxTotal past 38 digits",
                "less".to_owned(),
            )
        })?,
    };
    measures.sums = [quantity, subtotal, tax, total];
    measures.rate(cells, LINE_RATE)?;
    measures.day = day(cells, CHARGE_START, "ChargeStartDate")?;
    Ok(measures)
}
