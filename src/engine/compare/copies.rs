//! Copies of rows and of lines, by invoice: told wherever they are, also where both sides have them
//! and nothing differs.

use std::collections::BTreeMap;

use crate::engine::fold::columns::{LineColumns, UsageColumns};
use crate::engine::fold::folded::{Folded, numbered};
use crate::engine::rules::keys::Part;
use crate::model::decimal::to_published;

/// Copies by the codes of invoice and currency.
pub type CopiesByInvoice = BTreeMap<[u32; 2], Copies>;

/// Rows of usage and invoice lines that repeat another one.
#[derive(Clone, Debug, Default)]
pub struct Copies {
    /// Number of usage rows, and what they come to in units of 10^-20.
    usage: (u64, i128),
    /// Number of lines, and the sum of their subtotals in units of 10^-20.
    lines: (u64, i128),
}

impl Copies {
    /// Adds the copies of another part of the data.
    // No addition is checked: all sums are bounded by `count::partial::GROSS_LIMIT`.
    pub fn add(&mut self, more: &Self) {
        for (sum, more) in [(&mut self.usage, more.usage), (&mut self.lines, more.lines)] {
            sum.0 += more.0;
            sum.1 += more.1;
        }
    }

    /// Number and amount, in units of 10^-10, of usage rows and of lines.
    ///
    /// # Panics
    /// For an amount that no run can have.
    #[must_use]
    pub fn sums(&self) -> [(u64, i128); 2] {
        [self.usage, self.lines].map(|(count, amount)| {
            let amount = to_published(amount).expect("sums of copies are within those of a run");
            (count, amount)
        })
    }
}

/// Adds the copies among the usage and the lines of `totals`.
pub fn add(copies: &mut CopiesByInvoice, totals: &Folded) {
    let usage = UsageColumns::of(&totals.usage);
    let lines = LineColumns::of(&totals.lines);
    for (is_usage, numbers, duplicates, keys) in [
        (
            true,
            usage.duplicates,
            &totals.usage_duplicates,
            [Part::Invoice, Part::Currency].map(|part| usage.codes(part)),
        ),
        (
            false,
            lines.duplicates,
            &totals.line_duplicates,
            [Part::Invoice, Part::Currency].map(|part| lines.codes(part)),
        ),
    ] {
        for (row, number) in numbers.iter().enumerate() {
            let found = numbered(duplicates, *number);
            if found.rows == 0 {
                continue;
            }
            // Of usage the billed amount, of lines the subtotal.
            let [_, amount, ..] = found.sums;
            let of_invoice = copies.entry(keys.map(|codes| codes[row])).or_default();
            let sum = if is_usage {
                &mut of_invoice.usage
            } else {
                &mut of_invoice.lines
            };
            sum.0 += found.rows;
            sum.1 += amount;
        }
    }
}
