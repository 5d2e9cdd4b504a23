//! Invoices of the partner, before anything is reckoned: which there are, and what is on them.

use std::ops::Range;

use chrono::{Datelike, Days, Months, NaiveDate};

use super::chance::Chance;
use super::exact::{Exact, ONE};
use super::rated::Extent;

/// A currency in which the partner is billed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Currency {
    pub(super) code: &'static str,
    pub(super) symbol: &'static str,
    /// Units of the currency for one US dollar: PCToBCExchangeRate.
    pub(super) rate: Exact,
    /// Tax in per cent.
    pub(super) tax: Exact,
}

/// Currencies of the partner's years.
pub(super) const CURRENCIES: [Currency; 5] = [
    Currency {
        code: "EUR",
        symbol: "€",
        rate: Exact::new(864_304_235, 9),
        tax: Exact::new(19, 2),
    },
    Currency {
        code: "USD",
        symbol: "$",
        rate: ONE,
        tax: Exact::new(0, 2),
    },
    Currency {
        code: "GBP",
        symbol: "£",
        rate: Exact::new(745_120_981, 9),
        tax: Exact::new(20, 2),
    },
    Currency {
        code: "JPY",
        symbol: "¥",
        rate: Exact::new(147_502_113, 6),
        tax: Exact::new(10, 2),
    },
    Currency {
        code: "KWD",
        symbol: "KWD",
        rate: Exact::new(305_871_402, 9),
        tax: Exact::new(0, 2),
    },
];

/// What an invoice charges for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Usage of Azure plans, licences and a reservation.
    Mixed,
    /// Usage of Azure plans.
    Usage,
    /// Licences and a reservation: no product with usage behind it.
    Licences,
    /// Office and classic Azure of the legacy commerce.
    Classic {
        /// True if it has licences of Office.
        office: bool,
        /// True if it has usage of classic Azure.
        azure: bool,
    },
}

/// An invoice, before its total is reckoned.
#[derive(Clone, Debug)]
pub(super) struct Bill {
    pub(super) id: String,
    /// First day of the billing period, a calendar month.
    pub(super) month: NaiveDate,
    pub(super) currency: &'static Currency,
    pub(super) content: Content,
    pub(super) extent: Extent,
    /// Places of the customers that it charges for.
    pub(super) customers: Range<usize>,
}

impl Bill {
    /// True for an invoice of the legacy commerce, whose id begins with `D`.
    pub(super) const fn is_legacy(&self) -> bool {
        matches!(self.content, Content::Classic { .. })
    }

    /// Last day of the billing period.
    pub(super) fn last_day(&self) -> NaiveDate {
        next_month(self.month) - Days::new(1)
    }

    /// Day of the invoice: the 6th of the month after the period.
    pub(super) fn date(&self) -> NaiveDate {
        next_month(self.month) + Days::new(5)
    }

    /// Day from which its lines can be had: a day after the invoice.
    pub(super) fn lines_ready(&self) -> NaiveDate {
        self.date() + Days::new(1)
    }

    /// Day from which its usage can be had: the 8th, within 48 hours after the lines.
    pub(super) fn usage_ready(&self) -> NaiveDate {
        self.date() + Days::new(2)
    }

    /// Day from which its usage has the rows that came late: the 10th.
    pub(super) fn restated(&self) -> NaiveDate {
        self.date() + Days::new(4)
    }

    /// True if there is usage of Azure plans behind it.
    pub(super) const fn has_usage(&self) -> bool {
        matches!(self.content, Content::Mixed | Content::Usage)
    }

    /// True if it has licences of the new commerce.
    pub(super) const fn has_licences(&self) -> bool {
        matches!(self.content, Content::Mixed | Content::Licences)
    }
}

/// The month whose invoices have a real month's figures.
pub(super) fn closing_month() -> NaiveDate {
    month(2026, 10)
}

/// First day of the month after `month`.
pub(super) fn next_month(month: NaiveDate) -> NaiveDate {
    month + Months::new(1)
}

