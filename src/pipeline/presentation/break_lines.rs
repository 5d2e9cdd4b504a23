//! Breaks and lines out of scope, each with what a person needs to claim it or to find it.

use super::money::Money;
use super::table_rows::TableRow;
use crate::engine::rules::definitions::{Measure, definition};
use crate::model::cause::TieOut;
use crate::model::period::Day;
use crate::model::tables::{VARIANCES, column_of};

const TIE_OUT: usize = column_of(&VARIANCES, "tie_out");
const BILLING_PERIOD: usize = column_of(&VARIANCES, "billing_period");
const INVOICE: usize = column_of(&VARIANCES, "invoice_number");
const CUSTOMER: usize = column_of(&VARIANCES, "customer_id");
const CUSTOMER_NAME: usize = column_of(&VARIANCES, "customer_name");
const SUBSCRIPTION: usize = column_of(&VARIANCES, "subscription_id");
const PRODUCT: usize = column_of(&VARIANCES, "product_id");
const PRODUCT_NAME: usize = column_of(&VARIANCES, "product_name");
const SKU: usize = column_of(&VARIANCES, "sku_id");
const SKU_NAME: usize = column_of(&VARIANCES, "sku_name");
const METER: usize = column_of(&VARIANCES, "meter_description");
const CHARGE_TYPE: usize = column_of(&VARIANCES, "charge_type");
const ADJUSTMENT: usize = column_of(&VARIANCES, "price_adjustment");
const CURRENCY: usize = column_of(&VARIANCES, "currency");
const MATCHED_ON: usize = column_of(&VARIANCES, "matched_on");
const USAGE_ROWS: usize = column_of(&VARIANCES, "usage_rows");
const LINES: usize = column_of(&VARIANCES, "invoice_lines");
const EXPECTED_QUANTITY: usize = column_of(&VARIANCES, "expected_quantity");
const INVOICED_QUANTITY: usize = column_of(&VARIANCES, "invoiced_quantity");
const EXPECTED: usize = column_of(&VARIANCES, "expected_amount");
const INVOICED: usize = column_of(&VARIANCES, "invoiced_amount");
const VARIANCE: usize = column_of(&VARIANCES, "variance_amount");
const VARIANCE_QUANTITY: usize = column_of(&VARIANCES, "variance_quantity");
const CAUSE: usize = column_of(&VARIANCES, "cause");
const BREAK_ID: usize = column_of(&VARIANCES, "break_id");
const COUNTERPART: usize = column_of(&VARIANCES, "counterpart");

/// Row of `variances` in words and figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BreakLine {
    /// Id of the break, as `explain` takes it.
    pub break_id: String,
    /// Name of the comparison.
    pub tie_out: String,
    /// Calendar month of the invoice, as `2026-10`.
    pub billing_period: String,
    /// Number of the invoice; empty for data of none.
    pub invoice_number: String,
    /// Id of the customer.
    pub customer_id: String,
    /// Name of the customer.
    pub customer_name: String,
    /// Id of the subscription or plan.
    pub subscription_id: String,
    /// Id of the product.
    pub product_id: String,
    /// Name of the product.
    pub product_name: String,
    /// Id of the SKU.
    pub sku_id: String,
    /// Name of the SKU.
    pub sku_name: String,
    /// Meter text of the invoice line.
    pub meter_description: String,
    /// Charge types, separated by `|`.
    pub charge_type: String,
    /// Price adjustment; empty for none.
    pub price_adjustment: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// Pass on which both sides met; of lines out of scope their kind behind `rule:`.
    pub matched_on: String,
    /// Number of usage rows behind it.
    pub usage_rows: u64,
    /// Number of invoice lines behind it.
    pub invoice_lines: u64,
    /// Quantity that usage comes to.
    pub expected_quantity: Money,
    /// Quantity of the lines.
    pub invoiced_quantity: Money,
    /// Amount that usage says is owed.
    pub expected: Money,
    /// Amount that the invoice asks for.
    pub invoiced: Money,
    /// Invoiced less expected, of the measure that is compared.
    pub difference: Money,
    /// True if quantities are compared, and the difference is one.
    pub is_of_quantities: bool,
    /// Name of the largest cause; empty for none.
    pub cause: String,
    /// Id of the one-sided break that makes up for it; empty for none.
    pub counterpart: String,
    /// Evidence about the break; `None` where the run published none.
    pub evidence: Option<Evidence>,
}

