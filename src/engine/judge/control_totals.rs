//! Conservation laws: rows, amounts and quantities that go into a step come out of it, or are
//! counted as left out. They are checked in production, after every step, and published as
//! `control_totals`; the quantities are checked and not published.
//!
//! The steps are not trusted: each side of a law is counted anew, by code that is as plain as can
//! be, and never handed over by the step that it checks. Sums have 20 decimals throughout, so that
//! a published one (ten decimals) and an exact one can be compared.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::variance::Variance;
use crate::engine::compare::usage_to_invoice::Resource;
use crate::engine::count::partial::{GROSS_LIMIT, Partial};
use crate::engine::count::total::{SUMS, Total};
use crate::engine::failure::EngineError;
use crate::engine::fold::columns;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::key_parts::{Counted, Key, Part, TUPLES};
use crate::engine::rules::key_projections::FieldPlace;
use crate::engine::rules::key_projections::raw_place;
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, QUANTITY_SCALE, plain, power_of_ten};
use crate::model::ids::{Fold, display};

/// Half a unit of the last published digit, in units of 10^-20: how far quantising moves a row.
pub const QUANTISATION_ALLOWANCE: i128 = 10_i128.pow(AMOUNT_SCALE - PUBLISHED_SCALE) / 2;

/// One law at one step, in one currency; a row of `control_totals`. Amounts are in units of 10^-20.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlTotal {
    /// Step of the run that the law is about.
    pub step: &'static str,
    /// Dataset or table whose rows are counted.
    pub source: &'static str,
    /// Currency of the amounts; empty where there are none.
    pub currency: String,
    /// Number of source rows before the step.
    pub rows_in: u64,
    /// Number of source rows after the step.
    pub rows_out: u64,
    /// Number of source rows that could not be used, or were not selected.
    pub rows_rejected: u64,
    /// Amount before the step.
    pub amount_in: i128,
    /// Amount after the step.
    pub amount_out: i128,
    /// Quantity before the step, in units of 10^-20; `None` where the law is not about quantities.
    pub quantity_in: Option<i128>,
    /// Quantity after the step, in units of 10^-20; `None` where the law is not about quantities.
    pub quantity_out: Option<i128>,
    /// True if the law holds; a run in which one does not fails and publishes nothing.
    pub holds: bool,
}

impl ControlTotal {
    /// Rows, amount and quantity that the step should have kept, as an error names them.
    #[must_use]
    pub fn wanted(&self) -> String {
        self.in_words(self.rows_in, self.amount_in, self.quantity_in)
    }

    /// Rows, amount and quantity that came out of the step, as an error names them.
    #[must_use]
    pub fn found(&self) -> String {
        self.in_words(self.rows_out, self.amount_out, self.quantity_out)
    }

    fn in_words(&self, rows: u64, amount: i128, quantity: Option<i128>) -> String {
        let amount = plain(amount, AMOUNT_SCALE);
        match quantity {
            // Named only where it differs: most laws break on rows or amounts.
            Some(quantity) if self.quantity_in != self.quantity_out => {
                let quantity = plain(quantity, QUANTITY_SCALE);
                format!("{rows} rows, {amount} and a quantity of {quantity}")
            }
            _ => format!("{rows} rows and {amount}"),
        }
    }
}

/// Rows that were counted, and the sums of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlSums {
    /// Number of source rows.
    pub rows: u64,
    /// Sum of the amounts, in units of 10^-20.
    pub amount: i128,
    /// Sum of the quantities, in units of 10^-20; `None` where they were not counted.
    pub quantity: Option<i128>,
}

impl ControlSums {
    /// Sums of no rows, which change nothing when they are added.
    pub const NOTHING: Self = Self {
        rows: 0,
        amount: 0,
        quantity: Some(0),
    };

    /// Sums of rows whose quantities do not count.
    #[must_use]
    pub const fn of_amounts(rows: u64, amount: i128) -> Self {
        Self {
            rows,
            amount,
            quantity: None,
        }
    }

    /// Adds other sums. Quantities are counted only if both have them.
    pub fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.amount += more.amount;
        self.quantity = match (self.quantity, more.quantity) {
            // Saturates only past `GROSS_LIMIT`, where the whole dataset is refused.
            (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
            (None, _) | (_, None) => None,
        };
    }
}

