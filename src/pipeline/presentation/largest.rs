//! The largest rows of each currency, of any number: no more of them are held than a report can show.
//! Amounts of two currencies have no order.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::money::Money;

/// Rows of one currency, the largest first, and what all of them come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyRows<T> {
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// The largest rows, in either direction; equal ones in published order.
    pub rows: Vec<T>,
    /// Number of all rows.
    pub count: u64,
    /// Sum of all rows, with sign.
    pub net: Money,
    /// Sum of all rows without their signs.
    pub gross: Money,
}

/// Collector of the largest rows.
#[derive(Debug)]
pub(super) struct Largest<T> {
    most: usize,
    found: BTreeMap<String, Held<T>>,
}

/// Rows that may be among the largest of a currency, each with its size and number.
#[derive(Debug)]
struct Held<T> {
    rows: Vec<(Reverse<i128>, u64, T)>,
    count: u64,
    net: Money,
    gross: Money,
}

impl<T> Largest<T> {
    /// Collector of `most` rows of each currency.
    pub(super) const fn of(most: usize) -> Self {
        Self {
            most,
            found: BTreeMap::new(),
        }
    }

    /// Adds a row of a size; `row` is called only for one that may be among the largest.
    pub(super) fn add(&mut self, currency: &str, size: Money, row: impl FnOnce() -> T) {
        if !self.found.contains_key(currency) {
            let held = Held {
                rows: Vec::new(),
                count: 0,
                net: Money(0),
                gross: Money(0),
            };
            self.found.insert(currency.to_owned(), held);
        }
        let held = self.found.get_mut(currency).expect("it is there by now");
        let number = held.count;
        held.count += 1;
        held.net += size;
        held.gross += size.abs();
        held.rows.push((Reverse(size.0.abs()), number, row()));
        // Twice as many before they are sorted: a constant cost for each row.
        if held.rows.len() >= self.most.saturating_mul(2).max(2) {
            held.cut(self.most);
        }
    }

    /// The largest rows, currency by currency.
    pub(super) fn finish(self) -> Vec<CurrencyRows<T>> {
        let most = self.most;
        let found = self.found.into_iter();
        found
            .map(|(currency, mut held)| {
                held.cut(most);
                CurrencyRows {
                    currency,
                    rows: held.rows.into_iter().map(|(_, _, row)| row).collect(),
                    count: held.count,
                    net: held.net,
                    gross: held.gross,
                }
            })
            .collect()
    }
}

impl<T> Held<T> {
    fn cut(&mut self, most: usize) {
        self.rows.sort_by_key(|(size, number, _)| (*size, *number));
        self.rows.truncate(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_stay_and_all_are_counted() {
        let mut largest = Largest::of(3);
        for number in 0_i128..1_000 {
            let size = Money((number * 7) % 1_000 - 500);
            largest.add(["EUR", "USD"][usize::from(number % 5 == 0)], size, || {
                size.0
            });
        }
        let found = largest.finish();
        assert_eq!(found.len(), 2);
        assert_eq!(found.iter().map(|of| of.count).sum::<u64>(), 1_000);
        assert_eq!(found[1].rows, [-500, 495, -495]);
        assert_eq!(found[0].rows, [-499, 499, -498]);
    }
}
