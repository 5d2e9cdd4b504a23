//! How large a variance may be before it is a break.
//!
//! The limit of a group is the largest of those that apply: what rounding alone can move
//! ([`super::rounding_bounds`]), which always applies, and what the pipeline configures. Microsoft
//! publishes none ([semantics §3](crate::model::domain::semantics), "Tolerance").

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::model::decimal::{self, AMOUNT_SCALE, Rounding};

/// Limits that a pipeline configures, each in addition to the derived one; the largest wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// Amount in the billing currency; not negative.
    pub absolute: Option<Decimal>,
    /// Fraction of the expected amount: 0.01 is one per cent.
    pub relative: Option<Decimal>,
    /// Amount in the billing currency up to which a variance is never a break, whatever caused it.
    pub materiality: Option<Decimal>,
}

/// Tolerances of a tie-out. The most specific one applies by itself: of the customer, else of the
/// currency, else the general one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tolerances {
    /// Tolerance of the groups that neither map names.
    pub all: Tolerance,
    /// Tolerance by billing currency: code in upper case.
    pub by_currency: BTreeMap<String, Tolerance>,
    /// Tolerance by folded customer id.
    pub by_customer: BTreeMap<String, Tolerance>,
}

/// Limit that decided for a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Bound of what rounding alone can move.
    Derived,
    /// Amount configured as [`Tolerance::absolute`].
    Absolute,
    /// Share of the expected amount configured as [`Tolerance::relative`].
    Relative,
    /// Amount configured as [`Tolerance::materiality`].
    Materiality,
}

impl Limit {
    /// Name of the limit in `explain`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Derived => "derived from rounding",
            Self::Absolute => "configured absolute tolerance",
            Self::Relative => "configured relative tolerance",
            Self::Materiality => "configured materiality",
        }
    }
}

impl Tolerances {
    /// Tolerance of a group, by its currency's code in upper case and its folded customer id.
    #[must_use]
    pub fn of(&self, currency: &str, customer: &str) -> &Tolerance {
        // One tolerance, not the parts of several: a customer's without a relative limit has none.
        match (
            self.by_customer.get(customer),
            self.by_currency.get(currency),
        ) {
            (Some(of_customer), _) => of_customer,
            (None, Some(of_currency)) => of_currency,
            (None, None) => &self.all,
        }
    }
}

impl Tolerance {
    /// Largest limit for a group, and which limit that is; amounts in units of 10^-20. Of equal
    /// limits the derived one is named first, then in the order of [`Limit`]. `None` on overflow.
    #[must_use]
    pub fn limit(&self, derived: i128, expected: i128) -> Option<(i128, Limit)> {
        // Limits do not add up: what rounding moves is within what was configured, or the other way
        // round.
        let mut best = (derived, Limit::Derived);
        let mut offer = |amount: i128, limit: Limit| {
            if amount > best.0 {
                best = (amount, limit);
            }
        };
        if let Some(absolute) = self.absolute {
            offer(decimal::from_money(absolute)?, Limit::Absolute);
        }
        if let Some(relative) = self.relative {
            // Of the amount's size: credits are negative, and a limit is not.
            let share = (relative.mantissa(), relative.scale());
            offer(
                decimal::multiply(
                    share,
                    (expected.checked_abs()?, AMOUNT_SCALE),
                    AMOUNT_SCALE,
                    Rounding::HalfUp,
                )?,
                Limit::Relative,
            );
        }
        if let Some(materiality) = self.materiality {
            offer(decimal::from_money(materiality)?, Limit::Materiality);
        }
        Some(best)
    }
}
