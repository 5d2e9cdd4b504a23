//! Hypotheses about what one side of a group has and the other does not: duplicate rows, usage of
//! another month, lines of another cycle, free units. Each set of these anomalies is a hypothesis;
//! the one whose [bridge](super::variance_bridge) has the smallest parts is believed.
//!
//! A duplicate row is not wrong by itself: usage has no natural key, and both sides may count a row
//! twice ([quirks](crate::model::domain::quirks), daily rated usage 5). It is taken for an error
//! only if naming it makes the rest smaller.

use super::evidence::{EqualLines, Evidence, UsageState};

/// Number of anomalies that one side may show and the other not; a hypothesis is a set of them, one
/// bit for each.
const ANOMALIES: u8 = 5;
/// Rows of usage that are duplicates.
const DUPLICATE_USAGE: u8 = 1;
/// Usage of another month than the invoice's.
const LATE_USAGE: u8 = 2;
/// Invoice lines that are duplicates.
const DUPLICATE_LINES: u8 = 4;
/// Invoice lines of another cycle than the invoice's.
const OTHER_CYCLE: u8 = 8;
/// Usage that was given free, which a line may leave out of its quantity.
const FREE_USAGE: u8 = 16;

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
    /// Azure credits: lines of their own, and rows of usage
    /// ([semantics §7](crate::model::domain::semantics)).
    pub(super) credits: LeftOut,
    /// True if the lines are taken to leave free usage out of their quantity.
    pub(super) is_free_left_out: bool,
}

impl Remaining {
    /// Both sides under a hypothesis, which is one of [`open_to`].
    pub(super) fn of(evidence: &Evidence, hypothesis: u8) -> Self {
        let has = |anomaly| hypothesis & anomaly != 0;
        let mut remaining = Self {
            is_free_left_out: has(FREE_USAGE),
            ..Self::default()
        };
        for state in &evidence.states {
            let mut state = state.clone();
            // Late usage leaves with its duplicates: each row is left out once.
            if state.is_late && !state.is_credit && has(LATE_USAGE) {
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
            // Azure credits stay out: a credit line repeats the quantity of the charge that it
            // offsets (`model::domain::semantics §7`), which would count twice here.
            if state.is_credit {
                remaining.credits.usage += state.billing;
            } else {
                remaining.states.push(state);
            }
        }
        for lines in &evidence.lines {
            let mut lines = lines.clone();
            if lines.is_of_other_cycle && !lines.is_credit && has(OTHER_CYCLE) {
                remaining.timing.lines += lines.subtotal_of_all();
                continue;
            }
            if lines.duplicates > 0 && has(DUPLICATE_LINES) {
                remaining.duplicates.lines += lines.subtotal * lines.duplicates;
                lines.count -= lines.duplicates;
            }
            if lines.is_credit {
                remaining.credits.lines += lines.subtotal_of_all();
            } else if !(lines.is_free() && has(FREE_USAGE)) {
                // Free units are left out of both sides.
                remaining.lines.push(lines);
            }
        }
        remaining
    }

    /// Quantity of the lines, in units of 10^-20.
    pub(super) fn billed(&self) -> i128 {
        self.lines.iter().map(EqualLines::quantity_of_all).sum()
    }

    /// Quantity of the usage that the lines charge for, in units of 10^-20.
    pub(super) fn used(&self) -> i128 {
        let charged = self
            .states
            .iter()
            .filter(|state| !(state.is_free && self.is_free_left_out));
        charged.map(|state| state.quantity).sum()
    }
}

/// Hypotheses that the evidence leaves open: every set of the anomalies that are present, the
/// smallest first; of equally many anomalies, the order of the bits makes the choice the same in
/// every run.
///
/// Free units are no anomaly: hypotheses that leave them out of both sides stand before all others.
pub(super) fn open_to(evidence: &Evidence) -> Vec<u8> {
    let states = || evidence.states.iter();
    let lines = || evidence.lines.iter();
    let charges = || states().filter(|state| !state.is_credit);
    let mut charged = lines().filter(|lines| !lines.is_credit);
    let mut present = 0;
    present |= DUPLICATE_USAGE * u8::from(states().any(|state| state.duplicates.rows > 0));
    present |= LATE_USAGE * u8::from(charges().any(|state| state.is_late));
    present |= DUPLICATE_LINES * u8::from(lines().any(|lines| lines.duplicates > 0));
    present |= OTHER_CYCLE * u8::from(charged.any(|lines| lines.is_of_other_cycle));
    // Of usage that is free throughout nothing would be left.
    let is_partly_free =
        charges().any(|state| state.is_free) && charges().any(|state| !state.is_free);
    present |= FREE_USAGE * u8::from(is_partly_free);
    let mut hypotheses: Vec<u8> = (0..1 << ANOMALIES)
        .filter(|hypothesis| hypothesis & !present == 0)
        .collect();
    hypotheses.sort_by_key(|hypothesis| {
        let anomalies = hypothesis & !FREE_USAGE;
        (
            hypothesis & FREE_USAGE == 0,
            anomalies.count_ones(),
            *hypothesis,
        )
    });
    hypotheses
}
