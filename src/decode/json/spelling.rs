//! The many spellings of one JSON value: escapes that need not be there, and in arrays and objects
//! white space and the order of keys. They must not tell a row from its copy.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

/// Levels that are looked into. What lies deeper is hashed as it is written, for a stack has an end;
/// Microsoft's data has two levels.
const DEEPEST_LEVEL: u32 = 32;

/// True if a value has no escapes but those of quotes, so that every backslash stands before a
/// quote.
pub(super) fn escapes_quotes_only(value: &[u8]) -> bool {
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        match rest.get(at + 1) {
            Some(b'"') => rest = &rest[at + 2..],
            _ => return false,
        }
    }
    true
}

/// A string in the spelling with the fewest escapes. One whose escapes stand for no character, as
/// half of a surrogate pair, stays as it is.
fn plain_string(value: &[u8]) -> Cow<'_, [u8]> {
    match serde_json::from_slice::<String>(value).map(|text| serde_json::to_vec(&text)) {
        Ok(Ok(plain)) => Cow::Owned(plain),
        _ => Cow::Borrowed(value),
    }
}

/// Hash of an array or object that serde has found to be well formed, in any spelling. What is in it
/// keeps its kind: there a text is never taken for the number that it spells.
pub(super) fn hash_of_nested(value: &[u8]) -> u64 {
    hash_at(value, 0)
}

fn hash_at(value: &[u8], level: u32) -> u64 {
    let written = || xxh3_64(value);
    match value {
        _ if level > DEEPEST_LEVEL => written(),
        [b'"', ..] if memchr::memchr(b'\\', value).is_some() => xxh3_64(&plain_string(value)),
        [b'[', ..] => match serde_json::from_slice::<Vec<&RawValue>>(value) {
            Ok(items) => hash_of_all(b'[', items.iter().map(|item| hash_of(item, level))),
            Err(_) => written(),
        },
        [b'{', ..] => match serde_json::from_slice::<Pairs<'_>>(value) {
            Ok(Pairs(pairs)) => hash_of_pairs(&pairs, level).unwrap_or_else(written),
            Err(_) => written(),
        },
        _ => written(),
    }
}

fn hash_of(value: &RawValue, level: u32) -> u64 {
    hash_at(value.get().as_bytes(), level + 1)
}

fn hash_of_all(kind: u8, hashes: impl Iterator<Item = u64>) -> u64 {
    let mut bytes = vec![kind];
    bytes.extend(hashes.flat_map(u64::to_le_bytes));
    xxh3_64(&bytes)
}

/// Hash of an object's pairs in any order; `None` where a key comes twice, for then the order says
/// which of the two counts.
fn hash_of_pairs(pairs: &[(Cow<'_, str>, &RawValue)], level: u32) -> Option<u64> {
    let mut hashes: Vec<[u64; 2]> = pairs
        .iter()
        .map(|(key, value)| [xxh3_64(key.as_bytes()), hash_of(value, level)])
        .collect();
    hashes.sort_unstable();
    let is_twice = hashes.windows(2).any(|pair| pair[0][0] == pair[1][0]);
    (!is_twice).then(|| hash_of_all(b'{', hashes.into_iter().flatten()))
}

/// The pairs of an object, in their order.
pub(super) struct Pairs<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor).map(Pairs)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            pairs.push((key, value));
        }
        Ok(pairs)
    }
}

/// A key, borrowed where it has no escapes; serde copies one that it is asked for as a `Cow`.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
