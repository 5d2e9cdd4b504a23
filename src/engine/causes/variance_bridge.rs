//! From what usage says to what the invoice asks for, one change at a time: usage as it should have
//! been billed, the billed quantity, the billed price adjustment, the billed price, the billed
//! exchange rate, the subtotal as it stands. Each step is the difference of two amounts made by the
//! same rounding rule, so that no cross term is lost and the steps add up.

use super::evidence::{Evidence, Item, State};
use super::hypotheses::{Remaining, most_likely};
use crate::engine::compare::group::Sides;
use crate::engine::count::partial::GROSS_LIMIT;
use crate::engine::rules::rounding::{Line, Rule, Rules};
use crate::engine::rules::rounding_bounds::Bounds;
use crate::model::cause::Cause;
use crate::model::decimal::{
    AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE, Rounding, multiply, multiply_three,
    plain, power_of_ten, quotient_up, to_published as published,
};

/// What each change comes to, in units of 10^-10. What they leave of a variance is unexplained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VarianceBridge {
    /// Rows or lines that came twice, on one side only.
    pub duplicate: i128,
    /// Usage of another month, or lines of another cycle, on one side only.
    pub timing: i128,
    /// Azure credits that the sides do not share.
    pub credit: i128,
    /// Lines without usage.
    pub missing_usage: i128,
    /// Usage without lines.
    pub missing_invoice: i128,
    /// Another quantity, at the usage's price.
    pub quantity: i128,
    /// The partner earned credit gained or lost, at the billed quantity.
    pub partner_earned_credit: i128,
    /// Another unit price, at the billed quantity.
    pub price: i128,
    /// Another exchange rate, on the billed charge.
    pub fx: i128,
    /// Tax that one side leaves out.
    pub tax: i128,
    /// What the rounding rule makes of the usage.
    pub rounding: i128,
    /// Billed less used, in units of 10^-20.
    pub quantity_delta: i128,
    /// The rule that the lines obey; empty where they obey none, or have no price.
    pub rule: String,
}

/// How a step comes about, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Working {
    /// The part.
    pub cause: Cause,
    /// Its arithmetic.
    pub text: String,
}

/// Takes the workings, where somebody wants them.
pub type Notes<'n> = Option<&'n mut Vec<Working>>;

fn note(notes: &mut Notes<'_>, cause: Cause, text: impl FnOnce() -> String) {
    if let Some(notes) = notes {
        notes.push(Working {
            cause,
            text: text(),
        });
    }
}

/// Sums of the amounts between which the steps lie, in units of 10^-20.
#[derive(Clone, Copy, Debug, Default)]
struct Rungs {
    natural: i128,
    at_billed_quantity: i128,
    at_billed_adjustment: i128,
    at_billed_price: i128,
    by_formula: i128,
}

impl Rungs {
    /// What each step between them is, with its inputs.
    fn note(
        &self,
        rule: &Rule,
        used: &Used<'_>,
        usual: i128,
        (items, prices): (&[&Item], &[i128]),
        notes: &mut Notes<'_>,
    ) {
        let amount = |value| plain(value, AMOUNT_SCALE);
        let billed = || {
            items
                .iter()
                .map(|item| item.quantity * item.count)
                .sum::<i128>()
        };
        let list = |of: &dyn Fn(&Item, i128) -> String| {
            let mut all: Vec<String> = items
                .iter()
                .zip(prices)
                .map(|(item, price)| of(item, *price))
                .collect();
            all.dedup();
            all.join(", ")
        };
        note(notes, Cause::Rounding, || {
            format!(
                "{} of the usage's own price {} x quantity {} x rate {} = {}; less the billable usage",
                rule.formula(),
                plain(usual, PRICE_SCALE),
                plain(used.quantity, QUANTITY_SCALE),
                plain(used.rate, RATE_SCALE),
                amount(self.natural)
            )
        });
        for (cause, from, to, what) in [
            (
                Cause::Quantity,
                self.natural,
                self.at_billed_quantity,
                "billed quantity",
            ),
            (
                Cause::PartnerEarnedCredit,
                self.at_billed_quantity,
                self.at_billed_adjustment,
                "billed partner earned credit",
            ),
            (
                Cause::Price,
                self.at_billed_adjustment,
                self.at_billed_price,
                "billed price",
            ),
            (
                Cause::Fx,
                self.at_billed_price,
                self.by_formula,
                "billed exchange rate",
            ),
        ] {
            if from == to {
                continue;
            }
            let value = || match cause {
                Cause::Quantity => plain(billed(), QUANTITY_SCALE),
                Cause::Fx => list(&|item, _| plain(item.rate, RATE_SCALE)),
                Cause::PartnerEarnedCredit => list(&|item, _| plain(item.earned, RATE_SCALE)),
                _ => list(&|_, price| plain(price, PRICE_SCALE)),
            };
            note(notes, cause, || {
                format!(
                    "the same rule at the {what} {}: {} - {}",
                    value(),
                    amount(to),
                    amount(from)
                )
            });
        }
    }
}

