//! Usage of another cycle that an invoice bills late or early, by the days on which it was used.

use std::collections::{BTreeMap, HashMap};

use super::break_lines::Evidence;
use super::money::{CountedSum, Money};
use super::table_rows::TableRow;
use super::verdicts::part_column;
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::period::Day;
use crate::model::tables::{VARIANCES, column_of};

const TIE_OUT: usize = column_of(&VARIANCES, "tie_out");
const CURRENCY: usize = column_of(&VARIANCES, "currency");
const STATUS: usize = column_of(&VARIANCES, "status");
const PERIOD: usize = column_of(&VARIANCES, "billing_period");
const BREAK_ID: usize = column_of(&VARIANCES, "break_id");

/// Late usage of the same days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateUsage {
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// First and last day of usage, as far as the run knows them.
    pub days: Option<(Day, Day)>,
    /// Month of the invoice that bills it, as `2026-10`.
    pub billing_period: String,
    /// Groups, and the part of their variances that is of another cycle.
    pub sum: CountedSum,
}

/// Collector of the groups that have usage of another cycle.
#[derive(Debug, Default)]
pub(super) struct LateGroups(Vec<LateGroup>);

/// Group before its days are known.
#[derive(Debug)]
struct LateGroup {
    break_id: String,
    currency: String,
    billing_period: String,
    amount: Money,
}

impl LateGroups {
    pub(super) fn add(&mut self, row: TableRow<'_>) {
        // Other comparisons of the same usage would count it again, some of them as a quantity.
        if row.text(TIE_OUT) != TieOut::UsageToInvoice.name() {
            return;
        }
        let amount = Money(row.number(part_column(Cause::Timing)));
        if amount.is_zero() || row.text(STATUS) == Status::Awaited.name() {
            return;
        }
        self.0.push(LateGroup {
            break_id: row.text(BREAK_ID).to_owned(),
            currency: row.text(CURRENCY).to_owned(),
            billing_period: row.text(PERIOD).to_owned(),
            amount,
        });
    }

    /// Ids of the groups, whose days are looked for.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|group| group.break_id.as_str())
    }

    /// The groups by currency and days, those of unknown days last.
    pub(super) fn finish(self, evidence: &HashMap<String, Evidence>) -> Vec<LateUsage> {
        type DaysKey = (String, bool, Option<(Day, Day)>, String);
        let mut sums: BTreeMap<DaysKey, CountedSum> = BTreeMap::new();
        for group in self.0 {
            let known = evidence.get(&group.break_id);
            let days = known.and_then(|known| Some((known.first_day?, known.last_day?)));
            let key = (group.currency, days.is_none(), days, group.billing_period);
            sums.entry(key).or_default().add(1, group.amount);
        }
        let sums = sums.into_iter();
        sums.map(|((currency, _, days, billing_period), sum)| LateUsage {
            currency,
            days,
            billing_period,
            sum,
        })
        .collect()
    }
}
