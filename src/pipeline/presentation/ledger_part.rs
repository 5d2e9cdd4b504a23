//! The ledger's part of a report: what changed since the run before, the roll-forward, and what people
//! said of the breaks. A run's own report has none, as it follows from the run alone.

use std::collections::BTreeMap;

use super::break_lines::{first_text, is_of_quantities};
use super::money::{CountedSum, Money};
use crate::ledger::accruals::Accrual;
use crate::ledger::breaks::LedgerBreak;
use crate::ledger::closes::CloseRow;
use crate::ledger::events::Event;
use crate::ledger::restatements::Restatement;
use crate::ledger::roll_forward::RollForwardRow;
use crate::ledger::runs::RunRow;
use crate::pipeline::failure::RunError;

/// What the ledger has of one run, and of the breaks of its pipeline and period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerPart {
    /// Row of the run.
    pub run: RunRow,
    /// Number of the run that the changes are since; `None` for the first run of a period.
    pub run_before: Option<i64>,
    /// Breaks that are new, moved, resolved or came back in the run, by unit, the largest change first.
    pub changes: Vec<ChangedLine>,
    /// Rows of the roll-forward from the run before to this one.
    pub roll_forward: Vec<RollForwardRow>,
    /// Breaks that are there, each with its age in days, as the ledger has them now.
    pub breaks: Vec<AgedBreak>,
    /// Restatements of the period, and of others that are posted in it.
    pub restatements: Vec<RestatedLine>,
    /// Accruals as of the last complete run.
    pub accruals: Vec<Accrual>,
    /// Closes and reopenings of the period.
    pub closes: Vec<CloseRow>,
    /// Person who closes the period on this run, and when, UTC; `None` outside of a closing pack.
    pub closing: Option<[String; 2]>,
}

/// Change of one break in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedLine {
    /// Name of the change: new, moved, resolved or reopened.
    pub event: String,
    /// Id of the break.
    pub break_id: String,
    /// Customer in words: name, otherwise id, otherwise the invoice.
    pub customer: String,
    /// Item in words: meter text, otherwise name or id of the product.
    pub item: String,
    /// Name of the comparison.
    pub tie_out: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// Name of the largest cause.
    pub cause: String,
    /// Change of the balance, with sign: an amount, or a quantity.
    pub change: Money,
    /// Amount now; 0 for one that is resolved.
    pub now: Money,
}

/// Break with its age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgedBreak {
    /// Break as the ledger has it.
    pub known: LedgerBreak,
    /// Days since a run first had it.
    pub age_days: i32,
}

/// Balance of one owner in one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerBalance {
    /// Name of the owner; empty for nobody.
    pub owner: String,
    /// Unit of the sums in words: a currency, or quantities.
    pub unit: String,
    /// Number of breaks, and their sum with sign.
    pub sum: CountedSum,
    /// Sum of the amounts without their signs.
    pub gross: Money,
    /// Days of the oldest of them.
    pub oldest_days: i32,
}

/// Balance of one unit by age.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgeBalance {
    /// Unit of the sums in words: a currency, or quantities.
    pub unit: String,
    /// Days since the breaks were first seen, such as `0-7`.
    pub age_bucket: String,
    /// Closing balance of the run.
    pub closing: Money,
}

/// Buckets in the order of age.
const BUCKETS: [&str; 5] = ["0-7", "8-30", "31-60", "61-90", "90+"];

/// Unit of the figures of a tie-out, in words.
#[must_use]
pub fn unit_words(tie_out: &str, currency: &str) -> String {
    match (is_of_quantities(tie_out), currency) {
        (true, "") => "quantities".to_owned(),
        (true, currency) => format!("quantities ({currency})"),
        (false, currency) => currency.to_owned(),
    }
}

/// Data that came again with other content, with their amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestatedLine {
    /// Row of the ledger.
    pub row: Restatement,
    /// Amounts before and after, and what the one is more than the other.
    pub amounts: [Money; 3],
}