/// States and items that belong together.
type Pair<'r> = (Vec<&'r State>, Vec<&'r Item>);

/// Same adjustment and description first; what is left is one pair if it is of one meter.
fn pairs(remaining: &Remaining) -> (Vec<Pair<'_>>, Option<Pair<'_>>) {
    let mut names: Vec<(u32, u32)> = remaining
        .items
        .iter()
        .map(|item| (item.description, item.adjustment))
        .collect();
    names.sort_unstable();
    names.dedup();
    let is_of_state =
        |state: &State, name: (u32, u32)| (state.description, state.adjustment) == name;
    names.retain(|name| {
        remaining
            .states
            .iter()
            .any(|state| is_of_state(state, *name))
    });
    let mut found: Vec<Pair<'_>> = Vec::new();
    for name in &names {
        let states = remaining
            .states
            .iter()
            .filter(|state| is_of_state(state, *name))
            .collect();
        found.push((
            states,
            remaining
                .items
                .iter()
                .filter(|item| (item.description, item.adjustment) == *name)
                .collect(),
        ));
    }
    let states: Vec<&State> = remaining
        .states
        .iter()
        .filter(|state| !names.contains(&(state.description, state.adjustment)))
        .collect();
    let items: Vec<&Item> = remaining
        .items
        .iter()
        .filter(|item| !names.contains(&(item.description, item.adjustment)))
        .collect();
    if states.is_empty() && items.is_empty() {
        return (found, None);
    }
    let is_one = |mut names: Vec<u32>| {
        names.sort_unstable();
        names.dedup();
        names.len() == 1
    };
    let one_meter = is_one(states.iter().map(|state| state.description).collect())
        && is_one(items.iter().map(|i| i.description).collect());
    if one_meter {
        found.push((states, items));
        return (found, None);
    }
    (found, Some((states, items)))
}

