//! Lines behind which no usage is expected, by invoice, currency and kind: what a run cannot check
//! against usage, and must not pass over in silence.

use std::collections::BTreeMap;

use crate::engine::compare::group::Sides;
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
