//! Lines behind which no usage is expected, by invoice, currency and kind: what a run cannot check
//! against usage, and must not pass over in silence.

use std::collections::BTreeMap;

use super::control_totals::{ByCurrency, ControlSums, add_to, widened};
use crate::engine::compare::group::Sides;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::engine::rules::scope::Scope;

/// Lines of one kind on one invoice, in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinesOfScope {
    /// Number of invoice lines.
    pub lines: u64,
    /// Sum of their subtotals, in units of 10^-10; negative for refunds.
    pub amount: i128,
}

/// Lines out of scope, by the codes of invoice and currency, and by kind.
#[derive(Clone, Debug, Default)]
pub struct OutOfScope(BTreeMap<(u32, u32, Scope), LinesOfScope>);

impl OutOfScope {
    /// Adds the groups of a part, or all of them; those within scope are passed over.
    pub fn add(&mut self, groups: &[Sides]) {
        for sides in groups.iter().filter(|sides| sides.scope != Scope::Usage) {
            let keys = &sides.keys;
            let key = (keys[Key::Invoice], keys[Key::Currency], sides.scope);
            let sum = self.0.entry(key).or_default();
            sum.lines += sides.invoiced_rows;
            // Unchecked, as `count::partial::GROSS_LIMIT` bounds the sizes of all lines together.
            sum.amount += sides.invoiced_amount;
        }
    }

    /// Codes of invoice and currency, kind and sums, in the order of what the codes stand for.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, Scope, LinesOfScope)> {
        let entries = self.0.iter();
        entries.map(|((invoice, currency, scope), sum)| (*invoice, *currency, *scope, *sum))
    }
}

/// Amounts of groups behind which no usage is expected, as the expected side repeats them; without
/// rows, which are those of lines.
#[must_use]
pub fn repeated_of(totals: &Folded, groups: &[Sides]) -> ByCurrency {
    let mut found = ByCurrency::new();
    for sides in groups.iter().filter(|sides| sides.scope != Scope::Usage) {
        let name = totals
            .vocabulary
            .text(Domain::Currency, sides.keys[Key::Currency]);
        let sums = ControlSums {
            amount: widened(sides.expected_amount),
            ..ControlSums::NOTHING
        };
        add_to(&mut found, name.to_owned(), sums);
    }
    found
}

/// Takes amounts and quantities off; the currencies stay.
pub fn take_off(whole: &mut ByCurrency, less: &ByCurrency) {
    for (currency, sums) in less {
        let negative = ControlSums {
            rows: 0,
            // No overflow: the sums are far from the ends of the type.
            amount: -sums.amount,
            quantity: sums.quantity.map(|quantity| -quantity),
        };
        add_to(whole, currency.clone(), negative);
    }
}