impl VarianceBridge {
    /// The steps of a group of usage and lines; `None` where a number passes 38 digits.
    #[must_use]
    pub fn of_usage(
        evidence: &Evidence,
        rules: &Rules,
        variance: i128,
        bounds: Bounds,
        mut notes: Notes<'_>,
    ) -> Option<Self> {
        let remaining = most_likely(evidence);
        let mut steps = Self {
            quantity_delta: remaining.billed() - remaining.used(),
            ..Self::default()
        };
        steps.duplicate = published(remaining.copies[1])? - published(remaining.copies[0])?;
        steps.timing = published(remaining.timing[1])? - published(remaining.timing[0])?;
        let credit_lines: i128 = evidence
            .items
            .iter()
            .filter(|item| item.is_credit)
            .map(|item| item.subtotal * item.count)
            .sum();
        let credit_usage: i128 = evidence
            .states
            .iter()
            .filter(|state| state.is_credit)
            .map(|state| state.billing)
            .sum();
        steps.credit = published(credit_lines)? - published(credit_usage)?;
        for (cause, [used, lines], what) in [
            (Cause::Duplicate, remaining.copies, "copies of whole rows"),
            (Cause::Timing, remaining.timing, "of another month or cycle"),
            (Cause::Credit, [credit_usage, credit_lines], "Azure credits"),
        ] {
            if used != 0 || lines != 0 {
                note(&mut notes, cause, || {
                    format!(
                        "{what}: lines {} - usage {}",
                        plain(lines, AMOUNT_SCALE),
                        plain(used, AMOUNT_SCALE)
                    )
                });
            }
        }
        let is_free_left_out = remaining.billed() != remaining.used() && remaining.agrees();
        let (pairs, unpaired) = pairs(&remaining);
        let mut unexplained = 0;
        for (states, items) in &pairs {
            unexplained += steps.add_pair(
                (states, items),
                rules,
                evidence.digits,
                is_free_left_out,
                &mut notes,
            )?;
        }
        if let Some((states, items)) = unpaired {
            let (billing, subtotal) = sums(&states, &items);
            // Alone, it is all that the others leave: pieces of published sums need not be rounded sums.
            let alone = pairs.is_empty().then(|| variance - steps.sum());
            match (states.is_empty(), items.is_empty()) {
                (true, _) => {
                    steps.missing_usage = alone.map_or_else(|| published(subtotal), Some)?
                }
                (_, true) => {
                    steps.missing_invoice = alone.map_or_else(|| published(-billing), Some)?
                }
                // Several meters on each side: nothing says which is which.
                _ => unexplained += subtotal - billing,
            }
        }
        if is_free_left_out {
            steps.quantity_delta = 0;
        }
        let tax: i128 = remaining
            .items
            .iter()
            .map(|item| item.tax * item.count)
            .sum();
        if tax != 0 && unexplained == tax {
            // The subtotals are after tax.
            (steps.tax, unexplained) = (published(tax)?, 0);
            note(&mut notes, Cause::Tax, || {
                format!(
                    "the subtotals are the formula's and TaxTotal {}",
                    plain(tax, AMOUNT_SCALE)
                )
            });
        }
        let rest = variance - steps.sum() - published(unexplained)?;
        let limit = published(bounds.toward(rest))?.checked_add(1)?;
        if rest.abs() <= limit {
            steps.rounding = rest;
        }
        if unexplained != 0 {
            let text = || {
                format!(
                    "the lines' subtotals less what their own price, quantity and rate give: {}",
                    plain(unexplained, AMOUNT_SCALE)
                )
            };
            note(&mut notes, Cause::Unexplained, text);
        }
        Some(steps)
    }

    /// Of a group that has one side only: all of it is missing on the other.
    #[must_use]
    pub fn one_sided(sides: &Sides) -> Self {
        let variance = sides.variance_amount();
        let (missing_usage, missing_invoice) = match (sides.expected_rows, sides.invoiced_rows) {
            (0, _) => (variance, 0),
            (_, 0) => (0, variance),
            _ => (0, 0),
        };
        Self {
            missing_usage,
            missing_invoice,
            ..Self::default()
        }
    }

    /// Sum of all steps.
    #[must_use]
    pub fn sum(&self) -> i128 {
        let sides =
            self.duplicate + self.timing + self.credit + self.missing_usage + self.missing_invoice;
        sides
            + self.quantity
            + self.partner_earned_credit
            + self.price
            + self.fx
            + self.tax
            + self.rounding
    }

