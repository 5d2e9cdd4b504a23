//! Meters of classic Azure, with their prices.

use crate::synth::partner::Partner;
use crate::synth::random::Random;

/// Number of meters on the rate card.
pub(super) const METERS: usize = 30;
/// First unit of a rate card's second tier.
pub(super) const SECOND_TIER: i128 = 1_024;
/// Decimals of a utilization record's quantity.
pub(super) const QUANTITY_SCALE: u32 = 15;
/// Decimals of an invoice line's quantity.
pub(super) const LINE_SCALE: u32 = 6;
/// Decimals of a first tier's price.
pub(super) const PRICE_SCALE: u32 = 5;
/// Decimals of a second tier's price: more than a spreadsheet keeps.
pub(super) const FINE_SCALE: u32 = 15;

/// Meter of the rate card.
pub(super) struct ClassicMeter {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) category: &'static str,
    pub(super) unit: &'static str,
    /// Price of a unit in USD, units of 10^-5.
    pub(super) price: i128,
    /// Price from the 1,025th unit on in USD, units of 10^-15; equal to the first price for a meter
    /// without a second tier.
    pub(super) second_price: i128,
}

/// Meter at a position of the rate card; every third one has a second tier.
pub(super) fn meter(partner: &Partner, at: usize) -> ClassicMeter {
    let mut random = Random::of(partner.seed, &[20, at as u64]);
    let kinds = [
        ("Storage", "1 GB"),
        ("Virtual Machines", "Hours"),
        ("Networking", "GB"),
        ("Data Services", "10K"),
    ];
    let (category, unit) = kinds[random.index(kinds.len())];
    let price = i128::from(100 + random.below(90_000));
    let fine = price * 10_i128.pow(FINE_SCALE - PRICE_SCALE);
    let second_price = if at.is_multiple_of(3) {
        // The tail has digits down to the twelfth decimal, which a reader at ten decimals would
        // lose.
        price * 9 / 10 * 10_i128.pow(FINE_SCALE - PRICE_SCALE) + 7_744_000
    } else {
        fine
    };
    ClassicMeter {
        id: random.guid(),
        name: format!("Classic meter {at:02}"),
        category,
        unit,
        price,
        second_price,
    }
}
