//! The variance bridge of a group: from the amount that usage comes to, to the amount that the
//! invoice asks for, one change at a time. First what only one side has (duplicates, other months,
//! Azure credits, usage or lines alone), then, for each pair of usage and lines, the billed
//! quantity, the billed partner earned credit, the billed price and the billed exchange rate; last
//! tax and rounding.
//!
//! The order is the bridge's own and fixed: a change is valued at what is changed before it, as
//! accountants value price variances at the billed quantity. The amounts between the changes are in
//! `bridge_points`. What no change explains is not a step: the rest of the variance is
//! `unexplained` ([`super::attribute`]).

use super::bridge_points::{BridgeInputs, BridgePoints, line_at};
use super::evidence::{EqualLines, Evidence};
use super::hypotheses::{self, LeftOut, Remaining};
use super::paired_usage::{PairedUsage, unit_price};
use super::pairs::{Pair, pair};
use super::workings::{Notes, note};
use crate::engine::compare::group::Sides;
use crate::engine::rules::rounding::{Rule, Rules};
use crate::engine::rules::rounding_bounds::Bounds;
use crate::model::cause::Cause;
use crate::model::decimal::{AMOUNT_SCALE, plain, to_published as published};

/// Rounding rules that a bridge is laid by.
#[derive(Clone, Copy, Debug)]
pub(super) struct RulesTried<'r> {
    /// Every rule, in the order in which they are tried.
    pub(super) all: &'r Rules,
    /// Rule that the lines of the invoice obey; `None` where they agree on none.
    pub(super) held: Option<&'r Rule>,
}

/// Steps from the expected to the invoiced amount, in units of 10^-10; positive where the invoice
/// asks for more. What they leave of the variance is unexplained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VarianceBridge {
    /// Rows or lines that are duplicates, on one side only.
    pub duplicate: i128,
    /// Usage of another month, or lines of another cycle, on one side only.
    pub timing: i128,
    /// Azure credits that the sides do not share.
    pub credit: i128,
    /// Lines without usage; positive, unless they are refunds.
    pub missing_usage: i128,
    /// Usage without lines; negative, unless it is a credit.
    pub missing_invoice: i128,
    /// Another quantity, at the usage's price.
    pub quantity: i128,
    /// Partner earned credit that was gained or lost, at the billed quantity and list price.
    pub partner_earned_credit: i128,
    /// Promotions that only the lines have, at the billed quantity and list price.
    pub promotion: i128,
    /// Another unit price, at the billed quantity and the usage's discounts.
    pub price: i128,
    /// Another exchange rate, on the billed charge.
    pub fx: i128,
    /// Tax that one side leaves out.
    pub tax: i128,
    /// Difference that the rounding of usage and lines makes.
    pub rounding: i128,
    /// Billed less used quantity, in units of 10^-20.
    pub quantity_delta: i128,
    /// Name of the rounding rule that the lines obey; empty where they obey none, or have no price.
    pub rule: String,
}

impl VarianceBridge {
    /// Bridge of a group of usage and lines: of those under each hypothesis about what only one side
    /// has, the one whose parts are smallest together. `None` where a number exceeds 38 digits.
    #[must_use]
    pub(super) fn of_usage(
        evidence: &Evidence,
        rules: RulesTried<'_>,
        variance: i128,
        bounds: Bounds,
        notes: Notes<'_>,
    ) -> Option<Self> {
        let stories = hypotheses::open_to(evidence).into_iter().map(|hypothesis| {
            let bridge = Self::under(hypothesis, evidence, rules, variance, bounds, None)?;
            Some((hypothesis, bridge))
        });
        let stories = stories.collect::<Option<Vec<(u8, Self)>>>()?;
        let sizes = stories.iter().map(|(_, bridge)| bridge.size(variance));
        // Rounding moves the sizes of stories that are equal; two units are for publishing them.
        let about = published(bounds.below.checked_add(bounds.above)?)?.checked_add(2)?;
        let most = sizes.min()?.checked_add(about)?;
        // Of equal stories the one whose anomalies leave the least to explain; of these the first,
        // which names the fewest.
        let (hypothesis, bridge) = stories
            .into_iter()
            .filter(|(_, bridge)| bridge.size(variance) <= most)
            .min_by_key(|(_, bridge)| bridge.size_beyond_anomalies(variance))?;
        if notes.is_some() {
            return Self::under(hypothesis, evidence, rules, variance, bounds, notes);
        }
        Some(bridge)
    }

    /// Sum of the sizes of all parts, the unexplained one among them, in units of 10^-10.
    pub(super) fn size(&self, variance: i128) -> i128 {
        let parts = [
            self.duplicate,
            self.timing,
            self.credit,
            self.missing_usage,
            self.missing_invoice,
            self.quantity,
            self.partner_earned_credit,
            self.promotion,
            self.price,
            self.fx,
            self.tax,
            self.rounding,
            variance - self.sum(),
        ];
        // No sum overflows: parts are published amounts of some 29 digits.
        parts.iter().map(|part| part.abs()).sum()
    }

