//! Which rounding rules the lines of an invoice obey.

use std::collections::BTreeMap;

use crate::engine::compare::usage_to_invoice::rate_of;
use crate::engine::fold::columns;
use crate::engine::fold::folded::Totals;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::rounding::{Line, Rules};
use crate::engine::rules::scope::Scope;
use crate::engine::tie_outs::line_arithmetic::{NO_PRICE, UNKNOWN};
use crate::model::currency::minor_digits;
use crate::model::decimal::{self, PRICE_SCALE};

/// Lines by kind (`usage`, `other`), currency and rule.
pub type Census = BTreeMap<(&'static str, String, String), u64>;

/// Counts to `census` the lines that obey each rule: the first that gives the subtotal to the last
/// digit.
pub fn count(census: &mut Census, totals: &Totals, rules: &Rules) {
    let lines = &totals.lines;
    let code = |name: &str| columns::codes(lines, name);
    let (price, rate, currency, scope) =
        (code("price"), code("rate"), code("currency"), code("scope"));
    let (quantity, subtotal) = (
        columns::sums(lines, "quantity"),
        columns::sums(lines, "subtotal"),
    );
    for (row, rows) in columns::counts(lines, "rows").iter().enumerate() {
        let at = |column: &[u32]| column.get(row).copied().unwrap_or(0);
        let each =
            |column: &[i128]| column.get(row).copied().unwrap_or(0) / i128::from((*rows).max(1));
        let metered = at(scope) == Scope::Usage as u32;
        let currency = totals
            .vocabulary
            .text(Domain::Currency, at(currency))
            .to_owned();
        let rule = match decimal::parse(
            totals.vocabulary.text(Domain::Number, at(price)).as_bytes(),
            PRICE_SCALE,
        ) {
            Ok(price) => {
                let (rate, digits) = (
                    rate_of(&totals.vocabulary, at(rate)),
                    minor_digits(&currency),
                );
                let line = Line {
                    price: price.value,
                    quantity: each(quantity),
                    rate,
                    digits,
                };
                rules
                    .that_fits(line, each(subtotal), metered)
                    .map_or_else(|| UNKNOWN.to_owned(), |rule| rule.name.to_string())
            }
            Err(_) => NO_PRICE.to_owned(),
        };
        *census
            .entry((if metered { "usage" } else { "other" }, currency, rule))
            .or_default() += rows;
    }
}
