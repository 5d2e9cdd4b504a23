//! Months of each invoice's rows, which tell the period that the invoice bills.
//!
//! Lines and usage rows name no period, and an invoice may hold charges of several months: the
//! month with most usage is taken, of those that lines charge for.

use hashbrown::HashMap;

use super::codes::Codes;
use crate::engine::count::partial::Partial;
use crate::engine::rules::keys::Part;
use crate::model::period::Period;

/// Number of source rows by invoice and month, the month as
/// [`month_number`](crate::model::period::month_number) counts it. Invoices are given by the
/// numbers of a vocabulary's builder, or by its codes.
#[derive(Debug, Default)]
pub(super) struct InvoiceMonths(HashMap<(u32, i32), u64>);

impl InvoiceMonths {
    /// Adds the rows of a partial.
    pub(super) fn add(&mut self, partial: &Partial, codes: &Codes) {
        for ((account, month), rows) in &partial.months {
            *self
                .0
                .entry((codes.of(Part::Invoice, *account), *month))
                .or_default() += rows;
        }
    }

    /// Months by the codes of invoices, given by number so far.
    pub(super) fn translated(self, code: impl Fn(u32) -> u32) -> Self {
        let months = self.0.into_iter();
        Self(
            months
                .map(|((invoice, month), rows)| ((code(invoice), month), rows))
                .collect(),
        )
    }

    /// Period of each invoice by months of its lines and of its usage: the month of most usage among
    /// those that lines have too, else the month of most usage, else that of most lines; of equals
    /// the last one. An invoice of no known month has no period.
    pub(super) fn periods_of(lines: &Self, usage: &Self) -> HashMap<u32, Period> {
        let mut months = lines.most(|_| true);
        // Usage overrules the lines, whose charges may begin in another month than they are billed.
        months.extend(usage.most(|_| true));
        // A file of usage may hold more rows of the cycle before than of its own
        // (`model::domain::semantics §9`): a month that no line charges for is not the one billed.
        months.extend(usage.most(|key| lines.0.contains_key(key)));
        months
            .into_iter()
            .filter_map(|(invoice, month)| Some((invoice, Period::of_month(month)?)))
            .collect()
    }

    /// Month of most rows of each invoice, of those that are wanted.
    fn most(&self, wanted: impl Fn(&(u32, i32)) -> bool) -> HashMap<u32, i32> {
        let mut most: HashMap<u32, (u64, i32)> = HashMap::new();
        for ((invoice, month), rows) in self.0.iter().filter(|(key, _)| wanted(key)) {
            let best = most.entry(*invoice).or_insert((0, 0));
            // Late usage is of months before the one that is billed (`model::domain::semantics
            // §9`): of two months with equally many rows the later one is the likelier period.
            *best = (*best).max((*rows, *month));
        }
        let months = most.into_iter();
        months
            .map(|(invoice, (_, month))| (invoice, month))
            .collect()
    }
}
