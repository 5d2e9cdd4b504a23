//! Charges that are not truncated: what a planted change comes to, whatever rounding makes of it.

use super::lines::{LINE_PRICE_SCALE, Terms};
use super::partner::RATE_SCALE;
use super::usage::{QUANTITY_SCALE, TOTAL_SCALE};
use crate::model::decimal::{self, AMOUNT_SCALE, Rounding};

/// Decimals of a unit price that is divided out of exact amounts.
const EXACT_PRICE_SCALE: u32 = 22;

/// Terms of a charge that is not truncated.
#[derive(Clone, Copy)]
pub(super) struct Exact {
    /// Unit price in USD, units of 10^-22.
    pub(super) price: i128,
    /// Quantity in units of 10^-6.
    pub(super) quantity: i128,
    /// Exchange rate from USD to the billing currency, units of 10^-9.
    pub(super) rate: i128,
}

impl Exact {
    pub(super) fn of(terms: Terms) -> Self {
        Self {
            price: terms.price * 10_i128.pow(EXACT_PRICE_SCALE - LINE_PRICE_SCALE),
            quantity: terms.quantity,
            rate: terms.rate,
        }
    }

    /// Terms of usage that costs `pricing`, in units of 10^-15 of USD.
    pub(super) fn of_usage(pricing: i128, terms: Terms) -> Self {
        let (pricing, quantity) = ((pricing, TOTAL_SCALE), (terms.quantity, QUANTITY_SCALE));
        Self {
            price: decimal::quotient_up(pricing, quantity, EXACT_PRICE_SCALE)
                .expect("the usage of a line has a quantity"),
            ..Self::of(terms)
        }
    }

    /// Amount in the billing currency, in units of 10^-20.
    fn amount(self) -> i128 {
        let factors = [
            (self.price, EXACT_PRICE_SCALE),
            (self.quantity, QUANTITY_SCALE),
            (self.rate, RATE_SCALE),
        ];
        decimal::multiply_three(factors, AMOUNT_SCALE, Rounding::HalfEven)
            .expect("synthetic amounts are small")
    }

    /// Amount less that of other terms, as it is published.
    pub(super) fn less(self, before: Self) -> i128 {
        decimal::to_published(self.amount() - before.amount()).expect("synthetic amounts are small")
    }
}
