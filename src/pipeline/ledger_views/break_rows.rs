//! Breaks as people see them: the columns of the ledger's table `breaks`, with the age of each.

use serde::Serialize;

use super::sums::{ExactSum, SumUnit};
use crate::ledger::amount;
use crate::ledger::breaks::{LedgerBreak, State, Stream};
use crate::pipeline::month_end::tables::RunDays;

/// Break of the ledger. The fields stand in the order of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakRow {
    /// Pipeline and period of the row.
    #[serde(flatten)]
    pub stream: Stream,
    /// Id, the same in every run.
    pub break_id: String,
    /// Name of the comparison.
    pub tie_out: String,
    /// Calendar month of the invoice.
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
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// True if it informs only, and keeps no period from being closed.
    pub informs: bool,
    /// State of the break.
    pub state: State,
    /// Day of the first run that had it.
    pub first_seen: String,
    /// Day of the last complete run that had it.
    pub last_seen: String,
    /// Days from the first of these days to the last.
    pub age_days: i32,
    /// Amount in the first run that had it, or quantity.
    pub amount_first: ExactSum,
    /// Amount now; of a resolved break, the last.
    pub amount_now: ExactSum,
    /// Cause in the first run that had it.
    pub cause_first: String,
    /// Cause in the last run with it.
    pub cause_now: String,
    /// Name of the person who has it; empty for nobody.
    pub owner: String,
    /// Free text of people.
    pub label: String,
    /// Ticket of the dispute; empty for none.
    pub ticket: String,
    /// Reason of the acceptance, or of the last change that hid or showed the break.
    pub reason: String,
    /// Last day of the acceptance; empty if it is not accepted.
    pub accepted_until: String,
    /// Largest amount, in either direction, that is accepted; empty if it is not accepted.
    pub accepted_cap: String,
    /// Number of the run that no longer had it; empty while it is there.
    pub closed_in: String,
}

impl BreakRow {
    /// Row of a break.
    #[must_use]
    pub(crate) fn of(stream: Stream, known: LedgerBreak, days: &RunDays) -> Self {
        let age_days = days.age_of(&stream, &known);
        let LedgerBreak { found, .. } = known;
        Self {
            stream,
            age_days,
            break_id: found.break_id,
            tie_out: found.tie_out,
            billing_period: found.billing_period,
            invoice_number: found.invoice_number,
            customer_id: found.customer_id,
            customer_name: found.customer_name,
            subscription_id: found.subscription_id,
            product_id: found.product_id,
            product_name: found.product_name,
            sku_id: found.sku_id,
            sku_name: found.sku_name,
            meter_description: found.meter_description,
            currency: found.currency,
            informs: found.informs,
            state: known.state,
            first_seen: known.first_seen,
            last_seen: known.last_seen,
            amount_first: ExactSum::of(known.amount_first),
            amount_now: ExactSum::of(found.amount),
            cause_first: known.cause_first,
            cause_now: found.cause,
            owner: known.owner,
            label: known.label,
            ticket: known.ticket,
            reason: known.reason,
            accepted_until: known.accepted_until,
            accepted_cap: known.accepted_cap.map_or_else(String::new, amount::text),
            closed_in: known.closed_in,
        }
    }

    /// Unit of the amounts.
    #[must_use]
    pub fn unit(&self) -> SumUnit {
        SumUnit::of(&self.tie_out, &self.currency)
    }

    /// Customer and item in words, as the summary of a run names them.
    #[must_use]
    pub fn subject(&self) -> [&str; 2] {
        [
            first_text([&self.customer_name, &self.customer_id, &self.invoice_number]),
            first_text([
                &self.meter_description,
                &self.product_name,
                &self.product_id,
            ]),
        ]
    }
}

/// The first text that is not empty; empty where all are.
pub(super) fn first_text(texts: [&str; 3]) -> &str {
    let found = texts.into_iter().find(|text| !text.is_empty());
    found.map_or("", |text| text)
}
