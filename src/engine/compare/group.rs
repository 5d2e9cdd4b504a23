//! One compared group before it is judged: its keys, its two sides, and how far rounding alone can
//! move one from the other.
//!
//! All tie-outs make such groups, whatever they compare; status, cause and id come later.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use crate::engine::failure::EngineError;
use crate::engine::rules::definitions::Measure;
use crate::engine::rules::keys::{FINE_KEYS, KEYS, Key};
use crate::engine::rules::rounding_bounds::Bounds;
use crate::engine::rules::scope::Scope;
use crate::model::cause::{Proof, TieOut};
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, Rounding, rescale};
use crate::model::period::Day;

/// Codes of a group's keys, one for each of [`Key::ALL`]; 0 where the members of the group differ
/// in a key, or have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keys([u32; KEYS]);

impl Keys {
    /// Keys by their codes, in the order of [`Key::ALL`].
    #[must_use]
    pub const fn new(codes: [u32; KEYS]) -> Self {
        Self(codes)
    }

    /// Keys of usage or invoice lines, by their codes in the order of [`FINE_KEYS`].
    #[must_use]
    pub fn fine(codes: [u32; FINE_KEYS.len()]) -> Self {
        let mut keys = Self::default();
        for (key, code) in FINE_KEYS.into_iter().zip(codes) {
            keys[key] = code;
        }
        keys
    }

    /// Copy of these keys in which `key` is empty.
    #[must_use]
    pub fn without(mut self, key: Key) -> Self {
        self[key] = 0;
        self
    }

    /// Copy of these keys in which all but `wanted` are empty.
    #[must_use]
    pub fn only(self, wanted: &[Key]) -> Self {
        let mut keys = Self::default();
        for key in wanted {
            keys[*key] = self[*key];
        }
        keys
    }

    /// Each key with its code, in the order of [`Key::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Key, u32)> {
        Key::ALL.into_iter().zip(self.0)
    }
}

impl Index<Key> for Keys {
    type Output = u32;

    fn index(&self, key: Key) -> &u32 {
        &self.0[key as usize]
    }
}

impl IndexMut<Key> for Keys {
    fn index_mut(&mut self, key: Key) -> &mut u32 {
        &mut self.0[key as usize]
    }
}

/// What a group lacks that may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwaitedFor {
    /// Lines of the invoice.
    InvoiceLines,
    /// Usage of the invoice's period.
    Usage,
    /// A unit of one of the tie-out's datasets, which is not complete.
    CompleteData,
    /// Rows of the account that were rejected.
    RejectedRows,
}

impl AwaitedFor {
    /// Name in the published column `awaited_for`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvoiceLines => "invoice_lines",
            Self::Usage => "usage",
            Self::CompleteData => "complete_data",
            Self::RejectedRows => "rejected_rows",
        }
    }
}

/// First and last of some days, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// First day; [`Day::MAX`] for none.
    pub first: Day,
    /// Last day; [`Day::MIN`] for none.
    pub last: Day,
}

impl Default for DayRange {
    /// Range of no days.
    fn default() -> Self {
        Self {
            first: Day::MAX,
            last: Day::MIN,
        }
    }
}

impl DayRange {
    /// Widens the range to two more days, which may be [`Day::MAX`] and [`Day::MIN`] for none.
    pub fn widen(&mut self, first: Day, last: Day) {
        self.first = self.first.min(first);
        self.last = self.last.max(last);
    }

    /// True if there is a day.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.first <= self.last
    }
}

/// Invoiced amount that rounding alone makes of the expected one, in units of 10^-20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predicted {
    /// Least amount that rounding can make.
    pub low: i128,
    /// Amount that rounding makes of the numbers as they are written.
    pub nominal: i128,
    /// Greatest amount that rounding can make.
    pub high: i128,
    /// True if the nominal amount follows from what is known alone: the invoice's rule, and the
    /// usage behind each line.
    pub is_certain: bool,
}

