//! JSON whose numbers are texts, so that no amount passes through a float on its way out.

use std::fmt::{self, Display, Formatter};

use super::exact::Exact;

/// A JSON value, exact in its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// The digits of a number, written as they are.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// A text as a JSON value.
pub(super) fn text(text: impl Into<String>) -> Json {
    Json::Text(text.into())
}

/// A JSON number with all its digits.
pub(super) fn number(number: Exact) -> Json {
    Json::Number(number.text())
}

/// A whole JSON number, such as a count.
pub(super) fn count(count: impl Display) -> Json {
    Json::Number(count.to_string())
}

/// An object of the members given, in their order.
pub(super) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let members = members.into_iter();
    Json::Object(
        members
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

impl Json {
    /// This object with one more member at its end; other values stay as they are.
    pub(super) fn with(mut self, name: &str, value: Json) -> Self {
        if let Self::Object(members) = &mut self {
            members.push((name.to_owned(), value));
        }
        self
    }

    /// This object with the members of another one at its end.
    pub(super) fn with_all(self, other: Self) -> Self {
        match other {
            Self::Object(members) => {
                let mut joined = self;
                for (name, value) in members {
                    joined = joined.with(&name, value);
                }
                joined
            }
            _ => self,
        }
    }

    /// This object with a member replaced; one that it does not have is added.
    pub(super) fn replacing(mut self, name: &str, value: Json) -> Self {
        if let Self::Object(members) = &mut self {
            members.retain(|(known, _)| known != name);
        }
        self.with(name, value)
    }
}

impl Display for Json {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(truth) => write!(out, "{truth}"),
            Self::Number(digits) => out.write_str(digits),
            Self::Text(text) => quoted(out, text),
            Self::List(items) => {
                out.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(out, "{comma}{item}")?;
                }
                out.write_str("]")
            }
            Self::Object(members) => {
                out.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    out.write_str(if at == 0 { "" } else { "," })?;
                    quoted(out, name)?;
                    write!(out, ":{value}")?;
                }
                out.write_str("}")
            }
        }
    }
}

fn quoted(out: &mut Formatter<'_>, text: &str) -> fmt::Result {
    out.write_str("\"")?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            control if control < ' ' => write!(out, "\\u{:04x}", u32::from(control))?,
            other => write!(out, "{other}")?,
        }
    }
    out.write_str("\"")
}
