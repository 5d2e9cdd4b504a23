//! Roll-ups of the variances by invoice, customer, subscription and meter, net and gross: errors
//! that offset each other vanish from a net sum and stand out in a gross one. Published as
//! `summary`.

use polars::prelude::{Column, DataFrame, NamedFrom as _, Series};

use super::variance::Variance;
use crate::engine::compare::group::Keys;
use crate::engine::failure::EngineError;
use crate::engine::fold::columns;
use crate::engine::matching::joins;
use crate::engine::rules::keys::Key;
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::decimal::{PUBLISHED_SCALE, Rounding, divide, multiply, power_of_ten};

/// Level of a roll-up: how fine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// One row for each invoice.
    Invoice,
    /// One row for each customer on an invoice.
    Customer,
    /// One row for each subscription of such a customer.
    Subscription,
    /// One row for each meter of such a subscription.
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

    /// Name in the column `level` of `summary`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::Customer => "customer",
            Self::Subscription => "subscription",
            Self::Meter => "meter",
        }
    }

    /// Keys that tell its rows apart, besides the tie-out.
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
            // Without the adjustment: it splits one meter into lines (`model::domain::semantics
            // §1`) whose variances may offset each other, which is what the gross sum is there to
            // show.
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

/// Sums of the variances that share a level's keys; amounts in units of 10^-10.
#[derive(Clone, Debug)]
pub struct Rollup {
    /// Comparison that the variances are of.
    pub tie_out: TieOut,
    /// Level that the keys are of.
    pub level: Level,
    /// Keys of the level; all others are empty.
    pub keys: Keys,
    /// Number of groups of each status, in the order of [`Status::ALL`].
    pub groups: [u64; Status::ALL.len()],
    /// Sum of the expected amounts.
    pub expected_amount: i128,
    /// Sum of the invoiced amounts.
    pub invoiced_amount: i128,
    /// Part of the invoiced amounts that no usage is behind.
    pub not_checkable_amount: i128,
    /// Sum of the variances of breaks that ask for too much.
    pub over_billed_amount: i128,
    /// Sum of the variances of breaks that ask for too little; not positive.
    pub under_billed_amount: i128,
    /// Sum of the variances of groups whose other side can still come.
    pub awaited_amount: i128,
    /// Sum of all that rounding makes.
    pub rounding_amount: i128,
    /// Sum by which lines are off the rule that is held.
    pub off_rule_amount: i128,
    /// Sum of the absolute variances.
    pub gross_variance_amount: i128,
    /// Sum of the absolute parts that no cause explains.
    pub unexplained_amount: i128,
}

impl Rollup {
    /// Share of the gross variance that has a cause, in units of 10^-10; 1 where there is none.
    #[must_use]
    pub fn explained_share(&self) -> i128 {
        let one = power_of_ten(PUBLISHED_SCALE);
        // May be negative: parts of opposite signs can each be larger than the variance that they
        // add up to.
        let explained = self.gross_variance_amount - self.unexplained_amount;
        if self.gross_variance_amount == 0 {
            return one;
        }
        match multiply((explained, 0), (one, 0), 0, Rounding::Down) {
            Some(product) => divide(product, self.gross_variance_amount, Rounding::HalfEven),
            // A product past 38 digits is of amounts past all sense: nothing is claimed of them.
            None => 0,
        }
    }

    /// Adds a variance; `None` on overflow.
    fn add(&mut self, variance: &Variance) -> Option<()> {
        let sides = &variance.sides;
        let amount = sides.variance_amount();
        self.groups[variance.status as usize] += 1;
        let add = |sum: &mut i128, more: i128| {
            *sum = sum.checked_add(more)?;
            Some(())
        };
        add(&mut self.expected_amount, sides.expected_amount)?;
        add(&mut self.invoiced_amount, sides.invoiced_amount)?;
        match variance.status {
            Status::OutOfScope => add(&mut self.not_checkable_amount, sides.invoiced_amount)?,
            Status::Awaited => add(&mut self.awaited_amount, amount)?,
            Status::Break if amount < 0 => add(&mut self.under_billed_amount, amount)?,
            Status::Break => add(&mut self.over_billed_amount, amount)?,
            Status::Tied | Status::WithinTolerance => {}
        }
        let rounding = variance.parts.by(Cause::Rounding);
        add(&mut self.rounding_amount, rounding)?;
        add(&mut self.off_rule_amount, sides.off_rule_amount)?;
        add(&mut self.gross_variance_amount, amount.checked_abs()?)?;
        let unexplained = variance.parts.by(Cause::Unexplained);
        add(&mut self.unexplained_amount, unexplained.checked_abs()?)
    }
}

/// Rolls the variances up at every level that a tie-out has, sorted by tie-out, level and keys.
///
/// # Errors
/// [`EngineError::AmountOverflow`] where a sum exceeds 38 digits.
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
            .map(|row| empty(level, &variances[*row as usize]))
            .collect();
        for (variance, group) in variances.iter().zip(&groups.of_row) {
            of_level[*group as usize]
                .add(variance)
                .ok_or(EngineError::AmountOverflow)?;
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

/// Column of the tie-out, beside those of the keys.
const TIE_OUT: &str = "tie_out";

/// Keys of the variances as a frame, a row each, so that they are grouped as matches are.
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

/// Roll-up of no variance yet, with the keys of its first one.
fn empty(level: Level, first: &Variance) -> Rollup {
    Rollup {
        tie_out: first.sides.tie_out,
        level,
        keys: first.sides.keys.only(level.keys()),
        groups: [0; Status::ALL.len()],
        expected_amount: 0,
        invoiced_amount: 0,
        not_checkable_amount: 0,
        over_billed_amount: 0,
        under_billed_amount: 0,
        awaited_amount: 0,
        rounding_amount: 0,
        off_rule_amount: 0,
        gross_variance_amount: 0,
        unexplained_amount: 0,
    }
}
