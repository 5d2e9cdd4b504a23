//! Usage and lines of a group, paired: usage of one price state with the lines that charge for it.
//!
//! A coarse pass may put several meters or adjustments into one group. Their prices differ, so the
//! bridge has to be laid for each pair.

use super::evidence::{EqualLines, UsageState};
use super::hypotheses::Remaining;
use crate::model::decimal::{AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE, quotient_up};

/// Usage and the lines that charge for it; one of the two may be empty.
pub(super) struct Pair<'r> {
    /// Usage by price state.
    pub(super) states: Vec<&'r UsageState>,
    /// Lines that charge for the usage.
    pub(super) lines: Vec<&'r EqualLines>,
}

impl Pair<'_> {
    /// Amount of the usage, in units of 10^-20.
    pub(super) fn billing(&self) -> i128 {
        self.states.iter().map(|state| state.billing).sum()
    }

    /// Amount of the lines, in units of 10^-20.
    pub(super) fn subtotal(&self) -> i128 {
        self.lines.iter().map(|line| line.subtotal_of_all()).sum()
    }

    /// Quantity of the lines, in units of 10^-20.
    pub(super) fn billed_quantity(&self) -> i128 {
        self.lines.iter().map(|line| line.quantity_of_all()).sum()
    }

    /// Unit price of each of the lines, in units of 10^-22; `None` where one cannot be told.
    pub(super) fn prices(&self) -> Option<Vec<i128>> {
        self.lines.iter().map(|line| price_of(line)).collect()
    }
}

/// Price of a line; of a line without one, the price that its subtotal comes from.
fn price_of(line: &EqualLines) -> Option<i128> {
    line.price.or_else(|| {
        // Both away from zero, as `quotient_up` rounds: a price that is one digit too low would
        // lose a cent where the subtotal is rounded down (`model::domain::semantics §3`).
        let priced = quotient_up(
            (line.subtotal, AMOUNT_SCALE),
            (line.rate, RATE_SCALE),
            AMOUNT_SCALE,
        )?;
        quotient_up(
            (priced, AMOUNT_SCALE),
            (line.quantity, QUANTITY_SCALE),
            PRICE_SCALE,
        )
    })
}

/// All usage and lines of a group, each in one place.
pub(super) struct Paired<'r> {
    /// Usage and lines that belong together, in the order of their codes.
    pub(super) pairs: Vec<Pair<'r>>,
    /// Usage and lines of which nothing says which belong together.
    pub(super) unpaired: Option<Pair<'r>>,
}

/// Pairs usage and lines of equal description and adjustment first. The rest is a pair of its own
/// if it is of one meter on both sides: its adjustment has changed then, or its name. So it is if
/// the usage names no meter and all of the lines have one price: the usage then tells their prices,
/// though not which meter it is of.
pub(super) fn pair(remaining: &Remaining) -> Paired<'_> {
    let (states, lines) = (&remaining.states, &remaining.lines);
    let name_of_state = |state: &UsageState| (state.description, state.adjustment);
    let name_of_line = |line: &EqualLines| (line.description, line.adjustment);
    let mut names: Vec<(u32, u32)> = lines.iter().map(name_of_line).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| states.iter().any(|state| name_of_state(state) == *name));
    let mut pairs: Vec<Pair<'_>> = names
        .iter()
        .map(|name| Pair {
            states: states
                .iter()
                .filter(|state| name_of_state(state) == *name)
                .collect(),
            lines: lines
                .iter()
                .filter(|line| name_of_line(line) == *name)
                .collect(),
        })
        .collect();
    let rest = Pair {
        states: states
            .iter()
            .filter(|state| !names.contains(&name_of_state(state)))
            .collect(),
        lines: lines
            .iter()
            .filter(|line| !names.contains(&name_of_line(line)))
            .collect(),
    };
    let unpaired = if rest.states.is_empty() && rest.lines.is_empty() {
        None
    } else if is_of_one(rest.states.iter().map(|state| state.description))
        && (is_of_one(rest.lines.iter().map(|line| line.description)) || is_of_one_price(&rest))
    {
        pairs.push(rest);
        None
    } else {
        Some(rest)
    };
    Paired { pairs, unpaired }
}

/// True if usage without a meter's name stands against lines of one price.
fn is_of_one_price(rest: &Pair<'_>) -> bool {
    let is_nameless = rest.states.iter().all(|state| state.description == 0);
    let mut prices = rest.lines.iter().map(|line| line.price);
    let first = prices.next().flatten();
    is_nameless && first.is_some() && prices.all(|price| price == first)
}

/// True if there are descriptions, and all are equal.
fn is_of_one(mut descriptions: impl Iterator<Item = u32>) -> bool {
    match descriptions.next() {
        Some(first) => descriptions.all(|description| description == first),
        None => false,
    }
}
