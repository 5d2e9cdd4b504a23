//! Control of an export: what was written adds up to what was read, in each currency.

use std::collections::BTreeMap;

use super::source_rows::{FOCUS_SCALE, widened};
use crate::engine::failure::EngineError;
use crate::model::decimal::{PUBLISHED_SCALE, plain};

/// Sums of one file while it is written, by currency.
#[derive(Debug, Default)]
pub(super) struct BilledSums {
    /// Amounts that were read, in units of 10^-10.
    read: BTreeMap<String, i128>,
    /// Amounts of the rows that were written, in units of 10^-22.
    written: BTreeMap<String, i128>,
}

/// A currency in which the two sums differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SumsApart {
    pub(super) currency: String,
    pub(super) written: String,
    pub(super) read: String,
}

impl BilledSums {
    /// Adds an amount that was read.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`] beyond 38 digits.
    pub(super) fn add_read(&mut self, currency: &str, amount: i128) -> Result<(), EngineError> {
        add(&mut self.read, currency, amount)
    }

    /// Adds the amount of a row that was written.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`] beyond 38 digits.
    pub(super) fn add_written(&mut self, currency: &str, amount: i128) -> Result<(), EngineError> {
        add(&mut self.written, currency, amount)
    }

    /// Sums of what was written, once they are found to be those of what was read.
    ///
    /// # Errors
    /// The first currency in which they differ.
    pub(super) fn checked(self) -> Result<BTreeMap<String, String>, SumsApart> {
        let currencies = self.read.keys().chain(self.written.keys());
        for currency in currencies {
            // A currency of zeros may have rows on one side alone.
            let sum = |sums: &BTreeMap<String, i128>| sums.get(currency).map_or(0, |sum| *sum);
            let (read, written) = (sum(&self.read), sum(&self.written));
            if widened(read) != Ok(written) {
                return Err(SumsApart {
                    currency: currency.clone(),
                    written: plain(written, FOCUS_SCALE),
                    read: plain(read, PUBLISHED_SCALE),
                });
            }
        }
        let texts = self.written.into_iter();
        Ok(texts
            .map(|(currency, sum)| (currency, plain(sum, FOCUS_SCALE)))
            .collect())
    }
}

fn add(sums: &mut BTreeMap<String, i128>, currency: &str, amount: i128) -> Result<(), EngineError> {
    // A text for each row would cost more than the sum.
    if !sums.contains_key(currency) {
        sums.insert(currency.to_owned(), 0);
    }
    let sum = sums.get_mut(currency).expect("it was put there");
    *sum = sum.checked_add(amount).ok_or(EngineError::AmountOverflow)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_amount_is_found() {
        let mut sums = BilledSums::default();
        sums.add_read("EUR", 10_i128.pow(10)).unwrap();
        sums.add_read("USD", 0).unwrap();
        assert_eq!(
            sums.checked(),
            Err(SumsApart {
                currency: "EUR".to_owned(),
                written: "0".to_owned(),
                read: "1".to_owned(),
            })
        );
    }
}