/// First day of the month of a day.
pub(super) fn month_of(day: NaiveDate) -> NaiveDate {
    day - Days::new(u64::from(day.day0()))
}

fn month(year: i32, month: u32) -> NaiveDate {
    // Only ever called with constants; the epoch would be seen at once.
    NaiveDate::from_ymd_opt(year, month, 1).map_or(NaiveDate::MIN, |day| day)
}

/// Customers of each currency: a customer's usage is billed in one.
pub(super) const EUR_CUSTOMERS: Range<usize> = 0..12;
/// Customers that are billed in US dollars.
pub(super) const USD_CUSTOMERS: Range<usize> = 12..15;
/// Customers that are billed in pounds; the last ones are an indirect reseller's.
pub(super) const GBP_CUSTOMERS: Range<usize> = 15..20;
/// Customers of licences alone.
pub(super) const LICENCE_CUSTOMERS: Range<usize> = 20..28;
/// Customers of the legacy commerce.
pub(super) const CLASSIC_CUSTOMERS: Range<usize> = 28..32;

/// All 230 invoices, legacy ones first, then by month.
pub(super) fn bills(chance: Chance) -> Vec<Bill> {
    let mut bills: Vec<Bill> = (0..20).map(|at| legacy(chance, at)).collect();
    bills.push(Bill {
        id: format!("D0{}", chance.letters(8, &["legacy", "closing"])),
        month: closing_month(),
        currency: &CURRENCIES[0],
        content: Content::Classic {
            office: true,
            azure: true,
        },
        extent: Extent::Whole,
        customers: CLASSIC_CUSTOMERS,
    });
    let mut number = 24_135;
    let mut id = || {
        number += 1_377;
        format!("G{number:09}")
    };
    // 93 months of two invoices, of which the first 19 have a third one.
    for at in 0..93 {
        let month = month(2019, 1) + Months::new(at);
        let sample = |id, currency, content, customers| Bill {
            id,
            month,
            currency,
            content,
            extent: Extent::Sample,
            customers,
        };
        let other = &CURRENCIES[at as usize % CURRENCIES.len()];
        bills.push(sample(id(), &CURRENCIES[0], Content::Mixed, 0..2));
        bills.push(sample(id(), other, Content::Licences, 20..22));
        if at < 19 {
            bills.push(sample(id(), other, Content::Usage, 15..16));
        }
    }
    let closing = |id, currency, content, customers| Bill {
        id,
        month: closing_month(),
        currency: &CURRENCIES[currency],
        content,
        extent: Extent::Whole,
        customers,
    };
    bills.push(closing(id(), 0, Content::Mixed, EUR_CUSTOMERS));
    bills.push(closing(id(), 1, Content::Usage, USD_CUSTOMERS));
    bills.push(closing(id(), 2, Content::Mixed, GBP_CUSTOMERS));
    bills.push(closing(id(), 0, Content::Licences, LICENCE_CUSTOMERS));
    bills
}

/// A legacy invoice of 2017 and 2018, which has Office, classic Azure or both.
fn legacy(chance: Chance, at: u32) -> Bill {
    Bill {
        id: format!("D0{}", chance.letters(8, &["legacy", &at.to_string()])),
        month: month(2017, 1) + Months::new(at),
        currency: &CURRENCIES[at as usize % 3],
        content: Content::Classic {
            office: at % 3 != 1,
            azure: !at.is_multiple_of(3),
        },
        extent: Extent::Sample,
        customers: 28..29,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_230_invoices_with_ids_of_their_own() {
        let bills = bills(Chance(1));
        assert_eq!(bills.len(), 230);
        let ids: std::collections::BTreeSet<&str> =
            bills.iter().map(|bill| bill.id.as_str()).collect();
        assert_eq!(ids.len(), 230);
        let modern = bills.iter().filter(|bill| !bill.is_legacy());
        assert!(modern.count() >= 200);
    }
}