/// Both sides of a compared group. Expected is what usage (or the other list that is believed)
/// comes to, invoiced is what is asked for.
#[derive(Clone, Debug)]
pub struct Sides {
    /// Comparison that the group is part of.
    pub tie_out: TieOut,
    /// Keys that all of its members share.
    pub keys: Keys,
    /// Charge types of its lines, of its usage where it has no lines, separated by `|`.
    pub charge_type: String,
    /// Pass or rule that matched its two sides; empty for one-sided groups.
    pub matched_on: Arc<str>,
    /// Reason why no usage is expected behind its lines; [`Scope::Usage`] where it is.
    pub scope: Scope,
    /// Usage rows (of `lines-to-invoice`: lines) on the expected side.
    pub expected_rows: u64,
    /// Invoice lines (of `lines-to-invoice`: headers) on the invoiced side.
    pub invoiced_rows: u64,
    /// Quantity used, in units of 10^-10; that billed where no usage is expected.
    pub expected_quantity: i128,
    /// Quantity billed (BillableQuantity), in units of 10^-10.
    pub invoiced_quantity: i128,
    /// Amount that usage comes to, in the billing currency before tax, in units of 10^-10; the
    /// invoiced amount where no usage is expected, as nothing else is known of it.
    pub expected_amount: i128,
    /// Amount that the lines ask for (Subtotal), in units of 10^-10.
    pub invoiced_amount: i128,
    /// How far rounding alone can move invoiced from expected, in units of 10^-20: what a part of
    /// a larger variance may be called rounding for.
    pub bounds: Bounds,
    /// Subtotal that rounding makes of the usage; `None` where nothing predicts it, so that the
    /// bounds are all that is known.
    pub predicted: Option<Predicted>,
    /// Name of the rounding rule that is held for the lines; `None` where there is none.
    pub rounding_rule: Option<Arc<str>>,
    /// Subtotals of the lines less what the held rule makes of their own numbers, in units of
    /// 10^-10.
    pub off_rule_amount: i128,
    /// Measure that is compared. Where it is the quantity, tolerances are quantities too, and all
    /// amounts may be zero.
    pub measure: Measure,
    /// True if its lines bill again what another invoice of the same data bills.
    pub is_billed_again: bool,
    /// Days on which its usage was used.
    pub used: DayRange,
    /// Days that its lines charge for.
    pub charged: DayRange,
    /// What a side of it lacks to be complete and final; `None` where nothing is awaited.
    pub awaited_for: Option<AwaitedFor>,
}

impl Sides {
    /// Invoiced less expected amount, in units of 10^-10.
    #[must_use]
    pub fn variance_amount(&self) -> i128 {
        // No overflow: both are published numbers, of 29 digits at most, and 128 bits hold 38.
        self.invoiced_amount - self.expected_amount
    }

    /// Expected, and invoiced less expected, of the measure that is compared, in units of 10^-10.
    #[must_use]
    pub fn compared(&self) -> (i128, i128) {
        match self.measure {
            Measure::Amount => (self.expected_amount, self.variance_amount()),
            Measure::Quantity => (
                self.expected_quantity,
                self.invoiced_quantity - self.expected_quantity,
            ),
        }
    }

    /// Quantity and amount that the expected side was compared with, in units of 10^-10; 0 where it
    /// only repeats the invoiced side.
    #[must_use]
    pub fn compared_with(&self) -> (i128, i128) {
        match self.scope {
            Scope::Usage => (self.expected_quantity, self.expected_amount),
            _ => (0, 0),
        }
    }

    /// True if usage is expected behind the lines and rounding alone cannot make the variance.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`] where the variance exceeds 28 digits.
    pub fn is_beyond_rounding(&self) -> Result<bool, EngineError> {
        Ok(self.proof()? == Some(Proof::None))
    }

    /// Proof that rounding alone makes the variance; `None` where there is no variance, or no usage
    /// is expected behind the lines.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`] where an amount exceeds 28 digits.
    pub fn proof(&self) -> Result<Option<Proof>, EngineError> {
        let (_, variance) = self.compared();
        if self.scope != Scope::Usage || variance == 0 {
            return Ok(None);
        }
        // At 20 decimals, where the bounds are: rounding them to ten would move the limit.
        let Some(predicted) = self.predicted else {
            let size = exact(variance)?
                .checked_abs()
                .ok_or(EngineError::AmountOverflow)?;
            let is_bounded = size <= self.bounds.toward(variance);
            return Ok(Some(if is_bounded {
                Proof::Bounded
            } else {
                Proof::None
            }));
        };
        let invoiced = exact(self.invoiced_amount)?;
        Ok(Some(
            if predicted.is_certain && invoiced == predicted.nominal {
                Proof::Exact
            } else if (predicted.low..=predicted.high).contains(&invoiced) {
                Proof::Bounded
            } else {
                Proof::None
            },
        ))
    }

    /// Most by which rounding alone can move the invoiced measure toward the side on which a
    /// variance lies, in units of 10^-20; not negative.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`] where an amount exceeds 28 digits.
    pub fn rounding_toward(&self, variance: i128) -> Result<i128, EngineError> {
        let Some(predicted) = self.predicted else {
            return Ok(self.bounds.toward(variance));
        };
        let expected = exact(self.expected_amount)?;
        let most = if variance > 0 {
            predicted.high.checked_sub(expected)
        } else {
            expected.checked_sub(predicted.low)
        };
        Ok(most.ok_or(EngineError::AmountOverflow)?.max(0))
    }
}

/// A published number in units of 10^-20.
fn exact(published: i128) -> Result<i128, EngineError> {
    // Widening by ten digits: the mode has nothing to round.
    rescale(published, PUBLISHED_SCALE, AMOUNT_SCALE, Rounding::Down)
        .ok_or(EngineError::AmountOverflow)
}