/// Control sums by currency.
pub type ByCurrency = BTreeMap<String, ControlSums>;

/// Adds sums to those of a currency.
pub fn add_to(sums: &mut ByCurrency, currency: String, more: ControlSums) {
    sums.entry(currency)
        .or_insert(ControlSums::NOTHING)
        .add(more);
}

/// Compares two counts, currency by currency: one law for each. `allowance` is how far the amounts,
/// and the quantities where both sides count them, may be apart for each row, in units of 10^-20.
#[must_use]
pub fn law(
    step: &'static str,
    source: &'static str,
    before: &ByCurrency,
    after: &ByCurrency,
    allowance: i128,
) -> Vec<ControlTotal> {
    let mut currencies: Vec<&String> = before.keys().chain(after.keys()).collect();
    currencies.sort();
    currencies.dedup();
    currencies
        .into_iter()
        .map(|currency| {
            // A currency that one side lacks is lost there as a whole, and the law says so.
            let of = |side: &ByCurrency| match side.get(currency) {
                Some(sums) => *sums,
                None => ControlSums::NOTHING,
            };
            let (before, after) = (of(before), of(after));
            let allowed = allowance.saturating_mul(i128::from(before.rows));
            let agree = |before: i128, after: i128| (before - after).abs() <= allowed;
            let quantities = before.quantity.zip(after.quantity);
            let holds = before.rows == after.rows
                && agree(before.amount, after.amount)
                && quantities.is_none_or(|(before, after)| agree(before, after));
            ControlTotal {
                step,
                source,
                currency: currency.clone(),
                rows_in: before.rows,
                rows_out: after.rows,
                rows_rejected: 0,
                amount_in: before.amount,
                amount_out: after.amount,
                quantity_in: quantities.map(|(before, _)| before),
                quantity_out: quantities.map(|(_, after)| after),
                holds,
            }
        })
        .collect()
}

/// Law of decoding: rows found are rows counted and rows rejected.
#[must_use]
pub fn decoded(dataset: Dataset, rows: u64, rejected: u64, counted: u64) -> ControlTotal {
    ControlTotal {
        step: "decode",
        source: dataset.name(),
        currency: String::new(),
        rows_in: rows,
        rows_out: counted,
        rows_rejected: rejected,
        amount_in: 0,
        amount_out: 0,
        quantity_in: None,
        quantity_out: None,
        holds: rows == counted + rejected,
    }
}

/// FieldPlace of the currency in a key, whatever is counted.
const CURRENCY: FieldPlace = {
    let place = raw_place(Counted::Usage, Part::Currency);
    let daily = raw_place(Counted::DailyUsage, Part::Currency);
    let lines = raw_place(Counted::Lines, Part::Currency);
    assert!(place.tuple == daily.tuple && place.field == daily.field);
    assert!(place.tuple == lines.tuple && place.field == lines.field);
    assert!(place.tuple == 0, "the currency is part of the account");
    place
};

/// Currency of an account, which is the first number of a key.
fn currency_of(partial: &Partial, account: u32) -> String {
    let mut key = [0; TUPLES];
    key[CURRENCY.tuple] = account;
    display(Fold::Code, partial.text_at(&key, CURRENCY)).into_owned()
}

/// Adds the counts of another part of the rows.
pub fn add_up(whole: &mut ByCurrency, more: &ByCurrency) {
    for (currency, sums) in more {
        add_to(whole, currency.clone(), *sums);
    }
}

/// Control counts of a partial: row by row while rows were read, apart from the totals.
fn control_of(partial: &Partial) -> ByCurrency {
    let mut found = ByCurrency::new();
    for (account, control) in (0..)
        .zip(&partial.control)
        .filter(|(_, control)| control.rows > 0)
    {
        let sums = ControlSums {
            rows: control.rows,
            amount: control.amount,
            quantity: Some(control.quantity),
        };
        add_to(&mut found, currency_of(partial, account), sums);
    }
    found
}

