//! Exact numbers with a scale of their own, as Microsoft multiplies and truncates them.

use crate::model::decimal::{self, Rounding};

/// A number: `value` divided by ten to the power of `scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exact {
    pub(super) value: i128,
    pub(super) scale: u32,
}

/// The number that leaves a price as it is.
pub(super) const ONE: Exact = Exact::new(1, 0);
/// The number of an empty sum.
pub(super) const ZERO: Exact = Exact::new(0, 0);

impl Exact {
    pub(super) const fn new(value: i128, scale: u32) -> Self {
        Self { value, scale }
    }

    /// The exact product: scales add up. The tenant's numbers are small enough for 128 bits.
    pub(super) const fn times(self, other: Self) -> Self {
        Self::new(self.value * other.value, self.scale + other.scale)
    }

    /// The exact sum, at the finer of both scales.
    pub(super) fn plus(self, other: Self) -> Self {
        let scale = self.scale.max(other.scale);
        Self::new(self.at(scale).value + other.at(scale).value, scale)
    }

    /// The exact difference, at the finer of both scales.
    pub(super) fn minus(self, other: Self) -> Self {
        self.plus(Self::new(-other.value, other.scale))
    }

    /// Cut to at most `scale` decimals toward zero: Microsoft's ROUNDDOWN.
    pub(super) fn down(self, scale: u32) -> Self {
        self.rounded(scale, Rounding::Down)
    }

    /// Rounded to at most `scale` decimals, halves away from zero.
    pub(super) fn half_up(self, scale: u32) -> Self {
        self.rounded(scale, Rounding::HalfUp)
    }

    /// The quotient at `scale` decimals, rounded up, so that multiplying again loses nothing.
    pub(super) fn over_up(self, divisor: Self, scale: u32) -> Self {
        let left = (self.value, self.scale);
        match decimal::quotient_up(left, (divisor.value, divisor.scale), scale) {
            Some(value) => Self::new(value, scale),
            // Nothing was used, so nothing is paid: the only divisor of this tenant that can be 0.
            None => ZERO,
        }
    }

    /// The number as text without trailing zeros.
    pub(super) fn text(self) -> String {
        decimal::plain(self.value, self.scale)
    }

    fn at(self, scale: u32) -> Self {
        self.rounded(scale, Rounding::Down)
    }

    fn rounded(self, scale: u32, rounding: Rounding) -> Self {
        let value = decimal::rescale(self.value, self.scale, scale, rounding);
        assert!(value.is_some(), "the tenant's amounts fit 128 bits");
        Self::new(value.map_or(0, |value| value), scale)
    }
}

/// Sum of many numbers, exact.
pub(super) fn sum(numbers: impl IntoIterator<Item = Exact>) -> Exact {
    numbers.into_iter().fold(ZERO, Exact::plus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_prices_are_microsofts_own_examples() {
        // Price 0.868 with 15 % partner earned credit, three quantities (semantics §3).
        let price = Exact::new(868, 3).times(Exact::new(85, 2));
        for (quantity, cost, unit) in [
            (Exact::new(29, 0), "21.39", "0.737586206896552"),
            (Exact::new(210_950_039, 6), "155.63", "0.737757626107858"),
            (Exact::new(555_950_039, 6), "410.17", "0.737782122900436"),
        ] {
            let billed = price.times(quantity).down(2);
            assert_eq!(billed.text(), cost);
            let effective = billed.over_up(quantity, 15);
            assert_eq!(effective.text(), unit);
            assert_eq!(effective.times(quantity).down(2), billed);
        }
    }
}
