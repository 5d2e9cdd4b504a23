//! A JSON object as its keys and the raw texts of its values. Values are parsed only where a column
//! wants them.

use std::borrow::Cow;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Keys of an object and raw values, in the order of the text; with those of the objects around it,
/// where it is a row of its own.
pub(super) type Item<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// The keys and raw values of a JSON object, or the parser's words for a text that is none.
pub(super) fn object(text: &str) -> Result<Item<'_>, String> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let found = deserializer
        .deserialize_map(ItemVisitor)
        .and_then(|found| deserializer.end().map(|()| found));
    found.map_err(|error| error.to_string())
}

struct ItemVisitor;

impl<'a> Visitor<'a> for ItemVisitor {
    type Value = Item<'a>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some((key, value)) = map.next_entry::<Cow<'a, str>, &'a RawValue>()? {
            found.push((key, Cow::Borrowed(value.get())));
        }
        match repeated(&found) {
            // Readers disagree on which of the two counts.
            Some(key) => Err(serde::de::Error::custom(format!("the key `{key}` twice"))),
            None => Ok(found),
        }
    }
}

/// A key that an object has twice, spelt alike.
fn repeated<'i>(item: &'i Item<'_>) -> Option<&'i str> {
    let mut keys: Vec<&str> = item.iter().map(|(key, _)| key.as_ref()).collect();
    keys.sort_unstable();
    keys.windows(2)
        .find(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
}

/// The keys and raw values of a JSON object, apart from its text.
pub(super) fn owned_object(text: &str) -> Result<Item<'static>, String> {
    object(text).map(owned)
}

/// An item apart from the text that it was read from.
pub(super) fn owned(item: Item<'_>) -> Item<'static> {
    item.into_iter()
        .map(|(key, raw)| (Cow::Owned(key.into_owned()), Cow::Owned(raw.into_owned())))
        .collect()
}

/// Raw value of a key, in any case.
pub(super) fn named<'i>(item: &'i Item<'_>, name: &str) -> Option<&'i str> {
    item.iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, raw)| raw.as_ref())
}

/// An item without a key, in any case.
pub(super) fn without<'a>(item: Item<'a>, name: &str) -> Item<'a> {
    item.into_iter()
        .filter(|(key, _)| !key.eq_ignore_ascii_case(name))
        .collect()
}

/// The objects of the array that a key holds, apart from its text; none if there is no such key.
pub(super) fn objects_in(item: &Item<'_>, name: &str) -> Result<Vec<Item<'static>>, String> {
    let Some(raw) = named(item, name) else {
        return Ok(Vec::new());
    };
    // `null` stands for none, as with other keys.
    let elements: Option<Vec<&RawValue>> =
        serde_json::from_str(raw).map_err(|error| error.to_string())?;
    elements
        .unwrap_or_default()
        .into_iter()
        .map(|element| owned_object(element.get()))
        .collect()
}
