//! Amounts as a report has them: exact, with a text for reading.

use rust_decimal::Decimal;

use crate::model::decimal::{PUBLISHED_SCALE, cents, fixed, parse, plain};
use crate::pipeline::failure::RunError;

/// Amount, or quantity, in units of 10^-10.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub i128);

impl Money {
    /// Amount of the ledger, which holds ten decimals at most.
    ///
    /// # Panics
    /// For a number with more of them, which the ledger has none of.
    #[must_use]
    pub fn of(mut amount: Decimal) -> Self {
        amount.rescale(PUBLISHED_SCALE);
        assert_eq!(
            amount.scale(),
            PUBLISHED_SCALE,
            "an amount has ten decimals"
        );
        Self(amount.mantissa())
    }

    /// Amount of a text with ten decimals at most, as manifests and the ledger have it; `place` says
    /// where it stands.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for a text that is no such number: none of ours is, and nothing must pass for
    /// 0.
    pub fn read(text: &str, place: &str) -> Result<Self, RunError> {
        match parse(text.as_bytes(), PUBLISHED_SCALE) {
            Ok(parsed) if !parsed.rounded => Ok(Self(parsed.value)),
            _ => Err(RunError::Damaged {
                place: place.to_owned(),
                found: format!("`{text}`"),
                wanted: "an amount with ten decimals at most",
                hint: "it was changed by another hand: `tieout verify` says what else was",
            }),
        }
    }

    /// Text for reading: two decimals, rounded half up, commas between thousands.
    #[must_use]
    pub fn shown(self) -> String {
        cents(self.0, PUBLISHED_SCALE)
    }

    /// Exact text, as the CSV tables have it: ten decimals.
    #[must_use]
    pub fn exact(self) -> String {
        fixed(self.0, PUBLISHED_SCALE)
    }

    /// Exact text without zeros at its end.
    #[must_use]
    pub fn digits(self) -> String {
        plain(self.0, PUBLISHED_SCALE)
    }

    /// The amount without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// True if nothing is left.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// True for an amount below nothing.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl std::ops::Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl std::ops::Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl std::ops::Neg for Money {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), |sum, amount| sum + amount)
    }
}

/// Number of things, and what they come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountedSum {
    /// Number of groups, rows or lines.
    pub count: u64,
    /// Sum of their amounts, with sign.
    pub amount: Money,
}

impl CountedSum {
    pub(super) fn add(&mut self, count: u64, amount: Money) {
        self.count += count;
        self.amount += amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_no_amount_passes_for_none() {
        assert_eq!(
            Money::read("-1.5000000000", "here").unwrap(),
            Money(-15_000_000_000)
        );
        for text in ["", "1,5", "ten", "0.00000000001"] {
            let told = Money::read(text, "event 3 of the ledger").unwrap_err();
            assert!(told.to_string().contains("event 3 of the ledger"), "{told}");
        }
    }
}