/// Evidence about a break, as the table `findings` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Narrowest thing that holds it alone: invoice, customer, subscription, meter, resource or day.
    pub narrowest_level: String,
    /// The only resource that it concerns; empty for several.
    pub resource_uri: String,
    /// First day of usage that it concerns.
    pub first_day: Option<Day>,
    /// Last day of usage that it concerns.
    pub last_day: Option<Day>,
}

/// True if a tie-out compares quantities.
pub(super) fn is_of_quantities(tie_out: &str) -> bool {
    let known = TieOut::ALL
        .into_iter()
        .find(|known| known.name() == tie_out);
    known.is_some_and(|known| definition(known).measure == Measure::Quantity)
}

/// Difference of a row, of the measure that its tie-out compares.
pub(super) fn difference_of(row: TableRow<'_>) -> Money {
    Money(match is_of_quantities(row.text(TIE_OUT)) {
        true => row.number(VARIANCE_QUANTITY),
        false => row.number(VARIANCE),
    })
}

impl BreakLine {
    pub(super) fn of(row: TableRow<'_>) -> Self {
        let text = |column| row.text(column).to_owned();
        let number = |column| Money(row.number(column));
        Self {
            break_id: text(BREAK_ID),
            tie_out: text(TIE_OUT),
            billing_period: text(BILLING_PERIOD),
            invoice_number: text(INVOICE),
            customer_id: text(CUSTOMER),
            customer_name: text(CUSTOMER_NAME),
            subscription_id: text(SUBSCRIPTION),
            product_id: text(PRODUCT),
            product_name: text(PRODUCT_NAME),
            sku_id: text(SKU),
            sku_name: text(SKU_NAME),
            meter_description: text(METER),
            charge_type: text(CHARGE_TYPE),
            price_adjustment: text(ADJUSTMENT),
            currency: text(CURRENCY),
            matched_on: text(MATCHED_ON),
            usage_rows: row.count(USAGE_ROWS),
            invoice_lines: row.count(LINES),
            expected_quantity: number(EXPECTED_QUANTITY),
            invoiced_quantity: number(INVOICED_QUANTITY),
            expected: number(EXPECTED),
            invoiced: number(INVOICED),
            difference: difference_of(row),
            is_of_quantities: is_of_quantities(row.text(TIE_OUT)),
            cause: text(CAUSE),
            counterpart: text(COUNTERPART),
            evidence: None,
        }
    }

    /// Both sides in the measure that is compared: expected, then invoiced.
    #[must_use]
    pub const fn sides(&self) -> [Money; 2] {
        match self.is_of_quantities {
            true => [self.expected_quantity, self.invoiced_quantity],
            false => [self.expected, self.invoiced],
        }
    }

    /// Customer in words: name, otherwise id, otherwise the invoice.
    #[must_use]
    pub fn customer(&self) -> &str {
        first_text([&self.customer_name, &self.customer_id, &self.invoice_number])
    }

    /// Item in words: meter text, otherwise name or id of the product.
    #[must_use]
    pub fn item(&self) -> &str {
        first_text([
            &self.meter_description,
            &self.product_name,
            &self.product_id,
        ])
    }

    /// Kind of a line out of scope, such as `licence`.
    #[must_use]
    pub fn kind(&self) -> &str {
        let kind = self.matched_on.strip_prefix("rule:");
        kind.unwrap_or(&self.matched_on)
    }
}

/// The first text that is not empty; empty where all are.
pub(super) fn first_text(texts: [&str; 3]) -> &str {
    let found = texts.into_iter().find(|text| !text.is_empty());
    found.unwrap_or("")
}
