//! A variance to named parts that add up to it.
//!
//! Each cause in turn takes its part of what is left; `unexplained` takes the rest.

use super::variance_bridge::VarianceBridge;
use crate::engine::compare::group::Sides;
use crate::engine::rules::scope::Scope;
use crate::model::cause::Cause;

/// What a cause may look at. Amounts are in units of 10^-10.
#[derive(Clone, Copy, Debug)]
pub struct AttributionInput<'s> {
    /// Both sides.
    pub sides: &'s Sides,
    /// What is to be explained.
    pub variance: i128,
    /// The variance is no more than rounding alone can make.
    pub within_rounding: bool,
    /// What changed between the sides, where it is known.
    pub steps: Option<&'s VarianceBridge>,
}

/// A cause's part, given what is left of a variance.
type Part = fn(&AttributionInput<'_>, i128) -> i128;

/// The causes in order of precedence. The first two may take all; the others what their steps come to.
const CAUSES: &[(Cause, Part)] = &[
    (Cause::OutOfScope, |known, left| {
        if known.sides.scope == Scope::Usage {
            0
        } else {
            left
        }
    }),
    (Cause::Rounding, rounding),
    (Cause::Duplicate, |known, _| {
        step(known, |steps| steps.duplicate)
    }),
    (Cause::Timing, |known, _| step(known, |steps| steps.timing)),
    (Cause::Credit, |known, _| step(known, |steps| steps.credit)),
    (Cause::Tax, |known, _| step(known, |steps| steps.tax)),
    (Cause::MissingUsage, |known, _| {
        step(known, |steps| steps.missing_usage)
    }),
    (Cause::MissingInvoice, |known, _| {
        step(known, |steps| steps.missing_invoice)
    }),
    (Cause::Quantity, |known, _| {
        step(known, |steps| steps.quantity)
    }),
    (Cause::PartnerEarnedCredit, |known, _| {
        step(known, |steps| steps.partner_earned_credit)
    }),
    (Cause::Price, |known, _| step(known, |steps| steps.price)),
    (Cause::Fx, |known, _| step(known, |steps| steps.fx)),
];

fn step(known: &AttributionInput<'_>, of: fn(&VarianceBridge) -> i128) -> i128 {
    known.steps.map_or(0, of)
}

fn rounding(known: &AttributionInput<'_>, left: i128) -> i128 {
    if known.within_rounding {
        left
    } else {
        step(known, |steps| steps.rounding)
    }
}

/// The parts of a variance, by [`Cause::ALL`]. They add up to it exactly. What a cause that is `off`
/// would take stays unexplained.
#[must_use]
pub fn split(known: &AttributionInput<'_>, off: &[Cause]) -> [i128; Cause::ALL.len()] {
    let mut parts = [0; Cause::ALL.len()];
    let mut left = known.variance;
    let mut kept_back = 0;
    for (cause, part_of) in CAUSES {
        let part = part_of(known, left);
        left -= part;
        if off.contains(cause) {
            kept_back += part;
        } else {
            set(&mut parts, *cause, part);
        }
    }
    set(&mut parts, Cause::Unexplained, left + kept_back);
    assert!(
        parts.iter().sum::<i128>() == known.variance,
        "the parts add up to the variance"
    );
    parts
}

fn set(parts: &mut [i128; Cause::ALL.len()], cause: Cause, amount: i128) {
    if let Some(slot) = parts.get_mut(cause as usize) {
        *slot = amount;
    }
}

/// The cause with the largest part, of equal ones the first; `None` where all are zero.
#[must_use]
pub fn largest(parts: &[i128; Cause::ALL.len()]) -> Option<Cause> {
    let sized = Cause::ALL
        .into_iter()
        .zip(parts)
        .filter(|(_, part)| **part != 0);
    sized
        .rev()
        .max_by_key(|(_, part)| part.unsigned_abs())
        .map(|(cause, _)| cause)
}

/// The cause of a variance of quantities, which has no amounts to be split.
#[must_use]
pub fn of_quantity(sides: &Sides, variance: i128, within_rounding: bool) -> Option<Cause> {
    match (variance, sides.expected_rows, sides.invoiced_rows) {
        (0, ..) => None,
        _ if within_rounding => Some(Cause::Rounding),
        (_, 0, _) => Some(Cause::MissingUsage),
        (_, _, 0) => Some(Cause::MissingInvoice),
        _ => Some(Cause::Quantity),
    }
}
