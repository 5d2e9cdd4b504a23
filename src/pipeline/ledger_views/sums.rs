//! Sums over rows of the ledger. Money and quantities are never added up together, nor are two
//! currencies: each is a unit of its own.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::engine::rules::definitions::{Measure, definition};
use crate::ledger::amount;
use crate::model::cause::TieOut;
use crate::model::decimal::{PUBLISHED_SCALE, fixed};

/// Measure of what a tie-out compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SumMeasure {
    /// Money, in the billing currency.
    Amount,
    /// Units in which meters count.
    Quantity,
}

/// Measure and currency of sums.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SumUnit {
    /// Measure of the figures.
    pub measure: SumMeasure,
    /// Billing currency, ISO 4217; of quantities, that of what they cost.
    pub currency: String,
}

impl SumUnit {
    /// Unit of the figures of a tie-out. A name that no release knows is one of amounts.
    #[must_use]
    pub fn of(tie_out: &str, currency: &str) -> Self {
        let known = TieOut::ALL
            .into_iter()
            .find(|known| known.name() == tie_out);
        let is_of_quantities =
            known.is_some_and(|known| definition(known).measure == Measure::Quantity);
        Self {
            measure: match is_of_quantities {
                true => SumMeasure::Quantity,
                false => SumMeasure::Amount,
            },
            currency: currency.to_owned(),
        }
    }

    /// Name of the unit, as a heading has it.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.measure, self.currency.as_str()) {
            (SumMeasure::Amount, "") => "no currency".to_owned(),
            (SumMeasure::Amount, currency) => currency.to_owned(),
            (SumMeasure::Quantity, "") => "quantities".to_owned(),
            (SumMeasure::Quantity, currency) => format!("quantities ({currency})"),
        }
    }
}

/// A sum in units of 10^-10: exact, however large it grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExactSum(i128);

impl ExactSum {
    /// A sum that is one amount of the ledger.
    #[must_use]
    pub fn of(amount: Decimal) -> Self {
        Self(amount::units(amount))
    }

    /// A sum that is one published amount: digits with ten places behind their point. `None` for
    /// another text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (_, places) = text.split_once('.')?;
        if places.len() != PUBLISHED_SCALE as usize {
            return None;
        }
        text.replace('.', "").parse().ok().map(Self)
    }

    /// The sum without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// True if nothing is left.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Text of the sum, with ten places.
    #[must_use]
    pub fn text(self) -> String {
        fixed(self.0, PUBLISHED_SCALE)
    }
}

impl std::ops::Add for ExactSum {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::Sub for ExactSum {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl std::ops::AddAssign for ExactSum {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Serialize for ExactSum {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text())
    }
}