    /// Adds the steps of a pair; what its lines' own arithmetic does not give comes back, in units of
    /// 10^-20.
    fn add_pair(
        &mut self,
        (states, items): (&[&State], &[&Item]),
        rules: &Rules,
        digits: u32,
        is_free_left_out: bool,
        notes: &mut Notes<'_>,
    ) -> Option<i128> {
        let used = Used::of(states, is_free_left_out)?;
        let prices: Option<Vec<i128>> = items.iter().map(|item| price_of(item)).collect();
        let (billing, subtotal) = sums(states, items);
        let Some(prices) = prices else {
            return Some(subtotal - billing);
        };
        let line = |item: &Item, price, rate| Line {
            price,
            quantity: item.quantity,
            rate,
            digits,
        };
        let fits = |(item, price): (&&Item, &i128)| {
            rules.that_fits(line(item, *price, item.rate), item.subtotal, true)
        };
        let fitting = items.iter().zip(&prices).find_map(fits);
        if let Some(rule) = fitting {
            self.rule = rule.name.to_string();
        }
        let rule = fitting.or_else(|| rules.all().first())?;
        let Some(usual) = rule.price_of(used.pricing, used.quantity) else {
            return Some(subtotal - billing);
        };
        let natural = Line {
            price: usual,
            quantity: used.quantity,
            rate: used.rate,
            digits,
        };
        let mut rungs = Rungs {
            natural: rule.subtotal(natural)?,
            ..Rungs::default()
        };
        let billed: i128 = items.iter().map(|item| item.quantity * item.count).sum();
        for (item, price) in items.iter().zip(&prices) {
            let made = |price, rate| {
                rule.subtotal(line(item, price, rate))
                    .and_then(|amount| amount.checked_mul(item.count))
            };
            let adjusted = used.at_adjustment(item, usual, *price, rule, digits)?;
            let formula = if item.price.is_some() {
                made(*price, item.rate)?
            } else {
                item.subtotal * item.count
            };
            for (rung, more) in [
                (&mut rungs.at_billed_quantity, made(usual, used.rate)?),
                (&mut rungs.at_billed_adjustment, made(adjusted, used.rate)?),
                (&mut rungs.at_billed_price, made(*price, used.rate)?),
                (&mut rungs.by_formula, formula),
            ] {
                *rung = rung
                    .checked_add(more)
                    .filter(|sum| sum.unsigned_abs() <= GROSS_LIMIT.unsigned_abs())?;
            }
        }
        if billed == used.quantity {
            // Several lines lose more than one: no matter of quantity.
            rungs.natural = rungs.at_billed_quantity;
        }
        rungs.note(rule, &used, usual, (items, &prices), notes);
        self.quantity += published(rungs.at_billed_quantity - rungs.natural)?;
        self.partner_earned_credit +=
            published(rungs.at_billed_adjustment - rungs.at_billed_quantity)?;
        self.price += published(rungs.at_billed_price - rungs.at_billed_adjustment)?;
        self.fx += published(rungs.by_formula - rungs.at_billed_price)?;
        Some(subtotal - rungs.by_formula)
    }

    /// A group that a sibling makes up for, with the same quantity at another adjustment, has gained
    /// or lost its partner earned credit: it has no other quantity.
    pub fn take_for_earned_credit(&mut self) {
        self.partner_earned_credit += self.quantity + self.missing_usage + self.missing_invoice;
        (self.quantity, self.missing_usage, self.missing_invoice) = (0, 0, 0);
    }
}

fn sums(states: &[&State], items: &[&Item]) -> (i128, i128) {
    (
        states.iter().map(|state| state.billing).sum(),
        items.iter().map(|item| item.subtotal * item.count).sum(),
    )
}

/// The price of a line; where it has none, the one that its subtotal comes from.
fn price_of(item: &Item) -> Option<i128> {
    item.price.or_else(|| {
        let priced = quotient_up(
            (item.subtotal, AMOUNT_SCALE),
            (item.rate, RATE_SCALE),
            AMOUNT_SCALE,
        )?;
        quotient_up(
            (priced, AMOUNT_SCALE),
            (item.quantity, QUANTITY_SCALE),
            PRICE_SCALE,
        )
    })
}

/// Usage of a pair, as one.
struct Used<'s> {
    states: &'s [&'s State],
    quantity: i128,
    pricing: i128,
    rate: i128,
}