impl RestatedLine {
    /// Restatement of the ledger as a line.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for one without its amounts.
    pub(crate) fn of(row: Restatement) -> Result<Self, RunError> {
        let place = format!("a restatement of run {} in the ledger", row.run_no);
        let read = |text: &str| Money::read(text, &place);
        let amounts = [
            read(&row.amount_before)?,
            read(&row.amount_after)?,
            read(&row.delta)?,
        ];
        Ok(Self { row, amounts })
    }
}

impl ChangedLine {
    /// Change of a run as a line; `None` for another event, or one of a break that is not known.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for an event without an amount.
    pub(crate) fn of(event: &Event, known: &LedgerBreak) -> Result<Option<Self>, RunError> {
        let is_there = match event.event.as_str() {
            "new" | "moved" | "reopened" => true,
            "resolved" => false,
            _ => return Ok(None),
        };
        let found = &known.found;
        let subject = [
            &found.customer_name,
            &found.customer_id,
            &found.invoice_number,
        ];
        let item = [
            &found.meter_description,
            &found.product_name,
            &found.product_id,
        ];
        let place = format!("event {} of the ledger", event.event_no);
        let change = Money::read(&event.amount, &place)?;
        Ok(Some(Self {
            event: event.event.clone(),
            break_id: event.break_id.clone(),
            customer: first_text(subject.map(String::as_str)).to_owned(),
            item: first_text(item.map(String::as_str)).to_owned(),
            tie_out: found.tie_out.clone(),
            currency: found.currency.clone(),
            cause: found.cause.clone(),
            change,
            now: match is_there {
                true => Money::of(found.amount),
                false => Money(0),
            },
        }))
    }
}

impl LedgerPart {
    /// Breaks by the ids that the tables have without the number of a group.
    #[must_use]
    pub fn break_of(&self, break_id: &str) -> Option<&AgedBreak> {
        let id = break_id.split('.').next().unwrap_or(break_id);
        let found = self
            .breaks
            .binary_search_by(|one| one.known.found.break_id.as_str().cmp(id));
        found.ok().map(|at| &self.breaks[at])
    }

    /// Open breaks by owner and unit, those of nobody first.
    #[must_use]
    pub fn owners(&self) -> Vec<OwnerBalance> {
        let mut sums: BTreeMap<(String, String), OwnerBalance> = BTreeMap::new();
        for one in self.breaks.iter().filter(|one| one.known.state.is_open()) {
            let found = &one.known.found;
            let unit = unit_words(&found.tie_out, &found.currency);
            let key = (one.known.owner.clone(), unit);
            let sum = sums
                .entry(key)
                .or_insert_with_key(|(owner, unit)| OwnerBalance {
                    owner: owner.clone(),
                    unit: unit.clone(),
                    ..OwnerBalance::default()
                });
            let amount = Money::of(found.amount);
            sum.sum.add(1, amount);
            sum.gross += amount.abs();
            sum.oldest_days = sum.oldest_days.max(one.age_days);
        }
        sums.into_values().collect()
    }

    /// Closing balance by unit and age.
    #[must_use]
    pub fn ageing(&self) -> Vec<AgeBalance> {
        let mut sums: BTreeMap<(String, usize), Money> = BTreeMap::new();
        for row in &self.roll_forward {
            let unit = unit_words(&row.tie_out, &row.currency);
            let bucket = BUCKETS.iter().position(|name| *name == row.age_bucket);
            let bucket = bucket.unwrap_or(BUCKETS.len() - 1);
            *sums.entry((unit, bucket)).or_default() += Money::of(row.closing);
        }
        let sums = sums.into_iter();
        sums.map(|((unit, bucket), closing)| AgeBalance {
            unit,
            age_bucket: BUCKETS[bucket].to_owned(),
            closing,
        })
        .collect()
    }

    /// Number and sum of the changes of one kind in one unit.
    #[must_use]
    pub fn changed(&self) -> Vec<(String, String, CountedSum)> {
        let mut sums: BTreeMap<(String, String), CountedSum> = BTreeMap::new();
        for line in &self.changes {
            let unit = unit_words(&line.tie_out, &line.currency);
            sums.entry((unit, line.event.clone()))
                .or_default()
                .add(1, line.change);
        }
        let sums = sums.into_iter();
        sums.map(|((unit, event), sum)| (unit, event, sum))
            .collect()
    }
}
