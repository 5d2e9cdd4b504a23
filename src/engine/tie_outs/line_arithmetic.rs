//! `line-arithmetic`: each line's subtotal against the one that its own price, quantity and rate
//! come to under the documented rounding rules ([semantics §3](crate::model::domain::semantics)).
//!
//! Documents conflict, so that every rule is tried and the first one that gives the subtotal
//! explains the line. A line that no rule gives is held against the nearest result, and is called a
//! break only where it lies farther away than the rules lie apart.

use super::two_lists::{self, Checked};
use crate::engine::compare::usage_to_invoice::rate_of;
use crate::engine::count::partial::GROSS_LIMIT;
use crate::engine::failure::EngineError;
use crate::engine::fold::columns::LineColumns;
use crate::engine::fold::folded::Folded;
use crate::engine::fold::side_row::SideRow;
use crate::engine::matching::passes::Pass;
use crate::engine::rules::definitions;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{FINE_KEYS, KEYS, Key, Part};
use crate::engine::rules::rounding::{Line, Rules};
use crate::engine::rules::rounding_bounds::{Bounds, LinesAtOneRate};
use crate::engine::rules::scope::Scope;
use crate::model::cause::TieOut;
use crate::model::currency::minor_digits;
use crate::model::decimal::{self, PRICE_SCALE};

/// Name in place of a rule's, for a line without a price to try a rule with.
pub const NO_PRICE: &str = "no_price";
/// Name in place of a rule's, for a line whose subtotal no rule gives.
pub const UNKNOWN: &str = "unknown";

/// Lines after they were recomputed.
#[derive(Debug)]
pub struct Recomputed {
    /// One group for each row of the lines frame that has a price: a line, or several equal ones.
    pub checked: Vec<Checked>,
    /// Expected and invoiced rows, as they went into the match.
    pub sides: [Vec<SideRow>; 2],
    /// Number of source lines without a price by which they could be recomputed.
    pub without_price: u64,
}

/// Recomputes every line.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn compare(totals: &Folded, passes: &[Pass], rules: &Rules) -> Result<Recomputed, EngineError> {
    let rows = LineRows::of(totals, rules);
    let compared = two_lists::compare(
        definitions::definition(TieOut::LineArithmetic),
        passes,
        &rows.expected,
        &rows.invoiced,
    )?;
    let rule_of: Vec<String> = compared
        .rows
        .iter()
        .map(|group| rows.rules[group.expected[0]].clone())
        .collect();
    let mut checked = two_lists::with_findings(compared)?;
    for ((sides, finding), rule) in checked.iter_mut().zip(rule_of) {
        // The number of a line is of this run only: lines are told apart by their other keys.
        sides.keys[Key::Line] = 0;
        finding.get_or_insert_default().steps.rule = rule;
    }
    Ok(Recomputed {
        checked,
        sides: [rows.expected, rows.invoiced],
        without_price: rows.without_price,
    })
}

/// Rows of both sides, one for each row of the lines frame that can be recomputed.
#[derive(Default)]
struct LineRows {
    expected: Vec<SideRow>,
    invoiced: Vec<SideRow>,
    /// Name of the rule that gives each row's subtotal, parallel to the rows.
    rules: Vec<String>,
    without_price: u64,
}

