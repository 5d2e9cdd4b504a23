//! Conservation laws: rows and amounts that go into a step come out of it, or are counted as left
//! out. They are checked in production, after every step, and published as `control_totals`.
//!
//! The steps are not trusted: each side of a law is counted anew, by code that is as plain as can
//! be, and never handed over by the step that it checks. Amounts have 20 decimals throughout, so
//! that a published sum (ten decimals) and an exact one can be compared.

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
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, power_of_ten};
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
    /// True if the law holds; a run in which one does not fails and publishes nothing.
    pub holds: bool,
}

/// Rows and an amount in units of 10^-20, by currency.
pub type ByCurrency = BTreeMap<String, (u64, i128)>;

/// Compares two counts, currency by currency: one law for each. `allowance` is how far the amounts
/// may be apart for each row, in units of 10^-20.
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
            let counted = |side: &ByCurrency| side.get(currency).map_or((0, 0), |sums| *sums);
            let ((rows_in, amount_in), (rows_out, amount_out)) = (counted(before), counted(after));
            let allowed = allowance.saturating_mul(i128::from(rows_in));
            let holds = rows_in == rows_out && (amount_in - amount_out).abs() <= allowed;
            ControlTotal {
                step,
                source,
                currency: currency.clone(),
                rows_in,
                rows_out,
                rows_rejected: 0,
                amount_in,
                amount_out,
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

fn add(into: &mut ByCurrency, currency: String, rows: u64, amount: i128) {
    let slot = into.entry(currency).or_default();
    slot.0 += rows;
    slot.1 += amount;
}

/// Adds the counts of another part of the rows.
pub fn add_up(whole: &mut ByCurrency, more: &ByCurrency) {
    for (currency, (rows, amount)) in more {
        add(whole, currency.clone(), *rows, *amount);
    }
}

/// Control counts of a partial: row by row while rows were read, apart from the totals.
fn control_of(partial: &Partial) -> ByCurrency {
    let mut found = ByCurrency::new();
    for (account, (rows, amount)) in (0..)
        .zip(&partial.control)
        .filter(|(_, (rows, _))| *rows > 0)
    {
        add(&mut found, currency_of(partial, account), *rows, *amount);
    }
    found
}

/// Counts of the totals that a partial holds.
#[must_use]
pub fn totals_of(partial: &Partial) -> ByCurrency {
    // By account first: there are few accounts, and each has its text looked up but once.
    let mut by_account: Vec<(u64, i128)> = Vec::new();
    for ([account, ..], total) in partial.totals.iter() {
        let Total {
            rows,
            sums: [_, amount, ..],
            ..
        } = total;
        let account = *account as usize;
        if by_account.len() <= account {
            by_account.resize(account + 1, (0, 0));
        }
        let sums = &mut by_account[account];
        *sums = (sums.0 + rows, sums.1 + amount);
    }
    let mut found = ByCurrency::new();
    for (account, (rows, amount)) in (0..).zip(by_account).filter(|(_, (rows, _))| *rows > 0) {
        add(&mut found, currency_of(partial, account), rows, amount);
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
    let mut by_code: BTreeMap<u32, (u64, i128)> = BTreeMap::new();
    let rows = columns::codes(frame, Part::Currency.column())
        .iter()
        .zip(columns::counts(frame, "rows"))
        .zip(columns::sums(frame, amount));
    for ((currency, rows), amount) in rows {
        let sum = by_code.entry(*currency).or_default();
        *sum = (sum.0 + rows, sum.1 + amount);
    }
    by_code
        .into_iter()
        .map(|(code, sum)| {
            (
                totals.vocabulary.text(Domain::Currency, code).to_owned(),
                sum,
            )
        })
        .collect()
}

/// Counts of one side of a tie-out's variances.
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
        let (rows, amount) = if expected {
            (sides.expected_rows, sides.expected_amount)
        } else {
            (sides.invoiced_rows, sides.invoiced_amount)
        };
        add(
            &mut found,
            totals
                .vocabulary
                .text(Domain::Currency, sides.keys[Key::Currency])
                .to_owned(),
            rows,
            widened(amount),
        );
    }
    found
}

/// Counts of one side of the resources. Rows are those of usage: the invoiced side has none, as the
/// share of a line is no row.
#[must_use]
pub fn resources_of(totals: &Folded, resources: &[Resource], expected: bool) -> ByCurrency {
    let mut by_code: BTreeMap<u32, (u64, i128)> = BTreeMap::new();
    for resource in resources {
        let [.., currency] = resource.key;
        let (rows, amount) = if expected {
            (resource.usage_rows, resource.expected_amount)
        } else {
            (0, resource.invoiced_amount)
        };
        let sum = by_code.entry(currency).or_default();
        *sum = (sum.0 + rows, sum.1 + widened(amount));
    }
    by_code
        .into_iter()
        .map(|(code, sum)| {
            (
                totals.vocabulary.text(Domain::Currency, code).to_owned(),
                sum,
            )
        })
        .collect()
}

/// Counts without their rows, to be compared with counts that have none.
#[must_use]
pub fn without_rows(counts: ByCurrency) -> ByCurrency {
    counts
        .into_iter()
        .map(|(currency, (_, amount))| (currency, (0, amount)))
        .collect()
}

/// Law of attribution: the parts of all variances add up to the variances.
#[must_use]
pub fn attributed(totals: &Folded, variances: &[Variance]) -> Vec<ControlTotal> {
    let (mut before, mut after) = (ByCurrency::new(), ByCurrency::new());
    for variance in variances {
        let currency = totals
            .vocabulary
            .text(Domain::Currency, variance.sides.keys[Key::Currency]);
        add(
            &mut before,
            currency.to_owned(),
            1,
            widened(variance.sides.variance_amount()),
        );
        add(
            &mut after,
            currency.to_owned(),
            1,
            widened(variance.parts.sum()),
        );
    }
    law("attribute", "variances", &before, &after, 0)
}

/// Published amount (units of 10^-10) in units of 10^-20. Saturates past what is ever published.
fn widened(amount: i128) -> i128 {
    amount.saturating_mul(power_of_ten(AMOUNT_SCALE - PUBLISHED_SCALE))
}
