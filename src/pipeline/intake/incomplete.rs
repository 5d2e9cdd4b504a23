//! Data that are not complete, or not final yet. A group that lacks some of them has the status
//! `awaited`, not `break`, as its difference may go away.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::{HashMap, HashSet};

use crate::engine::compare::group::{AwaitedFor, DayRange, Sides};
use crate::engine::fold::folded::Folded;
use crate::engine::rules::definitions::{self, Finality};
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::engine::tie_outs::two_lists::Checked;
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::ids::{Fold, fold};
use crate::model::period::month_number;
use crate::model::reject::RejectedRow;

/// Parts of the data that are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Awaited {
    /// Customers and subscriptions, folded, that lost rows; an empty text stands for any.
    pub accounts: BTreeSet<(String, String)>,
    /// Tie-outs that lack a unit of one of their datasets.
    pub tie_outs: BTreeSet<TieOut>,
    /// Numbers of invoices, folded, of which usage or lines can still come.
    pub invoices: BTreeMap<String, AwaitedFor>,
    /// Facts that change what is awaited and that no input holds, each a line of the run's id:
    /// without them the same inputs would give two runs of one id.
    pub facts: BTreeSet<String>,
}

impl Awaited {
    /// Notes that a unit of a dataset is not complete: every tie-out that uses it lacks something.
    pub(crate) fn lacks(&mut self, dataset: &str) {
        self.tie_outs.extend(definitions::uses(dataset));
    }

    /// Notes that data of one invoice can still come.
    pub(crate) fn lacks_of_invoice(&mut self, invoice: &str, dataset: &str) {
        let lacking = if dataset == Dataset::Usage.name() {
            AwaitedFor::Usage
        } else {
            AwaitedFor::InvoiceLines
        };
        // Without lines nothing of the invoice is compared: that outranks its usage.
        let of_invoice = self.invoices.entry(fold(Fold::Identifier, invoice));
        let known = of_invoice.or_insert(lacking);
        if lacking == AwaitedFor::InvoiceLines {
            *known = lacking;
        }
    }

    /// Tolerates the rejected rows of a run, as its user asked for: no group waits for them.
    pub(crate) fn tolerate(&mut self, rejected: &[RejectedRow]) {
        self.accounts.clear();
        // Without rejected rows, the run is the one that tolerates none.
        if !rejected.is_empty() {
            self.facts.insert("rejected_rows=tolerated".to_owned());
        }
    }

    /// Adds what a fetch that ended with `code` lacks. The same files may be all there is on one
    /// night and incomplete on another: of what is lacking there is no file.
    pub(crate) fn absorb_fetch(&mut self, lacking: Self, code: u8) {
        let Self {
            accounts,
            tie_outs,
            invoices,
            facts,
        } = lacking;
        // Rows are rejected by readers, from files that the id has: a fetch knows of none. An account
        // that it named would be lost here.
        assert!(
            accounts.is_empty() && facts.is_empty(),
            "a fetch lacks units and invoices, and no rows"
        );
        if code != 0 {
            self.facts.insert(format!("fetch={code}"));
        }
        for tie_out in tie_outs {
            self.facts.insert(format!("awaited={}", tie_out.name()));
            self.tie_outs.insert(tie_out);
        }
        for (invoice, lacks) in invoices {
            // Free text: escaped, it cannot look like another line.
            let (number, lacks_name) = (invoice.escape_default(), lacks.name());
            self.facts
                .insert(format!("awaited_invoice=\"{number}\" lacks={lacks_name}"));
            self.invoices.insert(invoice, lacks);
        }
    }

    /// What can still come of a group's invoice. Without lines, the header has nothing to be compared
    /// with either.
    fn of_invoice(&self, sides: &Sides, totals: &Folded) -> Option<AwaitedFor> {
        if self.invoices.is_empty() {
            return None;
        }
        let number = totals
            .vocabulary
            .folded(Domain::Invoice, sides.keys[Key::Invoice]);
        let lacking = *self.invoices.get(&*number)?;
        let is_concerned = match lacking {
            AwaitedFor::InvoiceLines => true,
            _ => definitions::uses(Dataset::Usage.name()).any(|used| used == sides.tie_out),
        };
        is_concerned.then_some(lacking)
    }

    /// Marks the groups of which a side is not complete or final: those of an account that lost
    /// rows, of a tie-out that lacks a unit, and one-sided ones whose other side can still come.
    pub(crate) fn mark(&self, totals: &Folded, checked: &mut [Checked]) {
        let read = Read::of(totals, checked);
        // A line's arithmetic is complete by itself, whatever else is still to come.
        let may_wait = |sides: &&mut Sides| sides.tie_out != TieOut::LineArithmetic;
        let all = checked.iter_mut().map(|(sides, _)| sides);
        for sides in all.filter(may_wait) {
            let half_there = match definitions::definition(sides.tie_out).finality {
                Finality::Invoiced => read.lacking(sides, totals),
                Finality::Complete | Finality::Estimate | Finality::Snapshot => None,
            };
            let lost_rows = || {
                let texts = &totals.vocabulary;
                self.lost_rows(
                    &texts.folded(Domain::Customer, sides.keys[Key::Customer]),
                    &texts.folded(Domain::Subscription, sides.keys[Key::Subscription]),
                )
            };
            sides.awaited_for = self
                .of_invoice(sides, totals)
                .or(half_there)
                .or_else(|| {
                    let lacks_unit = self.tie_outs.contains(&sides.tie_out);
                    lacks_unit.then_some(AwaitedFor::CompleteData)
                })
                .or_else(|| {
                    let has_lost = !self.accounts.is_empty() && lost_rows();
                    has_lost.then_some(AwaitedFor::RejectedRows)
                });
        }
    }