impl<'s> Used<'s> {
    fn of(states: &'s [&'s State], is_free_left_out: bool) -> Option<Self> {
        let counted = states
            .iter()
            .filter(|state| !(is_free_left_out && state.is_free));
        let quantity = counted.map(|state| state.quantity).sum();
        let billing: i128 = states.iter().map(|state| state.billing).sum();
        let pricing: i128 = states.iter().map(|state| state.pricing).sum();
        let rate = states
            .iter()
            .max_by_key(|state| state.billing.abs())
            .map(|state| state.rate)?;
        let rows: u64 = states.iter().map(|state| state.rows).sum();
        // Each row may have been cut to a cent; past that, the priced amounts are not of these bills.
        let billed = multiply(
            (pricing, AMOUNT_SCALE),
            (rate, RATE_SCALE),
            AMOUNT_SCALE,
            Rounding::HalfEven,
        )?;
        let allowed = power_of_ten(AMOUNT_SCALE - 2).checked_mul(i128::from(rows) + 1)?;
        let agrees =
            billed.checked_sub(billing)?.abs() <= allowed && (pricing != 0 || billing == 0);
        let pricing = if agrees {
            pricing
        } else {
            quotient_up((billing, AMOUNT_SCALE), (rate, RATE_SCALE), AMOUNT_SCALE)?
        };
        Some(Self {
            states,
            quantity,
            pricing,
            rate,
        })
    }

    /// The usage's price, had it the partner earned credit that the line has: of the list price
    /// where usage follows it, else in proportion.
    fn at_adjustment(
        &self,
        item: &Item,
        usual: i128,
        price: i128,
        rule: &Rule,
        digits: u32,
    ) -> Option<i128> {
        let one = power_of_ten(RATE_SCALE);
        let charge = |price| {
            rule.subtotal(Line {
                price,
                quantity: item.quantity,
                rate: self.rate,
                digits,
            })
        };
        if self.states.iter().all(|state| state.earned == item.earned) {
            // The API's amounts may be before the credit that the price is net of.
            let net = multiply(
                (usual, PRICE_SCALE),
                (one - item.earned, RATE_SCALE),
                PRICE_SCALE,
                Rounding::HalfEven,
            )?;
            return Some(if item.earned > 0 && charge(net)? == charge(price)? {
                price
            } else {
                usual
            });
        }
        let paid = self.states.iter().filter(|state| !state.is_free);
        if let Some(list) = item.unit_price {
            let mut listed = 0_i128;
            for state in paid.clone() {
                let factors = [
                    (list, PRICE_SCALE),
                    (state.quantity, QUANTITY_SCALE),
                    (one - state.earned, RATE_SCALE),
                ];
                listed = listed.checked_add(multiply_three(
                    factors,
                    AMOUNT_SCALE,
                    Rounding::HalfEven,
                )?)?;
            }
            if (listed - self.pricing).abs() <= power_of_ten(AMOUNT_SCALE - 2) {
                let adjusted = multiply(
                    (list, PRICE_SCALE),
                    (one - item.earned, RATE_SCALE),
                    PRICE_SCALE,
                    Rounding::HalfEven,
                )?;
                let paid_quantity: i128 = paid.map(|state| state.quantity).sum();
                if paid_quantity == self.quantity {
                    return Some(adjusted);
                }
                let pricing = multiply(
                    (adjusted, PRICE_SCALE),
                    (paid_quantity, QUANTITY_SCALE),
                    AMOUNT_SCALE,
                    Rounding::HalfEven,
                )?;
                return rule.price_of(pricing, self.quantity);
            }
        }
        let mut pricing = 0_i128;
        for state in self.states {
            let share = quotient_up(
                (one - item.earned, RATE_SCALE),
                (one - state.earned, RATE_SCALE),
                RATE_SCALE,
            )?;
            pricing = pricing.checked_add(multiply(
                (state.pricing, AMOUNT_SCALE),
                (share, RATE_SCALE),
                AMOUNT_SCALE,
                Rounding::HalfEven,
            )?)?;
        }
        rule.price_of(pricing, self.quantity)
    }
}
