//! Exchange rates as numbers. Frames keep a rate as the code of its text, so that two spellings of
//! one rate stay apart until they are multiplied with.

use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::rules::domain::Domain;
use crate::model::decimal::{self, RATE_SCALE, power_of_ten};

/// PCToBCExchangeRate ([semantics §4](crate::model::domain::semantics)) behind a code, in units of
/// 10^-18; 1 where the file gives none, or one that is 0 or no number.
#[must_use]
pub fn rate_of(vocabulary: &Vocabulary, code: u32) -> i128 {
    let text = vocabulary.text(Domain::Rate, code);
    match decimal::parse(text.as_bytes(), RATE_SCALE) {
        Ok(rate) if rate.value != 0 => rate.value,
        // Files without the column are of partners that are priced and billed in one currency.
        Ok(_) | Err(_) => power_of_ten(RATE_SCALE),
    }
}
