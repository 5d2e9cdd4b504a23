//! Lists that a fetch works through, read from their stored pages: each customer, subscription and
//! invoice once, however often a list names it while it changes.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{self, Listed};
use super::endpoints::INVOICES;
use super::fetched::Fetched;
use super::order::Order;
use super::units::Lists;
use crate::model::period::Period;
use crate::sources::failure::FetchError;
use crate::sources::landing::Landing;

/// Rejected items that are told of one list.
const SHOWN: usize = 3;

/// Reader of stored lists.
pub(super) struct ListReader<'f> {
    pub(super) landing: &'f Landing,
    pub(super) order: &'f Order,
    /// Sentences about what the lists hold, for the report.
    pub(super) notes: Vec<String>,
}

impl ListReader<'_> {
    /// Adds the invoices of the period, and their currencies.
    pub(super) fn invoices(
        &mut self,
        found: &[Fetched],
        lists: &mut Lists,
    ) -> Result<(), FetchError> {
        let mut seen = BTreeSet::new();
        // Months of the other invoices, each with its currencies.
        let mut earlier: BTreeMap<Option<Period>, BTreeSet<String>> = BTreeMap::new();
        for unit in found.iter().filter(|unit| unit.dataset == INVOICES.dataset) {
            for invoice in self.read(unit, answers::invoices)? {
                if !invoice.is_of(self.order.period) {
                    let of_month = earlier.entry(invoice.month()).or_default();
                    of_month.insert(invoice.currency);
                } else if seen.insert(invoice.id.to_ascii_uppercase()) {
                    lists.invoices.push(invoice);
                }
            }
        }
        lists.invoices.sort_by(|left, right| left.id.cmp(&right.id));
        let of_period: BTreeSet<String> = lists
            .invoices
            .iter()
            .map(|invoice| invoice.currency.clone())
            .collect();
        // Before the period is billed, the partner is billed in the currencies of the newest month.
        let newest = earlier.pop_last().map(|(_, currencies)| currencies);
        let known = Some(of_period).filter(|known| !known.is_empty()).or(newest);
        let known = known.unwrap_or_default();
        lists.currencies = known
            .iter()
            .chain(&self.order.currencies)
            .filter(|code| !code.is_empty())
            .cloned()
            .collect();
        Ok(())
    }

    /// Adds the customers that are asked for. The others are told once, and not asked for anything.
    pub(super) fn customers(
        &mut self,
        unit: &Fetched,
        lists: &mut Lists,
    ) -> Result<(), FetchError> {
        let excluded: BTreeMap<String, &str> = self
            .order
            .exclusions
            .iter()
            .map(|one| (one.customer.to_ascii_lowercase(), &*one.reason))
            .collect();
        let (mut seen, mut twice) = (BTreeSet::new(), 0_u64);
        let mut not_asked: BTreeMap<String, u64> = BTreeMap::new();
        for customer in self.read(unit, answers::customers)? {
            let folded = customer.id.to_ascii_lowercase();
            let why = match (excluded.get(&folded), customer.other_relation) {
                (Some(reason), _) => Some(format!("excluded: {reason}")),
                (None, Some(relation)) => Some(format!("relation `{relation}`")),
                (None, None) => None,
            };
            if !seen.insert(folded) {
                twice += 1;
            } else if let Some(why) = why {
                *not_asked.entry(why).or_default() += 1;
            } else {
                lists.customers.push(customer.id);
            }
        }
        if twice > 0 {
            self.notes.push(format!(
                "`customers`: {twice} listed twice, as the list changed; each counts once"
            ));
        }
        for (why, count) in not_asked {
            self.notes.push(format!(
                "`customers`: {count} not asked for anything ({why})"
            ));
        }
        Ok(())
    }

    /// Adds the subscriptions of a customer.
    pub(super) fn subscriptions(
        &mut self,
        unit: &Fetched,
        lists: &mut Lists,
    ) -> Result<(), FetchError> {
        let customer = unit
            .context
            .get("customer")
            .expect("asked for each")
            .to_owned();
        let subscriptions = self.read(unit, answers::subscriptions)?;
        let of_customer = lists.subscriptions.entry(customer).or_default();
        let mut seen = BTreeSet::new();
        of_customer.extend(
            subscriptions
                .into_iter()
                .filter(|one| seen.insert(one.id.to_ascii_lowercase())),
        );
        Ok(())
    }

    /// The items on the stored pages of a unit; none if the unit is not complete. Items that cannot
    /// be used are told.
    fn read<T>(
        &mut self,
        unit: &Fetched,
        parse: impl Fn(&[u8]) -> Result<Listed<T>, String>,
    ) -> Result<Vec<T>, FetchError> {
        let mut items = Vec::new();
        let Some(version) = self.landing.newest(&unit.id).filter(|_| unit.is_complete()) else {
            return Ok(items);
        };
        let mut rejected = Vec::new();
        for part in &version.parts {
            let body = self.landing.bytes_of(part)?;
            let listed = parse(&body).map_err(|found| FetchError::Damaged {
                path: part.path.clone(),
                found,
            })?;
            items.extend(listed.items);
            rejected.extend(listed.rejected);
        }
        if !rejected.is_empty() {
            let count = rejected.len();
            rejected.truncate(SHOWN);
            let shown = rejected.join("; ");
            let id = &unit.id;
            self.notes
                .push(format!("`{id}`: {count} items cannot be used: {shown}"));
        }
        Ok(items)
    }
}
