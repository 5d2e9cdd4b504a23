//! Charge of some usage in the pricing currency, as far as the written numbers tell it, and the rate
//! at which it is billed: what a rounding rule is applied to.
//!
//! The usage bears witness here, never the line that is to be proven: a line whose rate lost its
//! point must not make its own tolerance.

use super::exchange_rate::written_rate;
use crate::engine::fold::columns::UsageColumns;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::model::decimal::{self, AMOUNT_SCALE, RATE_SCALE, Rounding, power_of_ten, quotient_up};

/// Decimals to which files of 2021 cut the amount of each row
/// ([semantics §3](crate::model::domain::semantics)).
const FLOORED_DIGITS: u32 = 2;

/// Usage of one exchange rate, summed; amounts are in units of 10^-20.
#[derive(Clone, Copy, Debug, Default)]
pub struct UsageSum {
    /// Code of the exchange rate, as it was written.
    pub rate: u32,
    /// Number of usage rows.
    pub rows: u64,
    /// Quantity of the usage.
    pub quantity: i128,
    /// Amount in the pricing currency; 0 also where the files do not give it.
    pub pricing: i128,
    /// Amount in the billing currency.
    pub billing: i128,
    /// Half a unit of the last written digit of the billing amounts, of all rows together.
    pub precision: i128,
}

impl UsageSum {
    /// Sums of some rows, one for each exchange rate, in the order of their first rows.
    pub(super) fn of_rows(usage: &UsageColumns<'_>, rates: &[u32], rows: &[u32]) -> Vec<Self> {
        let mut sums: Vec<Self> = Vec::new();
        for row in rows.iter().map(|row| *row as usize) {
            let rate = rates[row];
            // One rate holds for a month: a search is shorter than a table.
            let sum = match sums.iter_mut().find(|sum| sum.rate == rate) {
                Some(sum) => sum,
                None => {
                    sums.push(Self {
                        rate,
                        ..Self::default()
                    });
                    sums.last_mut().expect("just pushed")
                }
            };
            // Unchecked, as `count::partial::GROSS_LIMIT` bounds the sizes of all usage together.
            sum.rows += usage.rows[row];
            sum.quantity += usage.quantity[row];
            sum.pricing += usage.pricing[row];
            sum.billing += usage.billing[row];
            sum.precision += usage.precision[row];
        }
        sums
    }
}

/// Charge of usage in the pricing currency, in units of 10^-20, and its exchange rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charge {
    /// Smallest charge that the written digits allow.
    pub(super) low: i128,
    /// Charge as it is written.
    pub(super) written: i128,
    /// Largest charge that the written digits allow.
    pub(super) high: i128,
    /// Exchange rate to the billing currency, in units of 10^-18.
    pub(super) rate: i128,
    /// Amount that the usage rows lost where each was cut to cents, in the billing currency.
    pub(super) floored: i128,
}

impl Charge {
    /// Charge of a sum of usage. `usual_rate` is that of most lines of its invoice. `None` on
    /// overflow.
    pub(super) fn of(
        sum: &UsageSum,
        usual_rate: Option<i128>,
        vocabulary: &Vocabulary,
    ) -> Option<Self> {
        let rate = match written_rate(vocabulary, sum.rate) {
            Some(rate) => rate,
            None => rate_of_amounts(sum, usual_rate)?,
        };
        let converted = converted(sum.pricing, rate)?;
        let lost = converted.checked_sub(sum.billing)?;
        let digits = quotient_up(
            (sum.precision, AMOUNT_SCALE),
            (rate.checked_abs()?, RATE_SCALE),
            AMOUNT_SCALE,
        )?;
        // A pricing amount of 0 counts as missing where anything was billed.
        let is_priced = sum.pricing != 0 || sum.billing == 0;
        let is_floored = floored_by(sum, lost);
        if is_priced && (agrees(sum, lost) || is_floored) {
            return Some(Self {
                low: sum.pricing.checked_sub(digits)?,
                written: sum.pricing,
                high: sum.pricing.checked_add(digits)?,
                rate,
                floored: if is_floored { lost } else { 0 },
            });
        }
        let billed = (sum.billing, AMOUNT_SCALE);
        let written = quotient_up(billed, (rate, RATE_SCALE), AMOUNT_SCALE)?;
        let cut = most_floored(sum)?;
        let hidden = quotient_up(
            (cut, AMOUNT_SCALE),
            (rate.checked_abs()?, RATE_SCALE),
            AMOUNT_SCALE,
        )?;
        Some(Self {
            low: written.checked_sub(digits)?,
            written,
            high: written.checked_add(digits)?.checked_add(hidden)?,
            rate,
            floored: cut,
        })
    }

    /// Half the width that the written digits leave open.
    pub(super) fn digits(&self) -> i128 {
        self.written - self.low
    }
}

/// Rate of usage that names none, in units of 10^-18: that of most lines of its invoice if the
/// amounts agree with it, else the one that the amounts have. `None` on overflow.
#[must_use]
pub fn rate_of_amounts(sum: &UsageSum, usual_rate: Option<i128>) -> Option<i128> {
    let one = power_of_ten(RATE_SCALE);
    if sum.pricing == 0 || sum.billing == 0 {
        return Some(usual_rate.unwrap_or(one));
    }
    for rate in [Some(one), usual_rate].into_iter().flatten() {
        let lost = converted(sum.pricing, rate)?.checked_sub(sum.billing)?;
        if agrees(sum, lost) || floored_by(sum, lost) {
            return Some(rate);
        }
    }
    quotient_up(
        (sum.billing, AMOUNT_SCALE),
        (sum.pricing, AMOUNT_SCALE),
        RATE_SCALE,
    )
    .filter(|rate| *rate > 0)
    // Amounts of opposite signs have no rate.
    .or(Some(one))
}

/// Amount in the billing currency; `None` on overflow.
fn converted(pricing: i128, rate: i128) -> Option<i128> {
    decimal::multiply(
        (pricing, AMOUNT_SCALE),
        (rate, RATE_SCALE),
        AMOUNT_SCALE,
        Rounding::HalfEven,
    )
}

/// True if the billed amount is the converted one within its written digits.
fn agrees(sum: &UsageSum, lost: i128) -> bool {
    // A unit of the last kept digit for each row, which reading the numbers may have rounded.
    lost.unsigned_abs() <= sum.precision.unsigned_abs() + u128::from(sum.rows)
}

/// One unit of the last digit that cut amounts have, in units of 10^-20. Two decimals in every
/// currency, as the formula says; no page tells whether yen are cut elsewhere
/// (`model::domain::semantics §3`).
fn cent() -> i128 {
    power_of_ten(AMOUNT_SCALE - FLOORED_DIGITS)
}

/// True if `lost` is what rows lose that are cut to cents one by one. More than 0 on credits as
/// well: Floor goes toward −∞ and not toward 0 (`model::domain::semantics §3`).
fn floored_by(sum: &UsageSum, lost: i128) -> bool {
    sum.billing % cent() == 0 && lost > 0 && lost / cent() < i128::from(sum.rows)
}

/// Most that rows may have lost where nothing but amounts in whole cents is known of them; `None`
/// on overflow.
fn most_floored(sum: &UsageSum) -> Option<i128> {
    if sum.pricing == 0 && sum.billing != 0 && sum.billing % cent() == 0 {
        cent().checked_mul(i128::from(sum.rows))
    } else {
        Some(0)
    }
}
