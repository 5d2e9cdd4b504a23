//! What of a group the other side does not have: copies of rows, usage of another month, lines of
//! another cycle. Each set of these is a hypothesis; the quantities decide between them.

use super::evidence::{Evidence, Item, State};

/// Anomalies that one side may show and the other not; a hypothesis is a set of them.
const ANOMALIES: u8 = 4;
const USAGE_COPIES: u8 = 1;
const LATE_USAGE: u8 = 2;
const LINE_COPIES: u8 = 4;
const OTHER_CYCLE: u8 = 8;

/// Both sides of a group without what a hypothesis leaves out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remaining {
    pub(crate) states: Vec<State>,
    pub(crate) items: Vec<Item>,
    /// Taken from usage and from lines, in units of 10^-20.
    pub(crate) copies: [i128; 2],
    /// The same of other months and cycles.
    pub(crate) timing: [i128; 2],
}

impl Remaining {
    fn of(evidence: &Evidence, hypothesis: u8) -> Self {
        let mut remaining = Self::default();
        for state in evidence.states.iter().filter(|state| !state.is_credit) {
            let mut state = state.clone();
            if state.is_late && hypothesis & LATE_USAGE != 0 {
                remaining.timing[0] += state.billing;
                continue;
            }
            if state.copies.rows > 0 && hypothesis & USAGE_COPIES != 0 {
                let [quantity, billing, pricing, _] = state.copies.sums;
                remaining.copies[0] += billing;
                state.rows -= state.copies.rows;
                state.quantity -= quantity;
                state.billing -= billing;
                state.pricing -= pricing;
            }
            remaining.states.push(state);
        }
        for item in evidence.items.iter().filter(|item| !item.is_credit) {
            let mut item = item.clone();
            if item.is_of_other_cycle && hypothesis & OTHER_CYCLE != 0 {
                remaining.timing[1] += item.subtotal * item.count;
                continue;
            }
            if item.copies > 0 && hypothesis & LINE_COPIES != 0 {
                remaining.copies[1] += item.subtotal * item.copies;
                item.count -= item.copies;
            }
            remaining.items.push(item);
        }
        remaining
    }

    pub(crate) fn billed(&self) -> i128 {
        self.items
            .iter()
            .map(|item| item.quantity * item.count)
            .sum()
    }

    pub(crate) fn used(&self) -> i128 {
        self.states.iter().map(|state| state.quantity).sum()
    }

    fn free(&self) -> i128 {
        self.states
            .iter()
            .filter(|state| state.is_free)
            .map(|state| state.quantity)
            .sum()
    }

    /// The quantities agree; those that are free may be left out of what is billed.
    pub(crate) fn agrees(&self) -> bool {
        let (billed, used) = (self.billed(), self.used());
        billed == used || billed == used - self.free()
    }
}

/// The smallest hypothesis under which the quantities agree; where none does, all that is odd is
/// taken for what the other side does not have, and the rest is another quantity.
pub(crate) fn most_likely(evidence: &Evidence) -> Remaining {
    let states = || evidence.states.iter().filter(|state| !state.is_credit);
    let items = || evidence.items.iter().filter(|item| !item.is_credit);
    let mut present = 0;
    present |= USAGE_COPIES * u8::from(states().any(|state| state.copies.rows > 0));
    present |= LATE_USAGE * u8::from(states().any(|state| state.is_late));
    present |= LINE_COPIES * u8::from(items().any(|item| item.copies > 0));
    present |= OTHER_CYCLE * u8::from(items().any(|item| item.is_of_other_cycle));
    let mut hypotheses: Vec<u8> = (0..1 << ANOMALIES)
        .filter(|hypothesis| hypothesis & !present == 0)
        .collect();
    hypotheses.sort_by_key(|hypothesis| (hypothesis.count_ones(), *hypothesis));
    let mut tried = hypotheses
        .into_iter()
        .map(|hypothesis| Remaining::of(evidence, hypothesis));
    tried
        .find(Remaining::agrees)
        .unwrap_or_else(|| Remaining::of(evidence, present))
}