    /// Sum of the sizes of the parts that no anomaly explains, in units of 10^-10.
    fn size_beyond_anomalies(&self, variance: i128) -> i128 {
        self.size(variance) - self.duplicate.abs() - self.timing.abs()
    }

    /// Bridge of a group under one hypothesis. `None` where a number exceeds 38 digits.
    fn under(
        hypothesis: u8,
        evidence: &Evidence,
        rules: RulesTried<'_>,
        variance: i128,
        bounds: Bounds,
        mut notes: Notes<'_>,
    ) -> Option<Self> {
        let remaining = Remaining::of(evidence, hypothesis);
        let mut bridge = Self {
            quantity_delta: remaining.billed() - remaining.used(),
            ..Self::default()
        };
        bridge.add_left_out(&remaining, &mut notes)?;
        let is_free_left_out = remaining.is_free_left_out;
        let paired = pair(&remaining);
        let (mut unexplained, mut rounded) = (0, 0);
        for pair in &paired.pairs {
            let [apart, by_rule] =
                bridge.add_pair(pair, rules, evidence.digits, is_free_left_out, &mut notes)?;
            unexplained += apart;
            rounded += by_rule;
        }
        if let Some(unpaired) = &paired.unpaired {
            // Alone, it is all that the others leave: pieces of published sums need not be rounded
            // sums.
            let alone = paired.pairs.is_empty().then(|| variance - bridge.sum());
            unexplained += bridge.add_unpaired(unpaired, alone)?;
        }
        unexplained = bridge.add_tax(&remaining, unexplained, &mut notes)?;
        let rest = variance - bridge.sum() - published(unexplained)?;
        let rounded = published(rounded)?;
        // What the rule makes of the lines is proven. The rest of the rest is the usage's: digits
        // that were cut off, and rows that were floored. All or nothing: beyond the bounds, a part
        // that is called rounding would only hide as much of a real error.
        let is_bounded = |rest: i128| {
            // One unit of the last digit on top, which publishing the amounts can move.
            Some(rest.abs() <= published(bounds.toward(rest))?.checked_add(1)?)
        };
        bridge.rounding = if is_bounded(rest)? || is_bounded(rest - rounded)? {
            rest
        } else {
            rounded
        };
        if unexplained != 0 {
            note(&mut notes, Cause::Unexplained, || {
                format!(
                    "the lines' subtotals less what their own price, quantity and rate give: {}",
                    plain(unexplained, AMOUNT_SCALE)
                )
            });
        }
        Some(bridge)
    }

    /// Takes what is unexplained for tax where it is the lines' tax to the last digit; returns what
    /// stays unexplained, in units of 10^-20. `None` on overflow.
    fn add_tax(
        &mut self,
        remaining: &Remaining,
        unexplained: i128,
        notes: &mut Notes<'_>,
    ) -> Option<i128> {
        if unexplained == 0 {
            return Some(0);
        }
        let all = remaining.lines.iter().map(EqualLines::tax_of_all).sum();
        // Of one of several lines as well: tax may be in one subtotal only. A near miss is no
        // evidence of tax.
        let of_one = remaining.lines.iter().map(EqualLines::tax_of_all);
        let Some(tax) = std::iter::once(all)
            .chain(of_one)
            .find(|tax| *tax == unexplained)
        else {
            return Some(unexplained);
        };
        self.tax = published(tax)?;
        note(notes, Cause::Tax, || {
            format!(
                "the subtotals are the formula's and TaxTotal {}",
                plain(tax, AMOUNT_SCALE)
            )
        });
        Some(0)
    }

    /// Bridge of a group that has one side only: all of it is missing on the other.
    #[must_use]
    pub fn one_sided(sides: &Sides) -> Self {
        let variance = sides.variance_amount();
        let (missing_usage, missing_invoice) = match (sides.expected_rows, sides.invoiced_rows) {
            (0, _) => (variance, 0),
            (_, 0) => (0, variance),
            // Both sides are there: a bridge without steps, so that all of it is unexplained.
            _ => (0, 0),
        };
        Self {
            missing_usage,
            missing_invoice,
            ..Self::default()
        }
    }

    /// Sum of all steps, in units of 10^-10.
    #[must_use]
    pub fn sum(&self) -> i128 {
        // No addition overflows: steps are published amounts of some 29 digits, and 128 bits hold
        // 38.
        let on_one_side =
            self.duplicate + self.timing + self.credit + self.missing_usage + self.missing_invoice;
        on_one_side
            + self.quantity
            + self.partner_earned_credit
            + self.promotion
            + self.price
            + self.fx
            + self.tax
            + self.rounding
    }

    /// Moves the step of the quantity to the partner earned credit. For a group that a sibling with
    /// another adjustment makes up for: together they have the same quantity, so the usage has not
    /// changed but gained or lost its credit.
    pub(super) fn take_for_earned_credit(&mut self) {
        self.partner_earned_credit += self.quantity + self.missing_usage + self.missing_invoice;
        (self.quantity, self.missing_usage, self.missing_invoice) = (0, 0, 0);
    }

