//! Lines of a modern invoice, reckoned from its usage and its licences with Microsoft's rounding
//! (semantics §3), and the invoice's total as their sum.

use std::collections::BTreeMap;

use super::bill::{Bill, Content};
use super::catalogue::{LICENCES, METERS};
use super::chance::Chance;
use super::exact::{Exact, ONE, ZERO, sum};
use super::partner::Customer;
use super::rated::{UsageRow, usage_of};

/// The text by which a line tells its partner earned credit.
pub(super) const CREDIT_TEXT: &str = r#"["15.0% Partner earned credit for services managed"]"#;

/// A line of a modern invoice.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    /// Place of the customer in the list of customers.
    pub(super) customer: usize,
    /// Subscription id: the plan's, or the licence's.
    pub(super) subscription: String,
    pub(super) product_id: &'static str,
    pub(super) sku_id: &'static str,
    pub(super) availability_id: &'static str,
    pub(super) product: &'static str,
    pub(super) sku: &'static str,
    pub(super) kind: ChargeKind,
    pub(super) unit_price: Exact,
    pub(super) effective_price: Exact,
    /// Seats, or units of the meter.
    pub(super) billable: Exact,
    /// Before tax, two decimals, positive for a charge.
    pub(super) subtotal: Exact,
    pub(super) tax: Exact,
    /// Text of the price adjustment; empty if there is none.
    pub(super) adjustment: &'static str,
}

/// What a line charges for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChargeKind {
    /// Usage of the meter at this place of the catalogue.
    Usage(usize),
    /// A licence for a month.
    Licence,
    /// An instalment of a reservation.
    Reservation,
}

impl Charge {
    /// Subtotal and tax together.
    pub(super) fn total(&self) -> Exact {
        self.subtotal.plus(self.tax)
    }

    /// True if the price is given in the currency of the bill.
    pub(super) const fn is_priced_as_billed(&self) -> bool {
        !matches!(self.kind, ChargeKind::Usage(_))
    }
}

/// What is behind a modern invoice.
#[derive(Clone, Debug)]
pub(super) struct Book {
    pub(super) rows: Vec<UsageRow>,
    pub(super) charges: Vec<Charge>,
    /// What the planted variance leaves off the lines, in the currency of the invoice, before tax
    /// and unrounded; 0 if there is none.
    pub(super) planted: Exact,
}

impl Book {
    /// The invoice's total: all lines, tax included.
    pub(super) fn total(&self) -> Exact {
        sum(self.charges.iter().map(Charge::total))
    }
}

/// Plan, meter and price state: what one usage line is made of.
type LineKey = (usize, usize, usize, bool);

/// Reckons an invoice. With `plants_variance`, the first usage line is short of one row.
pub(super) fn book(
    chance: Chance,
    customers: &[Customer],
    bill: &Bill,
    plants_variance: bool,
) -> Book {
    let mut rows = Vec::new();
    if bill.has_usage() {
        for at in bill.customers.clone() {
            for plan in 0..customers[at].plans.len() {
                let customer = (at, &customers[at]);
                rows.extend(usage_of(chance, customer, plan, bill.month, bill.extent));
            }
        }
    }
    let mut groups: BTreeMap<LineKey, Vec<&UsageRow>> = BTreeMap::new();
    for row in &rows {
        let key = (row.customer, row.plan, row.meter, row.earned);
        groups.entry(key).or_default().push(row);
    }
    let mut charges = Vec::new();
    let mut planted = ZERO;
    for (at, (key, group)) in groups.iter().enumerate() {
        let mut billed: Vec<&UsageRow> = group.clone();
        if plants_variance && at == 0 {
            // The dearest day, so that it is told from rounding at once.
            billed.sort_by_key(|row| row.quantity.value);
            if let Some(missing) = billed.pop() {
                planted = missing.cost().times(bill.currency.rate);
            }
        }
        charges.push(usage_charge(customers, bill, *key, &billed));
    }
    if bill.has_licences() {
        for at in bill.customers.clone() {
            let customer = &customers[at];
            let held = customer.licences.iter().enumerate();
            charges.extend(held.map(|(which, id)| licence(chance, bill, at, which, id)));
        }
    }
    if bill.content == Content::Licences {
        charges.push(reservation(chance, bill));
    }
    Book {
        rows,
        charges,
        planted,
    }
}

