//! Data that are not complete, or not final yet. A group that lacks some of them has the status
//! `awaited`, not `break`, as its difference may go away.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use crate::engine::compare::group::{AwaitedFor, Sides};
use crate::engine::fold::folded::Folded;
use crate::engine::rules::definitions::{self, Finality};
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::engine::tie_outs::two_lists::Checked;
use crate::model::cause::TieOut;

/// Parts of the data that are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Awaited {
    /// Customers and subscriptions, folded, that lost rows; an empty text stands for any.
    pub accounts: BTreeSet<(String, String)>,
    /// Tie-outs that lack a unit of one of their datasets.
    pub tie_outs: BTreeSet<TieOut>,
}

impl Awaited {
    /// Notes that a unit of a dataset is not complete: every tie-out that uses it lacks something.
    pub(crate) fn lacks(&mut self, dataset: &str) {
        self.tie_outs.extend(definitions::uses(dataset));
    }

    /// Marks the groups of which a side is not complete or final: those of an account that lost
    /// rows, of a tie-out that lacks a unit, and of an invoice that has no lines at all, or no
    /// usage at all, such as that of usage which is not billed yet.
    pub(crate) fn mark(&self, totals: &Folded, checked: &mut [Checked]) {
        // Of each invoice: has it any usage, and has it any lines?
        let mut invoices: HashMap<u32, (bool, bool)> = HashMap::new();
        for (sides, _) in checked
            .iter()
            .filter(|(sides, _)| sides.tie_out == TieOut::UsageToInvoice)
        {
            let slot = invoices.entry(sides.keys[Key::Invoice]).or_default();
            slot.0 |= sides.expected_rows > 0;
            slot.1 |= sides.invoiced_rows > 0;
        }
        // A line's arithmetic is complete by itself, whatever else is still to come.
        let may_wait = |sides: &&mut Sides| sides.tie_out != TieOut::LineArithmetic;
        let all = checked.iter_mut().map(|(sides, _)| sides);
        for sides in all.filter(may_wait) {
            let half_there = match (
                definitions::definition(sides.tie_out).finality,
                invoices.get(&sides.keys[Key::Invoice]),
            ) {
                (Finality::Invoiced, Some((true, false))) => Some(AwaitedFor::InvoiceLines),
                (Finality::Invoiced, Some((false, true))) => Some(AwaitedFor::Usage),
                _ => None,
            };
            let lost_rows = || {
                let texts = &totals.vocabulary;
                self.lost_rows(
                    &texts.folded(Domain::Customer, sides.keys[Key::Customer]),
                    &texts.folded(Domain::Subscription, sides.keys[Key::Subscription]),
                )
            };
            sides.awaited_for = half_there
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
