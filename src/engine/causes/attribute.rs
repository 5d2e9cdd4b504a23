//! Attribution: a variance to parts, one for each cause, that add up to it exactly.
//!
//! The causes are taken in order of precedence; `unexplained` takes the rest. How much a cause may
//! take is worked out elsewhere ([`super::variance_bridge`]): this is only the table of who takes
//! which step, and the assertion that nothing is lost.

use super::variance_bridge::VarianceBridge;
use crate::engine::compare::group::Sides;
use crate::engine::rules::scope::Scope;
use crate::model::cause::Cause;

/// Group that is attributed. Amounts are in units of 10^-10.
#[derive(Clone, Copy, Debug)]
pub struct AttributionInput<'s> {
    /// Both sides of the group.
    pub sides: &'s Sides,
    /// Invoiced less expected amount, to be explained.
    pub variance: i128,
    /// True if rounding alone can make the variance.
    pub within_rounding: bool,
    /// Steps between the sides; `None` for a group that was not looked into.
    pub bridge: Option<&'s VarianceBridge>,
}

/// Part of a variance that a cause takes, given what the causes before it left.
type PartTaken = fn(&AttributionInput<'_>, i128) -> i128;

/// Causes in order of precedence. The first two may take all that is left, the others take their
/// step. One named function or closure for each, so that the table stays readable in one look.
const CAUSES: &[(Cause, PartTaken)] = &[
    // Before all steps: where no usage is expected (`model::domain::semantics §11`, 1), a step
    // between the sides means nothing.
    (Cause::OutOfScope, out_of_scope),
    // Rounding next: what it alone can make is called no error, whatever else would fit.
    (Cause::Rounding, rounding),
    // From here on the order changes no part: each cause takes its own step, whatever is left.
    (Cause::Duplicate, |input, _| step(input, |b| b.duplicate)),
    (Cause::Timing, |input, _| step(input, |b| b.timing)),
    (Cause::Credit, |input, _| step(input, |b| b.credit)),
    (Cause::Tax, |input, _| step(input, |b| b.tax)),
    (Cause::MissingUsage, |input, _| {
        step(input, |b| b.missing_usage)
    }),
    (Cause::MissingInvoice, |input, _| {
        step(input, |b| b.missing_invoice)
    }),
    (Cause::Quantity, |input, _| step(input, |b| b.quantity)),
    (Cause::PartnerEarnedCredit, |input, _| {
        step(input, |b| b.partner_earned_credit)
    }),
    (Cause::Promotion, |input, _| step(input, |b| b.promotion)),
    (Cause::Price, |input, _| step(input, |b| b.price)),
    (Cause::Fx, |input, _| step(input, |b| b.fx)),
];

/// Parts of a variance, in the order of [`Cause::ALL`]. They add up to it exactly. What a cause
/// that is `off` would take stays unexplained.
///
/// # Panics
/// Where the parts do not add up, which is a bug of ours.
#[must_use]
pub fn split(input: &AttributionInput<'_>, off: &[Cause]) -> [i128; Cause::ALL.len()] {
    let mut parts = [0; Cause::ALL.len()];
    let mut left = input.variance;
    let mut kept_back = 0;
    for (cause, part_taken) in CAUSES {
        let part = part_taken(input, left);
        left -= part;
        // The part is taken all the same: no other cause may claim it.
        if off.contains(cause) {
            kept_back += part;
        } else {
            parts[*cause as usize] = part;
        }
    }
    parts[Cause::Unexplained as usize] = left + kept_back;
    assert!(
        parts.iter().sum::<i128>() == input.variance,
        "the parts add up to the variance"
    );
    parts
}

/// All that is left, where no usage is expected behind the lines.
fn out_of_scope(input: &AttributionInput<'_>, left: i128) -> i128 {
    if input.sides.scope == Scope::Usage {
        0
    } else {
        left
    }
}

/// All that is left where rounding alone can make the variance, else the bridge's step.
fn rounding(input: &AttributionInput<'_>, left: i128) -> i128 {
    if input.within_rounding {
        left
    } else {
        step(input, |bridge| bridge.rounding)
    }
}

/// Step of the bridge; 0 for a group without one, whose variance is all rounding or unexplained.
fn step(input: &AttributionInput<'_>, of: fn(&VarianceBridge) -> i128) -> i128 {
    match input.bridge {
        Some(bridge) => of(bridge),
        None => 0,
    }
}

/// Cause with the largest part but rounding, of equal ones the first of [`Cause::ALL`]; rounding
/// where there is no other part, `None` where all parts are zero.
#[must_use]
pub fn largest(parts: &[i128; Cause::ALL.len()]) -> Option<Cause> {
    let sized = Cause::ALL
        .into_iter()
        .zip(parts)
        .filter(|(_, part)| **part != 0);
    // What rounding makes is proven, and no reason to look: a smaller part beside it is.
    // Reversed, as `max_by_key` takes the last of equals.
    sized
        .rev()
        .max_by_key(|(cause, part)| (*cause != Cause::Rounding, part.unsigned_abs()))
        .map(|(cause, _)| cause)
}

/// Cause of a variance of quantities, which has no amounts to be split; `None` where there is no
/// variance.
#[must_use]
pub fn of_quantity(
    sides: &Sides,
    variance: i128,
    within_rounding: bool,
    is_timing: bool,
) -> Option<Cause> {
    match (variance, sides.expected_rows, sides.invoiced_rows) {
        (0, ..) => None,
        // Before the missing sides: usage that rounds to nothing was not forgotten.
        _ if within_rounding => Some(Cause::Rounding),
        _ if is_timing => Some(Cause::Timing),
        (_, 0, _) => Some(Cause::MissingUsage),
        (_, _, 0) => Some(Cause::MissingInvoice),
        _ => Some(Cause::Quantity),
    }
}
