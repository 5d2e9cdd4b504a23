//! Daily rated usage of Azure plans: which resource used how much of which meter on which day.

use chrono::{Datelike, NaiveDate};

use super::catalogue::{METERS, Meter, Terms};
use super::chance::Chance;
use super::exact::{Exact, ZERO};
use super::partner::{Customer, Plan};

/// Share of the list price that is left after partner earned credit: 85 %.
const AFTER_CREDIT: Exact = Exact::new(85, 2);
/// First day of a month on which the plan that loses its credit has none any more.
const CREDIT_LOST: u32 = 20;
/// Customer whose first plan loses its partner earned credit within the month.
const LOSES_CREDIT: usize = 2;
/// Customer whose first plan reports its last days late.
const REPORTS_LATE: usize = 3;
/// First day of a month that is reported late.
const LATE_FROM: u32 = 29;

/// One resource's usage of a meter on a day.
#[derive(Clone, Debug)]
pub(super) struct UsageRow {
    /// Place of the customer in the list of customers.
    pub(super) customer: usize,
    /// Place of the plan among the customer's.
    pub(super) plan: usize,
    /// Place of the entitlement among the plan's.
    pub(super) entitlement: usize,
    /// Place of the meter in [`METERS`].
    pub(super) meter: usize,
    pub(super) resource: u64,
    pub(super) day: NaiveDate,
    /// Units of the meter, six decimals, positive.
    pub(super) quantity: Exact,
    /// True if partner earned credit applies.
    pub(super) earned: bool,
    /// True if it is not there before the restatement.
    pub(super) late: bool,
}

impl UsageRow {
    /// The meter that was used.
    pub(super) fn meter(&self) -> &'static Meter {
        &METERS[self.meter]
    }

    /// Price of a unit for the partner, in US dollars.
    pub(super) fn effective_price(&self) -> Exact {
        match (self.meter().terms, self.earned) {
            (Terms::Granted, _) => ZERO,
            (_, true) => self.meter().price.times(AFTER_CREDIT),
            (_, false) => self.meter().price,
        }
    }

    /// Cost in US dollars, with all decimals.
    pub(super) fn cost(&self) -> Exact {
        self.effective_price().times(self.quantity)
    }

    /// The resource's ARM id.
    pub(super) fn uri(&self, plan: &Plan) -> String {
        let (provider, kind) = self.meter().resource;
        let (entitlement, _) = &plan.entitlements[self.entitlement];
        // The spelling of groups is not stable in real files (quirks 6).
        let groups = if self.day.day().is_multiple_of(7) {
            "resourcegroups"
        } else {
            "resourceGroups"
        };
        format!(
            "/subscriptions/{entitlement}/{groups}/{}/providers/{provider}/{kind}/{}",
            self.group(),
            self.name()
        )
    }

    /// Name of the resource group.
    pub(super) fn group(&self) -> String {
        format!("rg-{}", 1 + self.resource % 2)
    }

    /// Name of the resource.
    pub(super) fn name(&self) -> String {
        let (_, kind) = self.meter().resource;
        format!("{kind}-{}-{}", self.meter, self.resource).to_ascii_lowercase()
    }
}

/// How much of a month's usage an invoice has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Half of the meters on most days: a real month.
    Whole,
    /// Two meters on a few days: old invoices, which only have to add up.
    Sample,
}

/// Usage of one plan in the month that begins on `month`.
pub(super) fn usage_of(
    chance: Chance,
    (at, customer): (usize, &Customer),
    plan: usize,
    month: NaiveDate,
    extent: Extent,
) -> Vec<UsageRow> {
    let mut rows = Vec::new();
    let entitlements = customer.plans[plan].entitlements.len();
    for meter in 0..METERS.len() {
        let key = [at, plan, meter].map(|part| part.to_string());
        let words = ["uses", &key[0], &key[1], &key[2]];
        let taken = match extent {
            // The first meter is everybody's: a plan without usage would be a quiet one.
            Extent::Whole => meter == 0 || chance.below(2, &words) == 0,
            Extent::Sample => meter == 0 || meter == 5,
        };
        if !taken {
            continue;
        }
        for resource in 0..1 + chance.below(2, &words) {
            let entitlement = resource as usize % entitlements;
            let place = (at, plan, entitlement, meter, resource);
            rows.extend(days(chance, place, month, extent));
        }
    }
    rows
}

/// The rows of one resource and meter: at most one a day.
fn days(
    chance: Chance,
    (customer, plan, entitlement, meter, resource): (usize, usize, usize, usize, u64),
    month: NaiveDate,
    extent: Extent,
) -> Vec<UsageRow> {
    let row = |day: NaiveDate| {
        let key = [customer, plan, meter, resource as usize].map(|part| part.to_string());
        let date = day.to_string();
        let words = ["day", &key[0], &key[1], &key[2], &key[3], &date];
        // Four days of five, or one of ten.
        let on = match extent {
            Extent::Whole => chance.below(5, &words) < 4,
            Extent::Sample => day.day() % 10 == 3,
        };
        let millionths = 1 + chance.below(METERS[meter].most * 1_000_000, &words);
        let has_credit = !(customer == LOSES_CREDIT && plan == 0 && day.day() >= CREDIT_LOST);
        on.then(|| UsageRow {
            customer,
            plan,
            entitlement,
            meter,
            resource,
            day,
            quantity: Exact::new(i128::from(millionths), 6),
            earned: METERS[meter].terms == Terms::Earned && has_credit,
            late: customer == REPORTS_LATE && plan == 0 && day.day() >= LATE_FROM,
        })
    };
    let in_month = month
        .iter_days()
        .take_while(|day| day.month() == month.month());
    in_month.filter_map(row).collect()
}