fn usage_charge(
    customers: &[Customer],
    bill: &Bill,
    (customer, plan, at, earned): LineKey,
    rows: &[&UsageRow],
) -> Charge {
    let meter = &METERS[at];
    let quantity = sum(rows.iter().map(|row| row.quantity));
    // The cost of the meter is truncated once, and its price per unit follows from it.
    let cost = sum(rows.iter().map(|row| row.cost())).down(2);
    let effective_price = cost.over_up(quantity, 15);
    let subtotal = effective_price
        .times(quantity)
        .down(2)
        .times(bill.currency.rate)
        .down(2);
    Charge {
        customer,
        subscription: customers[customer].plans[plan].id.clone(),
        product_id: meter.product_id,
        sku_id: meter.sku_id,
        availability_id: meter.availability_id,
        product: meter.product,
        sku: meter.sku,
        kind: ChargeKind::Usage(at),
        unit_price: meter.price,
        effective_price,
        billable: quantity,
        subtotal,
        tax: tax(bill, subtotal),
        adjustment: if earned { CREDIT_TEXT } else { "" },
    }
}

fn licence(chance: Chance, bill: &Bill, customer: usize, which: usize, id: &str) -> Charge {
    let place = chance.below(LICENCES.len() as u64, &["sold", id]) as usize;
    let licence = &LICENCES[place];
    let seats = 1 + chance.below(60, &["seats", id, &which.to_string()]);
    let billable = Exact::new(i128::from(seats), 0);
    let subtotal = licence.price.times(ONE).down(2).times(billable);
    Charge {
        customer,
        subscription: id.to_owned(),
        product_id: licence.product_id,
        sku_id: licence.sku_id,
        availability_id: licence.availability_id,
        product: licence.name,
        sku: licence.name,
        kind: ChargeKind::Licence,
        unit_price: licence.price,
        effective_price: licence.price,
        billable,
        subtotal,
        tax: tax(bill, subtotal),
        adjustment: "",
    }
}

fn reservation(chance: Chance, bill: &Bill) -> Charge {
    let price = Exact::new(4_117, 2);
    Charge {
        customer: bill.customers.start,
        subscription: chance.guid(&["reservation", &bill.id]),
        product_id: "DZH318Q0B0R1",
        sku_id: "00R1",
        availability_id: "DZH318Q0B9R1",
        product: "Reserved VM Instance",
        sku: "Reserved VM Instance, Standard_D2s_v5, EU West, 1 Year",
        kind: ChargeKind::Reservation,
        unit_price: price,
        effective_price: price,
        billable: ONE,
        subtotal: price,
        tax: tax(bill, price),
        adjustment: "",
    }
}

fn tax(bill: &Bill, subtotal: Exact) -> Exact {
    subtotal.times(bill.currency.tax).half_up(2)
}

#[cfg(test)]
mod tests {
    use super::super::bill::{bills, closing_month};
    use super::super::partner::customers;
    use super::*;

    #[test]
    fn lines_are_the_usage_with_microsofts_rounding() {
        let chance = Chance(7);
        let customers = customers(chance, 0);
        for bill in bills(chance) {
            if bill.month != closing_month() || !bill.has_usage() {
                continue;
            }
            let book = book(chance, &customers, &bill, false);
            assert!(book.rows.len() > 300, "{}", book.rows.len());
            let rate = bill.currency.rate;
            let exact = sum(book.rows.iter().map(UsageRow::cost)).times(rate);
            let lines: Vec<&Charge> = book
                .charges
                .iter()
                .filter(|charge| matches!(charge.kind, ChargeKind::Usage(_)))
                .collect();
            let billed = sum(lines.iter().map(|charge| charge.subtotal));
            // Each line loses less than a cent of the rate and a cent.
            let bound = Exact::new(lines.len() as i128, 2).times(rate.plus(ONE));
            let lost = exact.minus(billed);
            assert!(lost.value >= 0 && bound.minus(lost).value > 0, "{lost:?}");
        }
    }

    #[test]
    fn the_planted_variance_is_one_row() {
        let chance = Chance(7);
        let customers = customers(chance, 0);
        let bills = bills(chance);
        let bill = &bills[bills.len() - 4];
        let with = book(chance, &customers, bill, true);
        let without = book(chance, &customers, bill, false);
        let short = without.total().minus(with.total());
        assert!(short.value > 0 && with.planted.value > 0 && without.planted == ZERO);
        assert_eq!(with.rows.len(), without.rows.len());
    }
}
