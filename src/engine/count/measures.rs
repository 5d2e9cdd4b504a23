//! Numbers of one row: the amounts and quantities that are summed, their precision, and the day.
//!
//! A row whose number or date cannot be read is rejected here, before anything of it is counted.
//! Each column of numbers is a constant below, with its name and its decimals in one place. The
//! order of [`Measures::sums`] is kept by every total, and `fold` reads the sums back by position:
//! it changes in both at once.

use super::total::SUMS;
use crate::model::dataset::{Column, INVOICE_LINES, USAGE, position};
use crate::model::decimal::{self, AMOUNT_SCALE, Parsed, QUANTITY_SCALE, RATE_SCALE, Rounding};
use crate::model::period::Day;
use crate::model::reject::Rejection;
use crate::model::row::Cell;

/// Significant digits from which on a number may have been cut on its way: a spreadsheet keeps 10
/// ([quirks](crate::model::domain::quirks), daily rated usage 2), the API 15
/// ([semantics §3](crate::model::domain::semantics)). Numbers of fewer digits are taken as exact.
const LIMITED_DIGITS: u32 = 10;

/// Numbers and day of one row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measures {
    /// Numbers in units of 10^-20. Of usage: quantity, billing amount, pricing amount, 0. Of an
    /// invoice line: billable quantity, subtotal, tax, total.
    pub sums: [i128; SUMS],
    /// Half a unit of the billing amount's last digit, in units of 10^-20, if the amount was
    /// written with limited precision; 0 otherwise, and for invoice lines.
    pub precision: i128,
    /// Total of an invoice line less its Subtotal and TaxTotal, in units of 10^-20; 0 where they
    /// agree as far as they are written, where the line lacks Total or TaxTotal, and for usage.
    pub total_apart: i128,
    /// Day of use, or first day of the charge; `None` where the cell is empty.
    pub day: Option<Day>,
    /// True if a number had more decimals than are kept, and was rounded half to even.
    pub rounded: bool,
}

impl Measures {
    /// True if the row was used but neither billed nor priced: a free grant, or covered by a
    /// benefit.
    #[must_use]
    pub(super) fn is_free(&self) -> bool {
        let [quantity, billing, pricing, _] = self.sums;
        quantity != 0 && billing == 0 && pricing == 0
    }

