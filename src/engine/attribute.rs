//! A variance to named parts that add up to it.
//!
//! Each cause in turn takes its part of what is left; `unexplained` takes the rest. This first
//! table is coarse: it tells rounding, products without usage and missing sides from the rest.

use super::scope::Scope;
use super::variance::Sides;
use crate::model::cause::Cause;

/// What a cause may look at. Amounts are in units of 10^-10.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'s> {
    /// Both sides.
    pub sides: &'s Sides,
    /// What is to be explained.
    pub variance: i128,
    /// The variance is no more than rounding alone can make.
    pub within_rounding: bool,
}

/// A cause's part of what is left of a variance.
type Part = fn(&Evidence<'_>, i128) -> i128;

/// The causes in order of precedence.
const CAUSES: &[(Cause, Part)] = &[
    (Cause::OutOfScope, out_of_scope),
    (Cause::Rounding, rounding),
    (Cause::MissingUsage, missing_usage),
    (Cause::MissingInvoice, missing_invoice),
];

fn out_of_scope(evidence: &Evidence<'_>, left: i128) -> i128 {
    if evidence.sides.scope == Scope::Usage { 0 } else { left }
}

fn rounding(evidence: &Evidence<'_>, left: i128) -> i128 {
    if evidence.within_rounding { left } else { 0 }
}

fn missing_usage(evidence: &Evidence<'_>, left: i128) -> i128 {
    if evidence.sides.expected_rows == 0 { left } else { 0 }
}

fn missing_invoice(evidence: &Evidence<'_>, left: i128) -> i128 {
    if evidence.sides.invoiced_rows == 0 { left } else { 0 }
}

/// The parts of a variance, by [`Cause::ALL`]. They add up to it exactly.
#[must_use]
pub fn split(evidence: &Evidence<'_>) -> [i128; Cause::ALL.len()] {
    let mut parts = [0; Cause::ALL.len()];
    let mut left = evidence.variance;
    for (cause, part_of) in CAUSES {
        let part = part_of(evidence, left);
        left -= part;
        set(&mut parts, *cause, part);
    }
    set(&mut parts, Cause::Unexplained, left);
    assert!(parts.iter().sum::<i128>() == evidence.variance, "the parts add up to the variance");
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
    let sized = Cause::ALL.into_iter().zip(parts).filter(|(_, part)| **part != 0);
    sized.rev().max_by_key(|(_, part)| part.unsigned_abs()).map(|(cause, _)| cause)
}
