//! Lines of the legacy commerce: Office licences, and classic Azure (MS-AZR-0145P) as money and as
//! daily usage. Utilization of the same subscription is the same usage.

use chrono::{Datelike, NaiveDate};

use super::bill::Bill;
use super::catalogue::{CLASSIC_METERS, ClassicMeter};
use super::chance::Chance;
use super::exact::{Exact, sum};
use super::partner::Customer;

/// A day's usage of a classic meter.
#[derive(Clone, Debug)]
pub(super) struct ClassicUsage {
    pub(super) meter: &'static ClassicMeter,
    pub(super) day: NaiveDate,
    /// Units of the meter, six decimals, positive.
    pub(super) quantity: Exact,
}

/// Usage of a customer's classic subscription in the days from `first` to `last`.
pub(super) fn classic_usage(
    chance: Chance,
    customer: &Customer,
    (first, last): (NaiveDate, NaiveDate),
) -> Vec<ClassicUsage> {
    let days = first.iter_days().take_while(|day| *day <= last);
    let rows = days.flat_map(|day| {
        let date = day.to_string();
        CLASSIC_METERS.iter().filter_map(move |meter| {
            let words = ["classic-day", &customer.id, meter.id, &date];
            let millionths = 1 + chance.below(24_000_000, &words);
            (day.day() % 3 != 0).then(|| ClassicUsage {
                meter,
                day,
                quantity: Exact::new(i128::from(millionths), 6),
            })
        })
    });
    rows.collect()
}

/// A money line of classic Azure.
#[derive(Clone, Debug)]
pub(super) struct ClassicCharge {
    /// Place of the customer in the list of customers.
    pub(super) customer: usize,
    pub(super) meter: &'static ClassicMeter,
    pub(super) quantity: Exact,
    /// List price times quantity, rounded half up (semantics §3).
    pub(super) pretax: Exact,
    pub(super) tax: Exact,
}

/// Money lines of a legacy invoice's classic Azure.
pub(super) fn classic_charges(
    chance: Chance,
    customers: &[Customer],
    bill: &Bill,
) -> Vec<ClassicCharge> {
    let period = (bill.month, bill.last_day());
    let mut charges = Vec::new();
    for customer in bill.customers.clone() {
        let usage = classic_usage(chance, &customers[customer], period);
        for meter in &CLASSIC_METERS {
            let of_meter = usage.iter().filter(|row| row.meter.id == meter.id);
            let quantity = sum(of_meter.map(|row| row.quantity));
            let pretax = meter.price.times(quantity).half_up(2);
            charges.push(ClassicCharge {
                customer,
                meter,
                quantity,
                pretax,
                tax: pretax.times(bill.currency.tax).half_up(2),
            });
        }
    }
    charges
}

/// A line of an Office licence.
#[derive(Clone, Debug)]
pub(super) struct OfficeCharge {
    /// Place of the customer in the list of customers.
    pub(super) customer: usize,
    pub(super) name: &'static str,
    pub(super) unit_price: Exact,
    pub(super) seats: Exact,
    pub(super) amount: Exact,
    pub(super) tax: Exact,
}

/// Office lines of a legacy invoice.
pub(super) fn office_charges(chance: Chance, bill: &Bill) -> Vec<OfficeCharge> {
    const OFFERS: [(&str, Exact); 2] = [
        ("EXCHANGE ONLINE (PLAN 2)", Exact::new(67, 1)),
        ("SHAREPOINT ONLINE (PLAN 2)", Exact::new(84, 1)),
    ];
    let mut charges = Vec::new();
    for customer in bill.customers.clone() {
        for (name, unit_price) in OFFERS {
            let seats = 1 + chance.below(20, &["office", &customer.to_string(), name]);
            let seats = Exact::new(i128::from(seats), 0);
            let amount = unit_price.times(seats).half_up(2);
            charges.push(OfficeCharge {
                customer,
                name,
                unit_price,
                seats,
                amount,
                tax: amount.times(bill.currency.tax).half_up(2),
            });
        }
    }
    charges
}