/// Counts of the totals that a partial holds.
#[must_use]
pub fn totals_of(partial: &Partial) -> ByCurrency {
    // By account first: there are few accounts, and each has its text looked up but once.
    let mut by_account: Vec<ControlSums> = Vec::new();
    for ([account, ..], total) in partial.totals.iter() {
        let Total {
            rows,
            sums: [quantity, amount, ..],
            ..
        } = total;
        let account = *account as usize;
        if by_account.len() <= account {
            by_account.resize(account + 1, ControlSums::NOTHING);
        }
        by_account[account].add(ControlSums {
            rows,
            amount,
            quantity: Some(quantity),
        });
    }
    let mut found = ByCurrency::new();
    for (account, sums) in (0..).zip(by_account).filter(|(_, sums)| sums.rows > 0) {
        add_to(&mut found, currency_of(partial, account), sums);
    }
    found
}

/// Counts of a dataset, from all of its partials.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Rows and amounts as they were counted row by row, apart from the totals.
    pub control: ByCurrency,
    /// Rows and amounts of the totals.
    pub totals: ByCurrency,
    /// Number of cells that held more decimals than are kept.
    pub rounded: u64,
    /// Sums of absolute values, of each measure.
    gross: [i128; SUMS],
}

impl Tally {
    /// Counts of one partial.
    #[must_use]
    pub fn of(partial: &Partial) -> Self {
        let mut counted = Self::default();
        counted.add(partial);
        counted
    }

    /// Adds the counts of another partial.
    pub fn add(&mut self, partial: &Partial) {
        add_up(&mut self.control, &control_of(partial));
        add_up(&mut self.totals, &totals_of(partial));
        self.rounded += partial.rounded;
        for (gross, more) in self.gross.iter_mut().zip(partial.gross) {
            // What saturates is past the limit, and `check` refuses the dataset.
            *gross = gross.saturating_add(more);
        }
    }

    /// Checks that no sum of any rows can overflow behind this point.
    ///
    /// # Errors
    /// [`EngineError::SumOverflow`] where a gross sum exceeds [`GROSS_LIMIT`].
    pub fn check(&self, dataset: Dataset) -> Result<(), EngineError> {
        let is_past = self.gross.iter().any(|gross| *gross > GROSS_LIMIT);
        if is_past {
            Err(EngineError::SumOverflow { dataset })
        } else {
            Ok(())
        }
    }
}

/// Counts of a frame of totals; `amount` names the column that is summed.
///
/// # Panics
/// Where the frame has no such column.
#[must_use]
pub fn frame_of(totals: &Folded, frame: &DataFrame, amount: &str) -> ByCurrency {
    let mut by_code: BTreeMap<u32, ControlSums> = BTreeMap::new();
    let rows = columns::codes(frame, Part::Currency.column())
        .iter()
        .zip(columns::counts(frame, "rows"))
        .zip(columns::sums(frame, amount))
        .zip(columns::sums(frame, "quantity"));
    for (((currency, rows), amount), quantity) in rows {
        let sums = by_code.entry(*currency).or_insert(ControlSums::NOTHING);
        sums.add(ControlSums {
            rows: *rows,
            amount: *amount,
            quantity: Some(*quantity),
        });
    }
    by_name(totals, by_code)
}

/// Sums by the names of the currencies instead of their codes.
fn by_name(totals: &Folded, by_code: BTreeMap<u32, ControlSums>) -> ByCurrency {
    let name = |code| totals.vocabulary.text(Domain::Currency, code).to_owned();
    by_code
        .into_iter()
        .map(|(code, sums)| (name(code), sums))
        .collect()
}

/// Counts of one side of a tie-out's variances. What is expected counts as far as there is
/// something to compare with: where no usage is expected, it only repeats the invoiced side.
#[must_use]
pub fn variances_of(
    totals: &Folded,
    variances: &[Variance],
    tie_out: TieOut,
    expected: bool,
) -> ByCurrency {
    let mut found = ByCurrency::new();
    for sides in variances
        .iter()
        .map(|variance| &variance.sides)
        .filter(|sides| sides.tie_out == tie_out)
    {
        let (rows, amount, quantity) = if expected {
            let (quantity, amount) = sides.compared_with();
            (sides.expected_rows, amount, quantity)
        } else {
            (
                sides.invoiced_rows,
                sides.invoiced_amount,
                sides.invoiced_quantity,
            )
        };
        let sums = ControlSums {
            rows,
            amount: widened(amount),
            // Invoice headers, the other side of lines to invoice, have amounts only.
            quantity: (tie_out == TieOut::UsageToInvoice).then(|| widened(quantity)),
        };
        let currency = sides.keys[Key::Currency];
        let name = totals.vocabulary.text(Domain::Currency, currency);
        add_to(&mut found, name.to_owned(), sums);
    }
    found
}

