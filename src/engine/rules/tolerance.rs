//! How large a variance may be before it is a break.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::model::decimal::{self, AMOUNT_SCALE, Rounding};

/// Configured tolerance; the derived one always applies, the largest wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// Amount in the billing currency.
    pub absolute: Option<Decimal>,
    /// Fraction of the expected amount.
    pub relative: Option<Decimal>,
    /// Variances below this amount are no breaks, whatever made them.
    pub materiality: Option<Decimal>,
}

/// A tie-out's tolerances; the most special that is set applies: customer, currency, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tolerances {
    /// For every group.
    pub all: Tolerance,
    /// By currency code, upper case.
    pub by_currency: BTreeMap<String, Tolerance>,
    /// By folded customer id.
    pub by_customer: BTreeMap<String, Tolerance>,
}

/// Which limit decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// What rounding alone can make.
    Derived,
    /// The configured amount.
    Absolute,
    /// The configured fraction of the expected amount.
    Relative,
    /// The materiality floor.
    Materiality,
}

impl Limit {
    /// Its name in `explain`.
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
    /// The settings for a group.
    #[must_use]
    pub fn of(&self, currency: &str, customer: &str) -> &Tolerance {
        self.by_customer
            .get(customer)
            .or_else(|| self.by_currency.get(currency))
            .unwrap_or(&self.all)
    }
}

impl Tolerance {
    /// The largest limit for a group, and which one it is; amounts in units of 10^-20. `None` on
    /// overflow.
    #[must_use]
    pub fn limit(&self, derived: i128, expected: i128) -> Option<(i128, Limit)> {
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
