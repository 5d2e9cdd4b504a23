//! Roll-ups of the variances: by invoice, customer, subscription and meter, net and gross, so that
//! offsetting errors cannot hide.

use polars::prelude::{Column, DataFrame, NamedFrom as _, Series};

use super::variance::Variance;
use crate::engine::compare::group::Keys;
use crate::engine::failure::EngineError;
use crate::engine::fold::columns;
use crate::engine::matching::joins;
use crate::engine::rules::keys::Key;
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::decimal::{PUBLISHED_SCALE, Rounding, divide, multiply, power_of_ten};

/// How fine a roll-up is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Invoice.
    Invoice,
    /// Customer on an invoice.
    Customer,
    /// Subscription of a customer.
    Subscription,
    /// Meter of a subscription.
    Meter,
}

impl Level {
    /// Levels from coarse to fine.
    pub const ALL: [Self; 4] = [
        Self::Invoice,
        Self::Customer,
        Self::Subscription,
        Self::Meter,
    ];

    /// Name in `summary`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::Customer => "customer",
            Self::Subscription => "subscription",
            Self::Meter => "meter",
        }
    }

    /// Keys that its rows are of, besides the tie-out.
    const fn keys(self) -> &'static [Key] {
        match self {
            Self::Invoice => &[Key::Invoice, Key::Currency],
            Self::Customer => &[Key::Invoice, Key::Customer, Key::Currency],
            Self::Subscription => &[
                Key::Invoice,
                Key::Customer,
                Key::Subscription,
                Key::Currency,
            ],
            Self::Meter => &[
                Key::Invoice,
                Key::Customer,
                Key::Subscription,
                Key::Product,
                Key::Sku,
                Key::Description,
                Key::Currency,
            ],
        }
    }
}

/// One level's total; amounts in units of 10^-10.
#[derive(Clone, Debug)]
pub struct Rollup {
    /// What was compared.
    pub tie_out: TieOut,
    /// How fine.
    pub level: Level,
    /// The level's keys; others are empty.
    pub keys: Keys,
    /// Groups by [`Status::ALL`].
    pub groups: [u64; Status::ALL.len()],
    /// Expected amount.
    pub expected_amount: i128,
    /// Invoiced amount.
    pub invoiced_amount: i128,
    /// Sum of absolute variances.
    pub gross_variance_amount: i128,
    /// Of these, what no cause explains.
    pub unexplained_amount: i128,
}

impl Rollup {
    /// Share of the gross variance that has a cause, in units of 10^-10; 1 where there is none.
    #[must_use]
    pub fn explained_share(&self) -> i128 {
        let one = power_of_ten(PUBLISHED_SCALE);
        let explained = self.gross_variance_amount - self.unexplained_amount;
        if self.gross_variance_amount == 0 {
            return one;
        }
        match multiply((explained, 0), (one, 0), 0, Rounding::Down) {
            Some(product) => divide(product, self.gross_variance_amount, Rounding::HalfEven),
            None => 0,
        }
    }

    fn add(&mut self, variance: &Variance) -> Option<()> {
        let sides = &variance.sides;
        let size = sides.variance_amount().checked_abs()?;
        if let Some(count) = self.groups.get_mut(variance.status as usize) {
            *count += 1;
        }
        self.expected_amount = self.expected_amount.checked_add(sides.expected_amount)?;
        self.invoiced_amount = self.invoiced_amount.checked_add(sides.invoiced_amount)?;
        self.gross_variance_amount = self.gross_variance_amount.checked_add(size)?;
        let unexplained = variance.parts.by(Cause::Unexplained);
        self.unexplained_amount = self
            .unexplained_amount
            .checked_add(unexplained.checked_abs()?)?;
        Some(())
    }
}

/// Rolls the variances up at every level that a tie-out has.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn roll_up(variances: &[Variance]) -> Result<Vec<Rollup>, EngineError> {
    let frame = key_frame(variances);
    let mut rollups = Vec::new();
    for level in Level::ALL {
        let mut columns = vec![TIE_OUT];
        columns.extend(level.keys().iter().map(|key| key.column()));
        let groups = joins::groups(&frame, &columns);
        let mut of_level: Vec<Rollup> = groups
            .first_row
            .iter()
            .filter_map(|row| variances.get(*row as usize))
            .map(|first| empty(level, first))
            .collect();
        for (variance, group) in variances.iter().zip(&groups.of_row) {
            let rollup = of_level
                .get_mut(*group as usize)
                .expect("every variance has a group");
            if rollup.add(variance).is_none() {
                return Err(EngineError::AmountOverflow);
            }
        }
        // An invoice header knows nothing finer than the invoice.
        rollups.extend(
            of_level.into_iter().filter(|rollup| {
                level == Level::Invoice || rollup.tie_out != TieOut::LinesToInvoice
            }),
        );
    }
    rollups.sort_by_key(|rollup| (rollup.tie_out, rollup.level, rollup.keys));
    Ok(rollups)
}

/// The column of the tie-out beside those of the keys.
const TIE_OUT: &str = "tie_out";

fn key_frame(variances: &[Variance]) -> DataFrame {
    let column = |name: &str, of: &dyn Fn(&Variance) -> u32| {
        let codes: Vec<u32> = variances.iter().map(of).collect();
        Column::from(Series::new(name.into(), codes))
    };
    let mut columns = vec![column(TIE_OUT, &|variance| variance.sides.tie_out as u32)];
    let keys = Level::Meter.keys().iter();
    columns.extend(keys.map(|key| column(key.column(), &|variance| variance.sides.keys[*key])));
    columns::frame(variances.len(), columns)
}

fn empty(level: Level, first: &Variance) -> Rollup {
    let keys = first.sides.keys.only(level.keys());
    let groups = [0; Status::ALL.len()];
    let (tie_out, zero) = (first.sides.tie_out, 0);
    Rollup {
        tie_out,
        level,
        keys,
        groups,
        expected_amount: zero,
        invoiced_amount: zero,
        gross_variance_amount: zero,
        unexplained_amount: zero,
    }
}
