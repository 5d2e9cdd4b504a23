//! Each line's subtotal, recomputed from its own price, quantity and rate under every documented
//! rule. A line that none gives is held against the nearest, and only called a break where it lies
//! farther from it than the rules lie apart.

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
    /// LinesAtOneRate without a price to be recomputed with.
    pub without_price: u64,
}

/// Recomputes every line.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn compare(totals: &Folded, passes: &[Pass], rules: &Rules) -> Result<Recomputed, EngineError> {
    let lines = LineColumns::of(&totals.lines);
    let [price, rate, currency] =
        [Part::Price, Part::Rate, Part::Currency].map(|part| lines.codes(part));
    let fine = FINE_KEYS.map(|key| (key, lines.codes(key.part())));
    let (mut expected, mut invoiced, mut names_of_rules, mut without_price) =
        (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut gross = 0_i128;
    for (row, count) in lines.rows.iter().enumerate() {
        let text = totals.vocabulary.text(Domain::Number, price[row]);
        let Ok(price) = decimal::parse(text.as_bytes(), PRICE_SCALE) else {
            without_price += count;
            continue;
        };
        let mut keys = [0; KEYS];
        for (key, column) in fine {
            keys[key as usize] = column[row];
        }
        keys[Key::Line as usize] = u32::try_from(row + 1).expect("fewer than 2^32 lines");
        let each = i128::from(*count);
        let (quantity, subtotal) = (lines.quantity[row], lines.subtotal[row]);
        let line = Line {
            price: price.value,
            quantity: quantity / each,
            rate: rate_of(&totals.vocabulary, rate[row]),
            digits: minor_digits(totals.vocabulary.text(Domain::Currency, currency[row])),
        };
        let metered = lines.scope(row) == Scope::Usage;
        // A price past all sense is none.
        let recomputed =
            recompute(line, subtotal / each, metered, rules).and_then(|(amount, bound, rule)| {
                let (amount, bound) = (amount.checked_mul(each)?, bound.checked_mul(each)?);
                let more = gross
                    .checked_add(amount.checked_abs()?)?
                    .checked_add(bound)?;
                (more <= GROSS_LIMIT).then_some((amount, bound, rule, more))
            });
        let Some((amount, bound, rule, more)) = recomputed else {
            without_price += count;
            continue;
        };
        gross = more;
        let of_lines = |amount: i128, bound: i128| SideRow {
            keys,
            rows: *count,
            quantity,
            amount,
            bound,
            at_billed_price: None,
        };
        expected.push(of_lines(amount, bound));
        names_of_rules.push(rule);
        invoiced.push(of_lines(subtotal, 0));
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
        .map(|members| names_of_rules[members.expected[0]].clone())
        .collect();
    let found = two_lists::with_findings(compared, &expected);
    let checked = found.map(|mut checked| {
        for ((sides, finding), rule) in checked.iter_mut().zip(rule_of) {
            // The number is of this run only: lines are told apart by what they say.
            sides.keys[Key::Line] = 0;
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
        LinesAtOneRate {
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
