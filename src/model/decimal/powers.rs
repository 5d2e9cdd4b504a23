//! Powers of ten, looked up: every cell that is read needs one.

/// Digits that any number may have: 10^38 is the largest power of ten that an `i128` holds.
pub(super) const MAX_DIGITS: u32 = 38;

/// Powers of ten by their exponent, 10^0 to 10^38.
pub(super) const POWERS: [u128; MAX_DIGITS as usize + 1] = {
    // Evaluated by the compiler, where a power that does not fit would be an error of the build.
    let mut powers = [1; MAX_DIGITS as usize + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// First magnitude that is too large, 10^38.
pub(super) const LIMIT: u128 = POWERS[MAX_DIGITS as usize];

/// 10^`places` as an `i128`.
///
/// # Panics
/// Where `places` is more than 38.
#[inline]
#[must_use]
pub fn power_of_ten(places: u32) -> i128 {
    i128::try_from(POWERS[places as usize]).expect("10^38 fits 127 bits")
}
