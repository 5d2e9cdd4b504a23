//! How large a variance may be before it is a break.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

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
