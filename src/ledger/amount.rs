//! Money and quantities of the ledger: decimal numbers with ten places, as text in the database.

use rust_decimal::Decimal;

/// Decimal places of every amount, those of the published tables.
pub const PLACES: u32 = 10;

/// Amount of a published number in units of 10^-10.
///
/// # Panics
/// For more than 28 digits, which no published table has.
#[must_use]
pub fn of_units(units: i128) -> Decimal {
    Decimal::try_from_i128_with_scale(units, PLACES).expect("a published amount has 28 digits")
}

/// An amount in units of 10^-10.
///
/// # Panics
/// For an amount that has more places than published ones have.
#[must_use]
pub fn units(amount: Decimal) -> i128 {
    let mut exact = amount;
    exact.rescale(PLACES);
    assert_eq!(exact, amount, "an amount has ten places");
    exact.mantissa()
}

/// Text of an amount, always with ten places.
#[must_use]
pub fn text(amount: Decimal) -> String {
    let mut exact = amount;
    exact.rescale(PLACES);
    exact.to_string()
}

/// Reads an amount of the database.
///
/// # Errors
/// An error of SQLite for a text that is no number, which only a hand from outside can have written.
pub(super) fn read(text: &str) -> Result<Decimal, rusqlite::Error> {
    Decimal::from_str_exact(text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error))
    })
}

/// Amount of an optional text; `None` for an empty one.
///
/// # Errors
/// As for [`read`].
pub(super) fn read_optional(text: &str) -> Result<Option<Decimal>, rusqlite::Error> {
    (!text.is_empty()).then(|| read(text)).transpose()
}

/// Text of an optional amount; empty for none.
pub(super) fn optional_text(amount: Option<Decimal>) -> String {
    amount.map_or_else(String::new, text)
}
