//! What is not complete, or not final yet: groups of it that differ are awaited, not broken.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use crate::engine::fold::folded::Folded;
use crate::engine::rules::definitions::{self, Finality};
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::engine::tie_outs::two_lists::Checked;
use crate::model::cause::TieOut;

/// What is missing of what was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Awaited {
    /// Customers and subscriptions, folded, that lost rows; empty texts stand for any.
    pub accounts: BTreeSet<(String, String)>,
    /// Tie-outs that lack a unit of one of their datasets.
    pub tie_outs: BTreeSet<TieOut>,
}

impl Awaited {
    /// Notes that a unit of a dataset is not complete.
    pub(crate) fn lacks(&mut self, dataset: &str) {
        self.tie_outs.extend(definitions::uses(dataset));
    }

    /// Marks the groups of which a side is not complete or final. That is so of an account that lost
    /// rows; of a tie-out that lacks a unit; and of an invoice whose lines, or whose usage, are not
    /// there at all, such as usage that is not billed yet.
    pub(crate) fn mark(&self, totals: &Folded, checked: &mut [Checked]) {
        let mut invoices: HashMap<u32, (bool, bool)> = HashMap::new();
        for (sides, _) in checked
            .iter()
            .filter(|(sides, _)| sides.tie_out == TieOut::UsageToInvoice)
        {
            let slot = invoices.entry(sides.keys[Key::Invoice]).or_default();
            slot.0 |= sides.expected_rows > 0;
            slot.1 |= sides.invoiced_rows > 0;
        }
        for (sides, _) in checked.iter_mut() {
            let half_there = definitions::definition(sides.tie_out).finality == Finality::Invoiced
                && invoices
                    .get(&sides.keys[Key::Invoice])
                    .is_some_and(|(used, lines)| used != lines);
            let lost = || {
                let customer = totals
                    .vocabulary
                    .folded(Domain::Customer, sides.keys[Key::Customer]);
                let subscription = totals
                    .vocabulary
                    .folded(Domain::Subscription, sides.keys[Key::Subscription]);
                // A text that a lost row did not even have stands for any.
                let of = |customer: &str, subscription: &str| {
                    self.accounts
                        .contains(&(customer.to_owned(), subscription.to_owned()))
                };
                let any_of_customer = || {
                    self.accounts
                        .range((customer.clone(), String::new())..)
                        .next()
                        .is_some_and(|(lost, _)| *lost == customer)
                };
                match (customer.is_empty(), subscription.is_empty()) {
                    // A group of an invoice, or of the partner, holds all accounts.
                    (true, _) => true,
                    (false, true) => any_of_customer() || of("", ""),
                    (false, false) => {
                        of(&customer, &subscription)
                            || of(&customer, "")
                            || of("", &subscription)
                            || of("", "")
                    }
                }
            };
            sides.is_awaited = half_there
                || self.tie_outs.contains(&sides.tie_out)
                || (!self.accounts.is_empty() && lost());
        }
    }
}
