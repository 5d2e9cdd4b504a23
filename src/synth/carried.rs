//! What a month leaves to the next one: usage that is billed a month later, and credits for what was
//! billed too much.

use super::lines::{Amount, Terms};
use super::partner::RATE_SCALE;
use super::usage::{QUANTITY_SCALE, TOTAL_SCALE};

/// Way in which a break of the month before is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mending {
    /// A line of the earlier cycle charges the usage.
    BilledLate,
    /// A credit line gives back what was billed too much.
    Credited,
}

/// Charge of a group that the month before left over.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    pub(super) plan: usize,
    /// Position of the meter in the price list.
    pub(super) meter: usize,
    /// Position of the meter's product: no other plant of the month may touch it.
    pub(super) product: usize,
    pub(super) mending: Mending,
    /// True if the group has the partner earned credit.
    pub(super) earned: bool,
    /// Quantity of the usage, units of 10^-6.
    pub(super) quantity: i128,
    /// Amount of the usage in USD, units of 10^-15.
    pub(super) pricing: i128,
    /// Cents of the billing currency that were billed too much.
    pub(super) cents: i128,
}

impl Carried {
    /// Amounts of the line that charges usage of the month before, at the rate of this one.
    pub(super) fn late(&self, rate: i128) -> Amount {
        Amount::of(Terms::of(self.quantity, self.pricing, rate))
    }

    /// Amounts of the line that gives back to the cent what was billed too much.
    pub(super) fn credit(&self, rate: i128) -> Amount {
        // The least dollars that make so many cents of the billing currency: no rate is above 1.
        let dollars = (self.cents * 10_i128.pow(RATE_SCALE) + rate - 1) / rate;
        let pricing = dollars * 10_i128.pow(TOTAL_SCALE - 2);
        let terms = Terms::of(10_i128.pow(QUANTITY_SCALE), pricing, rate);
        let credit = Amount::of(Terms {
            price: -terms.price,
            ..terms
        });
        assert_eq!(credit.subtotal, -self.cents, "a credit is to the cent");
        credit
    }
}
