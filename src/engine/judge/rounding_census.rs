//! Census of the rounding rules: how many invoice lines obey each.
//!
//! Microsoft documents its rules in part, and its examples obey several
//! ([semantics §3](crate::model::domain::semantics)): the census shows which of them a partner's
//! invoices really follow, and how many lines follow none.

use std::collections::BTreeMap;

use crate::engine::compare::exchange_rate::rate_of;
use crate::engine::fold::columns::LineColumns;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::engine::rules::rounding::{Line, Rules};
use crate::engine::rules::scope::Scope;
use crate::engine::tie_outs::line_arithmetic::{NO_PRICE, UNKNOWN};
use crate::model::currency::minor_digits;
use crate::model::decimal::{self, PRICE_SCALE};

/// Number of lines by kind (`usage`, `other`), currency and name of the rule.
pub type Census = BTreeMap<(&'static str, String, String), u64>;

/// Adds the lines of some totals to a census, each under the first rule that gives its subtotal to
/// the last digit.
pub fn count(census: &mut Census, totals: &Folded, rules: &Rules) {
    let lines = LineColumns::of(&totals.lines);
    let [price, rate, currency] =
        [Part::Price, Part::Rate, Part::Currency].map(|part| lines.codes(part));
    for (row, rows) in lines.rows.iter().enumerate() {
        // The numbers of a row are sums over equal lines: each line has its share of them.
        let each = |column: &[i128]| column[row] / i128::from(*rows);
        let metered = lines.scope(row) == Scope::Usage;
        let text = |domain, column: &[u32]| totals.vocabulary.text(domain, column[row]);
        let currency = text(Domain::Currency, currency).to_owned();
        let rule = match decimal::parse(text(Domain::Number, price).as_bytes(), PRICE_SCALE) {
            Ok(price) => {
                let (rate, digits) = (
                    rate_of(&totals.vocabulary, rate[row]),
                    minor_digits(&currency),
                );
                let line = Line {
                    price: price.value,
                    quantity: each(lines.quantity),
                    rate,
                    digits,
                };
                rules
                    .that_fits(line, each(lines.subtotal), metered)
                    .map_or_else(|| UNKNOWN.to_owned(), |rule| rule.name.to_string())
            }
            Err(_) => NO_PRICE.to_owned(),
        };
        *census
            .entry((if metered { "usage" } else { "other" }, currency, rule))
            .or_default() += rows;
    }
}
