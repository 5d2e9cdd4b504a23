//! Hashes of single values, of which the hash of a row's content is made. A missing value has 0 and
//! no other value has, so that a column adds nothing to a row where it is empty, as if the file did
//! not have it. Values that are equal have one hash, however a file stores or spells them.

use xxhash_rust::xxh3::xxh3_64;

/// Hash of a text by its bytes; 0 for an empty one.
#[must_use]
pub fn hash_of_bytes(text: &[u8]) -> u64 {
    if text.is_empty() {
        0
    } else {
        xxh3_64(text) | 1
    }
}

/// Hash of a text by what it says; 0 for a blank one. Neither the case of its ASCII letters counts,
/// nor blanks around it.
///
/// A text is hashed in the spelling in which each of its quotes stands twice, as in CSV: tags and
/// additional information are JSON, with a quote every few bytes, and CSV and JSON have them in that
/// spelling or in one of the same length. Of other formats the quotes are doubled first.
#[must_use]
pub fn hash_of_text(text: &[u8]) -> u64 {
    if memchr::memchr(b'"', text).is_none() {
        return hash_of_doubled(text);
    }
    let mut doubled = Vec::with_capacity(text.len() * 2);
    let mut from = 0;
    for quote in memchr::memchr_iter(b'"', text) {
        // The quote is written at the end of what stands before it and at the start of the rest.
        doubled.extend_from_slice(&text[from..=quote]);
        from = quote;
    }
    doubled.extend_from_slice(&text[from..]);
    hash_of_doubled(&doubled)
}

/// Hash of a text that has two quotes for each one, as in CSV: that of [`hash_of_text`].
#[inline]
#[must_use]
pub fn hash_of_doubled(text: &[u8]) -> u64 {
    hash_of_words(text.trim_ascii(), |word| word)
}

/// Hash of a text that has a backslash before each quote and nowhere else, as in JSON: that of
/// [`hash_of_text`].
#[inline]
#[must_use]
pub fn hash_of_escaped(text: &[u8]) -> u64 {
    hash_of_words(text.trim_ascii(), |word| {
        let backslashes = equal_bytes(word, b'\\') >> 7;
        word ^ (backslashes * u64::from(b'\\' ^ b'"'))
    })
}

/// Hash of a text in lower case, sixteen bytes at a time, after the manner of wyhash: the last
/// sixteen overlap those before. 0 for an empty text.
#[inline]
fn hash_of_words(text: &[u8], spelt: impl Fn(u64) -> u64) -> u64 {
    let word = |bytes: &[u8; 8]| lower(spelt(u64::from_le_bytes(*bytes)));
    // No word is the key itself, which has a capital letter: no factor of the pair is ever 0.
    let pair = |hash: u64, first: u64, second: u64| multiplied(first ^ KEY, second ^ hash);
    let mut hash = multiplied(text.len() as u64 ^ KEY, LENGTH_FACTOR);
    if let Some(tail) = text.last_chunk::<16>() {
        let (chunks, _) = text[..text.len() - 1].as_chunks::<16>();
        for chunk in chunks.iter().chain([tail]) {
            let [first, second] = halves(chunk);
            hash = pair(hash, word(first), word(second));
        }
        return hash | 1;
    }
    match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => pair(hash, word(first), word(last)) | 1,
        _ if text.is_empty() => 0,
        _ => {
            let mut bytes = [0; 8];
            bytes[..text.len()].copy_from_slice(text);
            pair(hash, word(&bytes), 0) | 1
        }
    }
}

/// Both halves of sixteen bytes.
#[inline]
fn halves(bytes: &[u8; 16]) -> [&[u8; 8]; 2] {
    let ([first, second], []) = bytes.as_chunks::<8>() else {
        unreachable!("sixteen bytes are twice eight")
    };
    [first, second]
}

/// One in each byte of a word.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each byte of a word.
const HIGH: u64 = 0x80 * ONES;

/// Numbers with bits in no order: 2^64 over the golden ratio, which has a `J` among its bytes, and
/// the second of splitmix64.
const KEY: u64 = 0x9E37_79B9_7F4A_7C15;
const LENGTH_FACTOR: u64 = 0xBF58_476D_1CE4_E5B9;

/// Both halves of a product, folded into one: every bit of both factors tells in every bit of it.
#[inline]
pub(super) fn multiplied(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    low(product) ^ low(product >> 64)
}

