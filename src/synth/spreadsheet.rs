//! Digits that a spreadsheet leaves of a number: plans whose usage somebody saved before it was
//! handed on. Lines are not touched, as Microsoft made them of all digits.

use super::random::Random;
use super::usage::Amounts;

/// Rows from which on plans other than the last are saved too: below, every group is wanted for a
/// variance, and none is planted among cut numbers.
const LEAST_ROWS: u64 = 20_000;
/// Digits that a column of standard width shows, and saves.
const SHOWN: u32 = 10;
/// Digits that a cell holds.
const HELD: u32 = 15;

/// Significant digits that a plan's usage was saved with; `None` where it is as it came.
pub(super) fn saved_digits(seed: u64, rows: u64, plan: usize) -> Option<u32> {
    if rows < LEAST_ROWS {
        return None;
    }
    match Random::of(seed, &[20, plan as u64]).below(16) {
        0 => Some(SHOWN),
        1 => Some(HELD),
        _ => None,
    }
}

/// Digits of the last plan, which only fills up to the row that was asked for: a small month has
/// cut numbers as well.
pub(super) const OF_THE_LAST_PLAN: u32 = SHOWN;

impl Amounts {
    /// Numbers with so many significant digits.
    pub(super) fn saved_with(self, digits: u32) -> Self {
        Self {
            quantity: cut(self.quantity, digits),
            pricing: cut(self.pricing, digits),
            billing: cut(self.billing, digits),
        }
    }
}

/// `value` rounded half up to so many significant digits.
fn cut(value: i128, digits: u32) -> i128 {
    let count = value.checked_ilog10().map_or(0, |log| log + 1);
    let unit = 10_i128.pow(count.saturating_sub(digits));
    (value + unit / 2) / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_cut_half_up() {
        for (value, digits, left) in [
            (12_345_678_905, 10, 12_345_678_910),
            (12_345_678_904, 10, 12_345_678_900),
            (99_999_999_999, 10, 100_000_000_000),
            (1_234, 10, 1_234),
            (0, 10, 0),
        ] {
            assert_eq!(cut(value, digits), left);
        }
    }
}