impl LineRows {
    fn of(totals: &Folded, rules: &Rules) -> Self {
        let lines = LineColumns::of(&totals.lines);
        let [price, rate, currency] =
            [Part::Price, Part::Rate, Part::Currency].map(|part| lines.codes(part));
        let fine = FINE_KEYS.map(|key| (key, lines.codes(key.part())));
        let mut rows = Self::default();
        let mut gross = 0_i128;
        for (row, count) in lines.rows.iter().enumerate() {
            let price = totals.vocabulary.text(Domain::Number, price[row]);
            let each = i128::from(*count);
            let (quantity, subtotal) = (lines.quantity[row], lines.subtotal[row]);
            let recomputed = decimal::parse(price.as_bytes(), PRICE_SCALE)
                .ok()
                .and_then(|price| {
                    // Equal lines stand as one row of sums: one of them is recomputed, as each was
                    // rounded by itself.
                    let line = Line {
                        price: price.value,
                        quantity: quantity / each,
                        rate: rate_of(&totals.vocabulary, rate[row]),
                        digits: minor_digits(
                            totals.vocabulary.text(Domain::Currency, currency[row]),
                        ),
                    };
                    let is_metered = lines.scope(row) == Scope::Usage;
                    ExpectedSubtotal::of(line, subtotal / each, is_metered, rules)?.times(each)
                })
                // A price past all sense is none: its line could be summed with no other.
                .and_then(|expected| Some((gross_with(gross, &expected)?, expected)));
            let Some((more, expected)) = recomputed else {
                rows.without_price += count;
                continue;
            };
            gross = more;
            let mut keys = [0; KEYS];
            for (key, column) in fine {
                keys[key as usize] = column[row];
            }
            keys[Key::Line as usize] = u32::try_from(row + 1).expect("fewer than 2^32 lines");
            rows.add(keys, *count, quantity, subtotal, expected);
        }
        rows
    }

    fn add(
        &mut self,
        keys: [u32; KEYS],
        count: u64,
        quantity: i128,
        subtotal: i128,
        expected: ExpectedSubtotal,
    ) {
        let side = |amount: i128, bound: i128| SideRow {
            keys,
            rows: count,
            quantity,
            amount,
            bound,
            charge: None,
        };
        self.expected.push(side(expected.amount, expected.bound));
        self.invoiced.push(side(subtotal, 0));
        self.rules.push(expected.rule);
    }
}

/// Sum of absolute values after one more row; `None` beyond [`GROSS_LIMIT`].
fn gross_with(gross: i128, expected: &ExpectedSubtotal) -> Option<i128> {
    // Recomputed amounts are in no dataset's gross sum, and need a limit of their own: one absurd
    // price would else fail the sums of its group, and the run with them.
    let more = gross
        .checked_add(expected.amount.checked_abs()?)?
        .checked_add(expected.bound)?;
    (more <= GROSS_LIMIT).then_some(more)
}

/// Subtotal that a line should have, in units of 10^-20.
struct ExpectedSubtotal {
    amount: i128,
    /// Distance up to which a line that obeys no known rule is no break, in units of 10^-20.
    bound: i128,
    /// Name of the rule that gives the amount, or [`UNKNOWN`].
    rule: String,
}

impl ExpectedSubtotal {
    /// Expected subtotal of one line; `None` on overflow, or where no rule is of its kind of line.
    fn of(line: Line, subtotal: i128, is_metered: bool, rules: &Rules) -> Option<Self> {
        if let Some(rule) = rules.that_fits(line, subtotal, is_metered) {
            return Some(Self {
                amount: subtotal,
                bound: 0,
                rule: rule.name.to_string(),
            });
        }
        // Rules of this kind of line only: those of the other kind would widen the bound without
        // being a likely reason.
        let made: Vec<i128> = rules
            .all()
            .iter()
            .filter(|rule| rule.is_of_usage == is_metered)
            .map(|rule| rule.subtotal(line))
            .collect::<Option<_>>()?;
        let nearest = made
            .iter()
            .copied()
            .min_by_key(|amount| amount.abs_diff(subtotal))?;
        let apart = made.iter().map(|amount| amount.abs_diff(nearest)).max()?;
        let bounds = Bounds::of_lines(
            rules,
            LinesAtOneRate {
                count: 1,
                rate: line.rate,
                quantity: line.quantity,
                subtotal,
                digits: line.digits,
            },
        )?;
        Some(Self {
            amount: nearest,
            bound: i128::try_from(apart)
                .ok()?
                .checked_add(bounds.below.max(bounds.above))?,
            rule: UNKNOWN.to_owned(),
        })
    }

    /// Expected subtotal of `count` equal lines; `None` on overflow.
    fn times(self, count: i128) -> Option<Self> {
        Some(Self {
            amount: self.amount.checked_mul(count)?,
            bound: self.bound.checked_mul(count)?,
            rule: self.rule,
        })
    }
}
