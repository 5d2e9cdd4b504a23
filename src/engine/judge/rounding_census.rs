//! Census of the rounding rules: how many invoice lines obey each.
//!
//! Microsoft documents its rules in part, and its examples obey several
//! ([semantics §3](crate::model::domain::semantics)): the census shows which of them a partner's
//! invoices really follow, and how many lines follow none.

use std::collections::BTreeMap;

use crate::engine::compare::line_numbers::LineNumbers;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::engine::rules::rounding::Rules;
use crate::engine::tie_outs::line_check::{NO_PRICE, UNKNOWN};

/// Number of lines by kind (`usage`, `other`), currency and name of the rule.
pub type Census = BTreeMap<(&'static str, String, String), u64>;

/// Adds the lines of some totals to a census, each under the first rule that gives its subtotal to
/// the last digit.
pub fn count(census: &mut Census, totals: &Folded, rules: &Rules) {
    let numbers = LineNumbers::of(totals);
    let currencies = numbers.columns.codes(Part::Currency);
    for (row, rows) in numbers.columns.rows.iter().enumerate() {
        let is_metered = numbers.is_metered(row);
        let rule = match numbers.line(row) {
            Some(line) => rules
                .that_fits(line, numbers.subtotal(row), is_metered)
                .map_or(UNKNOWN, |rule| rule.name.as_ref()),
            None => NO_PRICE,
        };
        let kind = if is_metered { "usage" } else { "other" };
        let currency = totals.vocabulary.text(Domain::Currency, currencies[row]);
        *census
            .entry((kind, currency.to_owned(), rule.to_owned()))
            .or_default() += rows;
    }
}
