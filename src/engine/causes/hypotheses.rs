//! Hypotheses about what one side of a group has and the other does not: duplicate rows, usage of
//! another month, lines of another cycle. Each set of these anomalies is a hypothesis, and the
//! quantities decide between them.
//!
//! A duplicate row is not wrong by itself: usage has no natural key, and both sides may count a row
//! twice ([quirks](crate::model::domain::quirks), daily rated usage 5). It is taken for an error
//! only if the quantities agree without it.

use super::evidence::{EqualLines, Evidence, UsageState};

/// Number of anomalies that one side may show and the other not; a hypothesis is a set of them, one
/// bit for each.
const ANOMALIES: u8 = 4;
/// Rows of usage that are duplicates.
const DUPLICATE_USAGE: u8 = 1;
/// Usage of another month than the invoice's.
const LATE_USAGE: u8 = 2;
/// Invoice lines that are duplicates.
const DUPLICATE_LINES: u8 = 4;
/// Invoice lines of another cycle than the invoice's.
const OTHER_CYCLE: u8 = 8;

/// Amounts that a hypothesis leaves out of the two sides, in units of 10^-20.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LeftOut {
    /// Amount of usage, in the billing currency.
    pub(super) usage: i128,
    /// Subtotal of lines, in the billing currency.
    pub(super) lines: i128,
}

/// Both sides of a group without Azure credits and without what a hypothesis leaves out.
#[derive(Clone, Debug, Default)]
pub(super) struct Remaining {
    /// Usage that the lines charge for.
    pub(super) states: Vec<UsageState>,
    /// Lines that charge for the usage.
    pub(super) lines: Vec<EqualLines>,
    /// Duplicate rows and lines that were left out.
    pub(super) duplicates: LeftOut,
    /// Late usage, and lines of other cycles, that were left out.
    pub(super) timing: LeftOut,
}

impl Remaining {
    fn of(evidence: &Evidence, hypothesis: u8) -> Self {
        let has = |anomaly| hypothesis & anomaly != 0;
        let mut remaining = Self::default();
        // Azure credits stay out: a credit line repeats the quantity of the charge that it offsets
        // (`model::domain::semantics §7`), which would count twice here.
        for state in evidence.states.iter().filter(|state| !state.is_credit) {
            let mut state = state.clone();
            // Late usage leaves with its duplicates: each row is left out once.
            if state.is_late && has(LATE_USAGE) {
                remaining.timing.usage += state.billing;
                continue;
            }
            if state.duplicates.rows > 0 && has(DUPLICATE_USAGE) {
                let [quantity, billing, pricing, _] = state.duplicates.sums;
                remaining.duplicates.usage += billing;
                state.rows -= state.duplicates.rows;
                state.quantity -= quantity;
                state.billing -= billing;
                state.pricing -= pricing;
            }
            remaining.states.push(state);
        }
        for lines in evidence.lines.iter().filter(|lines| !lines.is_credit) {
            let mut lines = lines.clone();
            if lines.is_of_other_cycle && has(OTHER_CYCLE) {
                remaining.timing.lines += lines.subtotal_of_all();
                continue;
            }
            if lines.duplicates > 0 && has(DUPLICATE_LINES) {
                remaining.duplicates.lines += lines.subtotal * lines.duplicates;
                lines.count -= lines.duplicates;
            }
            remaining.lines.push(lines);
        }
        remaining
    }

    /// Quantity of the lines, in units of 10^-20.
    pub(super) fn billed(&self) -> i128 {
        self.lines.iter().map(EqualLines::quantity_of_all).sum()
    }

    /// Quantity of the usage, in units of 10^-20.
    pub(super) fn used(&self) -> i128 {
        self.states.iter().map(|state| state.quantity).sum()
    }

    /// Quantity of the free usage, in units of 10^-20.
    fn free(&self) -> i128 {
        self.states
            .iter()
            .filter(|state| state.is_free)
            .map(|state| state.quantity)
            .sum()
    }

    /// True if the quantities agree, with the free usage or without it: a line may leave it out.
    pub(super) fn agrees(&self) -> bool {
        let (billed, used) = (self.billed(), self.used());
        billed == used || billed == used - self.free()
    }
}

/// Both sides under the smallest hypothesis with which the quantities agree. Where none makes them
/// agree, every anomaly is left out, and what then differs is another quantity.
pub(super) fn most_likely(evidence: &Evidence) -> Remaining {
    let states = || evidence.states.iter().filter(|state| !state.is_credit);
    let lines = || evidence.lines.iter().filter(|lines| !lines.is_credit);
    let mut present = 0;
    present |= DUPLICATE_USAGE * u8::from(states().any(|state| state.duplicates.rows > 0));
    present |= LATE_USAGE * u8::from(states().any(|state| state.is_late));
    present |= DUPLICATE_LINES * u8::from(lines().any(|lines| lines.duplicates > 0));
    present |= OTHER_CYCLE * u8::from(lines().any(|lines| lines.is_of_other_cycle));
    let mut hypotheses: Vec<u8> = (0..1 << ANOMALIES)
        .filter(|hypothesis| hypothesis & !present == 0)
        .collect();
    // Fewest anomalies first; of equally many, the order of the bits makes the choice the same in
    // every run.
    hypotheses.sort_by_key(|hypothesis| (hypothesis.count_ones(), *hypothesis));
    let mut tried = hypotheses
        .into_iter()
        .map(|hypothesis| Remaining::of(evidence, hypothesis));
    tried
        .find(Remaining::agrees)
        .unwrap_or_else(|| Remaining::of(evidence, present))
}
