//! Customers with what they used, were invoiced and differ by, and the partner earned credit that the
//! invoice does not give on their usage.

use std::collections::BTreeMap;

use super::money::{CountedSum, Money};
use super::table_rows::TableRow;
use super::verdicts::part_column;
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::tables::{VARIANCES, column_of};

const TIE_OUT: usize = column_of(&VARIANCES, "tie_out");
const CUSTOMER: usize = column_of(&VARIANCES, "customer_id");
const CUSTOMER_NAME: usize = column_of(&VARIANCES, "customer_name");
const CURRENCY: usize = column_of(&VARIANCES, "currency");
const STATUS: usize = column_of(&VARIANCES, "status");
const EXPECTED: usize = column_of(&VARIANCES, "expected_amount");
const INVOICED: usize = column_of(&VARIANCES, "invoiced_amount");
const VARIANCE: usize = column_of(&VARIANCES, "variance_amount");

/// Figures of a customer in one currency, of usage against invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerFigures {
    /// Id of the customer.
    pub customer_id: String,
    /// Name of the customer.
    pub customer_name: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// What usage says is owed; of lines out of scope what they ask for.
    pub expected: Money,
    /// What the invoice asks for.
    pub invoiced: Money,
    /// Of that, lines that no usage is behind.
    pub not_checkable: Money,
    /// Breaks that ask for too much.
    pub over_billed: CountedSum,
    /// Breaks that ask for too little; the amount is negative.
    pub under_billed: CountedSum,
    /// Sum of the variances of groups whose other side can still come.
    pub awaited: Money,
    /// Sum of the absolute variances.
    pub gross: Money,
    /// Partner earned credit that usage has and the invoice does not give; negative where it gives
    /// more.
    pub credit_lost: CountedSum,
}

/// Collector of the customers, by currency and id.
#[derive(Debug, Default)]
pub(super) struct CustomerSums(BTreeMap<(String, String), CustomerFigures>);

impl CustomerSums {
    pub(super) fn add(&mut self, row: TableRow<'_>) {
        if row.text(TIE_OUT) != TieOut::UsageToInvoice.name() {
            return;
        }
        let key = (row.text(CURRENCY).to_owned(), row.text(CUSTOMER).to_owned());
        let one = self
            .0
            .entry(key)
            .or_insert_with_key(|(currency, id)| CustomerFigures {
                customer_id: id.clone(),
                customer_name: row.text(CUSTOMER_NAME).to_owned(),
                currency: currency.clone(),
                ..CustomerFigures::default()
            });
        let variance = Money(row.number(VARIANCE));
        one.expected += Money(row.number(EXPECTED));
        one.invoiced += Money(row.number(INVOICED));
        one.gross += variance.abs();
        match row.text(STATUS) {
            status if status == Status::OutOfScope.name() => {
                one.not_checkable += Money(row.number(INVOICED));
            }
            status if status == Status::Awaited.name() => {
                one.awaited += variance;
                return;
            }
            status if status == Status::Break.name() && variance.is_negative() => {
                one.under_billed.add(1, variance);
            }
            status if status == Status::Break.name() => one.over_billed.add(1, variance),
            _ => {}
        }
        let credit = Money(row.number(part_column(Cause::PartnerEarnedCredit)));
        if !credit.is_zero() {
            one.credit_lost.add(1, credit);
        }
    }

    /// The customers by currency, the largest sum of absolute variances first.
    pub(super) fn finish(self) -> Vec<CustomerFigures> {
        let mut found: Vec<CustomerFigures> = self.0.into_values().collect();
        // A stable sort: customers of equal size stay in the order of their ids.
        found.sort_by(|one, other| {
            let currency = one.currency.cmp(&other.currency);
            currency.then(other.gross.cmp(&one.gross))
        });
        found
    }
}
