//! One value of a row, typed from the text of a JSON value. Numbers never pass through a float.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime};

use crate::model::decimal::{self, NumberFault};
use crate::model::period::parse_day;
use crate::model::record::{RecordColumn, RecordType};
use crate::model::reject::Rejection;

const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// One value of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// No key, or `null`, or an empty text.
    #[default]
    Missing,
    /// Text without quotes and escapes, or JSON as it is written.
    Text(String),
    /// Decimal number in units of 10^-scale, with the scale of its column.
    Decimal(i128),
    /// Calendar day, in days since 1970-01-01.
    Day(i32),
    /// Microseconds since 1970-01-01, UTC.
    Instant(i64),
    /// Whole number of 64 bits.
    Integer(i64),
    /// Truth value, `true` or `false`.
    Boolean(bool),
}

/// Text of a JSON value: strings without quotes and escapes, anything else as it is written; `None`
/// for `null` and `""`.
///
/// # Errors
/// The error of an escape that stands for no character.
pub(super) fn text_of(raw: &str) -> Result<Option<String>, serde_json::Error> {
    Ok(match raw {
        "null" | "\"\"" => None,
        quoted if quoted.starts_with('"') => Some(serde_json::from_str(quoted)?),
        other => Some(other.to_owned()),
    })
}

/// A JSON value as its column's type, and true if it is a number that had more decimals than the
/// column.
pub(super) fn typed(column: &RecordColumn, raw: &str) -> Result<(Value, bool), Rejection> {
    // Taken for a missing value, a broken text would be lost without a word.
    let text = match text_of(raw) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok((Value::Missing, false)),
        Err(_) => {
            let wanted = "text whose escapes stand for characters".to_owned();
            return Err(Rejection::new(&column.name, raw.as_bytes(), wanted));
        }
    };
    let reject =
        |wanted: Cow<'_, str>| Rejection::new(&column.name, text.as_bytes(), wanted.into_owned());
    let value = match column.record_type {
        RecordType::Text | RecordType::Json => Value::Text(text),
        RecordType::Decimal(scale) => return decimal(&text, scale).map_err(reject),
        RecordType::Date => match parse_day(text.as_bytes()) {
            Ok(day) => day.map_or(Value::Missing, Value::Day),
            Err(_) => return Err(reject("a date, as `2026-10-31`".into())),
        },
        RecordType::Timestamp => {
            instant(&text).ok_or_else(|| reject("an instant, as `2026-10-31T12:00:00Z`".into()))?
        }
        RecordType::Integer => integer(&text).ok_or_else(|| reject("a whole number".into()))?,
        RecordType::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            _ => return Err(reject("`true` or `false`".into())),
        },
    };
    Ok((value, false))
}

/// A decimal number of a scale, and true if it was rounded to it; or what was wanted instead.
fn decimal(text: &str, scale: u32) -> Result<(Value, bool), Cow<'static, str>> {
    match decimal::parse(text.trim().as_bytes(), scale) {
        Ok(parsed) => Ok((Value::Decimal(parsed.value), parsed.rounded)),
        Err(NumberFault::Empty) => Ok((Value::Missing, false)),
        Err(NumberFault::TooLarge) => Err(format!("a number below 10^{}", 38 - scale).into()),
        Err(NumberFault::NotDecimal) => Err("a decimal number, as `1234.56`".into()),
    }
}

/// A whole number, which may be written as `24.0` ([quirks, JSON of the API, 1]).
///
/// [quirks, JSON of the API, 1]: crate::model::domain::quirks
fn integer(text: &str) -> Option<Value> {
    match decimal::parse(text.trim().as_bytes(), 0) {
        Ok(parsed) if !parsed.rounded => i64::try_from(parsed.value).ok().map(Value::Integer),
        Err(NumberFault::Empty) => Some(Value::Missing),
        _ => None,
    }
}

/// An instant in any of the published forms, which may hold blanks; without a zone it is UTC. Year
/// 1 stands for none ([quirks, JSON of the API, 3](crate::model::domain::quirks)).
fn instant(text: &str) -> Option<Value> {
    let text: String = text.chars().filter(|c| *c != ' ').collect();
    if text.starts_with("0001-") {
        return Some(Value::Missing);
    }
    let zoned = || {
        let instant = DateTime::parse_from_rfc3339(&text).ok()?;
        Some(instant.timestamp_micros())
    };
    let without_zone = || {
        let instant = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
        Some(instant.and_utc().timestamp_micros())
    };
    let day = || {
        let day = parse_day(text.as_bytes()).ok().flatten()?;
        Some(i64::from(day) * MICROSECONDS_PER_DAY)
    };
    zoned()
        .or_else(without_zone)
        .or_else(day)
        .map(Value::Instant)
}
