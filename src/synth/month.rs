//! What tells one month of a partner from its other months. A partner of one month has nothing of
//! it, and its bytes are a promise.

use std::collections::BTreeSet;

/// Number of invoice numbers that a month may use.
pub(super) const NUMBERS: u64 = 16;

/// Month of a partner that has several.
#[derive(Clone, Debug)]
pub(super) struct Month {
    /// Seed of all that changes from month to month: usage, plants, exports.
    pub(super) seed: u64,
    /// Exchange rate from USD to euro, units of 10^-9.
    pub(super) rate: i128,
    /// Digits of the first invoice number, from which the others go on.
    pub(super) first_number: u64,
    /// Positions of customers who have not come yet, or have left.
    pub(super) absent: BTreeSet<usize>,
}
