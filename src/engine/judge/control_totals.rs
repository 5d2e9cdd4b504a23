//! Conservation laws: what goes into a step comes out of it, or is counted. They are checked in
//! production, after every step, and published.

use std::collections::BTreeMap;

use super::variance::Variance;
use crate::engine::compare::usage_to_invoice::Resource;
use crate::engine::count::partial::{GROSS_LIMIT, Partial};
use crate::engine::count::total::{SUMS, Total};
use crate::engine::failure::EngineError;
use crate::engine::fold::columns;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{Key, Part};
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, power_of_ten};
use crate::model::ids::{Fold, display};
use polars::prelude::DataFrame;

/// One law at one step; amounts in units of 10^-20.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlTotal {
    /// Stage of the run.
    pub step: &'static str,
    /// Dataset or table.
    pub source: &'static str,
    /// Currency of the amounts.
    pub currency: String,
    /// Rows before.
    pub rows_in: u64,
    /// Rows after.
    pub rows_out: u64,
    /// Rows that could not be used.
    pub rows_rejected: u64,
    /// Amount before.
    pub amount_in: i128,
    /// Amount after.
    pub amount_out: i128,
    /// The law holds.
    pub holds: bool,
}

/// Rows and an amount in units of 10^-20, by currency.
pub type ByCurrency = BTreeMap<String, (u64, i128)>;

/// Compares two counts currency by currency. `allowance` is how far amounts may be apart for a row,
/// in units of 10^-20.
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
            let (rows_in, amount_in) = before.get(currency).copied().unwrap_or_default();
            let (rows_out, amount_out) = after.get(currency).copied().unwrap_or_default();
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

/// The law of decoding: rows found are rows counted and rows rejected.
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

fn currency_of(partial: &Partial, account: u32) -> String {
    display(
        Fold::Code,
        partial.fields(0, account).nth(4).unwrap_or_default(),
    )
    .into_owned()
}

fn add(into: &mut ByCurrency, currency: String, rows: u64, amount: i128) {
    let slot = into.entry(currency).or_default();
    slot.0 += rows;
    slot.1 += amount;
}

/// Adds other counts.
pub fn add_up(whole: &mut ByCurrency, more: &ByCurrency) {
    more.iter()
        .for_each(|(currency, (rows, amount))| add(whole, currency.clone(), *rows, *amount));
}

/// What was counted row by row, apart from the totals.
#[must_use]
pub fn control_of(partial: &Partial) -> ByCurrency {
    let mut found = ByCurrency::new();
    for (account, (rows, amount)) in (0..)
        .zip(&partial.control)
        .filter(|(_, (rows, _))| *rows > 0)
    {
        add(&mut found, currency_of(partial, account), *rows, *amount);
    }
    found
}

/// What the totals of a partial hold.
#[must_use]
pub fn totals_of(partial: &Partial) -> ByCurrency {
    let mut found = ByCurrency::new();
    let mut by_account: Vec<(u64, i128)> = Vec::new();
    for (
        [account, ..],
        Total {
            rows,
            sums: [_, amount, ..],
            ..
        },
    ) in partial.totals.iter()
    {
        let slot = *account as usize;
        if by_account.len() <= slot {
            by_account.resize(slot + 1, (0, 0));
        }
        if let Some(sum) = by_account.get_mut(slot) {
            *sum = (sum.0 + rows, sum.1 + amount);
        }
    }
    for (account, (rows, amount)) in (0..).zip(by_account).filter(|(_, (rows, _))| *rows > 0) {
        add(&mut found, currency_of(partial, account), rows, amount);
    }
    found
}

/// What was counted of a dataset.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Rows and amounts, apart from the totals.
    pub control: ByCurrency,
    /// The same by the totals.
    pub totals: ByCurrency,
    /// Numbers that held more decimals than are kept.
    pub rounded: u64,
    gross: [i128; SUMS],
}

impl Tally {
    /// Of a partial.
    #[must_use]
    pub fn of(partial: &Partial) -> Self {
        let mut counted = Self::default();
        counted.add(partial);
        counted
    }

    /// Adds those of another partial.
    pub fn add(&mut self, partial: &Partial) {
        add_up(&mut self.control, &control_of(partial));
        add_up(&mut self.totals, &totals_of(partial));
        self.rounded += partial.rounded;
        for (gross, more) in self.gross.iter_mut().zip(partial.gross) {
            *gross = gross.saturating_add(more);
        }
    }

    /// Says whether every sum kept to its limit.
    ///
    /// # Errors
    /// [`EngineError::SumOverflow`].
    pub fn check(&self, dataset: Dataset) -> Result<(), EngineError> {
        let is_past = self.gross.iter().any(|gross| *gross > GROSS_LIMIT);
        if is_past {
            Err(EngineError::SumOverflow { dataset })
        } else {
            Ok(())
        }
    }
}

/// What a frame of totals holds; `amount` names the column.
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

/// One side of a tie-out's variances.
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

/// One side of the resources. Rows are those of usage; invoice lines have no rows here.
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

/// The same amounts with no rows, to compare with something that has none.
#[must_use]
pub fn without_rows(counts: ByCurrency) -> ByCurrency {
    counts
        .into_iter()
        .map(|(currency, (_, amount))| (currency, (0, amount)))
        .collect()
}

/// The law of attribution: the parts of all variances are their variances.
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

fn widened(amount: i128) -> i128 {
    amount.saturating_mul(power_of_ten(AMOUNT_SCALE - PUBLISHED_SCALE))
}

/// Half a unit of the last published digit, in units of 10^-20: how far quantising moves a row.
pub const QUANTISATION_ALLOWANCE: i128 = 10_i128.pow(AMOUNT_SCALE - PUBLISHED_SCALE) / 2;
