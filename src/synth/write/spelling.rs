//! JSON spellings: how a column's cells and texts stand in an item or a line.

use crate::model::dataset::{Column, Kind};
use crate::model::decimal::{PRICE_SCALE, RATE_SCALE};

/// Form of a column's cells in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonForm {
    Text,
    /// Quantity or amount, a JSON number.
    Number,
    /// Price or rate, which v2 sends as text.
    TextNumber,
    Date,
}

impl JsonForm {
    pub(super) fn of(column: &Column) -> Self {
        match column.kind {
            Kind::Text(_) => Self::Text,
            Kind::Decimal(PRICE_SCALE | RATE_SCALE) => Self::TextNumber,
            Kind::Decimal(_) => Self::Number,
            Kind::Date => Self::Date,
        }
    }
}

/// Appends text as a JSON string.
pub(in crate::synth) fn push_json_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    // Runs without anything to escape are copied whole: nearly every text is one.
    while let Some(at) = rest
        .bytes()
        .position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)
    {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            control => out.push_str(&format!("\\u{control:04x}")),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}
