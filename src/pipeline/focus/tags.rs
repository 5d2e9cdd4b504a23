//! Tags of a resource as FOCUS wants them: one JSON object whose values are no objects or lists.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Tags of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TagsText {
    /// The row has none.
    Absent,
    /// There are some, in a text that cannot be read.
    Unreadable,
    /// Object in its shortest form, keys in the order in which they came.
    Object(String),
}

impl TagsText {
    /// The tags in a text; Azure leaves the braces out in some exports.
    pub(super) fn of(text: Option<&str>) -> Self {
        let Some(text) = text.filter(|text| *text != "null") else {
            return Self::Absent;
        };
        let read = |text: &str| serde_json::from_str::<Members>(text);
        match read(text).or_else(|_| read(&format!("{{{text}}}"))) {
            Ok(Members(members)) if members.is_empty() => Self::Absent,
            Ok(members) => Self::Object(members.text()),
            Err(_) => Self::Unreadable,
        }
    }

    /// The object; `None` where there is none.
    pub(super) fn object(&self) -> Option<&str> {
        match self {
            Self::Object(text) => Some(text),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// Members of an object in their order, each with the JSON of its value; of equal keys the last one
/// counts.
struct Members(Vec<(String, String)>);

impl Members {
    fn text(&self) -> String {
        let members = self.0.iter().map(|(key, value)| {
            let key = serde_json::Value::from(key.as_str());
            format!("{key}:{value}")
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members: Vec<(String, String)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
            let value = scalar(value.get()).map_err(serde::de::Error::custom)?;
            match members.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => *known = value,
                None => members.push((key, value)),
            }
        }
        Ok(Members(members))
    }
}

/// JSON of a value that is no object or list: these become texts.
fn scalar(raw: &str) -> Result<String, serde_json::Error> {
    Ok(match raw.as_bytes().first() {
        Some(b'{' | b'[') => serde_json::Value::from(raw).to_string(),
        // Read and written again, for a letter may be escaped where it need not be.
        Some(b'"') => serde_json::from_str::<serde_json::Value>(raw)?.to_string(),
        _ => raw.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_one_flat_object() {
        let object = |text: &str| TagsText::Object(text.to_owned());
        for (text, wanted) in [
            ("", TagsText::Absent),
            ("{}", TagsText::Absent),
            ("null", TagsText::Absent),
            ("no tags", TagsText::Unreadable),
            ("[1]", TagsText::Unreadable),
            ("\"env\": \"prod\"", object("{\"env\":\"prod\"}")),
            (
                "{ \"b\": \"1\", \"a\": 2, \"b\": \"M\\u00fcller\" }",
                object("{\"b\":\"Müller\",\"a\":2}"),
            ),
            ("{\"a\":{\"b\":[1]}}", object("{\"a\":\"{\\\"b\\\":[1]}\"}")),
        ] {
            let given = Some(text).filter(|text| !text.is_empty());
            assert_eq!(TagsText::of(given), wanted, "{text}");
        }
    }
}
