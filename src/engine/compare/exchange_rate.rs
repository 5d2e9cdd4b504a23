//! Exchange rates as numbers. The rate is part of the key of usage and of lines, so that frames
//! keep the code of its text; here it becomes something to multiply with.

use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::rules::domain::Domain;
use crate::model::decimal::{self, RATE_SCALE, power_of_ten};

/// PCToBCExchangeRate ([semantics §4](crate::model::domain::semantics)) behind a code, in units of
/// 10^-18; 1 where the file gives none, or one that is 0 or no number.
#[must_use]
pub fn rate_of(vocabulary: &Vocabulary, code: u32) -> i128 {
    match written_rate(vocabulary, code) {
        Some(rate) => rate,
        // Without a rate, an amount can only be taken for one of the billing currency already.
        None => power_of_ten(RATE_SCALE),
    }
}

/// PCToBCExchangeRate behind a code, in units of 10^-18; `None` where the file gives none, or one
/// that is 0 or no number.
#[must_use]
pub fn written_rate(vocabulary: &Vocabulary, code: u32) -> Option<i128> {
    let text = vocabulary.text(Domain::Rate, code);
    let rate = decimal::parse(text.as_bytes(), RATE_SCALE).ok()?;
    (rate.value != 0).then_some(rate.value)
}