    /// Moves lines without usage to the duplicates. For lines that bill again what another invoice
    /// bills.
    pub(super) const fn take_for_duplicate(&mut self) {
        self.duplicate += self.missing_usage;
        self.missing_usage = 0;
    }

    /// Moves the step of the quantity to timing. For a group that bills the usage of an earlier
    /// period again.
    pub(super) fn take_for_timing(&mut self) {
        self.timing += self.quantity;
        self.quantity = 0;
    }

    /// Adds the steps of the rows and lines that the most likely hypothesis leaves out, and of
    /// Azure credits. `None` on overflow.
    fn add_left_out(&mut self, remaining: &Remaining, notes: &mut Notes<'_>) -> Option<()> {
        let credit = remaining.credits;
        let step = |of: LeftOut| Some(published(of.lines)? - published(of.usage)?);
        self.duplicate = step(remaining.duplicates)?;
        self.timing = step(remaining.timing)?;
        self.credit = step(credit)?;
        for (cause, of, what) in [
            (
                Cause::Duplicate,
                remaining.duplicates,
                "copies of whole rows",
            ),
            (Cause::Timing, remaining.timing, "of another month or cycle"),
            (Cause::Credit, credit, "Azure credits"),
        ] {
            if of.usage != 0 || of.lines != 0 {
                note(notes, cause, || {
                    format!(
                        "{what}: lines {} - usage {}",
                        plain(of.lines, AMOUNT_SCALE),
                        plain(of.usage, AMOUNT_SCALE)
                    )
                });
            }
        }
        Some(())
    }

    /// Adds the steps of a pair. Returns the amount that the lines' own arithmetic does not give,
    /// and what its rounding makes of them, in units of 10^-20; `None` on overflow.
    fn add_pair(
        &mut self,
        pair: &Pair<'_>,
        rules: RulesTried<'_>,
        digits: u32,
        is_free_left_out: bool,
        notes: &mut Notes<'_>,
    ) -> Option<[i128; 2]> {
        let usage = PairedUsage::of(&pair.states, is_free_left_out)?;
        // Without prices there are no points to value a step between: the pair's whole distance
        // stays unexplained, as a guess would be taken for a finding.
        let Some(prices) = pair.prices() else {
            return Some([pair.subtotal() - pair.billing(), 0]);
        };
        let fitting = fitting_rule(pair, &prices, rules.all, digits);
        if let Some(rule) = fitting {
            self.rule = rule.name.to_string();
        }
        // Held before fitting: a line that departs from the rule of its invoice must not be excused
        // by another one. Lines that obey no rule are measured by the first documented one.
        let rule = rules.held.or(fitting).unwrap_or(&rules.all.all()[0]);
        let Some(usual_price) = unit_price(usage.pricing, usage.quantity) else {
            return Some([pair.subtotal() - pair.billing(), 0]);
        };
        let inputs = BridgeInputs::of(pair, rule, usage, usual_price, &prices, digits)?;
        let points = BridgePoints::of(&inputs)?;
        points.note(&inputs, notes);
        self.quantity += published(points.at_billed_quantity - points.natural)?;
        self.price += published(points.at_billed_price - points.at_billed_quantity)?;
        self.partner_earned_credit += published(points.at_billed_credit - points.at_billed_price)?;
        self.promotion += published(points.at_billed_promotion - points.at_billed_credit)?;
        self.fx += published(points.at_billed_rate - points.at_billed_promotion)?;
        Some([
            pair.subtotal() - points.by_formula,
            points.by_formula - points.at_billed_rate,
        ])
    }

    /// Adds the step of usage and lines that could not be paired. `alone` is what they come to
    /// where the group has nothing else, in units of 10^-10. Returns the amount that stays
    /// unexplained, in units of 10^-20; `None` on overflow.
    fn add_unpaired(&mut self, unpaired: &Pair<'_>, alone: Option<i128>) -> Option<i128> {
        let (billing, subtotal) = (unpaired.billing(), unpaired.subtotal());
        let all_of = |amount| alone.map_or_else(|| published(amount), Some);
        match (unpaired.states.is_empty(), unpaired.lines.is_empty()) {
            (true, _) => self.missing_usage = all_of(subtotal)?,
            (_, true) => self.missing_invoice = all_of(-billing)?,
            // Several meters on each side: nothing says which is which.
            _ => return Some(subtotal - billing),
        }
        Some(0)
    }
}

/// Rounding rule of the first of a pair's lines that obeys one.
fn fitting_rule<'r>(
    pair: &Pair<'_>,
    prices: &[i128],
    rules: &'r Rules,
    digits: u32,
) -> Option<&'r Rule> {
    pair.lines.iter().zip(prices).find_map(|(lines, price)| {
        let line = line_at(lines, *price, lines.rate, digits);
        rules.that_fits(line, lines.subtotal, true)
    })
}