    /// Number of a cell; `None` where the cell is empty.
    fn number(
        &mut self,
        cells: &[Cell<'_>],
        column: &NumberColumn,
    ) -> Result<Option<Parsed>, Rejection> {
        let parsed = cells[column.position].decimal(column.name, column.scale)?;
        self.rounded |= parsed.is_some_and(|parsed| parsed.rounded);
        Ok(parsed)
    }

    /// Number of a cell that must not be empty.
    fn needed(&mut self, cells: &[Cell<'_>], column: &NumberColumn) -> Result<Parsed, Rejection> {
        self.number(cells, column)?.ok_or_else(|| {
            Rejection::in_words(column.name, "nothing", "a decimal number".to_owned())
        })
    }

    /// Number of a cell that adds nothing where it is empty: files of some years lack the column.
    fn optional(&mut self, cells: &[Cell<'_>], column: &NumberColumn) -> Result<i128, Rejection> {
        Ok(match self.number(cells, column)? {
            Some(parsed) => parsed.value,
            None => 0,
        })
    }
}

/// A column of numbers, as a row's cells hold it.
struct NumberColumn {
    /// Position among the dataset's columns.
    position: usize,
    /// Name of the column, as rejections give it.
    name: &'static str,
    /// Decimals that are kept.
    scale: u32,
}

const fn number_column(table: &[Column], name: &'static str, scale: u32) -> NumberColumn {
    NumberColumn {
        position: position(table, name),
        name,
        scale,
    }
}

const QUANTITY: NumberColumn = number_column(USAGE, "Quantity", QUANTITY_SCALE);
const BILLING: NumberColumn = number_column(USAGE, "BillingPreTaxTotal", AMOUNT_SCALE);
const PRICING: NumberColumn = number_column(USAGE, "PricingPreTaxTotal", AMOUNT_SCALE);
const USAGE_RATE: NumberColumn = number_column(USAGE, "PCToBCExchangeRate", RATE_SCALE);
/// Position of the day of use.
pub(super) const USAGE_DATE: usize = position(USAGE, "UsageDate");
/// Positions of the numbers of usage that are summed, in the order of [`Measures::sums`].
pub(super) const USAGE_SUMS: [usize; 3] = [QUANTITY.position, BILLING.position, PRICING.position];
/// Number of decimals that [`Measures::sums`] have.
pub(super) const SUM_SCALE: u32 = AMOUNT_SCALE;

/// Numbers of a usage row.
pub(super) fn of_usage(cells: &[Cell<'_>]) -> Result<Measures, Rejection> {
    let mut measures = Measures::default();
    // An empty cell is not taken for 0: the row could pass for usage that was given free.
    let quantity = measures.needed(cells, &QUANTITY)?.value;
    let billing = measures.needed(cells, &BILLING)?;
    let pricing = measures.number(cells, &PRICING)?;
    let priced = pricing.map_or(0, |pricing| pricing.value);
    measures.sums = [quantity, billing.value, priced, 0];
    // The rate is part of the key, as text: that the text is a number is made sure of here.
    let rate = measures.number(cells, &USAGE_RATE)?;
    // Only the billing amount is compared with the invoice: its precision widens the tolerance.
    measures.precision = precision_of(billing, &cells[BILLING.position]);
    if measures.precision == 0 {
        measures.precision = precision_of_lost_zeros(billing, pricing, rate);
    } else if is_converted(billing, pricing, rate) {
        measures.precision = 0;
    }
    measures.day = cells[USAGE_DATE].day("UsageDate")?;
    Ok(measures)
}

/// True if an amount is its pricing amount at a rate to its last digit. Of amounts that were cut this
/// is not so: what was cut off the pricing amount is missing in the product. At a rate of 1 both
/// would be cut alike, and nothing is proven.
fn is_converted(billing: Parsed, pricing: Option<Parsed>, rate: Option<Parsed>) -> bool {
    let one = decimal::power_of_ten(RATE_SCALE);
    match (pricing, rate) {
        (Some(pricing), Some(rate)) if rate.value != one => billing.is_product_of(&pricing, &rate),
        _ => false,
    }
}

/// Half a unit of a number's last digit, in units of 10^-20; 0 for a number that is taken as exact.
fn precision_of(amount: Parsed, cell: &Cell<'_>) -> i128 {
    let (digits, mut last_exponent) = amount.significance();
    if digits < LIMITED_DIGITS {
        if !is_displayed(cell) {
            return 0;
        }
        last_exponent = amount.last_exponent();
    }
    // Half of 10^exponent, at 20 decimals, is 5 x 10^(exponent + 19).
    match u32::try_from(last_exponent + 19) {
        Ok(places) => 5 * decimal::power_of_ten(places),
        // The last digit is below 10^-19, and half of it below what is kept.
        Err(_) => 0,
    }
}

/// Half a unit of the tenth digit of an amount that has fewer, where it was cut to ten and ended in
/// zeros, which spreadsheets leave out: it is no product of its pricing amount and rate, but the product
/// rounds to it. 0 where that is not proven.
fn precision_of_lost_zeros(billing: Parsed, pricing: Option<Parsed>, rate: Option<Parsed>) -> i128 {
    let (Some(pricing), Some(rate)) = (pricing, rate) else {
        return 0;
    };
    let is_one = rate.value == decimal::power_of_ten(RATE_SCALE);
    if is_one || billing.is_product_of(&pricing, &rate) {
        return 0;
    }
    let converted = |amount: i128| {
        let (amount, rate) = ((amount, AMOUNT_SCALE), (rate.value, RATE_SCALE));
        decimal::multiply(amount, rate, AMOUNT_SCALE, Rounding::HalfEven)
    };
    let is_proven = |half: i128| {
        // The pricing amount may have been cut as well.
        let (digits, _) = pricing.significance();
        let of_pricing = match digits < LIMITED_DIGITS {
            true => 0,
            false => converted(half_of_tenth_digit(pricing)?)?.checked_abs()?,
        };
        let lost = converted(pricing.value)?.checked_sub(billing.value)?;
        Some(lost.checked_abs()? <= half.checked_add(of_pricing)?)
    };
    half_of_tenth_digit(billing)
        .filter(|half| is_proven(*half) == Some(true))
        .unwrap_or_default()
}

/// Half a unit of the tenth significant digit of a number, in units of 10^-20; `None` for zero, and where
/// that is less than what is kept.
fn half_of_tenth_digit(number: Parsed) -> Option<i128> {
    let (digits, last_exponent) = number.significance();
    let tenth = i64::from(last_exponent) + i64::from(digits) - i64::from(LIMITED_DIGITS);
    let places = u32::try_from(tenth + 19).ok().filter(|_| digits > 0)?;
    Some(5 * decimal::power_of_ten(places))
}

/// True of a number as a spreadsheet displays it with an exponent, `1.23457E+05`: it is cut to the
/// digits that are shown. Programs write an exponent behind numbers that large only if they exceed
/// 10^15, and then all digits that they have.
fn is_displayed(cell: &Cell<'_>) -> bool {
    let text: &[u8] = match cell {
        Cell::Text(text) => text,
        Cell::Entry { text, .. } => text,
        Cell::Missing | Cell::Decimal(..) | Cell::Date(_) | Cell::Written(..) => return false,
    };
    let Some(at) = text.iter().position(|byte| *byte == b'E') else {
        return false;
    };
    let (mantissa, exponent) = text.split_at(at);
    mantissa.contains(&b'.')
        && matches!(
            exponent,
            [b'E', b'+', b'0', _] | [b'E', b'+', b'1', b'0'..=b'4']
        )
}

/// Total less Subtotal and TaxTotal, in units of 10^-20; 0 where cents that a spreadsheet cut off
/// can make the difference.
fn total_apart(subtotal: Parsed, tax: Parsed, total: Parsed) -> i128 {
    // Saturates past all sense only, where the dataset is refused by `GROSS_LIMIT`.
    let apart = total
        .value
        .saturating_sub(subtotal.value)
        .saturating_sub(tax.value);
    let lost: i128 = [subtotal, tax, total].map(cents_cut_off).iter().sum();
    if apart.saturating_abs() <= lost {
        0
    } else {
        apart
    }
}

/// Most by which a number may have lost cents to a spreadsheet, in units of 10^-20: half a unit of
/// the last digit that a spreadsheet keeps of it, where that is before the cents and the number has
/// no digit behind.
fn cents_cut_off(amount: Parsed) -> i128 {
    let half_of_tenth = 5 * decimal::power_of_ten(AMOUNT_SCALE - 2);
    let (digits, _) = amount.significance();
    half_of_tenth_digit(amount)
        .filter(|half| digits <= LIMITED_DIGITS && *half >= half_of_tenth)
        .unwrap_or_default()
}

const BILLABLE: NumberColumn = number_column(INVOICE_LINES, "BillableQuantity", QUANTITY_SCALE);
const SEATS: NumberColumn = number_column(INVOICE_LINES, "Quantity", QUANTITY_SCALE);
const SUBTOTAL: NumberColumn = number_column(INVOICE_LINES, "Subtotal", AMOUNT_SCALE);
const TAX: NumberColumn = number_column(INVOICE_LINES, "TaxTotal", AMOUNT_SCALE);
const TOTAL: NumberColumn = number_column(INVOICE_LINES, "Total", AMOUNT_SCALE);
const LINE_RATE: NumberColumn = number_column(INVOICE_LINES, "PCToBCExchangeRate", RATE_SCALE);
const CHARGE_START: usize = position(INVOICE_LINES, "ChargeStartDate");

/// Numbers of an invoice line. Lines of 2018 and 2019 have no BillableQuantity: Quantity stands in
/// for it, and Subtotal + TaxTotal for a missing Total.
pub(super) fn of_line(cells: &[Cell<'_>]) -> Result<Measures, Rejection> {
    let mut measures = Measures::default();
    let quantity = match measures.number(cells, &BILLABLE)? {
        Some(billable) => billable.value,
        None => measures.optional(cells, &SEATS)?,
    };
    let subtotal_written = measures.needed(cells, &SUBTOTAL)?;
    let subtotal = subtotal_written.value;
    let tax_written = measures.number(cells, &TAX)?;
    let tax = tax_written.map_or(0, |tax| tax.value);
    // A Total that is there is taken as it is: whether the line adds up is a tie-out of its own.
    let total_written = measures.number(cells, &TOTAL)?;
    if let (Some(tax), Some(total)) = (tax_written, total_written) {
        measures.total_apart = total_apart(subtotal_written, tax, total);
    }
    let total = match total_written {
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
    // As of usage: the key holds the rate as text, and here it is made sure that it is a number.
    measures.number(cells, &LINE_RATE)?;
    measures.day = cells[CHARGE_START].day("ChargeStartDate")?;
    Ok(measures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str, scale: u32) -> Parsed {
        decimal::parse(text.as_bytes(), scale).unwrap()
    }

    #[test]
    fn an_amount_of_fewer_digits_was_cut_if_its_product_rounds_to_it() {
        for (billing, pricing, rate, wanted) in [
            // Found in 200,000 rows: the tenth digit was a zero.
            ("0.372329173", "0.44", "0.846202666", "5e-11"),
            ("-0.372329173", "-0.44", "0.846202666", "5e-11"),
            ("37232.9173", "44000", "0.846202666", "5e-6"),
            // Its product, to the last digit.
            ("0.4231", "0.5", "0.8462", "0"),
            // A last digit off is no rounding.
            ("0.372329174", "0.44", "0.846202666", "0"),
            ("0.37", "0.44", "0.846202666", "0"),
            ("0.44", "0.44", "1", "0"),
            ("0", "0", "0.846202666", "0"),
            // 0.1111111101, which is not what it rounds to.
            ("0.11111111", "0.123456789", "0.9", "0"),
            // 0.11111111001, which is.
            ("0.11111111", "0.1234567889", "0.9", "5e-11"),
        ] {
            let found = precision_of_lost_zeros(
                number(billing, AMOUNT_SCALE),
                Some(number(pricing, AMOUNT_SCALE)),
                Some(number(rate, RATE_SCALE)),
            );
            let wanted = number(wanted, AMOUNT_SCALE).value;
            assert_eq!(found, wanted, "{billing} = {pricing} x {rate}");
        }
        let (amount, rate) = (number("0.372329173", 20), number("0.846202666", RATE_SCALE));
        assert_eq!(precision_of_lost_zeros(amount, None, Some(rate)), 0);
        assert_eq!(precision_of_lost_zeros(amount, Some(amount), None), 0);
    }

    #[test]
    fn an_amount_that_is_its_product_was_not_cut() {
        for (billing, pricing, rate, wanted) in [
            // Found by the 6,636th mutation: a cent too little was called rounding.
            ("84.065220880", "91.640", "0.917342", true),
            ("84.06522088", "91.64", "0.917342", true),
            ("132.9228558", "144.9", "0.917342", true),
            // Fifteen digits of twenty.
            ("66.4366204837253", "72.422957287168", "0.917342", false),
            // Both may have been cut alike.
            ("72.422957287168", "72.422957287168", "1", false),
            ("12345678.9", "1234567890", "0.01", true),
            ("-84.06522088", "-91.64", "0.917342", true),
        ] {
            let found = is_converted(
                number(billing, AMOUNT_SCALE),
                Some(number(pricing, AMOUNT_SCALE)),
                Some(number(rate, RATE_SCALE)),
            );
            assert_eq!(found, wanted, "{billing} = {pricing} x {rate}");
        }
        let (amount, rate) = (number("84.06522088", 20), number("0.917342", RATE_SCALE));
        assert!(!is_converted(amount, None, Some(rate)));
        assert!(!is_converted(amount, Some(amount), None));
    }
}