/// Counts of one side of the resources. Rows are those of usage: the invoiced side has none, as the
/// share of a line is no row.
#[must_use]
pub fn resources_of(totals: &Folded, resources: &[Resource], expected: bool) -> ByCurrency {
    let mut by_code: BTreeMap<u32, ControlSums> = BTreeMap::new();
    for resource in resources {
        let [.., currency] = resource.key;
        let sums = if expected {
            ControlSums {
                rows: resource.usage_rows,
                amount: widened(resource.expected_amount),
                quantity: Some(widened(resource.quantity)),
            }
        } else {
            // Billed quantities are not shared out: the resource that was billed for is not known.
            ControlSums::of_amounts(0, widened(resource.invoiced_amount))
        };
        by_code
            .entry(currency)
            .or_insert(ControlSums::NOTHING)
            .add(sums);
    }
    by_name(totals, by_code)
}

/// Counts without their rows, to be compared with counts that have none.
#[must_use]
pub fn without_rows(counts: ByCurrency) -> ByCurrency {
    counts
        .into_iter()
        .map(|(currency, sums)| (currency, ControlSums { rows: 0, ..sums }))
        .collect()
}

/// Law of attribution: the parts of all variances add up to the variances.
#[must_use]
pub fn attributed(totals: &Folded, variances: &[Variance]) -> Vec<ControlTotal> {
    let (mut before, mut after) = (ByCurrency::new(), ByCurrency::new());
    for variance in variances {
        let currency = variance.sides.keys[Key::Currency];
        let currency = totals.vocabulary.text(Domain::Currency, currency);
        for (counts, amount) in [
            (&mut before, variance.sides.variance_amount()),
            (&mut after, variance.parts.sum()),
        ] {
            let sums = ControlSums::of_amounts(1, widened(amount));
            add_to(counts, currency.to_owned(), sums);
        }
    }
    // No allowance: parts and variance are whole units of the last published digit.
    law("attribute", "variances", &before, &after, 0)
}

/// Published amount or quantity (units of 10^-10) in units of 10^-20. Saturates past what is ever
/// published.
pub(super) fn widened(amount: i128) -> i128 {
    amount.saturating_mul(power_of_ten(AMOUNT_SCALE - PUBLISHED_SCALE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(quantity: Option<i128>) -> ByCurrency {
        let sums = ControlSums {
            rows: 2,
            amount: 10_i128.pow(AMOUNT_SCALE),
            quantity,
        };
        ByCurrency::from([("EUR".to_owned(), sums)])
    }

    #[test]
    fn a_lost_quantity_breaks_the_law_and_is_named() {
        let five = Some(5 * 10_i128.pow(QUANTITY_SCALE));
        let laws = law("fold", "usage", &sums(five), &sums(Some(0)), 1);
        let broken = &laws[0];
        assert!(!broken.holds);
        assert_eq!(broken.wanted(), "2 rows, 1 and a quantity of 5");
        assert_eq!(broken.found(), "2 rows, 1 and a quantity of 0");
    }

    #[test]
    fn quantities_are_compared_only_where_both_sides_count_them() {
        let five = Some(5);
        for (before, after, allowance, holds) in [
            (five, five, 0, true),
            (five, None, 0, true),
            (five, Some(6), 0, false),
            // A unit for each of the two rows.
            (five, Some(7), 1, true),
        ] {
            let laws = law("fold", "usage", &sums(before), &sums(after), allowance);
            assert!(laws.iter().all(|law| law.holds == holds));
        }
    }

    #[test]
    fn a_currency_that_one_side_lacks_breaks_the_law() {
        let laws = law("fold", "usage", &sums(None), &ByCurrency::new(), 0);
        assert!(laws.iter().all(|law| !law.holds));
    }
}
