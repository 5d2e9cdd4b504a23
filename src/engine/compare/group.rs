//! One compared group before it is judged: its keys, both sides, and what rounding alone can make of it.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use crate::engine::failure::EngineError;
use crate::engine::rules::definitions::Measure;
use crate::engine::rules::keys::{FINE_KEYS, KEYS, Key};
use crate::engine::rules::rounding_bounds::Bounds;
use crate::engine::rules::scope::Scope;
use crate::model::cause::TieOut;
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, Rounding, rescale};

/// Codes of a group's keys; 0 where the group mixes values of a key, or has none.
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

    /// These keys without one of them.
    #[must_use]
    pub fn without(mut self, key: Key) -> Self {
        self[key] = 0;
        self
    }

    /// Some of these keys.
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

/// Both sides of a group, before anything is said of them.
#[derive(Clone, Debug)]
pub struct Sides {
    /// Which comparison.
    pub tie_out: TieOut,
    /// What the group is of.
    pub keys: Keys,
    /// Charge types in it, separated by `|`.
    pub charge_type: String,
    /// Pass or rule; empty for one-sided groups.
    pub matched_on: Arc<str>,
    /// Whether usage is expected behind its lines.
    pub scope: Scope,
    /// Usage rows (of `lines-to-invoice`: lines) on the expected side.
    pub expected_rows: u64,
    /// Invoice lines (of `lines-to-invoice`: headers) on the invoiced side.
    pub invoiced_rows: u64,
    /// Quantity, in units of 10^-10.
    pub expected_quantity: i128,
    /// Billable quantity, in units of 10^-10.
    pub invoiced_quantity: i128,
    /// Amount, in units of 10^-10.
    pub expected_amount: i128,
    /// Amount, in units of 10^-10.
    pub invoiced_amount: i128,
    /// What rounding alone can make, in units of 10^-20.
    pub bounds: Bounds,
    /// What is compared: of a quantity, the tolerance is one too, and all amounts may be zero.
    pub measure: Measure,
    /// A side of it is not complete, or not final.
    pub is_awaited: bool,
}

impl Sides {
    /// Invoiced − expected, in units of 10^-10.
    #[must_use]
    pub fn variance_amount(&self) -> i128 {
        self.invoiced_amount - self.expected_amount
    }

    /// Expected, and invoiced − expected, of what is compared, in units of 10^-10.
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

    /// Whether usage could be behind it, and rounding alone cannot make the variance.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`].
    pub fn is_beyond_rounding(&self) -> Result<bool, EngineError> {
        let (_, variance) = self.compared();
        let size = rescale(variance, PUBLISHED_SCALE, AMOUNT_SCALE, Rounding::Down)
            .and_then(i128::checked_abs)
            .ok_or(EngineError::AmountOverflow)?;
        Ok(self.scope == Scope::Usage && size > self.bounds.toward(variance))
    }
}
