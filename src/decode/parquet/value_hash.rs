//! Hashes of single values, of which a row's digest is made. A missing value has 0 and no other
//! value has, so that a column adds nothing to a row where it is empty, as if the file did not have
//! it. Values that are equal have one hash, however a file stores them.

use xxhash_rust::xxh3::xxh3_64;

/// Hash of a text; 0 for an empty one.
pub(super) fn hash_of_text(text: &[u8]) -> u64 {
    if text.is_empty() {
        0
    } else {
        xxh3_64(text) | 1
    }
}

/// Hash of a whole number, never 0.
pub(super) fn hash_of_number(number: i128) -> u64 {
    Scale::WHOLE.hash(number)
}

/// Every bit of a number spread over 64: two multiplications in place of a call, for a row has a
/// dozen numbers.
fn mixed(number: i128) -> u64 {
    let [a, b, c, d, e, f, g, h, high @ ..] = number.to_le_bytes();
    let low = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    // The multipliers of splitmix64, which spread every bit of the number over all of the hash.
    let mixed = (low ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9)
        ^ u64::from_le_bytes(high).rotate_left(29);
    (mixed ^ mixed >> 31).wrapping_mul(0x94D0_49BB_1331_11EB)
}

/// The number that solves `5 × x = 1` in 128 bits: multiplying by it divides by five what five
/// divides.
const INVERSE_OF_FIVE: u128 = 0xCCCC_CCCC_CCCC_CCCC_CCCC_CCCC_CCCC_CCCD;

/// The scale of a column of decimals, ready for the hashes of its values.
///
/// `1.5` and `1.50` are one number, and no zeros are divided away to see it: a number is an odd
/// number times powers of two and of five. Of the five a product in 128 bits takes as many as the
/// scale has; of the two it is only counted how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    twos: i32,
    fives: u128,
}

impl Scale {
    /// The scale of whole numbers.
    const WHOLE: Self = Self { twos: 0, fives: 1 };

    /// The scale of numbers in units of 10^-scale.
    pub(super) fn new(scale: i8) -> Self {
        let base = if scale < 0 { 5 } else { INVERSE_OF_FIVE };
        Self {
            twos: scale.into(),
            fives: base.wrapping_pow(scale.unsigned_abs().into()),
        }
    }

    /// Hash of a value in these units: the same as of an equal value in others.
    pub(super) fn hash(self, value: i128) -> u64 {
        if value == 0 {
            return 1;
        }
        let zeros = value.trailing_zeros();
        // The sign survives: as the odd number is, so is its product.
        let odd = (value >> zeros).cast_unsigned().wrapping_mul(self.fives);
        let twos = i64::from(zeros.cast_signed() - self.twos).cast_unsigned();
        let number = mixed(odd.cast_signed()) ^ twos.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        number.rotate_left(32).wrapping_mul(0xBF58_476D_1CE4_E5B9) | 1
    }
}

/// The unit of a column's instants or times of day, ready for the hashes of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    nanoseconds: i128,
}

impl Unit {
    /// The unit of dates, which are hashed as their midnight.
    pub(super) const DAY: Self = Self {
        nanoseconds: 86_400_000_000_000,
    };

    /// The unit of which so many make a second.
    pub(super) fn of_second(per_second: i64) -> Self {
        Self {
            nanoseconds: i128::from(1_000_000_000 / per_second),
        }
    }

    /// Hash of an instant, the same in every unit; a date is its midnight.
    pub(super) fn hash(self, count: i64) -> u64 {
        mixed(i128::from(count) * self.nanoseconds) | 1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn equal_numbers_have_one_hash_and_different_ones_do_not() {
        // By the number in units of 10^-6.
        let mut of_number: HashMap<i128, u64> = HashMap::new();
        for scale in 0..=6_i8 {
            for value in -3_000..=3_000_i128 {
                let number = value * 10_i128.pow(u32::from((6 - scale).unsigned_abs()));
                let hash = Scale::new(scale).hash(value);
                assert_eq!(*of_number.entry(number).or_insert(hash), hash, "{number}");
            }
        }
        let hashes: std::collections::HashSet<u64> = of_number.values().copied().collect();
        assert_eq!(hashes.len(), of_number.len());
        assert_eq!(Scale::new(-2).hash(15), hash_of_number(1_500));
        assert_eq!(Scale::new(2).hash(-1_500), hash_of_number(-15));
        let large = 10_i128.pow(37);
        assert_eq!(Scale::new(38).hash(large * 10), hash_of_number(1));
        assert_ne!(Scale::new(10).hash(large), Scale::new(10).hash(large + 1));
    }

    #[test]
    fn an_instant_has_one_hash_in_every_unit() {
        let day = Unit::DAY.hash(20_000);
        for per_second in [1, 1_000, 1_000_000, 1_000_000_000] {
            let unit = Unit::of_second(per_second);
            assert_eq!(unit.hash(20_000 * 86_400 * per_second), day);
            assert_ne!(unit.hash(20_000 * 86_400 * per_second + 1), day);
        }
    }
}