    /// True if the group of these folded ids may have lost rows; called only if any account has.
    fn lost_rows(&self, customer: &str, subscription: &str) -> bool {
        let has = |customer: &str, subscription: &str| {
            self.accounts
                .contains(&(customer.to_owned(), subscription.to_owned()))
        };
        let any_of_customer = || {
            self.accounts
                .range((customer.to_owned(), String::new())..)
                .next()
                .is_some_and(|(lost, _)| lost == customer)
        };
        match (customer.is_empty(), subscription.is_empty()) {
            // A group of a whole invoice, or of the partner, holds all accounts.
            (true, _) => true,
            (false, true) => any_of_customer() || has("", ""),
            // A lost row that did not even have its ids may be of any account.
            (false, false) => {
                has(customer, subscription)
                    || has(customer, "")
                    || has("", subscription)
                    || has("", "")
            }
        }
    }
}

/// Codes of a customer and a subscription, in whose name a month is final or not.
type AccountCodes = [u32; 2];

fn account_of(sides: &Sides) -> AccountCodes {
    [Key::Customer, Key::Subscription].map(|key| sides.keys[key])
}

/// Usage and lines that were read under the number of an invoice, which makes them final.
struct Read {
    /// Invoices that have usage, and those that have lines.
    invoices: [HashSet<u32>; 2],
    /// Months of each account's usage, and those that its lines charge for, as [`month_number`]
    /// counts them.
    months: [HashMap<AccountCodes, BTreeSet<i32>>; 2],
}

impl Read {
    fn of(totals: &Folded, checked: &[Checked]) -> Self {
        let mut read = Self {
            invoices: Default::default(),
            months: Default::default(),
        };
        let compared = checked.iter().map(|(sides, _)| sides);
        for sides in compared.filter(|sides| sides.tie_out == TieOut::UsageToInvoice) {
            let invoice = sides.keys[Key::Invoice];
            let there = [
                (sides.expected_rows > 0, sides.used),
                (sides.invoiced_rows > 0, charged(sides, totals)),
            ];
            for (side, (is_there, range)) in there.into_iter().enumerate() {
                if is_there {
                    read.invoices[side].insert(invoice);
                }
                // Code 0 is the empty text: what has no number is not billed yet.
                if is_there && invoice != 0 {
                    let of_account = read.months[side].entry(account_of(sides)).or_default();
                    of_account.extend(months(range));
                }
            }
        }
        read
    }

    /// Side that a group lacks and that can still come: its invoice has nothing of that side, nor
    /// has anything final of its months been read for its account.
    fn lacking(&self, sides: &Sides, totals: &Folded) -> Option<AwaitedFor> {
        let invoice = sides.keys[Key::Invoice];
        let [has_usage, has_lines] = self.invoices.each_ref().map(|of| of.contains(&invoice));
        let [used, billed] = &self.months;
        let is_final = |read: &HashMap<AccountCodes, BTreeSet<i32>>, range: DayRange| {
            range.is_known()
                && read
                    .get(&account_of(sides))
                    .is_some_and(|read| months(range).all(|month| read.contains(&month)))
        };
        match (has_usage, has_lines) {
            (false, true) if !sides.is_billed_again && !is_final(used, charged(sides, totals)) => {
                Some(AwaitedFor::Usage)
            }
            (true, false) if is_of_last_day(sides.used) || !is_final(billed, sides.used) => {
                Some(AwaitedFor::InvoiceLines)
            }
            _ => None,
        }
    }
}

/// Days that a group's lines charge for: as they are written, else those of the invoice's period.
fn charged(sides: &Sides, totals: &Folded) -> DayRange {
    let period = totals.periods.get(&sides.keys[Key::Invoice]);
    match period.map(|period| period.days()) {
        Some((first, next)) if !sides.charged.is_known() => DayRange {
            first,
            last: next - 1,
        },
        _ => sides.charged,
    }
}

/// Months of a range of days; none of a range of no days.
fn months(range: DayRange) -> impl Iterator<Item = i32> {
    // A charge of several years is a commitment, and no usage waits for each of its months.
    const MOST: usize = 120;
    let is_known = range.is_known();
    let months = || month_number(range.first)..=month_number(range.last);
    is_known.then(months).into_iter().flatten().take(MOST)
}

/// True for days of which the last of a month alone is one: what is reported within a day after the
/// close is billed with the next month ([semantics §9](crate::model::domain::semantics)).
fn is_of_last_day(used: DayRange) -> bool {
    used.is_known() && month_number(used.first) != month_number(used.first.saturating_add(1))
}
