//! Sums of the usage and the lines of each match, and the compared group that they make.
//!
//! Sums here are exact, in units of 10^-20. The expected amount of a group is *not* made of them:
//! it is the sum of the quantised slices ([`super::usage_slices`]), so that groups and resources
//! agree.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::exchange_rate::rate_of;
use super::group::{Keys, Sides};
use crate::engine::failure::EngineError;
use crate::engine::fold::columns::{LineColumns, UsageColumns};
use crate::engine::fold::folded::Folded;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::matching::passes::Matching;
use crate::engine::rules::definitions::Measure;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{FINE_KEYS, Key, Part};
use crate::engine::rules::rounding::Rules;
use crate::engine::rules::rounding_bounds::{Bounds, LinesAtOneRate};
use crate::engine::rules::scope::Scope;
use crate::model::cause::TieOut;
use crate::model::currency::minor_digits;
use crate::model::decimal::{
    self, AMOUNT_SCALE, PUBLISHED_LIMIT, RATE_SCALE, Rounding, power_of_ten, to_published,
};

/// Sums of the members of one match; amounts and quantities in units of 10^-20.
pub(super) struct GroupSums {
    matched_on: Arc<str>,
    /// Codes of [`FINE_KEYS`]; 0 on which members differ, `None` before the first member.
    keys: [Option<u32>; FINE_KEYS.len()],
    usage_charge_types: BTreeSet<u32>,
    line_charge_types: BTreeSet<u32>,
    scope: Scope,
    /// Code of one of the usage's exchange rates; there are several only where keys are coarse.
    usage_rate: u32,
    usage_rows: u64,
    usage_amount: i128,
    usage_quantity: i128,
    line_rows: u64,
    line_quantity: i128,
    subtotal: i128,
    /// Half a unit of the last written digit, of all usage rows together.
    precision: i128,
    /// Amount that usage rows lost where they were cut to whole cents one by one.
    floored: i128,
    /// How far the rounding of the lines can move their sum.
    bounds: Bounds,
}

/// Sums of each match, in the order of the matches.
///
/// # Errors
/// [`EngineError::AmountOverflow`] where a bound of rounding exceeds 128 bits.
pub(super) fn sum_matches(
    totals: &Folded,
    matching: &Matching,
    rules: &Rules,
) -> Result<Vec<GroupSums>, EngineError> {
    let mut groups: Vec<GroupSums> = matching
        .matched_on
        .iter()
        .map(|pass| GroupSums::new(Arc::clone(pass)))
        .collect();
    add_usage(&mut groups, totals, matching);
    add_lines(&mut groups, totals, matching, rules)?;
    Ok(groups)
}

fn add_usage(groups: &mut [GroupSums], totals: &Folded, matching: &Matching) {
    let usage = UsageColumns::of(&totals.usage);
    let codes = FINE_KEYS.map(|key| match key {
        Key::Description => usage.codes(matching.description),
        key => usage.codes(key.part()),
    });
    let (charge_types, rates) = (usage.codes(Part::ChargeType), usage.codes(Part::Rate));
    for (row, group) in matching.of_usage.iter().enumerate() {
        let group = &mut groups[*group as usize];
        let (rows, billing) = (usage.rows[row], usage.billing[row]);
        group.add_keys(&codes, row);
        group.usage_charge_types.insert(charge_types[row]);
        // The largest code, so that the choice does not depend on the order of the rows.
        group.usage_rate = rates[row].max(group.usage_rate);
        group.usage_rows += rows;
        // Unchecked, as the absolute amounts of all usage add up to `count::partial::GROSS_LIMIT`
        // at most.
        group.usage_amount += billing;
        // Used for a bound only, which then overflows and is an error: saturating hides nothing.
        group.usage_quantity = group.usage_quantity.saturating_add(usage.quantity[row]);
        group.precision += usage.precision[row];
        let rate = rate_of(&totals.vocabulary, rates[row]);
        let floored = floored(usage.pricing[row], billing, rate, rows);
        group.floored = group.floored.saturating_add(floored);
    }
}

fn add_lines(
    groups: &mut [GroupSums],
    totals: &Folded,
    matching: &Matching,
    rules: &Rules,
) -> Result<(), EngineError> {
    let lines = LineColumns::of(&totals.lines);
    let codes = FINE_KEYS.map(|key| lines.codes(key.part()));
    let (charge_types, rates) = (lines.codes(Part::ChargeType), lines.codes(Part::Rate));
    let currencies = lines.codes(Part::Currency);
    for (row, group) in matching.of_lines.iter().enumerate() {
        let group = &mut groups[*group as usize];
        let (rows, quantity, subtotal) =
            (lines.rows[row], lines.quantity[row], lines.subtotal[row]);
        group.add_keys(&codes, row);
        group.line_charge_types.insert(charge_types[row]);
        // Matching never puts lines of two scopes into one group.
        group.scope = lines.scope(row);
        group.line_rows += rows;
        group.line_quantity += quantity;
        group.subtotal += subtotal;
        let bounds = Bounds::of_lines(
            rules,
            LinesAtOneRate {
                count: rows,
                rate: rate_of(&totals.vocabulary, rates[row]),
                quantity,
                subtotal,
                digits: minor_digits(totals.vocabulary.text(Domain::Currency, currencies[row])),
            },
        );
        group.bounds = bounds
            .and_then(|bounds| group.bounds.plus(bounds))
            .ok_or(EngineError::AmountOverflow)?;
    }
    Ok(())
}

