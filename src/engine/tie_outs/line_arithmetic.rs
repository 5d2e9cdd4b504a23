//! Each line's subtotal, recomputed from its own price, quantity and rate under every documented
//! rule. A line that none gives is held against the nearest, and only called a break where it lies
//! farther from it than the rules lie apart.

use super::two_lists::{self, Checked};
use crate::engine::compare::usage_to_invoice::rate_of;
use crate::engine::count::partial::GROSS_LIMIT;
use crate::engine::failure::EngineError;
use crate::engine::fold::columns;
use crate::engine::fold::folded::Totals;
use crate::engine::fold::side_row::SideRow;
use crate::engine::matching::passes::Pass;
use crate::engine::rules::definitions::{self, KEYS, LINE};
use crate::engine::rules::domain::Domain;
use crate::engine::rules::rounding::{Bounds, Line, Lines, Rules};
use crate::engine::rules::scope::Scope;
use crate::model::cause::TieOut;
use crate::model::currency::minor_digits;
use crate::model::decimal::{self, PRICE_SCALE};

/// Stands for a rule where a line has no price to try one with.
pub const NO_PRICE: &str = "no_price";
/// Stands for a rule where none gives the line's subtotal.
pub const UNKNOWN: &str = "unknown";

/// What came of the lines.
#[derive(Debug)]
pub struct Recomputed {
    /// A group for each line, or for several that say the same.
    pub checked: Vec<Checked>,
    /// Both sides as they went into the match.
    pub sides: [Vec<SideRow>; 2],
    /// Lines without a price to be recomputed with.
    pub without_price: u64,
}

/// Recomputes every line.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn compare(totals: &Totals, passes: &[Pass], rules: &Rules) -> Result<Recomputed, EngineError> {
    let lines = &totals.lines;
    let code = |name: &str| columns::codes(lines, name);
    let (price, rate, currency, scope) =
        (code("price"), code("rate"), code("currency"), code("scope"));
    let (rows, quantity, subtotal) = (
        columns::counts(lines, "rows"),
        columns::sums(lines, "quantity"),
        columns::sums(lines, "subtotal"),
    );
    let names = KEYS
        .iter()
        .take(9)
        .map(|(name, ..)| code(name))
        .collect::<Vec<&[u32]>>();
    let (mut expected, mut invoiced, mut names_of_rules, mut without_price) =
        (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut gross = 0_i128;
    for (row, count) in rows.iter().enumerate() {
        let at = |column: &[u32]| column.get(row).copied().unwrap_or(0);
        let number = |column: &[i128]| column.get(row).copied().unwrap_or(0);
        let text = totals.vocabulary.text(Domain::Number, at(price));
        let Ok(price) = decimal::parse(text.as_bytes(), PRICE_SCALE) else {
            without_price += count;
            continue;
        };
        let mut keys = [0; KEYS.len()];
        keys.iter_mut()
            .zip(&names)
            .for_each(|(slot, column)| *slot = at(column));
        keys[LINE] = u32::try_from(row + 1).unwrap_or(u32::MAX);
        let each = i128::from((*count).max(1));
        let digits = minor_digits(totals.vocabulary.text(Domain::Currency, at(currency)));
        let line = Line {
            price: price.value,
            quantity: number(quantity) / each,
            rate: rate_of(&totals.vocabulary, at(rate)),
            digits,
        };
        let metered = at(scope) == Scope::Usage as u32;
        // A price past all sense is none.
        let recomputed = recompute(line, number(subtotal) / each, metered, rules).and_then(
            |(amount, bound, rule)| {
                let (amount, bound) = (amount.checked_mul(each)?, bound.checked_mul(each)?);
                let more = gross
                    .checked_add(amount.checked_abs()?)?
                    .checked_add(bound)?;
                (more <= GROSS_LIMIT).then_some((amount, bound, rule, more))
            },
        );
        let Some((amount, bound, rule, more)) = recomputed else {
            without_price += count;
            continue;
        };
        gross = more;
        let of_lines = |amount: i128, bound: i128| SideRow {
            keys,
            rows: *count,
            quantity: number(quantity),
            amount,
            bound,
            at_billed_price: None,
        };
        expected.push(of_lines(amount, bound));
        names_of_rules.push(rule);
        invoiced.push(of_lines(number(subtotal), 0));
    }
    let compared = two_lists::compare(
        definitions::definition(TieOut::LineArithmetic),
        passes,
        &expected,
        &invoiced,
    )?;
    let rule_of: Vec<String> = compared
        .members
        .iter()
        .map(|members| {
            members
                .expected
                .first()
                .and_then(|at| names_of_rules.get(*at))
                .cloned()
                .unwrap_or_default()
        })
        .collect();
    let found = two_lists::with_findings(compared, &expected);
    let checked = found.map(|mut checked| {
        for ((sides, finding), rule) in checked.iter_mut().zip(rule_of) {
            // The number is of this run only: lines are told apart by what they say.
            sides.keys.line = 0;
            finding.get_or_insert_default().steps.rule = rule;
        }
        Recomputed {
            checked,
            sides: [expected, invoiced],
            without_price,
        }
    });
    checked
}

/// What a line should come to, how far from it a line may be that obeys no known rule, and the rule.
fn recompute(
    line: Line,
    subtotal: i128,
    metered: bool,
    rules: &Rules,
) -> Option<(i128, i128, String)> {
    if let Some(rule) = rules.that_fits(line, subtotal, metered) {
        return Some((subtotal, 0, rule.name.to_string()));
    }
    let made: Vec<i128> = rules
        .all()
        .iter()
        .filter(|rule| rule.is_of_usage == metered)
        .map(|rule| rule.subtotal(line))
        .collect::<Option<_>>()?;
    let nearest = made
        .iter()
        .copied()
        .min_by_key(|amount| amount.abs_diff(subtotal))?;
    let apart = made.iter().map(|amount| amount.abs_diff(nearest)).max()?;
    let bounds = Bounds::of_lines(
        rules,
        Lines {
            count: 1,
            rate: line.rate,
            quantity: line.quantity,
            subtotal,
            digits: line.digits,
        },
    )?;
    Some((
        nearest,
        i128::try_from(apart)
            .ok()?
            .checked_add(bounds.below.max(bounds.above))?,
        UNKNOWN.to_owned(),
    ))
}