#[inline]
fn low(number: u128) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = number.to_le_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// The highest bit of each byte of a word that is `byte`, which is ASCII.
#[inline]
fn equal_bytes(word: u64, byte: u8) -> u64 {
    let other = word ^ (u64::from(byte) * ONES);
    // Nothing is carried from byte to byte: each sum is below 256.
    !(((other & !HIGH) + !HIGH) | other) & HIGH
}

/// A word with its ASCII letters in lower case.
#[inline]
fn lower(word: u64) -> u64 {
    let ascii = word & !HIGH;
    let from_a = ascii + u64::from(0x80 - b'A') * ONES;
    let beyond_z = ascii + u64::from(0x7F - b'Z') * ONES;
    let upper = (from_a ^ beyond_z) & !word & HIGH;
    word | (upper >> 2)
}

/// Hash of a whole number, never 0.
#[must_use]
pub fn hash_of_number(number: i128) -> u64 {
    Scale::WHOLE.hash(number)
}

/// Hash of a number in units that all numbers of its column have; never 0. Cheaper than
/// [`Scale::hash`], which is the same in all units.
#[inline]
#[must_use]
pub fn hash_of_units(number: i128) -> u64 {
    mixed(number) | 1
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
pub struct Scale {
    twos: i32,
    fives: u128,
}

impl Scale {
    /// The scale of whole numbers.
    const WHOLE: Self = Self { twos: 0, fives: 1 };

    /// The scale of numbers in units of 10^-scale.
    #[must_use]
    pub fn new(scale: i8) -> Self {
        let base = if scale < 0 { 5 } else { INVERSE_OF_FIVE };
        Self {
            twos: scale.into(),
            fives: base.wrapping_pow(scale.unsigned_abs().into()),
        }
    }

    /// Hash of a value in these units: the same as of an equal value in others.
    #[must_use]
    pub fn hash(self, value: i128) -> u64 {
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
pub struct Unit {
    nanoseconds: i128,
}

impl Unit {
    /// The unit of dates, which are hashed as their midnight.
    pub const DAY: Self = Self {
        nanoseconds: 86_400_000_000_000,
    };

    /// The unit of which so many make a second.
    #[must_use]
    pub fn of_second(per_second: i64) -> Self {
        Self {
            nanoseconds: i128::from(1_000_000_000 / per_second),
        }
    }

    /// Hash of an instant, the same in every unit; a date is its midnight.
    #[must_use]
    pub fn hash(self, count: i64) -> u64 {
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
    fn a_text_has_one_hash_in_every_spelling_and_others_have_another() {
        let text = r#"{"env":"Prod","owner":"Team Größe"}"#;
        let hash = hash_of_text(text.as_bytes());
        let doubled = r#"{""ENV"":""Prod"",""owner"":""Team Größe""}"#;
        let escaped = r#"{\"env\":\"prod\",\"owner\":\"team größe\"} "#;
        assert_eq!(hash_of_doubled(doubled.as_bytes()), hash);
        assert_eq!(hash_of_escaped(escaped.as_bytes()), hash);
        assert_eq!([hash_of_text(b""), hash_of_text(b" ")], [0; 2]);
        let mut met = std::collections::HashSet::new();
        let long: Vec<u8> = (0..70).map(|at| b"abc[{@`5\xc3\x9f"[at % 10]).collect();
        for length in 0..70 {
            assert!(met.insert(hash_of_text(&long[..length])), "{length}");
            for at in 0..length {
                for byte in [b'~', b'"', b'\\', 0] {
                    let mut other = long[..length].to_vec();
                    other[at] = byte;
                    assert!(met.insert(hash_of_text(&other)), "{length} {at} {byte}");
                }
            }
        }
    }

    #[test]
    fn quotes_are_told_by_their_number() {
        for length in 0..40 {
            let text = "a\"".repeat(length);
            let doubled = text.replace('"', "\"\"");
            let escaped = text.replace('"', "\\\"");
            let hash = hash_of_text(text.as_bytes());
            assert_eq!(hash_of_doubled(doubled.as_bytes()), hash, "{length}");
            assert_eq!(hash_of_escaped(escaped.as_bytes()), hash, "{length}");
        }
        assert_ne!(hash_of_text(br#"{"a":"1"}"#), hash_of_text(br#"{"a":1}"#));
        assert_ne!(hash_of_text(br#"a\b"#), hash_of_text(br#"a"b"#));
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