/// Amount that usage rows lost where each was cut to whole cents, as files of 2021 were
/// (`Floor(…, 2)`, [semantics §3](crate::model::domain::semantics)); 0 where they were not cut. At
/// most a cent is lost on each row. How much is known exactly, as pricing amounts were not cut.
fn floored(pricing: i128, billing: i128, rate: i128, rows: u64) -> i128 {
    // Two decimals in every currency, as the formula says; no page tells whether yen are cut
    // elsewhere (`model::domain::semantics §3`).
    let cent = power_of_ten(AMOUNT_SCALE - 2);
    let exact = decimal::multiply(
        (pricing, AMOUNT_SCALE),
        (rate, RATE_SCALE),
        AMOUNT_SCALE,
        Rounding::HalfEven,
    );
    match exact.and_then(|exact| exact.checked_sub(billing)) {
        // More than 0 on credits as well: Floor goes toward −∞ and not toward 0
        // (`model::domain::semantics §3`).
        Some(lost) if billing % cent == 0 && lost > 0 && lost / cent < i128::from(rows) => lost,
        // An amount that does not fit is far from what was billed: no cutting made that.
        Some(_) | None => 0,
    }
}

impl GroupSums {
    fn new(matched_on: Arc<str>) -> Self {
        Self {
            matched_on,
            keys: [None; FINE_KEYS.len()],
            usage_charge_types: BTreeSet::new(),
            line_charge_types: BTreeSet::new(),
            scope: Scope::Usage,
            usage_rate: 0,
            usage_rows: 0,
            usage_amount: 0,
            usage_quantity: 0,
            line_rows: 0,
            line_quantity: 0,
            subtotal: 0,
            precision: 0,
            floored: 0,
            bounds: Bounds::default(),
        }
    }

    /// Adds the keys of a member: those on which it differs from the others become empty.
    fn add_keys(&mut self, codes: &[&[u32]; FINE_KEYS.len()], row: usize) {
        for (key, column) in self.keys.iter_mut().zip(codes) {
            let code = column[row];
            *key = match *key {
                None => Some(code),
                Some(known) if known == code => Some(known),
                Some(_) => Some(0),
            };
        }
    }

    /// The compared group, whose usage comes to an amount and a quantity in units of 10^-10.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`] where an amount exceeds 28 digits, or a bound 128 bits.
    pub(super) fn compared(
        self,
        expected_amount: i128,
        expected_quantity: i128,
        vocabulary: &Vocabulary,
        rules: &Rules,
    ) -> Result<Sides, EngineError> {
        let published = |amount| to_published(amount).ok_or(EngineError::AmountOverflow);
        let keys = Keys::fine(self.keys.map(|key| key.expect("a match has a member")));
        let bounds = self
            .rounding_of_lines(keys[Key::Currency], vocabulary, rules)
            .and_then(|bounds| bounds.plus(self.rounding_of_usage()?))
            .ok_or(EngineError::AmountOverflow)?;
        Ok(Sides {
            tie_out: TieOut::UsageToInvoice,
            keys,
            charge_type: self.charge_types(vocabulary),
            matched_on: self.matched_on,
            scope: self.scope,
            expected_rows: self.usage_rows,
            invoiced_rows: self.line_rows,
            expected_quantity,
            invoiced_quantity: published(self.line_quantity)?,
            expected_amount,
            invoiced_amount: sum_published([published(self.subtotal)?])?,
            bounds,
            measure: Measure::Amount,
            is_awaited: false,
        })
    }

    /// Bounds of the lines' rounding; `None` on overflow.
    fn rounding_of_lines(
        &self,
        currency: u32,
        vocabulary: &Vocabulary,
        rules: &Rules,
    ) -> Option<Bounds> {
        if self.line_rows > 0 {
            return Some(self.bounds);
        }
        // Usage that a line would round down to nothing needs no line: the bounds of one apply.
        let line = LinesAtOneRate {
            count: 1,
            rate: rate_of(vocabulary, self.usage_rate),
            quantity: self.usage_quantity,
            subtotal: self.usage_amount,
            digits: minor_digits(vocabulary.text(Domain::Currency, currency)),
        };
        Bounds::of_lines(rules, line)
    }

    /// Bounds of what usage rows lost when they were written; `None` on overflow.
    fn rounding_of_usage(&self) -> Option<Bounds> {
        Some(Bounds {
            below: self.precision,
            // Cutting makes usage smaller only, so that the invoice can be larger only.
            above: self.precision.checked_add(self.floored)?,
        })
    }

    /// Charge types of the lines, or of the usage where there are no lines, separated by `|`.
    fn charge_types(&self, vocabulary: &Vocabulary) -> String {
        let types = if self.line_charge_types.is_empty() {
            &self.usage_charge_types
        } else {
            &self.line_charge_types
        };
        let names: Vec<&str> = types
            .iter()
            .map(|code| vocabulary.text(Domain::ChargeType, *code))
            .filter(|name| !name.is_empty())
            .collect();
        names.join("|")
    }
}

/// Sum of published amounts or quantities, in units of 10^-10.
///
/// # Errors
/// [`EngineError::AmountOverflow`] where the sum exceeds the 28 digits that are published.
pub(super) fn sum_published(parts: impl IntoIterator<Item = i128>) -> Result<i128, EngineError> {
    parts
        .into_iter()
        .try_fold(0_i128, i128::checked_add)
        .filter(|sum| sum.unsigned_abs() <= PUBLISHED_LIMIT.unsigned_abs())
        .ok_or(EngineError::AmountOverflow)
}
